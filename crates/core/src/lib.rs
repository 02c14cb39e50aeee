//! The core of backstop: what is asked and answered, how it can fail, and the machine that decides what comes next.
//!
//! Depend on this crate alone to write a [`Provider`]; depend on `backstop` to call models.
//!
//! **Invariant:** nothing here does I/O, reads a clock, sleeps, or draws a random number. No tokio, no reqwest.

pub mod chat;
pub mod completion;
pub mod embedding;
pub mod fallback;
pub mod route;

mod capability;
mod error;
mod provider;
mod registry;
mod secret;
mod target;
mod trail;
mod usage;

pub use async_trait::async_trait;
pub use capability::{Capabilities, Needs, Operation, Unmet};
pub use error::{Cools, Error, ErrorKind, MoveOn, Partial, Phase, Reaction, Scope};
pub use provider::{Ask, ChatStream, CompletionStream, Provider};
pub use registry::{Build, Env, Find, Found, Kind, KindOption, Registry, Settings, Shape};
pub use secret::Secret;
pub use target::{Overrides, TargetName, TargetNameError};
pub use trail::{Step, Trail, Verdict, human};
pub use usage::Usage;
