//! From a configured key to a header.

use backstop_core::{Error, ErrorKind, Secret};
use http::HeaderValue;

/// How a provider identifies itself.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// Not at all: the server wants no key.
    Anonymous,
    /// With this key.
    Key(Secret),
}

impl Credential {
    /// What a setting means: `none` is the word for no key at all, nothing is a key that is missing.
    pub(crate) fn of(setting: Option<&Secret>) -> Option<Self> {
        let key = setting.filter(|key| !key.is_empty())?;
        Some(if key.expose() == "none" { Self::Anonymous } else { Self::Key(key.clone()) })
    }
}

/// Whether the key can be sent in a header at all. Says what is wrong with it, and never shows it.
fn check(provider: &str, key: &Secret) -> Result<(), Error> {
    let key = key.expose();
    let problem = if key.contains(['\n', '\r']) {
        "holds a line break; is there one at the end of the file or variable it comes from?"
    } else if key.contains(char::is_whitespace) {
        "holds a space; is it one key, without quotes and without \"Bearer\"?"
    } else if key.contains(char::is_control) {
        "holds a control character"
    } else if !key.is_ascii() {
        "holds a character that is not ASCII; was it copied from formatted text?"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Config, format!("the key of provider `{provider}` {problem}")))
}

/// `Bearer KEY`, marked as sensitive: never indexed by HTTP/2, not shown by `Debug`.
pub(crate) fn bearer(provider: &str, key: &Secret) -> Result<HeaderValue, Error> {
    header(provider, key, format!("Bearer {}", key.expose()))
}

/// The key alone, for providers with a header of their own for it; as sensitive.
pub(crate) fn bare(provider: &str, key: &Secret) -> Result<HeaderValue, Error> {
    header(provider, key, key.expose().to_owned())
}

fn header(provider: &str, key: &Secret, value: String) -> Result<HeaderValue, Error> {
    check(provider, key)?;
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        Error::new(ErrorKind::Config, format!("the key of provider `{provider}` cannot be sent in a header"))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_sent_is_told_without_showing_it() {
        for (key, word) in [
            ("priv-ate\n", "line break"),
            ("priv-ate\r\n", "line break"),
            ("Bearer priv-ate", "space"),
            ("priv-ate\u{7f}", "control"),
            ("priv-ate\u{0}", "control"),
            ("priv-ate–", "ASCII"),
        ] {
            let error = bearer("mirror", &Secret::new(key)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(word) && shown.contains("mirror") && !shown.contains("ate"), "{shown}");
        }
        let value = bearer("mirror", &Secret::new("fine")).unwrap();
        assert!(value.is_sensitive() && value == "Bearer fine");
    }

    #[test]
    fn none_is_a_choice_and_nothing_is_missing() {
        assert!(Credential::of(None).is_none());
        assert!(Credential::of(Some(&Secret::new(""))).is_none());
        assert!(matches!(Credential::of(Some(&Secret::new("none"))), Some(Credential::Anonymous)));
    }
}
