//! The wire of `generateContent`, which Gemini's own API and Vertex AI share.
//!
//! Each of the two says where it is and who asks; everything else is here.

#[cfg(feature = "vertex")]
pub(crate) mod access;
mod calls;
#[cfg(feature = "vertex")]
pub(crate) mod credentials;
mod decode;
mod embed;
mod encode;
mod error;
mod family;
mod history;
#[cfg(all(feature = "vertex", feature = "rustls"))]
mod jwt;
mod pieces;
mod place;
mod seal;
#[cfg(feature = "vertex")]
pub(crate) mod token;
mod wire;

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Ask, Capabilities, ChatStream, Error, ErrorKind};
use http::Uri;

use crate::http::{
    Attempt, BaseUrl, EMBEDDINGS_MAX, Form, HttpResponse, Post, REPLY_MAX, Refusal, Service, is_text_only,
};
use embed::Method;
use history::Whom;
use place::Place;

pub(crate) use place::escaped;

/// Whose API of this wire it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Gemini's own.
    Gemini,
    /// That of Google's cloud.
    Vertex,
}

/// The version of an API, as a setting of this provider states it.
pub(crate) fn checked_version<'a>(provider: &str, version: &'a str) -> Result<&'a str, Error> {
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message =
            format!("the api_version {version:?} of provider `{provider}` is none; a good one is v1");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(version)
}

/// The API at one place.
#[derive(Debug)]
pub(crate) struct Api {
    surface: Surface,
    service: Service,
    base_url: BaseUrl,
    /// The version, with a slash in front.
    version: String,
    /// The version, and whose models are below.
    root: String,
    /// Where the token of a request comes from, where the headers of every request hold none.
    #[cfg(feature = "vertex")]
    tokens: Option<token::Tokens>,
}

impl Api {
    /// An API whose models stand at `scope`, which is empty or begins with a slash, below this version.
    pub(crate) fn new(
        surface: Surface,
        service: Service,
        base_url: BaseUrl,
        version: &str,
        scope: &str,
    ) -> Self {
        let version = format!("/{version}");
        let root = format!("{version}{scope}");
        #[cfg(feature = "vertex")]
        let tokens = None;
        Self {
            surface,
            service,
            base_url,
            version,
            root,
            #[cfg(feature = "vertex")]
            tokens,
        }
    }

    /// Sends a token from here with every request, if there are any.
    #[cfg(feature = "vertex")]
    pub(crate) fn with_tokens(mut self, tokens: Option<token::Tokens>) -> Self {
        self.tokens = tokens;
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.service.name()
    }

    /// What the wire can carry. What a certain model cannot do is known to Google, and told by its errors; only what
    /// its name says is known here.
    pub(crate) fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        self.service.states(&mut able, model);
        able.tools = true;
        able.images = true;
        able.image_urls = self.surface == Surface::Vertex;
        able.json = true;
        able.json_schema = true;
        able.reasoning = family::thinks(model);
        able.embed = true;
        able.embed_batch = Some(Method::of(self.surface, model).batch());
        able.embed_input_type = true;
        able
    }

    pub(crate) async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let (attempt, response) = self.ask(ask, request, Form::Json).await?;
        let (source, body) = Service::read(attempt, response, REPLY_MAX).await?;
        decode::chat(&source, &body, request)
    }

    pub(crate) async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let (attempt, response) = self.ask(ask, request, Form::Events).await?;
        Ok(Box::pin(Service::stream(attempt, response, decode::ChatPieces::default())))
    }

    pub(crate) async fn embed(
        &self,
        ask: Ask<'_>,
        request: &EmbeddingRequest,
    ) -> Result<EmbeddingReply, Error> {
        let attempt = self.service.attempt(ask);
        let located = |error: Error| error.with_target(self.name(), ask.model());
        let method = Method::of(self.surface, ask.model());
        let place = place::of(self.surface, ask.model()).map_err(located)?;
        let body = embed::body(method, place.path(), ask, request).map_err(located)?;
        let url = self.url(&place, method.name(), "").map_err(located)?;
        let refused =
            |attempt: &Attempt<'_>, refusal: &Refusal<'_>| error::of_refusal(attempt, refusal, true);
        let (attempt, response) = self.post(attempt, ask, Post::new(&url, Form::Json, body), refused).await?;
        let (source, body) = Service::read(attempt, response, EMBEDDINGS_MAX).await?;
        embed::reply(&source, &body, request)
    }

    async fn ask<'a>(
        &'a self,
        ask: Ask<'a>,
        request: &ChatRequest,
        form: Form,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        let attempt = self.service.attempt(ask);
        let located = |error: Error| error.with_target(self.name(), ask.model());
        let files = format!("{}{}", self.base_url, self.version);
        let whom = Whom { surface: self.surface, provider: self.name(), model: ask.model(), files: &files };
        let body = encode::chat(whom, ask, request)?;
        let place = place::of(self.surface, ask.model()).map_err(located)?;
        let url = match form {
            Form::Json => self.url(&place, "generateContent", ""),
            // Without the query a stream is one long list.
            Form::Events => self.url(&place, "streamGenerateContent", "?alt=sse"),
        };
        let url = url.map_err(located)?;
        let refused = |attempt: &Attempt<'_>, refusal: &Refusal<'_>| {
            error::of_refusal(attempt, refusal, is_text_only(request))
        };
        self.post(attempt, ask, Post::new(&url, form, body), refused).await
    }

    /// Sends one request, with a token if there is a source of them.
    async fn post<'a>(
        &'a self,
        attempt: Attempt<'a>,
        ask: Ask<'a>,
        post: Post<'_>,
        refused: impl FnOnce(&Attempt<'_>, &Refusal<'_>) -> Error,
    ) -> Result<(Attempt<'a>, HttpResponse), Error> {
        #[cfg(feature = "vertex")]
        if let Some(tokens) = self.tokens.as_ref().filter(|_| self.service.missing().is_none()) {
            return tokens.post(&self.service, attempt, ask, post, refused).await;
        }
        let response = self.service.post(&attempt, ask, post, |refusal| refused(&attempt, refusal)).await?;
        Ok((attempt, response))
    }

    fn url(&self, place: &Place, method: &str, query: &str) -> Result<Uri, Error> {
        let root = match place {
            Place::Here(_) => &self.root,
            Place::Elsewhere(_) => &self.version,
        };
        self.base_url.join(&format!("{root}/{}:{method}{query}", place.path()))
    }
}
