//! Streams end to end, over real sockets, against servers that fail on purpose.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it stands")]

mod after_content;
mod before_content;
mod blocking;
mod cancel;
mod hedged;
mod scene;
mod slow_reader;
