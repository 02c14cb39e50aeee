#![doc = include_str!("docs.md")]

mod bounds;
mod config;
mod file;
mod gemma3;
mod marks;
mod network;
mod pieces;
mod provider;
mod sandbox;
mod seen;
mod sizes;
mod template;
mod tokens;

use std::sync::Arc;

use backstop_core::Kind;

pub use config::LocalConfig;
pub use provider::Local;

/// The name of this kind.
pub const NAME: &str = "local";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Local::new(LocalConfig::from_settings(&settings)?))))
        .with_options(config::OPTIONS)
}
