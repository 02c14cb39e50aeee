//! A provider that is asked without a network, and without a runtime: whatever it waits for has come.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use backstop_core::{Ask, Error, Provider, async_trait};
use backstop_providers::http::{Body, HttpRequest, HttpResponse, Transport, TransportError};
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode};

use crate::family::Row;

/// More often than anything that goes on has to be asked whether it is done.
const POLLS: usize = 10_000;

/// A provider, and where its answers come from.
pub(crate) struct Door {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) ask: Ask<'static>,
    /// What is nowhere in a stream that has not been ended.
    pub(crate) ends: &'static [&'static str],
    next: Arc<Next>,
}

/// The answer to the next request.
#[derive(Debug, Default)]
struct Next(Mutex<Option<HttpResponse>>);

#[async_trait]
impl Transport for Next {
    async fn send(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let next = self.0.lock().ok().and_then(|mut next| next.take());
        Ok(next.expect("one request is sent, once"))
    }
}

/// A stream, as providers give it.
type Pieces<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// What came of a stream: its pieces, and the error it ended with.
#[derive(Debug, PartialEq)]
pub(crate) struct Told<T> {
    pub(crate) pieces: Vec<T>,
    pub(crate) failed: Option<String>,
}

impl Door {
    pub(crate) fn new((model, ends, build): Row) -> Self {
        let next = Arc::new(Next::default());
        let provider = build(next.clone()).expect("these settings work");
        Self { provider, ask: Ask::new(model), ends, next }
    }

    /// What is answered to the next request.
    pub(crate) fn says<'p>(&self, status: u16, headers: HeaderMap, body: impl IntoIterator<Item = &'p [u8]>) {
        let chunks = body.into_iter().map(|piece| Ok(Bytes::copy_from_slice(piece)));
        let status = StatusCode::from_u16(status).expect("a status");
        let response = HttpResponse::new(status, Body::from_chunks(chunks)).with_headers(headers);
        *self.next.0.lock().expect("nobody else is there") = Some(response);
    }

    /// Whether the last answer was asked for.
    pub(crate) fn was_asked(&self) -> bool {
        self.next.0.lock().expect("nobody else is there").take().is_none()
    }
}

/// Runs what has nothing to wait for.
pub(crate) fn now<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(done) = task.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it waits for what nobody sends");
}

/// Drives a stream to its end, of which there is one. There are no more pieces than `most`.
pub(crate) fn told<T: Debug>(
    begun: Result<Pieces<T>, Error>,
    is_end: impl Fn(&T) -> bool,
    most: usize,
    check: impl Fn(&Error) -> String,
) -> Told<T> {
    let mut told = Told { pieces: Vec::new(), failed: None };
    let mut stream = match begun {
        Ok(stream) => stream,
        Err(error) => return Told { failed: Some(check(&error)), ..told },
    };
    let mut next = || now(poll_fn(|cx| stream.as_mut().poll_next(cx)));
    loop {
        let ended = told.pieces.last().is_some_and(&is_end);
        match next() {
            Some(Ok(piece)) => {
                assert!(!ended, "{piece:?} after the end");
                told.pieces.push(piece);
                assert!(told.pieces.len() <= most, "more pieces than bytes");
            }
            other => {
                let failed = other.and_then(Result::err);
                assert!(
                    failed.is_some() != ended,
                    "whole is what was ended, and nothing else: {failed:?}, {told:?}"
                );
                assert!(next().is_none(), "more after the end");
                return Told { failed: failed.as_ref().map(check), ..told };
            }
        }
    }
}
