#![doc = include_str!("docs.md")]

mod config;
mod gguf;
mod model;
mod prompt;
mod provider;
mod tokens;

use std::sync::Arc;

use backstop_core::Kind;

pub use provider::Tiny;

/// The name of this kind.
pub const NAME: &str = "tiny";

/// Its only model.
pub const DEFAULT_MODEL: &str = "guide";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Tiny::default().with_name(config::name(settings)?))))
        .with_default_model(DEFAULT_MODEL)
        .with_last_resort()
}
