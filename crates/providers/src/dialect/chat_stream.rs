//! From the events of a streamed answer to its pieces.

use std::collections::{BTreeSet, VecDeque};

use backstop_core::chat::{ChatEvent, FinishReason, ToolCall, ToolCallDelta};
use backstop_core::{Error, Partial, Usage};

use super::content::{ReplyContent, held};
use super::decode::{arguments, calls, ended_by, finish, refused, reply, thinks_silently, thought, usage};
use super::dialect::Dialect;
use super::error;
use super::resent::Kept;
use super::think::{Said, Tags};
use super::wire::{Apart, CallDelta, Chunk, FunctionDelta, ReplyMessage};
use crate::http::{Decode, Source, SseEvent, SseParser, from_json};

/// The terminal marker of a stream.
pub(super) const DONE: &str = "[DONE]";

/// The most of a refusal that is kept.
const REFUSAL_MAX: usize = 1 << 20;

/// More tool calls than any answer may have.
const CALLS_MAX: u32 = 1024;

/// What a streamed answer has come to.
#[derive(Debug)]
pub(super) struct ChatPieces {
    dialect: &'static Dialect,
    /// Something that was meant for us has come.
    begun: bool,
    /// Who answers was left blank, as if it were to be filled in.
    blank: bool,
    /// Text or tool calls have been told.
    content: bool,
    /// Tells thoughts from text where both stand in one.
    tags: Option<Tags>,
    /// Which tool calls have begun.
    calls: BTreeSet<u32>,
    /// The one that was last told of, with its id.
    call: (u32, Option<String>),
    /// The model refuses.
    refused: bool,
    /// What the refusal says, until it is certain whether it stands in place of the answer.
    refusal: String,
    kept: Kept,
    /// The usage that has not been told. Some servers repeat it with every piece.
    usage: Usage,
    /// How many tokens the model has thought.
    thought: u64,
    finish: Option<FinishReason>,
}

impl ChatPieces {
    pub(super) fn new(dialect: &'static Dialect) -> Self {
        Self {
            dialect,
            begun: false,
            blank: false,
            content: false,
            tags: dialect.gives.think_tags.then(Tags::default),
            calls: BTreeSet::new(),
            call: (0, None),
            refused: false,
            refusal: String::new(),
            kept: Kept::new(dialect.takes.resent),
            usage: Usage::UNKNOWN,
            thought: 0,
            finish: None,
        }
    }
}

impl Decode for ChatPieces {
    type Piece = ChatEvent;
    type Frames = SseParser;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) {
        out.push_back(ChatEvent::opened(Some(source.status), source.request_id()));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        event: &SseEvent,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<bool, Error> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(error::in_reply(self.dialect, source, data));
        }
        if data.starts_with(DONE) {
            return self.done(source, out).map(|()| true);
        }
        // Said to keep the connection alive.
        if data.is_empty() {
            return Ok(false);
        }
        let chunk: Chunk<'_> = from_json(data.as_bytes())
            .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))?;
        if chunk.error.is_some() || chunk.object.as_deref() == Some("error") {
            return Err(error::in_reply(self.dialect, source, data));
        }
        self.chunk(source, chunk, out)?;
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        match &self.finish {
            // Some servers of this wire leave the last marker out. That the answer is whole has been said.
            Some(_) => self.done(source, out),
            None if self.begun => Err(source.bad_reply("the stream ended in mid-answer")),
            None => Err(source.no_reply("the stream ended before its first event")),
        }
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let reply = reply(self.dialect, source, body)?.check_filter();
        let reply = reply.map_err(|error| source.attempt.located(error))?;
        out.push_back(ChatEvent::start(reply.model, reply.id));
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        out.extend(reply.sealed.into_iter().map(ChatEvent::Sealed));
        self.usage = reply.usage;
        self.tell_usage(out);
        out.push_back(ChatEvent::End(reply.finish));
        Ok(())
    }
}

