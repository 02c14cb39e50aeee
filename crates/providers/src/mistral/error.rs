//! From a refusal to an error: the machine's code and sort first, then phrases of this provider, then the status.

use backstop_core::ErrorKind::{
    BadRequest, ContentFilter, ContextLength, ModelNotFound, Overloaded, Quota, RateLimited, Server,
    Unsupported,
};
use backstop_core::{Error, ErrorKind};
use serde::Deserialize;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source};

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let body = ErrorBody::parse(refusal.body, &attempt.mask);
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        status => ErrorKind::of_status(status),
    };
    let kind = of_body(refusal.status, &body).unwrap_or(by_status);
    let hint = Hint::of(refusal.headers, refusal.now);
    attempt.identified(error(attempt, kind, &body, hint).with_status(refusal.status), refusal.headers)
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
    let meant = meant.raw_status_code.filter(|status| (400..600).contains(status));
    let kind =
        of_body(meant.unwrap_or(source.status), &body).or(meant.map(ErrorKind::of_status)).unwrap_or(Server);
    let error = error(attempt, kind, &body, Hint::default());
    attempt.identified(error.with_status(source.status), &source.headers)
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
    let by_word = if month {
        Some(Quota)
    } else if is_unknown_model(body) && status != 401 && status != 403 {
        Some(ModelNotFound)
    } else if body.is("service_tier_capacity_exceeded") || body.is("3505") {
        Some(Overloaded)
    } else if body.is("rate_limited") || body.is("1300") {
        Some(RateLimited)
    } else {
        None
    };
    by_word.or_else(|| of_phrase(status, &message))
}

/// What comes in a stream has the status of its beginning, unless it says which was meant.
const STREAMED: u16 = 200;

/// Phrases count under the statuses they come with, and nowhere else: a message may quote the prompt.
const PHRASES: &[(&[u16], &[&str], ErrorKind)] = &[
    (
        &[400, 422, STREAMED],
        &["too large for model", "maximum context length", "too many tokens"],
        ContextLength,
    ),
    (
        &[400, 422],
        &[
            "extra inputs are not permitted",
            "is not enabled for this model",
            "is not supported for this model",
        ],
        Unsupported,
    ),
    (&[403], &["guardrail", "moderation", "blocked"], ContentFilter),
    (&[429, 503, STREAMED], &["capacity exceeded"], Overloaded),
    (&[STREAMED], &["rate limit exceeded"], RateLimited),
];

fn of_phrase(status: u16, message: &str) -> Option<ErrorKind> {
    let met = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let rule = PHRASES.iter().find(|(statuses, phrases, _)| statuses.contains(&status) && met(phrases))?;
    Some(rule.2)
}

/// How many tokens the request has, where the message says so: `Prompt contains 40000 tokens …`,
/// `… Max is 16384 got 17555`.
fn needed_tokens(message: &str) -> Option<u32> {
    ["contains ", " got "].iter().find_map(|before| {
        let (_, rest) = message.split_once(before)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}
