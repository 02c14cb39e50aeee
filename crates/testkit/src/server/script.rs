//! What a [`RawServer`](super::RawServer) does with a connection, step by step.

use std::fmt::Display;
use std::time::Duration;

use super::sse::{SseEnding, SseEvent};

/// Where every endless step stops, should a client really read that far: 2 GiB.
pub const ENDLESS_CAP: u64 = 2 * 1024 * 1024 * 1024;

/// Bytes of one piece of an endless body or line.
const PIECE: usize = 64 * 1024;

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");
const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

/// One thing done on a connection. A step that finds the client gone ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Reads one request, head and body, and records it.
    ReadRequest,
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes in pieces, each flushed. Without a pause the client's kernel may join some of them again.
    SendSplit {
        /// All of the bytes.
        bytes: Vec<u8>,
        /// How many at a time; 0 counts as 1.
        every: usize,
        /// How long to wait between two pieces.
        pause: Duration,
    },
    /// Sends the same bytes again and again until the client leaves or `cap` bytes are out; then closes.
    SendEndless {
        /// What is repeated.
        piece: Vec<u8>,
        /// How long to wait before each piece.
        pause: Duration,
        /// Where it stops.
        cap: u64,
    },
    /// Waits. A client that leaves meanwhile ends the connection at once.
    Sleep(Duration),
    /// Does nothing until the client leaves.
    Stall,
    /// Ends the connection cleanly (FIN). What the client still sends is thrown away, lest the kernel make it a reset.
    Close,
    /// Ends the connection with a reset (RST), 10 ms later, so that what was sent before has arrived.
    Reset,
}

