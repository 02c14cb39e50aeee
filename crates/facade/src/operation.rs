//! The operations of the provider trait, in the one form the driver knows.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the route they are looked up in")]

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::fallback::Mode;
use backstop_core::{Ask, Capabilities, Error, ErrorKind, Needs, Partial, Unmet};

use crate::wiring::{WiredRoute, WiredTarget};
use crate::{collected, spaces};

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

    /// What is asked for, in JSON and logs.
    fn name(request: &Self::Request) -> &'static str {
        Self::needs(request).operation().name()
    }

    fn needs(request: &Self::Request) -> Needs;

    /// Why a target that can do what is asked must not be asked all the same.
    fn misfit(_request: &Self::Request, _route: &WiredRoute, _slot: usize) -> Option<Unmet> {
        None
    }

    /// Whether a target is asked for a stream, on a route that collects answers in one piece from streams.
    fn may_collect(_able: &Capabilities) -> bool {
        false
    }

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

impl Receipt<'_> {
    /// The error of the request that this is the receipt of.
    fn joins(&self, mut error: Error) -> Error {
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        match self.request_id {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }
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

    fn needs(request: &ChatRequest) -> Needs {
        Needs::of(request)
    }

    fn may_collect(able: &Capabilities) -> bool {
        able.chat_stream
    }

    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<ChatRequest>) -> Flight<Self> {
        if route.collects() && Self::may_collect(&route.targets[slot].capabilities()) {
            return collected::chat(route, slot, request);
        }
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

/// Text completion in one piece.
#[derive(Debug)]
pub(crate) struct Complete;

impl Operation for Complete {
    type Request = CompletionRequest;
    type Event = Infallible;
    type Reply = CompletionReply;

    const MODE: Mode = Mode::Unary;

    fn needs(request: &CompletionRequest) -> Needs {
        Needs::of_completion(request)
    }

    fn may_collect(able: &Capabilities) -> bool {
        able.complete_stream
    }

    fn start(route: Arc<WiredRoute>, slot: usize, request: Arc<CompletionRequest>) -> Flight<Self> {
        if route.collects() && Self::may_collect(&route.targets[slot].capabilities()) {
            let asking = Arc::clone(&route);
            return collected::complete(route, slot, request, move |reply| {
                unfiltered(&asking.targets[slot], reply)
            });
        }
        Box::pin(Whole(Box::pin(async move {
            let target = &route.targets[slot];
            let request = target.overrides.apply_to_completion(&request);
            let ask = Ask::new(target.name.model()).with_overrides(&target.overrides);
            unfiltered(target, target.provider.complete(ask, &request).await?)
        })))
    }

    fn receipt(reply: &CompletionReply) -> Receipt<'_> {
        Receipt { status: reply.status, request_id: reply.request_id.as_deref() }
    }
}

/// A continuation that no filter withheld.
fn unfiltered(target: &WiredTarget, reply: CompletionReply) -> Result<CompletionReply, Error> {
    if reply.finish != FinishReason::ContentFilter {
        return Ok(reply);
    }
    let error = Error::new(ErrorKind::ContentFilter, "the provider's filter withheld the answer");
    let error = target.located(Complete::receipt(&reply).joins(error));
    let mut partial = Partial::text(reply.text);
    partial.usage = reply.usage;
    Err(error.with_partial(partial))
}

/// Texts of which one request can hold all.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) request: EmbeddingRequest,
    /// What the vectors of the parts before it are like: these are to be like them.
    pub(crate) like: Option<Alike>,
}

/// What the vectors of one reply have in common.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    pub(crate) space: String,
    pub(crate) size: usize,
}

/// Embeddings.
#[derive(Debug)]
pub(crate) struct Embed;

impl Operation for Embed {
    type Request = Part;
    type Event = Infallible;
    type Reply = EmbeddingReply;

    const MODE: Mode = Mode::Embedding;

    fn needs(part: &Part) -> Needs {
        Needs::of_embedding(&part.request)
    }

    fn misfit(part: &Part, route: &WiredRoute, slot: usize) -> Option<Unmet> {
        let reason = spaces::misfit(&part.request, part.like.as_ref(), route, slot)?;
        Some(Unmet::new(ErrorKind::Unsupported, reason))
    }

    fn start(route: Arc<WiredRoute>, slot: usize, part: Arc<Part>) -> Flight<Self> {
        Box::pin(Whole(Box::pin(async move {
            let target = &route.targets[slot];
            let ask = Ask::new(target.name.model()).with_overrides(&target.overrides);
            let mut reply = target.provider.embed(ask, &part.request).await?;
            let size = target.space(part.request.dimensions).size();
            reply.space = Some(spaces::name(&part.request, &route, slot));
            match wrong_shape(&reply, &part, size) {
                Some(wrong) => {
                    let error = Error::new(ErrorKind::BadReply, wrong);
                    Err(target.located(Self::receipt(&reply).joins(error)))
                }
                None => Ok(reply),
            }
        })))
    }

    fn receipt(reply: &EmbeddingReply) -> Receipt<'_> {
        Receipt { status: reply.status, request_id: reply.request_id.as_deref() }
    }
}

/// What is wrong with the number or the size of the vectors. A wrong one would spoil the index it goes into.
fn wrong_shape(reply: &EmbeddingReply, part: &Part, known: Option<u32>) -> Option<String> {
    let request = &part.request;
    let (texts, vectors) = (request.input.len(), reply.embeddings.len());
    if texts != vectors {
        return Some(format!("{vectors} vectors came for {texts} texts"));
    }
    let stated = known.and_then(|size| usize::try_from(size).ok());
    let like = part.like.as_ref().map(|like| like.size);
    let size = like.or(stated).or_else(|| reply.embeddings.first().map(Vec::len))?;
    let other = reply.embeddings.iter().map(Vec::len).find(|len| *len != size || *len == 0)?;
    Some(format!("a vector has {other} dimensions instead of {size}"))
}
