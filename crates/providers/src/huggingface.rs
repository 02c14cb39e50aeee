//! The router of Hugging Face: many services behind one token, in `HF_TOKEN`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, as far as the service behind it goes.
//! A model may name that service: `openai/gpt-oss-120b:groq`. Since the token is there for downloads, too, no model is asked
//! unless it is named.

use backstop_core::ErrorKind::ModelNotFound;
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Quirks};

/// The name of this kind.
pub const NAME: &str = "huggingface";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://router.huggingface.co/v1",
    key_variables: &["HF_TOKEN"],
    gives: Gives { stops: &["eos_token", "stop_sequence"], ..Gives::COMMON },
    errors: Quirks { words: &[(&[], &["model_not_supported"], ModelNotFound)], ..Quirks::NONE },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// The router with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
