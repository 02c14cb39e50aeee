//! From a refusal to an error: the machine's reason first, then the quota that was met, then phrases of this service and
//! those that all wires share, then its word for the sort, then the status.

use std::time::Duration;

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Server,
    Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};
use serde_json::Value;

use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, Words, needed_tokens, spoken, wait_in_message};

/// From here on, a wait is for a new day or month, and not for the next minute.
const LONG: Duration = Duration::from_secs(3600);

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let told = Told::parse(refusal.body, attempt);
    // A proxy may wrap what it got into an error of its own.
    let meant = told.status().filter(|meant| refusal.status >= 500 && *meant < 500);
    let status = meant.unwrap_or(refusal.status);
    let hint = Hint::of(refusal.headers, refusal.now);
    let error = told.error(attempt, Some(status), text_only, hint).with_status(refusal.status);
    attempt.told(error, &told.body, refusal.headers)
}

/// What an error in place of a reply means, where the HTTP status says nothing: all of it, or the value of its `error`.
pub(super) fn in_reply(source: &Source<'_>, told: &str) -> Error {
    let attempt = &source.attempt;
    let told = Told::parse(told.as_bytes(), attempt);
    let error = told.error(attempt, told.status(), true, Hint::default());
    attempt.told(error.with_status(source.status), &told.body, &source.headers)
}

/// What the body of an error says.
#[derive(Debug)]
struct Told {
    body: ErrorBody,
    words: Words,
    /// `ErrorInfo`: the machine's word for the case.
    reason: String,
    /// `QuotaFailure`: which quotas were met.
    quotas: Vec<String>,
    /// A quota that was met is zero: there is no use in waiting.
    is_zero: bool,
    /// A quota that was met is one model's own.
    is_of_model: bool,
    /// `RetryInfo`.
    delay: Option<Duration>,
}

impl Told {
    fn parse(bytes: &[u8], attempt: &Attempt<'_>) -> Self {
        let body = ErrorBody::parse(bytes, &attempt.mask);
        let message = body.message.to_ascii_lowercase();
        let mut told = Self {
            is_zero: says_zero(&message),
            is_of_model: message.contains(", model: "),
            words: body.words(),
            body,
            reason: String::new(),
            quotas: Vec::new(),
            delay: None,
        };
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let outer = value.get(0).unwrap_or(&value);
        let details = outer.get("error").unwrap_or(outer).get("details").and_then(Value::as_array);
        details.into_iter().flatten().for_each(|detail| told.detail(detail));
        told
    }

    fn detail(&mut self, detail: &Value) {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let sort = text(detail, "@type").unwrap_or_default();
        match sort.rsplit('.').next() {
            Some("ErrorInfo") => self.reason = text(detail, "reason").unwrap_or_default(),
            Some("RetryInfo") => self.delay = text(detail, "retryDelay").and_then(|delay| spoken(&delay)),
            Some("QuotaFailure") => {
                let violations = detail.get("violations").and_then(Value::as_array);
                for violation in violations.into_iter().flatten() {
                    let id = text(violation, "quotaId").unwrap_or_default();
                    let dimensions = violation.get("quotaDimensions");
                    self.is_of_model |=
                        dimensions.is_some_and(|dimensions| dimensions.get("model").is_some());
                    self.is_of_model |= id.contains("PerModel");
                    self.is_zero |= text(violation, "quotaValue").as_deref() == Some("0");
                    self.quotas.push(id);
                }
            }
            _ => {}
        }
    }

    /// The HTTP status that the body itself speaks of, as a number or in the words of gRPC.
    fn status(&self) -> Option<u16> {
        let number = self.body.code.as_deref().and_then(|code| code.parse().ok());
        number.filter(|status| (400..600).contains(status)).or(match self.sort() {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => Some(400),
            "UNAUTHENTICATED" => Some(401),
            "PERMISSION_DENIED" => Some(403),
            "NOT_FOUND" => Some(404),
            "ABORTED" | "ALREADY_EXISTS" => Some(409),
            "RESOURCE_EXHAUSTED" => Some(429),
            "CANCELLED" => Some(499),
            "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => Some(500),
            "UNIMPLEMENTED" => Some(501),
            "UNAVAILABLE" => Some(503),
            "DEADLINE_EXCEEDED" => Some(504),
            _ => None,
        })
    }

    fn sort(&self) -> &str {
        self.body.sort.as_deref().unwrap_or_default()
    }

    fn says(&self, phrases: &[&str]) -> bool {
        self.words.say(phrases)
    }

