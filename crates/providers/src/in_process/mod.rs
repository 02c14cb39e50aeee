//! What providers that run their model in this process share: threads to run it on, the loop that writes an answer
//! token by token, and how what it writes becomes a reply or a stream.
//!
//! Nothing in here knows any model. A provider brings a [`Session`]; [`Workers`] run it off the async threads, and
//! whoever drops the [`Writing`] stops it before its next token. Whoever keeps it and stops reading holds up nobody:
//! the answer is written to its end, and waits. It is at most as long as the model's window.

mod channel;
mod forms;
mod generate;
mod gguf;
mod merge;
mod reply;
mod sample;
mod text;
mod workers;

pub(crate) use generate::{Session, Wanted, bare, too_long};
pub(crate) use gguf::{Damaged, Gguf, Single, Unread};
pub(crate) use merge::merge;
pub(crate) use reply::Writing;
pub(crate) use workers::Workers;
