//! The door to the network: one request goes in, one response comes out, piece by piece.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use backstop_core::ErrorKind;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Sends HTTP requests.
///
/// The contract:
///
/// - A call sends the request **once**: no retry, no redirect, no cache. The fallback machine must see every attempt,
///   and a key must not travel to where a `Location` header points.
/// - Dropping the future, or the response's body, closes the connection or resets its stream.
/// - It keeps no time but that of connecting.
/// - A [`TransportError`] shows no header, and no URL that may hold a secret.
///
/// ```
/// use backstop_core::async_trait;
/// use backstop_providers::http::{Body, HttpRequest, HttpResponse, Transport, TransportError};
///
/// /// Answers everything with the same words.
/// #[derive(Debug)]
/// struct Parrot;
///
/// #[async_trait]
/// impl Transport for Parrot {
///     async fn send(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
///         Ok(HttpResponse::new(http::StatusCode::OK, Body::from("hello")))
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends the request and returns once the response's headers are there.
    ///
    /// # Errors
    /// How far it came, and what stopped it.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;

    /// The most time it takes to connect: an attempt that has lived longer has a connection. `None` is the usual 5 s.
    fn connect_timeout(&self) -> Option<Duration> {
        None
    }
}

/// A request, ready to be sent.
#[non_exhaustive]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The whole URL.
    pub url: Uri,
    /// The headers. Those that hold a key are marked as sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl HttpRequest {
    /// A request.
    #[must_use]
    pub fn new(method: Method, url: Uri, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self { method, url, headers, body: body.into() }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("host", &self.url.host())
            .field("path", &self.url.path())
            // Values may be keys, and the body is a prompt.
            .field("headers", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .field("body", &self.body.len())
            .finish()
    }
}

/// A response whose body is still to be read.
#[non_exhaustive]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl HttpResponse {
    /// A response without headers.
    #[must_use]
    pub fn new(status: StatusCode, body: Body) -> Self {
        Self { status, headers: HeaderMap::new(), body }
    }

    /// Replaces the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The body of a response, in the pieces in which it arrives. Dropping it before its end closes the connection.
///
/// It is an [`http_body::Body`] as well, for decoders that want one.
pub struct Body(Pin<Box<dyn HttpBody<Data = Bytes, Error = TransportError> + Send>>);

impl Body {
    /// A body read from somewhere.
    pub fn new(body: impl HttpBody<Data = Bytes, Error = TransportError> + Send + 'static) -> Self {
        Self(Box::pin(body))
    }

    /// A body of these pieces; an error is its end.
    #[must_use]
    pub fn from_chunks(chunks: impl IntoIterator<Item = Result<Bytes, TransportError>>) -> Self {
        Self::new(Pieces(chunks.into_iter().collect()))
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the body broke off.
    ///
    /// # Cancellation
    /// No piece is lost if the future is dropped.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        loop {
            let frame = poll_fn(|cx| self.0.as_mut().poll_frame(cx)).await;
            match frame.transpose()?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) if !data.is_empty() => return Ok(Some(data)),
                // Trailers and empty pieces say nothing.
                Some(_) => {}
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::from_chunks([Ok(bytes)])
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        self.0.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

struct Pieces(VecDeque<Result<Bytes, TransportError>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| piece.map(Frame::data)))
    }
}

/// A request that did not come back as a whole response: how far it came, and what stopped it.
///
/// ```
/// use backstop_providers::http::{Fault, TransportError};
/// let error = TransportError::new(Fault::Reset);
/// assert_eq!(error.to_string(), "the connection was reset");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportError {
    fault: Fault,
    detail: String,
}

impl TransportError {
    /// An error of this sort.
    #[must_use]
    pub const fn new(fault: Fault) -> Self {
        Self { fault, detail: String::new() }
    }

    /// Adds what the layer below said. A text that holds a URL is left out: URLs may hold secrets.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        self.detail = if detail.contains("://") { String::new() } else { detail };
        self
    }

    /// What stopped it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.words())?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl StdError for TransportError {}

/// What stopped a request. The first five are certain to have come before anything was sent, and the sixth before anybody
/// looked at it.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The host's name was not found.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No agreement on encryption, or a certificate nobody vouches for.
    Tls,
    /// The connection was not there in time.
    ConnectTimeout,
    /// No connection, for another reason.
    Unreachable,
    /// The server sent the request back without looking at it, and says so: HTTP/2 refused its stream, or the connection
    /// was going away. Nothing has been done for it.
    Unprocessed,
    /// The other side closed the connection in the middle.
    Reset,
    /// The response ended before its end.
    Truncated,
    /// Nothing came in the time the transport itself allows.
    TimedOut,
    /// What came is no HTTP, or something else broke.
    Broken,
    /// The request itself cannot be sent.
    Invalid,
}

impl Fault {
    /// The kind of failure this is.
    #[must_use]
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Dns | Self::Refused | Self::Tls | Self::ConnectTimeout | Self::Unreachable => {
                ErrorKind::Connect
            }
            Self::Unprocessed => ErrorKind::Overloaded,
            Self::Reset | Self::Truncated | Self::Broken => ErrorKind::BadReply,
            Self::TimedOut => ErrorKind::Timeout,
            Self::Invalid => ErrorKind::Config,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Dns => "the host's name was not found",
            Self::Refused => "connection refused",
            Self::Tls => "no secure connection",
            Self::ConnectTimeout => "no connection in time",
            Self::Unreachable => "no connection",
            Self::Unprocessed => "the request was sent back unprocessed",
            Self::Reset => "the connection was reset",
            Self::Truncated => "the response broke off",
            Self::TimedOut => "no response in time",
            Self::Broken => "the exchange broke off",
            Self::Invalid => "the request cannot be sent",
        }
    }
}
