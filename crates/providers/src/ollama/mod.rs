#![doc = include_str!("docs.md")]

mod config;
mod decode;
mod encode;
mod error;
mod provider;
mod wire;

use std::sync::Arc;

use backstop_core::{Env, Found, Kind};

pub use config::{OllamaConfig, base_url};
pub use provider::Ollama;

/// The name of this kind.
pub const NAME: &str = "ollama";

/// The model to ask when the user names none: the one Ollama's own first steps install.
pub const DEFAULT_MODEL: &str = "gemma4";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
///
/// It names no variable of a key: a server on this machine wants none, so that a key says nothing of whether one runs.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Ollama::new(OllamaConfig::from_settings(settings)?)?)))
        .with_default_model(DEFAULT_MODEL)
        .with_options(config::OPTIONS)
        .with_find(find)
}

fn find(env: Env) -> Found {
    Box::pin(async move { Ollama::new(OllamaConfig::from_env(&env))?.installed().await })
}
