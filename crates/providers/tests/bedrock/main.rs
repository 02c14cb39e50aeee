//! The bedrock provider: what it sends, what it makes of what comes back, and what it never shows.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

#[path = "../common/natives/mod.rs"]
mod common;
mod config;
mod decode;
mod embed;
mod encode;
mod errors;
mod history;
mod scene;
mod secrets;
mod sockets;
mod stream;
