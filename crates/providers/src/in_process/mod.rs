//! What providers that run their model in this process share: threads to run it on, the loop that writes an answer
//! token by token, and how what it writes becomes a reply or a stream.
//!
//! Nothing in here knows any model. A provider brings a [`Session`]; [`Workers`] run it off the async threads, and
//! whoever drops the [`Writing`] stops it before its next token.

mod channel;
mod generate;
mod reply;
mod sample;
mod text;
mod workers;

pub(crate) use generate::{Session, Wanted, bare, too_long};
pub(crate) use reply::Writing;
pub(crate) use workers::Workers;
