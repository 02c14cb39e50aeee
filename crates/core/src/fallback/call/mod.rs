//! One request's journey.

#![expect(
    clippy::indexing_slicing,
    reason = "slots are checked by the plan, entries are indexed as they are made"
)]

mod choose;
mod failure;
mod hedge;
mod record;
mod timing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use self::choose::Choice;
use super::cooldown::Rested;
use super::facts::{Action, Entry, Event, Outcome, Seat, Short, Terms};
use super::fleet::{Ended, Fleet, Permit, Standing};
use super::ids::{AttemptId, ProviderId, SlotId};
use super::jitter::roll;
use super::moment::Moment;
use super::plan::Plan;
use super::policy::{ATTEMPTS_MAX, Mode};
use crate::error::ErrorKind;
use crate::trail::Verdict;

/// One request's journey down a plan. See the [module](super) for how it is driven.
#[derive(Debug)]
pub struct Call {
    plan: Arc<Plan>,
    seats: Vec<Seat>,
    terms: Terms,
    clock: timing::Clock,
    /// What may still be tried, in order; those tried are masked out.
    list: Vec<SlotId>,
    tried: u64,
    /// Which slots have their skip on record.
    skipped: u64,
    comebacks: Vec<Comeback>,
    comebacks_used: u8,
    live: Vec<Live>,
    hedged: bool,
    committed: Option<AttemptId>,
    /// The attempt whose content the caller has, live or not.
    delivered: Option<AttemptId>,
    attempts: u8,
    /// Windows smaller than this are known to be too small.
    window_needed: u32,
    refused_by: Vec<ProviderId>,
    closed: Vec<ProviderId>,
    /// What has been slept and is being slept, jitter left out.
    slept: Duration,
    sleep: Option<Sleep>,
    /// What was slept since the last attempt.
    waited: Duration,
    /// Since when the caller does not read.
    paused: Option<Moment>,
    /// When a target said it is worth asking again.
    stated: Vec<(SlotId, Moment)>,
    entries: Vec<Entry>,
    /// The failed attempt whose successor is not decided.
    undecided: Option<usize>,
    actions: VecDeque<Action>,
    outcome: Option<Outcome>,
    short: Option<Short>,
}

/// A second try that a failure has left open.
#[derive(Copy, Clone, Debug)]
struct Comeback {
    slot: SlotId,
    /// Not before.
    from: Moment,
    /// Jitter is drawn up to this.
    spread: Duration,
    invited: bool,
}

#[derive(Copy, Clone, Debug)]
struct Sleep {
    since: Moment,
    until: Moment,
}

#[derive(Debug)]
struct Live {
    id: AttemptId,
    slot: SlotId,
    permit: Permit,
    entry: usize,
    begun: Moment,
    stage: Stage,
    timers: timing::Timers,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Stage {
    Sent,
    Opened,
    Flowing,
}

impl Call {
    /// A call at its beginning; the first [`Event::Tick`] starts it. There is one seat for every slot of the plan.
    #[must_use]
    pub fn new(plan: Arc<Plan>, mut seats: Vec<Seat>, terms: Terms, now: Moment) -> Self {
        seats.resize(plan.slots.len(), Seat::default());
        let list = plan.list(roll(terms.seed, 1));
        let clock = timing::Clock::new(plan.policy(), &terms, now);
        Self {
            plan,
            seats,
            terms,
            clock,
            list,
            tried: 0,
            skipped: 0,
            comebacks: Vec::new(),
            comebacks_used: 0,
            live: Vec::with_capacity(2),
            hedged: false,
            committed: None,
            delivered: None,
            attempts: 0,
            window_needed: 0,
            refused_by: Vec::new(),
            closed: Vec::new(),
            slept: Duration::ZERO,
            sleep: None,
            waited: Duration::ZERO,
            paused: None,
            stated: Vec::new(),
            entries: Vec::with_capacity(4),
            undecided: None,
            actions: VecDeque::with_capacity(4),
            outcome: None,
            short: None,
        }
    }

