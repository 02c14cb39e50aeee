//! A provider over a transport that gives out what it is told to.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Error, Overrides, Provider};
use backstop_providers::cohere::{Cohere, CohereConfig};
use serde_json::Value;

use crate::common::fake::Fake;
use crate::common::told::{Told, told};

pub(crate) const KEY: &str = "key-0123456789abcdef";
pub(crate) const MODEL: &str = "command-a-03-2025";

pub(crate) fn provider(fake: &Arc<Fake>) -> Cohere {
    with(CohereConfig::new(KEY), fake)
}

pub(crate) fn with(config: CohereConfig, fake: &Arc<Fake>) -> Cohere {
    Cohere::with_transport(config, fake.transport()).unwrap()
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

/// The body that is sent.
pub(crate) async fn sent(request: &ChatRequest) -> Value {
    sent_with(request, &Overrides::default()).await
}

pub(crate) async fn sent_with(request: &ChatRequest, overrides: &Overrides) -> Value {
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new(MODEL).with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// An event stream.
pub(crate) fn events(body: impl Into<Vec<u8>>) -> Fake {
    Fake::new(200, body).header("content-type", "text/event-stream")
}

/// The body of a stream of these events, each under the name of its sort.
pub(crate) fn body_of(data: &[&str]) -> String {
    let event = |data: &&str| {
        let read: Value = serde_json::from_str(data).unwrap_or_default();
        let name = read.get("type").and_then(Value::as_str).unwrap_or_default();
        format!("event: {name}\ndata: {data}\n\n")
    };
    data.iter().map(event).collect()
}

pub(crate) fn of(data: &[&str]) -> Fake {
    events(body_of(data))
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(
        200,
        r#"{"id":"r1","message":{"role":"assistant","content":[{"type":"text","text":"hi"}]},"finish_reason":"COMPLETE"}"#,
    )
}
