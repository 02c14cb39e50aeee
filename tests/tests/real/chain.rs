//! A route through the real server: answers, streams, its own errors, and falling over to it and from it.

use backstop::core::chat::ChatRequest;
use backstop::core::{Env, Overrides};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::providers::tiny::Tiny;
use backstop::{Backstop, BackstopBuilder, ErrorKind, StreamEvent};
use backstop_tests::{healthy, provider};
use serde_json::json;

use crate::peer::{Peer, guide};

fn llama(peer: &Peer) -> OpenAi {
    OpenAi::new(OpenAiConfig::keyless(format!("{}/v1", peer.uri())).with_name("llama")).unwrap()
}

fn builder(peer: &Peer) -> BackstopBuilder {
    Backstop::builder().env(Env::empty()).provider(llama(peer)).provider(Tiny::default())
}

fn question() -> ChatRequest {
    ChatRequest::user("What is backstop?").with_temperature(0.0)
}

#[tokio::test]
async fn it_answers_in_one_piece_and_as_a_stream() {
    let peer = Peer::start(&guide(), &[]).await;
    let client = builder(&peer).target("llama/guide").build().unwrap();
    let answer = client.chat(question()).await.unwrap();
    assert_eq!(answer.target(), "llama/guide");
    assert!(answer.usage.output_tokens.unwrap() > 3 && !answer.text.is_empty());
    let mut stream = client.chat_stream(question()).unwrap();
    let (mut text, mut pieces) = (String::new(), 0);
    while let Some(event) = stream.next().await {
        if let StreamEvent::Text(more) = event.unwrap() {
            text.push_str(&more);
            pieces += 1;
        }
    }
    assert_eq!(text, answer.text);
    assert!(pieces > 3, "{pieces} pieces");
}

#[tokio::test]
async fn a_prompt_that_overflows_its_window_goes_to_a_larger_one() {
    let peer = Peer::start(&guide(), &["-c", "256"]).await;
    let larger = healthy("larger").await;
    let client = builder(&peer).provider(provider("larger", &larger));
    let client = client.target("llama/guide").target("larger/m").build().unwrap();
    let long = ChatRequest::user("What is a route? ".repeat(200));
    let answer = client.chat(long.clone()).await.unwrap();
    assert_eq!(answer.text, "from larger");
    let first = &answer.trail().steps()[0];
    assert_eq!((first.kind, first.status), (Some(ErrorKind::ContextLength), Some(400)));
    let alone = builder(&peer).target("llama/guide").build().unwrap();
    let error = alone.chat_stream(long).unwrap().collect().await.unwrap_err();
    assert_eq!(error.trail().steps()[0].kind, Some(ErrorKind::ContextLength), "{error}");
}

#[tokio::test]
async fn a_body_it_cannot_read_is_a_bad_request() {
    let peer = Peer::start(&guide(), &[]).await;
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("messages".to_owned(), json!("not a list"));
    let client = builder(&peer).target_with("llama/guide", overrides).build().unwrap();
    let error = client.chat(question()).await.unwrap_err();
    assert_eq!(error.trail().steps()[0].kind, Some(ErrorKind::BadRequest), "{error}");
}

#[tokio::test]
async fn whoever_fails_in_front_of_it_it_answers_and_behind_it_the_built_in_model_does() {
    let peer = Peer::start(&guide(), &[]).await;
    let gone = backstop_tests::Closed::default();
    let client = builder(&peer)
        .provider(provider("gone", &gone))
        .target("gone/m")
        .target("llama/guide")
        .target("tiny/guide")
        .build()
        .unwrap();
    let from_peer = client.chat(question()).await.unwrap();
    assert_eq!(from_peer.target(), "llama/guide");
    drop(peer);
    let from_tiny = client.chat(question()).await.unwrap();
    assert_eq!(from_tiny.target(), "tiny/guide");
    assert_eq!(from_tiny.text, from_peer.text);
    let kinds: Vec<_> = from_tiny.trail().steps().iter().filter_map(|step| step.kind).collect();
    assert!(kinds.contains(&ErrorKind::Connect), "{kinds:?}");
}
