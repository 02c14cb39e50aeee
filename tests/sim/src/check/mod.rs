//! The invariants, asserted after every step by code that shares none of the machine's.
//!
//! [`Plain`](plain::Plain) looks at the actions alone. [`Story`](story::Story) tells the call a second time from the
//! design's rules and compares, and [`Health`](health::Health) does so for the fleet.

use std::any::Any;

mod area;
mod choice;
mod failure;
pub(crate) mod health;
pub(crate) mod plain;
pub(crate) mod story;
mod times;

/// A broken invariant.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) detail: String,
}

impl Broken {
    /// The machine must not panic; this one did.
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Self {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        Self { invariant: "no-panic", detail: said.unwrap_or("a panic without words").to_owned() }
    }
}

pub(crate) type Kept<T = ()> = Result<T, Broken>;

macro_rules! keep {
    ($condition:expr, $invariant:expr, $($detail:tt)+) => {
        if !$condition {
            return Err($crate::check::Broken { invariant: $invariant, detail: format!($($detail)+) });
        }
    };
}
pub(crate) use keep;
