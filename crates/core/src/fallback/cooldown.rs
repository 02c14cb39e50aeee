//! The rest of one target or one provider: told, suspected, half-open; and the guess after a rate limit that stated no
//! wait, which looks like a suspicion and needs no probe.
//!
//! A scope counts its cooldowns, and every attempt remembers the number it was admitted under. Whose outcome counts is
//! told by these numbers and not by times: an attempt that set out before a cooldown began knows nothing of it.

use std::time::Duration;

use super::jitter::{about, doubled};
use super::moment::Moment;
use crate::error::ErrorKind;

/// How long to rest on suspicion.
#[derive(Copy, Clone, Debug)]
pub(super) struct Suspicion {
    pub(super) base: Duration,
    pub(super) cap: Duration,
    pub(super) roll: u64,
}

/// A rest period.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When it ends.
    pub until: Moment,
    /// When the target is worth asking again, as stated: later than `until` if more than the longest rest was stated.
    pub worth_asking: Moment,
    /// What it is for.
    pub cause: ErrorKind,
    /// Whether one probe must succeed before all may come back. Rate limits just end.
    pub half_open: bool,
}

/// A rest that an outcome brought about or prolonged, or for which a target was skipped.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rested {
    /// What rests.
    pub scope: crate::error::Scope,
    /// Until when, and why.
    pub rest: Rest,
    /// Whether a cooldown began, as against one that goes on.
    pub new: bool,
}

impl Rest {
    /// A rest for as long as was stated, within what a rest may last.
    pub(super) fn stated(wait: Duration, cause: ErrorKind, half_open: bool, now: Moment) -> Self {
        Self { until: now + wait.min(HINT_MAX), worth_asking: now + wait, cause, half_open }
    }
}

/// What an attempt remembers of a scope from its admission.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    number: u32,
    /// The number of its lease, if it probes.
    lease: Option<u32>,
}

impl Ticket {
    pub(super) fn is_probe(self) -> bool {
        self.lease.is_some()
    }
}

/// The leave to probe. Whoever holds it says now and then that it is still there.
#[derive(Copy, Clone, Debug)]
struct Lease {
    number: u32,
    until: Moment,
}

/// How a scope stands at a moment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Open,
    /// Half-open, and nobody probes.
    Untested(Rest),
    /// Half-open with its probe out, or resting on suspicion.
    Suspected(Rest),
    Told(Rest),
}

/// The rest of one target or provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    told: Option<Rest>,
    suspected: Option<Rest>,
    /// A limit without a stated wait: how long it lasts is anybody's guess.
    guessed: Option<Rest>,
    /// How many cooldowns there have been.
    number: u32,
    /// Failed probes in a row.
    k: u8,
    /// Guesses in a row, with nothing served between them.
    limits: u8,
    /// How many leases there have been.
    leases: u32,
    lease: Option<Lease>,
}

impl Scope {
    pub(super) fn condition(&self, now: Moment, suspect: bool) -> Condition {
        let told = self.told.filter(|rest| rest.half_open || now < rest.until);
        if let Some(rest) = told.filter(|rest| now < rest.until) {
            return Condition::Told(rest);
        }
        let suspected = self.suspected.filter(|_| suspect);
        let resting = [suspected, self.guessed.filter(|_| suspect)].into_iter().flatten();
        if let Some(rest) = resting.filter(|rest| now < rest.until).max_by_key(|rest| rest.until) {
            return Condition::Suspected(rest);
        }
        match told.or(suspected) {
            None => Condition::Open,
            Some(rest) if self.lease.is_some_and(|lease| now < lease.until) => Condition::Suspected(rest),
            Some(rest) => Condition::Untested(rest),
        }
    }

    /// The attempt probes this scope if it `may` and the scope waits for a probe.
    pub(super) fn admit(&mut self, may: bool, now: Moment, suspect: bool) -> Ticket {
        let leased = may && matches!(self.condition(now, suspect), Condition::Untested(_));
        let lease = leased.then(|| {
            self.leases = self.leases.wrapping_add(1);
            self.lease = Some(Lease { number: self.leases, until: now + LEASE });
            self.leases
        });
        Ticket { number: self.number, lease }
    }

    /// The attempt is still there. One that was not heard of for too long may have lost its lease to another.
    pub(super) fn renew(&mut self, ticket: &mut Ticket, now: Moment) {
        match &mut self.lease {
            Some(lease) if ticket.lease == Some(lease.number) => lease.until = now + LEASE,
            _ => ticket.lease = None,
        }
    }

    pub(super) fn is_fresh(&self, ticket: Ticket) -> bool {
        ticket.number == self.number
    }

    fn is_probed_by(&self, ticket: Ticket) -> bool {
        self.lease.is_some_and(|lease| ticket.lease == Some(lease.number))
    }

    /// Returns the lease, if there is one.
    pub(super) fn release(&mut self, ticket: &mut Ticket) {
        if self.is_probed_by(*ticket) {
            self.lease = None;
        }
        ticket.lease = None;
    }

    /// The attempt has answered: whatever rested here is over.
    pub(super) fn succeeded(&mut self, mut ticket: Ticket) {
        self.release(&mut ticket);
        if self.is_fresh(ticket) {
            (self.told, self.suspected) = (None, None);
            self.k = 0;
        }
    }

