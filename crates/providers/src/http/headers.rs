//! Headers that somebody configured, checked before they are sent.

use backstop_core::{Error, ErrorKind};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What the transport decides: whoever sets these breaks the request.
const RESERVED: [HeaderName; 4] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING];

/// Puts the headers in, replacing those of the same name. All are marked as sensitive, since any may hold a key.
pub(crate) fn set(headers: &mut HeaderMap, provider: &str, more: &[(String, String)]) -> Result<(), Error> {
    for (name, value) in more {
        let refuse = |problem: &str| {
            let message = format!("the header {name:?} for provider `{provider}` {problem}");
            Err(Error::new(ErrorKind::Config, message))
        };
        let Ok(name) = HeaderName::try_from(name.as_str()) else {
            return refuse("has a name that no header can have");
        };
        if RESERVED.contains(&name) {
            return refuse("is set by the transport itself");
        }
        let Ok(mut value) = HeaderValue::try_from(value.as_str()) else {
            return refuse("has a value that no header can have");
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_cannot_be_sent_is_told_without_its_value() {
        for (name, value, problem) in [
            ("x team", "hunter2", "name"),
            ("", "hunter2", "name"),
            ("x-team", "hunter2\r\nx: y", "value"),
            ("Content-Length", "hunter2", "transport"),
        ] {
            let error =
                set(&mut HeaderMap::new(), "mirror", &[(name.to_owned(), value.to_owned())]).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(problem) && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_header_replaces_one_of_its_name() {
        let mut headers = HeaderMap::new();
        headers.insert("x-team", HeaderValue::from_static("red"));
        set(&mut headers, "mirror", &[("X-Team".to_owned(), "blue".to_owned())]).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-team"], "blue");
        assert!(headers["x-team"].is_sensitive());
    }
}
