//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Env, Error, Provider};
use http::Uri;

use super::config::OpenAiConfig;
use super::{decode, encode, stream};
use crate::dialect::{DialectProvider, is_text_only};
use crate::http::{Attempt, Form, HttpResponse, REPLY_MAX, Service, Transport};

/// OpenAI, or a server that speaks its wire.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::openai::{OpenAi, OpenAiConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let mirror = OpenAi::new(OpenAiConfig::keyless("http://127.0.0.1:8080/v1").with_name("mirror"))?;
/// let reply = mirror.chat(Ask::new("qwen3"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OpenAi {
    /// Everything but the Responses API.
    dialect: DialectProvider,
    /// Where that is, if chats go there.
    responses: Option<Uri>,
}

impl OpenAi {
    /// OpenAI as the process's environment says: see [`OpenAiConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(OpenAiConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: OpenAiConfig) -> Result<Self, Error> {
        let responses = Self::place_of_responses(&config)?;
        Ok(Self { dialect: DialectProvider::new(config.dialect)?, responses })
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: OpenAiConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let responses = Self::place_of_responses(&config)?;
        Ok(Self { dialect: DialectProvider::with_transport(config.dialect, transport)?, responses })
    }

    fn place_of_responses(config: &OpenAiConfig) -> Result<Option<Uri>, Error> {
        let base_url = config.dialect.account.base_url()?;
        config.responses.then(|| base_url.join("/responses")).transpose()
    }

    async fn respond<'a>(
        &'a self,
        url: &Uri,
        ask: Ask<'a>,
        request: &ChatRequest,
        form: Form,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let body = encode::response(self.name(), ask, request, form == Form::Events)?;
        self.dialect.post(ask, url, form, body, is_text_only(request)).await
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &str {
        self.dialect.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.dialect.capabilities(model)
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let Some(url) = &self.responses else { return self.dialect.chat(ask, request).await };
        let (attempt, response) = self.respond(url, ask, request, Form::Json).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::response(&source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let Some(url) = &self.responses else { return self.dialect.chat_stream(ask, request).await };
        let (attempt, response) = self.respond(url, ask, request, Form::Events).await?;
        Ok(Box::pin(Service::stream(attempt, response, stream::ResponsePieces::default())))
    }

    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        self.dialect.complete(ask, request).await
    }

    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        self.dialect.complete_stream(ask, request).await
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        self.dialect.embed(ask, request).await
    }
}
