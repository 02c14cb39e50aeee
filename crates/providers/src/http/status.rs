//! What an HTTP status means when nothing more telling is known.

use backstop_core::ErrorKind;

/// The kind of failure of a response that is no success.
pub(crate) fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Auth,
        402 => ErrorKind::Quota,
        403 => ErrorKind::Forbidden,
        // 410: the model has been retired.
        404 | 410 => ErrorKind::ModelNotFound,
        408 | 504 | 522 | 524 => ErrorKind::Timeout,
        413 => ErrorKind::ContextLength,
        425 | 429 => ErrorKind::RateLimited,
        501 => ErrorKind::Unsupported,
        503 | 529 => ErrorKind::Overloaded,
        // 409: somebody else's lock. 424: the model failed behind the service. 499: a proxy lost its client.
        409 | 424 | 499 | 500..=599 => ErrorKind::Server,
        400..=498 => ErrorKind::BadRequest,
        _ => ErrorKind::BadReply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_kind_of_the_table() {
        use ErrorKind::{
            Auth, BadReply, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota,
            RateLimited, Server, Timeout, Unsupported,
        };
        for (kind, statuses) in [
            (BadRequest, &[400, 405, 406, 411, 412, 415, 422, 431, 451, 498][..]),
            (Auth, &[401]),
            (Quota, &[402]),
            (Forbidden, &[403]),
            (ModelNotFound, &[404, 410]),
            (Timeout, &[408, 504, 522, 524]),
            (Server, &[409, 424, 499, 500, 502, 520, 521, 523, 525, 526, 527, 530, 599]),
            (ContextLength, &[413]),
            (RateLimited, &[425, 429]),
            (Unsupported, &[501]),
            (Overloaded, &[503, 529]),
            (BadReply, &[100, 304, 600, 999]),
        ] {
            for status in statuses {
                assert_eq!(kind_of(*status), kind, "{status}");
            }
        }
    }
}
