//! What an answer cost, in tokens.

use serde::{Deserialize, Serialize};

/// Token counts as the provider reported them. `None` is unknown, which is not zero.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, those read from a cache included.
    pub input_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of the input that was read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// The part of the input that was written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// The part of the output that is reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Nothing known.
    pub const UNKNOWN: Self = Self {
        input_tokens: None,
        output_tokens: None,
        cached_input_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
    };

    /// Input and output counts, the rest unknown.
    #[must_use]
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens: Some(input_tokens), output_tokens: Some(output_tokens), ..Self::UNKNOWN }
    }

    /// The sum of two, as far as both are known.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        const fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                _ => None,
            }
        }
        Self {
            input_tokens: add(self.input_tokens, other.input_tokens),
            output_tokens: add(self.output_tokens, other.output_tokens),
            cached_input_tokens: add(self.cached_input_tokens, other.cached_input_tokens),
            cache_write_tokens: add(self.cache_write_tokens, other.cache_write_tokens),
            reasoning_tokens: add(self.reasoning_tokens, other.reasoning_tokens),
        }
    }

    /// What `later` states, and what only `self` knows: for usage that arrives in several pieces.
    #[must_use]
    pub const fn updated_by(self, later: Self) -> Self {
        const fn pick(old: Option<u64>, new: Option<u64>) -> Option<u64> {
            if new.is_some() { new } else { old }
        }
        Self {
            input_tokens: pick(self.input_tokens, later.input_tokens),
            output_tokens: pick(self.output_tokens, later.output_tokens),
            cached_input_tokens: pick(self.cached_input_tokens, later.cached_input_tokens),
            cache_write_tokens: pick(self.cache_write_tokens, later.cache_write_tokens),
            reasoning_tokens: pick(self.reasoning_tokens, later.reasoning_tokens),
        }
    }
}
