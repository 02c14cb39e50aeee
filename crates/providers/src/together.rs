//! Together AI: open models. Key in `TOGETHER_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, text completion, embeddings. Streams
//! tell their usage unasked. That a request is too long for the window is told as 403.

use backstop_core::ErrorKind::{ContextLength, Overloaded};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Paths, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "together";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "openai/gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.together.ai/v1",
    base_url_variable: Some("TOGETHER_BASE_URL"),
    key_variables: &["TOGETHER_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::ALL,
    takes: Takes { parallel_tool_calls: false, stream_usage: false, ..Takes::COMMON },
    gives: Gives { stops: &["eos"], ..Gives::COMMON },
    errors: Quirks {
        words: &[(&[], &["dynamic_request_limited", "dynamic_token_limited"], Overloaded)],
        phrases: &[
            // Under this status it has been the length, and everything else that 403 means.
            (&[403], &["too long", "max_tokens", "max_new_tokens", "context length"], ContextLength),
            (&[429], &["dynamic_request_limited", "dynamic_token_limited"], Overloaded),
        ],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Together AI with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
