//! Real software at the other end: llama.cpp's server, which nobody here has written.
//!
//! `cargo xtask real` installs it and runs these tests.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod chain;
#[cfg(feature = "real_local")]
mod local;
mod peer;
#[cfg(feature = "real_local")]
#[path = "../../../crates/providers/tests/local/random.rs"]
mod random;
mod tiny;
mod wires;
