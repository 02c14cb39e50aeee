//! A value that is never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A key or token: no `Display`, no serialisation, a `Debug` that shows nothing, memory wiped on drop.
///
/// ```
/// use backstop_core::Secret;
/// let key = Secret::new("sk-very-private");
/// assert_eq!(format!("{key:?}"), "Secret(redacted)");
/// assert_eq!(key.expose(), "sk-very-private");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself. Each use of this method is a place where a key can leak: keep them few.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether the value is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}
