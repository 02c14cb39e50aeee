//! Invariants that need nothing but the actions of one call.

use backstop_core::fallback::{Action, AfterCommit, AttemptId, Call, Event, Hedge, Moment, Outcome};

use super::{Kept, keep};
use crate::world::{Caller, Road};

/// No call makes more attempts, or writes down more than these and its slots.
const ATTEMPTS: u8 = 32;

#[derive(Debug, Default)]
pub(crate) struct Plain {
    starts: u8,
    live: Vec<AttemptId>,
    commits: u8,
    /// Whose content comes: no other may, without a reset.
    speaks: Option<AttemptId>,
    pairs: u8,
    cancelled: bool,
    finished: Option<Outcome>,
    /// A deadline that governs the whole call, if there is one.
    deadline: Option<Moment>,
}

impl Plain {
    pub(crate) fn new(road: &Road, caller: &Caller, now: Moment) -> Self {
        let stated = caller.terms.deadline.or(road.policy.deadline);
        Self { deadline: stated.map(|time| now + time), ..Self::default() }
    }

    /// What the driver is about to tell the call.
    pub(crate) fn event(&mut self, event: Event) -> Kept {
        match event {
            Event::Done(attempt) | Event::Failed(attempt, _) => {
                self.live.retain(|live| *live != attempt);
                if self.speaks == Some(attempt) && matches!(event, Event::Failed(..)) {
                    self.speaks = None;
                }
            }
            Event::Cancelled => self.cancelled = true,
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn action(&mut self, action: Action, event: Event, road: &Road, now: Moment) -> Kept {
        keep!(self.finished.is_none(), "one-finish", "{action:?} after the end");
        match action {
            Action::Start { attempt, .. } => {
                keep!(attempt == AttemptId(self.starts), "attempt-ends-once", "{attempt:?} starts again");
                keep!(self.starts < ATTEMPTS, "bounded-attempts", "{attempt:?} is one too many");
                keep!(!self.cancelled, "nothing-starts-late", "{attempt:?} starts after the caller left");
                let late = self.deadline.is_some_and(|deadline| now >= deadline);
                keep!(!late, "nothing-starts-late", "{attempt:?} starts at {now:?}, after the deadline");
                let restarts = road.policy.after_commit == AfterCommit::Restart;
                keep!(self.commits == 0 || restarts, "commit-is-final", "{attempt:?} starts after a commit");
                keep!(
                    self.speaks.is_none(),
                    "commit-is-final",
                    "{attempt:?} starts beside {:?}",
                    self.speaks
                );
                self.starts += 1;
                self.live.push(attempt);
                self.pairs += u8::from(self.live.len() > 1);
                let hedges = road.policy.hedge_after != Hedge::Off;
                let fits = self.live.len() <= 1 || (self.live.len() == 2 && self.pairs == 1 && hedges);
                keep!(fits, "bounded-hedges", "{:?} live at once, pair {}", self.live, self.pairs);
            }
            Action::Abort(attempt) => {
                let known = self.live.contains(&attempt);
                keep!(known, "attempt-ends-once", "{attempt:?} is not live, and aborted");
                self.live.retain(|live| *live != attempt);
                self.speaks = self.speaks.filter(|speaker| *speaker != attempt);
            }
            Action::Commit { attempt, reset } => {
                keep!(
                    reset == (self.commits > 0),
                    "commit-and-reset",
                    "commit {} with reset: {reset}",
                    self.commits
                );
                let content = event == Event::Content(attempt) || event == Event::Done(attempt);
                keep!(content, "commit-and-reset", "{attempt:?} commits at {event:?}");
                keep!(self.speaks.is_none(), "commit-and-reset", "{:?} has not ended", self.speaks);
                let alone = self.live.iter().all(|live| *live == attempt);
                keep!(alone, "hedge-ends-with-its-winner", "{:?} live at a commit", self.live);
                self.commits = self.commits.saturating_add(1);
                self.speaks = Some(attempt);
            }
            Action::Finish(outcome) => {
                keep!(self.live.is_empty(), "no-live-at-the-end", "{:?} outlive the call", self.live);
                let early = outcome == Outcome::Deadline && self.deadline.is_some_and(|at| now < at);
                keep!(!early, "outcome", "out of time at {now:?}, before {:?}", self.deadline);
                self.finished = Some(outcome);
            }
        }
        Ok(())
    }

    /// After all actions of a step.
    pub(crate) fn rests(&self, call: &Call, event: Event, now: Moment, slots: usize) -> Kept {
        let over = self.finished.is_some();
        keep!(over || event != Event::Cancelled, "one-finish", "the caller left, and the call goes on");
        let timeout = call.poll_timeout();
        keep!(
            over || !self.live.is_empty() || timeout.is_some(),
            "never-dead-air",
            "nothing is live, nothing due"
        );
        keep!(!over || timeout.is_none(), "one-finish", "over, and waits for {timeout:?}");
        let late =
            self.live.is_empty() && timeout.zip(self.deadline).is_some_and(|(at, limit)| at > limit.max(now));
        keep!(!late, "nothing-starts-late", "a wait until {timeout:?} ends after {:?}", self.deadline);
        let rows = usize::from(ATTEMPTS) + slots;
        keep!(call.entries().len() <= rows, "bounded-trail", "{} lines", call.entries().len());
        Ok(())
    }

    /// Content may reach the caller now.
    pub(crate) fn hears(&self, attempt: AttemptId) -> Kept {
        keep!(
            self.speaks == Some(attempt),
            "commit-and-reset",
            "content of {attempt:?} amid {:?}",
            self.speaks
        );
        Ok(())
    }
}
