//! A body read while it comes, and told piece by piece.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use backstop_core::Error;
use bytes::{Buf, Bytes};
use futures_core::Stream;
use http_body::Body as HttpBody;

use super::attempt::Source;
use super::body::{REPLY_MAX, Unread};
use super::frames::{BadFrame, FRAME_MAX, Frames};
use super::transport::Body;

/// White space in front of a body that says nothing yet of what it is.
const BLANK_MAX: usize = 64;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a wire's frames mean. Pure: what there is to say goes to `out`, in order, also before an error.
pub(crate) trait Decode: Send + Unpin + 'static {
    /// A piece of an answer.
    type Piece: Send + Unpin + 'static;
    /// How its body is cut.
    type Frames: Frames;

    /// The response has begun.
    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<Self::Piece>);

    /// A frame has come. True if it is the terminal marker.
    fn frame(
        &mut self,
        source: &Source<'_>,
        frame: &<Self::Frames as Frames>::Frame,
        out: &mut VecDeque<Self::Piece>,
    ) -> Result<bool, Error>;

    /// The frames have ended without the terminal marker, though nothing broke off.
    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<Self::Piece>) -> Result<(), Error>;

    /// In place of frames there came this.
    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<Self::Piece>,
    ) -> Result<(), Error>;
}

/// The pieces of a streamed answer. The connection is given up as soon as nothing more is wanted of it.
pub(crate) struct EventStream<D: Decode> {
    source: Source<'static>,
    /// `None` once nothing more will be read.
    body: Option<Body>,
    /// What has been read and not been looked at. No more is read before it is: a slow reader holds one piece.
    chunk: Bytes,
    framing: Framing<D::Frames>,
    decoder: D,
    out: VecDeque<D::Piece>,
    failed: Option<Error>,
}

/// What the body is.
#[derive(Debug)]
enum Framing<F> {
    /// Nothing but white space has come.
    Unknown(Vec<u8>),
    Frames(F),
    /// A value or a page. Servers give them where a stream was asked for, and not always under their own name.
    Whole(Vec<u8>),
}

impl<F: Frames> Framing<F> {
    /// What a body that begins so is, as soon as that can be said.
    fn of(start: &[u8]) -> Option<Self> {
        let blank = |byte: &&u8| !byte.is_ascii_whitespace();
        match start.strip_prefix(BOM).unwrap_or(start).iter().find(blank) {
            _ if BOM.starts_with(start) => None,
            Some(byte) if F::is_whole(*byte) => Some(Self::Whole(Vec::new())),
            None if start.len() < BLANK_MAX => None,
            Some(_) | None => Some(Self::Frames(F::default())),
        }
    }
}

impl<D: Decode> EventStream<D> {
    pub(crate) fn new(source: Source<'static>, body: Body, mut decoder: D) -> Self {
        let mut out = VecDeque::new();
        decoder.open(&source, &mut out);
        Self {
            source,
            body: Some(body),
            chunk: Bytes::new(),
            framing: Framing::Unknown(Vec::new()),
            decoder,
            out,
            failed: None,
        }
    }

    /// Looks at what has been read until there is something to tell of.
    fn digest(&mut self) -> Result<(), Error> {
        while self.out.is_empty() && !self.chunk.is_empty() {
            match &mut self.framing {
                Framing::Unknown(start) => {
                    start.push(self.chunk.get_u8());
                    if let Some(framing) = Framing::of(start) {
                        self.chunk = [start.as_slice(), &self.chunk].concat().into();
                        self.framing = framing;
                    }
                }
                Framing::Frames(frames) => {
                    let mut input = &*self.chunk;
                    let frame = frames.next(&mut input);
                    let used = self.chunk.len() - input.len();
                    self.chunk.advance(used);
                    if let Some(frame) = frame.map_err(|bad| self.bad(bad))? {
                        self.frame(&frame)?;
                    }
                }
                Framing::Whole(body) if body.len() + self.chunk.len() > REPLY_MAX => {
                    return Err(self.source.unread(Unread::TooLong(REPLY_MAX)));
                }
                Framing::Whole(body) => {
                    body.extend_from_slice(&self.chunk);
                    self.chunk.clear();
                }
            }
        }
        Ok(())
    }

    /// The body has come to its end.
    fn end(&mut self) -> Result<(), Error> {
        self.body = None;
        match std::mem::replace(&mut self.framing, Framing::Unknown(Vec::new())) {
            Framing::Whole(body) => {
                return self.decoder.whole(&self.source, &body, &mut self.out);
            }
            Framing::Frames(frames) => {
                let last = frames.end().map_err(|bad| self.bad(bad))?;
                if let Some(last) = last
                    && self.decoder.frame(&self.source, &last, &mut self.out)?
                {
                    return Ok(());
                }
            }
            Framing::Unknown(_) => {}
        }
        self.decoder.end(&self.source, &mut self.out)
    }

    fn frame(&mut self, frame: &<D::Frames as Frames>::Frame) -> Result<(), Error> {
        if self.decoder.frame(&self.source, frame, &mut self.out)? {
            (self.body, self.chunk) = (None, Bytes::new());
        }
        Ok(())
    }

    fn bad(&self, bad: BadFrame) -> Error {
        match bad {
            BadFrame::TooLong => {
                let message = format!("an event of the stream is longer than {} MiB", FRAME_MAX >> 20);
                self.source.bad_reply(&message)
            }
            BadFrame::Damaged(how) => {
                self.source.bad_reply(&format!("an event of the stream is damaged: {how}"))
            }
        }
    }

    /// Reads on; `Ready` once something has come.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let Some(frame) = ready!(Pin::new(body).poll_frame(cx)) else { return Poll::Ready(self.end()) };
        match frame {
            Ok(frame) => self.chunk = frame.into_data().unwrap_or_default(),
            Err(cause) => {
                return Poll::Ready(Err(self.source.unread(Unread::Broken(cause))));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<D: Decode> Stream for EventStream<D> {
    type Item = Result<D::Piece, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(piece) = this.out.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(error) = this.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let step = if !this.chunk.is_empty() {
                this.digest()
            } else if this.body.is_some() {
                ready!(this.poll_read(cx))
            } else {
                return Poll::Ready(None);
            };
            if let Err(error) = step {
                (this.body, this.chunk, this.failed) = (None, Bytes::new(), Some(error));
            }
        }
    }
}
