//! The vertex provider: where it asks, who it says it is, and what Google's cloud answers that Gemini's own API does not.
//! The wire itself is tested with the kind `gemini`.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod cloud;
mod config;
mod credentials;
mod embeddings;
mod errors;
mod place;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../openai/server.rs"]
mod server;
#[cfg(feature = "rustls")]
mod service_account;
mod sockets;
mod tokens;