    /// The kind; there is no status where a stream or a reply tells of an error in words alone.
    fn kind(&self, status: Option<u16>, text_only: bool) -> ErrorKind {
        let of_reason = || of_reason(&self.reason);
        let of_quota = || (status == Some(429)).then(|| self.of_limit());
        let too_large = || {
            let is_size =
                status == Some(413) || status == Some(400) && self.says(&["payload size exceeds the limit"]);
            is_size.then_some(if text_only { ContextLength } else { BadRequest })
        };
        if let Some(kind) = of_reason().or_else(of_quota).or_else(too_large) {
            return kind;
        }
        let of_sort = (status == Some(400) && self.sort() == "FAILED_PRECONDITION").then_some(Forbidden);
        let known = of_sort.or(status.map(ErrorKind::of_status));
        self.body.narrowed(known).or(known).unwrap_or(Server)
    }

    /// Which limit a 429 is about. Its message speaks of plan and billing in every case, so that says nothing.
    fn of_limit(&self) -> ErrorKind {
        if self.says(&["credits are depleted", "spending cap", "spend cap"]) {
            return Quota;
        }
        if self.says(&["resource exhausted. please try again later", "out of capacity"]) {
            return Overloaded;
        }
        let is_daily = self.quotas.iter().any(|quota| quota.contains("PerDay"));
        let is_long = self.wait(Hint::default()).is_some_and(|wait| wait >= LONG);
        if is_daily || self.is_zero || is_long { Quota } else { RateLimited }
    }

    /// When to ask again, as headers, details or message state it.
    fn wait(&self, hint: Hint) -> Option<Duration> {
        hint.wait.or(self.delay).or_else(|| wait_in_message(&self.body.message))
    }

    fn error(&self, attempt: &Attempt<'_>, status: Option<u16>, text_only: bool, hint: Hint) -> Error {
        let kind = self.kind(status, text_only);
        let message = &self.body.message;
        let error = match kind {
            // A wrong base URL looks like a wrong model; whoever reads this needs both.
            ModelNotFound if !self.says(&["is not found", "was not found"]) => {
                let (model, url) = (&attempt.model, &attempt.base_url);
                attempt.error(kind, &format!("the model {model:?} or the base URL {url} is wrong: {message}"))
            }
            _ => attempt.error(kind, message),
        };
        let stated = match kind {
            RateLimited | Overloaded => self.wait(hint),
            // A new day is worth knowing of. A shorter wait is for another limit, and changes nothing.
            Quota => self.wait(hint).filter(|wait| *wait >= LONG),
            // Other messages may quote the prompt, and that may speak of waiting.
            _ => hint.wait.or(self.delay).filter(|_| kind.reaction().comeback),
        };
        let error = match stated {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        };
        let error = if hint.refuses_comeback { error.without_comeback() } else { error };
        match kind {
            Forbidden if self.concerns_key() => error.with_scope(Scope::Provider),
            Quota if self.is_of_model => error.with_scope(Scope::Target),
            ContextLength => match needed_tokens(message) {
                Some(tokens) => error.with_needed_tokens(tokens),
                None => error,
            },
            _ => error,
        }
    }

    /// Whether access is denied to the key as a whole, from here or at all, rather than to one model.
    fn concerns_key(&self) -> bool {
        let reasons = ["SERVICE_DISABLED", "CONSUMER_", "USER_PROJECT_DENIED", "API_KEY_"];
        reasons.iter().any(|reason| self.reason.starts_with(reason))
            || self.says(&["enable billing", "it is disabled", "requests from referer", "are blocked"])
    }
}

fn of_reason(reason: &str) -> Option<ErrorKind> {
    Some(match reason {
        // The key is fine elsewhere: it may not be used from here.
        "API_KEY_HTTP_REFERRER_BLOCKED"
        | "API_KEY_IP_ADDRESS_BLOCKED"
        | "API_KEY_ANDROID_APP_BLOCKED"
        | "API_KEY_IOS_APP_BLOCKED" => Forbidden,
        _ if reason.starts_with("API_KEY_") => Auth,
        _ if reason.starts_with("ACCESS_TOKEN_") => Auth,
        "CREDENTIALS_MISSING" | "ACCOUNT_STATE_INVALID" => Auth,
        "BILLING_DISABLED" => Quota,
        "SERVICE_DISABLED" | "CONSUMER_INVALID" | "CONSUMER_SUSPENDED" | "USER_PROJECT_DENIED" => Forbidden,
        _ => return None,
    })
}

/// `limit: 0`, and not the beginning of another number.
fn says_zero(message: &str) -> bool {
    let goes_on = |rest: &str| rest.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    message
        .match_indices("limit: 0")
        .any(|(at, phrase)| !message.get(at + phrase.len()..).is_some_and(goes_on))
}
