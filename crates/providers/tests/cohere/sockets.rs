//! What happens on the wire itself, over real sockets.

use std::time::Duration;

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::cohere::{Cohere, CohereConfig};
use tokio::time::timeout;

use crate::common::server::{Act, Server, response};
use crate::common::told::{next, shown, told};
use crate::scene::{KEY, MODEL};

const HI: &str = "event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}}}\n\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn provider(server: &Server) -> Cohere {
    let config = CohereConfig::new(KEY).with_base_url(server.base_url()).with_name("mirror");
    Cohere::new(config).unwrap()
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let body = r#"{"message":{"content":[{"type":"text","text":"hi"}]},"finish_reason":"COMPLETE"}"#;
    let mut server = Server::start(Act::Answer(response("200 OK", "", body))).await;
    let reply = provider(&server).chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
    assert_eq!(reply.text, "hi");
    let request = server.wait_for_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        r#"{"model":"command-a-03-2025","messages":[{"role":"user","content":"hello"}],"stream":false}"#
    );
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "POST /v2/chat HTTP/1.1".to_owned(),
            "accept: application/json".to_owned(),
            format!("authorization: Bearer {KEY}"),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: 127.0.0.1:{}", server.port),
            format!("user-agent: backstop/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(server.count().await, 0, "and no more");
}

#[tokio::test]
async fn a_rate_limit_is_told_and_not_waited_for() {
    let refusal = response(
        "429 Too Many Requests",
        "retry-after: 30\r\n",
        r#"{"message":"You are past the per minute request limit"}"#,
    );
    let mut server = Server::start(Act::Answer(refusal)).await;
    let asking = Duration::from_secs(5);
    let error = timeout(asking, provider(&server).chat(Ask::new(MODEL), &ChatRequest::user("x")))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(30))));
    assert_eq!(server.count().await, 1, "exactly one request");
}

#[tokio::test]
async fn a_stream_is_told_as_it_comes_and_dropping_it_closes_the_connection() {
    let mut server = Server::start(Act::Answer(format!("{HEAD}{HI}").into_bytes())).await;
    let provider = provider(&server);
    let mut stream = provider.chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await.unwrap();
    loop {
        let piece = timeout(Duration::from_secs(5), next(&mut stream)).await.unwrap();
        if matches!(piece.unwrap().unwrap(), ChatEvent::Text(_)) {
            break;
        }
    }
    assert!(timeout(Duration::from_millis(50), next(&mut stream)).await.is_err(), "there is no more yet");
    drop(stream);
    server.wait_for_close().await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_told_after_what_came() {
    let server = Server::start(Act::Last(format!("{HEAD}{HI}").into_bytes())).await;
    let (pieces, error) =
        told(provider(&server).chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await).await;
    assert_eq!(shown(&pieces), r#""Hi""#);
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("in mid-answer"), "{error}");
}
