//! From the bytes of an answer to a reply.

use std::collections::{BTreeSet, VecDeque};

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, FinishReason, Sealed, ToolCall, ToolCallDelta};
use backstop_core::completion::CompletionReply;
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, ErrorKind, Usage};
use serde_json::json;
use serde_json::value::RawValue;

use super::error;
use super::wire::{
    Answer, Choice, Embeddings, ReplyCall, ReplyContent, ReplyMessage, ReplyPart, Thinking, WireUsage,
};
use crate::http::{Decode, Source, SseEvent, SseParser, arguments, checked, continuation, from_json};

/// The terminal marker of a stream.
const DONE: &str = "[DONE]";

/// The most of thoughts that is kept until they are signed. Longer ones are told, and not sent back.
const SIGNED_MAX: usize = 1 << 20;

/// More tool calls than any answer may have.
const CALLS_MAX: usize = 1024;

/// The reply in the body of a 200.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let answer = read(source, body, "the reply")?;
    let usage = answer.usage.map_or(Usage::UNKNOWN, usage);
    let Choice { message, finish_reason, .. } = first(source, answer.choices)?;
    let ReplyMessage { content, tool_calls } = message.unwrap_or_default();
    let mut decoded = ChatReply::default();
    let (mut thoughts, mut thought) = (Thoughts::default(), String::new());
    for event in thoughts.events(source, content) {
        match event {
            ChatEvent::Text(text) => decoded.text.push_str(&text),
            ChatEvent::Reasoning(text) => thought.push_str(&text),
            ChatEvent::Sealed(sealed) => decoded.sealed.push(sealed),
            ChatEvent::Other(name) => decoded.note(&name),
            _ => {}
        }
    }
    decoded.reasoning = Some(thought).filter(|thought| !thought.is_empty());
    decoded.tool_calls = tool_calls.unwrap_or_default().into_iter().enumerate().map(call).collect();
    if decoded.tool_calls.iter().any(|call| call.name.is_empty()) {
        return Err(source.bad_reply("the reply calls a tool without a name"));
    }
    decoded.finish = match finish_reason.as_deref().filter(|word| !word.is_empty()) {
        Some(word) => finish(word),
        None if !decoded.tool_calls.is_empty() => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    };
    decoded.usage = usage;
    decoded.model = answer.model;
    decoded.id = answer.id;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    if is_error(&decoded.finish) {
        return Err(failed(source).with_partial(decoded.into_partial()));
    }
    Ok(decoded)
}

/// The continuation in the body of a 200. It may be empty.
pub(super) fn complete(source: &Source<'_>, body: &[u8]) -> Result<CompletionReply, Error> {
    reply(source, body).map(continuation)
}

/// The vectors in the body of a 200.
pub(super) fn embed(
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let read: Embeddings<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    refuse_error(source, read.object.as_deref(), read.error, body)?;
    let mut data = read.data.ok_or_else(|| source.bad_reply("the reply holds no vectors"))?;
    // One that does not say where it belongs belongs where it stands.
    data.sort_by_key(|one| one.index);
    let vectors = data.into_iter().map(|one| one.embedding.unwrap_or_default()).collect();
    let mut decoded = EmbeddingReply::new(checked(source, request, vectors)?);
    decoded.usage.input_tokens = read.usage.and_then(|raw| usage(raw).input_tokens);
    decoded.model = read.model;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    Ok(decoded)
}

fn read<'a>(source: &Source<'_>, json: &'a [u8], what: &str) -> Result<Answer<'a>, Error> {
    let answer: Answer<'_> =
        from_json(json).map_err(|problem| source.no_reply(&format!("{what} {problem}")))?;
    refuse_error(source, answer.object.as_deref(), answer.error, json)?;
    Ok(answer)
}

/// An error may stand bare, or as a member.
fn refuse_error(
    source: &Source<'_>,
    object: Option<&str>,
    member: Option<&RawValue>,
    json: &[u8],
) -> Result<(), Error> {
    match member {
        Some(told) => Err(error::in_reply(source, told.get().as_bytes())),
        None if object == Some("error") => Err(error::in_reply(source, json)),
        None => Ok(()),
    }
}

/// More than one choice has to be asked for; the first is the answer.
fn first<'a>(source: &Source<'_>, choices: Option<Vec<Choice<'a>>>) -> Result<Choice<'a>, Error> {
    let choice = choices.unwrap_or_default().into_iter().next();
    choice.ok_or_else(|| source.bad_reply("the reply holds no choice"))
}

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// Something that was meant for us has come.
    begun: bool,
    thoughts: Thoughts,
    /// Which tool calls have begun.
    calls: BTreeSet<u32>,
    /// The one that was last told of.
    call: u32,
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
            return Err(error::in_reply(source, data.as_bytes()));
        }
        if data.starts_with(DONE) {
            return self.done(source, out).map(|()| true);
        }
        // Said to keep the connection alive.
        if !data.is_empty() {
            self.piece(source, read(source, data.as_bytes(), "an event of the stream")?, out);
        }
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        match self.finish {
            // That the answer is whole has been said with the reason.
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
        let reply = reply(source, body)?;
        out.push_back(ChatEvent::start(reply.model, reply.id));
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(reply.sealed.into_iter().map(ChatEvent::Sealed));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        (self.usage, self.finish) = (reply.usage, Some(reply.finish));
        self.done(source, out)
    }
}

