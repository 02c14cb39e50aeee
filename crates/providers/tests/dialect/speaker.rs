//! A kind over a transport without a network.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Error, Provider};
use backstop_providers::dialect::{DialectConfig, DialectProvider};
use backstop_providers::http::Transport;
use backstop_providers::{
    cerebras, deepseek, fireworks, groq, huggingface, llama_cpp, lmstudio, moonshot, nvidia, openrouter,
    perplexity, sambanova, together, vllm, xai,
};
use serde_json::Value;

pub(crate) use crate::transport::{Fake, events, told};

pub(crate) const KEY: &str = "test-key-0123456789";
pub(crate) const MODEL: &str = "some/model";

/// Every kind that is data alone, with a key where it needs one.
pub(crate) fn all() -> Vec<(&'static str, DialectConfig)> {
    vec![
        ("cerebras", cerebras::config(KEY)),
        ("deepseek", deepseek::config(KEY)),
        ("fireworks", fireworks::config(KEY)),
        ("groq", groq::config(KEY)),
        ("huggingface", huggingface::config(KEY)),
        ("llama_cpp", llama_cpp::config()),
        ("lmstudio", lmstudio::config()),
        ("moonshot", moonshot::config(KEY)),
        ("nvidia", nvidia::config(KEY)),
        ("openrouter", openrouter::config(KEY)),
        ("perplexity", perplexity::config(KEY)),
        ("sambanova", sambanova::config(KEY)),
        ("together", together::config(KEY)),
        ("vllm", vllm::config()),
        ("xai", xai::config(KEY)),
    ]
}

pub(crate) fn config(kind: &str) -> DialectConfig {
    all().into_iter().find(|(name, _)| *name == kind).unwrap().1
}

pub(crate) fn speaker(config: DialectConfig, fake: &Arc<Fake>) -> DialectProvider {
    let transport: Arc<dyn Transport> = fake.clone();
    DialectProvider::with_transport(config, transport).unwrap()
}

/// The body of what a kind sends for this request; why it sends nothing.
pub(crate) async fn sent(kind: &str, request: &ChatRequest) -> Result<Value, Error> {
    let fake = Arc::new(healthy());
    let result = speaker(config(kind), &fake).chat(Ask::new(MODEL), request).await;
    match result {
        Ok(_) => Ok(fake.body()),
        Err(error) => {
            assert_eq!(fake.count(), 0, "{kind}: {error}");
            assert_eq!((error.provider(), error.model()), (Some(kind), Some(MODEL)));
            Err(error)
        }
    }
}

/// What a kind makes of this answer.
pub(crate) async fn answer(kind: &str, fake: Fake) -> Result<ChatReply, Error> {
    let fake = Arc::new(fake);
    let result = speaker(config(kind), &fake).chat(Ask::new(MODEL), &ChatRequest::user("hello")).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

/// What a kind tells of this stream.
pub(crate) async fn stream(kind: &str, fake: Fake) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = speaker(config(kind), &fake).chat_stream(Ask::new(MODEL), &"hello".into()).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// A stream of these `data:` events, done.
pub(crate) fn data(all: &[&str]) -> Fake {
    let all = all.iter().copied().chain(["[DONE]"]);
    events(all.map(|data| format!("data: {data}\n\n")).collect::<String>())
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(200, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#)
}
