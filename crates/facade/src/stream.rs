//! Answers in pieces, which fall over until the first piece of content has come.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::chat::{
    ChatCollector, ChatEvent, ChatReply, ChatRequest, ReasoningRequest, ToolCallDelta,
};
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use backstop_core::fallback::Mode;
use backstop_core::{Ask, ChatStream, CompletionStream, Error, ErrorKind, Needs, Partial, Usage};
use futures_core::Stream;

use crate::answer::Answer;
use crate::driver::{Driver, Emit};
use crate::operation::{Flight, Operation, Receipt, Running, Signal};
use crate::wiring::WiredRoute;

/// A piece of a streamed answer, as the caller gets it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// A target has begun to answer: what follows comes from it.
    #[non_exhaustive]
    Start {
        /// Who, as `provider/model`.
        target: Arc<str>,
    },
    /// More text.
    Text(String),
    /// More of a tool call.
    ToolCall(ToolCallDelta),
    /// More of what the model thinks; only if the request asked to see it.
    Reasoning(String),
    /// What is known of the cost so far.
    Usage(Usage),
    /// The answer broke off, and another target begins from scratch: all that came before is void. Its content follows
    /// at once.
    #[non_exhaustive]
    Reset {
        /// Who begins, as `provider/model`.
        target: Arc<str>,
    },
    /// The answer is complete: the whole of it, and the trail. Comes once, and last.
    End(Box<Answer<ChatReply>>),
}

/// A streamed answer. It ends with [`StreamEvent::End`] or with an error, never just so.
///
/// The error of an answer that broke off is of the kind [`Interrupted`](ErrorKind::Interrupted) and carries what had
/// arrived ([`Error::partial`]). Read it with any `StreamExt`, with [`next`](Self::next), or put it together with
/// [`collect`](Self::collect).
///
/// # Cancellation
/// Dropping the stream closes its connections at once, and counts as nobody's failure.
#[must_use = "a stream does nothing until it is read"]
pub struct AnswerStream {
    driver: Option<Driver<StreamedChat>>,
}

impl AnswerStream {
    pub(crate) fn new(driver: Driver<StreamedChat>) -> Self {
        Self { driver: Some(driver) }
    }

    /// The next piece; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<StreamEvent, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Ends the stream: closes its connections, and says how far it had come. The error is of the kind `Cancelled`, and
    /// carries what had arrived.
    pub fn cancel(mut self) -> Error {
        match self.driver.take() {
            Some(mut driver) => driver.cancel(),
            None => Error::new(ErrorKind::Cancelled, "the stream had been read to its end before"),
        }
    }

    /// Reads to the end, and returns the whole answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn collect(mut self) -> Result<Answer<ChatReply>, Error> {
        while let Some(event) = self.next().await {
            if let StreamEvent::End(answer) = event? {
                return Ok(*answer);
            }
        }
        Err(Error::new(ErrorKind::Usage, "the stream had been read to its end before"))
    }
}

impl Stream for AnswerStream {
    type Item = Result<StreamEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(driver) = &mut self.driver else { return Poll::Ready(None) };
        let Poll::Ready(emit) = driver.poll_emit(cx) else { return Poll::Pending };
        let event = match emit {
            Emit::Commit { target, reset: false } => Ok(StreamEvent::Start { target }),
            Emit::Commit { target, reset: true } => Ok(StreamEvent::Reset { target }),
            Emit::Event(event) => Ok(event),
            Emit::Finish(outcome) => {
                let end = driver.conclude(outcome).map(|answer| StreamEvent::End(Box::new(answer)));
                self.driver = None;
                end
            }
        };
        Poll::Ready(Some(event))
    }
}

impl fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream").field("over", &self.driver.is_none()).finish_non_exhaustive()
    }
}

/// Chat and text completion in pieces.
#[derive(Debug)]
pub(crate) struct StreamedChat;

/// What a stream answers: the pieces of a continuation are pieces of text like those of an answer.
#[derive(Debug)]
pub(crate) enum Asked {
    Chat(Arc<ChatRequest>),
    Completion(Arc<CompletionRequest>),
}

impl Operation for StreamedChat {
    type Request = Asked;
    type Event = StreamEvent;
    type Reply = ChatReply;

    const MODE: Mode = Mode::Stream;

    fn needs(request: &Asked) -> Needs {
        match request {
            Asked::Chat(request) => Needs::of(request).streamed(),
            Asked::Completion(request) => Needs::of_completion(request).streamed(),
        }
    }

    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<Asked>) -> Flight<Self> {
        let (asked, asking) = (Arc::clone(&request), Arc::clone(&route));
        Box::pin(Streaming {
            show_reasoning: shows_reasoning(&route, slot, &request),
            route,
            slot,
            request,
            stream: Opening::Asked(Box::pin(async move {
                let Some(target) = asking.targets.get(slot) else {
                    return Err(Error::new(ErrorKind::Usage, "the route has no such slot"));
                };
                let ask = Ask::new(target.name.model()).with_overrides(&target.overrides);
                match &*asked {
                    Asked::Chat(request) => {
                        target.provider.chat_stream(ask, &target.overrides.apply(request)).await
                    }
                    Asked::Completion(request) => {
                        let request = target.overrides.apply_to_completion(request);
                        let stream = target.provider.complete_stream(ask, &request).await?;
                        Ok(Box::pin(Continuation(stream)) as ChatStream)
                    }
                }
            })),
            collector: ChatCollector::default(),
            frames: Startup::default(),
        })
    }

    fn receipt(reply: &ChatReply) -> Receipt<'_> {
        Receipt { status: reply.status, request_id: reply.request_id.as_deref() }
    }
}

/// The pieces of a continuation, told as pieces of an answer.
struct Continuation(CompletionStream);

