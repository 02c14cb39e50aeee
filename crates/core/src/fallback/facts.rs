//! What passes in and out of the machine: ids and `Copy` facts, never payloads.

use std::time::Duration;

use super::cooldown::Rested;
use super::ids::{AttemptId, SlotId};
use super::moment::Moment;
use super::policy::Mode;
use crate::error::{ErrorKind, Phase, Scope};
use crate::trail::Verdict;

/// What the machine needs to know of a failure.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What went wrong.
    pub kind: ErrorKind,
    /// How far a timed out attempt had come.
    pub phase: Option<Phase>,
    /// What the failure is about, where that differs from what its kind implies.
    pub scope: Option<Scope>,
    /// The wait the provider stated.
    pub hint: Option<Duration>,
    /// Whether asking the same target again may help.
    pub comeback: bool,
    /// Whether it is a sign of bad health.
    pub counted: bool,
    /// The window the request would have needed.
    pub needed_tokens: Option<u32>,
    /// Whether a refusal names what is wrong with the request. One that does not is nobody's opinion.
    pub recognised: bool,
}

impl Facts {
    /// A failure of this kind about which nothing else is known.
    #[must_use]
    pub const fn new(kind: ErrorKind) -> Self {
        Self {
            kind,
            phase: None,
            scope: None,
            hint: None,
            comeback: true,
            counted: true,
            needed_tokens: None,
            recognised: false,
        }
    }

    /// Adds the wait the provider stated.
    #[must_use]
    pub const fn with_hint(mut self, hint: Duration) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// What happened.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The provider has begun to respond.
    Opened(AttemptId),
    /// It makes progress that the caller does not see: it thinks.
    Progress(AttemptId),
    /// A piece of the answer came.
    Content(AttemptId),
    /// The answer is complete.
    Done(AttemptId),
    /// The attempt failed.
    Failed(AttemptId, Facts),
    /// The caller reads on, or has paused.
    Reading(bool),
    /// The caller left.
    Cancelled,
    /// Time passed. The first one starts the call.
    Tick,
}

/// What to do.
#[expect(
    clippy::exhaustive_enums,
    reason = "a driver must do every action there is: a new one is a breaking change"
)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request to this slot's target.
    Start {
        /// What the events of this attempt are to be called.
        attempt: AttemptId,
        /// Where it goes.
        slot: SlotId,
    },
    /// Drop the attempt: close its connection.
    Abort(AttemptId),
    /// Hand the attempt's stream to the caller from here on.
    Commit {
        /// Whose stream.
        attempt: AttemptId,
        /// Whether what the caller has so far is void.
        reset: bool,
    },
    /// The call is over. It comes once, and last.
    Finish(Outcome),
}

/// How a call ended.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This attempt answered.
    Delivered(AttemptId),
    /// A failure or skip of this kind met a rule that ends the call.
    Stopped(ErrorKind),
    /// Nothing was left to try.
    Exhausted,
    /// The time was used up.
    Deadline,
    /// The answer of this attempt broke off after its commit.
    Interrupted(AttemptId),
    /// The caller left.
    Cancelled,
}

/// Why a call ended without waiting for a target that would have been worth asking.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// Which target.
    pub slot: SlotId,
    /// How long the call would have had to sleep in all.
    pub needed: Duration,
    /// How long it may: its patience. Nothing if it was the deadline that came too soon.
    pub patience: Option<Duration>,
}

/// What a call knows of one slot of its plan before it begins.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// Why the target cannot take this request, if it cannot.
    pub unmet: Option<ErrorKind>,
    /// The model's window, if it is known.
    pub window: Option<u32>,
    /// Whether the model thinks before it answers, and so may take its time.
    pub patient: bool,
    /// Whether it answers in one piece though the call streams: its timers are those of an answer in one piece.
    pub whole: bool,
}

impl Seat {
    /// A target that cannot take this request.
    #[must_use]
    pub fn unmet(kind: ErrorKind) -> Self {
        Self { unmet: Some(kind), ..Self::default() }
    }
}

/// What the caller of this one call states.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How the answer comes.
    pub mode: Mode,
    /// The caller's own deadline, counted from the start; it replaces the route's.
    pub deadline: Option<Duration>,
    /// The caller's own bound on upstream requests; it replaces the route's.
    pub attempts: Option<u8>,
    /// Where jitter and weighted picks come from.
    pub seed: u64,
}

impl Terms {
    /// An answer in one piece, on the route's terms.
    #[must_use]
    pub const fn unary(seed: u64) -> Self {
        Self { mode: Mode::Unary, deadline: None, attempts: None, seed }
    }

    /// An answer in pieces, on the route's terms.
    #[must_use]
    pub const fn stream(seed: u64) -> Self {
        Self { mode: Mode::Stream, deadline: None, attempts: None, seed }
    }
}

/// A line of the machine's own record; the driver joins it with what only it knows.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which target.
    pub slot: SlotId,
    /// Which attempt; `None` is a skip.
    pub attempt: Option<AttemptId>,
    /// What the chain did next; `None` while the attempt is live or its successor undecided.
    pub verdict: Option<Verdict>,
    /// How the attempt failed, or what a skipped target would have met.
    pub kind: Option<ErrorKind>,
    /// How far a timed out attempt had come.
    pub phase: Option<Phase>,
    /// When it was decided.
    pub at: Moment,
    /// What was slept before it.
    pub waited: Duration,
    /// How long it took.
    pub took: Duration,
    /// The rest it caused, or for which it was skipped.
    pub rest: Option<Rested>,
    /// Whether a comeback was left out because the retry budget is empty.
    pub unaffordable: bool,
}
