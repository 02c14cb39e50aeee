//! The failing servers, seen by a client that knows nothing but TCP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod client;
mod openai;
mod raw;
mod recipes;
