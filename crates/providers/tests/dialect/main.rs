//! The kinds that speak the wire of chat completions in their own ways: what each sends, and what it makes of answers.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod capabilities;
mod completions;
mod cuts;
mod decode;
mod embeddings;
mod encode;
mod errors;
mod gateways;
mod history;
mod kinds;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../openai/server.rs"]
mod server;
mod sockets;
mod speaker;
mod stream;
#[path = "../common/transport.rs"]
mod transport;
