//! What every outcome does to health, told a second time.

#![expect(clippy::indexing_slicing, reason = "areas are numbered by the world")]

use std::time::Duration;

use backstop_core::fallback::{Facts, Fleet, Mode, Moment, Policy, Rested, Standing, TargetId};
use backstop_core::{ErrorKind, Phase, Scope};

use super::area::{Area, How, Nap, UNHEARD, suspect};
use super::{Kept, keep};
use crate::cover::{Cover, Item};

/// What an attempt was admitted under.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Leave {
    serial: u64,
    target: usize,
    provider: usize,
    /// Of the target and of the provider.
    numbers: [u32; 2],
    served: bool,
    /// Whether it takes itself for the probe of the target, and of the provider: who was parked may be mistaken.
    pub(crate) believes: [bool; 2],
}

#[derive(Clone, Debug)]
pub(crate) struct Health {
    targets: Vec<Area>,
    providers: Vec<Area>,
    /// Counted outcomes, true is a failure.
    rings: Vec<Vec<bool>>,
    /// What was served, and (true) what met a limit without a wait.
    limited: Vec<Vec<bool>>,
    /// What a target's answers take, by mode.
    usual: Vec<[Option<Duration>; 3]>,
    /// How long a target was silent when it last lost to one beside it, and has not answered since.
    lost: Vec<Duration>,
    serial: u64,
    /// What is broken if the fleet now stands otherwise.
    touched: Option<&'static str>,
}

impl Health {
    pub(crate) fn new(targets: usize, providers: usize) -> Self {
        Self {
            targets: vec![Area::default(); targets],
            providers: vec![Area::default(); providers],
            rings: vec![Vec::with_capacity(11); targets],
            limited: vec![Vec::with_capacity(11); targets],
            usual: vec![[None; 3]; targets],
            lost: vec![Duration::ZERO; targets],
            serial: 0,
            touched: None,
        }
    }

    pub(crate) fn how(&self, target: usize, provider: usize, now: Moment, suspect: bool) -> How {
        let rank = |how: How| match how {
            How::Ready => (0, Moment::ORIGIN),
            How::Probe(nap) => (1, nap.until),
            How::Suspected(nap) => (2, nap.until),
            How::Told(nap) => (3, nap.until),
        };
        let own = self.targets[target].how(now, suspect);
        let above = self.providers[provider].how(now, suspect);
        if rank(above) > rank(own) { above } else { own }
    }

    /// Compares with the fleet, if anything has been changed since the last time.
    pub(crate) fn agrees(
        &mut self,
        fleet: &Fleet,
        ids: impl Iterator<Item = (TargetId, usize)>,
        now: Moment,
    ) -> Kept {
        let Some(invariant) = self.touched.take() else { return Ok(()) };
        for (target, (id, provider)) in ids.enumerate() {
            for suspect in [true, false] {
                let (is, should) =
                    (fleet.standing(id, now, suspect), self.how(target, provider, now, suspect));
                let agree = match (is, should) {
                    (Standing::Ready, How::Ready) => true,
                    (Standing::Probe(rest), How::Probe(nap))
                    | (Standing::Suspected(rest), How::Suspected(nap))
                    | (Standing::Told(rest), How::Told(nap)) => nap.is(rest),
                    _ => false,
                };
                let probes = matches!(
                    (is, should),
                    (Standing::Probe(_), How::Suspected(_)) | (Standing::Suspected(_), How::Probe(_))
                );
                let invariant = if probes { "one-probe" } else { invariant };
                keep!(agree, invariant, "target {target} stands {is:?}, and should {should:?}");
            }
        }
        Ok(())
    }

