//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Env, Error, Provider};
use http::Uri;

use super::config::{CHAT, EMBED, FILL, MistralConfig};
use super::{decode, encode, error};
use crate::http::{
    Attempt, Continuation, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport,
    is_text_only,
};

/// The most texts of a request for vectors. The wire takes more, but only 16,384 tokens of them together, which so many
/// texts of the usual length of 500 tokens have.
const EMBED_BATCH: u32 = 32;

/// Mistral, or a server that speaks its wire.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::mistral::{Mistral, MistralConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let mistral = Mistral::new(MistralConfig::new("my-key"))?;
/// let reply = mistral.chat(Ask::new("mistral-small-latest"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Mistral {
    service: Service,
    chat: Uri,
    fill: Uri,
    embed: Uri,
}

impl Mistral {
    /// Mistral as the process's environment says: see [`MistralConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(MistralConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: MistralConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: MistralConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let service = config.account.service(&[], transport)?;
        let [chat, fill, embed] = [service.url(CHAT)?, service.url(FILL)?, service.url(EMBED)?];
        Ok(Self { service, chat, fill, embed })
    }
}

#[async_trait]
impl Provider for Mistral {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is known to Mistral, and told by its errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        able.complete = true;
        able.complete_stream = true;
        able.suffix = true;
        able.embed = true;
        able.embed_batch = Some(EMBED_BATCH);
        able.tools = true;
        able.images = true;
        able.image_urls = true;
        able.json = true;
        able.json_schema = true;
        able.reasoning = true;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let body =
            encode::chat(self.name(), ask, request, false).map_err(|error| self.located(error, ask))?;
        let post = Post::new(&self.chat, Form::Json, body);
        let (attempt, response) = self.post(ask, post, is_text_only(request)).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let body = encode::chat(self.name(), ask, request, true).map_err(|error| self.located(error, ask))?;
        let post = Post::new(&self.chat, Form::Events, body);
        let (attempt, response) = self.post(ask, post, is_text_only(request)).await?;
        Ok(Box::pin(Service::stream(attempt, response, decode::ChatPieces::default())))
    }

    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        let body = encode::complete(ask, request, false).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, Post::new(&self.fill, Form::Json, body), true).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::complete(&source, &body)
    }

    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        let body = encode::complete(ask, request, true).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, Post::new(&self.fill, Form::Events, body), true).await?;
        Ok(Box::pin(Service::stream(attempt, response, Continuation::<decode::ChatPieces>::default())))
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let body = encode::embed(ask, request).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, Post::new(&self.embed, Form::Json, body), true).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        decode::embed(&source, &body, request)
    }
}

impl Mistral {
    async fn post<'a>(
        &'a self,
        ask: Ask<'a>,
        post: Post<'_>,
        text_only: bool,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let attempt = self.service.attempt(ask);
        let refused = |refusal: &Refusal<'_>| error::of_refusal(&attempt, refusal, text_only);
        let response = self.service.post(&attempt, ask, post, refused).await?;
        Ok((attempt, response))
    }

    fn located(&self, error: Error, ask: Ask<'_>) -> Error {
        error.with_target(self.name(), ask.model())
    }
}
