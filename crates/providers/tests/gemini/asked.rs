//! The provider over a transport without a network.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, ToolCallDelta};
use backstop_core::{Ask, Error, Overrides, Provider};
use backstop_providers::gemini::{Gemini, GeminiConfig};
use backstop_providers::http::Transport;
use serde_json::Value;

pub(crate) use crate::transport::{Fake, events, told};

pub(crate) const KEY: &str = "AIza-test-0123456789abcdef";
pub(crate) const MODEL: &str = "gemini-x";

pub(crate) fn provider(fake: &Arc<Fake>) -> Gemini {
    with(GeminiConfig::new(KEY), fake)
}

pub(crate) fn with(config: GeminiConfig, fake: &Arc<Fake>) -> Gemini {
    let transport: Arc<dyn Transport> = fake.clone();
    Gemini::with_transport(config, transport).unwrap()
}

/// The body of what is sent for this request; why nothing is.
pub(crate) async fn sent_by(
    model: &str,
    request: &ChatRequest,
    overrides: &Overrides,
) -> Result<Value, Error> {
    let fake = Arc::new(healthy());
    let ask = Ask::new(model).with_overrides(overrides);
    match provider(&fake).chat(ask, request).await {
        Ok(_) => Ok(fake.body()),
        Err(error) => {
            assert_eq!(fake.count(), 0, "{error}");
            assert_eq!((error.provider(), error.model()), (Some("gemini"), Some(model)));
            Err(error)
        }
    }
}

pub(crate) async fn sent(request: &ChatRequest) -> Value {
    sent_by(MODEL, request, &Overrides::default()).await.unwrap()
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

/// What is told of this stream.
pub(crate) async fn stream(fake: Fake) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = provider(&fake).chat_stream(Ask::new(MODEL), &ChatRequest::user("hello")).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// A stream of these `data:` events, with the endings of lines that the service has.
pub(crate) fn data(all: &[&str]) -> Fake {
    events(all.iter().map(|data| format!("data: {data}\r\n\r\n")).collect::<String>())
}

/// A piece of an answer, or all of it.
pub(crate) fn piece(parts: &str, finish: &str) -> String {
    let finish = if finish.is_empty() { String::new() } else { format!(r#""finishReason":"{finish}","#) };
    format!(
        r#"{{"candidates":[{{"content":{{"role":"model","parts":[{parts}]}},{finish}"index":0}}],"usageMetadata":{{"promptTokenCount":4,"totalTokenCount":4}},"modelVersion":"m","responseId":"r1"}}"#
    )
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(200, piece(r#"{"text":"hi"}"#, "STOP"))
}

/// The pieces after the one that says that the response has begun, in short.
pub(crate) fn shown(told: &[ChatEvent]) -> String {
    let (first, rest) = told.split_first().unwrap();
    assert_eq!(*first, ChatEvent::opened(Some(200), Some("req_1".to_owned())));
    rest.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn show(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Start { model, id, .. } => {
            format!("start:{}:{}", model.as_deref().unwrap_or("?"), id.as_deref().unwrap_or("?"))
        }
        ChatEvent::Text(text) => format!("{text:?}"),
        ChatEvent::Reasoning(text) => format!("({text})"),
        ChatEvent::Progress => "…".to_owned(),
        ChatEvent::Other(name) => format!("other:{name}"),
        ChatEvent::ToolCall(ToolCallDelta { index, id, name, arguments, .. }) => {
            let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
            format!("{index}:{}:{}:{arguments}", word(id), word(name))
        }
        ChatEvent::Sealed(sealed) => format!("sealed:{}", sealed.data),
        ChatEvent::Usage(usage) => {
            let count = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
            format!("{}+{}", count(usage.input_tokens), count(usage.output_tokens))
        }
        ChatEvent::End(finish) => format!("end:{finish}"),
        _ => "?".to_owned(),
    }
}
