//! What a stream tells, in full and in short.

use std::future::poll_fn;
use std::pin::Pin;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ToolCallDelta};
use backstop_core::completion::CompletionEvent;
use backstop_core::{ChatStream, Error};
use futures_core::Stream;

/// The pieces of a stream, and the error it ends with.
pub(crate) type Told<T> = (Vec<T>, Option<Error>);

/// A stream, as a provider begins it.
pub(crate) type Begun<T> = Result<Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>, Error>;

/// Reads a stream to its end.
pub(crate) async fn told<T>(begun: Begun<T>) -> Told<T> {
    let mut stream = match begun {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut pieces = Vec::new();
    loop {
        match poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            Some(Ok(piece)) => pieces.push(piece),
            end => {
                assert!(poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_none(), "nothing after the end");
                return (pieces, end.map(|end| end.err().unwrap()));
            }
        }
    }
}

/// The next piece of a stream.
pub(crate) async fn next(stream: &mut ChatStream) -> Option<Result<ChatEvent, Error>> {
    poll_fn(|cx| stream.as_mut().poll_next(cx)).await
}

/// The pieces after the one that says that the response has begun, in short.
pub(crate) fn shown(told: &[ChatEvent]) -> String {
    let (first, rest) = told.split_first().unwrap();
    let opened = matches!(first, ChatEvent::Start { status: Some(200), model: None, .. });
    assert!(opened, "{first:?}");
    rest.iter().map(show).collect::<Vec<_>>().join(" ")
}

fn show(event: &ChatEvent) -> String {
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
        ChatEvent::Sealed(sealed) => format!("sealed:{}", sealed.data),
        ChatEvent::Usage(usage) => {
            format!("{}+{}", usage.input_tokens.unwrap_or(0), usage.output_tokens.unwrap_or(0))
        }
        ChatEvent::End(finish) => format!("end:{finish}"),
        _ => "?".to_owned(),
    }
}

/// The pieces of a text after the one that says that the response has begun, in short.
pub(crate) fn shown_text(told: &[CompletionEvent]) -> String {
    let (first, rest) = told.split_first().unwrap();
    let opened = matches!(first, CompletionEvent::Start { status: Some(200), model: None, .. });
    assert!(opened, "{first:?}");
    let show = |event: &CompletionEvent| match event {
        CompletionEvent::Start { model, .. } => format!("start:{}", model.as_deref().unwrap_or("?")),
        CompletionEvent::Text(text) => format!("{text:?}"),
        CompletionEvent::Usage(usage) => {
            format!("{}+{}", usage.input_tokens.unwrap_or(0), usage.output_tokens.unwrap_or(0))
        }
        CompletionEvent::End(finish) => format!("end:{finish}"),
        _ => "?".to_owned(),
    };
    rest.iter().map(show).collect::<Vec<_>>().join(" ")
}

pub(crate) fn collect(told: &[ChatEvent]) -> ChatReply {
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    collector.into_reply()
}
