//! A provider over a transport that gives out what it is told to.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use backstop_providers::bedrock::{Bedrock, BedrockConfig};
use serde_json::Value;

use crate::common::fake::Fake;
use crate::common::told::{Told, told};

pub(crate) const KEY: &str = "key-0123456789abcdef";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const MODEL: &str = "amazon.nova-lite-v1:0";

/// One that thinks with an effort, and one that thinks with a number of tokens.
pub(crate) const CLAUDE: &str = "us.anthropic.claude-opus-4-6-v1:0";
pub(crate) const OLDER_CLAUDE: &str = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";

pub(crate) fn provider(fake: &Arc<Fake>) -> Bedrock {
    with(BedrockConfig::new(REGION, KEY), fake)
}

pub(crate) fn with(config: BedrockConfig, fake: &Arc<Fake>) -> Bedrock {
    Bedrock::with_transport(config, fake.transport()).unwrap()
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
    sent_to(MODEL, request, &Overrides::default()).await
}

pub(crate) async fn sent_to(model: &str, request: &ChatRequest, overrides: &Overrides) -> Value {
    let fake = Arc::new(healthy());
    provider(&fake).chat(Ask::new(model).with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// Why a request is not sent.
pub(crate) async fn unsent(model: &str, request: &ChatRequest) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let provider = provider(&fake);
    let error = provider.chat(Ask::new(model), request).await.unwrap_err();
    let streamed = provider.chat_stream(Ask::new(model), request).await.err().unwrap();
    assert_eq!((error.kind(), error.message()), (streamed.kind(), streamed.message()));
    assert_eq!(fake.count(), 0, "nothing is sent: {error}");
    assert_eq!((error.provider(), error.model()), (Some("bedrock"), Some(model)));
    (error.kind(), error.to_string())
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    Fake::new(
        200,
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"hi"}]}},"stopReason":"end_turn"}"#,
    )
}

/// An event of a stream.
pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
    message(
        &[(":event-type", name), (":content-type", "application/json"), (":message-type", "event")],
        payload,
    )
}

/// An exception in a stream.
pub(crate) fn exception(name: &str, payload: &str) -> Vec<u8> {
    message(&[(":exception-type", name), (":message-type", "exception")], payload)
}

/// A message of these headers, all of them texts.
pub(crate) fn message(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in headers {
        list.push(u8::try_from(name.len()).unwrap());
        list.extend(name.as_bytes());
        list.push(7);
        list.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        list.extend(value.as_bytes());
    }
    let length = u32::try_from(16 + list.len() + payload.len()).unwrap();
    let mut bytes = [length.to_be_bytes(), u32::try_from(list.len()).unwrap().to_be_bytes()].concat();
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(list);
    bytes.extend(payload.as_bytes());
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    !crc
}
