//! One call, told a second time.

#![expect(clippy::indexing_slicing, reason = "slots and rows are numbered by the world and by the call")]

use std::time::Duration;

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Phase, Verdict};

use super::area::How;
use super::health::{Health, Leave};
use super::{Kept, keep};
use crate::cover::{Cover, Item};
use crate::world::{Caller, Road};

/// What a step is judged by.
pub(crate) struct Scene<'a> {
    pub(crate) road: &'a Road,
    pub(crate) health: &'a mut Health,
    pub(crate) cover: &'a mut Cover,
    pub(crate) entries: &'a [Entry],
    pub(crate) actions: &'a [Action],
    /// How many of the actions have been accounted for.
    pub(crate) acted: usize,
    pub(crate) timeout: Option<Moment>,
    pub(crate) now: Moment,
    /// What the route's budget should hold, in thousandths.
    pub(crate) points: i64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Sent,
    Opened,
    Flowing,
}

/// A live attempt.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: AttemptId,
    pub(super) slot: SlotId,
    pub(super) row: usize,
    pub(super) leave: Leave,
    pub(super) stage: Stage,
    pub(super) own: Moment,
    pub(super) armed: Moment,
    pub(super) share: Option<Moment>,
    pub(super) blame: Option<Moment>,
    pub(super) hedge: Option<Moment>,
    /// Of a probe: when it must have a connection, and when it says next that it is there.
    pub(super) connected: Option<Moment>,
    pub(super) says: Moment,
    /// Its own timer is the limit of a probe.
    pub(super) limited: bool,
}

/// A second try that is open.
#[derive(Copy, Clone, Debug)]
pub(super) struct Again {
    pub(super) slot: SlotId,
    pub(super) from: Moment,
    pub(super) spread: Duration,
    pub(super) invited: bool,
}

/// A line of the record, as it should be.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) slot: SlotId,
    pub(super) attempt: Option<AttemptId>,
    pub(super) verdict: Option<Verdict>,
    pub(super) kind: Option<ErrorKind>,
    pub(super) phase: Option<Phase>,
    pub(super) at: Moment,
    pub(super) waited: Duration,
    pub(super) took: Duration,
}

#[derive(Debug)]
pub(crate) struct Story {
    pub(super) terms: Terms,
    pub(super) seats: Vec<Seat>,
    /// What governs the call, and what its route alone would set.
    pub(super) limit: Option<Moment>,
    pub(super) route_limit: Option<Moment>,
    /// Each slot with its place; members of a weighted pool share one.
    pub(super) list: Vec<(SlotId, u16)>,
    pub(super) tried: u64,
    pub(super) skipped: u64,
    pub(super) lost: u64,
    pub(super) again: Vec<Again>,
    pub(super) comebacks: u8,
    pub(super) live: Vec<Leg>,
    pub(super) hedged: bool,
    pub(super) committed: Option<AttemptId>,
    pub(super) delivered: Option<AttemptId>,
    pub(super) attempts: u8,
    pub(super) window: u32,
    pub(super) refused: Vec<usize>,
    pub(super) closed: Vec<usize>,
    pub(super) slept: Duration,
    pub(super) sleep: Option<(Moment, Moment)>,
    /// The sleep that begins: not before, and how far it is spread.
    pub(super) wait: Option<(Moment, Duration)>,
    pub(super) waited: Duration,
    pub(super) paused: Option<Moment>,
    pub(super) hints: Vec<(SlotId, Moment)>,
    pub(super) rows: Vec<Row>,
    pub(super) undecided: Option<usize>,
    pub(super) over: bool,
}

pub(super) const DEADLINE: Duration = Duration::from_secs(600);

impl Story {
    pub(crate) fn new(road: &Road, caller: &Caller, now: Moment) -> Self {
        let route = road.policy.deadline.unwrap_or(DEADLINE);
        Self {
            terms: caller.terms,
            seats: caller.seats.clone(),
            limit: Some(now + caller.terms.deadline.unwrap_or(route)),
            route_limit: Some(now + route),
            list: places(&road.steps),
            tried: 0,
            skipped: 0,
            lost: 0,
            again: Vec::new(),
            comebacks: 0,
            live: Vec::with_capacity(2),
            hedged: false,
            committed: None,
            delivered: None,
            attempts: 0,
            window: 0,
            refused: Vec::new(),
            closed: Vec::new(),
            slept: Duration::ZERO,
            sleep: None,
            wait: None,
            waited: Duration::ZERO,
            paused: None,
            hints: Vec::new(),
            rows: Vec::with_capacity(4),
            undecided: None,
            over: false,
        }
    }

