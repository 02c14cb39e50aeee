//! Every row of the table of errors, as the service sends it.

use backstop_core::ErrorKind;
use backstop_core::chat::{ChatRequest, Message, Part};
use serde_json::json;

use crate::common::fake::Fake;
use crate::common::rows::{Row, row};
use crate::scene::{MODEL, answer, answer_to};

/// A refusal in the service's own shape. An empty word is `null`.
fn said(status: u16, sort: &str, code: &str, message: &str, kind: ErrorKind) -> Row {
    let word = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    let body = json!({ "object": "error", "message": message, "type": word(sort), "param": null, "code": word(code) });
    row(status, body.to_string(), kind)
}

const INVALID: &str = "invalid_request_error";

fn rows_of_the_request() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContextLength, ModelNotFound, Unsupported};
    let long = "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length";
    vec![
        said(400, "invalid_model", "1500", "Invalid model: mistral-x", ModelNotFound).says("): Invalid model: mistral-x"),
        said(400, "unknown_model", "", "no such model", ModelNotFound).says("): no such model"),
        said(400, INVALID, "", "Invalid model: mistral-x", ModelNotFound),
        said(404, "invalid_model", "", "gone", ModelNotFound),
        said(400, INVALID, "3051", long, ContextLength).tokens(40_000),
        said(400, INVALID, "", "too many tokens", ContextLength),
        said(400, INVALID, "", "Too many tokens in batch. Max is 16384 got 17555", ContextLength).tokens(17_555),
        said(400, "invalid_request_prompt", "3210", "Too many tokens overall, split into more batches.", ContextLength),
        said(400, "invalid_request_prompt", "3210", "Too many inputs in request, split into more batches.", BadRequest),
        said(400, "invalid_request_invalid_args", "3051", "FIM is not enabled for this model", Unsupported),
        said(400, "invalid_request_invalid_args", "3051", "Function calling is not enabled for this model", Unsupported),
        said(400, INVALID, "", "reasoning_effort='low' is not supported for this model", Unsupported),
        said(400, "invalid_request_message_order", "3230", "Unexpected role 'user' after role 'tool'", BadRequest),
        said(400, INVALID, "", "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant", BadRequest),
        row(
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":32000}]},"type":"invalid_request_error","param":null,"code":null}"#,
            Unsupported,
        )
        .says("Extra inputs are not permitted (body.max_completion_tokens)"),
        row(
            422,
            r#"{"object":"Error","detail":[{"type":"extra_forbidden","loc":["body","tools"],"msg":"Extra inputs are not permitted"}],"message":[],"type":"invalid_request_error","code":3001}"#,
            Unsupported,
        ),
        row(422, r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}}]}"#, BadRequest)
            .says("Field required (body.messages)"),
        row(
            422,
            json!({ "object": "error", "message": r#"{"detail":[{"type":"extra_forbidden","loc":["body","n"],"msg":"Extra inputs are not permitted"}]}"#, "type": "internal_error_proxy", "code": "1000" }).to_string(),
            Unsupported,
        ),
        row(413, "", ContextLength),
        // A prompt that is quoted is no evidence.
        said(400, INVALID, "", "Invalid input: 'Rate limit exceeded, capacity exceeded, monthly'", BadRequest),
    ]
}

fn rows_of_access() -> Vec<Row> {
    use ErrorKind::{Auth, ContentFilter, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited};
    vec![
        row(401, r#"{"detail":"Unauthorized"}"#, Auth).says("Unauthorized"),
        row(401, r#"{"message":"Unauthorized","request_id":"2ba0512a"}"#, Auth),
        said(402, INVALID, "", "spend limit reached", Quota),
        said(403, INVALID, "", "your tier does not include this model", Forbidden),
        said(403, "guardrail", "", "The request was blocked by a guardrail", ContentFilter),
        said(403, INVALID, "", "refused by moderation", ContentFilter),
        row(
            404,
            r#"{"message":"no Route matched with those values","request_id":"2ba0512a"}"#,
            ModelNotFound,
        )
        .says("or the base URL https://api.mistral.ai/v1 is wrong"),
        said(429, "rate_limited", "1300", "Rate limit exceeded", RateLimited),
        said(429, "rate_limited", "1300", "Rate limit exceeded", RateLimited)
            .header("retry-after", "7")
            .hint(7.0),
        said(429, "rate_limited", "1300", "Rate limit exceeded", RateLimited)
            .header("x-should-retry", "false")
            .never_again(),
        row(429, r#"{"message":"Requests rate limit exceeded"}"#, RateLimited)
            .header("x-ratelimit-limit-req-minute", "60"),
        said(
            429,
            "service_tier_capacity_exceeded",
            "3505",
            "Service tier capacity exceeded for this model.",
            Overloaded,
        ),
        said(429, INVALID, "", "Service tier capacity exceeded for this model.", Overloaded),
        said(429, "service_tier_capacity_exceeded", "", "no", Overloaded),
        said(429, "rate_limited", "", "no", RateLimited),
        said(429, INVALID, "3505", "no", Overloaded).header("retry-after", "9").hint(9.0),
        said(503, INVALID, "", "Service tier capacity exceeded for this model.", Overloaded),
        said(429, "rate_limited", "1300", "You have exceeded your monthly tokens", Quota)
            .header("retry-after", "9"),
        row(429, "", RateLimited),
    ]
}

fn rows_of_the_server() -> Vec<Row> {
    use ErrorKind::{BadReply, Overloaded, Server, Timeout};
    vec![
        row(408, "", Timeout),
        said(500, "internal_server_error", "1000", "Internal error", Server)
            .header("retry-after", "3")
            .hint(3.0),
        row(502, "<html><head><title>502 Bad Gateway</title></head></html>", Server).says("502 Bad Gateway"),
        row(503, r#"{"message":"The upstream server is currently unavailable"}"#, Overloaded),
        row(504, r#"{"message":"The upstream server is timing out"}"#, Timeout),
        row(520, "", Server),
        row(302, "", BadReply).never_again(),
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_of_the_request(), rows_of_access(), rows_of_the_server()].into_iter().flatten();
    for row in rows {
        for header in ["mistral-correlation-id", "x-kong-request-id"] {
            let error = answer(row.fake().header(header, "req_1")).await.unwrap_err();
            row.check(&error);
            assert_eq!((error.provider(), error.model()), (Some("mistral"), Some(MODEL)), "{error}");
            assert_eq!(error.request_id(), Some("req_1"), "{error}");
        }
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
    for (body, kind) in [
        (r#"{"object":"error","message":"m","type":"rate_limited","code":"1300"}"#, ErrorKind::RateLimited),
        (r#"{"object":"error","message":"m","raw_status_code":503}"#, ErrorKind::Overloaded),
        (r#"{"error":{"message":"m","type":"invalid_model"}}"#, ErrorKind::ModelNotFound),
        (r#"{"error":"something broke"}"#, ErrorKind::Server),
        (r#"{"error":{}}"#, ErrorKind::Server),
    ] {
        let failed = answer(Fake::new(200, body)).await.unwrap_err();
        assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{body}");
    }
    let healthy = r#"{"object":"chat.completion","error":null,"choices":[{"message":{"content":"hi"}}]}"#;
    assert_eq!(answer(Fake::new(200, healthy)).await.unwrap().text, "hi");
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        br#"{"message":{"detail":[7]}}"#,
        br#"{"detail":[{"msg":"m","loc":[null,{}]}]}"#,
        deep.as_bytes(),
    ];
    for status in (400..600).step_by(13) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
        }
    }
}
