#![doc = include_str!("../README.md")]

mod answer;
mod builder;
mod client;
mod collected;
mod driver;
mod guard;
mod observe;
mod operation;
mod report;
mod spaces;
mod split;
mod stream;
mod wiring;

pub mod blocking;

pub use answer::Answer;
pub use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Message};
pub use backstop_core::{
    Ask, Capabilities, Error, ErrorKind, Provider, Secret, Step, Trail, Usage, Verdict, async_trait,
};
pub use builder::BackstopBuilder;
pub use client::{Backstop, RouteReport, TargetReport};
pub use observe::Observer;
pub use stream::{AnswerStream, StreamEvent};

/// Everything of the core: request types, routes, the machine.
pub use backstop_core as core;

/// The providers that are compiled in.
pub use backstop_providers as providers;
