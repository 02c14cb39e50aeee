//! xAI: Grok. Key in `XAI_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, embeddings. Output tokens are counted
//! without those of thinking; here they are put together, as everywhere else. A wrong key is told as 400, used-up credit as
//! 403 or 429, and an overloaded service may answer a request for a stream with 200 and an error.

use backstop_core::ErrorKind::Overloaded;
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Limit, Paths, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "xai";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "grok-4.3";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.x.ai/v1",
    key_variables: &["XAI_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::CHAT_AND_EMBED,
    takes: Takes { limit: Limit::MaxCompletionTokens, ..Takes::COMMON },
    gives: Gives { reasoning_apart: true, ..Gives::COMMON },
    errors: Quirks {
        // The code is a sentence.
        words: &[(&[], &["The service is currently unavailable"], Overloaded)],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// xAI with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
