//! Blocks of an answer that only its model can read: they go back as they came, to where they were.

use backstop_core::chat::Sealed;
use serde_json::{Value, json};

use crate::http::Source;

/// Where in an answer a block stands: what was said before it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes of text.
    pub(super) text: usize,
    /// Calls of tools.
    pub(super) calls: usize,
}

impl Place {
    /// The place of what was sealed, and the block itself.
    pub(super) fn of(sealed: &Value) -> Option<(Self, &Value)> {
        let block = sealed.get("block").filter(|block| block.is_object())?;
        let count = |name| sealed.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let place = Self { text: count("text").unwrap_or(0), calls: count("calls").unwrap_or(0) };
        Some((place, block))
    }

    /// Seals a block that stands here.
    pub(super) fn seal(self, source: &Source<'_>, block: &Value) -> Sealed {
        let data = json!({ "text": self.text, "calls": self.calls, "block": block });
        Sealed::new(&*source.attempt.provider, &*source.attempt.model, data)
    }
}

/// Whether a block of this sort, signed so, has to go back. Thoughts that nobody signed need not: they can be read as
/// they are, and Anthropic itself refuses them.
pub(super) fn goes_back(sort: Option<&str>, signature: Option<&str>) -> bool {
    match sort {
        None | Some("text" | "tool_use") => false,
        Some("thinking") => signature.is_some_and(|signature| !signature.is_empty()),
        Some(_) => true,
    }
}
