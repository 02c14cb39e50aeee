//! NVIDIA NIM, the hosted one. Key in `NVIDIA_API_KEY` or `NVIDIA_NIM_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, text completion, embeddings. Its models
//! for embeddings tell documents from queries: say which with `input_type`. A NIM of your own is at its `base_url`.

use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Paths, Takes};

/// The name of this kind.
pub const NAME: &str = "nvidia";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "openai/gpt-oss-120b";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://integrate.api.nvidia.com/v1",
    key_variables: &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::ALL,
    takes: Takes { input_types: Some(("passage", "query")), ..Takes::COMMON },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// NVIDIA NIM with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
