//! What every provider over HTTP shares: how a request travels, how much of an answer is read, and how a failure is
//! told.
//!
//! [`Transport`] is the only door to the network. Providers build a request, hand it over and read what comes back;
//! tests put a transport of their own in its place and need no socket. Nothing in here knows any provider's wire.

mod account;
mod attempt;
mod base_url;
mod body;
mod client;
mod error_body;
mod frames;
mod headers;
mod hint;
mod json;
mod key;
mod lines;
mod meaning;
mod outgoing;
mod phrases;
mod redact;
mod service;
mod sse;
mod sse_json;
mod stream;
mod strict;
mod texts;
mod thinkers;
mod transport;
mod vectors;
mod words;

pub use client::ReqwestTransport;
pub use transport::{Body, Fault, HttpRequest, HttpResponse, Transport, TransportError};

pub(crate) use account::{Account, CONNECT, Home, KeyHeader, Place, account_setters};
pub(crate) use attempt::{Attempt, Refusal, Source};
pub(crate) use base_url::BaseUrl;
pub(crate) use body::{EMBEDDINGS_MAX, REPLY_MAX, read_error, read_reply};
pub(crate) use error_body::ErrorBody;
pub(crate) use frames::{BadFrame, FRAME_MAX, Frames};
pub(crate) use headers::set;
pub(crate) use hint::{Hint, spoken, wait_in_message, wait_until};
pub(crate) use json::{arguments, from_json};
pub(crate) use key::{Credential, bare, bearer};
pub(crate) use lines::Lines;
pub(crate) use meaning::needed_tokens;
pub(crate) use outgoing::{Link, finite, is_text_only, json_body, unknown};
pub(crate) use redact::Mask;
pub(crate) use service::{Form, Post, Service};
pub(crate) use sse::{SseEvent, SseParser};
pub(crate) use sse_json::SseOrJson;
pub(crate) use stream::Decode;
pub(crate) use strict::{Demands, fitted};
pub(crate) use texts::{Continuation, continuation};
pub(crate) use vectors::checked;
pub(crate) use words::Words;
