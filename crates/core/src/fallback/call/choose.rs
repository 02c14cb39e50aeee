//! The one sort key: who is asked next, and whether it is worth waiting for.
//!
//! Rank 0 are ready targets in list order; rank 1 untried targets under suspicion, the one that reopens soonest first,
//! then the other targets of a provider that refused the request; rank 2 is what must be waited for. What is passed
//! over on the way leaves a line in the record, and the route's rules fire for it as they do for a failed attempt.

use std::time::Duration;

use super::super::cooldown::Rest;
use super::super::cooldown::Rested;
use super::super::facts::Short;
use super::super::fleet::{Fleet, Standing};
use super::super::ids::SlotId;
use super::super::jitter::{doubled, roll, within};
use super::super::moment::Moment;
use super::super::plan::Rule;
use super::super::policy::{AllCooling, PATIENCE};
use super::record::resting;
use super::{Call, Comeback, Sleep};
use crate::error::ErrorKind;
use crate::trail::Verdict;

#[derive(Copy, Clone, Debug)]
pub(super) enum Choice {
    /// A target that was not tried yet.
    Fresh(SlotId),
    /// A target that was.
    Again { slot: SlotId, invited: bool },
    /// A target for which the call has to sleep first.
    Wait { slot: SlotId, ready: Moment, spread: Duration },
    /// Passing over a target met a rule that ends the call.
    Stop { entry: usize, kind: ErrorKind },
    /// No target, or none that is worth the wait.
    Nothing(Option<Short>),
}

/// What can be tried at once beside a ready target, best first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Suspected(Moment),
    /// Its provider has called the request bad.
    Refused(Moment),
}

#[derive(Copy, Clone, Debug)]
struct Waiting {
    slot: SlotId,
    ready: Moment,
    spread: Duration,
    /// A comeback, and whether the provider invited it.
    again: Option<bool>,
}

enum Passed {
    On,
    Replaced,
    Stop { entry: usize, kind: ErrorKind },
}

impl Call {
    pub(super) fn choose(&mut self, now: Moment, fleet: &mut Fleet) -> Choice {
        loop {
            // Otherwise a rule has replaced the list. Each slot is passed over once, so this ends.
            if let Ok(choice) = self.walk(now, fleet) {
                return choice;
            }
        }
    }

    fn walk(&mut self, now: Moment, fleet: &mut Fleet) -> Result<Choice, Replaced> {
        let mut at_once: Option<(Rank, SlotId)> = None;
        let mut waiting: Vec<Waiting> = Vec::new();
        for slot in self.list.clone() {
            if !self.is_untried(slot) {
                continue;
            }
            if let Some(kind) = self.obstacle(slot) {
                match self.pass_over(slot, kind, None, now) {
                    Passed::On => continue,
                    Passed::Replaced => return Err(Replaced),
                    Passed::Stop { entry, kind } => return Ok(Choice::Stop { entry, kind }),
                }
            }
            let refused = self.refused_by.contains(&self.provider(slot));
            let standing = self.standing(slot, now, fleet);
            let rest = match standing {
                Standing::Ready | Standing::Probe(_) if refused => {
                    offer(&mut at_once, Rank::Refused(Moment::ORIGIN), slot);
                    continue;
                }
                Standing::Ready | Standing::Probe(_) => return Ok(Choice::Fresh(slot)),
                // Nothing may be tried past a target whose failure would end the call: so it is tried.
                Standing::Suspected(rest) if *self.plan.rule(rest.cause) == Rule::Stop => {
                    return Ok(Choice::Fresh(slot));
                }
                Standing::Suspected(rest) | Standing::Told(rest) => rest,
            };
            match self.pass_over(slot, rest.cause, resting(standing), now) {
                Passed::On => {}
                Passed::Replaced => return Err(Replaced),
                Passed::Stop { entry, kind } => return Ok(Choice::Stop { entry, kind }),
            }
            if matches!(standing, Standing::Told(_)) {
                let spread = spread_of(rest.until - now);
                waiting.push(Waiting { slot, ready: rest.until, spread, again: None });
            } else if self.may_try_suspected(slot, rest) {
                let rank = if refused { Rank::Refused(rest.until) } else { Rank::Suspected(rest.until) };
                offer(&mut at_once, rank, slot);
            }
        }
        if let Some((_, slot)) = at_once {
            return Ok(Choice::Fresh(slot));
        }
        self.add_comebacks(&mut waiting, now, fleet);
        // Of those that need no wait, or the same, the earlier in the list.
        let place = |slot| self.list.iter().position(|other| *other == slot);
        let soonest = waiting.into_iter().min_by_key(|w| (w.ready.max(now), place(w.slot)));
        Ok(soonest.map_or(Choice::Nothing(None), |waiting| self.worth_waiting(waiting, now)))
    }

