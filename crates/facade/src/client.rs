//! The client.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::fallback::{Mode, Terms};
use backstop_core::{Error, ErrorKind};

use crate::answer::Answer;
use crate::builder::BackstopBuilder;
use crate::driver::Driver;
use crate::observe::{Observer, Watched};
use crate::operation::{Chat, Complete, Operation};
use crate::split;
use crate::stream::{AnswerStream, Asked};
use crate::wiring::{Shared, WiredRoute};

/// A client over one or more routes. Cloning is cheap; clones share the health of all targets.
///
/// ```no_run
/// # async fn run() -> Result<(), backstop::Error> {
/// let backstop = backstop::Backstop::models(["openai/gpt-5.2", "openai/gpt-6-luna"])?;
/// let answer = backstop.chat("Why is the sky blue?").await?;
/// println!("{} says: {}", answer.target(), answer.text);
/// # Ok(()) }
/// ```
///
/// # Cancellation
/// Dropping the future of a call closes its connections at once and counts as nobody's failure.
///
/// # Panics
/// Calls need a tokio runtime with its timer enabled, and panic without one. [`blocking`](crate::blocking) brings
/// its own.
#[derive(Clone, Debug)]
pub struct Backstop {
    shared: Arc<Shared>,
    options: Options,
}

/// A route as [`Backstop::inspect`] sees it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteReport {
    /// Its name.
    pub name: String,
    /// Its targets in order, those of pools and rules included.
    pub targets: Vec<TargetReport>,
}

/// A target as [`Backstop::inspect`] sees it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetReport {
    /// Its name, as `provider/model`.
    pub target: String,
    /// What is missing before it can be asked, and what to do about it.
    pub missing: Option<String>,
}

impl RouteReport {
    fn of(route: &WiredRoute) -> Self {
        let targets = route.targets.iter().map(|target| TargetReport {
            target: target.label.to_string(),
            missing: target.capabilities().missing.map(Into::into),
        });
        Self { name: route.name.to_string(), targets: targets.collect() }
    }
}

/// What one handle states beside its routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    route: Option<Arc<str>>,
    deadline: Option<Duration>,
    attempts: Option<u8>,
    watched: Watched,
}

impl Backstop {
    /// A client that tries these models in order, their providers taken from the features that are switched on and
    /// their keys from the environment.
    ///
    /// # Errors
    /// `Config`, if one is not `provider/model`, its provider is unknown, or there is none.
    pub fn models<T: AsRef<str>>(models: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        models.into_iter().fold(Self::builder(), BackstopBuilder::target).build()
    }

