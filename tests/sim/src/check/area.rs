//! A target or a provider, and how it should stand.

use std::time::Duration;

use backstop_core::ErrorKind;
use backstop_core::fallback::{Moment, Policy, Rest, Rested};

use super::{Kept, keep};

/// A rest, as it should be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Nap {
    pub(crate) until: Moment,
    /// As it was stated, however long.
    pub(crate) asked: Moment,
    pub(crate) cause: ErrorKind,
    pub(crate) half_open: bool,
}

impl Nap {
    pub(crate) fn is(self, rest: Rest) -> bool {
        (self.until, self.asked) == (rest.until, rest.worth_asking)
            && (self.cause, self.half_open) == (rest.cause, rest.half_open)
    }
}

/// How a target should stand.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Ready,
    Probe(Nap),
    Suspected(Nap),
    Told(Nap),
}

/// A target or a provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Area {
    pub(super) told: Option<Nap>,
    pub(super) suspected: Option<Nap>,
    pub(super) guessed: Option<Nap>,
    /// How many rests there have been.
    pub(super) number: u32,
    pub(super) failed_probes: u32,
    pub(super) guesses: u32,
    /// Which attempt probes it, a serial number of all attempts of the world, and how long that stands unconfirmed.
    pub(super) probe: Option<(u64, Moment)>,
}

/// For how long a probe of which nothing is heard keeps others away.
pub(super) const UNHEARD: Duration = Duration::from_secs(6);

impl Area {
    pub(super) fn how(&self, now: Moment, suspect: bool) -> How {
        let told = self.told.filter(|nap| nap.until > now || nap.half_open);
        let suspected = self.suspected.filter(|_| suspect);
        let guessed = self.guessed.filter(|nap| suspect && nap.until > now);
        let ill = suspected.filter(|nap| nap.until > now);
        let longer = |nap: Nap| guessed.is_none_or(|guess| guess.until < nap.until);
        match (told, suspected) {
            (Some(nap), _) if nap.until > now => How::Told(nap),
            _ if ill.or(guessed).is_some() => {
                ill.filter(|nap| longer(*nap)).or(guessed).map_or(How::Ready, How::Suspected)
            }
            (None, None) => How::Ready,
            (Some(nap), _) | (None, Some(nap)) if self.probe.is_some_and(|(_, until)| until > now) => {
                How::Suspected(nap)
            }
            (Some(nap), _) | (None, Some(nap)) => How::Probe(nap),
        }
    }

    pub(super) fn tell(&mut self, mut nap: Nap, now: Moment) -> (Nap, bool) {
        let goes_on = self.told.is_some_and(|old| old.until > now);
        if let Some(old) = self.told {
            nap.half_open |= old.half_open;
            if old.until > now && old.until >= nap.until {
                (nap.until, nap.asked, nap.cause) = (old.until, old.asked, old.cause);
            }
        }
        self.told = Some(nap);
        self.number += u32::from(!goes_on);
        (nap, !goes_on)
    }
}

/// Fifths of a duration do not come out even.
const ROUNDING: Duration = Duration::from_nanos(8);

/// A rest on suspicion. How long exactly is the machine's business, within a fifth of what it should be.
pub(super) fn suspect(
    area: &mut Area,
    probe: bool,
    cause: ErrorKind,
    policy: &Policy,
    said: Option<Rested>,
    now: Moment,
) -> Kept<Nap> {
    area.failed_probes += u32::from(probe);
    let full = policy.cooldown_base * 2u32.saturating_pow(area.failed_probes.min(20));
    let full = full.min(policy.cooldown_cap);
    let (low, high) = (full * 4 / 5, (full * 6 / 5).min(policy.cooldown_cap));
    let until = said.map(|said| said.rest.until);
    keep!(until.is_some(), "failure-cools", "{cause:?} makes nothing suspected (probe: {probe})");
    let until = until.unwrap_or_default();
    let old = area.suspected.map_or(Moment::ORIGIN, |nap| nap.until);
    keep!(until >= old, "suspected-rests", "suspected until {until:?}, and was until {old:?} before");
    let fits = until + ROUNDING >= now + low && until <= now + high + ROUNDING;
    let left = until - now;
    keep!(
        fits,
        "suspected-rests",
        "suspected for {left:?} (probe: {probe}), and should for {low:?} to {high:?}"
    );
    let nap = Nap { until, asked: until, cause, half_open: true };
    area.suspected = Some(nap);
    area.number += 1;
    Ok(nap)
}
