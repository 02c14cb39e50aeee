//! From the bytes of an answer to a reply.

use std::collections::VecDeque;

use backstop_core::ErrorKind::{ContextLength, Server, Timeout};
use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, FinishReason, ToolCall, ToolCallDelta};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, ErrorKind, Usage};
use serde_json::value::RawValue;

use super::error;
use super::wire::{
    Answer, Delta, DeltaMessage, Embeddings, Event, ReplyCall, ReplyFunction, ReplyMessage, Tokens, WireUsage,
};
use crate::http::{Decode, Source, SseEvent, SseParser, arguments, checked, from_json};

/// What may follow the terminal marker, and must not stand in its place.
const DONE: &str = "[DONE]";

/// More tool calls than any answer may have.
const CALLS_MAX: usize = 1024;

/// The reply in the body of a 200.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let answer: Answer<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    let message = answer.message.ok_or_else(|| source.bad_reply("the reply holds no message"))?;
    let ReplyMessage { content, tool_plan, tool_calls } = message;
    let mut thought = tool_plan.unwrap_or_default();
    let mut decoded = ChatReply::default();
    for part in content.unwrap_or_default() {
        thought.push_str(&part.thinking.unwrap_or_default());
        decoded.text.push_str(&part.text.unwrap_or_default());
    }
    decoded.reasoning = Some(thought).filter(|thought| !thought.is_empty());
    decoded.tool_calls = tool_calls.unwrap_or_default().into_iter().enumerate().map(call).collect();
    decoded.usage = answer.usage.map_or(Usage::UNKNOWN, usage);
    decoded.id = answer.id;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    if decoded.tool_calls.iter().any(|call| call.name.is_empty()) {
        return Err(source.bad_reply("the reply calls a tool without a name"));
    }
    match finish(answer.finish_reason.as_deref(), !decoded.tool_calls.is_empty()) {
        Ok(finish) => decoded.finish = finish,
        Err(kind) => return Err(failed(source, kind, None).with_partial(decoded.into_partial())),
    }
    Ok(decoded)
}

/// The vectors in the body of a 200.
pub(super) fn embed(
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let read: Embeddings<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    let vectors = read.embeddings.and_then(|vectors| vectors.float);
    let vectors = vectors.ok_or_else(|| source.bad_reply("the reply holds no vectors"))?;
    let mut decoded = EmbeddingReply::new(checked(source, request, vectors)?);
    // Of vectors only what is paid for is told.
    let meta: WireUsage = read.meta.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    decoded.usage.input_tokens =
        meta.tokens.or(meta.billed_units).and_then(|tokens| count(tokens.input_tokens));
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    Ok(decoded)
}

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// Something that was meant for us has come.
    begun: bool,
    /// The places of the tool calls that have begun, in the order in which they did.
    calls: Vec<u32>,
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
        if data.is_empty() {
            return Ok(false);
        }
        if data.starts_with(DONE) {
            return Err(source.bad_reply("the stream said that it is done, and not why"));
        }
        let read: Event<'_> = of_stream(source, data)?;
        let sort = read.r#type.as_deref().unwrap_or(&event.name);
        if sort == "error" || sort.is_empty() && read.message.is_some() {
            return Err(error::in_reply(source, data.as_bytes()));
        }
        let delta = || match read.delta {
            Some(raw) => of_stream::<Delta<'_>>(source, raw.get()),
            None => Ok(Delta::default()),
        };
        match sort {
            "message-start" => {
                self.begun = true;
                out.push_back(ChatEvent::start(None, read.id));
            }
            "tool-plan-delta" | "content-start" | "content-delta" | "tool-call-start" | "tool-call-delta" => {
                self.begun = true;
                let message = delta()?.message.unwrap_or_default();
                self.piece(message, read.index, out);
            }
            "message-end" => return self.done(source, delta()?, out).map(|()| true),
            // Ends of parts, citations, and what is newer than this.
            _ => {}
        }
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, _out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.begun {
            return Err(source.bad_reply("the stream ended in mid-answer"));
        }
        Err(source.no_reply("the stream ended before its first event"))
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let reply = reply(source, body)?.check_filter().map_err(|error| source.attempt.located(error))?;
        out.push_back(ChatEvent::start(None, reply.id));
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        out.extend(Some(reply.usage).filter(|usage| *usage != Usage::UNKNOWN).map(ChatEvent::Usage));
        out.push_back(ChatEvent::End(reply.finish));
        Ok(())
    }
}

