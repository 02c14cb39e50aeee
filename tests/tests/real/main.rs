//! Real software at the other end: llama.cpp's server, which nobody here has written.
//!
//! `cargo xtask real` installs it and runs these tests.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod chain;
mod peer;
mod tiny;
