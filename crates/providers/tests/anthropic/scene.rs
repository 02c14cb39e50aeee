//! A provider over a transport without a network, what was told in short, and a few things that are said often.

use std::sync::Arc;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ChatRequest, ToolCallDelta};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
use backstop_providers::http::Transport;
use serde_json::Value;

use crate::transport::{Fake, events, told};

pub(crate) const KEY: &str = "sk-ant-test-0123456789abcdef";
pub(crate) const MODEL: &str = "claude-x";

pub(crate) fn with(config: AnthropicConfig, fake: &Arc<Fake>) -> Anthropic {
    let transport: Arc<dyn Transport> = fake.clone();
    Anthropic::with_transport(config, transport).unwrap()
}

pub(crate) fn provider(fake: &Arc<Fake>) -> Anthropic {
    with(AnthropicConfig::new(KEY), fake)
}

/// A whole reply of one text.
pub(crate) fn healthy() -> Fake {
    message(r#"[{"type":"text","text":"hi"}]"#, "end_turn")
}

/// A whole reply of these blocks.
pub(crate) fn message(content: &str, stop: &str) -> Fake {
    Fake::new(
        200,
        format!(
            r#"{{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","content":{content},
            "stop_reason":"{stop}","stop_sequence":null,"usage":{{"input_tokens":9,"output_tokens":12}}}}"#
        ),
    )
    .header("request-id", "req_1")
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

/// What a stream tells of this answer.
pub(crate) async fn stream(fake: Fake) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = provider(&fake).chat_stream(Ask::new(MODEL), &ChatRequest::user("hello")).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// The body that is sent.
pub(crate) async fn sent(request: &ChatRequest) -> Value {
    sent_to(MODEL, request).await
}

pub(crate) async fn sent_to(model: &str, request: &ChatRequest) -> Value {
    sent_as(AnthropicConfig::new(KEY), model, request, &Overrides::default()).await
}

pub(crate) async fn sent_as(
    config: AnthropicConfig,
    model: &str,
    request: &ChatRequest,
    overrides: &Overrides,
) -> Value {
    let fake = Arc::new(healthy());
    with(config, &fake).chat(Ask::new(model).with_overrides(overrides), request).await.unwrap();
    fake.body()
}

/// Why a request is not sent, in one piece or streamed.
pub(crate) async fn unsent(model: &str, request: &ChatRequest, overrides: &Overrides) -> (ErrorKind, String) {
    let fake = Arc::new(healthy());
    let ask = Ask::new(model).with_overrides(overrides);
    let provider = provider(&fake);
    let error = provider.chat(ask, request).await.unwrap_err();
    let streamed = provider.chat_stream(ask, request).await.map(drop).unwrap_err();
    assert_eq!(fake.count(), 0, "{error}");
    assert_eq!(error.to_string(), streamed.to_string());
    assert_eq!((error.provider(), error.model()), (Some("anthropic"), Some(model)));
    (error.kind(), error.message().to_owned())
}

/// That the request is not sent, since the wire or the model cannot take it, for a reason that holds these words.
pub(crate) async fn unsupported(model: &str, request: &ChatRequest, words: &str) {
    let (kind, message) = unsent(model, request, &Overrides::default()).await;
    assert_eq!(kind, ErrorKind::Unsupported, "{message}");
    assert!(message.contains(words), "{message}");
}

/// A stream of these events, named as they name themselves.
pub(crate) fn of(data: &[&str]) -> Fake {
    let name = |data: &str| serde_json::from_str::<Value>(data).unwrap()["type"].as_str().unwrap().to_owned();
    let event = |data: &&str| format!("event: {}\ndata: {data}\n\n", name(data));
    events(data.iter().map(event).collect::<String>())
}

pub(crate) const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}"#;
pub(crate) const END: &str = r#"{"type":"message_stop"}"#;

pub(crate) fn begin(index: u32, block: &str) -> String {
    format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#)
}

pub(crate) fn delta(index: u32, delta: &str) -> String {
    format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#)
}

pub(crate) fn stop(index: u32) -> String {
    format!(r#"{{"type":"content_block_stop","index":{index}}}"#)
}

pub(crate) fn reason(word: &str) -> String {
    format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{word}","stop_sequence":null}},"usage":{{"output_tokens":3}}}}"#
    )
}

/// A whole stream: its beginning, these events, and its end for this reason.
pub(crate) fn whole(data: &[String], word: &str) -> Fake {
    let reason = reason(word);
    let data: Vec<&str> =
        [START].into_iter().chain(data.iter().map(String::as_str)).chain([&*reason, END]).collect();
    of(&data)
}

/// The pieces after the one that says that the response has begun, in short.
pub(crate) fn shown(told: &[ChatEvent]) -> String {
    let (first, rest) = told.split_first().unwrap();
    assert_eq!(*first, ChatEvent::opened(Some(200), Some("req_1".to_owned())));
    rest.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn show(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Start { model, .. } => format!("start:{}", model.as_deref().unwrap_or("?")),
        ChatEvent::Text(text) => format!("{text:?}"),
        ChatEvent::Reasoning(text) => format!("({text})"),
        ChatEvent::Progress => "…".to_owned(),
        ChatEvent::Other(name) => format!("other:{name}"),
        ChatEvent::Sealed(sealed) => format!("sealed:{}", sealed.data["block"]["type"].as_str().unwrap()),
        ChatEvent::ToolCall(ToolCallDelta { index, id, name, arguments, .. }) => {
            let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
            format!("{index}:{}:{}:{arguments}", word(id), word(name))
        }
        ChatEvent::Usage(usage) => {
            format!("{}+{}", usage.input_tokens.unwrap_or(0), usage.output_tokens.unwrap_or(0))
        }
        ChatEvent::End(finish) => format!("end:{finish}"),
        _ => "?".to_owned(),
    }
}

pub(crate) fn collect(told: &[ChatEvent]) -> ChatReply {
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    collector.into_reply()
}

/// The error says who was asked, and which request it was.
pub(crate) fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("anthropic"), Some(MODEL)), "{error:?}");
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")), "{error:?}");
}
