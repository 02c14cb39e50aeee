//! The provider over a transport without a network.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Error, Provider};
use backstop_providers::http::Transport;
use backstop_providers::openai::{OpenAi, OpenAiConfig};

pub(crate) use crate::transport::{Fake, events};

pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

pub(crate) fn provider(fake: &Arc<Fake>) -> OpenAi {
    with(OpenAiConfig::new(KEY), fake)
}

pub(crate) fn with(config: OpenAiConfig, fake: &Arc<Fake>) -> OpenAi {
    let transport: Arc<dyn Transport> = fake.clone();
    OpenAi::with_transport(config, transport).unwrap()
}

/// What becomes of this answer.
pub(crate) async fn answer(fake: Fake) -> Result<ChatReply, Error> {
    answer_to(fake, &ChatRequest::user("hello")).await
}

pub(crate) async fn answer_to(fake: Fake, request: &ChatRequest) -> Result<ChatReply, Error> {
    let fake = Arc::new(fake);
    let result = provider(&fake).chat(Ask::new("gpt-x"), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

/// What a stream tells of this answer: its pieces, and the error it ends with.
pub(crate) async fn stream(fake: Fake) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = provider(&fake).chat_stream(Ask::new("gpt-x"), &ChatRequest::user("hello")).await;
    assert_eq!(fake.count(), 1, "one request");
    crate::transport::told(begun).await
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(200, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#)
}
