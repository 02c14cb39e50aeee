//! A provider over HTTP without its wire: where it is, who asks, and one exchange with it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backstop_core::{Ask, Capabilities, Error, ErrorKind};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};

use super::attempt::{Attempt, Refusal, Source};
use super::base_url::BaseUrl;
use super::body::{read_error, read_reply};
use super::client::ReqwestTransport;
use super::headers;
use super::redact::Mask;
use super::stream::{Decode, EventStream};
use super::thinkers::thinks;
use super::transport::{Body, HttpRequest, HttpResponse, Transport};

/// The headers that services take keys from beside `authorization`.
const KEYS: [&str; 3] = ["api-key", "x-api-key", "x-goog-api-key"];

/// What all operations of a provider over HTTP share.
pub(crate) struct Service {
    name: String,
    base_url: BaseUrl,
    /// Sent with every request.
    headers: HeaderMap,
    mask: Mask,
    /// Why it cannot be asked at all.
    missing: Option<String>,
    transport: Arc<dyn Transport>,
}

/// In which form an answer is asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In one piece.
    Json,
    /// In pieces.
    Events,
}

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    pub(crate) url: &'a Uri,
    pub(crate) form: Form,
    pub(crate) body: Vec<u8>,
    /// Headers of this request alone, a signature say. They replace those of every request.
    pub(crate) headers: HeaderMap,
}

impl<'a> Post<'a> {
    /// A request without headers of its own.
    pub(crate) fn new(url: &'a Uri, form: Form, body: Vec<u8>) -> Self {
        Self { url, form, body, headers: HeaderMap::new() }
    }
}

impl Form {
    const fn media_type(self) -> HeaderValue {
        match self {
            Self::Json => HeaderValue::from_static("application/json"),
            Self::Events => HeaderValue::from_static("text/event-stream"),
        }
    }
}

impl Service {
    /// A service that sends `headers` with every request and never shows what `mask` masks.
    pub(crate) fn new(
        name: String,
        base_url: BaseUrl,
        headers: HeaderMap,
        mask: Mask,
        missing: Option<String>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self { name, base_url, headers, mask, missing, transport }
    }

    /// The transport of a provider that was not given one.
    pub(crate) fn transport(
        provider: &str,
        base_url: &BaseUrl,
        connect: Duration,
    ) -> Result<Arc<dyn Transport>, Error> {
        if base_url.is_https() && !ReqwestTransport::HAS_TLS {
            let message = format!(
                "provider `{provider}` is at {base_url}, and this build cannot speak https: switch on the feature \
                 rustls"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let transport = match (base_url.is_https(), base_url.is_loopback()) {
            (true, false) => ReqwestTransport::new(connect),
            (true, true) => ReqwestTransport::direct(connect),
            (false, false) => ReqwestTransport::plain(connect),
            (false, true) => ReqwestTransport::plain_direct(connect),
        };
        Ok(Arc::new(transport?))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of this path.
    pub(crate) fn url(&self, path: &str) -> Result<Uri, Error> {
        self.base_url.join(path)
    }

    /// What is sent with every request.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What is said in one way for all wires: what is missing, how long connecting takes, whether the model thinks unasked.
    pub(crate) fn states(&self, able: &mut Capabilities, model: &str) {
        able.missing = self.missing.clone().map(Into::into);
        able.connect = self.transport.connect_timeout();
        able.thinks = thinks(model);
    }

    pub(crate) fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// What the errors of this attempt share.
    pub(crate) fn attempt<'a>(&'a self, ask: Ask<'a>) -> Attempt<'a> {
        Attempt {
            provider: Cow::Borrowed(&self.name),
            model: Cow::Borrowed(ask.model()),
            base_url: Cow::Borrowed(&self.base_url),
            mask: self.mask.with_headers(ask.headers()),
        }
    }

    /// Sends one request. What comes back is a success whose body is still to be read, or an error; `refused` knows
    /// what the provider's refusals mean.
    pub(crate) async fn post(
        &self,
        attempt: &Attempt<'_>,
        ask: Ask<'_>,
        post: Post<'_>,
        refused: impl for<'a, 'b> FnOnce(&'a Refusal<'b>) -> Error,
    ) -> Result<HttpResponse, Error> {
        if let Some(missing) = &self.missing {
            return Err(attempt.error(ErrorKind::NotConfigured, missing));
        }
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.entry(ACCEPT).or_insert(post.form.media_type());
        if ask.headers().iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str())) {
            // A target with an authorization of its own is not to be billed to another, nor to see that key.
            KEYS.iter().for_each(|name| drop(headers.remove(*name)));
        }
        headers::set(&mut headers, &self.name, ask.headers())
            .map_err(|error| error.with_target(&self.name, ask.model()))?;
        headers.extend(post.headers);
        let request = HttpRequest::new(Method::POST, post.url.clone(), headers, post.body);
        self.exchange(attempt, request, refused).await
    }

    /// As [`post`](Self::post), for what is there without being asked of a model.
    pub(crate) async fn get(
        &self,
        attempt: &Attempt<'_>,
        url: &Uri,
        refused: impl for<'a, 'b> FnOnce(&'a Refusal<'b>) -> Error,
    ) -> Result<HttpResponse, Error> {
        let request = HttpRequest::new(Method::GET, url.clone(), self.headers.clone(), Vec::new());
        self.exchange(attempt, request, refused).await
    }

    async fn exchange(
        &self,
        attempt: &Attempt<'_>,
        request: HttpRequest,
        refused: impl for<'a, 'b> FnOnce(&'a Refusal<'b>) -> Error,
    ) -> Result<HttpResponse, Error> {
        let mut response = self.transport.send(request).await.map_err(|cause| attempt.broken(cause))?;
        if response.status.is_success() {
            return Ok(response);
        }
        let status = response.status.as_u16();
        if response.status.is_redirection() {
            return Err(attempt.redirected(&response.headers, status));
        }
        let body = read_error(&mut response.body).await;
        // The one clock of a provider: the moment a date in `retry-after` counts from.
        let now = SystemTime::now();
        Err(refused(&Refusal { status, headers: &response.headers, body: &body, now }))
    }

    /// Reads a success to its end, within `max` bytes.
    pub(crate) async fn read<'a>(
        attempt: Attempt<'a>,
        response: HttpResponse,
        max: usize,
    ) -> Result<(Source<'a>, Vec<u8>), Error> {
        let (source, mut body) = open(attempt, response);
        match read_reply(&mut body, max).await {
            Ok(body) => Ok((source, body)),
            Err(unread) => Err(source.unread(unread)),
        }
    }

    /// Reads a success as it comes.
    pub(crate) fn stream<D: Decode>(
        attempt: Attempt<'_>,
        response: HttpResponse,
        decoder: D,
    ) -> EventStream<D> {
        let (source, body) = open(attempt, response);
        EventStream::new(source.into_owned(), body, decoder)
    }
}

fn open(attempt: Attempt<'_>, response: HttpResponse) -> (Source<'_>, Body) {
    let HttpResponse { status, headers, body } = response;
    (Source { attempt, status: status.as_u16(), headers }, body)
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("base_url", &self.base_url.as_str())
            // Values are or may be keys.
            .field("headers", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("missing", &self.missing)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
