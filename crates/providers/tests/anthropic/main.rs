//! The anthropic provider: what it sends, what it makes of what comes back, and what it never shows.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod config;
mod cuts;
mod decode;
mod encode;
mod errors;
mod history;
mod scene;
mod secrets;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../openai/server.rs"]
mod server;
mod sockets;
mod stream;
mod stream_faults;
mod thinking;
#[path = "../common/transport.rs"]
mod transport;
