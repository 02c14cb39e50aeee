//! Every row of the table of errors, as the service sends it.

use std::time::Duration;

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{ErrorKind, Scope};
use serde_json::json;

use crate::fake::{Fake, answer, answer_to};

/// A refusal and what it must become.
struct Row {
    status: u16,
    body: String,
    headers: Vec<(&'static str, &'static str)>,
    kind: ErrorKind,
    hint: Option<Duration>,
    comeback: bool,
    counted: bool,
    scope: Option<Scope>,
    tokens: Option<u32>,
    says: &'static str,
}

/// A refusal in the service's own shape. An empty word is `null`.
fn row(status: u16, sort: &str, code: &str, message: &str, kind: ErrorKind) -> Row {
    let word = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    let error = json!({ "message": message, "type": word(sort), "param": null, "code": word(code) });
    raw(status, &json!({ "error": error }).to_string(), kind)
}

fn raw(status: u16, body: &str, kind: ErrorKind) -> Row {
    Row {
        status,
        body: body.to_owned(),
        headers: Vec::new(),
        kind,
        hint: None,
        comeback: true,
        counted: true,
        scope: None,
        tokens: None,
        says: "",
    }
}

impl Row {
    fn param(mut self, param: &str) -> Self {
        self.body = self.body.replace(r#""param":null"#, &format!(r#""param":"{param}""#));
        assert!(self.body.contains(param));
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn hint(mut self, seconds: f64) -> Self {
        self.hint = Some(Duration::from_secs_f64(seconds));
        self
    }

    fn never_again(mut self) -> Self {
        self.comeback = false;
        self
    }

    fn not_counted(mut self) -> Self {
        self.counted = false;
        self
    }

    fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    fn tokens(mut self, tokens: u32) -> Self {
        self.tokens = Some(tokens);
        self
    }

    fn says(mut self, words: &'static str) -> Self {
        self.says = words;
        self
    }
}

const INVALID: &str = "invalid_request_error";

fn rows_400() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContentFilter, ContextLength, Unsupported};
    vec![
        row(400, INVALID, "context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.", ContextLength).tokens(9000),
        row(400, INVALID, "context_length_exceeded", "This model's maximum context length is 4097 tokens. However, you requested 5,000 tokens (4000 in the messages, 1000 in the completion).", ContextLength).tokens(5000),
        row(400, INVALID, "context_length_exceeded", "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", ContextLength).tokens(300_000),
        row(400, INVALID, "context_length_exceeded", "Your input exceeds the context window of this model.", ContextLength),
        row(400, INVALID, "", "This model's maximum context length is 8192 tokens.", ContextLength),
        row(400, INVALID, "string_above_max_length", "string too long. Expected a string with maximum length 10", ContextLength).param("messages[0].content"),
        row(400, INVALID, "string_above_max_length", "string too long. Expected a string with maximum length 10", ContextLength).param("input"),
        row(400, INVALID, "string_above_max_length", "string too long. Expected a string with maximum length 10", BadRequest).param("user"),
        row(400, INVALID, "string_above_max_length", "string too long. Expected a string with maximum length 10", BadRequest).param("metadata.x"),
        row(400, INVALID, "unsupported_parameter", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", Unsupported),
        row(400, INVALID, "unsupported_value", "Unsupported value: 'temperature' does not support 0.2 with this model.", Unsupported),
        row(400, INVALID, "", "Unsupported value: 'temperature' does not support 0.2 with this model.", Unsupported),
        row(400, INVALID, "", "Unrecognized request argument supplied: frobnicate", Unsupported),
        row(400, INVALID, "invalid_prompt", "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", ContentFilter),
        row(400, INVALID, "", "Your prompt was flagged as potentially violating our usage policy.", ContentFilter),
        row(400, INVALID, "content_policy_violation", "Your request was rejected as a result of our safety system.", ContentFilter),
        row(400, INVALID, "", "Your request was rejected as a result of our safety system.", ContentFilter),
        row(400, INVALID, "cyber_policy", "no", ContentFilter),
        row(400, INVALID, "bio_policy", "no", ContentFilter),
        row(400, INVALID, "misalignment_policy_violation", "no", ContentFilter),
        row(400, INVALID, "image_content_policy_violation", "no", ContentFilter),
        row(400, INVALID, "invalid_image", "no", BadRequest),
        row(400, INVALID, "invalid_image_format", "no", BadRequest),
        row(400, INVALID, "image_parse_error", "no", BadRequest),
        row(400, INVALID, "failed_to_download_image", "no", BadRequest),
        row(400, INVALID, "", "The requested service tier is not allowed for this project", Unsupported).param("service_tier"),
        row(400, INVALID, "", "Could not finish the message because max_tokens or model output limit was reached.", BadRequest),
        row(400, INVALID, "", "Invalid 'messages[0].role': 'clown'.", BadRequest).says("clown"),
        // A prompt that is quoted is no evidence.
        row(400, INVALID, "", "Invalid input: 'Rate limit reached, try again in 20s, quota exceeded'", BadRequest),
        row(422, INVALID, "", "Unprocessable", BadRequest),
    ]
}

fn rows_access() -> Vec<Row> {
    use ErrorKind::{Auth, Forbidden, ModelNotFound};
    vec![
        row(401, INVALID, "invalid_api_key", "Incorrect API key provided: sk-abc*****wxyz.", Auth),
        row(401, INVALID, "", "You didn't provide an API key.", Auth),
        row(
            401,
            INVALID,
            "",
            "You have insufficient permissions for this operation. Missing scopes: model.request",
            Forbidden,
        ),
        row(401, INVALID, "", "You must be a member of an organization to use the API", Forbidden)
            .scope(Scope::Provider),
        row(401, INVALID, "", "IP not authorized", Forbidden).scope(Scope::Provider),
        row(401, INVALID, "", "Not authorized", Auth),
        raw(401, "<html><title>401</title></html>", Auth).says("401"),
        row(
            403,
            "request_forbidden",
            "unsupported_country_region_territory",
            "Country, region, or territory not supported",
            Forbidden,
        )
        .scope(Scope::Provider),
        row(
            403,
            INVALID,
            "model_not_found",
            "Project `proj_1` does not have access to model `gpt-x`",
            ModelNotFound,
        ),
        row(403, INVALID, "", "Project `proj_1` does not have access to model `gpt-x`", ModelNotFound)
            .says("gpt-x"),
        row(403, INVALID, "", "no", Forbidden),
        row(
            404,
            INVALID,
            "model_not_found",
            "The model `gpt-x` does not exist or you do not have access to it.",
            ModelNotFound,
        )
        .says("The model `gpt-x` does not exist"),
        row(404, INVALID, "unknown_url", "Unknown request URL: POST /chat/completions.", ModelNotFound)
            .says("\"gpt-x\" or the base URL https://api.openai.com/v1 is wrong"),
        raw(404, "404 page not found", ModelNotFound).says("https://api.openai.com/v1"),
        row(410, INVALID, "", "The model has been retired", ModelNotFound).says("retired"),
    ]
}

fn rows_429() -> Vec<Row> {
    use ErrorKind::{Overloaded, Quota, RateLimited};
    let quota = "You exceeded your current quota, please check your plan and billing details.";
    let limit = "Rate limit reached for gpt-x in organization org-1 on tokens per min (TPM): Limit 30000, Used 29500, Requested 1400.";
    let again =
        format!("{limit} Please try again in 1.8s. Visit https://platform.openai.com/account/rate-limits");
    let large = "Request too large for gpt-x in organization org-1 on tokens per min (TPM): Limit 30000, Requested 90000.";
    let per_day = "Rate limit reached for gpt-x on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s.";
    vec![
        row(429, "insufficient_quota", "insufficient_quota", quota, Quota),
        row(429, "insufficient_quota", "", quota, Quota),
        row(429, "", "", quota, Quota),
        row(
            429,
            "insufficient_quota",
            "billing_hard_limit_reached",
            "Billing hard limit has been reached",
            Quota,
        ),
        row(429, "insufficient_quota", "billing_not_active", "Your account is not active", Quota),
        row(429, "", "credit_balance_exhausted", "no credit", Quota),
        row(429, "", "project_spend_limit_exceeded", "no", Quota),
        row(429, "", "organization_usage_limit_exceeded", "no", Quota),
        // Whoever is out of credit need not wait.
        row(429, "insufficient_quota", "insufficient_quota", quota, Quota).header("retry-after", "20"),
        row(429, "tokens", "rate_limit_exceeded", &again, RateLimited).hint(1.8),
        row(429, "tokens", "rate_limit_exceeded", &again, RateLimited).header("retry-after", "7").hint(7.0),
        row(429, "tokens", "rate_limit_exceeded", &again, RateLimited)
            .header("retry-after-ms", "250")
            .hint(0.25),
        row(429, "requests", "rate_limit_exceeded", limit, RateLimited)
            .header("x-ratelimit-reset-tokens", "6m0s"),
        row(429, "requests", "", limit, RateLimited),
        row(429, "tokens", "rate_limit_exceeded", limit, RateLimited)
            .header("x-should-retry", "false")
            .never_again(),
        row(429, "tokens", "rate_limit_exceeded", limit, RateLimited).header("x-should-retry", "true"),
        row(429, "tokens", "rate_limit_exceeded", large, RateLimited).never_again(),
        row(429, "rate_limit_error", "slow_down", "Slow down", Overloaded)
            .header("retry-after", "9")
            .hint(9.0),
        row(429, "requests", "rate_limit_exceeded", per_day, RateLimited).hint(432.0),
        row(429, "", "", "Resource unavailable", Overloaded),
        row(429, "requests", "", "That model is currently overloaded with other requests.", Overloaded),
        raw(429, "", RateLimited),
    ]
}

fn rows_server() -> Vec<Row> {
    use ErrorKind::{
        Auth, BadReply, BadRequest, ContextLength, ModelNotFound, Overloaded, Server, Timeout, Unsupported,
    };
    vec![
        raw(408, "", Timeout),
        row(409, "", "", "lock", Server),
        raw(413, "<html><title>413 Request Entity Too Large</title></html>", ContextLength).says("413 Request"),
        row(500, "server_error", "", "The server had an error while processing your request", Server),
        row(500, "server_error", "server_error", "The server had an error", Server).header("retry-after", "3").hint(3.0),
        row(500, "server_error", "", "no", Server).header("x-should-retry", "false").never_again(),
        raw(502, "<html><head><title>502 Bad Gateway</title></head></html>", Server).says("502 Bad Gateway"),
        raw(504, "<html></html>", Timeout),
        raw(520, "", Server),
        raw(522, "", Timeout),
        raw(523, "", Server),
        raw(524, "", Timeout),
        row(503, "service_unavailable_error", "server_is_overloaded", "no", Overloaded),
        row(503, "service_unavailable_error", "slow_down", "no", Overloaded),
        row(503, "server_error", "", "The engine is currently overloaded, please try again later", Overloaded),
        raw(503, "", Overloaded).header("retry-after", "30").hint(30.0),
        raw(529, "", Overloaded),
        // Servers of this wire on one's own machine.
        raw(503, r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#, Overloaded).hint(2.0).not_counted(),
        raw(400, r#"{"error":{"code":400,"message":"request (4100 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":4100,"n_ctx":4096}}"#, ContextLength).tokens(4100),
        raw(400, r#"{"error":{"message":"Input length (5000) exceeds model's maximum context length (4096).","type":"BadRequestError","param":null,"code":400}}"#, ContextLength).tokens(5000),
        raw(401, r#"{"error":"Unauthorized"}"#, Auth).says("Unauthorized"),
        raw(404, r#"{"object":"error","message":"The model `gpt-x` does not exist.","type":"NotFoundError","code":404}"#, ModelNotFound).says("base URL"),
        raw(501, r#"{"error":{"code":501,"message":"no embeddings","type":"not_supported_error"}}"#, Unsupported),
        raw(500, r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#, Unsupported),
        raw(422, r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"missing"}]}"#, BadRequest).says("field required"),
        raw(405, "", BadRequest),
        raw(304, "", BadReply).never_again(),
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_400(), rows_access(), rows_429(), rows_server()].into_iter().flatten();
    for (n, row) in rows.enumerate() {
        let mut fake = Fake::new(row.status, row.body.clone());
        for (name, value) in &row.headers {
            fake = fake.header(name, value);
        }
        let error = answer(fake).await.unwrap_err();
        let facts = error.facts();
        let context = format!("row {n}: {} {} → {error}", row.status, row.body);
        assert_eq!(error.kind(), row.kind, "{context}");
        assert_eq!(error.retry_after(), row.hint, "{context}");
        assert_eq!(facts.comeback, row.comeback, "{context}");
        assert_eq!(facts.counted, row.counted, "{context}");
        assert_eq!(facts.scope, row.scope, "{context}");
        assert_eq!(facts.needed_tokens, row.tokens, "{context}");
        assert!(error.to_string().contains(row.says), "{context}");
        assert_eq!(error.status(), Some(row.status), "{context}");
        assert_eq!(error.request_id(), Some("req_1"), "{context}");
        assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-x")), "{context}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_too_long_only_without_images() {
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    let error = answer_to(Fake::new(413, ""), &image).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_read_like_any_other() {
    for (error, kind) in [
        (
            r#"{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}"#,
            ErrorKind::ContextLength,
        ),
        (r#"{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}"#, ErrorKind::Quota),
        (r#"{"message":"m","type":"server_error","code":null}"#, ErrorKind::Server),
        (r#"{"message":"m","type":"invalid_request_error","code":null}"#, ErrorKind::BadRequest),
        (r#"{"message":"m","code":429}"#, ErrorKind::RateLimited),
        (r#"{"message":"m","code":502}"#, ErrorKind::Server),
        (r#""something broke""#, ErrorKind::Server),
        ("{}", ErrorKind::Server),
    ] {
        let failed = answer(Fake::new(200, format!(r#"{{"error":{error}}}"#))).await.unwrap_err();
        assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{error}");
    }
    let healthy = r#"{"error":null,"choices":[{"message":{"content":"hi"}}]}"#;
    assert_eq!(answer(Fake::new(200, healthy)).await.unwrap().text, "hi");
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_may_say_when_to_come_back() {
    let body = r#"{"error":{"message":"Please try again in 20ms.","code":"rate_limit_exceeded"}}"#;
    let error = answer(Fake::new(200, body)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_millis(20)));
}

#[tokio::test]
async fn a_date_counts_from_the_servers_own_clock() {
    let fake = Fake::new(429, "")
        .header("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")
        .header("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_eq!(answer(fake).await.unwrap_err().retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        br#"{"error":[1]}"#,
        br#"{"error":{"message":7}}"#,
        deep.as_bytes(),
    ];
    for status in (400..600).step_by(7) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
        }
    }
}
