//! Perplexity: answers from the web. Key in `PERPLEXITY_API_KEY`.
//!
//! Chat in one piece and streamed, images, JSON of a schema. There are no tools, no stop texts and no seed; its embeddings
//! come in a form that fits no vector space of others, so there are none here. The conversation is put in the order it
//! wants: what the system says first, then user and assistant in turn. Models that reason write their thoughts in front of
//! the answer; here they are told apart from it.

use backstop_core::ErrorKind::{ModelNotFound, Quota};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Quirks, Takes, Thinking};

/// The name of this kind.
pub const NAME: &str = "perplexity";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "sonar";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.perplexity.ai",
    base_url_variable: Some("PERPLEXITY_BASE_URL"),
    key_variables: &["PERPLEXITY_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    takes: Takes {
        tools: false,
        json: false,
        thinking: Thinking::Unasked,
        stops: 0,
        seed: false,
        stream_usage: false,
        alternation: true,
        ..Takes::COMMON
    },
    gives: Gives { think_tags: true, ..Gives::COMMON },
    errors: Quirks {
        words: &[(&[], &["invalid_model"], ModelNotFound)],
        phrases: &[(&[401], &["quota", "credits"], Quota)],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Perplexity with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