impl ChatPieces {
    fn piece(&mut self, source: &Source<'_>, answer: Answer<'_>, out: &mut VecDeque<ChatEvent>) {
        if let Some(counted) = answer.usage {
            self.usage = self.usage.updated_by(usage(counted));
        }
        // What is of another form altogether is no piece of an answer.
        let Some(choices) = answer.choices else { return };
        if !self.begun {
            self.begun = true;
            out.push_back(ChatEvent::start(answer.model, answer.id));
        }
        for choice in choices.into_iter().filter(|choice| choice.index.unwrap_or_default() == 0) {
            let ReplyMessage { content, tool_calls } = choice.message.unwrap_or_default();
            out.extend(self.thoughts.events(source, content));
            for call in tool_calls.unwrap_or_default() {
                out.push_back(ChatEvent::ToolCall(self.call_delta(call)));
            }
            if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
                self.finish = Some(finish(&word));
            }
        }
    }

    fn call_delta(&mut self, delta: ReplyCall<'_>) -> ToolCallDelta {
        let id = id_of(delta.id);
        match delta.index {
            Some(index) => self.call = index,
            // A call that comes whole has an id and no index.
            None if id.is_some() => self.call = u32::try_from(self.calls.len()).unwrap_or(u32::MAX),
            None => {}
        }
        let index = self.call;
        let is_first = !self.calls.contains(&index);
        // More than anybody will put together need not be remembered.
        if is_first && self.calls.len() <= CALLS_MAX {
            self.calls.insert(index);
        }
        let function = delta.function.unwrap_or_default();
        let id = id.or_else(|| is_first.then(|| format!("call_{index}")));
        let name = function.name.filter(|name| !name.is_empty());
        ToolCallDelta::new(index, id, name, arguments(function.arguments))
    }

    fn done(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.usage != Usage::UNKNOWN {
            out.push_back(ChatEvent::Usage(self.usage));
        }
        match self.finish.take() {
            Some(finish) if is_error(&finish) => Err(failed(source)),
            Some(finish) => {
                out.push_back(ChatEvent::End(finish));
                Ok(())
            }
            None => Err(source.bad_reply("the stream said that it is done, and not why")),
        }
    }
}

/// Thoughts, kept until they are signed.
#[derive(Debug, Default)]
struct Thoughts {
    text: String,
    too_long: bool,
}

impl Thoughts {
    /// What there is in a content: texts, thoughts, and thoughts that can be sent back.
    fn events(&mut self, source: &Source<'_>, content: Option<ReplyContent>) -> Vec<ChatEvent> {
        let parts = match content {
            None => Vec::new(),
            Some(ReplyContent::Text(text)) => {
                vec![ReplyPart { text: Some(text), ..ReplyPart::default() }]
            }
            Some(ReplyContent::Parts(parts)) => parts,
        };
        let mut events = Vec::new();
        for ReplyPart { text, thinking, signature, r#type } in parts {
            // What it refers to is a part of no answer by itself.
            let sort = r#type.filter(|sort| !matches!(&**sort, "text" | "thinking" | "reference"));
            if let (None, None, Some(sort)) = (&text, &thinking, sort) {
                events.push(ChatEvent::Other(sort));
            }
            if let Some(thinking) = thinking {
                let thought = thought(thinking);
                self.too_long |= self.text.len() + thought.len() > SIGNED_MAX;
                if !self.too_long {
                    self.text.push_str(&thought);
                }
                let thought = Some(thought).filter(|thought| !thought.is_empty());
                events.push(thought.map_or(ChatEvent::Progress, ChatEvent::Reasoning));
            }
            if let Some(signature) = signature.filter(|signature| !signature.is_empty()) {
                events.extend(self.sealed(source, &signature).map(ChatEvent::Sealed));
            }
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                *self = Self::default();
                events.push(ChatEvent::Text(text));
            }
        }
        events
    }

    fn sealed(&mut self, source: &Source<'_>, signature: &str) -> Option<Sealed> {
        let Self { text, too_long } = std::mem::take(self);
        let thinking = json!([{ "type": "text", "text": text }]);
        let data = json!({ "type": "thinking", "thinking": thinking, "signature": signature });
        (!too_long).then(|| Sealed::new(&*source.attempt.provider, &*source.attempt.model, data))
    }
}

fn thought(thinking: Thinking) -> String {
    match thinking {
        Thinking::Text(text) => text,
        Thinking::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
    }
}

fn call((index, call): (usize, ReplyCall<'_>)) -> ToolCall {
    // Results are matched to calls by id; one that has none still has to be answered.
    let id = id_of(call.id).unwrap_or_else(|| format!("call_{index}"));
    let function = call.function.unwrap_or_default();
    ToolCall::new(id, function.name.unwrap_or_default(), arguments(function.arguments))
}

/// The wire writes an id that is not there as a word.
fn id_of(id: Option<String>) -> Option<String> {
    id.filter(|id| !id.is_empty() && id != "null")
}

fn finish(word: &str) -> FinishReason {
    match word {
        "stop" => FinishReason::Stop,
        "length" | "model_length" => FinishReason::Length,
        "tool_calls" => FinishReason::ToolCalls,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// Whether the model failed while it answered.
fn is_error(finish: &FinishReason) -> bool {
    finish.name() == "error"
}

fn failed(source: &Source<'_>) -> Error {
    source.error(ErrorKind::Server, "the model failed in mid-answer")
}

fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let cached = wire.num_cached_tokens.or_else(|| wire.prompt_tokens_details?.cached_tokens);
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = wire.prompt_tokens;
    usage.output_tokens = wire.completion_tokens;
    usage.cached_input_tokens = cached;
    usage
}
