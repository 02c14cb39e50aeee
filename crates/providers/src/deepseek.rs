//! DeepSeek. Key in `DEEPSEEK_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images by models that see, JSON (the word must be in the prompt; no schema),
//! reasoning that can be switched on and off, and text completion with a suffix, under `/beta`. There are no embeddings.
//!
//! The seed is not sent, since it would be ignored. After a call of tools a thinking model wants its thoughts back: they
//! travel as sealed parts of the answer; calls that somebody else made go with blank ones.
//!
//! While there is no room the connection is kept open with blank lines, for up to ten minutes: `first_content` ends that.

use backstop_core::ErrorKind::Overloaded;
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Gives, Paths, Resent, Takes, Thinking, Words};

/// The name of this kind.
pub const NAME: &str = "deepseek";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "deepseek-flash";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.deepseek.com",
    key_variables: &["DEEPSEEK_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths { complete: Some("/beta/completions"), ..Paths::CHAT },
    takes: Takes {
        strict_tools: false,
        parallel_tool_calls: false,
        json_schema: false,
        thinking: Thinking::Switch(Words::FROM_LOW),
        stops: 16,
        seed: false,
        resent: Resent::Thoughts,
        suffix: true,
        ..Takes::COMMON
    },
    gives: Gives { failures: &[("insufficient_system_resource", Overloaded)], ..Gives::COMMON },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// DeepSeek with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
