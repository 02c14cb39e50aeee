//! Events of a `text/event-stream` reply.

use std::time::Duration;

use serde_json::Value;

/// One event of a stream, sent as one chunk of its own.
///
/// ```
/// use std::time::Duration;
/// use backstop_testkit::server::SseEvent;
///
/// let late = SseEvent::data("{\"n\":1}").after(Duration::from_millis(20));
/// assert_eq!(late.bytes(), b"data: {\"n\":1}\n\n");
/// assert_eq!(SseEvent::done().bytes(), b"data: [DONE]\n\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    bytes: Vec<u8>,
    pause: Duration,
}

impl SseEvent {
    /// An event without a name. Each line of `data` becomes a `data:` line.
    pub fn data(data: impl AsRef<str>) -> Self {
        Self::raw(data_lines(data.as_ref()))
    }

    /// A named event, as the Anthropic wire and OpenAI's responses have them.
    pub fn named(name: &str, data: impl AsRef<str>) -> Self {
        Self::raw(format!("event: {name}\n{}", data_lines(data.as_ref())))
    }

    /// A comment: the keep-alive that says nothing.
    pub fn comment(text: &str) -> Self {
        Self::raw(format!(": {text}\n\n"))
    }

    /// The OpenAI wire's last event.
    pub fn done() -> Self {
        Self::data("[DONE]")
    }

    /// These bytes and no others: half an event, a line that never ends, bytes that are not UTF-8.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), pause: Duration::ZERO }
    }

    /// The same event, after a pause.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// What goes over the wire, without the chunked coding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long the server waits before it.
    pub fn pause(&self) -> Duration {
        self.pause
    }
}

fn data_lines(data: &str) -> String {
    let mut lines: String = data.split('\n').map(|line| format!("data: {line}\n")).collect();
    lines.push('\n');
    lines
}

impl From<&str> for SseEvent {
    fn from(data: &str) -> Self {
        Self::data(data)
    }
}

impl From<String> for SseEvent {
    fn from(data: String) -> Self {
        Self::data(data)
    }
}

impl From<Value> for SseEvent {
    fn from(data: Value) -> Self {
        Self::data(data.to_string())
    }
}

/// How a scripted stream ends, once its events are out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SseEnding {
    /// The last chunk of HTTP is sent; the connection stays usable. Whether the protocol's own last event was sent is
    /// up to the events.
    Clean,
    /// The connection closes without the last chunk.
    Cut,
    /// The connection is reset.
    Reset,
    /// Nothing more comes, until the client leaves.
    Stall,
}
