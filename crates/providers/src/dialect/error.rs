//! From a refusal to an error: the machine's code first, then the sort, then phrases, then the status; of each the
//! dialect's own before those of the wire.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited,
    Server, Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};
use http::HeaderMap;
use serde_json::Value;

use super::dialect::{Dialect, Rule};
use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, wait_in_message};

/// How soon a local server that is loading its model is worth asking again.
const LOADING: Duration = Duration::from_secs(2);

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(
    dialect: &Dialect,
    attempt: &Attempt<'_>,
    refusal: &Refusal<'_>,
    text_only: bool,
) -> Error {
    let status = refusal.status;
    let told = Told::parse(dialect, refusal.body, attempt);
    let hint = Hint::of(refusal.headers, refusal.now);
    let by_status = || match status {
        413 if !text_only => BadRequest,
        status => of_status(dialect, status),
    };
    let kind = match told.kind(dialect, status).unwrap_or_else(by_status) {
        Quota if dialect.errors.hinted_quota_passes && hint.wait.is_some() => RateLimited,
        kind => kind,
    };
    let reset = || reset_in(dialect, refusal.headers, refusal.now).filter(|_| kind == RateLimited);
    let hint = Hint { wait: hint.wait.or_else(reset), ..hint };
    attempt.identified(error(attempt, kind, &told.body, hint).with_status(status), refusal.headers)
}

/// What an error in place of a reply means, where the HTTP status says nothing: the whole of it, or what its `error`
/// holds.
pub(crate) fn in_reply(dialect: &Dialect, source: &Source<'_>, told: &str) -> Error {
    let attempt = &source.attempt;
    let told = Told::parse(dialect, told.as_bytes(), attempt);
    // Many servers of this wire put the status they would have sent into the code.
    let meant = told.meant_status();
    let by_status = || meant.map(|status| of_status(dialect, status));
    let kind = told.kind(dialect, meant.unwrap_or(source.status)).or_else(by_status).unwrap_or(Server);
    let error = error(attempt, kind, &told.body, Hint::default());
    attempt.identified(error.with_status(source.status), &source.headers)
}

/// As [`in_reply`], for an error that was found within something else.
pub(crate) fn within_reply(dialect: &Dialect, source: &Source<'_>, error: &str) -> Error {
    in_reply(dialect, source, &format!(r#"{{"error":{error}}}"#))
}

/// What a body tells.
struct Told {
    body: ErrorBody,
    /// The machine's word at a place of the dialect's own.
    word: Option<String>,
    /// The status somebody on the way saw.
    status: Option<u16>,
}

impl Told {
    fn parse(dialect: &Dialect, bytes: &[u8], attempt: &Attempt<'_>) -> Self {
        let value: Option<Value> = serde_json::from_slice(bytes).ok();
        let at = |pointer: &&str| value.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
        let status = value.as_ref().and_then(|value| value.get("status_code")?.as_u64());
        Self {
            body: ErrorBody::parse(bytes, &attempt.mask),
            word: dialect.errors.words_at.iter().find_map(at),
            status: status.and_then(|status| u16::try_from(status).ok()),
        }
    }

    /// The status the error would have come with.
    fn meant_status(&self) -> Option<u16> {
        let code = self.body.code.as_deref().and_then(|code| code.parse().ok());
        code.or(self.status).filter(|status| (400..600).contains(status))
    }

    fn kind(&self, dialect: &Dialect, status: u16) -> Option<ErrorKind> {
        let quirks = &dialect.errors;
        let of_word = |word: &str| by_rule(quirks.words, status, |known| known == word);
        let code = self.body.code.as_deref();
        let sort = self.body.sort.as_deref();
        let message = self.body.message.to_ascii_lowercase();
        let of_phrase = |rules| by_rule(rules, status, |phrase| message.contains(phrase));
        (self.word.as_deref().and_then(of_word))
            .or_else(|| code.and_then(|code| of_word(code).or_else(|| of_code(code, &self.body))))
            .or_else(|| sort.and_then(|sort| of_word(sort).or_else(|| of_sort(sort, status))))
            .or_else(|| of_phrase(quirks.phrases))
            .or_else(|| of_phrase(PHRASES))
    }
}

fn by_rule(rules: &[Rule], status: u16, met: impl Fn(&str) -> bool) -> Option<ErrorKind> {
    let holds = |(statuses, words, _): &&Rule| {
        (statuses.is_empty() || statuses.contains(&status)) && words.iter().any(|word| met(word))
    };
    rules.iter().find(holds).map(|rule| rule.2)
}

fn of_status(dialect: &Dialect, status: u16) -> ErrorKind {
    let own = dialect.errors.statuses.iter().find(|(known, _)| *known == status);
    own.map_or_else(|| ErrorKind::of_status(status), |(_, kind)| *kind)
}

/// How long the window of a limit goes on, where a header of the dialect tells.
fn reset_in(dialect: &Dialect, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let millis = headers.get(dialect.errors.reset_header?)?.to_str().ok()?.trim().parse().ok()?;
    let end = UNIX_EPOCH.checked_add(Duration::from_millis(millis))?;
    end.duration_since(now).ok()
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

fn of_code(code: &str, body: &ErrorBody) -> Option<ErrorKind> {
    let ends = |ends: &[&str]| ends.iter().any(|end| code.ends_with(end));
    let starts = |starts: &[&str]| starts.iter().any(|start| code.starts_with(start));
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
        // All texts of one request together.
        "max_tokens_per_request" => ContextLength,
        // Pictures nobody can look at, told in place of a reply.
        _ if starts(&[
            "invalid_image",
            "image_",
            "unsupported_image",
            "empty_image",
            "failed_to_download",
        ]) =>
        {
            BadRequest
        }
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
const PHRASES: &[Rule] = &[
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
            "reduce the length of the messages",
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
            "extra inputs are not permitted",
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

/// Whether access is denied to the key as a whole, from here or at all, rather than to one model.
fn concerns_key(body: &ErrorBody) -> bool {
    const PHRASES: [&str; 6] = [
        "member of an organization",
        "ip not authorized",
        "ip is not authorized",
        // Words of Azure.
        "virtual network/firewall rules",
        "public access is disabled",
        "resource has been temporarily blocked",
    ];
    let message = body.message.to_ascii_lowercase();
    body.is("unsupported_country_region_territory") || PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// How many tokens the request has, where the message says so.
fn needed_tokens(message: &str) -> Option<u32> {
    const AROUND: [(&str, &str); 9] = [
        ("requested ", " tokens"),
        ("Requested ", " tokens"),
        ("resulted in ", " tokens"),
        ("request (", " tokens)"),
        ("request contains ", " tokens"),
        ("Input length (", ")"),
        ("Current length is ", " "),
        ("keep the first ", " tokens"),
        ("prompt is too long: ", " "),
    ];
    AROUND.iter().find_map(|(before, after)| {
        let (_, rest) = message.split_once(before)?;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',')?;
        let (number, rest) = rest.split_at(end);
        rest.starts_with(after).then(|| number.replace(',', "").parse().ok())?
    })
}
