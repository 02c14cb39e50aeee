//! Streams in the making, and what was told of them in short.

use backstop_core::Error;
use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ToolCallDelta};

use crate::fake::{Fake, events};

/// The pieces after the one that says that the response has begun, in short.
pub(crate) fn shown(told: &[ChatEvent]) -> String {
    let (first, rest) = told.split_first().unwrap();
    assert_eq!(*first, ChatEvent::opened(Some(200), Some("req_1".to_owned())));
    rest.iter().map(show).collect::<Vec<_>>().join(" ")
}

pub(crate) fn show(event: &ChatEvent) -> String {
    match event {
        ChatEvent::Start { model, .. } => format!("start:{}", model.as_deref().unwrap_or("?")),
        ChatEvent::Text(text) => format!("{text:?}"),
        ChatEvent::Reasoning(text) => format!("({text})"),
        ChatEvent::Progress => "…".to_owned(),
        ChatEvent::Other(name) => format!("other:{name}"),
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

/// A stream of these `data:` events.
pub(crate) fn of(data: &[&str]) -> Fake {
    events(data.iter().map(|data| format!("data: {data}\n\n")).collect::<String>())
}

pub(crate) fn delta(delta: &str) -> String {
    format!(r#"{{"model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}],"usage":null}}"#)
}

pub(crate) fn finish(reason: &str) -> String {
    format!(r#"{{"model":"m","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

pub(crate) fn collect(told: &[ChatEvent]) -> ChatReply {
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    collector.into_reply()
}

/// The error says who was asked, and which request it was.
pub(crate) fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-x")), "{error:?}");
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")), "{error:?}");
}
