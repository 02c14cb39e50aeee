//! The wire of chat completions, which many services and servers speak, each in its own way.
//!
//! What is special about one of them is data. Its module holds that, and begins a [`DialectConfig`] for a
//! [`DialectProvider`]; a route in a config file needs neither.

mod base64;
mod calls;
mod chat_stream;
mod completion;
mod config;
mod content;
mod decode;
#[expect(clippy::module_inception, reason = "the data that gives the folder its name")]
mod dialect;
mod embedding;
mod encode;
mod error;
mod provider;
mod resent;
mod think;
mod turns;
mod wire;

use std::sync::Arc;

use backstop_core::Kind;

pub use config::DialectConfig;
pub use provider::DialectProvider;

pub(crate) use calls::{CallIds, json_text};
pub(crate) use dialect::{
    Dialect, Gives, HEADERS, HeaderOption, Limit, Paths, Quirks, Resent, STREAM_USAGE, Takes, Thinking, Words,
};
pub(crate) use encode::{is_text_only, number, unknown, written};
pub(crate) use error::{in_reply, within_reply};
pub(crate) use wire::Link;

/// The kind of a dialect.
pub(crate) fn kind(dialect: &'static Dialect) -> Kind {
    let kind = Kind::new(dialect.name, move |settings| {
        let config = DialectConfig::from_settings(dialect, &settings)?;
        Ok(Arc::new(DialectProvider::new(config)?))
    });
    let kind = kind.with_key_envs(dialect.key_variables).with_options(dialect.options);
    match dialect.default_model {
        Some(model) => kind.with_default_model(model),
        None => kind,
    }
}
