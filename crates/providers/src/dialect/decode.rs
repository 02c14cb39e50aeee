//! From the bytes of an answer in one piece to a reply; and what answers in pieces share with it.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, ToolCall};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use serde_json::value::RawValue;

use super::content::{ReplyContent, held, of_details};
use super::dialect::Dialect;
use super::error;
use super::resent::Kept;
use super::think::{Said, Tags};
use super::wire::{CallDelta, Choice, Completion, FunctionDelta, ReplyMessage, WireUsage};
use crate::http::{Source, from_json};

/// The reply in the body of a 200. Errors, refusals and withheld or empty answers come with that status, too.
pub(super) fn chat(
    dialect: &Dialect,
    source: &Source<'_>,
    body: &[u8],
    request: &ChatRequest,
) -> Result<ChatReply, Error> {
    reply(dialect, source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

pub(super) fn reply(dialect: &Dialect, source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let completion: Completion<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if completion.error.is_some() {
        return Err(error::in_reply(dialect, source, &String::from_utf8_lossy(body)));
    }
    // More than one choice has to be asked for; the first is the answer.
    let choice = completion.choices.unwrap_or_default().into_iter().next();
    let Choice { message, finish_reason, error } =
        choice.ok_or_else(|| source.bad_reply("the reply holds no choice"))?;
    if let Some(error) = error {
        return Err(error::within_reply(dialect, source, error.get()));
    }
    let reason = finish_reason.as_deref().filter(|word| !word.is_empty());
    let message = match message {
        // Azure leaves out all of a message that its filter withheld.
        None if reason.is_some() => ReplyMessage::default(),
        message => message.ok_or_else(|| source.bad_reply("the reply holds no `choices[0].message`"))?,
    };
    let thought = thought(&message);
    let ReplyMessage {
        content, refusal, reasoning_details, tool_calls, function_call, audio, images, ..
    } = message;
    let ReplyContent { text, thought: beside, refusal: inside, other } = content.unwrap_or_default();
    let calls = calls(tool_calls, function_call);
    let tool_calls: Vec<_> = calls.into_iter().enumerate().map(call).collect();
    let mut decoded = ChatReply::default();
    decoded.reasoning = thought.or(Some(beside).filter(|thought| !thought.is_empty()));
    other.iter().for_each(|name| decoded.note(name));
    held(audio, images).for_each(|name| decoded.note(name));
    match text {
        text if dialect.gives.think_tags => tell_apart(&mut decoded, &text),
        text => decoded.text = text,
    }
    let mut kept = Kept::new(dialect.takes.resent);
    kept.add(decoded.reasoning.as_deref(), reasoning_details);
    decoded.sealed.extend(kept.sealed(source, !tool_calls.is_empty()));
    let finish = finish(dialect, reason, !tool_calls.is_empty());
    if tool_calls.iter().any(|call| call.name.is_empty()) {
        return Err(source.bad_reply("the reply calls a tool without a name"));
    }
    decoded.tool_calls = tool_calls;
    decoded.usage = completion.usage.map_or(Usage::UNKNOWN, |counted| usage(dialect, counted));
    decoded.model = completion.model;
    decoded.id = completion.id;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    match finish {
        Ok(finish) => decoded.finish = finish,
        Err(kind) => {
            return Err(ended_by(source, kind, reason).with_partial(decoded.into_partial()));
        }
    }
    match refusal.into_iter().chain([inside]).find(|refusal| !refusal.is_empty()) {
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

fn tell_apart(reply: &mut ChatReply, content: &str) {
    let mut tags = Tags::default();
    let said = tags.push(content);
    for said in said.into_iter().chain(tags.end()) {
        match said {
            Said::Thought(thought) => reply.reasoning.get_or_insert_default().push_str(&thought),
            Said::Text(text) => reply.text.push_str(&text),
        }
    }
}

pub(super) fn refused(source: &Source<'_>, partial: Partial) -> Error {
    source.error(ErrorKind::ContentFilter, "the model refused to answer").with_partial(partial)
}

/// The word in place of a finish reason says that the answer failed.
pub(super) fn ended_by(source: &Source<'_>, kind: ErrorKind, word: Option<&str>) -> Error {
    source.error(kind, &format!("the provider ended its answer with {:?}", word.unwrap_or_default()))
}

/// The calls of a message, or of a piece of one: those of the old form count where there are no others.
pub(super) fn calls<'a>(
    calls: Option<Vec<CallDelta<'a>>>,
    old: Option<FunctionDelta<'a>>,
) -> Vec<CallDelta<'a>> {
    match (calls.unwrap_or_default(), old.filter(FunctionDelta::is_stated)) {
        (calls, Some(function)) if calls.is_empty() => {
            vec![CallDelta { function: Some(function), ..CallDelta::default() }]
        }
        (calls, _) => calls,
    }
}

fn call((index, call): (usize, CallDelta<'_>)) -> ToolCall {
    // Results are matched to calls by id; a server that gives none still has to be answered.
    let id = call.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    let FunctionDelta { name, arguments } = call.called();
    ToolCall::new(id, name.unwrap_or_default(), arguments.map(self::arguments).unwrap_or_default())
}

/// Arguments, as the text they should be or as the JSON itself.
pub(super) fn arguments(raw: &RawValue) -> String {
    text(raw).unwrap_or_else(|| raw.get().to_owned())
}

/// A text, if this is one.
fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// What the model thought, under any of its names.
pub(super) fn thought(message: &ReplyMessage<'_>) -> Option<String> {
    let mut thoughts = [message.reasoning_content, message.reasoning].into_iter().flatten().filter_map(text);
    let thought = thoughts.find(|text| !text.is_empty());
    thought.or_else(|| message.reasoning_details.and_then(of_details))
}

/// Whether a message that tells no thought says all the same that the model thinks.
pub(super) fn thinks_silently(message: &ReplyMessage<'_>) -> bool {
    let ReplyMessage { reasoning_content, reasoning, reasoning_details, reasoning_steps, .. } = message;
    [reasoning_content, reasoning, reasoning_details, reasoning_steps]
        .into_iter()
        .flatten()
        .any(|raw| !matches!(raw.get(), "null" | "[]" | "{}" | "false" | r#""""#))
}

/// Why the answer ended, or as what it failed.
pub(super) fn finish(
    dialect: &Dialect,
    word: Option<&str>,
    called_tools: bool,
) -> Result<FinishReason, ErrorKind> {
    let failure = |word: &str| dialect.gives.failures.iter().find(|(known, _)| *known == word);
    Ok(match word.filter(|word| !word.is_empty()) {
        Some("stop") => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some("tool_calls" | "function_call") => FinishReason::ToolCalls,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(word) if dialect.gives.stops.contains(&word) => FinishReason::Stop,
        Some(word) => match failure(word) {
            Some((_, kind)) => return Err(*kind),
            None => FinishReason::Other(word.to_owned()),
        },
        None if called_tools => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    })
}

/// What an answer cost, in the form every provider's counts have.
pub(super) fn usage(dialect: &Dialect, raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let details = wire.prompt_tokens_details.unwrap_or_default();
    let thought = wire.completion_tokens_details.unwrap_or_default().reasoning_tokens;
    let mut usage = Usage::UNKNOWN;
    usage.cached_input_tokens = details.cached_tokens.or(wire.prompt_cache_hit_tokens).or(wire.cached_tokens);
    usage.cache_write_tokens = details.cache_write_tokens;
    usage.input_tokens = wire.prompt_tokens.map(|tokens| match usage.cached_input_tokens {
        // A part that is larger than the whole has been counted apart.
        Some(cached) if cached > tokens => tokens.saturating_add(cached),
        _ => tokens,
    });
    let apart = thought.filter(|_| dialect.gives.reasoning_apart).unwrap_or_default();
    usage.output_tokens = wire.completion_tokens.map(|tokens| tokens.saturating_add(apart));
    let is_part = |tokens: &u64| usage.output_tokens.is_some_and(|all| *tokens <= all);
    usage.reasoning_tokens = thought.or(wire.reasoning_tokens.filter(is_part));
    usage
}
