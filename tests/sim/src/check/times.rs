//! When what should be due.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the world")]

use std::time::Duration;

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Phase, Verdict};

use super::area::How;
use super::story::{Leg, Scene, Stage, Story};
use super::{Kept, keep};
use crate::cover::Item;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Story {
    /// Something flows: the first timer is over, the idle timer begins anew.
    pub(super) fn flows(&mut self, attempt: AttemptId, s: &mut Scene<'_>) {
        if self.terms.mode != Mode::Stream {
            return;
        }
        let Some(leg) = self.live.iter_mut().find(|leg| leg.id == attempt) else { return };
        if self.seats[usize::from(leg.slot.0)].whole {
            return;
        }
        let (slot, seat) = (&s.road.slots[usize::from(leg.slot.0)], &self.seats[usize::from(leg.slot.0)]);
        let idle = slot.times.idle.or(s.road.policy.idle);
        let idle = idle.unwrap_or(if seat.patient { secs(180) } else { secs(60) });
        if leg.stage != Stage::Flowing {
            s.health.connected(&mut leg.leave, s.cover);
            s.health.took(leg.leave, Mode::Stream, s.now - self.rows[leg.row].at);
        }
        leg.stage = Stage::Flowing;
        (leg.own, leg.armed, leg.hedge, leg.limited) = (s.now + idle, s.now, None, false);
    }

    /// How the answer of a slot comes.
    pub(super) fn mode(&self, slot: SlotId) -> Mode {
        if self.seats[usize::from(slot.0)].whole { Mode::Unary } else { self.terms.mode }
    }

    pub(super) fn reading(&mut self, reading: bool, s: &mut Scene<'_>) {
        if !reading {
            s.cover.hit(Item::Paused);
            self.paused.get_or_insert(s.now);
        } else if let Some(since) = self.paused.take() {
            for leg in &mut self.live {
                let stood = s.now - since.max(leg.armed);
                leg.own = leg.own + stood;
                leg.hedge = leg.hedge.map(|at| at + stood);
                leg.armed = s.now;
            }
        }
    }

    /// The timers of an attempt that begins now.
    pub(super) fn arm(&self, leg: &mut Leg, left: u8, s: &Scene<'_>) {
        let (slot, seat) = (&s.road.slots[usize::from(leg.slot.0)], &self.seats[usize::from(leg.slot.0)]);
        let (times, policy) = (&slot.times, &s.road.policy);
        let mode = self.mode(leg.slot);
        let mut own = match mode {
            Mode::Stream => times.first_content.or(policy.first_content).unwrap_or(if seat.patient {
                secs(300)
            } else if times.local {
                secs(180)
            } else {
                secs(60)
            }),
            mode => times.timeout.or(policy.timeout).unwrap_or(if times.local {
                secs(600)
            } else if mode == Mode::Embedding {
                secs(60)
            } else {
                secs(300)
            }),
        };
        let others: Vec<How> = self
            .list
            .iter()
            .map(|(other, _)| *other)
            .filter(|other| *other != leg.slot && self.is_untried(*other) && self.obstacle(*other).is_none())
            .map(|other| self.how(other, s))
            .collect();
        let usual = s.health.usual(slot.target, mode);
        let [probes_target, probes_provider] = s.health.probes(leg.leave);
        let limit = usual.map_or(secs(60), |usual| secs(15).max(usual * 2));
        let hurried = probes_target && !seat.patient && !times.local;
        if hurried && left > 0 && others.contains(&How::Ready) && limit < own {
            (own, leg.limited) = (limit, true);
        }
        leg.says = s.now + secs(2);
        leg.connected = probes_provider.then(|| s.now + times.connect.unwrap_or(secs(5)));
        let share = |deadline: Moment| {
            let want = others.iter().filter(|how| match how {
                How::Ready | How::Probe(_) => true,
                How::Suspected(nap) | How::Told(nap) => nap.until < deadline,
            });
            let n = u32::try_from(want.count()).unwrap_or(3).min(3).min(u32::from(left));
            let time = deadline - s.now;
            s.now + time.saturating_sub(secs(10) * n).max(time / (n + 1))
        };
        leg.own = s.now + own;
        leg.share = self.limit.map(share);
        leg.blame = self.route_limit.map(share);
        let hedges = !self.hedged && self.delivered.is_none();
        let silence = match (seat.patient, times.local) {
            (true, _) => secs(300),
            (false, true) => secs(180),
            (false, false) => secs(60),
        };
        let after = match policy.hedge_after {
            Hedge::After(after) => Some(after),
            Hedge::WhenSilent if mode == Mode::Unary => {
                Some(silence.max(s.health.at_least(slot.target, mode) * 2))
            }
            _ => None,
        };
        leg.hedge = after.filter(|_| hedges).map(|after| s.now + after);
    }

    fn first_due(&self, s: &Scene<'_>, timer: impl Fn(&Leg) -> Option<Moment>) -> Option<AttemptId> {
        let due =
            self.live.iter().filter_map(|leg| timer(leg).filter(|at| *at <= s.now).map(|at| (at, leg.id)));
        due.min_by_key(|(at, _)| *at).map(|(_, id)| id)
    }

    fn timeout(&self, leg: &Leg, counted: bool) -> Facts {
        let mut facts = Facts::new(ErrorKind::Timeout);
        facts.counted = counted;
        facts.phase = Some(match (self.mode(leg.slot), leg.stage) {
            (Mode::Stream, Stage::Sent) => Phase::Headers,
            (Mode::Stream, Stage::Opened) => Phase::FirstContent,
            (Mode::Stream, Stage::Flowing) => Phase::Idle,
            _ => Phase::Total,
        });
        facts
    }

    fn is_blamed(&self, leg: &Leg, now: Moment) -> bool {
        leg.blame.or(self.route_limit).is_some_and(|at| at <= now)
    }

    pub(super) fn tick(&mut self, s: &mut Scene<'_>) -> Kept {
        let running = self.paused.is_none();
        for leg in &mut self.live {
            if !leg.leave.believes.contains(&true) {
                continue;
            }
            if leg.connected.is_some_and(|at| at <= s.now) {
                leg.connected = None;
                s.health.connected(&mut leg.leave, s.cover);
            }
            if leg.says <= s.now {
                leg.says = s.now + secs(2);
                s.health.heard(&mut leg.leave, s.now);
            }
        }
        while let Some(leg) =
            self.first_due(s, |leg| Some(leg.own).filter(|_| running)).and_then(|id| self.take(id))
        {
            s.cover.hit(if leg.limited { Item::DueProbeLimit } else { Item::DueOwn });
            s.cover.hit_if(self.limit == Some(leg.own), Item::SamePlaceAndTime);
            self.expect(Action::Abort(leg.id), "timer-own", s)?;
            let facts = self.timeout(&leg, true);
            self.failed(leg, facts, s)?;
        }
        if self.over {
            return Ok(());
        }
        if self.limit.is_some_and(|limit| limit <= s.now) {
            return self.out_of_time(s);
        }
        while let Some(leg) = self.first_due(s, |leg| leg.share).and_then(|id| self.take(id)) {
            let blamed = self.is_blamed(&leg, s.now);
            s.cover.hit(Item::DueShare);
            s.cover.hit(if blamed { Item::Blamed } else { Item::NotBlamed });
            self.expect(Action::Abort(leg.id), "timer-share", s)?;
            let facts = self.timeout(&leg, blamed);
            self.failed(leg, facts, s)?;
        }
        if self.over {
            return Ok(());
        }
        if running && self.first_due(s, |leg| leg.hedge).is_some() {
            self.hedge(s)?;
        }
        if !self.live.is_empty() || self.wait.is_some() {
            return Ok(());
        }
        match self.sleep {
            Some((_, until)) if s.now < until => Ok(()),
            sleep => {
                if let Some((since, _)) = sleep {
                    s.cover.hit(Item::DueWake);
                    self.waited += s.now - since;
                }
                self.decide(s)
            }
        }
    }

    fn out_of_time(&mut self, s: &mut Scene<'_>) -> Kept {
        s.cover.hit(Item::DueDeadline);
        for leg in std::mem::take(&mut self.live) {
            let facts = self.timeout(&leg, self.is_blamed(&leg, s.now));
            self.expect(Action::Abort(leg.id), "timer-deadline", s)?;
            self.settle(&leg, facts, s)?;
            let row = self.end_row(leg.row, s.now);
            (row.kind, row.phase, row.verdict) = (Some(facts.kind), facts.phase, Some(Verdict::Exhausted));
        }
        self.finish(Outcome::Deadline, "timer-deadline", s)
    }

    /// A hedge is due: to the next ready other target, another provider's first, if it can be paid.
    fn hedge(&mut self, s: &mut Scene<'_>) -> Kept {
        s.cover.hit(Item::DueHedge);
        self.live.iter_mut().for_each(|leg| leg.hedge = None);
        let [only] = self.live.as_slice() else { return Ok(()) };
        if self.hedged || self.committed.is_some() || self.attempts_left(s) == 0 {
            return Ok(());
        }
        let busy = s.road.slots[usize::from(only.slot.0)].provider;
        let provider = |slot: SlotId| s.road.slots[usize::from(slot.0)].provider;
        let key = |slot: SlotId, place: u16| {
            let ready = self.is_untried(slot)
                && self.obstacle(slot).is_none()
                && !self.refused.contains(&provider(slot))
                && self.how(slot, s) == How::Ready;
            ready.then(|| (provider(slot) == busy, place))
        };
        let keys: Vec<_> =
            self.list.iter().filter_map(|(slot, place)| Some((key(*slot, *place)?, *slot))).collect();
        let Some((best, _)) = keys.iter().min_by_key(|(key, _)| *key).copied() else { return Ok(()) };
        if s.points < 10_000 {
            s.cover.hit(Item::HedgeRefused);
            return Ok(());
        }
        let next = s.actions.get(s.acted).copied();
        let Some(Action::Start { slot, .. }) = next else {
            keep!(false, "hedge-in-time", "no hedge though one is due");
            return Ok(());
        };
        let is = keys.iter().find(|(_, other)| *other == slot).map(|(key, _)| *key);
        keep!(is == Some(best), "hedge-in-time", "a hedge to {slot:?}, {is:?} and not {best:?}");
        let nearer = keys.iter().any(|((same, place), _)| *same && *place < best.1);
        s.cover.hit_if(nearer && !best.0, Item::HedgeOtherProvider);
        s.points -= 10_000;
        self.hedged = true;
        s.cover.hit(Item::Hedge);
        self.start(slot, s)?;
        self.live.iter_mut().for_each(|leg| leg.hedge = None);
        Ok(())
    }

    /// Whether the call wants to be told the time when it should.
    pub(super) fn timers(&mut self, s: &Scene<'_>) -> Kept {
        if self.over {
            return Ok(());
        }
        if let Some((ready, spread)) = self.wait {
            let Some(until) = s.timeout else { return Ok(()) };
            let in_time = self.limit.is_none_or(|limit| until < limit);
            keep!(
                in_time,
                "nothing-starts-late",
                "a sleep until {until:?}, and no time after {:?}",
                self.limit
            );
            let fits = until >= ready && until <= ready + spread;
            keep!(fits, "timer-wake", "a sleep until {until:?}, and should {ready:?} or {spread:?} later");
            self.sleep = Some((s.now, until));
        }
        let mut due: Option<(Moment, &'static str)> = None;
        let mut add = |at: Option<Moment>, invariant| {
            if let Some(at) = at.filter(|at| due.is_none_or(|(other, _)| *at < other)) {
                due = Some((at, invariant));
            }
        };
        let running = self.paused.is_none();
        for leg in &self.live {
            add(Some(leg.own).filter(|_| running), "timer-own");
            add(leg.hedge.filter(|_| running), "timer-hedge");
            add(leg.share, "timer-share");
            add(leg.connected.filter(|_| leg.leave.believes[1]), "connected-is-alive");
            add(Some(leg.says).filter(|_| leg.leave.believes.contains(&true)), "parked-probes");
        }
        add(self.limit, "timer-deadline");
        add(self.sleep.map(|(_, until)| until), "timer-wake");
        let invariant = due.map_or("timer-own", |(_, invariant)| invariant);
        let should = due.map(|(at, _)| at);
        let again = match s.road.policy.hedge_after {
            Hedge::After(after) if self.hedged && s.timeout != should => {
                self.live.iter().any(|leg| s.timeout == Some(leg.armed + after))
            }
            _ => false,
        };
        keep!(!again, "bounded-hedges", "a second hedge is due {:?}", s.timeout);
        keep!(s.timeout == should, invariant, "due {:?}, and should {should:?}", s.timeout);
        Ok(())
    }
}