    /// Tells the call what happened. Events of attempts that are no longer live are ignored.
    pub fn on(&mut self, event: Event, now: Moment, fleet: &mut Fleet) {
        debug_assert!(self.actions.is_empty(), "drain the actions before the next event");
        if self.outcome.is_some() {
            return;
        }
        match event {
            Event::Opened(attempt) => {
                if let Some(live) = self.live_mut(attempt)
                    && live.stage == Stage::Sent
                {
                    live.stage = Stage::Opened;
                    fleet.connected(&mut live.permit);
                }
            }
            Event::Progress(attempt) => self.progress(attempt, now, fleet),
            Event::Content(attempt) => self.content(attempt, now, fleet),
            Event::Done(attempt) => self.done(attempt, now, fleet),
            Event::Failed(attempt, facts) => {
                if let Some(live) = self.take(attempt) {
                    self.failed(live, facts, now, fleet);
                }
            }
            Event::Reading(reading) => self.reading(reading, now),
            Event::Cancelled => {
                self.abort_all(Verdict::Cancelled, now, fleet);
                self.finish(Outcome::Cancelled);
            }
            Event::Tick => self.tick(now, fleet),
        }
    }

    /// What to do next; `None` until something else happens.
    #[must_use]
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The record so far, in the order of decision.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How the call ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// What the call would have had to wait for, if it ended for want of patience or time.
    #[must_use]
    pub fn short(&self) -> Option<Short> {
        self.short
    }

    fn live_mut(&mut self, attempt: AttemptId) -> Option<&mut Live> {
        self.live.iter_mut().find(|live| live.id == attempt)
    }

    fn take(&mut self, attempt: AttemptId) -> Option<Live> {
        let at = self.live.iter().position(|live| live.id == attempt)?;
        Some(self.live.remove(at))
    }

    fn progress(&mut self, attempt: AttemptId, now: Moment, fleet: &mut Fleet) {
        let idle = self.idle_of(attempt);
        if let (Some(live), Some(idle)) = (self.live_mut(attempt), idle) {
            if live.stage != Stage::Flowing {
                fleet.connected(&mut live.permit);
                fleet.took(&live.permit, Mode::Stream, now - live.begun);
            }
            live.stage = Stage::Flowing;
            live.timers.flows(idle, now);
        }
    }

    fn content(&mut self, attempt: AttemptId, now: Moment, fleet: &mut Fleet) {
        self.progress(attempt, now, fleet);
        let Some(live) = self.live_mut(attempt) else { return };
        live.timers.commit();
        fleet.begun(&mut live.permit);
        if self.committed == Some(attempt) {
            return;
        }
        let reset = self.delivered.is_some();
        (self.committed, self.delivered) = (Some(attempt), Some(attempt));
        self.clock.commit();
        self.abort_losers(attempt, now, fleet);
        self.actions.push_back(Action::Commit { attempt, reset });
    }

    fn done(&mut self, attempt: AttemptId, now: Moment, fleet: &mut Fleet) {
        let Some(live) = self.take(attempt) else { return };
        self.record_end(&live, None, now);
        self.entries[live.entry].verdict = Some(Verdict::Delivered);
        if live.stage != Stage::Flowing {
            fleet.took(&live.permit, self.mode_of(live.slot), now - live.begun);
        }
        self.settle(live, Ended::Done, now, fleet);
        fleet.reward(self.plan.route, now);
        self.abort_losers(attempt, now, fleet);
        if self.terms.mode == Mode::Stream && self.committed != Some(attempt) {
            // An answer without content is an answer where that is legitimate; what came before it is void.
            self.actions.push_back(Action::Commit { attempt, reset: self.delivered.is_some() });
        }
        self.finish(Outcome::Delivered(attempt));
    }

    /// Whether the slot may be asked in this call at all: it can do what is asked, its window is not known too small.
    fn obstacle(&self, slot: SlotId) -> Option<ErrorKind> {
        let seat = &self.seats[slot.index()];
        let too_small = seat.window.is_some_and(|window| window < self.window_needed);
        seat.unmet.or(too_small.then_some(ErrorKind::ContextLength))
    }

    fn in_reach(&self, slot: SlotId) -> bool {
        self.list.contains(&slot)
    }

    fn provider(&self, slot: SlotId) -> ProviderId {
        self.plan.slots[slot.index()].provider
    }

    /// How the answer of this slot comes.
    fn mode_of(&self, slot: SlotId) -> Mode {
        if self.seats[slot.index()].whole { Mode::Unary } else { self.terms.mode }
    }

    fn is_untried(&self, slot: SlotId) -> bool {
        self.tried & slot.bit() == 0
    }