    pub(crate) fn admit(
        &mut self,
        target: usize,
        provider: usize,
        now: Moment,
        suspect: bool,
        cover: &mut Cover,
    ) -> Leave {
        self.serial += 1;
        let serial = self.serial;
        let probes = matches!(self.how(target, provider, now, suspect), How::Probe(_));
        for area in [&mut self.targets[target], &mut self.providers[provider]] {
            if probes && matches!(area.how(now, suspect), How::Probe(_)) {
                cover.hit_if(area.probe.is_some(), Item::ProbeTakenOver);
                area.probe = Some((serial, now + UNHEARD));
            }
        }
        self.touched.get_or_insert("one-probe");
        let numbers = [self.targets[target].number, self.providers[provider].number];
        let mut leave = Leave { serial, target, provider, numbers, served: false, believes: [false; 2] };
        leave.believes = self.probes(leave);
        leave
    }

    /// Whether an attempt probes the target, and the provider.
    pub(crate) fn probes(&self, leave: Leave) -> [bool; 2] {
        self.areas_ref(leave).map(|area| area.probe.is_some_and(|(probe, _)| probe == leave.serial))
    }

    pub(crate) fn is_probe(&self, leave: Leave) -> bool {
        self.probes(leave).contains(&true)
    }

    /// The attempt shows that it is still there.
    pub(crate) fn heard(&mut self, leave: &mut Leave, now: Moment) {
        let probes = self.probes(*leave);
        for (i, (area, _)) in self.areas(*leave).into_iter().enumerate() {
            if probes[i] {
                area.probe = Some((leave.serial, now + UNHEARD));
            }
        }
        leave.believes = probes;
        self.touched.get_or_insert("parked-probes");
    }

    /// The attempt has a connection: its provider is not suspected of making none.
    pub(crate) fn connected(&mut self, leave: &mut Leave, cover: &mut Cover) {
        let probes = self.probes(*leave)[1];
        let (area, fresh) = &mut self.areas(*leave)[1];
        if area.told.is_some() {
            return;
        }
        leave.believes[1] = false;
        if probes {
            area.probe = None;
            if *fresh && area.suspected.take().is_some() {
                area.failed_probes = 0;
                cover.hit(Item::ProbeConnected);
            }
            self.touched = Some("connected-is-alive");
        }
    }

    pub(crate) fn usual(&self, target: usize, mode: Mode) -> Option<Duration> {
        self.usual[target][place(mode)]
    }

    /// How long it was silent when another won.
    pub(crate) fn lost(&mut self, leave: Leave, time: Duration) {
        let lost = &mut self.lost[leave.target];
        *lost = (*lost).max(time);
    }

    /// What it takes at least, as far as anybody knows.
    pub(crate) fn at_least(&self, target: usize, mode: Mode) -> Duration {
        self.lost[target].max(self.usual(target, mode).unwrap_or_default())
    }

    /// The answer, or the first of it, took so long: more is believed at once, less by and by.
    pub(crate) fn took(&mut self, leave: Leave, mode: Mode, time: Duration) {
        self.lost[leave.target] = Duration::ZERO;
        let usual = &mut self.usual[leave.target][place(mode)];
        *usual = Some(match *usual {
            Some(before) if before > time => before - (before - time) / 8,
            _ => time,
        });
    }

    /// The attempt got through.
    fn serves(&mut self, leave: &mut Leave, cover: &mut Cover) {
        if std::mem::replace(&mut leave.served, true) {
            return;
        }
        let limited = &mut self.limited[leave.target];
        remember(limited, false);
        let area = &mut self.targets[leave.target];
        area.guesses = 0;
        if limited.iter().filter(|limited| **limited).count() * 2 <= limited.len() {
            cover.hit_if(area.guessed.take().is_some(), Item::GuessDisproved);
        }
    }

    fn areas_ref(&self, leave: Leave) -> [&Area; 2] {
        [&self.targets[leave.target], &self.providers[leave.provider]]
    }

