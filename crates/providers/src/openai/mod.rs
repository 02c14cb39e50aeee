#![doc = include_str!("docs.md")]

mod config;
mod decode;
mod encode;
mod error;
mod provider;
mod stream;
mod wire;

use std::sync::Arc;

use backstop_core::ErrorKind::{Forbidden, Timeout, Unsupported};
use backstop_core::{Kind, KindOption, Shape};

use crate::dialect::{
    Dialect, HEADERS, HeaderOption, Limit, Paths, Quirks, STREAM_USAGE, Takes, Thinking, Words,
};
use crate::http::Demands;

pub use config::OpenAiConfig;
pub use provider::OpenAi;

/// The name of this kind.
pub const NAME: &str = "openai";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "gpt-6-luna";

/// The model to ask for vectors when the user names none.
pub const DEFAULT_EMBEDDER: &str = "text-embedding-3-small";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.openai.com/v1",
    base_url_variable: Some("OPENAI_BASE_URL"),
    key_variables: &["OPENAI_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::ALL,
    options: &[
        KindOption::new("organization", Shape::Text, "Bills this organization; else OPENAI_ORG_ID."),
        KindOption::new("project", Shape::Text, "Bills this project; else OPENAI_PROJECT_ID."),
        HEADERS,
        STREAM_USAGE,
        KindOption::new(
            "api",
            Shape::Text,
            "What chats go over: \"chat_completions\", which is the default, or \"responses\".",
        ),
    ],
    headers: &[
        HeaderOption { option: "organization", header: ORGANIZATION, variable: Some("OPENAI_ORG_ID") },
        HeaderOption { option: "project", header: PROJECT, variable: Some("OPENAI_PROJECT_ID") },
    ],
    takes: Takes {
        argument_objects: false,
        files: true,
        limit: Limit::MaxCompletionTokens,
        thinking: Thinking::Effort(Words::ALL),
        suffix: true,
        base64: true,
        embed_batch: Some(2048),
        embed_tokens: Some(300_000),
        strict: STRICT,
        ..Takes::COMMON
    },
    errors: Quirks {
        words: &[(&[], &["data_residency_mismatch"], Forbidden), (&[], &["vector_store_timeout"], Timeout)],
        // Some models have tools, or are there at all, in the Responses API only.
        phrases: &[(&[400, 404], &["v1/responses", "not a chat model"], Unsupported)],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// What a schema has to be like to be enforced, in both of its APIs.
const STRICT: Option<Demands> = Some(Demands::WHOLE_LIMITED);

const ORGANIZATION: &str = "openai-organization";
const PROJECT: &str = "openai-project";

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(OpenAi::new(OpenAiConfig::from_settings(settings)?)?)))
        .with_key_envs(DIALECT.key_variables)
        .with_default_model(DEFAULT_MODEL)
        .with_default_embedder(DEFAULT_EMBEDDER)
        .with_options(DIALECT.options)
}
