//! What happens on the wire itself, over real sockets.

use std::time::Duration;

use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::vertex::{Vertex, VertexConfig};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::cloud::{ANSWER, File, MODEL, TOKEN, chat};
use crate::server::{Act, Server, response};

fn provider(models: u16, tokens: u16) -> Vertex {
    let file = File::new(&format!(
        r#"{{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":"http://127.0.0.1:{tokens}/token"}}"#
    ));
    let config = VertexConfig::new("p").with_credentials(&file.0);
    Vertex::new(config.with_base_url(format!("http://127.0.0.1:{models}"))).unwrap()
}

fn answer() -> Act {
    Act::Answer(response("200 OK", "content-type: application/json\r\n", ANSWER))
}

fn token() -> Act {
    Act::Answer(response("200 OK", "content-type: application/json\r\n", TOKEN))
}

#[tokio::test]
async fn a_token_is_fetched_and_then_one_request_goes_out() {
    let (mut models, mut tokens) = (Server::start(answer()).await, Server::start(token()).await);
    let vertex = provider(models.port, tokens.port);
    for _ in 0..2 {
        assert_eq!(chat(&vertex).await.unwrap().text, "hi");
    }
    let asked = tokens.wait_for_request().await;
    assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
    assert!(
        asked.ends_with("\r\n\r\ngrant_type=refresh_token&client_id=i&client_secret=s&refresh_token=r"),
        "{asked}"
    );
    let sent = models.wait_for_request().await;
    assert!(
        sent.starts_with("POST /v1beta1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent HTTP/1.1"),
        "{sent}"
    );
    assert!(sent.contains("authorization: Bearer ya29.token-1\r\n"), "{sent}");
    assert_eq!((models.count().await, tokens.count().await), (1, 0), "one more, and no more tokens");
}

#[tokio::test]
async fn dropping_the_call_closes_the_request_for_its_token() {
    let (mut models, mut tokens) = (Server::start(answer()).await, Server::start(Act::Silence).await);
    let vertex = provider(models.port, tokens.port);
    assert!(timeout(Duration::from_millis(100), chat(&vertex)).await.is_err());
    tokens.wait_for_request().await;
    tokens.wait_for_close().await;
    assert_eq!(models.count().await, 0);
}

#[tokio::test]
async fn a_door_without_end_or_without_anybody_is_given_up() {
    let models = Server::start(answer()).await;
    let mut tokens = Server::start(Act::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec())).await;
    let error = chat(&provider(models.port, tokens.port)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    tokens.wait_for_close().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = provider(models.port, nobody).chat(Ask::new(MODEL), &"x".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().contains("no token: 127.0.0.1"), "{error}");
}
