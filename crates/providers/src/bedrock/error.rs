//! From a refusal to an error: the name of the exception, what it says under that name, then what all wires
//! read under it, then the status.

use std::borrow::Cow;

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Server,
    Timeout,
};
use backstop_core::{Error, ErrorKind, Scope};
use http::HeaderMap;
use serde::Deserialize;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens};

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

/// Phrases of this service alone. They count under the kind whose exceptions they come with, and nowhere else: a throttled
/// account is told of too many tokens. The first that is met counts.
const PHRASES: &[(ErrorKind, &[&str], ErrorKind)] = &[
    (RateLimited, &["per day"], Quota),
    // Of the account, which has not been let in yet or not any more.
    (BadRequest, &["operation not allowed"], Forbidden),
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
    let (kind, phrased) = told.narrowed(Some(known.unwrap_or(by_status)));
    let message = match known {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        None if kind == ModelNotFound && !phrased => {
            let (model, url) = (&attempt.model, &attempt.base_url);
            Cow::Owned(format!("the model {model:?} or the base URL {url} is wrong: {}", told.body.message))
        }
        _ => Cow::Borrowed(&*told.body.message),
    };
    let hint = Hint::of(refusal.headers, refusal.now);
    let error = error(attempt, kind, &message).with_status(refusal.status);
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    let error = match hint.wait.filter(|_| kind.reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    let error = if name.is_some_and(|name| is(name, "ModelNotReady")) { error.not_counted() } else { error };
    attempt.told(error, &told.body, refusal.headers)
}

/// What an error in place of an answer, or of an event, means. `name` is its exception, if that is told beside it.
pub(super) fn in_reply(source: &Source<'_>, name: &str, told: &[u8]) -> Error {
    let told = Told::of(&source.attempt, told);
    let name = Some(name).filter(|name| !name.is_empty()).or(told.name.as_deref());
    let kind = told.narrowed(name.and_then(of_name)).0;
    let error = error(&source.attempt, kind, &told.body.message).with_status(source.status);
    source.attempt.told(error, &told.body, &source.headers)
}

/// What the body says.
struct Told {
    name: Option<String>,
    body: ErrorBody,
}

impl Told {
    fn of(attempt: &Attempt<'_>, bytes: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(rename = "__type")]
            name: Option<String>,
            #[serde(rename = "originalMessage")]
            original: Option<String>,
        }

        let mut body = ErrorBody::parse(bytes, &attempt.mask);
        let Body { name, original } = serde_json::from_slice(bytes).unwrap_or_default();
        if let Some(original) = original.filter(|original| !original.is_empty() && *original != body.message)
        {
            body.message = format!("{}: {}", body.message, attempt.mask.apply(&original));
        }
        Self { name: name.or_else(|| body.code.clone()), body }
    }

    /// The kind that the words narrow this one to, and whether they did.
    fn narrowed(&self, known: Option<ErrorKind>) -> (ErrorKind, bool) {
        let words = self.body.words();
        let own = PHRASES.iter().find(|(under, phrases, _)| known == Some(*under) && words.say(phrases));
        match own.map(|rule| rule.2).or_else(|| self.body.narrowed(known)) {
            Some(narrower) => (narrower, true),
            None => (known.unwrap_or(Server), false),
        }
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
