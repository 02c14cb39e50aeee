//! A provider over a transport that gives out what it is told to.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use backstop_core::{Ask, Error, Provider};
use backstop_providers::ollama::{Ollama, OllamaConfig};

use crate::common::fake::Fake;
use crate::common::told::{Told, told};

pub(crate) const MODEL: &str = "gemma4";

pub(crate) fn provider(fake: &Arc<Fake>) -> Ollama {
    with(OllamaConfig::new(), fake)
}

pub(crate) fn with(config: OllamaConfig, fake: &Arc<Fake>) -> Ollama {
    Ollama::with_transport(config, fake.transport()).unwrap()
}

/// What becomes of this answer.
pub(crate) async fn answer(fake: Fake) -> Result<ChatReply, Error> {
    answer_to(fake, &ChatRequest::user("hello")).await
}

pub(crate) async fn answer_to(fake: Fake, request: &ChatRequest) -> Result<ChatReply, Error> {
    let fake = Arc::new(fake);
    let result = provider(&fake).chat(Ask::new(MODEL), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

pub(crate) async fn stream(fake: Fake) -> Told<ChatEvent> {
    let fake = Arc::new(fake);
    let begun = provider(&fake).chat_stream(Ask::new(MODEL), &ChatRequest::user("hello")).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

pub(crate) async fn completed(fake: Fake) -> Result<CompletionReply, Error> {
    let fake = Arc::new(fake);
    let result = provider(&fake).complete(Ask::new(MODEL), &CompletionRequest::new("Once")).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

pub(crate) async fn text_stream(fake: Fake) -> Told<CompletionEvent> {
    let fake = Arc::new(fake);
    let begun = provider(&fake).complete_stream(Ask::new(MODEL), &CompletionRequest::new("Once")).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// Lines of JSON.
pub(crate) fn lines(lines: &[&str]) -> Fake {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Fake::new(200, body).header("content-type", "application/x-ndjson")
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(
        200,
        r#"{"model":"gemma4","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}"#,
    )
}
