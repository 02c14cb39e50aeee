//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Env, Error, Provider};
use http::header::ACCEPT;
use http::{HeaderValue, Uri};

use super::config::{CHAT, EMBED, GENERATE, INSTALLED, OllamaConfig};
use super::encode::Loading;
use super::{decode, encode, error};
use crate::http::{
    Attempt, Continuation, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport,
    is_text_only,
};

/// An Ollama server, on this machine or elsewhere, or Ollama's own.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::ollama::{Ollama, OllamaConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let ollama = Ollama::new(OllamaConfig::new().with_num_ctx(32_768))?;
/// let reply = ollama.chat(Ask::new("gemma4"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ollama {
    service: Service,
    chat: Uri,
    generate: Uri,
    embed: Uri,
    installed: Uri,
    loading: Loading,
    /// Whether its models have to be loaded before they can answer.
    loads: bool,
}

impl Ollama {
    /// The server that the process's environment names: see [`OllamaConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_env() -> Result<Self, Error> {
        Self::new(OllamaConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: OllamaConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: OllamaConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let (loading, loads, missing) = (Loading::of(&config), !config.is_cloud(), config.missing());
        let service = config.account.with_missing(missing).service(&[], transport)?;
        let [chat, generate] = [service.url(CHAT)?, service.url(GENERATE)?];
        let [embed, installed] = [service.url(EMBED)?, service.url(INSTALLED)?];
        Ok(Self { service, chat, generate, embed, installed, loading, loads })
    }

    /// The models that the server has and that can chat: the [default](super::DEFAULT_MODEL) first if it is there, then
    /// as the server lists them, those changed last first.
    ///
    /// # Errors
    /// `Connect` if no server runs; else what it answers in place of a list.
    pub async fn installed(&self) -> Result<Vec<String>, Error> {
        let attempt = self.service.attempt(Ask::new(super::DEFAULT_MODEL));
        let refused = |refusal: &Refusal<'_>| error::of_refusal(&attempt, refusal, true);
        let response = self.service.get(&attempt, &self.installed, refused).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::installed(&source, &body)
    }
}

#[async_trait]
impl Provider for Ollama {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is known to the server, and told by its errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        able.complete = true;
        able.complete_stream = true;
        able.suffix = true;
        able.embed = true;
        able.tools = true;
        able.images = true;
        able.json = true;
        able.json_schema = true;
        able.reasoning = true;
        able.context_tokens = self.loading.num_ctx();
        able.local = self.loads && !decode::runs_elsewhere(model);
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let body =
            encode::chat(&self.loading, ask, request, false).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, &self.chat, body, is_text_only(request)).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let body =
            encode::chat(&self.loading, ask, request, true).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, &self.chat, body, is_text_only(request)).await?;
        Ok(Box::pin(Service::stream(attempt, response, decode::ChatPieces::default())))
    }

    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        let body =
            encode::complete(&self.loading, ask, request, false).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, &self.generate, body, true).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::complete(&source, &body)
    }

    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        let body =
            encode::complete(&self.loading, ask, request, true).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, &self.generate, body, true).await?;
        Ok(Box::pin(Service::stream(attempt, response, Continuation::<decode::ChatPieces>::default())))
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let body = encode::embed(&self.loading, ask, request).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, &self.embed, body, true).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        decode::embed(&source, &body, request)
    }
}

impl Ollama {
    async fn post<'a>(
        &'a self,
        ask: Ask<'a>,
        url: &Uri,
        body: Vec<u8>,
        text_only: bool,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let attempt = self.service.attempt(ask);
        let mut post = Post::new(url, Form::Json, body);
        // The same answers come in one line or in many.
        post.headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/x-ndjson"));
        let refused = |refusal: &Refusal<'_>| error::of_refusal(&attempt, refusal, text_only);
        let response = self.service.post(&attempt, ask, post, refused).await?;
        Ok((attempt, response))
    }

    fn located(&self, error: Error, ask: Ask<'_>) -> Error {
        error.with_target(self.name(), ask.model())
    }
}
