//! Failures of the Responses API that come with 200. What its refusals mean is the dialect's to know.

use backstop_core::{Error, ErrorKind};

use super::DIALECT;
use super::wire::Response;
use crate::dialect::{in_reply, within_reply};
use crate::http::Source;

/// Why a response came to nothing, if it did.
pub(super) fn of_response(source: &Source<'_>, response: &Response<'_>) -> Option<Error> {
    if let Some(error) = response.error {
        return Some(within_reply(&DIALECT, source, error.get()));
    }
    match response.status.as_deref() {
        Some("failed") => Some(source.error(ErrorKind::Server, "the response failed, and nobody says why")),
        Some("cancelled") => Some(source.error(ErrorKind::Server, "the response was cancelled")),
        _ => None,
    }
}

/// What an event that tells of an error means.
pub(super) fn of_event(source: &Source<'_>, data: &str) -> Error {
    in_reply(&DIALECT, source, data)
}
