//! SambaNova: open models, fast. Key in `SAMBANOVA_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images in base64, JSON, JSON of a schema, reasoning, embeddings.

use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Paths, Takes};

/// The name of this kind.
pub const NAME: &str = "sambanova";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.sambanova.ai/v1",
    key_variables: &["SAMBANOVA_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::CHAT_AND_EMBED,
    takes: Takes { image_urls: false, ..Takes::COMMON },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// SambaNova with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
