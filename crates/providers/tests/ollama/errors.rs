//! Every row of the table of errors, as the server sends it.

use std::sync::Arc;

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{Ask, ErrorKind, Provider, Scope};
use backstop_providers::ollama::OllamaConfig;
use serde_json::json;

use crate::common::fake::Fake;
use crate::common::rows::{Row, row};
use crate::scene::{MODEL, answer, answer_to, with};

/// A refusal in the server's own shape.
fn said(status: u16, message: &str, kind: ErrorKind) -> Row {
    row(status, json!({ "error": message }).to_string(), kind)
}

fn rows_of_the_request() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContextLength, Forbidden, ModelNotFound, Unsupported};
    let long = "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length";
    let inner = r#"{"error":{"code":400,"message":"request (4100 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":4100,"n_ctx":4096}}"#;
    vec![
        said(400, "missing request body", BadRequest).says("missing request body"),
        said(400, "model is required", BadRequest),
        said(400, "invalid model name", ModelNotFound),
        said(400, "invalid input type", BadRequest),
        said(
            400,
            "json: cannot unmarshal number into Go struct field Message.messages.content of type string",
            BadRequest,
        ),
        said(400, "illegal base64 data at input byte 4", BadRequest),
        said(400, "\"gemma4\" does not support thinking", Unsupported).says("does not support thinking"),
        said(400, "\"gemma4\" does not support chat", Unsupported),
        said(400, "\"gemma4\" does not support generate", Unsupported),
        said(400, "registry.ollama.ai/library/gemma4:latest does not support tools", Unsupported),
        said(400, "registry.ollama.ai/library/gemma4:latest does not support insert", Unsupported),
        said(400, "this model only supports one image while more than one image requested", Unsupported),
        said(
            500,
            "this model only supports one image while more than one image requested",
            ErrorKind::Server,
        ),
        said(400, "image generation models are not currently supported", Unsupported),
        said(400, "this server cannot run this remote model", Forbidden),
        said(400, long, ContextLength).says("num_ctx of provider `ollama` sets the window"),
        said(400, "the input length exceeds the context length", ContextLength),
        said(400, "input after truncation exceeds maximum context length", ContextLength),
        said(400, "input exceeds maximum context length and cannot be truncated further", ContextLength),
        // What the server behind the server says, in a text of its own.
        said(400, inner, ContextLength).tokens(4100).says("(400): request (4100 tokens) exceeds"),
        said(404, "model 'gemma4' not found", ModelNotFound).says("install it with `ollama pull gemma4`"),
        said(404, "model \"gemma4\" not found, try pulling it first", ModelNotFound)
            .says("not found, try pulling it first"),
        row(404, "404 page not found", ModelNotFound)
            .says("the model \"gemma4\" or the base URL http://127.0.0.1:11434 is wrong"),
        said(410, "model 'old' was retired", ModelNotFound),
        said(413, "too large", ContextLength),
        said(422, "odd", BadRequest),
        // A prompt that is quoted is no evidence.
        said(400, "invalid: 'usage limit, server busy, concurrent request'", BadRequest),
    ]
}