    fn standing(&self, slot: SlotId, now: Moment, fleet: &Fleet) -> Standing {
        fleet.standing(self.plan.slots[slot.index()].target, now, self.plan.policy.suspect)
    }

    fn attempts_left(&self) -> u8 {
        let stated = self.terms.attempts.or(self.plan.policy.attempts);
        let bound = stated.unwrap_or_else(|| {
            let in_list = self.list.iter().fold(self.tried, |mask, slot| mask | slot.bit());
            let comebacks = self.plan.policy.comebacks_max(None);
            u8::try_from(in_list.count_ones()).unwrap_or(ATTEMPTS_MAX).saturating_add(comebacks)
        });
        bound.min(ATTEMPTS_MAX).saturating_sub(self.attempts)
    }

    /// With nothing live: starts, sleeps or finishes.
    fn decide(&mut self, now: Moment, fleet: &mut Fleet) {
        if self.outcome.is_some() || !self.live.is_empty() {
            return;
        }
        self.sleep = None;
        if self.clock.is_over(now) {
            return self.finish(Outcome::Deadline);
        }
        if self.attempts_left() == 0 {
            return self.finish(Outcome::Exhausted);
        }
        match self.choose(now, fleet) {
            Choice::Fresh(slot) => self.start(slot, now, fleet),
            Choice::Again { slot, invited } => {
                // Affordable when it was chosen, in this very step.
                let paid = invited || fleet.pay(self.plan.route, now);
                debug_assert!(paid, "a comeback is chosen only if it can be paid");
                self.comebacks_used += 1;
                self.comebacks.retain(|comeback| comeback.slot != slot);
                self.start(slot, now, fleet);
            }
            Choice::Wait { slot, ready, spread } => self.wait(slot, ready, spread, now),
            Choice::Stop { entry, kind } => self.stop(entry, kind),
            Choice::Nothing(short) => {
                self.short = short;
                self.finish(Outcome::Exhausted);
            }
        }
    }

    fn start(&mut self, slot: SlotId, now: Moment, fleet: &mut Fleet) {
        let id = AttemptId(self.attempts);
        let left = self.attempts_left().saturating_sub(1);
        self.attempts += 1;
        self.tried |= slot.bit();
        self.clock.leg_begins(now);
        let target = self.plan.slots[slot.index()].target;
        let permit = fleet.admit(target, now, self.plan.policy.suspect);
        let timers = self.timers_for(slot, &permit, left, now, fleet);
        let entry = self.record_start(slot, id, now);
        self.live.push(Live { id, slot, permit, entry, begun: now, stage: Stage::Sent, timers });
        self.actions.push_back(Action::Start { attempt: id, slot });
    }

    fn abort_all(&mut self, verdict: Verdict, now: Moment, fleet: &mut Fleet) {
        for live in std::mem::take(&mut self.live) {
            self.abort(live, verdict, Ended::Neutral, now, fleet);
        }
    }

    fn abort(&mut self, live: Live, verdict: Verdict, ended: Ended, now: Moment, fleet: &mut Fleet) {
        self.actions.push_back(Action::Abort(live.id));
        self.record_end(&live, None, now);
        let entry = live.entry;
        self.entries[entry].verdict = Some(verdict);
        self.entries[entry].rest = self.settle(live, ended, now, fleet);
    }

    fn settle(&self, live: Live, ended: Ended, now: Moment, fleet: &mut Fleet) -> Option<Rested> {
        let roll = roll(self.terms.seed, 0x100 + u64::from(live.id.0));
        fleet.settle(live.permit, ended, &self.plan.policy, roll, now)
    }

    fn finish(&mut self, outcome: Outcome) {
        debug_assert!(
            self.live.is_empty() || matches!(outcome, Outcome::Delivered(_)),
            "finish with a live attempt"
        );
        if let Some(last) = self.undecided.take()
            && (outcome != Outcome::Cancelled || self.entries[last].verdict.is_none())
        {
            self.entries[last].verdict = Some(Verdict::Exhausted);
        }
        self.sleep = None;
        let outcome = match (outcome, self.delivered) {
            // What the caller has is void or whole: after a commit every other failure is an interruption.
            (Outcome::Stopped(_) | Outcome::Exhausted, Some(attempt)) => Outcome::Interrupted(attempt),
            (outcome, _) => outcome,
        };
        self.outcome = Some(outcome);
        self.actions.push_back(Action::Finish(outcome));
    }
}
