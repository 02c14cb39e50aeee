//! Cerebras: open models, fast. Key in `CEREBRAS_API_KEY`.
//!
//! Chat in one piece and streamed, tools, JSON, JSON of a schema, reasoning, text completion. There are neither images nor
//! embeddings. Streams tell their usage unasked. Limits of a day are quotas, limits of a minute pass.

use backstop_core::ErrorKind::{Auth, Overloaded, Quota};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Limit, Paths, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "cerebras";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.cerebras.ai/v1",
    base_url_variable: Some("CEREBRAS_BASE_URL"),
    key_variables: &["CEREBRAS_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths { embed: None, ..Paths::ALL },
    takes: Takes {
        images: false,
        image_urls: false,
        limit: Limit::MaxCompletionTokens,
        stream_usage: false,
        ..Takes::COMMON
    },
    errors: Quirks {
        words: &[(&[], &["wrong_api_key"], Auth), (&[], &["queue_exceeded"], Overloaded)],
        phrases: &[(&[429], &["high traffic"], Overloaded), (&[429], &["per day", "daily"], Quota)],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Cerebras with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
