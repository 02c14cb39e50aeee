//! Deadlines, timers, and how a deadline is shared among those who still want a turn.

use std::time::Duration;

use super::super::cooldown::RENEWAL;
use super::super::facts::{Facts, Outcome, Terms};
use super::super::fleet::{Ended, Fleet, Permit, Standing};
use super::super::ids::{AttemptId, SlotId};
use super::super::moment::Moment;
use super::super::policy::{CONNECT, DEADLINE, Mode, Policy, RESERVE, RESERVES_MAX};
use super::{Call, Live, Stage};
use crate::error::{ErrorKind, Phase};
use crate::trail::Verdict;

/// The deadline of the call, and the one its route alone would give: blame is laid by the latter.
#[derive(Copy, Clone, Debug)]
pub(super) struct Clock {
    call: Deadline,
    route: Deadline,
}

#[derive(Copy, Clone, Debug)]
struct Deadline {
    /// A stated deadline governs everything; the default is per leg of a stream.
    stated: bool,
    at: Option<Moment>,
}

impl Deadline {
    fn new(stated: Option<Duration>, now: Moment) -> Self {
        Self { stated: stated.is_some(), at: Some(now + stated.unwrap_or(DEADLINE)) }
    }

    fn commit(&mut self) {
        if !self.stated {
            self.at = None;
        }
    }

    fn leg_begins(&mut self, now: Moment) {
        self.at.get_or_insert(now + DEADLINE);
    }
}

impl Clock {
    pub(super) fn new(policy: &Policy, terms: &Terms, now: Moment) -> Self {
        let route = Deadline::new(policy.deadline, now);
        let call = terms.deadline.map_or(route, |own| Deadline::new(Some(own), now));
        Self { call, route }
    }

    /// The deadline in force.
    pub(super) fn limit(&self) -> Option<Moment> {
        self.call.at
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.call.at.is_some_and(|at| at <= now)
    }

    pub(super) fn commit(&mut self) {
        self.call.commit();
        self.route.commit();
    }

    pub(super) fn leg_begins(&mut self, now: Moment) {
        self.call.leg_begins(now);
        self.route.leg_begins(now);
    }
}

/// The timers of one attempt.
#[derive(Copy, Clone, Debug)]
pub(super) struct Timers {
    /// Its own: for the first content, between pieces, or for the whole.
    own: Moment,
    /// Since when `own` runs.
    armed: Moment,
    /// Its share of the deadline, until it commits.
    share: Option<Moment>,
    /// From when on silence is its own fault, whatever the caller's deadline.
    blame: Option<Moment>,
    hedge: Option<Moment>,
    /// When a probe has lived long enough to have a connection.
    connected: Option<Moment>,
    /// When a probe says next that it is still there.
    renewal: Moment,
}

impl Timers {
    pub(super) fn flows(&mut self, idle: Duration, now: Moment) {
        (self.own, self.armed, self.hedge) = (now + idle, now, None);
    }

    pub(super) fn commit(&mut self) {
        (self.share, self.blame, self.hedge) = (None, None, None);
    }

    pub(super) fn disarm_hedge(&mut self) {
        self.hedge = None;
    }

    fn resume(&mut self, paused: Moment, now: Moment) {
        let lost = now - paused.max(self.armed);
        (self.own, self.armed) = (self.own + lost, now);
        self.hedge = self.hedge.map(|at| at + lost);
    }
}

