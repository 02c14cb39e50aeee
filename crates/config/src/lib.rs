//! The config file of backstop: from TOML to routes and provider settings, with errors that show the line.
//!
//! [`Config::parse`] takes the text of a file, the kinds of provider a program has (a [`Registry`]) and its variables
//! (an [`Env`]); it does no I/O and builds no provider. What the file may hold is described once, as a value, from
//! which come the checks, the nearest valid names, the [JSON Schema](json_schema) for editors and the
//! [reference page](reference_page).
//!
//! No key, header or prompt of a file ever reaches a message: a value is hidden unless its place in the format says
//! that it is harmless. Of a line that is no TOML those words are shown that could be none of these.
//!
//! [`Registry`]: backstop_core::Registry
//! [`Env`]: backstop_core::Env

mod abroad;
mod config;
mod duration;
mod form;
mod found;
mod harmless;
mod json;
mod near;
mod page;
mod problem;
mod providers;
mod read;
mod report;
mod routes;
mod scalar;
mod schema;
mod show;
mod source;
mod syntax;
mod vars;

pub use config::Config;
pub use duration::parse_duration;
pub use json::json_schema;
pub use page::reference_page;
pub use problem::{Problem, Problems};
pub use providers::ProviderSetup;
