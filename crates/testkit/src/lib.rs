//! What it takes to test code that uses backstop, or a provider written for it: servers that fail on purpose.
//!
//! Everything here runs on loopback, needs no key, and is bounded, so that a test that goes wrong ends instead of
//! filling the machine. It is meant for `[dev-dependencies]`.

pub mod conformance;
mod fake;
pub mod server;

pub use fake::{FakeProvider, FakeStream, Seen};
