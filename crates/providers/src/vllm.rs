//! A vLLM server, by default the one on this machine, `http://127.0.0.1:8000/v1`.
//!
//! Chat in one piece and streamed, text completion, embeddings; tools, images, JSON, JSON of a schema and reasoning, as far
//! as the model and the options of the server go. Tools need `--enable-auto-tool-choice` and `--tool-call-parser`.
//!
//! It wants a key only if it was started with one: `api_key`, or `VLLM_API_KEY` for the server on this machine.

use backstop_core::ErrorKind::Server;
use backstop_core::Kind;

use crate::dialect::{self, Dialect, DialectConfig, Gives, Takes, Thinking, Words};

/// The name of this kind.
pub const NAME: &str = "vllm";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "http://127.0.0.1:8000/v1",
    key_variables: &["VLLM_API_KEY"],
    takes: Takes {
        thinking: Thinking::Template(Words::FROM_LOW),
        base64: true,
        strict: None,
        ..Takes::COMMON
    },
    gives: Gives { failures: &[("abort", Server)], ..Gives::COMMON },
    ..Dialect::LOCAL
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// A server at its usual place on this machine, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config() -> DialectConfig {
    DialectConfig::new(&DIALECT, None)
}
