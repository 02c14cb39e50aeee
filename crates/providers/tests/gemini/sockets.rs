//! What happens on the wire itself, over real sockets.

use std::time::Duration;

use backstop_core::chat::{AssistantMessage, ChatEvent, ChatRequest, Message, ToolCall};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::gemini::{Gemini, GeminiConfig};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::asked::{KEY, MODEL, piece, told};
use crate::server::{Act, Server, response};

fn provider(port: u16) -> Gemini {
    Gemini::new(GeminiConfig::new(KEY).with_base_url(format!("http://127.0.0.1:{port}"))).unwrap()
}

fn healthy() -> Vec<u8> {
    response(
        "200 OK",
        "content-type: application/json; charset=UTF-8\r\n",
        &piece(r#"{"text":"hi"}"#, "STOP"),
    )
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let mut server = Server::start(Act::Answer(healthy())).await;
    let reply = provider(server.port).chat(Ask::new(MODEL), &"hello".into()).await.unwrap();
    assert_eq!(reply.text, "hi");
    let request = server.wait_for_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}"#);
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "POST /v1beta/models/gemini-x:generateContent HTTP/1.1".to_owned(),
            "accept: application/json".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: 127.0.0.1:{}", server.port),
            format!("user-agent: backstop/{}", env!("CARGO_PKG_VERSION")),
            format!("x-goog-api-key: {KEY}"),
        ]
    );
    assert_eq!(server.count().await, 0, "and no more");
}

#[tokio::test]
async fn numbers_in_arguments_keep_their_digits() {
    let mut server = Server::start(Act::Answer(healthy())).await;
    let arguments = r#"{"n":12345678901234567890123,"x":1.50}"#;
    let calls = AssistantMessage::default().with_tool_calls([ToolCall::new("c", "f", arguments)]);
    let request = ChatRequest::new([Message::user("x"), Message::Assistant(calls), Message::tool("c", "y")]);
    provider(server.port).chat(Ask::new(MODEL), &request).await.unwrap();
    let sent = server.wait_for_request().await;
    assert!(sent.contains(arguments), "{sent}");
}

#[tokio::test]
async fn a_stream_comes_as_it_is_sent_and_ends_with_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let body = format!(
        "{head}data: {}\r\n\r\ndata: {}\r\n\r\n",
        piece(r#"{"text":"He"}"#, ""),
        piece(r#"{"text":"llo"}"#, "STOP")
    );
    let mut server = Server::start(Act::Last(body.into_bytes())).await;
    let provider = provider(server.port);
    let (events, error) = told(provider.chat_stream(Ask::new(MODEL), &"hello".into()).await).await;
    assert!(error.is_none(), "{error:?}");
    let text: String = events
        .iter()
        .filter_map(|event| match event {
            ChatEvent::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(text, "Hello");
    let request = server.wait_for_request().await;
    assert!(
        request.starts_with("POST /v1beta/models/gemini-x:streamGenerateContent?alt=sse HTTP/1.1"),
        "{request}"
    );
    assert!(request.contains("accept: text/event-stream"), "{request}");
    assert_eq!(server.count().await, 0, "exactly one request");
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let mut server = Server::start(Act::Silence).await;
    let provider = provider(server.port);
    assert!(timeout(Duration::from_millis(100), provider.chat(Ask::new(MODEL), &"x".into())).await.is_err());
    server.wait_for_request().await;
    server.wait_for_close().await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = provider(port).chat(Ask::new(MODEL), &"x".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
