//! From the bytes of an answer to a reply.

use backstop_core::ErrorKind::{ContextLength, Server};
use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Sealed, ToolCall};
use backstop_core::{Error, ErrorKind, Usage};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error;
use super::wire::{Answer, ReplyCall, WireUsage};
use crate::http::{Source, arguments, from_json};

/// The reply in the body of a 200.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

pub(super) fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let answer: Answer<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    let Some(message) = answer.output.and_then(|output| output.message) else {
        return Err(match answer.message {
            Some(_) => error::in_reply(source, "", body),
            None => source.bad_reply("the reply holds no message"),
        });
    };
    let mut decoded = ChatReply::default();
    let mut thoughts = String::new();
    for block in message.content.unwrap_or_default() {
        decoded.text.push_str(&block.text.unwrap_or_default());
        if let Some(thought) = block.reasoning_content {
            thoughts
                .push_str(thought.pointer("/reasoningText/text").and_then(Value::as_str).unwrap_or_default());
            decoded.sealed.extend(sealed(source, thought));
        }
        if let Some(call) = block.tool_use {
            let call = self::call(decoded.tool_calls.len(), call);
            decoded.tool_calls.push(call);
        }
    }
    decoded.reasoning = Some(thoughts).filter(|thoughts| !thoughts.is_empty());
    decoded.usage = answer.usage.map_or(Usage::UNKNOWN, usage);
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    if decoded.tool_calls.iter().any(|call| call.name.is_empty()) {
        return Err(source.bad_reply("the reply calls a tool without a name"));
    }
    match finish(answer.stop_reason.as_deref(), !decoded.tool_calls.is_empty(), decoded.is_empty()) {
        Ok(finish) => decoded.finish = finish,
        Err(kind) => return Err(failed(source, kind).with_partial(decoded.into_partial())),
    }
    Ok(decoded)
}

/// A thought that has to come back as it is, since it is signed, or nobody else can read it.
pub(super) fn sealed(source: &Source<'_>, thought: Value) -> Option<Sealed> {
    let text =
        |place: &str| thought.pointer(place).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let returns = text("/reasoningText/signature") || text("/redactedContent");
    let attempt = &source.attempt;
    returns.then(|| Sealed::new(&*attempt.provider, &*attempt.model, json!({ "reasoningContent": thought })))
}

fn call(index: usize, call: ReplyCall<'_>) -> ToolCall {
    // Results are matched to calls by id; one that has none still has to be answered.
    let id = call.tool_use_id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    ToolCall::new(id, call.name.unwrap_or_default(), arguments(call.input))
}

/// Why an answer ended; some reasons are failures.
pub(super) fn finish(word: Option<&str>, called_tools: bool, empty: bool) -> Result<FinishReason, ErrorKind> {
    Ok(match word {
        Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("max_tokens") => FinishReason::Length,
        Some("tool_use") => FinishReason::ToolCalls,
        Some("guardrail_intervened" | "content_filtered") => FinishReason::ContentFilter,
        Some("malformed_model_output" | "malformed_tool_use") => return Err(Server),
        Some("model_context_window_exceeded") if empty => return Err(ContextLength),
        Some("model_context_window_exceeded") => FinishReason::Length,
        Some(other) => FinishReason::Other(other.to_owned()),
        None if called_tools => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    })
}

/// What a reason that is a failure comes to.
pub(super) fn failed(source: &Source<'_>, kind: ErrorKind) -> Error {
    let why = match kind {
        ContextLength => "the conversation leaves no room in the window for an answer",
        _ => "the model wrote something that the service cannot read",
    };
    source.error(kind, why)
}

/// What was counted. The wire counts what has to do with a cache apart.
pub(super) fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let (read, written) = (wire.cache_read_input_tokens, wire.cache_write_input_tokens);
    let cached = read.unwrap_or_default().saturating_add(written.unwrap_or_default());
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = wire.input_tokens.map(|tokens| tokens.saturating_add(cached));
    usage.output_tokens = wire.output_tokens;
    usage.cached_input_tokens = read;
    usage.cache_write_tokens = written;
    usage
}
