//! From the bytes of an answer to a reply.

use std::collections::{BTreeSet, VecDeque};

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, FinishReason, ToolCall, ToolCallDelta};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use serde_json::value::RawValue;

use super::error;
use super::wire::{
    CallDelta, Choice, Chunk, Completion, Delta, FunctionDelta, ReplyCall, ReplyMessage, WireUsage,
};
use crate::http::{Decode, Source, SseEvent, SseParser, from_json};

/// The terminal marker of a stream.
const DONE: &str = "[DONE]";

/// The most of a refusal that is kept.
const REFUSAL_MAX: usize = 1 << 20;

/// More tool calls than any answer may have.
const CALLS_MAX: u32 = 1024;

/// The reply in the body of a 200. Errors, refusals and withheld or empty answers come with that status, too.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let completion: Completion<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if let Some(error) = completion.error {
        return Err(error::in_reply(source, error.get()));
    }
    // More than one choice has to be asked for; the first is the answer.
    let choice = completion.choices.unwrap_or_default().into_iter().next();
    let Choice { message, finish_reason } =
        choice.ok_or_else(|| source.bad_reply("the reply holds no choice"))?;
    let ReplyMessage { content, refusal, reasoning_content, reasoning, tool_calls } = message;
    let tool_calls: Vec<_> = tool_calls.unwrap_or_default().into_iter().enumerate().map(call).collect();
    let mut decoded = ChatReply::text(content.unwrap_or_default());
    decoded.reasoning = thought(reasoning_content, reasoning);
    decoded.finish = finish(finish_reason.as_deref(), !tool_calls.is_empty());
    decoded.tool_calls = tool_calls;
    decoded.usage = completion.usage.map_or(Usage::UNKNOWN, usage);
    decoded.model = completion.model;
    decoded.id = completion.id;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    match refusal.filter(|refusal| !refusal.is_empty()) {
        None => Ok(decoded),
        // A refusal stands in place of the answer.
        Some(refusal) => {
            let mut partial = decoded.into_partial();
            if partial.text.is_empty() {
                partial.text = refusal;
            }
            Err(refused(source, partial))
        }
    }
}

fn refused(source: &Source<'_>, partial: Partial) -> Error {
    source.error(ErrorKind::ContentFilter, "the model refused to answer").with_partial(partial)
}

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// Something that was meant for us has come.
    begun: bool,
    /// Text or tool calls have been told.
    content: bool,
    /// Which tool calls have begun.
    calls: BTreeSet<u32>,
    /// The one that was last told of, with its id.
    call: (u32, Option<String>),
    /// The model refuses.
    refused: bool,
    /// What the refusal says, until it is certain whether it stands in place of the answer.
    refusal: String,
    /// The usage that has not been told. Some servers repeat it with every piece.
    usage: Usage,
    finish: Option<FinishReason>,
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
            return Err(error::in_reply(source, data));
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
        if let Some(error) = chunk.error {
            return Err(error::in_reply(source, error.get()));
        }
        if chunk.object.as_deref() == Some("error") {
            return Err(error::in_reply(source, data));
        }
        self.chunk(chunk, out);
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
        let reply = reply(source, body)?.check_filter().map_err(|error| source.attempt.located(error))?;
        out.push_back(ChatEvent::start(reply.model, reply.id));
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        self.usage = reply.usage;
        self.tell_usage(out);
        out.push_back(ChatEvent::End(reply.finish));
        Ok(())
    }
}

impl ChatPieces {
    fn chunk(&mut self, chunk: Chunk<'_>, out: &mut VecDeque<ChatEvent>) {
        // What is of another form altogether is no piece of an answer.
        let Chunk { id, model, choices, usage: counted, .. } = chunk;
        if !self.begun && (choices.is_some() || counted.is_some()) {
            self.begun = true;
            out.push_back(ChatEvent::start(model, id));
        }
        if let Some(counted) = counted {
            self.usage = self.usage.updated_by(usage(counted));
        }
        // More than one choice has to be asked for; the first is the answer.
        for choice in choices.unwrap_or_default() {
            if choice.index.unwrap_or_default() > 0 {
                continue;
            }
            if let Some(delta) = choice.delta {
                self.delta(delta, out);
            }
            if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
                self.finish = Some(finish(Some(&word), !self.calls.is_empty()));
            }
        }
        if self.content {
            self.tell_usage(out);
        }
    }

    fn delta(&mut self, delta: Delta<'_>, out: &mut VecDeque<ChatEvent>) {
        let Delta { content, refusal, reasoning_content, reasoning, tool_calls } = delta;
        out.extend(thought(reasoning_content, reasoning).map(ChatEvent::Reasoning));
        let refusal = refusal.unwrap_or_default();
        let content = content.unwrap_or_default();
        let tool_calls = tool_calls.unwrap_or_default();
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

    fn call_delta(&mut self, delta: CallDelta<'_>) -> ToolCallDelta {
        let id = delta.id.filter(|id| !id.is_empty());
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
        let FunctionDelta { name, arguments } = delta.function.unwrap_or_default();
        // Results are matched to calls by id; a server that gives none still has to be answered.
        let id = id.or_else(|| is_first.then(|| format!("call_{index}")));
        let arguments = arguments.map(|raw| text(raw).unwrap_or_else(|| raw.get().to_owned()));
        ToolCallDelta::new(index, id, name.filter(|name| !name.is_empty()), arguments.unwrap_or_default())
    }

    /// The answer is whole, if there is one.
    fn done(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.refused && !self.content {
            let mut partial = Partial::text(std::mem::take(&mut self.refusal));
            partial.usage = self.usage;
            return Err(refused(source, partial));
        }
        let finish = match self.finish.take() {
            _ if self.refused => FinishReason::ContentFilter,
            Some(finish) => finish,
            // Some servers leave the reason out.
            None if self.content => finish(None, !self.calls.is_empty()),
            None => return Err(source.bad_reply("the stream said that it is done and held no answer")),
        };
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

fn call((index, call): (usize, ReplyCall<'_>)) -> ToolCall {
    // Results are matched to calls by id; a server that gives none still has to be answered.
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    let arguments = call.function.arguments.map(|raw| text(raw).unwrap_or_else(|| raw.get().to_owned()));
    ToolCall::new(id, call.function.name, arguments.unwrap_or_default())
}

/// A text, if this is one.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// What the model thought, under either name.
fn thought(reasoning_content: Option<&RawValue>, reasoning: Option<&RawValue>) -> Option<String> {
    let mut thoughts = [reasoning_content, reasoning].into_iter().flatten().filter_map(text);
    thoughts.find(|text| !text.is_empty())
}

fn finish(word: Option<&str>, called_tools: bool) -> FinishReason {
    match word {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("tool_calls" | "function_call") => FinishReason::ToolCalls,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(other) => FinishReason::Other(other.to_owned()),
        None if called_tools => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    }
}

fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let input = wire.prompt_tokens_details.unwrap_or_default();
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = wire.prompt_tokens;
    usage.output_tokens = wire.completion_tokens;
    usage.cached_input_tokens = input.cached_tokens;
    usage.cache_write_tokens = input.cache_write_tokens;
    usage.reasoning_tokens = wire.completion_tokens_details.unwrap_or_default().reasoning_tokens;
    usage
}
