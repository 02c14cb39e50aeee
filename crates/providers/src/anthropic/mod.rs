#![doc = include_str!("docs.md")]

mod calls;
mod config;
mod decode;
mod encode;
mod error;
mod provider;
mod sealed;
mod stream;
mod thinking;
mod turns;
mod wire;

use std::sync::Arc;

use backstop_core::Kind;

pub use config::AnthropicConfig;
pub use provider::Anthropic;

/// The name of this kind.
pub const NAME: &str = "anthropic";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "claude-haiku-5-5";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Anthropic::new(AnthropicConfig::from_settings(settings)?)?)))
        .with_key_envs(&["ANTHROPIC_API_KEY", config::TOKEN_VARIABLE])
        .with_default_model(DEFAULT_MODEL)
        .with_options(config::OPTIONS)
}
