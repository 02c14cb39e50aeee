//! One attempt, as its errors tell it.

use std::borrow::Cow;
use std::time::SystemTime;

use backstop_core::{Error, ErrorKind};
use http::header::LOCATION;
use http::{HeaderMap, Uri};

use super::base_url::BaseUrl;
use super::body::Unread;
use super::redact::Mask;
use super::transport::{Fault, TransportError};

/// Where an answer's id for the provider's support stands. The last is the edge's, for answers that never got further.
const REQUEST_IDS: [&str; 4] = ["x-request-id", "request-id", "apim-request-id", "cf-ray"];

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
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) base_url: &'a BaseUrl,
    pub(crate) mask: Cow<'a, Mask>,
}

impl Attempt<'_> {
    /// An error of this attempt.
    pub(crate) fn error(&self, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, self.mask.apply(message)).with_target(self.provider, self.model)
    }

    /// A reply that cannot be used.
    pub(crate) fn bad_reply(&self, headers: &HeaderMap, status: u16, message: &str) -> Error {
        self.identified(self.error(ErrorKind::BadReply, message).with_status(status), headers)
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
        self.error(cause.fault().kind(), &message).with_source(cause)
    }

    /// The body of a success could not be read.
    pub(crate) fn unread(&self, unread: Unread, headers: &HeaderMap, status: u16) -> Error {
        match unread {
            Unread::TooLong(max) => {
                let message = format!("the reply is longer than {} MiB", max >> 20);
                self.bad_reply(headers, status, &message)
            }
            Unread::Broken(cause) => self.identified(self.broken(cause).with_status(status), headers),
        }
    }

    /// The server points elsewhere. It would do so again, so there is no use in coming back.
    pub(crate) fn redirected(&self, headers: &HeaderMap, status: u16) -> Error {
        let to = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let to = match to.map(|to| to.parse::<Uri>().ok().and_then(|uri| host_of(&uri))) {
            Some(Some(host)) => host,
            Some(None) => "another path".to_owned(),
            None => "nowhere".to_owned(),
        };
        let base_url = self.base_url;
        let message = format!("{base_url} redirects to {to}, and redirects are not followed: set base_url");
        self.bad_reply(headers, status, &message).without_comeback()
    }
}

/// Scheme, host and port; what else a URL holds may be secret.
fn host_of(uri: &Uri) -> Option<String> {
    let host = uri.host()?;
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", uri.scheme_str().unwrap_or("https")))
}
