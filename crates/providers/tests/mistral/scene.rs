//! A provider over a transport that gives out what it is told to.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use backstop_core::{Ask, Error, Overrides, Provider};
use backstop_providers::mistral::{Mistral, MistralConfig};
use serde_json::Value;

use crate::common::fake::Fake;
use crate::common::told::{Told, told};

pub(crate) const KEY: &str = "key-0123456789abcdef";
pub(crate) const MODEL: &str = "mistral-small-latest";

pub(crate) fn provider(fake: &Arc<Fake>) -> Mistral {
    with(MistralConfig::new(KEY), fake)
}

pub(crate) fn with(config: MistralConfig, fake: &Arc<Fake>) -> Mistral {
    Mistral::with_transport(config, fake.transport()).unwrap()
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
    let result = provider(&fake).complete(Ask::new("codestral-latest"), &CompletionRequest::new("fn")).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

pub(crate) async fn text_stream(fake: Fake) -> Told<CompletionEvent> {
    let fake = Arc::new(fake);
    let request = CompletionRequest::new("fn");
    let begun = provider(&fake).complete_stream(Ask::new("codestral-latest"), &request).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// The body that is sent.
pub(crate) async fn sent(request: &ChatRequest) -> Value {
    sent_to(MODEL, request, &Overrides::default()).await
}

pub(crate) async fn sent_to(model: &str, request: &ChatRequest, overrides: &Overrides) -> Value {
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new(model).with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// An event stream.
pub(crate) fn events(body: impl Into<Vec<u8>>) -> Fake {
    Fake::new(200, body).header("content-type", "text/event-stream")
}

/// A stream of these `data:` events.
pub(crate) fn of(data: &[&str]) -> Fake {
    events(data.iter().map(|data| format!("data: {data}\n\n")).collect::<String>())
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(200, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#)
}