    fn areas(&mut self, leave: Leave) -> [(&mut Area, bool); 2] {
        let own = &mut self.targets[leave.target];
        let above = &mut self.providers[leave.provider];
        let fresh = [own.number == leave.numbers[0], above.number == leave.numbers[1]];
        [(own, fresh[0]), (above, fresh[1])]
    }

    fn touch(&mut self, leave: Leave, invariant: &'static str) {
        let fresh = self.areas(leave).iter().all(|(_, fresh)| *fresh);
        self.touched = Some(if fresh { invariant } else { "old-number-changes-nothing" });
    }

    pub(crate) fn commit(&mut self, leave: &mut Leave, cover: &mut Cover) {
        self.serves(leave, cover);
        leave.believes = [false; 2];
        let leave = *leave;
        self.touch(leave, "commit-settles-the-probe");
        let probes = self.probes(leave);
        for (i, (area, fresh)) in self.areas(leave).into_iter().enumerate() {
            if !probes[i] {
                continue;
            }
            area.probe = None;
            if fresh {
                (area.told, area.suspected, area.failed_probes) = (None, None, 0);
            }
        }
    }

    pub(crate) fn success(&mut self, mut leave: Leave, cover: &mut Cover) {
        self.serves(&mut leave, cover);
        if self.is_probe(leave) {
            cover.hit(Item::ProbeSucceeded);
        }
        self.touch(leave, "success-closes");
        if self.areas(leave)[0].1 {
            self.count(leave.target, false);
        }
        for (area, fresh) in self.areas(leave) {
            area.probe = area.probe.filter(|(probe, _)| *probe != leave.serial);
            if fresh {
                (area.told, area.suspected, area.failed_probes) = (None, None, 0);
            }
        }
    }

    pub(crate) fn neutral(&mut self, leave: Leave, cover: &mut Cover) {
        if self.is_probe(leave) {
            cover.hit(Item::ProbeUndecided);
        }
        self.touch(leave, "neutral-changes-nothing");
        for (area, _) in self.areas(leave) {
            area.probe = area.probe.filter(|(probe, _)| *probe != leave.serial);
        }
    }

    fn count(&mut self, target: usize, failed: bool) {
        remember(&mut self.rings[target], failed);
    }

