//! The operations of the provider trait, in the one form the driver knows.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the route they are looked up in")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::fallback::Mode;
use backstop_core::{Ask, Error, Needs};

use crate::wiring::WiredRoute;

/// What an attempt tells the driver.
#[derive(Debug)]
pub(crate) enum Signal<R> {
    /// The answer is complete.
    Done(R),
}

/// A running attempt: dropping it closes its connection.
pub(crate) type Flight<R> = Pin<Box<dyn Running<R>>>;

/// Something that signals until it is done or has failed.
pub(crate) trait Running<R>: Send {
    fn poll_signal(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Signal<R>, Error>>;
}

/// An answer in one piece is one signal.
impl<R, F: Future<Output = Result<R, Error>> + Send> Running<R> for F {
    fn poll_signal(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Signal<R>, Error>> {
        self.poll(cx).map(|result| result.map(Signal::Done))
    }
}

/// One method of the provider trait.
pub(crate) trait Operation: 'static {
    type Request: Send + Sync + 'static;
    type Reply: Send + 'static;

    const MODE: Mode;
    const NAME: &'static str;

    fn needs(request: &Self::Request) -> Needs;

    /// Sends the request to the target of this slot.
    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<Self::Request>) -> Flight<Self::Reply>;

    fn receipt(reply: &Self::Reply) -> Receipt<'_>;
}

/// What a reply says of its request.
#[derive(Debug, Default)]
pub(crate) struct Receipt<'a> {
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<&'a str>,
}

/// Chat in one piece.
#[derive(Debug)]
pub(crate) struct Chat;

impl Operation for Chat {
    type Request = ChatRequest;
    type Reply = ChatReply;

    const MODE: Mode = Mode::Unary;
    const NAME: &'static str = "chat";

    fn needs(request: &ChatRequest) -> Needs {
        Needs::of(request)
    }

    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<ChatRequest>) -> Flight<ChatReply> {
        Box::pin(async move {
            let target = &route.targets[slot];
            let request = target.overrides.apply(&request);
            let ask = Ask::new(target.name.model()).with_overrides(&target.overrides);
            target.provider.chat(ask, &request).await
        })
    }

    fn receipt(reply: &ChatReply) -> Receipt<'_> {
        Receipt { status: reply.status, request_id: reply.request_id.as_deref() }
    }
}