impl Stream for Continuation {
    type Item = Result<ChatEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|piece| {
            piece.map(|piece| {
                Ok(match piece? {
                    CompletionEvent::Start { model: Some(model), .. } => ChatEvent::start(Some(model), None),
                    CompletionEvent::Start { status, request_id, .. } => {
                        ChatEvent::opened(status, request_id)
                    }
                    CompletionEvent::Text(text) => ChatEvent::Text(text),
                    CompletionEvent::Usage(usage) => ChatEvent::Usage(usage),
                    CompletionEvent::End(finish) => ChatEvent::End(finish),
                    // A piece that is newer than this crate says nothing to it.
                    _ => ChatEvent::Text(String::new()),
                })
            })
        })
    }
}

fn shows_reasoning(route: &WiredRoute, slot: usize, request: &Asked) -> bool {
    let Asked::Chat(request) = request else { return false };
    let own = route.targets.get(slot).and_then(|target| target.overrides.reasoning);
    own.or(request.reasoning).is_some_and(|ReasoningRequest { show, .. }| show)
}

/// A streamed attempt: waits for the stream, then for its pieces, and puts them together on the way.
struct Streaming {
    route: Arc<WiredRoute>,
    slot: usize,
    request: Arc<Asked>,
    show_reasoning: bool,
    stream: Opening,
    collector: ChatCollector,
    frames: Startup,
}

enum Opening {
    Asked(Pin<Box<dyn Future<Output = Result<ChatStream, Error>> + Send>>),
    Open(ChatStream),
}

/// What came before the first content: held back within bounds.
#[derive(Debug, Default)]
struct Startup {
    frames: usize,
    bytes: usize,
}

impl Startup {
    const FRAMES_MAX: usize = 64;
    const BYTES_MAX: usize = 256 << 10;

    fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        (self.frames, self.bytes) = (self.frames + 1, self.bytes.saturating_add(bytes));
        if self.frames > Self::FRAMES_MAX || self.bytes > Self::BYTES_MAX {
            return Err(Error::new(
                ErrorKind::BadReply,
                format!("{} frames came and none with content", self.frames),
            ));
        }
        Ok(())
    }
}

impl Running<StreamEvent, ChatReply> for Streaming {
    fn poll_signal(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Signal<StreamEvent, ChatReply>, Error>> {
        loop {
            let this = &mut *self;
            let item = match &mut this.stream {
                Opening::Asked(asked) => match asked.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(stream)) => {
                        this.stream = Opening::Open(stream);
                        return Poll::Ready(Ok(Signal::Opened));
                    }
                },
                Opening::Open(stream) => match stream.as_mut().poll_next(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(item) => item,
                },
            };
            let event = match item {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Err(this.located(broke_off()))),
            };
            if let Some(signal) = this.take_in(event).transpose() {
                return Poll::Ready(signal.map_err(|error| this.located(error)));
            }
        }
    }

    fn receipt(&self) -> Receipt<'_> {
        Receipt { status: self.collector.status(), request_id: self.collector.request_id() }
    }

    fn partial(mut self: Pin<&mut Self>) -> Option<Partial> {
        Some(std::mem::take(&mut self.collector).into_partial())
    }
}

impl Streaming {
    /// An error that is found here, with what is known of the attempt.
    fn located(&self, error: Error) -> Error {
        let mut error = match self.route.targets.get(self.slot) {
            Some(target) => target.located(error),
            None => error,
        };
        if let Some(status) = self.collector.status() {
            error = error.with_status(status);
        }
        match self.collector.request_id() {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }

    /// What a piece means; `None` if it is nothing to speak of.
    fn take_in(&mut self, event: ChatEvent) -> Result<Option<Signal<StreamEvent, ChatReply>>, Error> {
        self.collector.push(&event)?;
        let content = event.is_content();
        Ok(match event {
            ChatEvent::Text(text) if content => Some(Signal::Content(StreamEvent::Text(text))),
            ChatEvent::ToolCall(delta) => Some(Signal::Content(StreamEvent::ToolCall(delta))),
            ChatEvent::Reasoning(text) if text.is_empty() => None,
            ChatEvent::Reasoning(text) if self.show_reasoning => {
                Some(Signal::Content(StreamEvent::Reasoning(text)))
            }
            ChatEvent::Reasoning(_) | ChatEvent::Progress | ChatEvent::Sealed(_) => Some(Signal::Progress),
            ChatEvent::Usage(usage) => {
                self.hold(size_of::<Usage>())?;
                Some(Signal::Frame(StreamEvent::Usage(usage)))
            }
            ChatEvent::Start { model, id, request_id, .. } => {
                self.hold([model, id, request_id].into_iter().flatten().map(|text| text.len()).sum())?;
                None
            }
            ChatEvent::End(_) => Some(Signal::Done(self.whole()?)),
            // An empty text: the provider opens the answer so. It is a frame, not content.
            _ => {
                self.hold(0)?;
                None
            }
        })
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        if self.collector.is_empty() { self.frames.hold(bytes) } else { Ok(()) }
    }

    /// The whole answer. After content it is delivered whatever its finish reason; without content it must be one.
    fn whole(&mut self) -> Result<ChatReply, Error> {
        let reply = std::mem::take(&mut self.collector).into_reply();
        match &*self.request {
            Asked::Chat(request) if reply.is_empty() => reply.check(request),
            // A model may have nothing to add to a text; a filter that lets nothing through is not that.
            Asked::Completion(_) if reply.is_empty() => reply.check_filter(),
            Asked::Chat(_) | Asked::Completion(_) => Ok(reply),
        }
    }
}

fn broke_off() -> Error {
    Error::new(ErrorKind::BadReply, "the stream ended without its terminal marker: the answer was cut")
}
