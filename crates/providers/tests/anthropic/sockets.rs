//! What happens on the wire itself, over real sockets.

use std::future::poll_fn;
use std::time::Duration;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
use tokio::time::timeout;

use crate::scene::{END, KEY, MODEL, START, begin, delta, reason};
use crate::server::{Act, Server, response};

const BODY: &str = r#"{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}"#;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\r\n";

fn provider(server: &Server) -> Anthropic {
    let base_url = format!("http://127.0.0.1:{}", server.port);
    Anthropic::new(AnthropicConfig::new(KEY).with_base_url(base_url).with_name("mirror")).unwrap()
}

async fn ask(provider: &Anthropic) -> Result<ChatReply, Error> {
    provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await
}

#[tokio::test]
async fn a_target_with_a_key_of_its_own_does_not_see_the_providers() {
    let answer = response("200 OK", "content-type: application/json\r\n", BODY);
    let mut server = Server::start(Act::Answer(answer)).await;
    let mut overrides = Overrides::default();
    overrides.headers.push(("Authorization".to_owned(), "Bearer own-token".to_owned()));
    let own = Ask::new(MODEL).with_overrides(&overrides);
    provider(&server).chat(own, &ChatRequest::user("hello")).await.unwrap();
    let request = server.wait_for_request().await;
    assert!(request.contains("authorization: Bearer own-token") && !request.contains(KEY), "{request}");
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let answer = response("200 OK", "content-type: application/json\r\nrequest-id: req_1\r\n", BODY);
    let mut server = Server::start(Act::Answer(answer)).await;
    let reply = ask(&provider(&server)).await.unwrap();
    assert_eq!((&*reply.text, reply.request_id.as_deref()), ("hi", Some("req_1")));
    let request = server.wait_for_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        r#"{"model":"claude-x","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"hello"}]}]}"#
    );
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "POST /v1/messages HTTP/1.1".to_owned(),
            "accept: application/json".to_owned(),
            "anthropic-version: 2023-06-01".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: 127.0.0.1:{}", server.port),
            format!("user-agent: backstop/{}", env!("CARGO_PKG_VERSION")),
            format!("x-api-key: {KEY}"),
        ]
    );
    assert_eq!(server.count().await, 0, "and no more");
}

#[tokio::test]
async fn a_failure_is_asked_for_once() {
    for (status, kind) in
        [("429 Too Many Requests", ErrorKind::RateLimited), ("529 Overloaded", ErrorKind::Overloaded)]
    {
        let mut server = Server::start(Act::Answer(response(status, "retry-after: 0.01\r\n", ""))).await;
        assert_eq!(ask(&provider(&server)).await.unwrap_err().kind(), kind);
        assert_eq!(server.count().await, 1, "exactly one request");
    }
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let mut server = Server::start(Act::Silence).await;
    let provider = provider(&server);
    assert!(timeout(Duration::from_millis(100), ask(&provider)).await.is_err());
    server.wait_for_request().await;
    server.wait_for_close().await;
}

/// The first piece of text of this stream, and what comes after it.
async fn hear(server: &Server) -> (String, Option<Error>) {
    let mut stream = provider(server).chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await.unwrap();
    let mut text = String::new();
    loop {
        match poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            Some(Ok(ChatEvent::Text(more))) => text.push_str(&more),
            Some(Ok(_)) => {}
            Some(Err(error)) => return (text, Some(error)),
            None => return (text, None),
        }
    }
}

fn events(data: &[&str]) -> String {
    data.iter().map(|data| format!("data: {data}\n\n")).collect()
}

#[tokio::test]
async fn a_stream_ends_with_its_marker_though_the_connection_stays_open() {
    let hi = delta(0, r#"{"type":"text_delta","text":"Hi"}"#);
    let block = begin(0, r#"{"type":"text","text":""}"#);
    let whole = events(&[START, &block, &hi, &reason("end_turn"), END]);
    let mut server = Server::start(Act::Answer(format!("{HEAD}{whole}").into_bytes())).await;
    let (text, error) = timeout(Duration::from_secs(5), hear(&server)).await.unwrap();
    assert_eq!((&*text, error.is_none()), ("Hi", true));
    server.wait_for_close().await;

    let cut = events(&[START, &block, &hi]);
    let server = Server::start(Act::Last(format!("{HEAD}{cut}").into_bytes())).await;
    let (text, error) = hear(&server).await;
    assert_eq!((&*text, error.unwrap().kind()), ("Hi", ErrorKind::BadReply));
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let mut server = Server::start(Act::Answer(format!("{HEAD}{}", events(&[START])).into_bytes())).await;
    let stream = provider(&server).chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await.unwrap();
    drop(stream);
    server.wait_for_close().await;
}
