//! What happens on the wire itself, over real sockets.

use std::time::{Duration, UNIX_EPOCH};

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::bedrock::{Bedrock, BedrockConfig};
use tokio::time::timeout;

use crate::common::server::{Act, Server, response};
use crate::common::told::{next, shown, told};
use crate::scene::{KEY, MODEL, event};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n\r\n";
const BODY: &str = r#"{"output":{"message":{"content":[{"text":"hi"}]}},"stopReason":"end_turn"}"#;

fn hi() -> Vec<u8> {
    [HEAD.as_bytes(), &event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#)]
        .concat()
}

fn provider(server: &Server) -> Bedrock {
    Bedrock::new(BedrockConfig::new("us-east-1", KEY).with_base_url(server.base_url()).with_name("mirror"))
        .unwrap()
}

/// The lines of a request's head after the first, sorted, and its body.
fn parts(request: &str) -> (String, Vec<String>, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines().map(str::to_owned);
    let first = lines.next().unwrap();
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    (first, lines, body.to_owned())
}

#[tokio::test]
async fn one_request_goes_out_as_documented() {
    let mut server = Server::start(Act::Answer(response("200 OK", "", BODY))).await;
    let reply = provider(&server).chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
    assert_eq!(reply.text, "hi");
    let (first, lines, body) = parts(&server.wait_for_request().await);
    assert_eq!(first, "POST /model/amazon.nova-lite-v1%3A0/converse HTTP/1.1");
    assert_eq!(body, r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#);
    assert_eq!(
        lines,
        [
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
async fn what_is_signed_is_what_is_sent() {
    let mut server = Server::start(Act::Answer(response("200 OK", "", BODY))).await;
    let config = BedrockConfig::signed("us-east-1", "AKID", "secret")
        .with_session_token("token")
        .with_base_url(format!("{}/proxy%20x", server.base_url()))
        .with_clock(|| UNIX_EPOCH + Duration::from_secs(1_767_323_045));
    let model = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x";
    Bedrock::new(config).unwrap().chat(Ask::new(model), &ChatRequest::user("hello")).await.unwrap();
    let (first, lines, _) = parts(&server.wait_for_request().await);
    assert_eq!(
        first,
        "POST /proxy%20x/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse HTTP/1.1"
    );
    let signed = lines.iter().find(|line| line.starts_with("authorization: ")).unwrap();
    assert!(
        signed.starts_with(
            "authorization: AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{signed}"
    );
    for line in
        ["content-type: application/json", "x-amz-date: 20260102T030405Z", "x-amz-security-token: token"]
    {
        assert_eq!(lines.iter().filter(|have| *have == line).count(), 1, "{line}: {lines:?}");
    }
    assert!(lines.contains(&format!("host: 127.0.0.1:{}", server.port)), "{lines:?}");
}

#[tokio::test]
async fn a_rate_limit_is_told_and_not_waited_for() {
    let refusal = response(
        "429 Too Many Requests",
        "retry-after: 30\r\nx-amzn-errortype: ThrottlingException\r\n",
        r#"{"message":"Too many requests, please wait before trying again."}"#,
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
    let mut server = Server::start(Act::Answer(hi())).await;
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
    let server = Server::start(Act::Last(hi())).await;
    let (pieces, error) =
        told(provider(&server).chat_stream(Ask::new(MODEL), &ChatRequest::user("x")).await).await;
    assert_eq!(shown(&pieces), r#""Hi""#);
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("in mid-answer"), "{error}");
}
