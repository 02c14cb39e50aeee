//! Fireworks AI: open models, named `accounts/fireworks/models/…`. Key in `FIREWORKS_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, text completion, embeddings. Streams
//! tell their usage unasked. An account that is suspended for its bills is told as 412. A model that has been scaled to
//! nothing answers 503 until it has started.

use backstop_core::ErrorKind::{Quota, Server};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Paths, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "fireworks";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "accounts/fireworks/models/gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.fireworks.ai/inference/v1",
    base_url_variable: Some("FIREWORKS_BASE_URL"),
    key_variables: &["FIREWORKS_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::ALL,
    takes: Takes { stream_usage: false, ..Takes::COMMON },
    gives: Gives { failures: &[("error", Server)], ..Gives::COMMON },
    errors: Quirks { phrases: &[(&[412], &["lora"], Server)], statuses: &[(412, Quota)], ..Quirks::NONE },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Fireworks AI with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
