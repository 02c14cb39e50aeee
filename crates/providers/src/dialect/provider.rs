//! The provider: what it can do, and one exchange per call. It knows nothing of the wire.

use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Error, ErrorKind, Provider};
use http::Uri;

use super::config::DialectConfig;
use super::dialect::{Dialect, Thinking};
use super::{chat_stream, completion, decode, embedding, encode, error};
use crate::http::{
    Attempt, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, Transport,
};

/// A service that speaks the wire of chat completions in its own way.
///
/// Each kind begins its own configuration:
///
/// ```
/// # #[cfg(feature = "groq")] {
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::dialect::DialectProvider;
/// use backstop_providers::groq;
///
/// # async fn example() -> Result<(), Error> {
/// let provider = DialectProvider::new(groq::config("gsk_…"))?;
/// let reply = provider.chat(Ask::new(groq::DEFAULT_MODEL), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Debug)]
pub struct DialectProvider {
    dialect: &'static Dialect,
    service: Service,
    chat: Url,
    complete: Option<Url>,
    embed: Option<Url>,
    stream_usage: bool,
}

/// Where a request goes.
#[derive(Debug)]
enum Url {
    Fixed(Uri),
    /// With a place for the model.
    PerModel(String),
}

impl DialectProvider {
    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS. A missing key is no error here: the provider's targets are skipped, with the reason.
    pub fn new(config: DialectConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: DialectConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let base_url = config.account.base_url()?;
        let query = config.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let url = |path: &str| {
            let path = format!("{path}{query}");
            // Whether it is a URL is found out here all the same.
            let uri = base_url.join(&path.replace(MODEL, "model"))?;
            Ok::<_, Error>(if path.contains(MODEL) {
                Url::PerModel(format!("{base_url}{path}"))
            } else {
                Url::Fixed(uri)
            })
        };
        let chat = url(config.paths.chat)?;
        let complete = config.paths.complete.map(&url).transpose()?;
        let embed = config.paths.embed.map(&url).transpose()?;
        let (dialect, stream_usage) = (config.dialect, config.stream_usage);
        let service = config.account.service(&config.headers_of_kind(), transport)?;
        Ok(Self { dialect, service, chat, complete, embed, stream_usage })
    }
}

#[async_trait]
impl Provider for DialectProvider {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is known to the service, and told by its errors.
    fn capabilities(&self, model: &str) -> Capabilities {
        let takes = &self.dialect.takes;
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        (able.complete, able.complete_stream) = (self.complete.is_some(), self.complete.is_some());
        able.suffix = takes.suffix;
        able.embed = self.embed.is_some();
        able.embed_batch = takes.embed_batch.filter(|_| able.embed);
        able.embed_tokens = takes.embed_tokens.filter(|_| able.embed);
        able.embed_input_type = takes.input_types.is_some();
        able.tools = takes.tools;
        able.images = takes.images;
        able.image_urls = takes.image_urls;
        able.json = takes.json;
        able.json_schema = takes.json_schema;
        able.reasoning = !matches!(takes.thinking, Thinking::Unasked);
        able.local = self.dialect.local;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let (attempt, response) = self.post_chat(ask, request, Form::Json).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(self.dialect, &source, &body, request)
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let (attempt, response) = self.post_chat(ask, request, Form::Events).await?;
        let pieces = chat_stream::ChatPieces::new(self.dialect);
        Ok(Box::pin(Service::stream(attempt, response, pieces)))
    }

    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        let (attempt, response) = self.post_text(ask, request, Form::Json).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        completion::reply(self.dialect, &source, &body)
    }

    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        let (attempt, response) = self.post_text(ask, request, Form::Events).await?;
        let pieces = completion::TextPieces::new(self.dialect);
        Ok(Box::pin(Service::stream(attempt, response, pieces)))
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let url = self.url(&self.embed, ask, "embeddings")?;
        let body = embedding::body(self.dialect, self.name(), ask, request)?;
        let (attempt, response) = self.post(ask, &url, Form::Json, body, true).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        embedding::reply(self.dialect, &source, &body, request)
    }
}

impl DialectProvider {
    async fn post_chat<'a>(
        &'a self,
        ask: Ask<'a>,
        request: &ChatRequest,
        form: Form,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let body = encode::chat(self.dialect, self.name(), ask, request, self.pieces(form))?;
        let url = self.chat.of(ask).map_err(|error| error.with_target(self.name(), ask.model()))?;
        self.post(ask, &url, form, body, encode::is_text_only(request)).await
    }

    async fn post_text<'a>(
        &'a self,
        ask: Ask<'a>,
        request: &CompletionRequest,
        form: Form,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let url = self.url(&self.complete, ask, "text completion")?;
        let body = completion::body(self.dialect, self.name(), ask, request, self.pieces(form))?;
        self.post(ask, &url, form, body, true).await
    }

    /// Sends a body; what the service refuses is told in its own way.
    pub(crate) async fn post<'a>(
        &'a self,
        ask: Ask<'a>,
        url: &Uri,
        form: Form,
        body: Vec<u8>,
        text_only: bool,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let attempt = self.service.attempt(ask);
        let refused = |refusal: &Refusal<'_>| error::of_refusal(self.dialect, &attempt, refusal, text_only);
        let response = self.service.post(&attempt, ask, Post::new(url, form, body), refused).await?;
        Ok((attempt, response))
    }

    /// The URL of an operation that not every service has.
    fn url(&self, url: &Option<Url>, ask: Ask<'_>, operation: &str) -> Result<Uri, Error> {
        let url = url.as_ref().map(|url| url.of(ask));
        let url = url.unwrap_or_else(|| Err(Error::unsupported(format!("has no {operation}"))));
        url.map_err(|error| error.with_target(self.name(), ask.model()))
    }

    fn pieces(&self, form: Form) -> encode::Pieces {
        match form {
            Form::Json => encode::Pieces::One,
            Form::Events => encode::Pieces::Many { usage: self.stream_usage },
        }
    }
}

/// What stands for the model in a path.
const MODEL: &str = "{model}";

impl Url {
    fn of(&self, ask: Ask<'_>) -> Result<Uri, Error> {
        match self {
            Self::Fixed(uri) => Ok(uri.clone()),
            // A path that climbs would leave the place the key is meant for.
            Self::PerModel(_) if matches!(ask.model(), "" | "." | "..") => {
                let message = format!("{:?} is no name of a model", ask.model());
                Err(Error::new(ErrorKind::ModelNotFound, message))
            }
            Self::PerModel(url) => {
                let url = url.replace(MODEL, &segment(ask.model()));
                Uri::try_from(url).map_err(|_| Error::unsupported("the name of the model fits in no URL"))
            }
        }
    }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        for (name, expected) in [("gpt-5.2", "gpt-5.2"), ("a/b?c", "a%2Fb%3Fc"), ("ü", "%C3%BC"), ("", "")] {
            assert_eq!(segment(name), expected);
        }
    }
}
