//! The server of llama.cpp, by default the one on this machine, `http://127.0.0.1:8080/v1`.
//!
//! Chat in one piece and streamed, text completion, embeddings (with `--embeddings`); tools, images, JSON, JSON of a schema
//! and reasoning, as far as the model goes. With one model loaded the name of the model says nothing. While it loads, the
//! server is overloaded and asked again soon.
//!
//! It wants a key only if it was started with one: `api_key`, or `LLAMA_API_KEY` for the server on this machine.

use backstop_core::Kind;

use crate::dialect::{self, Dialect, DialectConfig, Takes, Thinking, Words};

/// The name of this kind.
pub const NAME: &str = "llama_cpp";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "http://127.0.0.1:8080/v1",
    key_variables: &["LLAMA_API_KEY"],
    takes: Takes { thinking: Thinking::Template(Words::FROM_LOW), strict: None, ..Takes::COMMON },
    ..Dialect::LOCAL
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// The server at its usual place on this machine, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config() -> DialectConfig {
    DialectConfig::new(&DIALECT, None)
}