fn rows_of_access() -> Vec<Row> {
    use ErrorKind::{Auth, Forbidden, Quota, RateLimited};
    let limit = "you (somebody) have reached your session usage limit, upgrade for higher limits: https://ollama.com/upgrade";
    vec![
        row(401, r#"{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=x"}"#, Auth)
            .scope(Scope::Target)
            .says("sign in with `ollama signin`"),
        // A proxy in front of the server refuses the key as such.
        said(401, "unauthorized", Auth),
        row(401, "<html><title>401 Authorization Required</title></html>", Auth).says("401 Authorization"),
        said(403, "ollama cloud is disabled: remote model is unavailable", Forbidden).says("remote model"),
        said(429, limit, Quota).scope(Scope::Target),
        said(429, "you've reached your hourly usage limit, please wait or upgrade to continue", Quota)
            .scope(Scope::Target),
        said(429, "you've reached your weekly usage limit, please wait or upgrade to continue", Quota)
            .header("retry-after", "20")
            .scope(Scope::Target),
        said(402, "payment required", Quota).scope(Scope::Target),
        said(429, "too many concurrent requests", RateLimited),
        said(429, "too many requests", RateLimited).header("retry-after", "7").hint(7.0),
        said(429, "too many requests", RateLimited).header("retry-after-ms", "250").hint(0.25),
        said(429, "too many requests", RateLimited).header("x-should-retry", "false").never_again(),
        said(503, "timed out waiting for a concurrent request slot", RateLimited),
        row(429, "", RateLimited),
    ]
}

fn rows_of_the_server() -> Vec<Row> {
    use ErrorKind::{BadReply, Overloaded, Server, Timeout, Unsupported};
    vec![
        said(408, "", Timeout),
        said(499, "request canceled", Server),
        said(500, "model requires more system memory (8.0 GiB) than is available (4.0 GiB)", Server)
            .never_again(),
        said(500, "llama runner process has terminated: exit status 2", Server).says("has terminated"),
        said(500, "timed out waiting for llama runner to start", Server),
        said(501, "", Unsupported),
        said(502, "cloud model cannot be reached", Server),
        said(503, "server busy, please try again.  maximum pending requests exceeded", Overloaded),
        said(500, "server busy, please try again.  maximum pending requests exceeded", Overloaded),
        said(503, "busy", Overloaded).header("retry-after", "3").hint(3.0),
        row(504, "<html></html>", Timeout),
        row(304, "", BadReply).never_again(),
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_of_the_request(), rows_of_access(), rows_of_the_server()].into_iter().flatten();
    for row in rows {
        let error = answer(row.fake().header("x-request-id", "req_1")).await.unwrap_err();
        row.check(&error);
        assert_eq!((error.provider(), error.model()), (Some("ollama"), Some(MODEL)), "{error}");
        assert_eq!(error.request_id(), Some("req_1"), "{error}");
    }
}

#[tokio::test]
async fn at_ollamas_own_servers_a_limit_is_that_of_the_account() {
    let limit = json!({ "error": "you have reached your weekly usage limit, upgrade for higher limits" });
    for (status, body, kind, says) in [
        (429, limit.to_string(), ErrorKind::Quota, "weekly usage limit"),
        (401, r#"{"error":"unauthorized"}"#.to_owned(), ErrorKind::Auth, "unauthorized"),
        (
            404,
            r#"{"error":"model \"x\" not found"}"#.to_owned(),
            ErrorKind::ModelNotFound,
            "): model \"x\" not found",
        ),
    ] {
        let fake = Arc::new(Fake::new(status, body));
        let cloud = with(OllamaConfig::cloud("key-12345"), &fake);
        let error = cloud.chat(Ask::new("x"), &ChatRequest::user("hi")).await.unwrap_err();
        assert_eq!((error.kind(), error.facts().scope), (kind, None));
        assert!(error.to_string().ends_with(says) || kind == ErrorKind::Quota, "{error}");
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
        (r#""\"m\" does not support tools""#, ErrorKind::Unsupported),
        (r#""something broke""#, ErrorKind::Server),
        ("{}", ErrorKind::Server),
    ] {
        let failed = answer(Fake::new(200, format!(r#"{{"error":{error}}}"#))).await.unwrap_err();
        assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{error}");
    }
    let healthy = r#"{"error":null,"message":{"content":"hi"},"done":true}"#;
    assert_eq!(answer(Fake::new(200, healthy)).await.unwrap().text, "hi");
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 6] = [b"", b"\xff\xfe\x00", b"null", b"[]", br#"{"error":[1]}"#, deep.as_bytes()];
    for status in (400..600).step_by(13) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
        }
    }
}
