//! LM Studio's server, by default the one on this machine, `http://127.0.0.1:1234/v1`.
//!
//! Chat in one piece and streamed, text completion, embeddings; tools, images in base64, JSON of a schema (none without one)
//! and reasoning, as far as the model goes. A model that is not loaded is loaded by the first request.
//!
//! It wants a key only if it was told to: `api_key`, or `LM_STUDIO_API_KEY` for the server on this machine.

use backstop_core::ErrorKind::ModelNotFound;
use backstop_core::Kind;

use crate::dialect::{self, Dialect, DialectConfig, Quirks, Takes};

/// The name of this kind.
pub const NAME: &str = "lmstudio";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "http://127.0.0.1:1234/v1",
    key_variables: &["LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY"],
    takes: Takes { image_urls: false, json: false, strict: None, ..Takes::COMMON },
    errors: Quirks {
        phrases: &[
            (&[400, 404], &["no models loaded"], ModelNotFound),
            // Any path at all is answered with 200.
            (&[200], &["unexpected endpoint"], ModelNotFound),
        ],
        ..Quirks::NONE
    },
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
