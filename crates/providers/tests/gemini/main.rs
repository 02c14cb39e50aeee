//! The gemini provider, and with it the wire of generateContent: what is sent, what is made of what comes back, and what
//! is never shown.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod asked;
mod config;
mod cuts;
mod decode;
mod embeddings;
mod encode;
mod errors;
mod history;
mod seals;
mod secrets;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../openai/server.rs"]
mod server;
mod sockets;
mod stream;
#[path = "../common/transport.rs"]
mod transport;