impl ChatPieces {
    fn chunk(
        &mut self,
        source: &Source<'_>,
        chunk: Chunk<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        // What is of another form altogether is no piece of an answer.
        let Chunk { id, model, choices, usage: counted, x_groq, .. } = chunk;
        let is_blank = [&model, &id].into_iter().flatten().any(String::is_empty);
        let begins = !self.begun && (choices.is_some() || counted.is_some());
        // Azure tells of its filter before it knows who answers.
        let names = self.blank && !is_blank && model.is_some() && !self.content;
        if begins || names {
            (self.begun, self.blank) = (true, begins && is_blank);
            let [model, id] = [model, id].map(|word| word.filter(|word| !word.is_empty()));
            out.push_back(ChatEvent::start(model, id));
        }
        let apart: Apart<'_> =
            x_groq.and_then(|apart| serde_json::from_str(apart.get()).ok()).unwrap_or_default();
        if let Some(error) = apart.error {
            return Err(error::within_reply(self.dialect, source, error.get()));
        }
        let choices = choices.unwrap_or_default();
        let beside = choices.iter().filter_map(|choice| choice.usage);
        let told = out.len();
        for counted in apart.usage.into_iter().chain(beside).chain(counted) {
            self.usage = self.usage.updated_by(usage(self.dialect, counted));
        }
        // Some services count thoughts that they do not show while they are thought.
        let thought = self.usage.reasoning_tokens.unwrap_or_default();
        let thinks = thought > self.thought;
        self.thought = self.thought.max(thought);
        // More than one choice has to be asked for; the first is the answer.
        for choice in choices {
            if choice.index.unwrap_or_default() > 0 {
                continue;
            }
            if let Some(error) = choice.error {
                return Err(error::within_reply(self.dialect, source, error.get()));
            }
            if let Some(delta) = choice.delta {
                self.delta(delta, out);
            }
            if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
                let finish = finish(self.dialect, Some(&word), !self.calls.is_empty());
                self.finish = Some(finish.map_err(|kind| ended_by(source, kind, Some(&word)))?);
            }
        }
        out.extend((thinks && out.len() == told).then_some(ChatEvent::Progress));
        if self.content {
            self.tell_usage(out);
        }
        Ok(())
    }

    fn delta(&mut self, delta: ReplyMessage<'_>, out: &mut VecDeque<ChatEvent>) {
        let thought = thought(&delta);
        let is_silent = thought.is_none() && thinks_silently(&delta);
        let ReplyMessage {
            content,
            refusal,
            reasoning_details,
            tool_calls,
            function_call,
            audio,
            images,
            ..
        } = delta;
        let ReplyContent { text, thought: beside, refusal: inside, other } = content.unwrap_or_default();
        let thought = thought.or(Some(beside).filter(|thought| !thought.is_empty()));
        self.kept.add(thought.as_deref(), reasoning_details);
        out.extend(thought.map(ChatEvent::Reasoning));
        out.extend(is_silent.then_some(ChatEvent::Progress));
        let held = other.into_iter().chain(held(audio, images).map(str::to_owned));
        out.extend(held.map(ChatEvent::Other));
        let refusal = refusal.unwrap_or_default() + &inside;
        let content = self.told_apart(text, out);
        let tool_calls = calls(tool_calls, function_call);
        self.refused |= !refusal.is_empty();
        if !self.content && content.is_empty() && tool_calls.is_empty() {
            if self.refusal.len() + refusal.len() <= REFUSAL_MAX {
                self.refusal.push_str(&refusal);
            }
            return;
        }
        self.content = true;
        // A refusal beside an answer is part of it.
        let texts = [std::mem::take(&mut self.refusal), content, refusal];
        out.extend(texts.into_iter().filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend(tool_calls.into_iter().map(|delta| ChatEvent::ToolCall(self.call_delta(delta))));
    }

    /// The text in a piece of content; thoughts in it are told.
    fn told_apart(&mut self, content: String, out: &mut VecDeque<ChatEvent>) -> String {
        let Some(tags) = &mut self.tags else { return content };
        let mut text = String::new();
        for said in tags.push(&content) {
            match said {
                Said::Thought(thought) => out.push_back(ChatEvent::Reasoning(thought)),
                Said::Text(more) => text.push_str(&more),
            }
        }
        text
    }

    fn call_delta(&mut self, delta: CallDelta<'_>) -> ToolCallDelta {
        let id = delta.id.clone().filter(|id| !id.is_empty());
        let begun = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let (last, last_id) = &mut self.call;
        match delta.index {
            Some(index) => *last = index,
            // Whoever leaves the index out tells a new call by its id.
            None if id.is_some() && id != *last_id => *last = begun,
            None => {}
        }
        if id.is_some() {
            last_id.clone_from(&id);
        }
        let index = *last;
        let is_first = !self.calls.contains(&index);
        // More than anybody will put together need not be remembered.
        if is_first && begun <= CALLS_MAX {
            self.calls.insert(index);
        }
        let FunctionDelta { name, arguments: raw } = delta.called();
        // Results are matched to calls by id; a server that gives none still has to be answered.
        let id = id.or_else(|| is_first.then(|| format!("call_{index}")));
        let name = name.filter(|name| !name.is_empty());
        ToolCallDelta::new(index, id, name, raw.map(arguments).unwrap_or_default())
    }

    /// The answer is whole, if there is one.
    fn done(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        match self.tags.as_mut().and_then(Tags::end) {
            Some(Said::Thought(thought)) => out.push_back(ChatEvent::Reasoning(thought)),
            Some(Said::Text(text)) => {
                self.content = true;
                out.push_back(ChatEvent::Text(text));
            }
            None => {}
        }
        if self.refused && !self.content {
            let mut partial = Partial::text(std::mem::take(&mut self.refusal));
            partial.usage = self.usage;
            return Err(refused(source, partial));
        }
        let called_tools = !self.calls.is_empty();
        let finish = match self.finish.take() {
            _ if self.refused => FinishReason::ContentFilter,
            Some(finish) => finish,
            // Some servers leave the reason out.
            None if self.content && called_tools => FinishReason::ToolCalls,
            None if self.content => FinishReason::Stop,
            None => return Err(source.bad_reply("the stream said that it is done and held no answer")),
        };
        out.extend(self.kept.sealed(source, called_tools).map(ChatEvent::Sealed));
        self.tell_usage(out);
        out.push_back(ChatEvent::End(finish));
        Ok(())
    }

    fn tell_usage(&mut self, out: &mut VecDeque<ChatEvent>) {
        let usage = std::mem::take(&mut self.usage);
        if usage != Usage::UNKNOWN {
            out.push_back(ChatEvent::Usage(usage));
        }
    }
}
