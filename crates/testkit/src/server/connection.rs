//! One accepted connection, and the playing of scripts on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::record::Record;
use super::request::{Parsed, REQUEST_CAP, parse};
use super::script::{Script, Step};

/// How long a closed connection is still read from, so that the close is not turned into a reset.
const DRAIN: Duration = Duration::from_secs(2);
/// How long before a reset. It takes back bytes still under way, and a client that has not yet noticed that it is
/// connected would take it for a failure to connect.
const SETTLE: Duration = Duration::from_millis(10);

/// Whether a connection lives on after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Over,
}

pub(super) struct Connection {
    stream: TcpStream,
    record: Arc<Record>,
    /// Read, but not yet part of a request.
    pending: Vec<u8>,
    /// The client asked for the connection to be closed.
    last: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.record.closed();
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, record: Arc<Record>) -> Self {
        record.opened();
        Self { stream, record, pending: Vec::new(), last: false }
    }

    /// Plays script after script, one per request, until one side ends the connection.
    pub(super) async fn serve(mut self, mut next: impl FnMut() -> Script) {
        loop {
            let script = next();
            if self.play(&script).await == Flow::Over {
                return;
            }
            // A script that reads nothing has nothing to wait for before it would run again.
            let reads = script.steps().contains(&Step::ReadRequest);
            if self.last || !reads {
                self.close().await;
                return;
            }
            // The next script is taken when the next request begins to arrive: an idle connection uses up none.
            if self.pending.is_empty() && self.fill().await == Flow::Over {
                return;
            }
        }
    }

    async fn play(&mut self, script: &Script) -> Flow {
        for step in script.steps() {
            if self.perform(step).await == Flow::Over {
                return Flow::Over;
            }
        }
        Flow::On
    }

    async fn perform(&mut self, step: &Step) -> Flow {
        match step {
            Step::ReadRequest => self.read_request().await,
            Step::Send(bytes) => self.send(bytes).await,
            Step::SendSplit { bytes, every, pause } => {
                for (n, piece) in bytes.chunks((*every).max(1)).enumerate() {
                    if n > 0 && self.wait(*pause).await == Flow::Over {
                        return Flow::Over;
                    }
                    if self.send(piece).await == Flow::Over {
                        return Flow::Over;
                    }
                }
                Flow::On
            }
            Step::SendEndless { piece, pause, cap } => self.send_endless(piece, *pause, *cap).await,
            Step::Sleep(time) => self.wait(*time).await,
            Step::Stall => {
                self.until_left().await;
                Flow::Over
            }
            Step::Close => {
                self.close().await;
                Flow::Over
            }
            Step::Reset => {
                sleep(SETTLE).await;
                // An error means that the client was faster; either way the connection is gone.
                _ = self.stream.set_zero_linger();
                Flow::Over
            }
        }
    }

    async fn read_request(&mut self) -> Flow {
        loop {
            match parse(&self.pending) {
                Parsed::Whole { request, used, last } => {
                    self.pending.drain(..used);
                    self.last = last;
                    self.record.saw(request);
                    return Flow::On;
                }
                Parsed::Refused => return Flow::Over,
                Parsed::Partial => {
                    if self.fill().await == Flow::Over {
                        return Flow::Over;
                    }
                }
            }
        }
    }

    /// Reads some more of what the client sends. Over when it has left, or sends more than any request may have.
    async fn fill(&mut self) -> Flow {
        self.pending.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.pending).await {
            Ok(1..) if self.pending.len() <= REQUEST_CAP => Flow::On,
            Ok(_) | Err(_) => Flow::Over,
        }
    }

    async fn send(&mut self, mut bytes: &[u8]) -> Flow {
        while !bytes.is_empty() {
            // Counted before the client can have read them, and put right after: a test that compares the count with
            // what it has read never finds it behind.
            self.record.sending(bytes.len());
            let sent = self.stream.write(bytes).await.unwrap_or(0);
            bytes = bytes.get(sent..).unwrap_or_default();
            self.record.unsent(bytes.len());
            if sent == 0 {
                return Flow::Over;
            }
        }
        Flow::On
    }

    async fn send_endless(&mut self, piece: &[u8], pause: Duration, cap: u64) -> Flow {
        let mut left = cap;
        while left > 0 && !piece.is_empty() {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let piece = piece.get(..most).unwrap_or(piece);
            left -= piece.len() as u64;
            if self.wait(pause).await == Flow::Over || self.send(piece).await == Flow::Over {
                return Flow::Over;
            }
        }
        self.close().await;
        Flow::Over
    }

    /// Waits, unless the client leaves first. Even no time at all lets the client's side run.
    async fn wait(&mut self, time: Duration) -> Flow {
        if time.is_zero() {
            tokio::task::yield_now().await;
            return Flow::On;
        }
        let left = async { while self.fill().await == Flow::On {} };
        match timeout(time, left).await {
            Ok(()) => Flow::Over,
            Err(_) => Flow::On,
        }
    }

    /// Reads and forgets until the client leaves.
    async fn until_left(&mut self) {
        loop {
            self.pending.clear();
            if self.fill().await == Flow::Over {
                return;
            }
        }
    }

    async fn close(&mut self) {
        if self.stream.shutdown().await.is_ok() {
            _ = timeout(DRAIN, self.until_left()).await;
        }
    }
}
