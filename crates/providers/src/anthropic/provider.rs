//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::{Ask, Capabilities, ChatStream, Env, Error, Provider};
use http::Uri;

use super::config::{AnthropicConfig, MESSAGES};
use super::encode::Terms;
use super::stream::MessagePieces;
use super::{decode, encode, error};
use crate::http::{Attempt, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport, is_text_only};

/// Anthropic, or a server that speaks its wire.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let claude = Anthropic::new(AnthropicConfig::new("sk-ant-…"))?;
/// let reply = claude.chat(Ask::new("claude-haiku-5-5"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Anthropic {
    service: Service,
    messages: Uri,
    terms: Terms,
}

impl Anthropic {
    /// Anthropic as the process's environment says: see [`AnthropicConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(AnthropicConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: AnthropicConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: AnthropicConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let service = config.account.service(&config.headers_of_kind(), transport)?;
        let terms = Terms::of(service.headers(), config.max_output_tokens, config.thinking);
        Ok(Self { messages: service.url(MESSAGES)?, service, terms })
    }
}

#[async_trait]
impl Provider for Anthropic {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is told by the service's errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        able.tools = true;
        able.images = true;
        able.image_urls = true;
        able.json_schema = true;
        able.reasoning = true;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let (attempt, response) = self.post(ask, request, Form::Json).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let (attempt, response) = self.post(ask, request, Form::Events).await?;
        Ok(Box::pin(Service::stream(attempt, response, MessagePieces::default())))
    }
}

impl Anthropic {
    async fn post<'a>(
        &'a self,
        ask: Ask<'a>,
        request: &ChatRequest,
        form: Form,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let attempt = self.service.attempt(ask);
        let body = encode::chat(self.name(), ask, request, &self.terms, form)?;
        let refused = |refusal: &Refusal<'_>| error::of_refusal(&attempt, refusal, is_text_only(request));
        let response =
            self.service.post(&attempt, ask, Post::new(&self.messages, form, body), refused).await?;
        Ok((attempt, response))
    }
}
