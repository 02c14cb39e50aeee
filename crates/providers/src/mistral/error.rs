//! From a refusal to an error: the machine's code and sort first, then phrases of this provider, then those
//! that all wires share, then the status.

use backstop_core::ErrorKind::{
    BadRequest, ContentFilter, ContextLength, ModelNotFound, Overloaded, Quota, RateLimited, Server,
};
use backstop_core::{Error, ErrorKind};
use serde::Deserialize;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens};

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let body = ErrorBody::parse(refusal.body, &attempt.mask);
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        status => ErrorKind::of_status(status),
    };
    let kind = of_body(refusal.status, &body).or_else(|| body.narrowed(Some(by_status))).unwrap_or(by_status);
    let hint = Hint::of(refusal.headers, refusal.now);
    attempt.told(error(attempt, kind, &body, hint).with_status(refusal.status), &body, refusal.headers)
}

/// What an error in place of a reply means, where the HTTP status says nothing.
pub(super) fn in_reply(source: &Source<'_>, told: &[u8]) -> Error {
    /// The status that would have been sent.
    #[derive(Default, Deserialize)]
    struct Meant {
        raw_status_code: Option<u16>,
    }

    let attempt = &source.attempt;
    let body = ErrorBody::parse(told, &attempt.mask);
    let meant: Meant = serde_json::from_slice(told).unwrap_or_default();
    let meant = meant.raw_status_code.filter(|status| (400..600).contains(status)).or(body.status);
    let known = meant.map(ErrorKind::of_status);
    let kind = of_body(meant.unwrap_or(source.status), &body).or_else(|| body.narrowed(known)).or(known);
    let kind = kind.unwrap_or(Server);
    let error = error(attempt, kind, &body, Hint::default());
    attempt.told(error.with_status(source.status), &body, &source.headers)
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, body: &ErrorBody, hint: Hint) -> Error {
    let message = match &body.param {
        Some(place) => format!("{} ({place})", body.message),
        None => body.message.clone(),
    };
    let error = match kind {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        ModelNotFound if !is_unknown_model(body) => {
            let (model, url) = (&attempt.model, &attempt.base_url);
            attempt.error(kind, &format!("the model {model:?} or the base URL {url} is wrong: {message}"))
        }
        _ => attempt.error(kind, &message),
    };
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    let error = match hint.wait.filter(|_| kind.reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    match needed_tokens(&message).filter(|_| kind == ContextLength) {
        Some(tokens) => error.with_needed_tokens(tokens),
        None => error,
    }
}

fn is_unknown_model(body: &ErrorBody) -> bool {
    body.is("invalid_model") || body.is("unknown_model") || body.message.starts_with("Invalid model")
}

fn of_body(status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let message = body.message.to_ascii_lowercase();
    // A budget that is used up for the month comes as a rate limit.
    let month = [429, STREAMED].contains(&status) && message.contains("month");
    if month {
        Some(Quota)
    } else if is_unknown_model(body) && status != 401 && status != 403 {
        Some(ModelNotFound)
    } else if body.is("service_tier_capacity_exceeded") || body.is("3505") {
        Some(Overloaded)
    } else if body.is("rate_limited") || body.is("1300") {
        Some(RateLimited)
    } else if status == 403 && body.words().say(&["guardrail", "moderation"]) {
        Some(ContentFilter)
    } else {
        None
    }
}

/// What comes in a stream has the status of its beginning, unless it says which was meant.
const STREAMED: u16 = 200;