impl ChatPieces {
    fn piece(&mut self, message: DeltaMessage<'_>, place: Option<u32>, out: &mut VecDeque<ChatEvent>) {
        let told = |text: &String| !text.is_empty();
        let part = message.content.unwrap_or_default();
        out.extend(message.tool_plan.filter(told).map(ChatEvent::Reasoning));
        let thought = part.thinking.map(|thought| Some(thought).filter(told));
        out.extend(thought.map(|thought| thought.map_or(ChatEvent::Progress, ChatEvent::Reasoning)));
        out.extend(part.text.filter(told).map(ChatEvent::Text));
        out.extend(message.tool_calls.map(|delta| ChatEvent::ToolCall(self.call_delta(delta, place))));
    }

    fn call_delta(&mut self, delta: ReplyCall<'_>, place: Option<u32>) -> ToolCallDelta {
        let place = place.unwrap_or_default();
        // Places may be those among all parts; calls are counted by themselves.
        let known = self.calls.iter().position(|call| *call == place);
        let index = known.unwrap_or(self.calls.len());
        // More than anybody will put together need not be remembered.
        if known.is_none() && self.calls.len() <= CALLS_MAX {
            self.calls.push(place);
        }
        let ReplyFunction { name, arguments: raw } = delta.function.unwrap_or_default();
        let id = delta.id.filter(|id| !id.is_empty());
        let id = id.or_else(|| known.is_none().then(|| format!("call_{index}")));
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        ToolCallDelta::new(index, id, name.filter(|name| !name.is_empty()), arguments(raw))
    }

    fn done(
        &mut self,
        source: &Source<'_>,
        delta: Delta<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let usage = delta.usage.map_or(Usage::UNKNOWN, usage);
        out.extend(Some(usage).filter(|usage| *usage != Usage::UNKNOWN).map(ChatEvent::Usage));
        match finish(delta.finish_reason.as_deref(), !self.calls.is_empty()) {
            Ok(finish) => {
                out.push_back(ChatEvent::End(finish));
                Ok(())
            }
            Err(kind) => Err(failed(source, kind, delta.error.as_deref())),
        }
    }
}

fn of_stream<'a, T: serde::Deserialize<'a>>(source: &Source<'_>, json: &'a str) -> Result<T, Error> {
    from_json(json.as_bytes())
        .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))
}

fn call((index, call): (usize, ReplyCall<'_>)) -> ToolCall {
    // Results are matched to calls by id; one that has none still has to be answered.
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    let function = call.function.unwrap_or_default();
    ToolCall::new(id, function.name.unwrap_or_default(), arguments(function.arguments))
}

/// Why an answer ended; some reasons are failures.
fn finish(word: Option<&str>, called_tools: bool) -> Result<FinishReason, ErrorKind> {
    Ok(match word.filter(|word| !word.is_empty()) {
        Some("COMPLETE" | "STOP_SEQUENCE") => FinishReason::Stop,
        Some("MAX_TOKENS") => FinishReason::Length,
        Some("TOOL_CALL") => FinishReason::ToolCalls,
        Some("ERROR_TOXIC") => FinishReason::ContentFilter,
        Some("ERROR_LIMIT") => return Err(ContextLength),
        Some("TIMEOUT") => return Err(Timeout),
        Some("ERROR") => return Err(Server),
        Some(other) => FinishReason::Other(other.to_owned()),
        None if called_tools => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    })
}

fn failed(source: &Source<'_>, kind: ErrorKind, told: Option<&str>) -> Error {
    let why = match kind {
        ContextLength => "the conversation and the answer do not fit the window",
        Timeout => "the model took too long",
        _ => "the model failed in mid-answer",
    };
    match told.filter(|told| !told.is_empty()) {
        Some(told) => source.error(kind, &format!("{why}: {told}")),
        None => source.error(kind, why),
    }
}

fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let Tokens { input_tokens, output_tokens } = wire.tokens.unwrap_or_default();
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = count(input_tokens);
    usage.output_tokens = count(output_tokens);
    usage.cached_input_tokens = count(wire.cached_tokens);
    usage
}

/// A whole number, written with a fraction.
fn count(number: Option<f64>) -> Option<u64> {
    let number = number.filter(|number| (0.0..9e15).contains(number))?;
    format!("{number:.0}").parse().ok()
}
