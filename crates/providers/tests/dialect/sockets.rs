//! What happens on the wire itself, over real sockets.

use std::time::Duration;

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::dialect::DialectProvider;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::server::{Act, Server, healthy, response};
use crate::speaker::{MODEL, config, told};

fn local(kind: &str, base_url: String) -> DialectProvider {
    DialectProvider::new(config(kind).with_base_url(base_url)).unwrap()
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    for (kind, body) in [
        ("vllm", r#"{"model":"some/model","messages":[{"role":"user","content":"hello"}],"max_tokens":9}"#),
        (
            "groq",
            r#"{"model":"some/model","messages":[{"role":"user","content":"hello"}],"max_completion_tokens":9}"#,
        ),
    ] {
        let mut server = Server::start(Act::Answer(healthy())).await;
        let request = ChatRequest::user("hello").with_max_output_tokens(9);
        let reply = local(kind, server.base_url()).chat(Ask::new(MODEL), &request).await.unwrap();
        assert_eq!(reply.text, "hi");
        let sent = server.wait_for_request().await;
        let (head, sent_body) = sent.split_once("\r\n\r\n").unwrap();
        assert_eq!(sent_body, body);
        assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
        assert_eq!(head.contains("authorization"), kind == "groq", "{head}");
        assert_eq!(server.count().await, 0, "and no more");
    }
}

#[tokio::test]
async fn a_server_that_loads_its_model_is_asked_once() {
    let body = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
    let mut server = Server::start(Act::Answer(response("503 Service Unavailable", "", body))).await;
    let provider = local("llama_cpp", server.base_url());
    let error = provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Overloaded, Some(Duration::from_secs(2))));
    assert_eq!(server.count().await, 1, "exactly one request");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let provider = local("lmstudio", format!("http://127.0.0.1:{port}/v1"));
    let asked = provider.chat(Ask::new(MODEL), &"hello".into()).await;
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n";
    let mut server = Server::start(Act::Endless(format!("{head}{piece}").into_bytes())).await;
    let provider = local("vllm", server.base_url());
    let mut stream = provider.chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap();
    for expected in 0..3 {
        let next = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await.unwrap().unwrap();
        assert_eq!(matches!(next, ChatEvent::Text(_)), expected == 2, "{next:?}");
    }
    drop(stream);
    timeout(Duration::from_secs(5), server.wait_for_close()).await.unwrap();
}

#[tokio::test]
async fn a_continuation_that_is_cut_off_is_an_error() {
    let body = "data: {\"choices\":[{\"text\":\"on\"}]}\n\n";
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n";
    let server = Server::start(Act::Last(format!("{head}{body}").into_bytes())).await;
    let begun = local("llama_cpp", server.base_url()).complete_stream(Ask::new(MODEL), &"once".into()).await;
    let (pieces, error) = told(begun).await;
    // That it began, and what came.
    assert_eq!((pieces.len(), error.unwrap().kind()), (2, ErrorKind::BadReply));
}
