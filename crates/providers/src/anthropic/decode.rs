//! From the bytes of an answer to a reply.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, ToolCall};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use serde_json::value::RawValue;

use super::error;
use super::sealed::{Place, goes_back};
use super::wire::{Reply, ReplyBlock, StopDetails, WireUsage};
use crate::http::{Source, arguments, from_json};

/// The reply in the body of a 200. Errors, refusals and empty answers come with that status, too.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

/// The reply, empty or not.
pub(super) fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let told: Reply<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if told.error.is_some() {
        return Err(error::in_reply(source, body));
    }
    let blocks = told.content.ok_or_else(|| source.bad_reply("the reply holds no content"))?;
    let mut decoded = ChatReply::default();
    for raw in blocks {
        let block: ReplyBlock<'_> = from_json(raw.get().as_bytes())
            .map_err(|problem| source.bad_reply(&format!("a block of the reply {problem}")))?;
        add(source, &mut decoded, raw, block);
    }
    let stop = Stop::of(told.stop_reason.as_deref(), told.stop_details);
    decoded.usage = told.usage.map_or(Usage::UNKNOWN, |raw| WireUsage::of(raw).usage());
    decoded.model = told.model;
    decoded.id = told.id;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    let called = !decoded.tool_calls.is_empty();
    match stop {
        Some(Stop::Refused(details)) => Err(refused(source, &details, decoded.into_partial())),
        Some(Stop::WindowFull) if decoded.is_empty() => Err(window_full(source, decoded.into_partial())),
        stop => {
            decoded.finish = finish(stop, called);
            Ok(decoded)
        }
    }
}

fn add(source: &Source<'_>, reply: &mut ChatReply, raw: &RawValue, block: ReplyBlock<'_>) {
    let place = Place { text: reply.text.len(), calls: reply.tool_calls.len() };
    if goes_back(block.r#type.as_deref(), block.signature.as_deref())
        && let Ok(block) = serde_json::from_str(raw.get())
    {
        reply.sealed.push(place.seal(source, &block));
    }
    match block.r#type.as_deref() {
        Some("text") => reply.text.push_str(&block.text.unwrap_or_default()),
        Some("thinking") => {
            let thought = block.thinking.filter(|thought| !thought.is_empty());
            reply.reasoning =
                reply.reasoning.take().into_iter().chain(thought).reduce(|all, more| all + &more);
        }
        Some("tool_use") => {
            let id = block.id.filter(|id| !id.is_empty()).unwrap_or_else(|| call_id(place.calls));
            let arguments = if block.input.is_some() { arguments(block.input) } else { "{}".to_owned() };
            reply.tool_calls.push(ToolCall::new(id, block.name.unwrap_or_default(), arguments));
        }
        Some(other) if !is_its_own(other) => reply.note(other),
        _ => {}
    }
}

/// Whether a block of this sort is the model's or the service's own business: thoughts, and tools that the service runs.
pub(super) fn is_its_own(sort: &str) -> bool {
    sort.contains("thinking") || sort.ends_with("tool_use") || sort.ends_with("tool_result")
}

/// Results are matched to calls by id; a server that gives none still has to be answered.
pub(super) fn call_id(index: impl std::fmt::Display) -> String {
    format!("call_{index}")
}

/// Why an answer ended.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(StopDetails),
    WindowFull,
    Other(FinishReason),
}

impl Stop {
    pub(super) fn of(word: Option<&str>, details: Option<&RawValue>) -> Option<Self> {
        Some(match word.filter(|word| !word.is_empty())? {
            "refusal" => {
                let details = details.and_then(|raw| serde_json::from_str(raw.get()).ok());
                Self::Refused(details.unwrap_or_default())
            }
            "model_context_window_exceeded" => Self::WindowFull,
            "end_turn" | "stop_sequence" => Self::Other(FinishReason::Stop),
            "max_tokens" => Self::Other(FinishReason::Length),
            "tool_use" => Self::Other(FinishReason::ToolCalls),
            other => Self::Other(FinishReason::Other(other.to_owned())),
        })
    }
}

/// What to tell of an answer that ended so, with calls of tools or without.
pub(super) fn finish(stop: Option<Stop>, called: bool) -> FinishReason {
    match stop {
        Some(Stop::Refused(_)) => FinishReason::ContentFilter,
        Some(Stop::WindowFull) => FinishReason::Length,
        Some(Stop::Other(finish)) => finish,
        None if called => FinishReason::ToolCalls,
        None => FinishReason::Stop,
    }
}

pub(super) fn refused(source: &Source<'_>, details: &StopDetails, partial: Partial) -> Error {
    let category = details.category.as_deref().map(|category| format!(" ({category})")).unwrap_or_default();
    let why = details.explanation.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let message = format!("the model refused to answer{category}{why}");
    source.error(ErrorKind::ContentFilter, &message).with_partial(partial)
}

pub(super) fn window_full(source: &Source<'_>, partial: Partial) -> Error {
    let message = "the window of the model was full before the answer began";
    source.error(ErrorKind::ContextLength, message).with_partial(partial)
}

impl WireUsage {
    pub(super) fn of(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    /// What `later` states, and what only `self` knows.
    pub(super) fn updated_by(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later
                .cache_creation_input_tokens
                .or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            output_tokens_details: later.output_tokens_details.or(self.output_tokens_details),
        }
    }

    /// The same, counted as everybody else does: what a cache read or wrote is input.
    pub(super) fn usage(self) -> Usage {
        let cached = [self.cache_creation_input_tokens, self.cache_read_input_tokens];
        let mut usage = Usage::UNKNOWN;
        usage.input_tokens =
            self.input_tokens.map(|input| cached.into_iter().flatten().fold(input, u64::saturating_add));
        usage.output_tokens = self.output_tokens;
        usage.cached_input_tokens = self.cache_read_input_tokens;
        usage.cache_write_tokens = self.cache_creation_input_tokens;
        usage.reasoning_tokens = self.output_tokens_details.unwrap_or_default().thinking_tokens;
        usage
    }
}
