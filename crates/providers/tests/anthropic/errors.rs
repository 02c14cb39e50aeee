//! Every row of the table of errors, as the service sends it.

use std::time::Duration;

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{ErrorKind, Scope};
use serde_json::{Value, json};

use crate::scene::{answer, answer_to};
use crate::transport::Fake;

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

/// A refusal in the service's own shape.
fn row(status: u16, sort: &str, message: &str, kind: ErrorKind) -> Row {
    coded(status, sort, "", message, kind)
}

/// The same, with the machine's word for the case.
fn coded(status: u16, sort: &str, code: &str, message: &str, kind: ErrorKind) -> Row {
    let details = if code.is_empty() { Value::Null } else { json!({ "error_code": code }) };
    let error = json!({ "type": sort, "message": message, "details": details });
    raw(status, &json!({ "type": "error", "error": error, "request_id": "req_body" }).to_string(), kind)
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

    fn of_provider(mut self) -> Self {
        self.scope = Some(Scope::Provider);
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
const LIMIT: &str = "rate_limit_error";

fn rows_400() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContentFilter, ContextLength, Forbidden, Quota, Timeout, Unsupported};
    vec![
        row(400, INVALID, "prompt is too long: 208310 tokens > 200000 maximum", ContextLength).tokens(208_310),
        row(400, INVALID, "prompt is too long", ContextLength),
        row(400, INVALID, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again", ContextLength).tokens(209_573),
        row(400, INVALID, "Thinking may not be enabled when tool_choice forces tool use.", Unsupported),
        row(400, INVALID, "max_tokens: 300000 > 128000, which is the maximum allowed number of output tokens for claude-x", BadRequest).says("maximum allowed"),
        row(400, INVALID, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.", Quota),
        row(400, INVALID, "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", Quota),
        row(400, INVALID, "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", Quota),
        row(400, INVALID, "Output blocked by content filtering policy", ContentFilter),
        row(400, INVALID, "temperature: Extra inputs are not permitted", Unsupported).says("temperature"),
        row(400, INVALID, "top_k: Extra inputs are not permitted", Unsupported),
        row(400, INVALID, "output_config.format: Extra inputs are not permitted", Unsupported),
        row(400, INVALID, "tools.0.custom.strict: Extra inputs are not permitted", Unsupported),
        row(400, INVALID, "frobnicate: Extra inputs are not permitted", BadRequest),
        row(400, INVALID, "messages.1.content.0.text.citations: Extra inputs are not permitted", BadRequest),
        row(400, INVALID, "This model does not support assistant message prefill. The conversation must end with a user message.", Unsupported),
        row(400, INVALID, "prefill not supported", Unsupported),
        row(400, INVALID, "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.", Unsupported),
        row(400, INVALID, "`temperature` is deprecated for this model.", Unsupported),
        row(400, INVALID, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.", Unsupported),
        row(400, INVALID, "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.", Unsupported),
        row(400, INVALID, "messages: final assistant content cannot end with trailing whitespace", Unsupported),
        coded(400, INVALID, "organization_on_hold", "This organization is on hold.", Forbidden).of_provider(),
        row(400, INVALID, "This organization has been disabled.", Forbidden).of_provider(),
        coded(400, INVALID, "request_body_timeout", "The body came too slowly.", Timeout),
        coded(400, INVALID, "organization_not_enrolled_in_beta", "no", Forbidden),
        coded(400, INVALID, "cmek_key_disabled", "no", Forbidden).of_provider(),
        coded(400, INVALID, "somebody_s_new_code", "prompt is too long: 9 tokens > 5 maximum", ContextLength).tokens(9),
        row(400, INVALID, "messages.0.role: Input should be 'user' or 'assistant'", BadRequest).says("messages.0.role"),
        row(400, INVALID, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after", BadRequest),
        // A prompt that is quoted is no evidence.
        row(400, INVALID, "Invalid input: 'Rate limit reached, try again in 20s, overloaded, quota exceeded'", BadRequest),
        row(422, INVALID, "Unprocessable", BadRequest),
        row(422, INVALID, "top_p: Extra inputs are not permitted", Unsupported),
        raw(422, r#"{"detail":[{"loc":["body","messages"],"msg":"field required","type":"missing"}]}"#, BadRequest).says("field required"),
    ]
}

fn rows_access() -> Vec<Row> {
    use ErrorKind::{Auth, BadRequest, Forbidden, ModelNotFound, Quota};
    vec![
        row(401, "authentication_error", "invalid x-api-key", Auth).says("invalid x-api-key"),
        raw(401, "<html><title>401</title></html>", Auth).says("401"),
        row(402, "billing_error", "There is a problem with your payment.", Quota),
        coded(402, "billing_error", "linked_organization_spend_limit_reached", "no", Quota),
        coded(402, "billing_error", "linked_organization_billing_unavailable", "no", Quota),
        raw(402, "", Quota),
        row(
            403,
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
            Forbidden,
        ),
        row(403, "permission_error", "Request not allowed", Forbidden).of_provider(),
        raw(403, "<!DOCTYPE html><html><title>Attention Required!</title>", Forbidden)
            .of_provider()
            .says("Attention"),
        raw(403, "", Forbidden),
        row(404, "not_found_error", "model: claude-x", ModelNotFound).says("model: claude-x"),
        row(404, "not_found_error", "Not Found", BadRequest)
            .says("is https://api.anthropic.com the base URL?"),
        coded(404, "not_found_error", "file_expired", "File not found: file_1", BadRequest).says("file_1"),
        raw(404, "404 page not found", ModelNotFound)
            .says("\"claude-x\" or the base URL https://api.anthropic.com is wrong"),
        raw(404, r#"{"detail":"Not Found"}"#, ModelNotFound).says("base URL"),
        raw(410, "", ModelNotFound),
    ]
}

fn rows_429() -> Vec<Row> {
    use ErrorKind::{Quota, RateLimited};
    let limit = "This request would exceed your organization's rate limit of 30,000 input tokens per minute (org: 1, model: claude-x).";
    let spent = "You have reached your API usage limits: your organization has crossed its monthly API usage threshold. You will regain access on 2026-12-01 at 00:00 UTC.";
    vec![
        row(429, LIMIT, limit, RateLimited).header("retry-after", "34").hint(34.0),
        row(429, LIMIT, limit, RateLimited)
            .header("retry-after-ms", "250")
            .header("retry-after", "34")
            .hint(0.25),
        row(429, LIMIT, limit, RateLimited)
            .header("retry-after", "34")
            .header("x-should-retry", "false")
            .hint(34.0)
            .never_again(),
        row(429, LIMIT, limit, RateLimited)
            .header("anthropic-ratelimit-tokens-reset", "2026-11-21T08:00:00Z"),
        row(429, LIMIT, "Number of request tokens has exceeded your per-minute rate limit", RateLimited),
        row(429, LIMIT, "Number of concurrent connections has exceeded your limit", RateLimited),
        coded(429, LIMIT, "ramp_limit_exceeded", "Usage grows too fast.", RateLimited)
            .header("retry-after", "9")
            .hint(9.0),
        coded(429, LIMIT, "ramp_limit_exceeded", "Usage grows too fast.", RateLimited),
        coded(429, LIMIT, "enforced_spend_limit_reached", spent, Quota),
        coded(429, LIMIT, "contract_spend_limit_reached", "no", Quota),
        // Whoever is out of credit need not wait.
        coded(429, LIMIT, "enforced_spend_limit_reached", spent, Quota).header("retry-after", "20"),
        // Without the code it is the missing hint that tells.
        row(429, LIMIT, spent, Quota),
        row(429, LIMIT, spent, RateLimited).header("retry-after", "20").hint(20.0),
        // Somebody else's limit.
        raw(429, "", RateLimited),
        raw(429, r#"{"error":"Please try again in 20s"}"#, RateLimited).hint(20.0),
        raw(429, "<html><title>Too Many Requests</title></html>", RateLimited).says("Too Many"),
    ]
}

fn rows_server() -> Vec<Row> {
    use ErrorKind::{
        Auth, BadReply, BadRequest, ContextLength, ModelNotFound, Overloaded, Server, Timeout, Unsupported,
    };
    vec![
        raw(408, "", Timeout),
        row(409, "conflict_error", "busy", Server),
        row(413, "request_too_large", "Request exceeds the maximum size", ContextLength),
        coded(413, INVALID, "request_body_too_large_after_decoding", "no", ContextLength),
        raw(413, "<html><title>413 Request Entity Too Large</title></html>", ContextLength).says("413 Request"),
        raw(499, "", Server),
        row(500, "api_error", "Internal server error", Server).says("Internal server error"),
        row(500, "api_error", "Internal server error", Server).header("retry-after", "3").hint(3.0),
        row(500, "api_error", "no", Server).header("x-should-retry", "false").never_again(),
        row(500, "overloaded_error", "Overloaded", Overloaded),
        raw(502, "<html><head><title>502 Bad Gateway</title></head></html>", Server).says("502 Bad Gateway"),
        raw(503, "", Overloaded).header("retry-after", "30").hint(30.0),
        coded(503, "api_error", "cmek_key_unreachable", "no", Overloaded),
        row(504, "timeout_error", "Request timed out", Timeout),
        raw(524, "", Timeout),
        row(529, "overloaded_error", "Overloaded", Overloaded),
        row(529, "overloaded_error", "Overloaded", Overloaded).header("retry-after", "12").hint(12.0),
        raw(529, "", Overloaded),
        raw(405, "", BadRequest),
        raw(304, "", BadReply).never_again(),
        // As llama.cpp says it.
        raw(503, r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#, Overloaded).hint(2.0).not_counted(),
        raw(400, r#"{"error":{"code":400,"message":"request (4100 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":4100,"n_ctx":4096}}"#, ContextLength).tokens(4100),
        raw(401, r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#, Auth),
        raw(400, r#"{"error":{"code":400,"message":"'messages' is required","type":"invalid_request_error"}}"#, BadRequest),
        raw(404, r#"{"error":{"code":404,"message":"model 'claude-x' not found","type":"not_found_error"}}"#, ModelNotFound),
        raw(501, r#"{"error":{"code":501,"message":"no","type":"not_supported_error"}}"#, Unsupported),
        raw(500, r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#, Unsupported),
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
        assert_eq!((error.provider(), error.model()), (Some("anthropic"), Some("claude-x")), "{context}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_too_long_only_without_images() {
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    for body in ["", r#"{"type":"error","error":{"type":"request_too_large","message":"no"}}"#] {
        let error = answer_to(Fake::new(413, body), &image).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
    }
    let long = r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 5"}}"#;
    assert_eq!(answer_to(Fake::new(400, long), &image).await.unwrap_err().kind(), ErrorKind::ContextLength);
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_read_like_any_other() {
    for (body, kind) in [
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#, ErrorKind::Overloaded),
        (r#"{"type":"error","error":{"type":"rate_limit_error","message":"m"}}"#, ErrorKind::RateLimited),
        (r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#, ErrorKind::Server),
        (r#"{"error":{"message":"m","code":429}}"#, ErrorKind::RateLimited),
        (r#"{"error":"something broke"}"#, ErrorKind::Server),
        (r#"{"error":{}}"#, ErrorKind::Server),
    ] {
        let failed = answer(Fake::new(200, body)).await.unwrap_err();
        assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{body}");
    }
    let healthy = r#"{"error":null,"content":[{"type":"text","text":"hi"}]}"#;
    assert_eq!(answer(Fake::new(200, healthy)).await.unwrap().text, "hi");
}

#[tokio::test]
async fn the_id_of_the_request_may_stand_in_the_body_alone() {
    let body = |id: &str| format!(r#"{{"type":"error","error":{{"type":"api_error"}},"request_id":"{id}"}}"#);
    let fake = |id: &str| Fake::new(500, body(id)).header("x-request-id", "");
    assert_eq!(answer(fake("req_9")).await.unwrap_err().request_id(), Some("req_9"));
    assert_eq!(answer(fake("")).await.unwrap_err().request_id(), None);
    assert_eq!(answer(fake(&"x".repeat(200))).await.unwrap_err().request_id(), None);
    let named = fake("req_9").header("request-id", "req_10");
    assert_eq!(answer(named).await.unwrap_err().request_id(), Some("req_9"), "an empty one hides the next");
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
    let huge = r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 99999999999999999999 tokens > 4294967295 + 4294967295"}}"#;
    let bodies: [&[u8]; 9] = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        br#"{"error":[1]}"#,
        br#"{"error":{"message":7,"details":7},"request_id":7}"#,
        br#"{"error":{"type":"invalid_request_error","message":"exceed context limit: 4294967295 + 4294967295 > 1"}}"#,
        huge.as_bytes(),
        deep.as_bytes(),
    ];
    for status in (400..600).step_by(7) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
            assert_eq!(error.facts().needed_tokens, None);
        }
    }
}
