//! The fallback machine: what happened goes in, what to do next comes out.
//!
//! Two pure state machines. [`Call`] is one request's journey; [`Fleet`] is the shared health of all targets. Neither
//! reads a clock, sleeps, draws a random number or sees a payload: time is an argument ([`Moment`]), randomness is a
//! seed, and all that passes in and out is ids and `Copy` facts. The same events at the same moments give the same
//! actions, so every trace can be replayed, and none holds a prompt.
//!
//! # The contract of a driver
//!
//! 1. Make a [`Call`], give it [`Event::Tick`].
//! 2. After every event, drain [`Call::poll`] until it returns `None`, and do what each [`Action`] says.
//! 3. Wait for whatever comes first: something an attempt does, or [`Call::poll_timeout`]. Tell the call. Early and
//!    needless ticks are harmless.
//! 4. Stop at [`Action::Finish`]. A driver that leaves before says [`Event::Cancelled`], so that leases return.
//!
//! Moments must not go backwards within one fleet.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use backstop_core::ErrorKind;
//! use backstop_core::fallback::*;
//!
//! let mut fleet = Fleet::default();
//! let (first, second) = (fleet.add_provider(), fleet.add_provider());
//! let plan = Plan::new(
//!     fleet.add_route(),
//!     Policy::default(),
//!     vec![Slot::new(fleet.add_target(first), first), Slot::new(fleet.add_target(second), second)],
//! ).unwrap();
//!
//! let now = Moment::ORIGIN;
//! let mut call = Call::new(Arc::new(plan), vec![Seat::default(); 2], Terms::unary(7), now);
//! call.on(Event::Tick, now, &mut fleet);
//! let Some(Action::Start { attempt, slot }) = call.poll() else { panic!() };
//! assert_eq!(slot, SlotId(0));
//!
//! let later = now + Duration::from_millis(40);
//! call.on(Event::Failed(attempt, Facts::new(ErrorKind::Server)), later, &mut fleet);
//! let Some(Action::Start { attempt, slot }) = call.poll() else { panic!() };
//! assert_eq!(slot, SlotId(1));
//!
//! call.on(Event::Done(attempt), later, &mut fleet);
//! assert!(matches!(call.poll(), Some(Action::Finish(Outcome::Delivered(_)))));
//! ```

mod budget;
mod call;
mod cooldown;
mod facts;
mod fleet;
mod ids;
mod jitter;
mod moment;
mod plan;
mod policy;

pub use call::Call;
pub use cooldown::{Rest, Rested};
pub use facts::{Action, Entry, Event, Facts, Outcome, Seat, Short, Terms};
pub use fleet::{Ended, Fleet, Permit, Standing};
pub use ids::{AttemptId, ProviderId, RouteId, SlotId, TargetId};
pub use moment::Moment;
pub use plan::{Pick, Plan, PlanError, PlanStep, Rule, Slot};
pub use policy::{AfterCommit, AllCooling, Hedge, Mode, Policy, Times, Unary};
