//! A route through the real server: falling over to it and from it.

use backstop::core::Env;
use backstop::core::chat::ChatRequest;
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::providers::tiny::Tiny;
use backstop::{Backstop, BackstopBuilder, ErrorKind};
use backstop_tests::{healthy, provider};

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

#[tokio::test]
async fn a_prompt_that_overflows_its_window_goes_to_a_larger_one() {
    let peer = Peer::start(&guide(), &["-c", "256"]).await;
    let larger = healthy("larger").await;
    let client = builder(&peer).provider(provider("larger", &larger));
    let client = client.target("llama/guide").target("larger/m").build().unwrap();
    let answer = client.chat(ChatRequest::user("What is a route? ".repeat(200))).await.unwrap();
    assert_eq!(answer.text, "from larger");
    let first = &answer.trail().steps()[0];
    assert_eq!((first.kind, first.status), (Some(ErrorKind::ContextLength), Some(400)));
}
