//! Each wire that the real server speaks: answers, streams, and its own errors.

use std::sync::Arc;

use backstop::core::chat::ChatRequest;
use backstop::core::completion::CompletionRequest;
use backstop::core::embedding::EmbeddingRequest;
use backstop::core::{Env, Overrides, Settings};
use backstop::providers::anthropic::{Anthropic, AnthropicConfig};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Backstop, BackstopBuilder, ErrorKind, Provider, StreamEvent};
use serde_json::json;

use crate::peer::{Peer, guide};

/// A provider for each wire, all at one server.
fn doors(peer: &Peer) -> Vec<(&'static str, Arc<dyn Provider>)> {
    let v1 = format!("{}/v1", peer.uri());
    let openai = OpenAiConfig::keyless(v1).with_name("llama");
    let messages = AnthropicConfig::keyless(peer.uri()).with_name("llama");
    vec![
        ("chat completions", Arc::new(OpenAi::new(openai.clone()).unwrap())),
        ("responses", Arc::new(OpenAi::new(openai.with_responses()).unwrap())),
        ("messages", Arc::new(Anthropic::new(messages).unwrap())),
    ]
}

fn builder(door: Arc<dyn Provider>) -> BackstopBuilder {
    Backstop::builder().env(Env::empty()).shared_provider(door)
}

fn question() -> ChatRequest {
    ChatRequest::user("What is backstop?").with_temperature(0.0).with_max_output_tokens(100)
}

#[tokio::test]
async fn it_answers_in_one_piece_and_as_a_stream_over_every_wire() {
    let peer = Peer::start(&guide(), &[]).await;
    let mut texts = Vec::new();
    for (wire, door) in doors(&peer) {
        let client = builder(door).target("llama/guide").build().unwrap();
        let answer = client.chat(question()).await.unwrap();
        assert_eq!(answer.target(), "llama/guide");
        assert!(answer.usage.output_tokens.unwrap() > 3 && answer.usage.input_tokens.unwrap() > 3, "{wire}");
        let mut stream = client.chat_stream(question()).unwrap();
        let (mut text, mut pieces) = (String::new(), 0);
        while let Some(event) = stream.next().await {
            match event.unwrap() {
                StreamEvent::Text(more) => {
                    text.push_str(&more);
                    pieces += 1;
                }
                StreamEvent::End(end) => {
                    assert_eq!(end.usage.output_tokens, answer.usage.output_tokens, "{wire}")
                }
                _ => {}
            }
        }
        assert_eq!(text, answer.text, "{wire}");
        assert!(pieces > 3, "{wire}: {pieces} pieces");
        texts.push(text);
    }
    assert!(!texts[0].is_empty() && texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn a_prompt_that_overflows_its_window_is_told_as_such_over_every_wire() {
    let peer = Peer::start(&guide(), &["-c", "256"]).await;
    for (wire, door) in doors(&peer) {
        let client = builder(door).target("llama/guide").build().unwrap();
        let long = ChatRequest::user("What is a route? ".repeat(200));
        let whole = client.chat(long.clone()).await.unwrap_err();
        let streamed = client.chat_stream(long).unwrap().collect().await.unwrap_err();
        for error in [whole, streamed] {
            let step = &error.trail().steps()[0];
            assert_eq!(
                (step.kind, step.status),
                (Some(ErrorKind::ContextLength), Some(400)),
                "{wire}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_it_cannot_read_is_a_bad_request_over_every_wire() {
    let peer = Peer::start(&guide(), &[]).await;
    for (wire, door) in doors(&peer) {
        let mut overrides = Overrides::default();
        overrides.extra_body.insert("temperature".to_owned(), json!("hot"));
        let client = builder(door).target_with("llama/guide", overrides).build().unwrap();
        let error = client.chat(question()).await.unwrap_err();
        assert_eq!(error.trail().steps()[0].kind, Some(ErrorKind::BadRequest), "{wire}: {error}");
    }
}

/// A client over the kind `llama_cpp`, as a config file has it.
fn of_kind(peer: &Peer) -> Backstop {
    let mut settings = Settings::new("llama_cpp", Env::empty());
    settings.base_url = Some(format!("{}/v1", peer.uri()));
    let builder = Backstop::builder().env(Env::empty()).settings("llama_cpp", settings);
    builder.target("llama_cpp/guide").build().unwrap()
}

#[tokio::test]
async fn the_kind_llama_cpp_completes_texts_and_makes_vectors() {
    let peer = Peer::start(&guide(), &["--embeddings", "--pooling", "mean"]).await;
    let client = of_kind(&peer);
    let texts = ["What is a route?", "What is a target?", "What is a route?"];
    let vectors = client.embed(EmbeddingRequest::new(texts)).await.unwrap();
    let [route, target, again] = &vectors.embeddings[..] else { panic!("three vectors") };
    assert!(route == again && route != target && route.len() > 8);

    let peer = Peer::start(&guide(), &[]).await;
    let client = of_kind(&peer);
    let mut request = CompletionRequest::new("A route is");
    request.max_output_tokens = Some(20);
    request.temperature = Some(0.0);
    let whole = client.complete(request.clone()).await.unwrap();
    let streamed = client.complete_stream(request).unwrap().collect().await.unwrap();
    assert!(!whole.text.is_empty() && whole.text == streamed.text, "{:?} {:?}", whole.text, streamed.text);
}