    pub(crate) fn step(&mut self, event: Event, s: &mut Scene<'_>) -> Kept {
        self.wait = None;
        match event {
            _ if self.over => {}
            Event::Opened(attempt) => {
                if let Some(leg) = self.leg(attempt).filter(|leg| leg.stage == Stage::Sent) {
                    leg.stage = Stage::Opened;
                    s.health.connected(&mut leg.leave, s.cover);
                }
            }
            Event::Progress(attempt) => self.flows(attempt, s),
            Event::Content(attempt) => self.content(attempt, s)?,
            Event::Done(attempt) => self.done(attempt, s)?,
            Event::Failed(attempt, facts) => {
                if let Some(leg) = self.take(attempt) {
                    self.failed(leg, facts, s)?;
                }
            }
            Event::Reading(reading) => self.reading(reading, s),
            Event::Cancelled => {
                for leg in std::mem::take(&mut self.live) {
                    self.drop_leg(leg, Verdict::Cancelled, "cancel-ends-all", s)?;
                }
                self.finish(Outcome::Cancelled, "cancel-ends-all", s)?;
            }
            Event::Tick => self.tick(s)?,
            _ => {}
        }
        if let Some(action) = s.actions.get(s.acted) {
            let invariant = match action {
                Action::Start { .. } => "starts-in-turn",
                Action::Abort(_) => "cuts-in-time",
                Action::Commit { .. } => "commit-and-reset",
                Action::Finish(_) => "gives-up-too-soon",
            };
            keep!(false, invariant, "{action:?} at {event:?}, which nothing asks for");
        }
        keep!(
            s.entries.len() == self.rows.len(),
            "trail",
            "{} lines, not {}",
            s.entries.len(),
            self.rows.len()
        );
        self.timers(s)
    }

    pub(super) fn leg(&mut self, attempt: AttemptId) -> Option<&mut Leg> {
        self.live.iter_mut().find(|leg| leg.id == attempt)
    }

    pub(super) fn take(&mut self, attempt: AttemptId) -> Option<Leg> {
        let at = self.live.iter().position(|leg| leg.id == attempt)?;
        Some(self.live.remove(at))
    }

    pub(super) fn expect(&self, action: Action, invariant: &'static str, s: &mut Scene<'_>) -> Kept {
        let is = s.actions.get(s.acted);
        keep!(is == Some(&action), invariant, "{is:?} instead of {action:?}");
        s.acted += 1;
        s.cover.hit(match action {
            Action::Start { .. } => Item::Start,
            Action::Abort(_) => Item::Abort,
            Action::Commit { reset: false, .. } => Item::Commit,
            Action::Commit { reset: true, .. } => Item::Reset,
            Action::Finish(_) => Item::Finish,
        });
        Ok(())
    }

    /// A live attempt is dropped, and nobody knows how it would have ended.
    pub(super) fn drop_leg(
        &mut self,
        leg: Leg,
        verdict: Verdict,
        invariant: &'static str,
        s: &mut Scene<'_>,
    ) -> Kept {
        self.expect(Action::Abort(leg.id), invariant, s)?;
        s.health.neutral(leg.leave, s.cover);
        self.end_row(leg.row, s.now).verdict = Some(verdict);
        Ok(())
    }

    pub(super) fn end_row(&mut self, row: usize, now: Moment) -> &mut Row {
        let row = &mut self.rows[row];
        row.took = now - row.at;
        row
    }

    fn content(&mut self, attempt: AttemptId, s: &mut Scene<'_>) -> Kept {
        self.flows(attempt, s);
        let Some(leg) = self.leg(attempt) else { return Ok(()) };
        (leg.share, leg.blame, leg.hedge) = (None, None, None);
        s.cover.hit_if(s.health.is_probe(leg.leave), Item::ProbeSucceeded);
        s.health.commit(&mut leg.leave, s.cover);
        if self.committed == Some(attempt) {
            return Ok(());
        }
        let reset = self.delivered.is_some();
        (self.committed, self.delivered) = (Some(attempt), Some(attempt));
        // Unstated deadlines are per leg.
        if self.terms.deadline.is_none() && s.road.policy.deadline.is_none() {
            self.limit = None;
        }
        if s.road.policy.deadline.is_none() {
            self.route_limit = None;
        }
        self.losers(attempt, s)?;
        self.expect(Action::Commit { attempt, reset }, "commit-and-reset", s)
    }

