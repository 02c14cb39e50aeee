//! From a refusal to an error: the name of the exception, what it says under that name, then the status.

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited,
    Server, Timeout, Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};
use http::HeaderMap;
use serde::Deserialize;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source};

/// Where the name of an exception stands, perhaps with an address behind it.
const EXCEPTION: &str = "x-amzn-errortype";

/// Names of exceptions, without the `Exception` at their end.
const NAMES: &[(&[&str], ErrorKind)] = &[
    (&["Validation", "Serialization"], BadRequest),
    (&["Throttling", "TooManyRequests", "RequestLimitExceeded"], RateLimited),
    (&["ServiceQuotaExceeded"], Quota),
    (&["ServiceUnavailable", "ModelNotReady"], Overloaded),
    (&["InternalServer", "InternalFailure", "ModelError", "ModelStreamError"], Server),
    (&["ModelTimeout"], Timeout),
    (&["AccessDenied", "MPAgreementBeingCreated", "FTUFormNotFilled"], Forbidden),
    (&["ResourceNotFound"], ModelNotFound),
    (
        &[
            "IncompleteSignature",
            "InvalidSignature",
            "SignatureDoesNotMatch",
            "UnrecognizedClient",
            "InvalidClientTokenId",
            "ExpiredToken",
            "MissingAuthenticationToken",
            "RequestExpired",
        ],
        Auth,
    ),
];

/// Phrases count under the kind whose exceptions they come with, and nowhere else: a throttled account is told of too many
/// tokens. The first that is met counts.
const PHRASES: &[(ErrorKind, &[&str], ErrorKind)] = &[
    (
        BadRequest,
        &[
            "input is too long",
            "prompt is too long",
            "too many input tokens",
            "exceed context limit",
            "expected maxlength",
        ],
        ContextLength,
    ),
    (BadRequest, &["model identifier is invalid", "on-demand throughput isn"], ModelNotFound),
    (BadRequest, &["content filter"], ContentFilter),
    (
        BadRequest,
        &[
            "doesn't support",
            "doesn\u{2019}t support",
            "does not support",
            "extraneous key",
            "when tool_choice forces",
        ],
        Unsupported,
    ),
    (RateLimited, &["per day"], Quota),
    (
        Forbidden,
        &["authentication failed", "api key", "security token", "bearer token", "token has expired"],
        Auth,
    ),
    (ModelNotFound, &["use case details", "ftuformnotfilled"], Forbidden),
];

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let told = Told::of(attempt, refusal.body);
    let name = name_in(refusal.headers).or(told.name.as_deref());
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        status => ErrorKind::of_status(status),
    };
    let known = name.and_then(of_name);
    let (kind, phrased) = of_phrase(known.unwrap_or(by_status), &told.message);
    let message = match known {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        None if kind == ModelNotFound && !phrased => {
            let (model, url) = (&attempt.model, &attempt.base_url);
            format!("the model {model:?} or the base URL {url} is wrong: {}", told.message)
        }
        _ => told.message,
    };
    let hint = Hint::of(refusal.headers, refusal.now);
    let error = error(attempt, kind, &message).with_status(refusal.status);
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    let error = match hint.wait.filter(|_| kind.reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    let error = if name.is_some_and(|name| is(name, "ModelNotReady")) { error.not_counted() } else { error };
    attempt.identified(error, refusal.headers)
}

/// What an error in place of an answer, or of an event, means. `name` is its exception, if that is told beside it.
pub(super) fn in_reply(source: &Source<'_>, name: &str, told: &[u8]) -> Error {
    let told = Told::of(&source.attempt, told);
    let name = Some(name).filter(|name| !name.is_empty()).or(told.name.as_deref());
    let kind = of_phrase(name.and_then(of_name).unwrap_or(Server), &told.message).0;
    let error = error(&source.attempt, kind, &told.message).with_status(source.status);
    source.attempt.identified(error, &source.headers)
}

/// What the body says.
struct Told {
    name: Option<String>,
    message: String,
}

impl Told {
    fn of(attempt: &Attempt<'_>, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(rename = "__type")]
            name: Option<String>,
            #[serde(rename = "Message")]
            message: Option<String>,
            #[serde(rename = "originalMessage")]
            original: Option<String>,
        }

        let read = ErrorBody::parse(body, &attempt.mask);
        let Body { name, message, original } = serde_json::from_slice(body).unwrap_or_default();
        let mut message = message.filter(|_| read.message.is_empty()).unwrap_or(read.message);
        if let Some(original) = original.filter(|original| !original.is_empty() && *original != message) {
            message = format!("{message}: {original}");
        }
        Self { name: name.or(read.code), message }
    }
}

fn name_in(headers: &HeaderMap) -> Option<&str> {
    headers.get(EXCEPTION)?.to_str().ok().filter(|name| !name.is_empty())
}

fn of_name(name: &str) -> Option<ErrorKind> {
    let (_, kind) = NAMES.iter().find(|(names, _)| names.iter().any(|known| is(name, known)))?;
    Some(*kind)
}

/// Whether an exception has this name: `Throttling`, `com.amazon#ThrottlingException:http://…`, `throttlingException`.
fn is(name: &str, known: &str) -> bool {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    name.strip_suffix("Exception").unwrap_or(name).eq_ignore_ascii_case(known)
}

/// The kind that a phrase narrows this one to, and whether one did.
fn of_phrase(kind: ErrorKind, message: &str) -> (ErrorKind, bool) {
    let message = message.to_ascii_lowercase();
    let met = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    match PHRASES.iter().find(|(under, phrases, _)| *under == kind && met(phrases)) {
        Some((_, _, narrower)) => (*narrower, true),
        None => (kind, false),
    }
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, message: &str) -> Error {
    let error = attempt.error(kind, message);
    match kind {
        ContextLength => match needed_tokens(message) {
            Some(tokens) => error.with_needed_tokens(tokens),
            None => error,
        },
        // A day's tokens are counted for each model.
        Quota if message.to_ascii_lowercase().contains("per day") => error.with_scope(Scope::Target),
        _ => error,
    }
}

/// How many tokens the request has, where the message says so: `prompt is too long: 201000 tokens > 200000 maximum`, or
/// `…exceed context limit: 190000 + 20000 > 200000`.
fn needed_tokens(message: &str) -> Option<u32> {
    let (sum, _) = message.split_once('>')?;
    let (_, sum) = sum.rsplit_once(':')?;
    let number = |part: &str| part.trim().trim_end_matches("tokens").trim().parse::<u32>().ok();
    sum.split('+').map(number).try_fold(0, |sum: u32, part| sum.checked_add(part?))
}
