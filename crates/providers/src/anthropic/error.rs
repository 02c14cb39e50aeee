//! From a refusal to an error: the machine's code first, then the sort, then phrases of this service, then those that all
//! wires share, then the status.

use std::borrow::Cow;
use std::time::Duration;

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Server,
    Timeout, Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};
use serde_json::Value;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens, wait_in_message};

/// How soon a local server that is loading its model is worth asking again.
const LOADING: Duration = Duration::from_secs(2);

/// The longest id of a request that is kept.
const REQUEST_ID_MAX: usize = 128;

/// What an error's body says.
struct Told {
    body: ErrorBody,
    /// The machine's word for the case, where the service has one.
    code: Option<String>,
    request_id: Option<String>,
}

impl Told {
    fn of(attempt: &Attempt<'_>, bytes: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |path| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let request_id = text("/request_id").filter(|id| !id.is_empty() && id.len() <= REQUEST_ID_MAX);
        Self {
            body: ErrorBody::parse(bytes, &attempt.mask),
            code: text("/error/details/error_code"),
            request_id: request_id.map(|id| attempt.mask.apply(&id).into_owned()),
        }
    }

    fn sort(&self) -> &str {
        self.body.sort.as_deref().unwrap_or_default()
    }

    /// Whether the message holds one of these phrases.
    fn says(&self, phrases: &[&str]) -> bool {
        self.body.words().say(phrases)
    }
}

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let told = Told::of(attempt, refusal.body);
    let hint = Hint::of(refusal.headers, refusal.now);
    let kind = match kind(&told, Some(refusal.status)) {
        ContextLength if refusal.status == 413 && !text_only => BadRequest,
        RateLimited if is_spend_limit(&told, hint) => Quota,
        kind => kind,
    };
    let error = error(attempt, kind, &told, hint).with_status(refusal.status);
    // An edge refuses whoever comes from here, whatever the model.
    let by_edge = kind == Forbidden && refusal.body.trim_ascii_start().starts_with(b"<");
    let error = if by_edge { error.with_scope(Scope::Provider) } else { error };
    attempt.told(error, &told.body, refusal.headers)
}

/// What an error in place of a reply or of an event means, where the HTTP status says nothing.
pub(super) fn in_reply(source: &Source<'_>, bytes: &[u8]) -> Error {
    let attempt = &source.attempt;
    let told = Told::of(attempt, bytes);
    let kind = kind(&told, told.body.status.or_else(|| status_of(told.sort())));
    let error = error(attempt, kind, &told, Hint::default()).with_status(source.status);
    attempt.told(error, &told.body, &source.headers)
}

/// The status that an error of this sort comes with.
fn status_of(sort: &str) -> Option<u16> {
    Some(match sort {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => return None,
    })
}

/// The kind; there is no status where a stream or a reply tells of an error in words alone.
fn kind(told: &Told, status: Option<u16>) -> ErrorKind {
    if let Some(kind) = told.code.as_deref().and_then(of_code) {
        return kind;
    }
    let of_sort = of_sort(told);
    if let Some(kind) = of_phrase(status, told).filter(|_| of_sort.is_none()) {
        return kind;
    }
    let known = of_sort.or(status.map(ErrorKind::of_status));
    // Which of the two it is takes more than words to know: see below.
    let narrower = told.body.narrowed(known).filter(|kind| known != Some(RateLimited) || *kind != Quota);
    narrower.or(known).unwrap_or(Server)
}

fn of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "ramp_limit_exceeded" => RateLimited,
        "request_body_timeout" => Timeout,
        "file_expired" => BadRequest,
        "organization_on_hold" | "organization_not_enrolled_in_beta" | "organization_type_not_supported" => {
            Forbidden
        }
        "workspace_policy_violation" | "cmek_key_disabled" | "cmek_key_network_blocked" => Forbidden,
        _ if code.ends_with("_spend_limit_reached") || code.starts_with("linked_organization_") => Quota,
        _ => return None,
    })
}

fn of_sort(told: &Told) -> Option<ErrorKind> {
    Some(match told.sort() {
        "authentication_error" => Auth,
        "billing_error" => Quota,
        "permission_error" => Forbidden,
        "not_found_error" if told.body.message.starts_with("model") => ModelNotFound,
        // A file, say, or a path.
        "not_found_error" => BadRequest,
        "request_too_large" => ContextLength,
        "rate_limit_error" => RateLimited,
        "timeout_error" => Timeout,
        "overloaded_error" => Overloaded,
        // Words of llama.cpp, which speaks this wire.
        "exceed_context_size_error" => ContextLength,
        "not_supported_error" => Unsupported,
        "unavailable_error" => Overloaded,
        _ => return None,
    })
}

/// Fields that a model or a server may do without.
const OPTIONAL: &[&str] = &[
    "cache_control",
    "container",
    "context_management",
    "metadata",
    "output_config",
    "output_format",
    "service_tier",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

fn of_phrase(status: Option<u16>, told: &Told) -> Option<ErrorKind> {
    if matches!(status, Some(400 | 422)) && told.says(&["extra inputs are not permitted"]) {
        let field = told.body.message.split(['.', ':']).next().unwrap_or_default();
        return Some(if OPTIONAL.contains(&field) { Unsupported } else { BadRequest });
    }
    None
}

/// A limit on spending has the status and the sort of a limit on the rate. It neither says when to come back nor
/// speaks of a rate.
fn is_spend_limit(told: &Told, hint: Hint) -> bool {
    let is_rate =
        || told.says(&["rate limit", "rate_limit", "per minute", "per-minute", "too many", "concurrent"]);
    hint.wait.is_none() && told.code.is_none() && told.sort() == "rate_limit_error" && !is_rate()
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, told: &Told, hint: Hint) -> Error {
    let message = &told.body.message;
    let (model, url) = (&attempt.model, &attempt.base_url);
    let words = match (kind, told.sort()) {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        (ModelNotFound, "") => {
            Cow::Owned(format!("the model {model:?} or the base URL {url} is wrong: {message}"))
        }
        (BadRequest, "not_found_error") => Cow::Owned(format!("{message}; is {url} the base URL?")),
        _ => Cow::Borrowed(&**message),
    };
    let error = attempt.error(kind, &words);
    let error = match &told.request_id {
        Some(id) => error.with_request_id(id),
        None => error,
    };
    if kind == Overloaded && message.contains("Loading model") {
        return error.with_retry_after(LOADING).not_counted();
    }
    // Other messages may quote the prompt, and that may speak of waiting.
    let stated = || wait_in_message(message).filter(|_| matches!(kind, RateLimited | Overloaded));
    let error = match hint.wait.or_else(stated).filter(|_| kind.reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    };
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    match kind {
        Forbidden if concerns_key(told) => error.with_scope(Scope::Provider),
        ContextLength => match needed_tokens(message) {
            Some(tokens) => error.with_needed_tokens(tokens),
            None => error,
        },
        _ => error,
    }
}

/// Whether access is denied to the key as a whole rather than to one model.
fn concerns_key(told: &Told) -> bool {
    told.code.as_deref().is_some_and(|code| code != "organization_not_enrolled_in_beta")
        || told.says(&["request not allowed"])
}
