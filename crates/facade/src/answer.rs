//! What a call returns: the reply, who gave it, and how it came to that.

use std::ops::Deref;
use std::sync::Arc;

use backstop_core::Trail;

/// A reply with the target that gave it and the record of the call. It reads like the reply itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    reply: T,
    target: Arc<str>,
    trail: Trail,
}

impl<T> Answer<T> {
    pub(crate) fn new(reply: T, target: Arc<str>, trail: Trail) -> Self {
        Self { reply, target, trail }
    }

    /// Who answered, as `provider/model`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Every attempt and skip, in the order of decision.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The reply alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.reply
    }
}

impl<T> Deref for Answer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.reply
    }
}
