//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, Env, Error, Provider};
use http::Uri;

use super::config::{CHAT, CohereConfig, EMBED};
use super::{decode, encode, error};
use crate::http::{
    Attempt, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport, is_text_only,
};

/// The most texts of a request for vectors.
const EMBED_BATCH: u32 = 96;

/// Cohere, or a server that speaks its wire.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::cohere::{Cohere, CohereConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let cohere = Cohere::new(CohereConfig::new("my-key"))?;
/// let reply = cohere.chat(Ask::new("command-a-03-2025"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cohere {
    service: Service,
    chat: Uri,
    embed: Uri,
    truncate: bool,
}

impl Cohere {
    /// Cohere as the process's environment says: see [`CohereConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(CohereConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: CohereConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: CohereConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let service = config.account.service(&[], transport)?;
        let (chat, embed) = (service.url(CHAT)?, service.url(EMBED)?);
        Ok(Self { service, chat, embed, truncate: config.truncate })
    }
}

#[async_trait]
impl Provider for Cohere {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is known to Cohere, and told by its errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        able.embed = true;
        able.embed_batch = Some(EMBED_BATCH);
        able.embed_input_type = true;
        able.tools = true;
        able.images = true;
        able.image_urls = true;
        able.json = true;
        able.json_schema = true;
        able.reasoning = true;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let body = encode::chat(ask, request, false).map_err(|error| self.located(error, ask))?;
        let post = Post::new(&self.chat, Form::Json, body);
        let (attempt, response) = self.post(ask, post, is_text_only(request)).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let body = encode::chat(ask, request, true).map_err(|error| self.located(error, ask))?;
        let post = Post::new(&self.chat, Form::Events, body);
        let (attempt, response) = self.post(ask, post, is_text_only(request)).await?;
        Ok(Box::pin(Service::stream(attempt, response, decode::ChatPieces::default())))
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let body = encode::embed(ask, request, self.truncate).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, Post::new(&self.embed, Form::Json, body), true).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        decode::embed(&source, &body, request)
    }
}

impl Cohere {
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
