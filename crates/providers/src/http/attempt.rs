//! One attempt, as its errors tell it.

use std::borrow::Cow;
use std::time::SystemTime;

use backstop_core::{Error, ErrorKind};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Uri};

use super::base_url::BaseUrl;
use super::body::Unread;
use super::redact::Mask;
use super::transport::{Fault, TransportError};

/// Where an answer's id for the provider's support stands. The first is asked for by Azure, which sends the next as well;
/// the last is the edge's, for answers that never got further.
const REQUEST_IDS: [&str; 10] = [
    "apim-request-id",
    "x-request-id",
    "request-id",
    "x-ms-request-id",
    "x-amzn-requestid",
    "x-generation-id",
    "mistral-correlation-id",
    "x-kong-request-id",
    "x-debug-trace-id",
    "cf-ray",
];

/// The longest request id that is kept.
const REQUEST_ID_MAX: usize = 128;

/// A response that is no success, with the beginning of its body.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// When it came.
    pub(crate) now: SystemTime,
}

/// What the errors of an attempt have in common: whom it asked, where, and what must not be shown.
#[derive(Clone, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) provider: Cow<'a, str>,
    pub(crate) model: Cow<'a, str>,
    pub(crate) base_url: Cow<'a, BaseUrl>,
    pub(crate) mask: Cow<'a, Mask>,
}

impl Attempt<'_> {
    /// The same attempt, for a stream that outlives the call.
    pub(crate) fn into_owned(self) -> Attempt<'static> {
        Attempt {
            provider: Cow::Owned(self.provider.into_owned()),
            model: Cow::Owned(self.model.into_owned()),
            base_url: Cow::Owned(self.base_url.into_owned()),
            mask: Cow::Owned(self.mask.into_owned()),
        }
    }

    /// An error of this attempt.
    pub(crate) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        self.located(Error::new(kind, self.mask.apply(message)))
    }

    /// Says that it was this attempt that failed.
    pub(crate) fn located(&self, error: Error) -> Error {
        error.with_target(&*self.provider, &*self.model)
    }

    /// Adds the request id.
    pub(crate) fn identified(&self, error: Error, headers: &HeaderMap) -> Error {
        match self.request_id(headers) {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }

    /// The provider's id for the request.
    pub(crate) fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let id = REQUEST_IDS.iter().find_map(|name| headers.get(*name))?.to_str().ok()?.trim();
        (!id.is_empty() && id.len() <= REQUEST_ID_MAX).then(|| self.mask.apply(id).into_owned())
    }

    /// The request did not come back as a whole response.
    pub(crate) fn broken(&self, cause: TransportError) -> Error {
        let host = self.base_url.authority();
        let message = match cause.fault() {
            Fault::Refused => format!("{host} refused the connection"),
            _ => format!("{host}: {cause}"),
        };
        let fault = cause.fault();
        let error = self.error(fault.kind(), &message).with_source(cause);
        // Servers do that whenever they restart or have enough to do for one connection; it is no sign of bad health.
        if fault == Fault::Unprocessed { error.not_counted() } else { error }
    }

    /// The server points elsewhere. It would do so again, so there is no use in coming back.
    pub(crate) fn redirected(&self, headers: &HeaderMap, status: u16) -> Error {
        let to = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let to = match to.map(|to| to.parse::<Uri>().ok().and_then(|uri| host_of(&uri))) {
            Some(Some(host)) => host,
            Some(None) => "another path".to_owned(),
            None => "nowhere".to_owned(),
        };
        let base_url = &self.base_url;
        let message = format!("{base_url} redirects to {to}, and redirects are not followed: set base_url");
        let error = self.error(ErrorKind::BadReply, &message).with_status(status);
        self.identified(error, headers).without_comeback()
    }
}

/// An attempt whose response is a success, so far.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) attempt: Attempt<'a>,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
}

impl Source<'_> {
    /// The same, for a stream that outlives the call.
    pub(crate) fn into_owned(self) -> Source<'static> {
        Source { attempt: self.attempt.into_owned(), status: self.status, headers: self.headers }
    }

    /// The provider's id for the request.
    pub(crate) fn request_id(&self) -> Option<String> {
        self.attempt.request_id(&self.headers)
    }

    /// An error in what came.
    pub(crate) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        self.identified(self.attempt.error(kind, message))
    }

    /// Something came that cannot be used.
    pub(crate) fn bad_reply(&self, message: &str) -> Error {
        self.error(ErrorKind::BadReply, message)
    }

    /// What came is not of the form it should have. A page in its place hints at the base URL.
    pub(crate) fn no_reply(&self, problem: &str) -> Error {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let message = match content_type {
            Some(other)
                if ["json", "event-stream", "eventstream"].iter().all(|form| !other.contains(form)) =>
            {
                let url = &self.attempt.base_url;
                format!("{problem}; it is called {other}: is {url} the base URL?")
            }
            _ => problem.to_owned(),
        };
        self.bad_reply(&message)
    }

    /// The body could not be read.
    pub(crate) fn unread(&self, unread: Unread) -> Error {
        match unread {
            Unread::TooLong(max) => self.bad_reply(&format!("the reply is longer than {} MiB", max >> 20)),
            Unread::Broken(cause) => self.identified(self.attempt.broken(cause)),
        }
    }

    fn identified(&self, error: Error) -> Error {
        self.attempt.identified(error.with_status(self.status), &self.headers)
    }
}

/// Scheme, host and port; what else a URL holds may be secret.
fn host_of(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", uri.scheme_str().unwrap_or("https")))
}
