//! Providers that fail on purpose, on loopback, over real sockets.
//!
//! Two servers, because two kinds of failure exist:
//!
//! * [`FailingServer`] answers well-formed HTTP that says no: rate limits, bad keys, filtered replies, HTML where JSON
//!   belongs. It plays [`Recipe`]s, which spell the OpenAI wire, and stands on wiremock.
//! * [`RawServer`] breaks HTTP itself: resets, cut bodies, stalls, endless lines, bytes one at a time. It plays
//!   [`Script`]s made of [`Step`]s on plain sockets, and knows when the client has hung up.
//!
//! A [`Recipe`] is also a [`Script`], so one server can cut the first reply short and answer the second:
//!
//! ```
//! use backstop_testkit::server::{RawServer, Recipe, Script};
//!
//! let server = RawServer::start([Script::cut_body("{\"id\":\"chatcmpl-1\"}", 5), Recipe::healthy("Hello.").into()]);
//! assert!(server.uri().starts_with("http://127.0.0.1:"));
//! assert_eq!(server.hits(), 0);
//! ```
//!
//! Both servers run on a thread of their own: they serve blocking and async callers alike, keep real time while a test
//! has tokio's clock paused, and stop when dropped.

mod connection;
mod failing;
pub mod openai;
mod raw;
mod recipe;
mod record;
mod request;
mod script;
mod sse;

pub use failing::FailingServer;
pub use raw::{RawServer, refused_url};
pub use recipe::{Recipe, RetryHint};
pub use request::SeenRequest;
pub use script::{ENDLESS_CAP, Script, Step};
pub use sse::{SseEnding, SseEvent};
