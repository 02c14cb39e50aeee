#![doc = include_str!("docs.md")]

mod config;
mod decode;
mod encode;
mod error;
mod provider;
mod wire;

use std::sync::Arc;

use backstop_core::Kind;

pub use config::MistralConfig;
pub use provider::Mistral;

/// The name of this kind.
pub const NAME: &str = "mistral";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "mistral-small-latest";

/// The model to ask for vectors when the user names none.
pub const DEFAULT_EMBEDDER: &str = "mistral-embed";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Mistral::new(MistralConfig::from_settings(settings)?)?)))
        .with_key_envs(config::HOME.key_variables)
        .with_default_model(DEFAULT_MODEL)
        .with_default_embedder(DEFAULT_EMBEDDER)
        .with_options(config::OPTIONS)
}