    /// A failure; `said` is the rest the machine says it brought about.
    pub(crate) fn failure(
        &mut self,
        leave: Leave,
        facts: Facts,
        policy: &Policy,
        said: Option<Rested>,
        now: Moment,
        cover: &mut Cover,
    ) -> Kept {
        use ErrorKind::{
            Auth, BadReply, BadRequest, Connect, ContentFilter, ContextLength, Forbidden, Interrupted,
            ModelNotFound, Overloaded, Quota, RateLimited, Server, Timeout, Unsupported,
        };
        self.touch(leave, "failure-cools");
        let stale = self.touched == Some("old-number-changes-nothing");
        cover.hit_if(stale, Item::OldNumber);
        let [own_probe, above_probe] = self.probes(leave);
        let fresh = self.areas(leave).map(|(_, fresh)| fresh);
        for (area, _) in self.areas(leave) {
            area.probe = area.probe.filter(|(probe, _)| *probe != leave.serial);
        }
        let silent = facts.kind == Timeout && matches!(facts.phase, Some(Phase::Headers | Phase::Total));
        let breaker = matches!(facts.kind, Overloaded | Server | Timeout | BadReply | Interrupted);
        let about_request = matches!(facts.kind, ContextLength | ContentFilter | Unsupported | BadRequest);
        let told = matches!(facts.kind, RateLimited | Quota | Auth | Forbidden | ModelNotFound);
        // Who was reached is alive: of a provider any answer proves it, of a target one about the request.
        let alive = [about_request || told, about_request || told || (breaker && !silent)];
        for (i, (area, fresh)) in self.areas(leave).into_iter().enumerate() {
            if [own_probe, above_probe][i] && fresh && alive[i] && area.suspected.take().is_some() {
                area.failed_probes = 0;
            }
        }
        if own_probe || above_probe {
            cover.hit(if about_request { Item::ProbeAlive } else { Item::ProbeFailed });
        }

        let minute = Duration::from_secs(60);
        let nap = |wait: Duration, half_open| Nap {
            until: now + wait.min(minute * 60),
            asked: now + wait,
            cause: facts.kind,
            half_open,
        };
        let mut expected = None;
        match facts.kind {
            RateLimited if facts.hint.is_some() => {
                let hint = facts.hint.unwrap_or_default();
                let (nap, new) = self.targets[leave.target].tell(nap(hint, false), now);
                expected = Some((Scope::Target, nap, new));
            }
            RateLimited if policy.suspect => {
                remember(&mut self.limited[leave.target], true);
                let area = &mut self.targets[leave.target];
                let resting = area.guessed.filter(|nap| nap.until > now);
                let guess = resting.unwrap_or_else(|| {
                    let wait = policy.cooldown_base * 2u32.saturating_pow(area.guesses.min(20));
                    area.guesses += 1;
                    cover.hit(Item::Guessed);
                    nap(wait.min(policy.cooldown_cap).min(minute), false)
                });
                area.guessed = Some(guess);
                expected = Some((Scope::Target, guess, resting.is_none()));
            }
            Quota | Auth | Forbidden | ModelNotFound => {
                let usual = if matches!(facts.kind, Quota | Auth) { Scope::Provider } else { Scope::Target };
                let about = facts.scope.unwrap_or(usual);
                let area = match about {
                    Scope::Provider => &mut self.providers[leave.provider],
                    _ => &mut self.targets[leave.target],
                };
                let (nap, new) = area.tell(nap(minute, true), now);
                expected = Some((about, nap, new));
            }
            Connect if policy.suspect => {
                let area = &mut self.providers[leave.provider];
                if fresh[1] && (area.suspected.is_none() || above_probe) {
                    let nap = suspect(area, above_probe, facts.kind, policy, said, now)?;
                    expected = Some((Scope::Provider, nap, true));
                }
            }
            Overloaded | Server | Timeout | BadReply | Interrupted if facts.counted => {
                if fresh[0] {
                    self.count(leave.target, true);
                }
                let ring = &self.rings[leave.target];
                let in_a_row = ring.iter().rev().take_while(|failed| **failed).count();
                let half = ring.iter().filter(|failed| **failed).count() * 2 >= ring.len();
                let ill = in_a_row >= 3 && half;
                let area = &mut self.targets[leave.target];
                let stated = facts.hint.filter(|hint| {
                    *hint > Duration::from_secs(5) && matches!(facts.kind, Overloaded | Server)
                });
                if let Some(hint) = stated {
                    let (nap, new) = area.tell(nap(hint, true), now);
                    expected = Some((Scope::Target, nap, new));
                } else if policy.suspect && fresh[0] && (own_probe || (ill && area.suspected.is_none())) {
                    let nap = suspect(area, own_probe, facts.kind, policy, said, now)?;
                    expected = Some((Scope::Target, nap, true));
                    cover.hit(Item::BreakerOpened);
                }
            }
            _ => {}
        }
        let is = said.map(|said| (said.scope, said.rest.until, said.rest.cause, said.new));
        let should = expected.map(|(scope, nap, new)| (scope, nap.until, nap.cause, new));
        let invariant = if stale { "old-number-changes-nothing" } else { "failure-cools" };
        keep!(is == should, invariant, "{:?} brought about {is:?}, and should {should:?}", facts.kind);
        Ok(())
    }
}

/// The last ten of something.
fn remember(ring: &mut Vec<bool>, bad: bool) {
    ring.push(bad);
    if ring.len() > 10 {
        ring.remove(0);
    }
}

fn place(mode: Mode) -> usize {
    match mode {
        Mode::Unary => 0,
        Mode::Embedding => 1,
        _ => 2,
    }
}