impl Call {
    /// When the call wants to be told the time, at the latest; `None` once it is over, or while nothing is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        if self.outcome.is_some() {
            return None;
        }
        let running = self.paused.is_none();
        let timers = self.live.iter().flat_map(|live| {
            let Timers { own, share, hedge, connected, renewal, .. } = live.timers;
            let renewal = Some(renewal).filter(|_| live.permit.is_probe());
            let connected = connected.filter(|_| live.permit.probes_provider());
            [Some(own).filter(|_| running), hedge.filter(|_| running), share, connected, renewal]
        });
        let rest = [self.clock.limit(), self.sleep.map(|sleep| sleep.until)];
        timers.chain(rest).flatten().min()
    }

    pub(super) fn tick(&mut self, now: Moment, fleet: &mut Fleet) {
        self.stay_alive(now, fleet);
        // At one and the same moment an attempt's own timer goes before the deadline.
        while let Some(attempt) = self.first_due(|timers| timers.own, self.paused.is_none(), now) {
            self.cut(attempt, true, now, fleet);
        }
        if self.clock.is_over(now) && self.outcome.is_none() {
            return self.deadline(now, fleet);
        }
        while let Some(attempt) = self.first_due(|timers| timers.share.unwrap_or(Moment::END), true, now) {
            let blamed = self.is_blamed(attempt, now);
            self.cut(attempt, blamed, now, fleet);
        }
        if self.first_due(|timers| timers.hedge.unwrap_or(Moment::END), self.paused.is_none(), now).is_some()
        {
            self.hedge(now, fleet);
        }
        match self.sleep {
            Some(sleep) if now < sleep.until => {}
            Some(sleep) => {
                self.waited += now - sleep.since;
                self.decide(now, fleet);
            }
            None => self.decide(now, fleet),
        }
    }

    /// Probes that are under way say so, and those that have lived long enough have a connection.
    fn stay_alive(&mut self, now: Moment, fleet: &mut Fleet) {
        for live in self.live.iter_mut().filter(|live| live.permit.is_probe()) {
            if live.timers.connected.is_some_and(|at| at <= now) {
                live.timers.connected = None;
                fleet.connected(&mut live.permit);
            }
            if live.timers.renewal <= now {
                live.timers.renewal = now + RENEWAL;
                fleet.renew(&mut live.permit, now);
            }
        }
    }

    /// The attempt whose timer of this sort ran out first.
    fn first_due(&self, timer: impl Fn(&Timers) -> Moment, running: bool, now: Moment) -> Option<AttemptId> {
        let due = self.live.iter().filter(|live| running && timer(&live.timers) <= now);
        due.min_by_key(|live| timer(&live.timers)).map(|live| live.id)
    }

    fn is_blamed(&self, attempt: AttemptId, now: Moment) -> bool {
        let blame = self.live.iter().find(|live| live.id == attempt).and_then(|live| live.timers.blame);
        blame.or(self.clock.route.at).is_some_and(|at| at <= now)
    }

    fn timed_out(&self, live: &Live, counted: bool) -> Facts {
        let mut facts = Facts::new(ErrorKind::Timeout);
        facts.counted = counted;
        facts.phase = Some(match (self.mode_of(live.slot), live.stage) {
            (Mode::Unary | Mode::Embedding, _) => Phase::Total,
            (Mode::Stream, Stage::Sent) => Phase::Headers,
            (Mode::Stream, Stage::Opened) => Phase::FirstContent,
            (Mode::Stream, Stage::Flowing) => Phase::Idle,
        });
        facts
    }

    fn cut(&mut self, attempt: AttemptId, counted: bool, now: Moment, fleet: &mut Fleet) {
        let Some(live) = self.take(attempt) else { return };
        let facts = self.timed_out(&live, counted);
        self.actions.push_back(super::Action::Abort(attempt));
        self.failed(live, facts, now, fleet);
    }

    /// The time for the whole call is used up: what is live is cut, and no rule is asked.
    fn deadline(&mut self, now: Moment, fleet: &mut Fleet) {
        for live in std::mem::take(&mut self.live) {
            let blame = live.timers.blame.or(self.clock.route.at).is_some_and(|at| at <= now);
            let facts = self.timed_out(&live, blame);
            let entry = live.entry;
            self.abort(live, Verdict::Exhausted, Ended::Failed(facts), now, fleet);
            (self.entries[entry].kind, self.entries[entry].phase) = (Some(facts.kind), facts.phase);
        }
        self.finish(Outcome::Deadline);
    }

    pub(super) fn reading(&mut self, reading: bool, now: Moment) {
        match (reading, self.paused) {
            (false, None) => self.paused = Some(now),
            (true, Some(paused)) => {
                self.live.iter_mut().for_each(|live| live.timers.resume(paused, now));
                self.paused = None;
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    pub(super) fn idle_of(&self, attempt: AttemptId) -> Option<Duration> {
        let live: &Live = self.live.iter().find(|live| live.id == attempt)?;
        let (slot, seat) = (&self.plan.slots[live.slot.index()], &self.seats[live.slot.index()]);
        (self.mode_of(live.slot) == Mode::Stream)
            .then(|| self.plan.policy.idle_timer(&slot.times, seat.patient))
    }

    /// The timers of an attempt that starts now and leaves `left` attempts after it.
    pub(super) fn timers_for(
        &self,
        slot: SlotId,
        permit: &Permit,
        left: u8,
        now: Moment,
        fleet: &Fleet,
    ) -> Timers {
        let (spec, patient) = (&self.plan.slots[slot.index()], self.seats[slot.index()].patient);
        let (policy, times, mode) = (&self.plan.policy, &spec.times, self.mode_of(slot));
        let usual = fleet.usual(spec.target, mode);
        let mut own = policy.first_timer(times, mode, patient);
        if permit.probes_target() && left > 0 && self.someone_ready_beside(slot, now, fleet) {
            own = Policy::probe_timer(times, patient, usual).map_or(own, |limit| own.min(limit));
        }
        let share = |deadline: Option<Moment>| deadline.map(|at| self.share(slot, left, at, now, fleet));
        let hedges = !self.hedged && self.delivered.is_none();
        let known = fleet.known_to_take(spec.target, mode);
        let hedge = policy.hedge_timer(times, mode, patient, known).filter(|_| hedges);
        Timers {
            own: now + own,
            armed: now,
            share: share(self.clock.call.at),
            blame: share(self.clock.route.at),
            hedge: hedge.map(|after| now + after),
            connected: permit.probes_provider().then(|| now + times.connect.unwrap_or(CONNECT)),
            renewal: now + RENEWAL,
        }
    }

    /// When the attempt has had its part of the time until `deadline`.
    fn share(&self, slot: SlotId, left: u8, deadline: Moment, now: Moment, fleet: &Fleet) -> Moment {
        let wants_a_turn = |other: SlotId| match self.standing(other, now, fleet) {
            Standing::Ready | Standing::Probe(_) => true,
            Standing::Suspected(rest) | Standing::Told(rest) => rest.until < deadline,
        };
        let later = self.others(slot).filter(|other| wants_a_turn(*other)).count();
        let n = u32::try_from(later).unwrap_or(RESERVES_MAX).min(RESERVES_MAX).min(u32::from(left));
        let time = deadline - now;
        now + time.saturating_sub(RESERVE * n).max(time / (n + 1))
    }

    fn someone_ready_beside(&self, slot: SlotId, now: Moment, fleet: &Fleet) -> bool {
        self.others(slot).any(|other| self.standing(other, now, fleet) == Standing::Ready)
    }

    fn others(&self, slot: SlotId) -> impl Iterator<Item = SlotId> {
        let untried = move |other: &SlotId| {
            *other != slot && self.is_untried(*other) && self.obstacle(*other).is_none()
        };
        self.list.iter().copied().filter(untried)
    }
}
