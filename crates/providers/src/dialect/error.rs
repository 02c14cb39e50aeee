//! From a refusal to an error: the machine's code first, then the sort, then phrases, then the status; of each the
//! dialect's own before those of the wire, and before those that all wires share.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited,
    Server, Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};
use http::HeaderMap;
use serde_json::Value;

use super::dialect::{Dialect, Rule};
use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens, wait_in_message};

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
    let by_status = match status {
        413 if !text_only => BadRequest,
        status => of_status(dialect, status),
    };
    let kind = match told.kind(dialect, status, Some(by_status)).unwrap_or(by_status) {
        Quota if dialect.errors.hinted_quota_passes && hint.wait.is_some() => RateLimited,
        kind => kind,
    };
    let reset = || reset_in(dialect, refusal.headers, refusal.now).filter(|_| kind == RateLimited);
    let hint = Hint { wait: hint.wait.or_else(reset), ..hint };
    attempt.told(error(attempt, kind, &told.body, hint).with_status(status), &told.body, refusal.headers)
}

/// What an error in place of a reply means, where the HTTP status says nothing: the whole of it, or what its `error`
/// holds.
pub(crate) fn in_reply(dialect: &Dialect, source: &Source<'_>, told: &str) -> Error {
    let attempt = &source.attempt;
    let told = Told::parse(dialect, told.as_bytes(), attempt);
    // Many servers of this wire put the status they would have sent into the body.
    let meant = told.body.status;
    let by_status = meant.map(|status| of_status(dialect, status));
    let kind = told.kind(dialect, meant.unwrap_or(source.status), by_status).or(by_status).unwrap_or(Server);
    let error = error(attempt, kind, &told.body, Hint::default());
    attempt.told(error.with_status(source.status), &told.body, &source.headers)
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
}

impl Told {
    fn parse(dialect: &Dialect, bytes: &[u8], attempt: &Attempt<'_>) -> Self {
        let value: Option<Value> = serde_json::from_slice(bytes).ok();
        let at = |pointer: &&str| value.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
        Self {
            body: ErrorBody::parse(bytes, &attempt.mask),
            word: dialect.errors.words_at.iter().find_map(at),
        }
    }

    /// The kind, where more is said than by the status alone.
    fn kind(&self, dialect: &Dialect, status: u16, by_status: Option<ErrorKind>) -> Option<ErrorKind> {
        let quirks = &dialect.errors;
        let of_word = |word: &str| by_rule(quirks.words, status, |known| known == word);
        let code = self.body.code.as_deref();
        let sort = self.body.sort.as_deref();
        let words = self.body.words();
        let of_phrase = |rules| by_rule(rules, status, |phrase| words.say(&[phrase]));
        // A sort that only repeats the status says less than the words do; of a server that fails and one that is
        // too busy it says enough.
        let narrowed = |kind| {
            let narrower = self.body.narrowed(Some(kind));
            narrower.filter(|narrower| (kind, *narrower) != (Server, Overloaded)).unwrap_or(kind)
        };
        (self.word.as_deref().and_then(of_word))
            .or_else(|| code.and_then(|code| of_word(code).or_else(|| of_code(code, &self.body))))
            .or_else(|| sort.and_then(|sort| of_word(sort).or_else(|| of_sort(sort, status).map(narrowed))))
            .or_else(|| of_phrase(quirks.phrases))
            .or_else(|| of_phrase(PHRASES))
            .or_else(|| self.body.narrowed(by_status))
            // Under a status of its own this says less than the words do.
            .or_else(|| (status < 400 && sort == Some("invalid_request_error")).then_some(BadRequest))
    }
}

fn by_rule(rules: &[Rule], status: u16, met: impl Fn(&str) -> bool) -> Option<ErrorKind> {
    // Where no status tells, a rule for any of them counts.
    let holds = |(statuses, words, _): &&Rule| {
        (statuses.is_empty() || status < 400 || statuses.contains(&status))
            && words.iter().any(|word| met(word))
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
        Forbidden if body.is("unsupported_country_region_territory") => error.with_scope(Scope::Provider),
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
        "server_error" | "internal_error" | "internal_server_error" => Server,
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
        // Under a status of its own this says less than it does.
        "server_error" if status < 400 => Server,
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

/// Phrases that mean something else elsewhere, or nothing. They count under the statuses they come with.
const PHRASES: &[Rule] = &[
    (&[403], &["does not have access to model"], ModelNotFound),
    (&[404], &["not supported with this model"], Unsupported),
];
