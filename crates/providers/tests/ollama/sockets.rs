//! What happens on the wire itself, over real sockets.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::ollama::{Ollama, OllamaConfig};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::common::server::{Act, Server, response};
use crate::common::told::{next, shown, told};
use crate::scene::MODEL;

const HE: &str = r#"{"model":"gemma4","message":{"role":"assistant","content":"He"},"done":false}"#;
const DONE: &str =
    r#"{"model":"gemma4","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}"#;

fn provider(base_url: String) -> Ollama {
    Ollama::new(OllamaConfig::new().with_base_url(base_url).with_name("box")).unwrap()
}

fn healthy() -> Vec<u8> {
    let body = r#"{"model":"gemma4","message":{"role":"assistant","content":"hi"},"done":true}"#;
    response("200 OK", "content-type: application/json\r\n", body)
}

fn chunked(lines: &[&str], end: &str) -> Vec<u8> {
    let chunk = |line: &&str| format!("{:x}\r\n{line}\n\r\n", line.len() + 1);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{}{end}", lines.iter().map(chunk).collect::<String>()).into_bytes()
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let mut server = Server::start(Act::Answer(healthy())).await;
    let reply = provider(server.base_url()).chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
    assert_eq!(reply.text, "hi");
    let request = server.wait_for_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let expected = r#"{"model":"gemma4","messages":[{"role":"user","content":"hello"}],"truncate":false,"stream":false}"#;
    assert_eq!(body, expected);
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "POST /api/chat HTTP/1.1".to_owned(),
            "accept: application/json, application/x-ndjson".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: 127.0.0.1:{}", server.port),
            format!("user-agent: backstop/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(server.count().await, 0, "and no more");
}

#[tokio::test]
async fn a_stream_is_told_as_it_comes() {
    let mut server = Server::start(Act::Answer(chunked(&[HE], ""))).await;
    let provider = provider(server.base_url());
    let mut stream = provider.chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await.unwrap();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(ChatEvent::Text(_))) {
        let piece = timeout(Duration::from_secs(5), next(&mut stream)).await.unwrap();
        seen.push(piece.unwrap().unwrap());
    }
    assert!(timeout(Duration::from_millis(50), next(&mut stream)).await.is_err(), "there is no more yet");
    drop(stream);
    server.wait_for_close().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_told_after_what_came() {
    for (end, act, words) in [("0\r\n\r\n", false, "in mid-answer"), ("", true, "broke off")] {
        let bytes = chunked(&[HE], end);
        let server = Server::start(if act { Act::Last(bytes) } else { Act::Answer(bytes) }).await;
        let provider = provider(server.base_url());
        let (pieces, error) =
            told(provider.chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await).await;
        assert_eq!(shown(&pieces), r#"start:gemma4 "He""#);
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_whole_stream_costs_one_request() {
    let mut server = Server::start(Act::Answer(chunked(&[HE, DONE], "0\r\n\r\n"))).await;
    let provider = provider(server.base_url());
    let (pieces, error) = told(provider.chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&pieces), r#"start:gemma4 "He" end:stop"#);
    assert_eq!((server.count().await, server.connections.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_server_that_does_not_run_is_told_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = provider(format!("http://127.0.0.1:{port}"))
        .chat(Ask::new(MODEL), &ChatRequest::user("x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        format!("box/gemma4 cannot connect: 127.0.0.1:{port} refused the connection")
    );
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let mut server = Server::start(Act::Silence).await;
    let provider = provider(server.base_url());
    let request = ChatRequest::user("x");
    let asking = provider.chat(Ask::new(MODEL), &request);
    assert!(timeout(Duration::from_millis(100), asking).await.is_err());
    server.wait_for_request().await;
    server.wait_for_close().await;
}

#[tokio::test]
async fn the_models_of_a_server_are_those_that_chat_the_default_first_and_those_elsewhere_last() {
    let list = r#"{"models":[
        {"name":"kimi-k2:cloud","capabilities":["completion"],"remote_host":"https://ollama.com"},
        {"name":"nomic-embed-text:latest","capabilities":["embedding"]},
        {"name":"qwen3:8b","capabilities":["completion","thinking"]},
        {"name":"all-minilm:latest","details":{"family":"bert"}},
        {"name":"old:latest","details":{"family":"llama"}},
        {"name":"gemma4:12b"}]}"#;
    let answer = response("200 OK", "content-type: application/json\r\n", list);
    let mut server = Server::start(Act::Answer(answer)).await;
    let models = provider(server.base_url()).installed().await.unwrap();
    assert_eq!(models, ["gemma4:12b", "qwen3:8b", "old:latest", "kimi-k2:cloud"]);
    assert!(server.wait_for_request().await.starts_with("GET /api/tags HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_is_no_list_of_models_is_an_error_and_so_is_nobody() {
    for (status, body) in [("200 OK", "{}"), ("200 OK", "<html>"), ("404 Not Found", "404 page not found")] {
        let server = Server::start(Act::Answer(response(status, "", body))).await;
        assert!(provider(server.base_url()).installed().await.is_err(), "{status} {body}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(provider(nobody).installed().await.unwrap_err().kind(), ErrorKind::Connect);
}