    fn losers(&mut self, winner: AttemptId, s: &mut Scene<'_>) -> Kept {
        let (won, lost) = std::mem::take(&mut self.live).into_iter().partition(|leg| leg.id == winner);
        self.live = won;
        let lost: Vec<Leg> = lost;
        for leg in lost {
            s.cover.hit(if leg.id < winner { Item::HedgeSecondWon } else { Item::HedgeFirstWon });
            self.tried &= !(1 << leg.slot.0);
            self.lost |= 1 << leg.slot.0;
            if self.mode(leg.slot) == Mode::Unary {
                s.health.lost(leg.leave, s.now - self.rows[leg.row].at);
            }
            if leg.stage == Stage::Sent && s.health.is_probe(leg.leave) {
                self.expect(Action::Abort(leg.id), "hedge-ends-with-its-winner", s)?;
                let mut facts = Facts::new(ErrorKind::Timeout);
                facts.phase = Some(Phase::Headers);
                s.cover.hit(Item::ProbeSilentLoser);
                self.settle(&leg, facts, s)?;
                self.end_row(leg.row, s.now).verdict = Some(Verdict::Hedged);
            } else {
                self.drop_leg(leg, Verdict::Hedged, "hedge-ends-with-its-winner", s)?;
            }
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, leg: &Leg, facts: Facts, s: &mut Scene<'_>) -> Kept {
        let said = s.entries.get(leg.row).and_then(|entry| entry.rest);
        s.health.failure(leg.leave, facts, &s.road.policy, said, s.now, s.cover)
    }

    fn done(&mut self, attempt: AttemptId, s: &mut Scene<'_>) -> Kept {
        let Some(leg) = self.take(attempt) else { return Ok(()) };
        self.end_row(leg.row, s.now).verdict = Some(Verdict::Delivered);
        if leg.stage != Stage::Flowing {
            s.health.took(leg.leave, self.mode(leg.slot), s.now - self.rows[leg.row].at);
        }
        s.health.success(leg.leave, s.cover);
        s.points = (s.points + 1_000).min(50_000);
        self.losers(attempt, s)?;
        if self.terms.mode == Mode::Stream && self.committed != Some(attempt) {
            let reset = self.delivered.is_some();
            s.cover.hit(Item::EmptyAnswer);
            self.expect(Action::Commit { attempt, reset }, "commit-and-reset", s)?;
        }
        self.finish(Outcome::Delivered(attempt), "outcome", s)
    }

    pub(super) fn finish(&mut self, outcome: Outcome, invariant: &'static str, s: &mut Scene<'_>) -> Kept {
        let finishes = matches!(s.actions.get(s.acted), Some(Action::Finish(_)));
        self.expect(Action::Finish(outcome), if finishes { "outcome" } else { invariant }, s)?;
        (self.over, self.sleep) = (true, None);
        s.cover.hit(match outcome {
            Outcome::Delivered(_) => Item::Delivered,
            Outcome::Stopped(_) => Item::Stopped,
            Outcome::Deadline => Item::OutOfTime,
            Outcome::Interrupted(_) => Item::Interrupted,
            Outcome::Cancelled => Item::Cancelled,
            _ => Item::Exhausted,
        });
        // Who leaves during a sleep sees what was going to happen.
        let leaves = outcome == Outcome::Cancelled;
        let pending = self.undecided.take();
        if let Some(row) = pending.filter(|_| !leaves) {
            self.rows[row].verdict = Some(Verdict::Exhausted);
        }
        for (at, (row, entry)) in self.rows.iter().zip(s.entries).enumerate() {
            if let Some(verdict) = entry.verdict {
                s.cover.verdict(verdict);
            }
            if leaves && pending == Some(at) {
                let either = matches!(entry.verdict, Some(Verdict::NextTarget | Verdict::RetrySame));
                keep!(either, "verdicts", "line {at} has {:?} as the caller leaves", entry.verdict);
            } else {
                keep!(entry.verdict == row.verdict, "verdicts", "{:?} instead of {row:?}", entry.verdict);
            }
            let is = Row {
                slot: entry.slot,
                attempt: entry.attempt,
                verdict: row.verdict,
                kind: entry.kind,
                phase: entry.phase,
                at: entry.at,
                waited: entry.waited,
                took: entry.took,
            };
            keep!(is == *row, "trail", "{is:?} instead of {row:?}");
        }
        Ok(())
    }

    /// When the first of the call's targets is worth asking.
    pub(crate) fn retry_at(&self, road: &Road, health: &Health, now: Moment) -> Option<Moment> {
        let stated = self.hints.iter().map(|(_, at)| *at);
        let open = |slot: &SlotId| {
            let hinted = self.hints.iter().any(|(of, _)| of == slot);
            !hinted && self.obstacle(*slot).is_none()
        };
        let rests = self.list.iter().map(|(slot, _)| *slot).filter(open).filter_map(|slot| {
            let spec = &road.slots[usize::from(slot.0)];
            match health.how(spec.target, spec.provider, now, road.policy.suspect) {
                How::Told(nap) | How::Suspected(nap) => Some(nap.asked),
                How::Ready | How::Probe(_) => None,
            }
        });
        stated.chain(rests).min()
    }
}

/// How far those who wait so long are spread.
pub(super) fn spread(wait: Duration) -> Duration {
    Duration::from_millis(100).max(wait / 10)
}

/// The slots of these steps, each at its first place.
pub(super) fn places(steps: &[PlanStep]) -> Vec<(SlotId, u16)> {
    let mut list: Vec<(SlotId, u16)> = Vec::with_capacity(steps.len());
    let mut add = |slot: SlotId, place: u16| {
        if list.iter().all(|(other, _)| *other != slot) {
            list.push((slot, place));
        }
    };
    let mut place = 0;
    for step in steps {
        place += 1;
        match step {
            PlanStep::One(slot) => add(*slot, place),
            PlanStep::Pool { pick, members, .. } => {
                for (slot, _) in members {
                    place += u16::from(*pick == Pick::Order);
                    add(*slot, place);
                }
            }
            _ => {}
        }
    }
    list
}
