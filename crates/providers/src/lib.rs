//! The providers of backstop: one module per service, each behind a feature of its name.
//!
//! | feature | module | what it asks |
//! |---|---|---|
//! | `cohere` | `cohere` | Cohere |
//! | `mistral` | `mistral` | Mistral |
//! | `ollama` | `ollama` | an Ollama server, on this machine or elsewhere |
//! | `openai` | `openai` | OpenAI, and any server that speaks its wire |
//!
//! | feature | what it adds |
//! |---|---|
//! | `rustls` | `https` base URLs |
//! | `http` | what providers over HTTP share; they switch it on by themselves |
//!
//! Without `rustls` only `http` base URLs work, as those of servers on this machine.
//!
//! [`registry`] holds every kind that is compiled in. Nothing registers itself: what a program uses is what it passed
//! on.
//!
//! ```
//! let registry = backstop_providers::registry();
//! for kind in backstop_providers::kinds() {
//!     assert!(registry.kind(kind.name).is_some());
//! }
//! ```

#[cfg(feature = "cohere")]
pub mod cohere;
#[cfg(feature = "http")]
#[allow(dead_code, unused_imports, reason = "each provider uses its part of what they share")]
pub mod http;
#[cfg(feature = "mistral")]
pub mod mistral;
#[cfg(feature = "ollama")]
pub mod ollama;
#[cfg(feature = "openai")]
pub mod openai;
#[allow(dead_code, reason = "each provider has its own options")]
mod options;

use backstop_core::{Kind, Registry};

/// Every kind there is, compiled in or not. Each is a feature of this name.
pub const KNOWN_KINDS: &[&str] = &["cohere", "mistral", "ollama", "openai"];

/// The kinds that are compiled in, in the order of [`KNOWN_KINDS`]: name, variable of the key, default model,
/// settings, and how to build one.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    vec![
        #[cfg(feature = "cohere")]
        cohere::kind(),
        #[cfg(feature = "mistral")]
        mistral::kind(),
        #[cfg(feature = "ollama")]
        ollama::kind(),
        #[cfg(feature = "openai")]
        openai::kind(),
    ]
}

/// A registry of the kinds that are compiled in.
#[must_use]
pub fn registry() -> Registry {
    kinds().into_iter().fold(Registry::default().with_known(KNOWN_KINDS), Registry::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiled_kind_is_a_known_one_in_that_order() {
        let places: Vec<_> = kinds()
            .iter()
            .map(|kind| KNOWN_KINDS.iter().position(|name| *name == kind.name).expect("known"))
            .collect();
        assert!(places.is_sorted());
        assert_eq!(registry().kinds().count(), places.len());
    }
}
