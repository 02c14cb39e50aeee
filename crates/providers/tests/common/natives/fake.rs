//! A transport without a network: gives out what it is told to, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use backstop_core::async_trait;
use backstop_providers::http::{Body, HttpRequest, HttpResponse, Transport, TransportError};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// What is given out to every request.
#[derive(Debug)]
pub(crate) struct Fake {
    status: u16,
    headers: Vec<(&'static str, String)>,
    chunks: Vec<Result<Bytes, TransportError>>,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Fake {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::chunked(status, [Ok(body.into().into())])
    }

    pub(crate) fn chunked(
        status: u16,
        chunks: impl IntoIterator<Item = Result<Bytes, TransportError>>,
    ) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, chunks: chunks.into_iter().collect(), asked: Mutex::default() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(have, _)| *have != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// For a provider.
    pub(crate) fn transport(self: &Arc<Self>) -> Arc<dyn Transport> {
        self.clone()
    }

    /// How many requests came.
    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The body of the only request.
    pub(crate) fn body(&self) -> Value {
        self.only(|request| serde_json::from_slice(&request.body).unwrap())
    }

    /// The same as text: reading numbers rounds them.
    pub(crate) fn text(&self) -> String {
        self.only(|request| String::from_utf8(request.body.to_vec()).unwrap())
    }

    /// URL and headers of the only request.
    pub(crate) fn head(&self) -> (String, HeaderMap) {
        self.only(|request| (request.url.to_string(), request.headers.clone()))
    }

    fn only<T>(&self, of: impl Fn(&HttpRequest) -> T) -> T {
        let asked = self.asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "one request");
        of(asked.first().unwrap())
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.asked.lock().unwrap().push(request);
        let header = |(name, value): &(&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let response = HttpResponse::new(
            StatusCode::from_u16(self.status).unwrap(),
            Body::from_chunks(self.chunks.iter().cloned()),
        );
        Ok(response.with_headers(self.headers.iter().map(header).collect()))
    }
}