    /// The attempt has begun to answer: its probe is settled, the attempt goes on.
    pub(super) fn begun(&mut self, ticket: &mut Ticket) {
        let (probe, fresh) = (self.is_probed_by(*ticket), self.is_fresh(*ticket));
        self.release(ticket);
        if probe && fresh {
            (self.told, self.suspected) = (None, None);
            self.k = 0;
        }
    }

    /// The attempt failed in a way that proves the scope alive, but says nothing of what was told.
    pub(super) fn alive(&mut self, ticket: &mut Ticket) {
        let (probe, fresh) = (self.is_probed_by(*ticket), self.is_fresh(*ticket));
        self.release(ticket);
        if probe && fresh && self.suspected.take().is_some() {
            self.k = 0;
        }
    }

    /// What the scope was suspected of is disproved while the attempt goes on. A probe of what was told stays one.
    pub(super) fn disproved(&mut self, ticket: &mut Ticket) {
        if self.told.is_none() {
            self.alive(ticket);
        }
    }

    /// Something was served. Whoever was admitted when, it shows that the limit is not what was feared; while most is
    /// served there is nothing to rest for.
    pub(super) fn served(&mut self, mostly: bool) {
        self.limits = 0;
        if mostly {
            self.guessed = None;
        }
    }

    /// The provider said that it wants rest. Never dropped, whoever brings it. Returns the rest that is now in force,
    /// and whether it is a new cooldown.
    pub(super) fn tell(&mut self, mut rest: Rest, now: Moment) -> (Rest, bool) {
        let old = self.told;
        // A further rest does not answer what the one before left to be tested.
        rest.half_open |= old.is_some_and(|old| old.half_open);
        let resting = old.filter(|old| now < old.until);
        if let Some(longer) = resting.filter(|old| old.until >= rest.until) {
            rest = Rest { half_open: rest.half_open, ..longer };
        }
        self.told = Some(rest);
        if resting.is_none() {
            self.number = self.number.wrapping_add(1);
        }
        (rest, resting.is_none())
    }

    /// A limit without a stated wait. Those that come while it rests are part of it; each further one with nothing
    /// served between rests twice as long. Returns the rest in force, and whether it is a new one.
    pub(super) fn guess(&mut self, base: Duration, cap: Duration, now: Moment) -> (Rest, bool) {
        if let Some(rest) = self.guessed.filter(|rest| now < rest.until) {
            return (rest, false);
        }
        let wait = doubled(base, self.limits, cap.min(GUESS_MAX));
        let rest = Rest::stated(wait, ErrorKind::RateLimited, false, now);
        self.limits = self.limits.saturating_add(1);
        self.guessed = Some(rest);
        (rest, true)
    }

    /// The scope looks ill. Only an attempt that knows of the latest cooldown can say so, and of those that set out
    /// while it rests only the probe. Returns the new cooldown.
    pub(super) fn suspect(
        &mut self,
        ticket: Ticket,
        cause: ErrorKind,
        suspicion: Suspicion,
        now: Moment,
    ) -> Option<Rest> {
        let probe = self.is_probed_by(ticket);
        if !self.is_fresh(ticket) || (self.suspected.is_some() && !probe) {
            return None;
        }
        self.k = self.k.saturating_add(u8::from(probe));
        let wait = about(doubled(suspicion.base, self.k, Duration::MAX), suspicion.roll).min(suspicion.cap);
        // What a probe finds comes after the end of the rest before, so this never ends a rest sooner.
        let rest = Rest::stated(wait, cause, true, now);
        self.suspected = Some(rest);
        self.number = self.number.wrapping_add(1);
        Some(rest)
    }
}

/// How long a lease lasts without a sign of its holder, who may have been parked by its caller.
pub(super) const LEASE: Duration = Duration::from_secs(6);

/// How often the holder of a lease gives one.
pub(super) const RENEWAL: Duration = Duration::from_secs(2);

/// No guess rests a target longer than this.
const GUESS_MAX: Duration = Duration::from_secs(60);

/// No stated wait rests a target longer than this.
pub(super) const HINT_MAX: Duration = Duration::from_secs(3600);

/// The last ten outcomes of some sort.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Ring {
    failed: u16,
    len: u8,
}

impl Ring {
    const SIZE: u8 = 10;

    pub(super) fn push(&mut self, failed: bool) {
        self.failed = (self.failed << 1 | u16::from(failed)) & ((1 << Self::SIZE) - 1);
        self.len = (self.len + 1).min(Self::SIZE);
    }

    /// Whether no more than half of all failed.
    pub(super) fn mostly_held(self) -> bool {
        self.failed.count_ones() * 2 <= u32::from(self.len)
    }

    /// Whether the last three failed and at least half of all.
    pub(super) fn looks_ill(self) -> bool {
        self.len >= 3 && self.failed & 0b111 == 0b111 && self.failed.count_ones() * 2 >= u32::from(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_are_enough_after_seven_successes_they_are_not() {
        let mut ring = Ring::default();
        let mut push = |failed, times| (0..times).for_each(|_| ring.push(failed));
        push(true, 2);
        assert!(!ring.looks_ill());
        ring.push(true);
        assert!(ring.looks_ill());
        let mut ring = Ring::default();
        (0..7).for_each(|_| ring.push(false));
        (0..3).for_each(|_| ring.push(true));
        assert!(!ring.looks_ill());
        (0..2).for_each(|_| ring.push(true));
        assert!(ring.looks_ill());
    }
}
