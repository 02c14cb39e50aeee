//! Groq: open models, fast. Key in `GROQ_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON and, by some models, JSON of a schema, reasoning, embeddings. A model
//! that writes a broken tool call is told as a failure of the server (400 `tool_use_failed`). A request that is larger than
//! the limit per minute (413) is a rate limit that never lets it pass.

use backstop_core::ErrorKind::{ModelNotFound, Overloaded, Server};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Limit, Paths, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "groq";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "openai/gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.groq.com/openai/v1",
    base_url_variable: Some("GROQ_BASE_URL"),
    key_variables: &["GROQ_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::CHAT_AND_EMBED,
    takes: Takes { limit: Limit::MaxCompletionTokens, ..Takes::COMMON },
    errors: Quirks {
        words: &[
            (&[], &["model_decommissioned"], ModelNotFound),
            // What the model wrote, not what it was asked.
            (&[], &["tool_use_failed", "json_validate_failed"], Server),
            (&[], &["capacity_exceeded"], Overloaded),
        ],
        // The tier for what can wait has no room.
        statuses: &[(498, Overloaded)],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Groq with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
