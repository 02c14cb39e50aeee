//! Every row of the table of errors, as the service sends it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_core::ErrorKind;
use backstop_core::chat::{ChatRequest, Message, Part};
use serde_json::json;

use crate::common::fake::Fake;
use crate::common::rows::{Row, row};
use crate::scene::{MODEL, answer, answer_to};

/// A refusal in the service's own shape.
fn said(status: u16, message: &str, kind: ErrorKind) -> Row {
    row(status, json!({ "id": "req_1", "message": message }).to_string(), kind)
}

fn rows_of_the_request() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContextLength, Unsupported};
    vec![
        said(400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292. Try using a shorter prompt, or enabling prompt truncating.", ContextLength).tokens(4292),
        said(400, "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.", ContextLength),
        said(400, "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model - received 8192.", BadRequest),
        said(400, "invalid request: message must be at least 1 token long or tool results must be specified.", BadRequest)
            .says("at least 1 token"),
        said(400, "invalid request: temperature must be between 0 and 1.0 inclusive.", BadRequest),
        said(400, "invalid request: valid input_type must be provided with the provided model", BadRequest),
        said(400, "system turn must be the first in the list", BadRequest),
        said(400, "invalid request: model 'command-r' is not supported by the generate API", Unsupported),
        said(400, "invalid request: response_format is not supported with RAG.", Unsupported),
        said(422, "unknown field: parameter 'requires_confirmation' is not a valid field.", Unsupported),
        said(422, "invalid type: parameter messages is of type string but should be of type object", BadRequest),
        row(400, r#"{"data":{"odd":1}}"#, BadRequest),
        row(413, "", ContextLength),
        said(501, "not implemented", Unsupported),
        // A prompt that is quoted is no evidence.
        said(400, "invalid request: 'limited to 1000 API calls / month, invalid api token'", BadRequest),
    ]
}

fn rows_of_access() -> Vec<Row> {
    use ErrorKind::{Auth, ContentFilter, Forbidden, ModelNotFound, Quota, RateLimited};
    let trial = "You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits";
    let minute = "You are using a Trial key, which is limited to 40 API calls / minute. You can continue to use the Trial key for free";
    vec![
        said(401, "invalid api token", Auth),
        said(401, "no api key supplied", Auth),
        said(401, "Your API key has expired. Please create a production key", Auth).says("has expired"),
        said(402, "Please add or update your payment method at https://dashboard.cohere.com/billing", Quota),
        said(403, "no", Forbidden),
        row(403, "<!doctype html><title>403</title>403 Forbidden", Forbidden),
        said(404, "model 'command-x' not found, make sure the correct model ID was used and that you have access to the model.", ModelNotFound)
            .says("(404): model 'command-x' not found"),
        row(404, "page not found", ModelNotFound).says("or the base URL https://api.cohere.com is wrong"),
        said(429, trial, Quota).header("retry-after", "20"),
        said(429, minute, RateLimited),
        said(429, "You are past the per minute request limit, please wait and try again later.", RateLimited)
            .header("retry-after", "7")
            .hint(7.0),
        said(429, "trial token rate limit exceeded, limit is 100000 tokens per minute", RateLimited)
            .header("retry-after-ms", "250")
            .hint(0.25),
        said(429, minute, RateLimited).header("x-should-retry", "false").never_again(),
        said(429, minute, RateLimited).header("x-ratelimit-reset", "soon"),
        said(429, minute, RateLimited).header("x-ratelimit-reset", "1"),
        row(429, "", RateLimited),
        // What is unsafe is blocked; the name of the status in Cohere's library is another.
        said(498, "blocked input: this request may be a potential violation of our Usage Guidelines", ContentFilter),
        said(498, "unsafe request", ContentFilter),
        said(498, "invalid token", Auth),
    ]
}

fn rows_of_the_server() -> Vec<Row> {
    use ErrorKind::{BadReply, Overloaded, Server, Timeout};
    vec![
        row(408, "", Timeout),
        row(409, "", Server),
        said(499, "request cancelled", Server),
        said(500, "internal server error, this has been reported to our developers.", Server)
            .header("retry-after", "3")
            .hint(3.0),
        row(502, "<html><head><title>502 Bad Gateway</title></head></html>", Server).says("502 Bad Gateway"),
        said(503, "service unavailable", Overloaded).header("x-ratelimit-reset", "4000000000"),
        said(504, "gateway timeout", Timeout),
        row(302, "", BadReply).never_again(),
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_of_the_request(), rows_of_access(), rows_of_the_server()].into_iter().flatten();
    for row in rows {
        let error = answer(row.fake().header("x-debug-trace-id", "trace_1")).await.unwrap_err();
        row.check(&error);
        assert_eq!((error.provider(), error.model()), (Some("cohere"), Some(MODEL)), "{error}");
        assert_eq!(error.request_id(), Some("trace_1"), "{error}");
    }
}

#[tokio::test]
async fn the_id_of_a_request_may_stand_in_the_body() {
    for (body, id) in [
        (r#"{"id":"req_1","message":"no"}"#, Some("req_1")),
        (r#"{"id":"","message":"no"}"#, None),
        (r#"{"id":7,"message":"no"}"#, None),
        (r#"{"message":"no"}"#, None),
        ("no", None),
    ] {
        assert_eq!(answer(Fake::new(400, body)).await.unwrap_err().request_id(), id, "{body}");
    }
    let long = format!(r#"{{"id":"{}","message":"no"}}"#, "x".repeat(200));
    assert_eq!(answer(Fake::new(400, long)).await.unwrap_err().request_id(), None);
}

#[tokio::test]
async fn the_moment_a_limit_begins_anew_is_worth_waiting_for() {
    let soon = SystemTime::now() + Duration::from_secs(30);
    let soon = soon.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let fake = || Fake::new(429, r#"{"message":"slow"}"#).header("x-ratelimit-reset", &soon);
    let wait = answer(fake()).await.unwrap_err().retry_after().unwrap();
    assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30), "{wait:?}");
    // The clock that wrote the moment is the server's.
    let by_clock = Fake::new(429, "")
        .header("date", "Wed, 21 Oct 2015 07:28:00 GMT")
        .header("x-ratelimit-reset", "1445412510");
    assert_eq!(answer(by_clock).await.unwrap_err().retry_after(), Some(Duration::from_secs(30)));
    let stated = answer(fake().header("retry-after", "7")).await.unwrap_err();
    assert_eq!(stated.retry_after(), Some(Duration::from_secs(7)));
    let spent = answer(Fake::new(402, "").header("x-ratelimit-reset", &soon)).await.unwrap_err();
    assert_eq!(spent.retry_after(), None);
}

#[tokio::test]
async fn what_is_too_large_is_too_long_only_without_images() {
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    let error = answer_to(Fake::new(413, ""), &image).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 6] =
        [b"", b"\xff\xfe\x00", b"null", b"[]", br#"{"message":{"odd":7}}"#, deep.as_bytes()];
    for status in (400..600).step_by(13) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
        }
    }
}
