//! What a failure leads to: its reaction, the route's rule, or the end of the call.

use std::sync::Arc;

use super::super::facts::{Facts, Outcome};
use super::super::fleet::{Ended, Fleet};
use super::super::ids::{ProviderId, SlotId};
use super::super::jitter::roll;
use super::super::moment::Moment;
use super::super::plan::{Rule, expand};
use super::super::policy::AfterCommit;
use super::{Call, Live};
use crate::error::{ErrorKind, MoveOn};
use crate::trail::Verdict;

impl Call {
    /// An attempt has failed, by itself or by a timer. Its connection is gone, or about to go.
    pub(super) fn failed(&mut self, live: Live, mut facts: Facts, now: Moment, fleet: &mut Fleet) {
        let (slot, provider, entry) = (live.slot, self.provider(live.slot), live.entry);
        let was_committed = self.committed == Some(live.id);
        self.entries[entry].rest = self.settle(live, Ended::Failed(facts), now, fleet);
        if was_committed {
            facts.kind = ErrorKind::Interrupted;
        }
        self.entries[entry].kind = Some(facts.kind);
        self.entries[entry].phase = facts.phase;
        self.entries[entry].took = now - self.entries[entry].at;
        if !self.live.is_empty() {
            self.entries[entry].verdict = Some(Verdict::NextTarget);
        } else {
            self.undecided = Some(entry);
        }

        if let Some(hint) = facts.hint {
            self.stated.retain(|(of, _)| *of != slot);
            self.stated.push((slot, now + hint));
        }
        match facts.kind {
            ErrorKind::Connect if self.plan.policy.suspect => self.closed.push(provider),
            ErrorKind::ContextLength => self.needs_window(slot, facts.needed_tokens),
            _ => {}
        }
        let reaction = facts.kind.reaction();
        let stops = if was_committed {
            self.committed = None;
            self.plan.policy.after_commit == AfterCommit::Stop
        } else {
            reaction.move_on == MoveOn::No
                || self.rule_stops(facts.kind, facts.recognised.then_some(provider))
        };
        if stops {
            self.abort_all(Verdict::Stopped, now, fleet);
            return self.stop(entry, facts.kind);
        }
        if reaction.comeback && facts.comeback && self.in_reach(slot) {
            self.comebacks.push(self.comeback(slot, facts.hint, now));
        }
        self.decide(now, fleet);
    }

    /// Applies the route's rule for a failure or skip of this kind; true if it ends the call. `refused_by` is the
    /// provider that named what is wrong with the request, if one did.
    pub(super) fn rule_stops(&mut self, kind: ErrorKind, refused_by: Option<ProviderId>) -> bool {
        let plan = Arc::clone(&self.plan);
        let second_opinion = match plan.rule(kind) {
            Rule::Stop => return true,
            Rule::Next => false,
            Rule::Instead(steps) => {
                let list = expand(steps, roll(self.terms.seed, 2));
                if list.iter().any(|slot| self.tried & slot.bit() == 0) {
                    self.comebacks.retain(|comeback| list.contains(&comeback.slot));
                    self.list = list;
                    return false;
                }
                kind.reaction().move_on == MoveOn::SecondOpinion
            }
            Rule::SecondOpinion => true,
            Rule::Default => kind.reaction().move_on == MoveOn::SecondOpinion,
        };
        let Some(provider) = refused_by.filter(|_| second_opinion) else { return false };
        self.refused_by.push(provider);
        self.refused_by.iter().any(|other| *other != provider)
    }

    pub(super) fn needs_window(&mut self, slot: SlotId, needed: Option<u32>) {
        let refusing = self.seats[slot.index()].window.map_or(0, |window| window.saturating_add(1));
        self.window_needed = self.window_needed.max(needed.unwrap_or(refusing));
    }

    pub(super) fn stop(&mut self, entry: usize, kind: ErrorKind) {
        if self.entries[entry].attempt.is_some() {
            self.entries[entry].verdict = Some(Verdict::Stopped);
        } else if let Some(last) = self.undecided {
            // The rule fired for a skip: the failure before it had no successor.
            self.entries[last].verdict = Some(Verdict::Stopped);
        }
        self.undecided = None;
        self.finish(Outcome::Stopped(kind));
    }
}
