//! The rest of one target or one provider: told, suspected, half-open.
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
    leased: bool,
}

impl Ticket {
    pub(super) fn is_probe(self) -> bool {
        self.leased
    }
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
    /// How many cooldowns there have been.
    number: u32,
    /// Failed probes in a row.
    k: u8,
    /// Rate limits in a row.
    limits: u8,
    probing: bool,
}

impl Scope {
    pub(super) fn condition(&self, now: Moment, suspect: bool) -> Condition {
        let told = self.told.filter(|rest| rest.half_open || now < rest.until);
        if let Some(rest) = told.filter(|rest| now < rest.until) {
            return Condition::Told(rest);
        }
        let suspected = self.suspected.filter(|_| suspect);
        if let Some(rest) = suspected.filter(|rest| now < rest.until) {
            return Condition::Suspected(rest);
        }
        match told.or(suspected) {
            None => Condition::Open,
            Some(rest) if self.probing => Condition::Suspected(rest),
            Some(rest) => Condition::Untested(rest),
        }
    }

    /// The attempt probes this scope if it `may` and the scope waits for a probe.
    pub(super) fn admit(&mut self, may: bool, now: Moment, suspect: bool) -> Ticket {
        let leased = may && matches!(self.condition(now, suspect), Condition::Untested(_));
        self.probing |= leased;
        Ticket { number: self.number, leased }
    }

    pub(super) fn is_fresh(&self, ticket: Ticket) -> bool {
        ticket.number == self.number
    }

    /// Returns the lease, if there is one.
    pub(super) fn release(&mut self, ticket: &mut Ticket) {
        if std::mem::take(&mut ticket.leased) {
            self.probing = false;
        }
    }

    /// The attempt has answered: whatever rested here is over.
    pub(super) fn succeeded(&mut self, mut ticket: Ticket) {
        self.release(&mut ticket);
        if self.is_fresh(ticket) {
            (self.told, self.suspected) = (None, None);
            (self.k, self.limits) = (0, 0);
        }
    }

    /// The attempt has begun to answer: its probe is settled, the attempt goes on.
    pub(super) fn begun(&mut self, ticket: &mut Ticket) {
        let (probe, fresh) = (ticket.leased, self.is_fresh(*ticket));
        self.release(ticket);
        if probe && fresh {
            (self.told, self.suspected) = (None, None);
            self.k = 0;
        }
    }

    /// The attempt failed in a way that proves the scope alive, but says nothing of what was told.
    pub(super) fn alive(&mut self, ticket: &mut Ticket) {
        let (probe, fresh) = (ticket.leased, self.is_fresh(*ticket));
        self.release(ticket);
        if probe && fresh && self.suspected.take().is_some() {
            self.k = 0;
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

    /// As [`tell`](Self::tell), for a rate limit: without a hint, each in a row rests twice as long.
    pub(super) fn limit(
        &mut self,
        ticket: Ticket,
        hint: Option<Duration>,
        suspicion: Suspicion,
        now: Moment,
    ) -> (Rest, bool) {
        // An attempt from before the latest limit is part of it, not a further one.
        let row = if self.is_fresh(ticket) { self.limits } else { self.limits.saturating_sub(1) };
        let wait = hint.unwrap_or_else(|| doubled(suspicion.base, row, suspicion.cap));
        let rest = Rest::stated(wait, ErrorKind::RateLimited, false, now);
        let fresh = self.is_fresh(ticket);
        let (rest, new) = self.tell(rest, now);
        if new && fresh {
            self.limits = self.limits.saturating_add(1);
        }
        (rest, new)
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
        let probe = ticket.leased;
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

/// No stated wait rests a target longer than this.
pub(super) const HINT_MAX: Duration = Duration::from_secs(3600);

/// The last ten counted outcomes of a target.
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
