//! From a refusal to an error: phrases of this provider, then those that all wires share, then the status. It has no codes.

use std::time::{Duration, UNIX_EPOCH};

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, ModelNotFound, Quota, RateLimited, Server,
};
use backstop_core::{Error, ErrorKind};
use serde::Deserialize;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens, wait_until};

/// When a limit begins anew, in seconds since 1970.
const RESET: &str = "x-ratelimit-reset";

/// The longest id of a request that is kept.
const ID_MAX: usize = 128;

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    /// The id of the request, which refusals tell here.
    #[derive(Default, Deserialize)]
    struct Body {
        id: Option<String>,
    }

    let body = ErrorBody::parse(refusal.body, &attempt.mask);
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        // The request was blocked as unsafe.
        498 => ContentFilter,
        status => ErrorKind::of_status(status),
    };
    let kind =
        of_phrase(refusal.status, &body).or_else(|| body.narrowed(Some(by_status))).unwrap_or(by_status);
    let hint = Hint::of(refusal.headers, refusal.now);
    let wait = hint.wait.or_else(|| reset(refusal).filter(|_| kind == RateLimited));
    let error = error(attempt, kind, &body.message).with_status(refusal.status);
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    let error = match wait.filter(|_| kind.reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    let error = attempt.told(error, &body, refusal.headers);
    let Body { id } = serde_json::from_slice(refusal.body).unwrap_or_default();
    match id.filter(|id| error.request_id().is_none() && !id.is_empty() && id.len() <= ID_MAX) {
        Some(id) => error.with_request_id(attempt.mask.apply(&id)),
        None => error,
    }
}

/// What an error in place of an event means.
pub(super) fn in_reply(source: &Source<'_>, told: &[u8]) -> Error {
    let body = ErrorBody::parse(told, &source.attempt.mask);
    let kind = of_phrase(source.status, &body).or_else(|| body.narrowed(None)).unwrap_or(Server);
    let error = error(&source.attempt, kind, &body.message).with_status(source.status);
    source.attempt.told(error, &body, &source.headers)
}

fn reset(refusal: &Refusal<'_>) -> Option<Duration> {
    let until: u32 = refusal.headers.get(RESET)?.to_str().ok()?.trim().parse().ok()?;
    wait_until(UNIX_EPOCH + Duration::from_secs(until.into()), refusal.headers, refusal.now)
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, message: &str) -> Error {
    match kind {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        ModelNotFound if !message.starts_with("model") => {
            let (model, url) = (&attempt.model, &attempt.base_url);
            attempt.error(kind, &format!("the model {model:?} or the base URL {url} is wrong: {message}"))
        }
        ContextLength => match needed_tokens(message) {
            Some(tokens) => attempt.error(kind, message).with_needed_tokens(tokens),
            None => attempt.error(kind, message),
        },
        _ => attempt.error(kind, message),
    }
}

/// What comes in a stream has the status of its beginning.
const STREAMED: u16 = 200;

/// Phrases count under the statuses they come with, and nowhere else: a message may quote the prompt. The first that is
/// met counts.
const PHRASES: &[(&[u16], &[&str], ErrorKind)] = &[
    // The limit of the request itself is too high.
    (&[400, 422, STREAMED], &["max tokens must be less than or equal to"], BadRequest),
    // A trial key has a number of calls for the month, and others for the minute.
    (&[429], &["/ month", "per month", "monthly"], Quota),
    (&[498], &["invalid token", "api token", "api key"], Auth),
];

fn of_phrase(status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let words = body.words();
    let rule =
        PHRASES.iter().find(|(statuses, phrases, _)| statuses.contains(&status) && words.say(phrases))?;
    Some(rule.2)
}
