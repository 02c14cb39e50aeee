//! Answers that spell the OpenAI wire, as values.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use wiremock::ResponseTemplate;

use super::openai::{self, Completion, MODEL, error};
use super::script::Script;

/// The request id of every JSON recipe, in `x-request-id`.
const REQUEST_ID: &str = "req_testkit";
const INVALID: &str = "invalid_request_error";

/// One well-formed HTTP answer: what a [`FailingServer`](super::FailingServer) gives out.
///
/// ```
/// use std::time::Duration;
/// use backstop_testkit::server::{Recipe, RetryHint};
///
/// let limited = Recipe::rate_limited(RetryHint::Seconds(7)).header("x-should-retry", "false");
/// assert_eq!(limited.status, 429);
/// assert!(limited.headers.contains(&("retry-after".to_owned(), "7".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipe {
    /// The HTTP status.
    pub status: u16,
    /// All headers but `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body, which need not be JSON, nor text.
    pub body: Vec<u8>,
    /// How long the server waits before it sends anything.
    pub delay: Duration,
}

/// How a rate limit says when to come back.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RetryHint {
    /// It does not.
    None,
    /// `retry-after: 7`.
    Seconds(u64),
    /// `retry-after: 1.5`.
    Fraction(f64),
    /// `retry-after: Wed, 21 Oct 2015 07:28:00 GMT`.
    Date(SystemTime),
    /// `retry-after-ms: 1500`.
    Millis(u64),
    /// "Please try again in 1.8s" in the message, and no header.
    Message(String),
}

