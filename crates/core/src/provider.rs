//! The trait every provider implements, ours and yours.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use futures_core::Stream;
use serde_json::{Map, Value};

use crate::capability::Capabilities;
use crate::chat::{ChatEvent, ChatReply, ChatRequest};
use crate::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use crate::embedding::{EmbeddingReply, EmbeddingRequest};
use crate::error::Error;
use crate::target::Overrides;

/// The pieces of a streamed answer.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatEvent, Error>> + Send>>;

/// The pieces of a streamed continuation.
pub type CompletionStream = Pin<Box<dyn Stream<Item = Result<CompletionEvent, Error>> + Send>>;

/// What an attempt needs beside the request: the model, and what its target adds.
#[derive(Copy, Clone)]
pub struct Ask<'a> {
    model: &'a str,
    overrides: Option<&'a Overrides>,
}

impl<'a> Ask<'a> {
    /// Asks `model`.
    #[must_use]
    pub fn new(model: &'a str) -> Self {
        Self { model, overrides: None }
    }

    /// Adds the headers and body fields of a target.
    #[must_use]
    pub fn with_overrides(mut self, overrides: &'a Overrides) -> Self {
        self.overrides = Some(overrides);
        self
    }

    /// The provider's own name for the model.
    #[must_use]
    pub fn model(&self) -> &'a str {
        self.model
    }

    /// Headers to send with this request.
    #[must_use]
    pub fn headers(&self) -> &'a [(String, String)] {
        self.overrides.map_or(&[], |overrides| &overrides.headers)
    }

    /// Fields to put into the body of this request, replacing those of the same name.
    #[must_use]
    pub fn extra_body(&self) -> Option<&'a Map<String, Value>> {
        self.overrides.map(|overrides| &overrides.extra_body).filter(|extra| !extra.is_empty())
    }
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("model", &self.model).finish_non_exhaustive()
    }
}

/// A service or engine that serves models.
///
/// The contract, which the conformance kit checks:
///
/// - **One request.** A call sends exactly one upstream request. It never retries and never sleeps: the machine sees
///   every attempt, and it alone decides what comes next.
/// - **Cancel = drop.** Dropping the future or the stream closes the connection. No detached tasks.
/// - **No timers.** Only a connect timeout is the provider's own, reported as [`Connect`](crate::ErrorKind::Connect). The
///   body of a refusal may be given up after a second or two: its status is known, and nothing else is asked meanwhile.
/// - **Honest streams.** A stream ends with its `End` event or with an error; everything else was cut.
/// - **Honest capabilities.** What [`capabilities`](Self::capabilities) denies returns
///   [`Unsupported`](crate::ErrorKind::Unsupported) without a request, as the default bodies do.
/// - **Silence.** No key in `Debug`, in errors, in logs or in a URL.
///
/// A wrapper is a provider that holds a provider; it forwards every method.
///
/// ```
/// use backstop_core::{Ask, Capabilities, Error, Provider, async_trait, chat::{ChatReply, ChatRequest}};
///
/// #[derive(Debug)]
/// struct Echo;
///
/// #[async_trait]
/// impl Provider for Echo {
///     fn name(&self) -> &str {
///         "echo"
///     }
///
///     fn capabilities(&self, _model: &str) -> Capabilities {
///         Capabilities::default().with_chat()
///     }
///
///     async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
///         Ok(ChatReply::text(format!("{} heard {} messages", ask.model(), request.messages.len())))
///     }
/// }
/// ```
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The name used in routes. Two providers of one kind have different names.
    fn name(&self) -> &str;

    /// What this model can do. Cheap: it is asked for before every call, and nothing is sent.
    fn capabilities(&self, model: &str) -> Capabilities;

    /// Answers a chat request in one piece.
    ///
    /// # Errors
    /// How the attempt failed.
    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let _ = request;
        Err(lacks(self.name(), ask, "chat"))
    }

    /// Answers a chat request in pieces. Returns once the provider has begun to respond.
    ///
    /// # Errors
    /// How the attempt failed, before or in the stream.
    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let _ = request;
        Err(lacks(self.name(), ask, "streamed chat"))
    }

    /// Continues a text in one piece.
    ///
    /// # Errors
    /// How the attempt failed.
    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        let _ = request;
        Err(lacks(self.name(), ask, "text completion"))
    }

    /// Continues a text in pieces.
    ///
    /// # Errors
    /// How the attempt failed, before or in the stream.
    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        let _ = request;
        Err(lacks(self.name(), ask, "streamed text completion"))
    }

    /// Turns texts into vectors, in order.
    ///
    /// # Errors
    /// How the attempt failed.
    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let _ = request;
        Err(lacks(self.name(), ask, "embeddings"))
    }
}

fn lacks(provider: &str, ask: Ask<'_>, operation: &str) -> Error {
    Error::unsupported(format!("has no {operation}")).with_target(provider, ask.model())
}

const _: fn(&dyn Provider) = |_| {};
