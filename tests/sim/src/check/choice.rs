//! Who should be asked next, from the rules of the sort key alone.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the world")]

use std::time::Duration;

use backstop_core::ErrorKind;
use backstop_core::Verdict;
use backstop_core::fallback::*;

use super::area::{How, Nap};
use super::story::{Leg, Row, Scene, Stage, Story, spread};
use super::{Kept, keep};
use crate::cover::Item;

/// Rank, soonest moment, place: the least goes first.
type Key = (u8, Moment, u16);

const READY: u8 = 0;
const SUSPECTED: u8 = 1;
const REFUSED: u8 = 2;

/// Something that has to be waited for.
#[derive(Copy, Clone, Debug)]
struct Wait {
    slot: SlotId,
    ready: Moment,
    place: u16,
    spread: Duration,
    /// A comeback, and whether it was invited.
    again: Option<bool>,
}

impl Story {
    pub(super) fn is_untried(&self, slot: SlotId) -> bool {
        self.tried & 1 << slot.0 == 0
    }

    pub(super) fn obstacle(&self, slot: SlotId) -> Option<ErrorKind> {
        let seat = &self.seats[usize::from(slot.0)];
        let small = seat.window.is_some_and(|window| window < self.window);
        seat.unmet.or(small.then_some(ErrorKind::ContextLength))
    }

    pub(super) fn how(&self, slot: SlotId, s: &Scene<'_>) -> How {
        let spec = &s.road.slots[usize::from(slot.0)];
        s.health.how(spec.target, spec.provider, s.now, s.road.policy.suspect)
    }

    fn is_refused(&self, slot: SlotId, s: &Scene<'_>) -> bool {
        self.refused.contains(&s.road.slots[usize::from(slot.0)].provider)
    }

    /// The key of an untried slot, if it may be asked at once.
    fn key(&self, slot: SlotId, place: u16, s: &Scene<'_>) -> Option<Key> {
        if !self.is_untried(slot) || self.obstacle(slot).is_some() {
            return None;
        }
        let refused = self.is_refused(slot, s);
        match self.how(slot, s) {
            How::Ready | How::Probe(_) if refused => Some((REFUSED, Moment::ORIGIN, place)),
            How::Ready | How::Probe(_) => Some((READY, Moment::ORIGIN, place)),
            How::Suspected(nap) if *s.road.rule(nap.cause) == Rule::Stop => {
                Some((READY, Moment::ORIGIN, place))
            }
            How::Suspected(nap) => {
                let closed = nap.cause == ErrorKind::Connect
                    && self.closed.contains(&s.road.slots[usize::from(slot.0)].provider);
                let left_out = s.road.policy.all_cooling == AllCooling::FailFast || closed;
                let rank = if refused { REFUSED } else { SUSPECTED };
                (!left_out).then_some((rank, nap.until, place))
            }
            How::Told(_) => None,
        }
    }

    /// What an untried slot is passed over for, if it is.
    fn passed_for(&self, slot: SlotId, s: &Scene<'_>) -> Option<(ErrorKind, Option<Nap>)> {
        if !self.is_untried(slot) {
            return None;
        }
        if let Some(kind) = self.obstacle(slot) {
            return Some((kind, None));
        }
        match self.how(slot, s) {
            How::Told(nap) => Some((nap.cause, Some(nap))),
            How::Suspected(nap) if *s.road.rule(nap.cause) != Rule::Stop => Some((nap.cause, Some(nap))),
            How::Suspected(_) | How::Ready | How::Probe(_) => None,
        }
    }

    /// Whether every slot before this place that is passed over has its row.
    fn rows_before(&self, before: Option<u16>, s: &Scene<'_>) -> Kept {
        for (slot, place) in &self.list {
            let passed = before.is_none_or(|before| *place < before);
            let due = passed && self.skipped & 1 << slot.0 == 0 && self.passed_for(*slot, s).is_some();
            keep!(!due, "skip-rows", "{slot:?} is passed over without a line");
        }
        Ok(())
    }

