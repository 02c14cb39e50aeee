//! From the bytes of an answer to a reply.

use backstop_core::ErrorKind::{ContextLength, Server};
use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Sealed, ToolCall};
use backstop_core::{Error, ErrorKind, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error;
use super::wire::{Answer, Cited, ReplyCall, WireUsage};
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
    for (sort, raw) in message.content.unwrap_or_default().into_iter().flatten() {
        match &*sort {
            "text" => decoded.text.push_str(&part::<Option<String>>(source, raw)?.unwrap_or_default()),
            "citationsContent" => {
                let cited = part::<Option<Cited>>(source, raw)?.unwrap_or_default().content;
                cited.into_iter().flatten().for_each(|cited| {
                    decoded.text.push_str(&cited.text.unwrap_or_default());
                });
            }
            "reasoningContent" => {
                let thought: Value = part(source, raw)?;
                let text = thought.pointer("/reasoningText/text").and_then(Value::as_str);
                thoughts.push_str(text.unwrap_or_default());
                decoded.sealed.extend(sealed(source, thought));
            }
            "toolUse" => {
                let call: Option<ReplyCall<'_>> = part(source, raw)?;
                if let Some(call) = call.filter(|call| !call.runs_there()) {
                    let call = self::call(decoded.tool_calls.len(), call);
                    decoded.tool_calls.push(call);
                }
            }
            // What the service's own tools told the model.
            "toolResult" => {}
            other => decoded.note(other),
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
        Ok(finish) => decoded.finish = unless_masked(finish, answer.trace, !decoded.tool_calls.is_empty()),
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

/// What a block holds.
pub(super) fn part<'a, T: Deserialize<'a>>(source: &Source<'_>, raw: &'a RawValue) -> Result<T, Error> {
    from_json(raw.get().as_bytes())
        .map_err(|problem| source.bad_reply(&format!("a block of the reply {problem}")))
}

impl ReplyCall<'_> {
    /// Whether the service runs the tool itself, so that nobody else may.
    pub(super) fn runs_there(&self) -> bool {
        self.r#type.as_deref() == Some("server_tool_use")
    }
}

fn call(index: usize, call: ReplyCall<'_>) -> ToolCall {
    // Results are matched to calls by id; one that has none still has to be answered.
    let id = call.tool_use_id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    ToolCall::new(id, call.name.unwrap_or_default(), arguments(call.input))
}

/// Why an answer ended; some reasons are failures.
pub(super) fn finish(word: Option<&str>, called_tools: bool, empty: bool) -> Result<FinishReason, ErrorKind> {
    Ok(match word.filter(|word| !word.is_empty()) {
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

/// A guardrail that only masked some words let the answer through, which its trace tells if the target asks for one.
pub(super) fn unless_masked(
    finish: FinishReason,
    trace: Option<&RawValue>,
    called_tools: bool,
) -> FinishReason {
    let trace = trace.filter(|_| finish == FinishReason::ContentFilter);
    let trace: Value = trace.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let (mut masked, mut blocked) = (false, false);
    let mut waiting = vec![&trace];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(members) => {
                let action = members.get("action").and_then(Value::as_str);
                masked |= action == Some("ANONYMIZED");
                blocked |= action == Some("BLOCKED");
                waiting.extend(members.values());
            }
            Value::Array(values) => waiting.extend(values),
            _ => {}
        }
    }
    match masked && !blocked {
        true if called_tools => FinishReason::ToolCalls,
        true => FinishReason::Stop,
        false => finish,
    }
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