impl Recipe {
    /// Any status, with a body that is called JSON unless [`header`](Self::header) says otherwise.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = [("content-type", "application/json"), ("x-request-id", REQUEST_ID)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { status, headers, body: body.into(), delay: Duration::ZERO }
    }

    /// An error body of the OpenAI wire under any status.
    pub fn error(status: u16, kind: &str, code: Option<&str>, param: Option<&str>, message: &str) -> Self {
        Self::json(status, &error(message, kind, code, param))
    }

    fn json(status: u16, body: &Value) -> Self {
        Self::status(status, body.to_string())
    }

    /// The same answer with this header, which replaces one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same answer, later.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// 200 with a whole reply of this text.
    pub fn healthy(text: impl Into<String>) -> Self {
        Self::completion(&Completion::text(text))
    }

    /// 200 with this reply.
    pub fn completion(completion: &Completion) -> Self {
        Self::json(200, &completion.json())
    }

    /// 200 with a whole continuation of a text, as `POST /completions` gives it, that used 3 and 2 tokens.
    pub fn continuation(text: &str) -> Self {
        Self::json(200, &openai::continuation(text, 3, 2))
    }

    /// 200 with these vectors, as `POST /embeddings` gives them; each used one token.
    pub fn embeddings(vectors: &[Vec<f32>]) -> Self {
        Self::json(200, &openai::embeddings(vectors))
    }

    /// 429 of the passing kind.
    pub fn rate_limited(hint: RetryHint) -> Self {
        let again = match &hint {
            RetryHint::Message(time) => format!(" Please try again in {time}."),
            _ => String::new(),
        };
        let message = format!(
            "Rate limit reached for {MODEL} in organization org-test on tokens per min (TPM): Limit 30000, \
             Used 29500, Requested 1400.{again} Visit https://platform.openai.com/account/rate-limits to learn more."
        );
        let recipe = Self::error(429, "tokens", Some("rate_limit_exceeded"), None, &message);
        match hint {
            RetryHint::None | RetryHint::Message(_) => recipe,
            RetryHint::Seconds(seconds) => recipe.header("retry-after", seconds.to_string()),
            RetryHint::Fraction(seconds) => recipe.header("retry-after", seconds.to_string()),
            RetryHint::Date(date) => recipe.header("retry-after", http_date(date)),
            RetryHint::Millis(millis) => recipe.header("retry-after-ms", millis.to_string()),
        }
    }

    /// 429 of the lasting kind: the account is out of credit.
    pub fn insufficient_quota() -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Self::error(429, "insufficient_quota", Some("insufficient_quota"), None, message)
    }

    /// 503, too busy.
    pub fn overloaded() -> Self {
        let message = "The engine is currently overloaded, please try again later.";
        Self::error(503, "service_unavailable_error", Some("server_is_overloaded"), None, message)
    }

    /// 500.
    pub fn server_error() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!";
        Self::error(500, "server_error", None, None, message)
    }

    /// 401 for a wrong key.
    pub fn unauthorized() -> Self {
        let message = "Incorrect API key provided: sk-test****0000.";
        Self::error(401, INVALID, Some("invalid_api_key"), None, message)
    }

    /// 403 for a place that is not served.
    pub fn forbidden() -> Self {
        let code = Some("unsupported_country_region_territory");
        Self::error(403, "request_forbidden", code, None, "Country, region, or territory not supported")
    }

    /// 404 for a model nobody knows.
    pub fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self::error(404, INVALID, Some("model_not_found"), None, &message)
    }

    /// 400 for a prompt of `needed` tokens at a window of `limit`.
    pub fn context_length_exceeded(limit: u64, needed: u64) -> Self {
        let message = format!(
            "This model's maximum context length is {limit} tokens. However, your messages resulted in {needed} \
             tokens. Please reduce the length of the messages."
        );
        Self::error(400, INVALID, Some("context_length_exceeded"), Some("messages"), &message)
    }

    /// 200 that was stopped by the filter, after `text`.
    pub fn content_filter(text: impl Into<String>) -> Self {
        Self::completion(&Completion::text(text).finish_reason("content_filter"))
    }

    /// 200 in which the model refuses.
    pub fn refusal(words: impl Into<String>) -> Self {
        Self::completion(&Completion::silent().refusal(words))
    }

    /// 400 that names no class.
    pub fn bad_request() -> Self {
        let message = "Invalid value for 'messages': expected an array.";
        Self::error(400, INVALID, None, Some("messages"), message)
    }

    /// 400 for a parameter this model does not take.
    pub fn unsupported_parameter(param: &str) -> Self {
        let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
        Self::error(400, INVALID, Some("unsupported_parameter"), Some(param), &message)
    }

    /// 200 with JSON that stops in the middle, under an honest `content-length`.
    pub fn garbage_200() -> Self {
        Self::status(200, "{\"id\": \"chatcmpl-test\", \"choices\": [{\"index\"")
    }

    /// 200 with a page for people: a captive portal, a wrong base URL.
    pub fn html_200() -> Self {
        Self::html(200)
    }

    /// Any status with a page for people, as proxies in front of a provider give it.
    pub fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html><html><head><title>Gateway</title></head><body>Hello.</body></html>";
        Self::status(status, page).header("content-type", "text/html; charset=utf-8")
    }

    /// 200 with a reply whose text holds bytes that are not UTF-8.
    pub fn not_utf8_200() -> Self {
        let mut body =
            b"{\"id\":\"chatcmpl-test\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"".to_vec();
        body.extend([0xff, 0xfe, 0xc3]);
        body.extend(b"\"},\"finish_reason\":\"stop\"}]}");
        Self::status(200, body)
    }

    /// 200 with a well-formed reply that says nothing.
    pub fn empty_200() -> Self {
        Self::completion(&Completion::text("").usage(9, 0))
    }

    /// 200 without a body.
    pub fn no_body_200() -> Self {
        Self::status(200, "")
    }

    /// 200 with an error object in place of a reply.
    pub fn error_in_200() -> Self {
        Self { status: 200, ..Self::server_error() }
    }

    /// 307 to somewhere else.
    pub fn redirect(to: &str) -> Self {
        Self::status(307, "").header("location", to)
    }

    /// Another answer, later: not a byte is sent before.
    pub fn slow_headers(delay: Duration, then: Self) -> Self {
        then.after(delay)
    }

    /// The one place where a recipe becomes wiremock's.
    pub(super) fn template(&self) -> ResponseTemplate {
        let template =
            ResponseTemplate::new(self.status).set_body_bytes(self.body.clone()).set_delay(self.delay);
        self.headers
            .iter()
            .fold(template, |template, (name, value)| template.append_header(name.as_str(), value.as_str()))
    }
}

impl From<Recipe> for Script {
    /// The same answer, on a [`RawServer`](super::RawServer).
    fn from(recipe: Recipe) -> Self {
        let headers: Vec<(&str, &str)> =
            recipe.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let script = Self::replies(recipe.status, &headers, &recipe.body);
        if recipe.delay.is_zero() { script } else { Self::slow_headers(recipe.delay, script) }
    }
}

/// An IMF-fixdate; moments before 1970 are 1970.
fn http_date(at: SystemTime) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    let weekday = WEEKDAYS.iter().cycle().nth((days % 7) as usize).copied().unwrap_or_default();

    // Days are counted in eras of 400 years that begin on 1 March, so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year_of_era + u64::from(month >= 10);
    let month = MONTHS.get(month as usize).copied().unwrap_or_default();
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}
