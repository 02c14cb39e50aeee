//! What happens on the wire itself, over real sockets.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::{Ask, Error, ErrorKind, Provider};
use backstop_providers::openai::{OpenAi, OpenAiConfig};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::fake::KEY;
use crate::server::{Act, Server, healthy, response};

fn provider(base_url: String) -> OpenAi {
    OpenAi::new(OpenAiConfig::new(KEY).with_base_url(base_url).with_name("mirror")).unwrap()
}

async fn ask(provider: &OpenAi) -> Result<ChatReply, Error> {
    provider.chat(Ask::new("gpt-x"), &ChatRequest::user("hello")).await
}

/// What becomes of a server that does this, which must see one request and no more.
async fn asked_once(act: Act) -> (Result<ChatReply, Error>, Server) {
    let mut server = Server::start(act).await;
    let result = ask(&provider(server.base_url())).await;
    assert_eq!(server.count().await, 1, "exactly one request");
    (result, server)
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let mut server = Server::start(Act::Answer(healthy())).await;
    let reply = ask(&provider(server.base_url())).await.unwrap();
    assert_eq!((&*reply.text, reply.request_id.as_deref()), ("hi", Some("req_1")));
    let request = server.wait_for_request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"model":"gpt-x","messages":[{"role":"user","content":"hello"}]}"#);
    let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "POST /v1/chat/completions HTTP/1.1".to_owned(),
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
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Server::start(Act::Answer(healthy())).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location = format!("location: http://127.0.0.1:{}/secret-path?q=1\r\n", elsewhere.port);
        let (result, _) = asked_once(Act::Answer(response(status, &location, ""))).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().comeback);
        let told = error.to_string();
        assert!(told.contains(&format!("http://127.0.0.1:{}", elsewhere.port)), "{told}");
        assert!(!told.contains("secret-path"), "{told}");
    }
    assert_eq!((elsewhere.count().await, elsewhere.connections.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let begun = Instant::now();
    let error = ask(&provider(format!("http://127.0.0.1:{port}/v1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        format!("mirror/gpt-x cannot connect: 127.0.0.1:{port} refused the connection")
    );
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let mut server = Server::start(Act::Silence).await;
    let provider = provider(server.base_url());
    assert!(timeout(Duration::from_millis(100), ask(&provider)).await.is_err());
    server.wait_for_request().await;
    server.wait_for_close().await;
}

#[tokio::test]
async fn dropping_the_future_in_the_middle_of_a_body_closes_the_connection() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    let mut server = Server::start(Act::Answer(begun)).await;
    let provider = provider(server.base_url());
    assert!(timeout(Duration::from_millis(100), ask(&provider)).await.is_err());
    server.wait_for_close().await;
}

#[tokio::test]
async fn a_body_without_end_is_given_up_at_its_bound() {
    let (result, mut server) = asked_once(Act::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("64 MiB"), "{error}");
    server.wait_for_close().await;

    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec();
    let (result, mut server) = asked_once(Act::Answer(long)).await;
    assert!(result.unwrap_err().to_string().contains("64 MiB"), "an announced length is believed");
    server.wait_for_close().await;
}

#[tokio::test]
async fn the_rest_of_a_long_error_is_not_read() {
    let (result, mut server) =
        asked_once(Act::Endless(b"HTTP/1.1 503 Busy\r\n\r\n{\"error\":".to_vec())).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
    server.wait_for_close().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer_and_not_asked_for_again() {
    for (bytes, words) in [
        (&b""[..], "connection was reset"),
        (b"HTTP/1.1 200 OK\r\ncontent-len", ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"", "broke off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"cho\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"choices\"", "breaks off"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", ""),
    ] {
        let (result, _) = asked_once(Act::Last(bytes.to_vec())).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let mut server = Server::start(Act::Answer(healthy())).await;
    let provider = provider(server.base_url());
    for _ in 0..3 {
        ask(&provider).await.unwrap();
    }
    assert_eq!((server.count().await, server.connections.load(Ordering::SeqCst)), (3, 1));
}

#[tokio::test]
async fn a_kept_connection_that_went_away_costs_no_failure_and_no_second_request() {
    // Kept alive as far as the client can tell, and closed right after.
    let mut server = Server::start(Act::Last(healthy())).await;
    let provider = provider(server.base_url());
    for _ in 0..5 {
        ask(&provider).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.count().await, 5);
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let server = Server::start(Act::Silence).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = ask(&provider(format!("https://127.0.0.1:{port}/v1"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("no secure connection"), "{error}");

    // One that says nothing at all runs into the connect timeout, which covers TLS.
    let config = OpenAiConfig::new(KEY)
        .with_base_url(format!("https://127.0.0.1:{}/v1", server.port))
        .with_connect(Duration::from_millis(100));
    let error = ask(&OpenAi::new(config).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("no connection in time"), "{error}");
}
