#![doc = include_str!("docs.md")]

mod config;
mod decode;
mod embed;
mod encode;
mod error;
mod frames;
mod history;
mod model;
mod place;
mod provider;
mod sign;
mod stream;
mod thinking;
mod wire;

use std::sync::Arc;

use backstop_core::Kind;

pub use config::BedrockConfig;
pub use provider::Bedrock;

/// The name of this kind.
pub const NAME: &str = "bedrock";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own. It has no default model: which ones there are
/// depends on the account and the region.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Bedrock::new(BedrockConfig::from_settings(settings)?)?)))
        .with_key_envs(config::KEY_VARIABLES)
        .with_options(config::OPTIONS)
}
