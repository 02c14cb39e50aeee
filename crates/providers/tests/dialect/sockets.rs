//! What happens on the wire itself, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::dialect::DialectProvider;
use backstop_providers::http::ReqwestTransport;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

/// Speaks just enough HTTP/2 to read a request, and answers it with this frame.
async fn over_http2(answer: &'static [u8]) -> backstop_core::Error {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_exact(&mut [0; 24]).await.unwrap();
        loop {
            let mut head = [0; 9];
            socket.read_exact(&mut head).await.unwrap();
            let [a, b, c, sort, ..] = head;
            let mut rest = vec![0; u32::from_be_bytes([0, a, b, c]).try_into().unwrap()];
            socket.read_exact(&mut rest).await.unwrap();
            // The headers are what opens a stream.
            if sort == 1 {
                break;
            }
        }
        socket.write_all(&[&SETTINGS, answer].concat()).await.unwrap();
        let _ = socket.read_to_end(&mut Vec::new()).await;
    });
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().retry(reqwest::retry::never());
    let transport = Arc::new(ReqwestTransport::from_client(client.build().unwrap()));
    let config = config("vllm").with_base_url(format!("http://127.0.0.1:{port}/v1"));
    let provider = DialectProvider::with_transport(config, transport).unwrap();
    let error = provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap_err();
    drop(provider);
    server.abort();
    error
}

#[tokio::test]
async fn a_request_that_http2_sends_back_unprocessed_says_nothing_of_health() {
    for (answer, kind, counted) in [
        // RST_STREAM: refused.
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7][..], ErrorKind::Overloaded, false),
        // GOAWAY without a fault, before the first stream.
        (&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ErrorKind::Overloaded, false),
        // RST_STREAM and GOAWAY of a server that failed: what it has done nobody knows.
        (&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2], ErrorKind::BadReply, true),
        (&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], ErrorKind::BadReply, true),
    ] {
        let error = over_http2(answer).await;
        let facts = error.facts();
        assert_eq!(
            (error.kind(), facts.counted, facts.comeback),
            (kind, counted, true),
            "{answer:?}: {error}"
        );
    }
}
