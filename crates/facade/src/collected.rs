//! Answers in one piece that are asked for as streams: a silent target is noticed by the timers of a stream, and what
//! has arrived when it breaks off was seen by nobody, so that any target may begin anew.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::{Error, Partial};

use crate::operation::{Flight, Operation, Receipt, Running, Signal};
use crate::stream::{Asked, StreamedChat};
use crate::wiring::WiredRoute;

/// A stream whose pieces are kept until there is a whole answer.
struct Collected<F> {
    stream: Flight<StreamedChat>,
    /// What the whole comes to.
    finish: F,
}

impl<R, F> Running<Infallible, R> for Collected<F>
where
    F: FnMut(ChatReply) -> Result<R, Error> + Send + Unpin,
{
    fn poll_signal(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Signal<Infallible, R>, Error>> {
        loop {
            let signal = match self.stream.as_mut().poll_signal(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(signal)) => signal,
            };
            return Poll::Ready(Ok(match signal {
                Signal::Opened => Signal::Opened,
                // Nothing reaches the caller before its end, so content is as good as any other sign of life.
                Signal::Progress | Signal::Content(_) => Signal::Progress,
                Signal::Frame(_) => continue,
                Signal::Done(reply) => match (self.finish)(reply) {
                    Ok(reply) => Signal::Done(reply),
                    Err(error) => return Poll::Ready(Err(error)),
                },
            }));
        }
    }

    fn receipt(&self) -> Receipt<'_> {
        self.stream.receipt()
    }

    fn partial(mut self: Pin<&mut Self>) -> Option<Partial> {
        self.stream.as_mut().partial()
    }
}

/// A chat, asked for as a stream.
pub(crate) fn chat(
    route: Arc<WiredRoute>,
    slot: usize,
    request: Arc<ChatRequest>,
) -> Pin<Box<dyn Running<Infallible, ChatReply>>> {
    let stream = StreamedChat::start(Arc::clone(&route), slot, Arc::new(Asked::Chat(Arc::clone(&request))));
    let finish = move |reply: ChatReply| {
        reply.check(&request).map_err(|error| match route.targets.get(slot) {
            Some(target) => target.located(error),
            None => error,
        })
    };
    Box::pin(Collected { stream, finish })
}

/// A text completion, asked for as a stream.
pub(crate) fn complete(
    route: Arc<WiredRoute>,
    slot: usize,
    request: Arc<CompletionRequest>,
    check: impl Fn(CompletionReply) -> Result<CompletionReply, Error> + Send + Unpin + 'static,
) -> Pin<Box<dyn Running<Infallible, CompletionReply>>> {
    let stream = StreamedChat::start(route, slot, Arc::new(Asked::Completion(request)));
    let finish = move |reply: ChatReply| {
        let mut whole = CompletionReply::text(reply.text);
        (whole.finish, whole.usage, whole.model) = (reply.finish, reply.usage, reply.model);
        (whole.request_id, whole.status) = (reply.request_id, reply.status);
        check(whole)
    };
    Box::pin(Collected { stream, finish })
}
