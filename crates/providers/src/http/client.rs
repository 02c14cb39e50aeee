//! The transport over reqwest: the one file that knows it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use backstop_core::{Error, ErrorKind};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::transport::{Body, Fault, HttpRequest, HttpResponse, Transport, TransportError};

/// How long an idle connection is kept. Below the minute after which common load balancers close theirs, so that a
/// request seldom meets a connection that is just going away.
const IDLE: Duration = Duration::from_secs(50);

/// Sends requests with reqwest: HTTP/1.1 and HTTP/2, the system's proxy, TLS by the feature `rustls`.
///
/// Retries and redirects are off. One exception remains below: if a kept connection turns out to be closed *before the
/// first byte of a request is written*, the request comes back unsent and goes out on a new connection. That is no
/// second request; one that was begun is never sent again.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    connect: Option<Duration>,
}

impl ReqwestTransport {
    /// Whether this build can speak `https`.
    pub const HAS_TLS: bool = cfg!(feature = "rustls");

    /// A transport with this connect timeout, which covers finding the host, connecting and TLS.
    ///
    /// # Errors
    /// `Config` if TLS cannot be set up, for want of certificates of the system for example.
    pub fn new(connect: Duration) -> Result<Self, Error> {
        Self::build(connect, builder(connect))
    }

    /// As [`new`](Self::new), for a server on this machine: no proxy could find it.
    pub(crate) fn direct(connect: Duration) -> Result<Self, Error> {
        Self::build(connect, builder(connect).no_proxy())
    }

    /// As [`new`](Self::new), for `http` only: works where the system has no certificates.
    pub(crate) fn plain(connect: Duration) -> Result<Self, Error> {
        // With certificates an https proxy works as well.
        Self::new(connect).or_else(|_| Self::build(connect, without_certificates(builder(connect))))
    }

    /// As [`direct`](Self::direct), for `http` only: works where the system has no certificates.
    pub(crate) fn plain_direct(connect: Duration) -> Result<Self, Error> {
        Self::build(connect, without_certificates(builder(connect).no_proxy()))
    }

    /// A transport over a client of your own, for proxies, client certificates and the like.
    ///
    /// Build it with `redirect(Policy::none())` and `retry(reqwest::retry::never())`, and without `timeout`: a
    /// redirect carries the key to another path, a hidden retry is one the fallback machine cannot count.
    #[must_use]
    pub fn from_client(client: reqwest::Client) -> Self {
        Self { client, connect: None }
    }

    fn build(connect: Duration, builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        let client = builder.build().map_err(|error| {
            let why = innermost(&error);
            Error::new(ErrorKind::Config, format!("the HTTP client cannot be set up: {why}"))
        })?;
        Ok(Self { client, connect: Some(connect) })
    }
}

fn builder(connect: Duration) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // The default repeats a request that HTTP/2 refused; that decision is the machine's.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        .user_agent(concat!("backstop/", env!("CARGO_PKG_VERSION")));
    // If another crate switches native-tls on as well, reqwest's own choice would be that.
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_rustls();
    builder
}

fn without_certificates(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    #[cfg(feature = "rustls")]
    let builder = builder.tls_certs_only([]);
    builder
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let HttpRequest { method, url, headers, body } = request;
        let url = reqwest::Url::parse(&url.to_string()).map_err(|_| TransportError::new(Fault::Invalid))?;
        let mut outgoing = reqwest::Request::new(method, url);
        *outgoing.headers_mut() = headers;
        *outgoing.body_mut() = Some(body.into());
        let mut response = self.client.execute(outgoing).await.map_err(|error| unanswered(&error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let body = Body::new(Incoming(reqwest::Body::from(response)));
        Ok(HttpResponse::new(status, body).with_headers(headers))
    }

    fn connect_timeout(&self) -> Option<Duration> {
        self.connect
    }
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own shows its default headers and proxies, which may hold keys.
        f.write_str("ReqwestTransport")
    }
}

struct Incoming(reqwest::Body);

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        Pin::new(&mut self.0)
            .poll_frame(cx)
            .map(|frame| frame.map(|frame| frame.map_err(|error| told(&error))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// What the error of a request means to which nothing has come back yet.
fn unanswered(error: &reqwest::Error) -> TransportError {
    if is_unprocessed(error) { TransportError::new(Fault::Unprocessed) } else { told(error) }
}

/// Whether the server says that nothing was done. A connection that goes away for a reason fails requests it has
/// processed as well, so only one without counts.
fn is_unprocessed(error: &reqwest::Error) -> bool {
    let told = chain(error).find_map(|cause| cause.downcast_ref::<h2::Error>());
    told.is_some_and(|told| {
        told.is_remote()
            && (told.is_reset() && told.reason() == Some(h2::Reason::REFUSED_STREAM)
                || told.is_go_away() && told.reason() == Some(h2::Reason::NO_ERROR))
    })
}

/// What reqwest's error means. Of its text only the innermost cause is kept: the outer ones show the URL.
fn told(error: &reqwest::Error) -> TransportError {
    let detail = innermost(error);
    let fault = if error.is_builder() {
        Fault::Invalid
    } else if error.is_connect() {
        connect_fault(error, &detail)
    } else if error.is_timeout() {
        Fault::TimedOut
    } else {
        broken_fault(error)
    };
    TransportError::new(fault).with_detail(detail)
}

fn connect_fault(error: &reqwest::Error, detail: &str) -> Fault {
    let kind = io_kinds(error).last();
    if error.is_dns() {
        Fault::Dns
    } else if error.is_timeout() {
        Fault::ConnectTimeout
    } else if kind == Some(io::ErrorKind::ConnectionRefused) {
        Fault::Refused
    } else if speaks_of_tls(detail) || kind == Some(io::ErrorKind::InvalidData) {
        Fault::Tls
    } else {
        Fault::Unreachable
    }
}

fn broken_fault(error: &reqwest::Error) -> Fault {
    match io_kinds(error).last() {
        Some(io::ErrorKind::TimedOut) => Fault::TimedOut,
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected,
        ) => Fault::Reset,
        Some(io::ErrorKind::UnexpectedEof) => Fault::Truncated,
        _ if error.is_body() || error.is_decode() => Fault::Truncated,
        // A connection that closes between request and response: hyper calls the message incomplete.
        _ if chain(error).any(|cause| cause.to_string().contains("before message completed")) => Fault::Reset,
        _ => Fault::Broken,
    }
}

/// The TLS library hides behind `dyn Error`, and its words are all there is to tell it by.
fn speaks_of_tls(detail: &str) -> bool {
    let detail = detail.to_ascii_lowercase();
    ["certificate", "tls", "ssl", "handshake"].iter().any(|word| detail.contains(word))
}

/// The error and its causes. An `io::Error` skips what it wraps when asked for its source; here it does not.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn io_kinds(error: &reqwest::Error) -> impl Iterator<Item = io::ErrorKind> {
    chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
}

fn innermost(error: &reqwest::Error) -> String {
    chain(error).skip(1).last().map_or_else(String::new, ToString::to_string)
}
