//! A second attempt beside the first.

use super::super::facts::Facts;
use super::super::fleet::{Ended, Fleet, Standing};
use super::super::ids::{AttemptId, ProviderId, SlotId};
use super::super::moment::Moment;
use super::super::policy::Mode;
use super::{Call, Stage};
use crate::error::{ErrorKind, Phase};
use crate::trail::Verdict;

impl Call {
    pub(super) fn hedge(&mut self, now: Moment, fleet: &mut Fleet) {
        let Some(first) = self.live.first() else { return };
        let provider = self.provider(first.slot);
        let may =
            self.live.len() == 1 && !self.hedged && self.committed.is_none() && self.attempts_left() > 0;
        let other = if may { self.hedge_target(provider, now, fleet) } else { None };
        for live in &mut self.live {
            live.timers.disarm_hedge();
        }
        if let Some(slot) = other
            && fleet.pay(self.plan.route, now)
        {
            self.hedged = true;
            self.start(slot, now, fleet);
        }
    }

    /// The next ready target to ask beside one of `busy`: another provider's first.
    fn hedge_target(&self, busy: ProviderId, now: Moment, fleet: &Fleet) -> Option<SlotId> {
        let ready = |slot: &SlotId| {
            self.is_untried(*slot)
                && self.obstacle(*slot).is_none()
                && !self.refused_by.contains(&self.provider(*slot))
                && self.standing(*slot, now, fleet) == Standing::Ready
        };
        let mut ready = self.list.iter().copied().filter(ready);
        let first = ready.next()?;
        if self.provider(first) != busy {
            return Some(first);
        }
        Some(ready.find(|slot| self.provider(*slot) != busy).unwrap_or(first))
    }

    /// One of a pair has won: the other is dropped, and is nobody's failure unless it was a probe that kept silent.
    pub(super) fn abort_losers(&mut self, winner: AttemptId, now: Moment, fleet: &mut Fleet) {
        while let Some(lost) = self.live.iter().position(|live| live.id != winner) {
            let mut live = self.live.remove(lost);
            // It may have been parked, and another probes in its place.
            fleet.renew(&mut live.permit, now);
            let silent_probe = live.permit.is_probe() && live.stage == Stage::Sent;
            self.tried &= !live.slot.bit();
            if self.mode_of(live.slot) == Mode::Unary {
                fleet.left(&live.permit, now - live.begun);
            }
            let ended = if silent_probe {
                let mut facts = Facts::new(ErrorKind::Timeout);
                facts.phase = Some(Phase::Headers);
                Ended::Failed(facts)
            } else {
                Ended::Neutral
            };
            self.abort(live, Verdict::Hedged, ended, now, fleet);
        }
    }
}
