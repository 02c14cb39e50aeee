//! The client.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::fallback::Terms;
use backstop_core::{Error, ErrorKind};

use crate::answer::Answer;
use crate::builder::BackstopBuilder;
use crate::driver::Driver;
use crate::operation::{Chat, Operation};
use crate::stream::AnswerStream;
use crate::wiring::Shared;

/// A client over one or more routes. Cloning is cheap; clones share the health of all targets.
///
/// ```no_run
/// # async fn run() -> Result<(), backstop::Error> {
/// let backstop = backstop::Backstop::models(["openai/gpt-5.2", "openai/gpt-5-mini"])?;
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

/// What one handle states beside its routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    route: Option<Arc<str>>,
    deadline: Option<Duration>,
    attempts: Option<u8>,
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

    /// Asks for an answer in one piece: the first target that gives one is the last that is asked.
    ///
    /// # Errors
    /// Why no target answered. The error's trail has every attempt.
    pub async fn chat(&self, request: impl Into<ChatRequest>) -> Result<Answer<ChatReply>, Error> {
        self.drive::<Chat>(request.into())?.finish().await
    }

    /// Asks for an answer in pieces.
    ///
    /// Until the first piece of content, the call falls over as [`chat`](Self::chat) does, and nothing of it is seen.
    /// After that, the route's `after_commit` says whether a broken answer ends the stream or begins anew.
    ///
    /// # Errors
    /// `Usage`, if the handle names no route or leaves no time. What happens on the way comes through the stream.
    pub fn chat_stream(&self, request: impl Into<ChatRequest>) -> Result<AnswerStream, Error> {
        Ok(AnswerStream::new(self.drive(request.into())?))
    }

    fn drive<O: Operation>(&self, request: O::Request) -> Result<Driver<O>, Error> {
        let Options { route, deadline, attempts } = &self.options;
        let route = self.shared.route(route.as_deref())?;
        let usage = |what: &str| Err(Error::new(ErrorKind::Usage, what));
        if deadline.is_some_and(|deadline| deadline.is_zero()) {
            return usage(
                "a deadline of zero leaves no time to ask anybody; leave it out for the route's own",
            );
        }
        if *attempts == Some(0) {
            return usage("0 attempts allow no request; 1 is the least");
        }
        let mut terms = Terms::unary(fastrand::u64(..));
        terms.mode = O::MODE;
        terms.deadline = *deadline;
        terms.attempts = *attempts;
        Ok(Driver::new(Arc::clone(&self.shared), Arc::clone(route), request, terms))
    }
}
