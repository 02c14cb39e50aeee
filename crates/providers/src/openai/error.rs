//! From a refusal to an error: the machine's code first, then the sort, then phrases of this provider, then the status.

use std::time::Duration;

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited,
    Server, Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, kind_of, wait_in_message};

/// How soon a local server that is loading its model is worth asking again.
const LOADING: Duration = Duration::from_secs(2);

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let body = ErrorBody::parse(refusal.body, &attempt.mask);
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        status => kind_of(status),
    };
    let kind = of_body(refusal.status, &body).unwrap_or(by_status);
    let hint = Hint::of(refusal.headers, refusal.now);
    attempt.identified(error(attempt, kind, &body, hint).with_status(refusal.status), refusal.headers)
}

/// What an error in place of a reply means, where the HTTP status says nothing: all of it, or the value of its `error`.
pub(super) fn in_reply(source: &Source<'_>, told: &str) -> Error {
    let attempt = &source.attempt;
    let body = ErrorBody::parse(told.as_bytes(), &attempt.mask);
    // Many servers of this wire put the status they would have sent into the code.
    let meant = body.code.as_deref().and_then(|code| code.parse().ok());
    let meant: Option<u16> = meant.filter(|status| (400..600).contains(status));
    let kind = of_body(meant.unwrap_or(source.status), &body).or(meant.map(kind_of)).unwrap_or(Server);
    let error = error(attempt, kind, &body, Hint::default());
    attempt.identified(error.with_status(source.status), &source.headers)
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, body: &ErrorBody, hint: Hint) -> Error {
    let message = &body.message;
    let error = match kind {
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        ModelNotFound if !body.is("model_not_found") => {
            let (model, url) = (&attempt.model, &attempt.base_url);
            attempt.error(kind, &format!("the model {model:?} or the base URL {url} is wrong: {message}"))
        }
        _ => attempt.error(kind, message),
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
    // What is larger than the limit never fits, however long one waits.
    let never_fits = kind == RateLimited && message.starts_with("Request too large");
    let error = if hint.refuses_comeback || never_fits { error.without_comeback() } else { error };
    match kind {
        Forbidden if concerns_key(body) => error.with_scope(Scope::Provider),
        ContextLength => match needed_tokens(message) {
            Some(tokens) => error.with_needed_tokens(tokens),
            None => error,
        },
        _ => error,
    }
}

fn of_body(status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let of_code = body.code.as_deref().and_then(|code| of_code(code, body));
    let of_sort = || body.sort.as_deref().and_then(|sort| of_sort(sort, status));
    of_code.or_else(of_sort).or_else(|| of_phrase(status, body))
}

fn of_code(code: &str, body: &ErrorBody) -> Option<ErrorKind> {
    let ends = |ends: &[&str]| ends.iter().any(|end| code.ends_with(end));
    Some(match code {
        "context_length_exceeded" => ContextLength,
        // Other texts have a maximum length, too.
        "string_above_max_length" if is_prompt(body) => ContextLength,
        "string_above_max_length" => BadRequest,
        "unsupported_parameter" | "unsupported_value" => Unsupported,
        "invalid_prompt" | "content_filter" => ContentFilter,
        _ if ends(&["_policy", "policy_violation"]) => ContentFilter,
        "invalid_api_key" => Auth,
        "unsupported_country_region_territory" => Forbidden,
        "model_not_found" => ModelNotFound,
        "billing_hard_limit_reached" | "billing_not_active" | "credit_balance_exhausted" => Quota,
        _ if ends(&["insufficient_quota", "spend_limit_exceeded", "usage_limit_exceeded"]) => Quota,
        "slow_down" | "server_is_overloaded" => Overloaded,
        "rate_limit_exceeded" => RateLimited,
        "server_error" => Server,
        _ => return None,
    })
}

fn is_prompt(body: &ErrorBody) -> bool {
    let param = body.param.as_deref().unwrap_or_default();
    ["messages", "input", "prompt"].iter().any(|name| param.starts_with(name))
}

fn of_sort(sort: &str, status: u16) -> Option<ErrorKind> {
    Some(match sort {
        "insufficient_quota" => Quota,
        "service_unavailable_error" => Overloaded,
        // Under a status of their own these two say less than it does.
        "server_error" if status < 400 => Server,
        "invalid_request_error" if status < 400 => BadRequest,
        // Words of llama.cpp, which speaks this wire.
        "exceed_context_size_error" => ContextLength,
        "authentication_error" => Auth,
        "permission_error" => Forbidden,
        "not_found_error" => ModelNotFound,
        "not_supported_error" => Unsupported,
        "unavailable_error" | "overloaded_error" => Overloaded,
        "rate_limit_error" | "requests" | "tokens" if status < 400 => RateLimited,
        _ => return None,
    })
}

/// Phrases count under the statuses they come with, and nowhere else: a message may quote the prompt.
const PHRASES: &[(&[u16], &[&str], ErrorKind)] = &[
    (
        &[400, 413, 422, 500],
        &[
            "maximum context length",
            "exceeds the context window",
            "tokens exceed the configured limit",
            "exceeds the available context size",
            "loaded with context length of only",
            "greater than the context length",
            "context size has been exceeded",
        ],
        ContextLength,
    ),
    (
        &[400],
        &["flagged as potentially violating", "rejected as a result of our safety system"],
        ContentFilter,
    ),
    (
        &[400, 422],
        &[
            "unsupported parameter",
            "unsupported value",
            "not supported with this model",
            "unrecognized request argument",
            "requested service tier is not allowed",
            "tool choice requires --enable-auto-tool-choice",
        ],
        Unsupported,
    ),
    (
        &[401],
        &[
            "insufficient permissions",
            "missing scopes",
            "member of an organization",
            "ip not authorized",
            "ip is not authorized",
        ],
        Forbidden,
    ),
    (&[403], &["does not have access to model"], ModelNotFound),
    (&[429], &["exceeded your current quota", "check your plan and billing details"], Quota),
    (&[429, 500, 503], &["currently overloaded", "resource unavailable"], Overloaded),
    (&[500, 501], &["requires --jinja flag"], Unsupported),
];

fn of_phrase(status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let message = body.message.to_ascii_lowercase();
    let met = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let rule = PHRASES.iter().find(|(statuses, phrases, _)| statuses.contains(&status) && met(phrases))?;
    Some(rule.2)
}

/// Whether access is denied to the key as a whole, from here or at all, rather than to one model.
fn concerns_key(body: &ErrorBody) -> bool {
    let message = body.message.to_ascii_lowercase();
    body.is("unsupported_country_region_territory")
        || ["member of an organization", "ip not authorized", "ip is not authorized"]
            .iter()
            .any(|phrase| message.contains(phrase))
}

/// How many tokens the request has, where the message says so.
fn needed_tokens(message: &str) -> Option<u32> {
    const AROUND: [(&str, &str); 5] = [
        ("requested ", " tokens"),
        ("resulted in ", " tokens"),
        ("request (", " tokens)"),
        ("Input length (", ")"),
        ("Current length is ", " "),
    ];
    AROUND.iter().find_map(|(before, after)| {
        let (_, rest) = message.split_once(before)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',')?;
        let (number, rest) = rest.split_at(end);
        rest.starts_with(after).then(|| number.replace(',', "").parse().ok())?
    })
}
