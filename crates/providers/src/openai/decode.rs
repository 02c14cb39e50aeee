//! From the bytes of an answer to a reply.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, ToolCall};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use http::header::CONTENT_TYPE;
use serde_json::value::RawValue;

use super::error;
use super::wire::{Choice, Completion, ReplyCall, ReplyMessage, WireUsage};
use crate::http::{Attempt, Reply, from_json};

/// The reply in the body of a 200. Errors, refusals and withheld or empty answers come with that status, too.
pub(super) fn chat(attempt: &Attempt<'_>, reply: &Reply, request: &ChatRequest) -> Result<ChatReply, Error> {
    let bad = |message: &str| attempt.bad_reply(&reply.headers, reply.status, message);
    let completion: Completion<'_> =
        from_json(&reply.body).map_err(|problem| bad(&not_a_reply(attempt, reply, &problem)))?;
    if let Some(error) = completion.error {
        return Err(error::in_reply(attempt, reply, error.get()));
    }
    // More than one choice has to be asked for; the first is the answer.
    let choice = completion.choices.unwrap_or_default().into_iter().next();
    let Choice { message, finish_reason } = choice.ok_or_else(|| bad("the reply holds no choice"))?;
    let ReplyMessage { content, refusal, reasoning_content, reasoning, tool_calls } = message;
    let tool_calls: Vec<_> = tool_calls.unwrap_or_default().into_iter().enumerate().map(call).collect();
    let mut decoded = ChatReply::text(content.unwrap_or_default());
    decoded.reasoning = reasoning_content.or(reasoning).and_then(text).filter(|text| !text.is_empty());
    decoded.finish = finish(finish_reason, !tool_calls.is_empty());
    decoded.tool_calls = tool_calls;
    decoded.usage = completion.usage.map_or(Usage::UNKNOWN, usage);
    decoded.model = completion.model;
    decoded.id = completion.id;
    decoded.request_id = attempt.request_id(&reply.headers);
    decoded.status = Some(reply.status);
    let refusal = refusal.filter(|refusal| !refusal.is_empty());
    if refusal.is_some() || decoded.finish == FinishReason::ContentFilter {
        return Err(withheld(attempt, reply, decoded, refusal));
    }
    if decoded.is_empty() && decoded.finish == FinishReason::Length {
        return Err(bad(&spent(&decoded.usage)).not_counted().without_comeback());
    }
    if decoded.is_empty() && !request.follows_tool_results() {
        return Err(bad("the answer is empty").not_counted());
    }
    Ok(decoded)
}

fn not_a_reply(attempt: &Attempt<'_>, reply: &Reply, problem: &str) -> String {
    let content_type = reply.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type {
        Some(other) if !other.contains("json") => {
            format!("the reply {problem}; it is called {other}: is {} the base URL?", attempt.base_url)
        }
        _ => format!("the reply {problem}"),
    }
}

/// A refusal has a text of its own in place of the answer; a filter leaves of the answer what it had let through.
fn withheld(attempt: &Attempt<'_>, reply: &Reply, decoded: ChatReply, refusal: Option<String>) -> Error {
    let message = match refusal {
        Some(_) => "the model refused to answer",
        None => "the provider's filter withheld the answer",
    };
    let mut partial =
        Partial::text(if decoded.text.is_empty() { refusal.unwrap_or_default() } else { decoded.text });
    partial.reasoning = decoded.reasoning;
    partial.tool_calls = decoded.tool_calls;
    partial.usage = decoded.usage;
    let error = attempt.error(ErrorKind::ContentFilter, message).with_status(reply.status);
    attempt.identified(error.with_partial(partial), &reply.headers)
}

/// The same request would end the same way: the limit counts what the model thinks.
fn spent(usage: &Usage) -> String {
    let thought = match usage.reasoning_tokens {
        Some(tokens) => format!("all of it ({tokens} tokens) went into reasoning"),
        None => "reasoning counts as output".to_owned(),
    };
    format!("the limit on output tokens was reached before the answer began; {thought}: raise it")
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

fn finish(word: Option<String>, called_tools: bool) -> FinishReason {
    match word.as_deref() {
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
