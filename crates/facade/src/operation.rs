//! The operations of the provider trait, in the one form the driver knows.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the route they are looked up in")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::fallback::Mode;
use backstop_core::{Ask, Error, Needs, Partial};

use crate::wiring::WiredRoute;

/// What an attempt tells the driver. An answer in one piece is `Done` alone.
#[derive(Debug)]
pub(crate) enum Signal<E, R> {
    /// The provider has begun to respond.
    Opened,
    /// It makes progress that is not shown.
    Progress,
    /// A frame that is not content: held back until content comes.
    Frame(E),
    /// A piece of the answer.
    Content(E),
    /// The answer is complete.
    Done(R),
}

/// A running attempt: dropping it closes its connection.
pub(crate) type Flight<O> = Pin<Box<dyn Running<<O as Operation>::Event, <O as Operation>::Reply>>>;

type Told<E, R> = Poll<Result<Signal<E, R>, Error>>;

/// Something that signals until it is done or has failed.
pub(crate) trait Running<E, R>: Send {
    fn poll_signal(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Told<E, R>;

    /// What is known of the request so far.
    fn receipt(&self) -> Receipt<'_> {
        Receipt::default()
    }

    /// What has arrived so far.
    fn partial(self: Pin<&mut Self>) -> Option<Partial> {
        None
    }
}

/// One method of the provider trait.
pub(crate) trait Operation: 'static {
    type Request: Send + Sync + 'static;
    type Event: Send + 'static;
    type Reply: Send + 'static;

    const MODE: Mode;
    const NAME: &'static str;

    fn needs(request: &Self::Request) -> Needs;

    /// Sends the request to the target of this slot.
    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<Self::Request>) -> Flight<Self>
    where
        Self: Sized;

    fn receipt(reply: &Self::Reply) -> Receipt<'_>;
}

/// What a reply says of its request.
#[derive(Debug, Default)]
pub(crate) struct Receipt<'a> {
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
}

/// An answer in one piece.
struct Whole<F>(F);

impl<R, F: Future<Output = Result<R, Error>> + Send + Unpin> Running<Infallible, R> for Whole<F> {
    fn poll_signal(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Told<Infallible, R> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.map(Signal::Done))
    }
}

/// Chat in one piece.
#[derive(Debug)]
pub(crate) struct Chat;

impl Operation for Chat {
    type Request = ChatRequest;
    type Event = Infallible;
    type Reply = ChatReply;

    const MODE: Mode = Mode::Unary;
    const NAME: &'static str = "chat";

    fn needs(request: &ChatRequest) -> Needs {
        Needs::of(request)
    }

    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<ChatRequest>) -> Flight<Self> {
        Box::pin(Whole(Box::pin(async move {
            let target = &route.targets[slot];
            let request = target.overrides.apply(&request);
            let ask = Ask::new(target.name.model()).with_overrides(&target.overrides);
            let reply = target.provider.chat(ask, &request).await?;
            reply.check(&request).map_err(|error| target.located(error))
        })))
    }

    fn receipt(reply: &ChatReply) -> Receipt<'_> {
        Receipt { status: reply.status, request_id: reply.request_id.as_deref() }
    }
}
