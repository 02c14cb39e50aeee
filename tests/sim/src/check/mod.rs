//! The invariants, asserted after every step by code that shares none of the machine's.
//!
//! [`Plain`](plain::Plain) looks at the actions alone. [`Story`](story::Story) tells the call a second time from the
//! design's rules and compares, and [`Health`](health::Health) does so for the fleet.

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

pub(crate) type Kept<T = ()> = Result<T, Broken>;

macro_rules! keep {
    ($condition:expr, $invariant:expr, $($detail:tt)+) => {
        if !$condition {
            return Err($crate::check::Broken { invariant: $invariant, detail: format!($($detail)+) });
        }
    };
}
pub(crate) use keep;