    fn may_try_suspected(&self, slot: SlotId, rest: Rest) -> bool {
        let closed_by_us = rest.cause == ErrorKind::Connect && self.closed.contains(&self.provider(slot));
        self.plan.policy.all_cooling == AllCooling::TrySoonest && !closed_by_us
    }

    fn pass_over(&mut self, slot: SlotId, kind: ErrorKind, rest: Option<Rested>, now: Moment) -> Passed {
        let Some(entry) = self.record_skip(slot, kind, rest, now) else { return Passed::On };
        let before = self.list.clone();
        if self.rule_stops(kind, None) {
            return Passed::Stop { entry, kind };
        }
        if self.list == before { Passed::On } else { Passed::Replaced }
    }

    fn add_comebacks(&mut self, waiting: &mut Vec<Waiting>, now: Moment, fleet: &mut Fleet) {
        let stated = self.terms.attempts.or(self.plan.policy.attempts);
        if self.comebacks_used >= self.plan.policy.comebacks_max(stated) {
            return;
        }
        for comeback in self.comebacks.clone() {
            if self.obstacle(comeback.slot).is_some() {
                continue;
            }
            if !comeback.invited && !fleet.affords(self.plan.route, now) {
                if let Some(entry) = self.entries.iter_mut().rfind(|entry| entry.slot == comeback.slot) {
                    entry.unaffordable = true;
                }
                continue;
            }
            // Suspicion does not hold a comeback back; what was told does.
            let (ready, spread) = match self.standing(comeback.slot, now, fleet) {
                Standing::Told(rest) if rest.until > comeback.from => {
                    (rest.until, spread_of(rest.until - now))
                }
                _ => (comeback.from, comeback.spread),
            };
            waiting.push(Waiting { slot: comeback.slot, ready, spread, again: Some(comeback.invited) });
        }
    }

    fn worth_waiting(&self, waiting: Waiting, now: Moment) -> Choice {
        let Waiting { slot, ready, spread, again } = waiting;
        if let Some(invited) = again.filter(|_| ready <= now) {
            return Choice::Again { slot, invited };
        }
        let in_time = self.clock.limit().is_none_or(|limit| ready < limit);
        let (needed, patience) = (self.slept + (ready - now), self.patience(now));
        if in_time && needed <= patience {
            return Choice::Wait { slot, ready, spread };
        }
        Choice::Nothing(Some(Short { slot, needed, patience: in_time.then_some(patience) }))
    }

    fn patience(&self, now: Moment) -> Duration {
        self.plan.policy.patience.unwrap_or_else(|| {
            let third = self.clock.limit().map_or(PATIENCE, |limit| (limit - now) / 3);
            PATIENCE.min(third)
        })
    }

    pub(super) fn wait(&mut self, slot: SlotId, ready: Moment, spread: Duration, now: Moment) {
        self.slept += ready - now;
        let jitter = within(spread, roll(self.terms.seed, 0x200 + self.entries.len() as u64));
        let room = self.clock.limit().map_or(jitter, |limit| (limit - ready) / 2);
        self.sleep = Some(Sleep { since: now, until: ready + jitter.min(room) });
        if let Some(last) = self.undecided {
            // Should the caller leave meanwhile, this is what was going to happen.
            let same = self.entries[last].slot == slot;
            self.entries[last].verdict = Some(if same { Verdict::RetrySame } else { Verdict::NextTarget });
        }
    }

    pub(super) fn comeback(&self, slot: SlotId, hint: Option<Duration>, now: Moment) -> Comeback {
        if let Some(hint) = hint {
            return Comeback { slot, from: now + hint, spread: spread_of(hint), invited: true };
        }
        let tries = self.entries.iter().filter(|entry| entry.slot == slot && entry.attempt.is_some()).count();
        let k = u8::try_from(tries.saturating_sub(1)).unwrap_or(u8::MAX);
        let delay = doubled(self.plan.policy.backoff_base, k, self.plan.policy.backoff_cap);
        Comeback { slot, from: now + delay / 2, spread: delay / 2, invited: false }
    }
}

struct Replaced;

fn offer(best: &mut Option<(Rank, SlotId)>, rank: Rank, slot: SlotId) {
    if best.is_none_or(|(other, _)| rank < other) {
        *best = Some((rank, slot));
    }
}

/// How far waiters for one and the same moment are spread out.
fn spread_of(wait: Duration) -> Duration {
    (wait / 10).max(Duration::from_millis(100))
}