/// The steps of one exchange: usually read a request, send something, and perhaps end the connection.
///
/// A script that ends without [`Step::Close`] or [`Step::Reset`] leaves the connection open for the next request, which
/// is answered by the next script, unless the client asked for `Connection: close`.
///
/// ```
/// use std::time::Duration;
/// use backstop_testkit::server::{Script, Step};
///
/// let script = Script::default()
///     .then(Step::ReadRequest)
///     .then(Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()))
///     .then(Step::Sleep(Duration::from_millis(5)))
///     .then(Step::Reset);
/// assert_eq!(script.steps().len(), 4);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// The same script, and then this step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Reads a request; what the answering constructors begin with.
    fn reads() -> Self {
        Self::default().then(Step::ReadRequest)
    }

    fn sends(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Answers with a well-formed response. With `connection: close` among the headers, the connection is closed.
    pub fn replies(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        Self::reads().sends(response(status, headers, body.as_ref())).closes_if_said(headers)
    }

    /// Answers like [`replies`](Self::replies), but `every` so many bytes at a time, head and body alike.
    pub fn replies_split_every(
        every: usize,
        status: u16,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Self {
        let bytes = response(status, headers, body.as_ref());
        Self::reads().then(Step::SendSplit { bytes, every, pause: Duration::ZERO }).closes_if_said(headers)
    }

    /// Waits before the first byte of another script's answer.
    pub fn slow_headers(delay: Duration, then: impl Into<Self>) -> Self {
        let mut script = then.into();
        let at =
            script.steps.iter().position(|step| *step != Step::ReadRequest).unwrap_or(script.steps.len());
        script.steps.insert(at, Step::Sleep(delay));
        script
    }

    /// Accepts the connection and soon resets it, whatever the client wants to say.
    pub fn resets_at_once() -> Self {
        Self::default().then(Step::Reset)
    }

    /// Takes the request and resets the connection instead of answering.
    pub fn resets_before_headers() -> Self {
        Self::reads().then(Step::Reset)
    }

    /// Sends the head of a 200 and resets the connection.
    pub fn resets_after_headers() -> Self {
        Self::reads().sends(head(200, &[JSON, CHUNKED])).then(Step::Reset)
    }

    /// Takes the request and closes the connection cleanly, without a word.
    pub fn closes_before_headers() -> Self {
        Self::reads().then(Step::Close)
    }

    /// Takes the request and never answers.
    pub fn silent() -> Self {
        Self::reads().then(Step::Stall)
    }

    /// Sends the head of a 200 and then nothing more.
    pub fn silent_after_headers() -> Self {
        Self::reads().sends(head(200, &[JSON, CHUNKED])).then(Step::Stall)
    }

    /// Promises the whole JSON body in `content-length`, sends its first `sent` bytes, and closes.
    pub fn cut_body(body: impl AsRef<[u8]>, sent: usize) -> Self {
        Self::reads().sends(started(body.as_ref(), sent)).then(Step::Close)
    }

    /// Promises the whole JSON body in `content-length`, sends its first `sent` bytes, and resets.
    pub fn resets_in_body(body: impl AsRef<[u8]>, sent: usize) -> Self {
        Self::reads().sends(started(body.as_ref(), sent)).then(Step::Reset)
    }

    /// Promises the whole JSON body in `content-length`, sends its first `sent` bytes, and stalls.
    pub fn stalls_in_body(body: impl AsRef<[u8]>, sent: usize) -> Self {
        Self::reads().sends(started(body.as_ref(), sent)).then(Step::Stall)
    }

    /// Promises the whole JSON body as one chunk, sends its first `sent` bytes, and closes.
    pub fn cut_chunked(body: impl AsRef<[u8]>, sent: usize) -> Self {
        let body = body.as_ref();
        let mut bytes = head(200, &[JSON, CHUNKED]);
        bytes.extend(format!("{:x}\r\n", body.len()).into_bytes());
        bytes.extend(body.iter().take(sent));
        Self::reads().sends(bytes).then(Step::Close)
    }

    /// Sends the whole JSON body under another `content-length`, which may be no number at all, and closes.
    pub fn wrong_content_length(body: impl AsRef<[u8]>, claimed: impl Display) -> Self {
        let mut bytes = head(200, &[JSON, ("content-length", &claimed.to_string())]);
        bytes.extend(body.as_ref());
        Self::reads().sends(bytes).then(Step::Close)
    }

    /// Sends one good chunk, and then one whose size is not a number.
    pub fn bad_chunk_header(body: impl AsRef<[u8]>) -> Self {
        let mut bytes = head(200, &[JSON, CHUNKED]);
        bytes.extend(chunk(body.as_ref()));
        bytes.extend(b"xyz\r\n\r\n");
        Self::reads().sends(bytes).then(Step::Close)
    }

    /// Answers with bytes that are not HTTP, and closes.
    pub fn garbage() -> Self {
        Self::reads().sends(b"\x16\x03\x01\x00\xff this is not HTTP \xfe\r\n\r\n".to_vec()).then(Step::Close)
    }

    /// Begins a header whose value never ends.
    pub fn endless_header() -> Self {
        Self::reads().sends(b"HTTP/1.1 200 OK\r\nx-endless: ".to_vec()).then(endless(vec![b'a'; PIECE]))
    }

    /// A JSON body, with this status, whose one string never ends.
    pub fn endless_body(status: u16) -> Self {
        let mut bytes = head(status, &[JSON, CHUNKED]);
        bytes.extend(chunk(b"{\"id\":\""));
        Self::reads().sends(bytes).then(endless(chunk(&[b'a'; PIECE])))
    }

    /// An event stream whose first `data:` line never ends.
    pub fn endless_line() -> Self {
        let mut bytes = head(200, &[EVENTS, CHUNKED]);
        bytes.extend(chunk(b"data: "));
        Self::reads().sends(bytes).then(endless(chunk(&[b'a'; PIECE])))
    }

    /// An event stream that says the same thing for ever, each time after the event's own pause.
    pub fn endless_events(event: impl Into<SseEvent>) -> Self {
        let event = event.into();
        let endless =
            Step::SendEndless { piece: chunk(event.bytes()), pause: event.pause(), cap: ENDLESS_CAP };
        Self::reads().sends(head(200, &[EVENTS, CHUNKED])).then(endless)
    }

    /// An event stream in chunked coding, one chunk per event, with a chosen ending.
    pub fn sse<E: Into<SseEvent>>(events: impl IntoIterator<Item = E>, ending: SseEnding) -> Self {
        let mut script = Self::reads().sends(head(200, &[EVENTS, CHUNKED]));
        for event in events {
            let event = event.into();
            if !event.pause().is_zero() {
                script = script.then(Step::Sleep(event.pause()));
            }
            script = script.sends(chunk(event.bytes()));
        }
        script.ends(ending)
    }

    /// Answers in chunked coding, each piece a chunk of its own, with a chosen ending. A client that reads chunk by
    /// chunk sees the pieces as they are, however the kernel joins them.
    pub fn in_chunks<'p>(
        status: u16,
        headers: &[(&str, &str)],
        pieces: impl IntoIterator<Item = &'p [u8]>,
        ending: SseEnding,
    ) -> Self {
        let mut bytes = head(status, &[headers, &[CHUNKED]].concat());
        // An empty piece would be the last chunk.
        pieces.into_iter().filter(|piece| !piece.is_empty()).for_each(|piece| bytes.extend(chunk(piece)));
        Self::reads().sends(bytes).ends(ending)
    }

    fn ends(self, ending: SseEnding) -> Self {
        match ending {
            SseEnding::Clean => self.sends(chunk(b"")),
            SseEnding::Cut => self.then(Step::Close),
            SseEnding::Reset => self.then(Step::Reset),
            SseEnding::Stall => self.then(Step::Stall),
        }
    }

    fn closes_if_said(self, headers: &[(&str, &str)]) -> Self {
        let said = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close")
        });
        if said { self.then(Step::Close) } else { self }
    }
}

/// A status line and headers, up to and with the empty line.
fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn response(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut bytes = head(status, &[headers, &[("content-length", length.as_str())]].concat());
    bytes.extend(body);
    bytes
}

/// The head for all of `body`, and `sent` bytes of it.
fn started(body: &[u8], sent: usize) -> Vec<u8> {
    let mut bytes = head(200, &[JSON, ("content-length", &body.len().to_string())]);
    bytes.extend(body.iter().take(sent));
    bytes
}

/// One chunk of the chunked coding; the empty one is the last.
fn chunk(data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend(data);
    bytes.extend(b"\r\n");
    bytes
}

fn endless(piece: Vec<u8>) -> Step {
    Step::SendEndless { piece, pause: Duration::ZERO, cap: ENDLESS_CAP }
}
