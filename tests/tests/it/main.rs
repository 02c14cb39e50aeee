//! One call, from the caller through the machine to servers that fail on purpose, and back: every test is a sentence.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod blocking;
mod cancel;
mod completions;
mod embeddings;
mod five;
mod health;
mod input;
mod kinds;
mod logs;
mod routes;
mod secrets;
mod times;