    /// Builds a client step by step.
    pub fn builder() -> BackstopBuilder {
        BackstopBuilder::new()
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), options: Options::default() }
    }

    /// The same client, calling this route.
    #[must_use]
    pub fn with_route(mut self, route: impl AsRef<str>) -> Self {
        self.options.route = Some(Arc::from(route.as_ref()));
        self
    }

    /// The same client; a call may take this long, whatever its route says.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// The same client; a call may make this many upstream requests, whatever its route says.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u8) -> Self {
        self.options.attempts = Some(attempts);
        self
    }

    /// The same client; its calls tell this observer what they do.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.options.watched = Watched(Some(observer));
        self
    }

    /// The routes and their targets, with what is missing before a target can be asked. Nothing is sent.
    #[must_use]
    pub fn inspect(&self) -> Vec<RouteReport> {
        self.shared.routes.values().map(|route| RouteReport::of(route)).collect()
    }

    /// Asks for an answer in one piece: the first target that gives one is the last that is asked.
    ///
    /// # Errors
    /// Why no target answered. The error's trail has every attempt.
    pub async fn chat(&self, request: impl Into<ChatRequest>) -> Result<Answer<ChatReply>, Error> {
        self.drive::<Chat>(request.into())?.finish(pending()).await
    }

    /// As [`chat`](Self::chat), until `stop` resolves: then the call ends, and its error says how far it had come.
    ///
    /// # Errors
    /// As there; and `Cancelled`.
    pub async fn chat_until(
        &self,
        request: impl Into<ChatRequest>,
        stop: impl Future<Output = ()>,
    ) -> Result<Answer<ChatReply>, Error> {
        self.drive::<Chat>(request.into())?.finish(stop).await
    }

    /// Continues a text. Targets that have no text completion are skipped.
    ///
    /// # Errors
    /// Why no target answered.
    pub async fn complete(
        &self,
        request: impl Into<CompletionRequest>,
    ) -> Result<Answer<CompletionReply>, Error> {
        self.drive::<Complete>(request.into())?.finish(pending()).await
    }

    /// As [`complete`](Self::complete), until `stop` resolves.
    ///
    /// # Errors
    /// As there; and `Cancelled`.
    pub async fn complete_until(
        &self,
        request: impl Into<CompletionRequest>,
        stop: impl Future<Output = ()>,
    ) -> Result<Answer<CompletionReply>, Error> {
        self.drive::<Complete>(request.into())?.finish(stop).await
    }

    /// Continues a text in pieces. It falls over as [`chat_stream`](Self::chat_stream) does.
    ///
    /// # Errors
    /// As there.
    pub fn complete_stream(&self, request: impl Into<CompletionRequest>) -> Result<AnswerStream, Error> {
        Ok(AnswerStream::new(self.drive(Asked::Completion(Arc::new(request.into())))?))
    }

    /// Turns texts into vectors of one space: that of the target listed first, or the one the request states. Targets
    /// of another space are skipped, unless the route says `mixed_spaces`.
    ///
    /// More texts than one request may hold, by their number or by their tokens, are asked for in parts, one after the
    /// other: each falls over by itself, with the attempts of a call to itself, all under one deadline, all in one space.
    /// A part that is refused as too long is asked for again in halves; of a single text that is too long the error says
    /// which it is. The lines of the trail say which [`part`](backstop_core::Step::part) they are of. If a part fails for
    /// good, the error carries the vectors of the parts before it ([`Error::partial`]).
    ///
    /// # Errors
    /// Why no target answered; `Usage` if there is no text.
    pub async fn embed(&self, request: impl Into<EmbeddingRequest>) -> Result<Answer<EmbeddingReply>, Error> {
        self.embed_until(request, pending()).await
    }

    /// As [`embed`](Self::embed), until `stop` resolves.
    ///
    /// # Errors
    /// As there; and `Cancelled`.
    pub async fn embed_until(
        &self,
        request: impl Into<EmbeddingRequest>,
        stop: impl Future<Output = ()>,
    ) -> Result<Answer<EmbeddingReply>, Error> {
        let request = request.into();
        if request.input.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "there is nothing to embed: give at least one text"));
        }
        split::embed(self, request, stop).await
    }

    /// Asks for an answer in pieces.
    ///
    /// Until the first piece of content, the call falls over as [`chat`](Self::chat) does, and nothing of it is seen.
    /// After that, the route's `after_commit` says whether a broken answer ends the stream or begins anew.
    ///
    /// # Errors
    /// `Usage`, if the handle names no route or leaves no time. What happens on the way comes through the stream.
    pub fn chat_stream(&self, request: impl Into<ChatRequest>) -> Result<AnswerStream, Error> {
        Ok(AnswerStream::new(self.drive(Asked::Chat(Arc::new(request.into())))?))
    }

    /// The route that calls of this handle take.
    pub(crate) fn route_in_force(&self) -> Result<&Arc<WiredRoute>, Error> {
        self.shared.route(self.options.route.as_deref())
    }

    /// The most time that a call of this handle may take.
    pub(crate) fn deadline_in_force(&self) -> Result<Duration, Error> {
        let of_route = self.route_in_force()?.plan.policy().whole();
        Ok(self.options.deadline.unwrap_or(of_route))
    }

    pub(crate) fn drive<O: Operation>(&self, request: O::Request) -> Result<Driver<O>, Error> {
        let Options { route, deadline, attempts, watched } = &self.options;
        let route = self.shared.route(route.as_deref())?;
        self.check_terms()?;
        let mut terms = Terms::unary(fastrand::u64(..));
        terms.mode = if O::MODE == Mode::Unary && route.collects() { Mode::Stream } else { O::MODE };
        terms.deadline = *deadline;
        terms.attempts = *attempts;
        Ok(Driver::new(Arc::clone(&self.shared), Arc::clone(route), request, terms, watched.clone()))
    }

    /// Whether the handle leaves a call anything to work with.
    pub(crate) fn check_terms(&self) -> Result<(), Error> {
        let Options { deadline, attempts, .. } = &self.options;
        let usage = |what: &str| Err(Error::new(ErrorKind::Usage, what));
        if deadline.is_some_and(|deadline| deadline.is_zero()) {
            return usage(
                "a deadline of zero leaves no time to ask anybody; leave it out for the route's own",
            );
        }
        if *attempts == Some(0) {
            return usage("0 attempts allow no request; 1 is the least");
        }
        Ok(())
    }
}
