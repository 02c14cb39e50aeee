//! The openai provider: what it sends, what it makes of what comes back, and what it never shows.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod config;
mod cuts;
mod decode;
mod encode;
mod errors;
mod fake;
mod operations;
mod responses;
mod responses_stream;
mod secrets;
mod server;
mod sockets;
mod stream;
mod stream_faults;
mod streamed;
#[path = "../common/transport.rs"]
mod transport;
