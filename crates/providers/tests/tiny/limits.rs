//! What it refuses, and that it says why.

use backstop_core::chat::{ChatRequest, Format, Message, Part, ProviderRef, Tool};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, Env, ErrorKind, Needs, Overrides, Provider, Settings};
use backstop_providers::tiny::{self, Tiny};
use serde_json::json;

const GUIDE: &str = "guide";

#[tokio::test]
async fn what_it_cannot_do_is_refused_and_its_capabilities_say_so() {
    let ask = ChatRequest::user("x");
    let mut previous = ask.clone();
    previous.previous = Some(ProviderRef::new("openai", "resp_1"));
    for request in [
        ask.clone().with_tool(Tool::new("t", "", json!({}))),
        ask.clone().with_format(Format::Json),
        ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]),
        previous,
    ] {
        let tiny = Tiny::default();
        assert!(Needs::of(&request).unmet_by(&tiny.capabilities(GUIDE), "tiny").is_some());
        let error = tiny.chat(Ask::new(GUIDE), &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        let error = tiny.chat_stream(Ask::new(GUIDE), &request).await.map(drop).unwrap_err();
        assert_eq!((error.kind(), error.model()), (ErrorKind::Unsupported, Some(GUIDE)));
    }
    let error = Tiny::default().embed(Ask::new(GUIDE), &EmbeddingRequest::from("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_conversation_that_does_not_fit_is_too_long_and_the_window_is_the_one_it_tells() {
    let tiny = Tiny::default();
    let window = tiny.capabilities(GUIDE).context_tokens.unwrap();
    let long = "word ".repeat(window as usize * 2);
    let error = tiny.chat(Ask::new(GUIDE), &ChatRequest::user(&long)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength);
    assert!(error.message().contains(&format!("window is {window}")), "{error}");
    // So long that nothing of it is looked at.
    let endless = CompletionRequest::new("x".repeat(50 << 20));
    let error = tiny.complete(Ask::new(GUIDE), &endless).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength);
    assert!(error.facts().needed_tokens.is_some());
}

#[tokio::test]
async fn an_empty_text_cannot_be_gone_on_with() {
    let error = Tiny::default().complete(Ask::new(GUIDE), &CompletionRequest::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_a_target_adds_to_a_request_is_refused_and_not_dropped() {
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    let ask = Ask::new(GUIDE).with_overrides(&overrides);
    let error = Tiny::default().chat(ask, &ChatRequest::user("Hello!")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("headers"), "{error}");
}

#[test]
fn there_is_nothing_to_set() {
    let settings = || Settings::new("tiny", Env::empty());
    assert!(tiny::kind().build(settings()).is_ok());
    let mut url = settings();
    url.base_url = Some("http://127.0.0.1:1".to_owned());
    let mut option = settings();
    option.options.insert("model".to_owned(), json!("x.gguf"));
    for (settings, name) in [(url, "base_url"), (option, "model")] {
        let error = tiny::kind().build(settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn it_is_a_last_resort_and_needs_no_key() {
    let kind = tiny::kind();
    assert!(kind.last_resort && kind.key_envs.is_empty());
    assert_eq!((kind.name, kind.default_model), ("tiny", Some(GUIDE)));
}
