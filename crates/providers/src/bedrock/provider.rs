//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, Env, Error, Provider};
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};

use super::config::BedrockConfig;
use super::model::Embedder;
use super::sign::Signer;
use super::thinking::Thinks;
use super::{decode, embed, encode, error, place, stream};
use crate::http::{
    Attempt, BaseUrl, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport,
    is_text_only,
};

/// The form of a streamed answer.
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");

/// Amazon Bedrock in one region.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::bedrock::{Bedrock, BedrockConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let bedrock = Bedrock::new(BedrockConfig::new("us-east-1", "my-key"))?;
/// let reply = bedrock.chat(Ask::new("amazon.nova-lite-v1:0"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Bedrock {
    service: Service,
    base_url: BaseUrl,
    signer: Option<Signer>,
}

impl Bedrock {
    /// Bedrock as the process's environment says: see [`BedrockConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key or region is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(BedrockConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL or region, a key that is no header, `https` in a build
    /// without TLS.
    pub fn new(config: BedrockConfig) -> Result<Self, Error> {
        let base_url = config.parsed_base_url()?;
        let transport = Service::transport(&config.name, &base_url, config.connect)?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: BedrockConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let base_url = config.parsed_base_url()?;
        let (headers, signer, mask) = config.parsed_auth()?;
        let missing = config.missing();
        let service = Service::new(config.name, base_url.clone(), headers, mask, missing, transport);
        Ok(Self { service, base_url, signer })
    }
}

#[async_trait]
impl Provider for Bedrock {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry, as far as the model's name tells its wire. What a certain model cannot do beside is known to
    /// Bedrock, and told by its errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default();
        self.service.states(&mut able, model);
        if let Some(embedder) = Embedder::of(model) {
            able.embed = true;
            able.embed_batch = Some(embedder.batch());
            able.embed_input_type = matches!(embedder, Embedder::Cohere { .. });
            return able;
        }
        able = able.with_chat().with_chat_stream();
        able.tools = true;
        able.images = true;
        able.json_schema = true;
        able.reasoning = Thinks::of(model) != Thinks::Unasked;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let body = encode::chat(self.name(), ask, request).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, "converse", Form::Json, body, is_text_only(request)).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let body = encode::chat(self.name(), ask, request).map_err(|error| self.located(error, ask))?;
        let text_only = is_text_only(request);
        let (attempt, response) = self.post(ask, "converse-stream", Form::Events, body, text_only).await?;
        Ok(Box::pin(Service::stream(attempt, response, stream::ChatPieces::default())))
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let body = embed::encode(ask, request).map_err(|error| self.located(error, ask))?;
        let (attempt, response) = self.post(ask, "invoke", Form::Json, body, true).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        embed::decode(&source, &body, request)
    }
}

impl Bedrock {
    async fn post<'a>(
        &'a self,
        ask: Ask<'a>,
        operation: &str,
        form: Form,
        body: Vec<u8>,
        text_only: bool,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let url = place::path(ask.model(), operation).and_then(|path| self.base_url.join(&path));
        let url = url.map_err(|error| self.located(error, ask))?;
        let mut headers = HeaderMap::new();
        if form == Form::Events {
            headers.insert(ACCEPT, EVENT_STREAM);
        }
        // A target that brings its own authorization needs no other.
        let brings_own = |(name, _): &(String, String)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
        if let Some(signer) = self.signer.as_ref().filter(|_| !ask.headers().iter().any(brings_own)) {
            headers.extend(signer.headers(&url, &body).map_err(|error| self.located(error, ask))?);
        }
        let post = Post { headers, ..Post::new(&url, form, body) };
        let attempt = self.service.attempt(ask);
        let refused = |refusal: &Refusal<'_>| error::of_refusal(&attempt, refusal, text_only);
        let response = self.service.post(&attempt, ask, post, refused).await?;
        Ok((attempt, response))
    }

    fn located(&self, error: Error, ask: Ask<'_>) -> Error {
        error.with_target(self.name(), ask.model())
    }
}