    /// Accounts for the skips of this decision; true if one of them ended the call.
    fn skips(&mut self, s: &mut Scene<'_>) -> Kept<bool> {
        while let Some(entry) = s.entries.get(self.rows.len()).filter(|entry| entry.attempt.is_none()) {
            let slot = entry.slot;
            let place = self.list.iter().find(|(other, _)| *other == slot).map(|(_, place)| *place);
            let Some(place) = place else {
                keep!(false, "skip-rows", "{slot:?} is skipped, and not on the list");
                return Ok(false);
            };
            keep!(self.skipped & 1 << slot.0 == 0, "skip-rows", "{slot:?} is skipped twice");
            let reason = self.passed_for(slot, s);
            let is = entry.kind.map(|kind| (kind, entry.rest.map(|rested| rested.rest)));
            let agree = match (is, reason) {
                (Some((is, None)), Some((kind, None))) => is == kind,
                (Some((is, Some(rest))), Some((kind, Some(nap)))) => is == kind && nap.is(rest),
                _ => false,
            };
            keep!(agree, "skip-rows", "{slot:?} is skipped for {is:?}, and should for {reason:?}");
            for (other, before) in &self.list {
                let ready = *before < place && self.key(*other, *before, s).is_some_and(|key| key.0 == READY);
                keep!(!ready, "sort-key", "{slot:?} is considered before {other:?}");
            }
            self.rows_before(Some(place), s)?;
            self.skipped |= 1 << slot.0;
            let kind = entry.kind.unwrap_or(ErrorKind::Usage);
            self.rows.push(Row {
                verdict: Some(Verdict::Skipped),
                kind: Some(kind),
                ..blank(slot, None, s.now)
            });
            s.cover.hit_if(kind == ErrorKind::ContextLength, Item::WindowTooSmall);
            s.cover.hit_if(*s.road.rule(kind) != Rule::Default, Item::RuleOnSkip);
            if self.rule(kind, None, s) {
                if let Some(row) = self.undecided.take() {
                    self.rows[row].verdict = Some(Verdict::Stopped);
                }
                let outcome = self.delivered.map_or(Outcome::Stopped(kind), Outcome::Interrupted);
                self.finish(outcome, "rule-stops", s)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn bound(&self, s: &Scene<'_>) -> u8 {
        let policy = &s.road.policy;
        let stated = self.terms.attempts.or(policy.attempts);
        let slots = self.list.iter().fold(self.tried, |all, (slot, _)| all | 1 << slot.0).count_ones();
        let unstated = u8::try_from(slots).unwrap_or(32).saturating_add(policy.comebacks.unwrap_or(1));
        stated.unwrap_or(unstated).min(32)
    }

    pub(super) fn attempts_left(&self, s: &Scene<'_>) -> u8 {
        self.bound(s).saturating_sub(self.attempts)
    }

    fn nothing_left(&self) -> Outcome {
        self.delivered.map_or(Outcome::Exhausted, Outcome::Interrupted)
    }

    /// With nothing live: something starts, a sleep begins, or the call ends.
    pub(super) fn decide(&mut self, s: &mut Scene<'_>) -> Kept {
        self.sleep = None;
        if self.limit.is_some_and(|limit| limit <= s.now) {
            return self.finish(Outcome::Deadline, "nothing-starts-late", s);
        }
        if self.attempts_left(s) == 0 {
            return self.finish(self.nothing_left(), "bounded-attempts", s);
        }
        if self.skips(s)? {
            return Ok(());
        }
        let next = s.actions.get(s.acted).copied();
        let best = self.list.iter().filter_map(|(slot, place)| self.key(*slot, *place, s)).min();
        if let Some(best) = best {
            let slot = match next {
                Some(Action::Start { slot, .. }) => slot,
                Some(_) => {
                    keep!(false, "gives-up-too-soon", "{next:?} though there is {best:?}");
                    return Ok(());
                }
                None => {
                    keep!(false, "never-sleeps-before-ready", "a sleep though there is {best:?}");
                    return Ok(());
                }
            };
            let place = self.list.iter().find(|(other, _)| *other == slot).map(|(_, place)| *place);
            let key = place.and_then(|place| self.key(slot, place, s));
            keep!(key == Some(best), "sort-key", "{slot:?} with {key:?} starts before {best:?}");
            self.rows_before((best.0 == READY).then_some(best.2), s)?;
            s.cover.hit(match (best.0, self.how(slot, s)) {
                (READY, How::Suspected(_)) => Item::SuspectedByRule,
                (READY, _) => Item::Ready,
                (SUSPECTED, How::Suspected(nap)) if nap.until <= s.now => Item::BesideProbe,
                (SUSPECTED, _) => Item::Suspected,
                _ => Item::Refused,
            });
            return self.start(slot, s);
        }
        self.rows_before(None, s)?;
        self.count_left_out(s);
        let mut waits = self.told(s);
        let max =
            s.road.policy.comebacks.unwrap_or_else(|| {
                if self.terms.attempts.or(s.road.policy.attempts).is_some() { 32 } else { 1 }
            });
        if self.comebacks < max {
            self.add_comebacks(&mut waits, s);
        }
        let when = |wait: &Wait| (wait.ready.max(s.now), wait.place);
        let Some(first) = waits.iter().min_by_key(|wait| when(wait)).copied() else {
            let invariant = if self.comebacks < max { "sort-key" } else { "bounded-comebacks" };
            return self.finish(self.nothing_left(), invariant, s);
        };
        let equals: Vec<Wait> = waits.into_iter().filter(|wait| when(wait) == when(&first)).collect();
        if first.again.is_some() && first.ready <= s.now {
            return self.come_back(&equals, s);
        }
        let policy = &s.road.policy;
        let usual = Duration::from_secs(5);
        let third = self.limit.map_or(usual, |limit| (limit - s.now) / 3);
        let patience = policy.patience.unwrap_or(usual.min(third));
        let in_time = self.limit.is_none_or(|limit| first.ready < limit);
        if !in_time || self.slept + (first.ready - s.now) > patience {
            s.cover.hit(Item::SleepTooLong);
            let used_up = self.comebacks >= max && !self.again.is_empty();
            let invariant = if used_up { "bounded-comebacks" } else { "bounded-sleep" };
            return self.finish(self.nothing_left(), invariant, s);
        }
        match next {
            None => {}
            Some(Action::Start { .. }) => keep!(false, "sort-key", "{next:?} before {first:?}"),
            Some(_) => keep!(false, "gives-up-too-soon", "{next:?} though there is {first:?}"),
        }
        s.cover.hit(Item::SleepFits);
        self.slept += first.ready - s.now;
        let spread = equals.iter().map(|wait| wait.spread).max().unwrap_or_default();
        self.wait = Some((first.ready, spread));
        Ok(())
    }

    /// What is met only where nothing can be asked at once.
    fn count_left_out(&self, s: &mut Scene<'_>) {
        for (slot, _) in &self.list {
            if !self.is_untried(*slot) || self.obstacle(*slot).is_some() {
                continue;
            }
            if let How::Suspected(nap) = self.how(*slot, s) {
                let provider = s.road.slots[usize::from(slot.0)].provider;
                let closed = nap.cause == ErrorKind::Connect && self.closed.contains(&provider);
                s.cover.hit(if closed { Item::ClosedByCall } else { Item::FailFast });
            }
        }
    }

    fn told(&self, s: &Scene<'_>) -> Vec<Wait> {
        let untried = self.list.iter().filter(|(slot, _)| self.is_untried(*slot));
        let able = untried.filter(|(slot, _)| self.obstacle(*slot).is_none());
        let told = able.filter_map(|(slot, place)| match self.how(*slot, s) {
            How::Told(nap) => Some(Wait {
                slot: *slot,
                ready: nap.until,
                place: *place,
                spread: spread(nap.until - s.now),
                again: None,
            }),
            _ => None,
        });
        told.collect()
    }

    fn add_comebacks(&self, waits: &mut Vec<Wait>, s: &mut Scene<'_>) {
        for again in &self.again {
            let Some((slot, place)) = self.list.iter().find(|(slot, _)| *slot == again.slot) else {
                continue;
            };
            if self.obstacle(*slot).is_some() {
                continue;
            }
            if !again.invited && s.points < 10_000 {
                s.cover.hit(Item::ComebackRefused);
                continue;
            }
            let (ready, spread) = match self.how(*slot, s) {
                How::Told(nap) if nap.until > again.from => (nap.until, spread(nap.until - s.now)),
                _ => (again.from, again.spread),
            };
            waits.push(Wait { slot: *slot, ready, place: *place, spread, again: Some(again.invited) });
        }
    }

    fn come_back(&mut self, equals: &[Wait], s: &mut Scene<'_>) -> Kept {
        let next = s.actions.get(s.acted).copied();
        let first = equals.first();
        let Some(Action::Start { slot, .. }) = next else {
            let invariant = if next.is_some() { "gives-up-too-soon" } else { "never-sleeps-before-ready" };
            keep!(false, invariant, "{next:?} though {first:?} is due");
            return Ok(());
        };
        let Some(wait) = equals.iter().find(|wait| wait.slot == slot) else {
            keep!(false, "sort-key", "{slot:?} starts before {first:?}");
            return Ok(());
        };
        let invited = wait.again == Some(true);
        if !invited {
            s.points -= 10_000;
        }
        s.cover.hit(if invited { Item::Invited } else { Item::Comeback });
        self.comebacks += 1;
        self.again.retain(|again| again.slot != slot);
        self.start(slot, s)
    }

    pub(super) fn start(&mut self, slot: SlotId, s: &mut Scene<'_>) -> Kept {
        let id = AttemptId(self.attempts);
        let left = self.attempts_left(s).saturating_sub(1);
        self.attempts += 1;
        self.tried |= 1 << slot.0;
        s.cover.hit_if(self.lost & 1 << slot.0 != 0, Item::LoserAskedAgain);
        self.limit.get_or_insert(s.now + super::story::DEADLINE);
        self.route_limit.get_or_insert(s.now + super::story::DEADLINE);
        let spec = &s.road.slots[usize::from(slot.0)];
        let (target, provider) = (spec.target, spec.provider);
        let mut leg = Leg {
            id,
            slot,
            row: self.rows.len(),
            leave: s.health.admit(target, provider, s.now, s.road.policy.suspect, s.cover),
            stage: Stage::Sent,
            own: s.now,
            armed: s.now,
            share: None,
            blame: None,
            hedge: None,
            connected: None,
            says: s.now,
            limited: false,
        };
        self.arm(&mut leg, left, s);
        if let Some(last) = self.undecided.take() {
            let same = self.rows[last].slot == slot;
            self.rows[last].verdict = Some(if same { Verdict::RetrySame } else { Verdict::NextTarget });
        }
        let waited = std::mem::take(&mut self.waited);
        s.cover.hit_if(waited > Duration::ZERO && !self.again_of(slot), Item::ToldWaited);
        self.rows.push(Row { waited, ..blank(slot, Some(id), s.now) });
        self.live.push(leg);
        self.expect(Action::Start { attempt: id, slot }, "starts-in-turn", s)
    }

    fn again_of(&self, slot: SlotId) -> bool {
        self.rows.iter().any(|row| row.slot == slot && row.attempt.is_some())
    }
}

fn blank(slot: SlotId, attempt: Option<AttemptId>, at: Moment) -> Row {
    Row {
        slot,
        attempt,
        verdict: None,
        kind: None,
        phase: None,
        at,
        waited: Duration::ZERO,
        took: Duration::ZERO,
    }
}
