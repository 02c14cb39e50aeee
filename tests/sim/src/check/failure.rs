//! What a failure or a skip should lead to.

#![expect(clippy::indexing_slicing, reason = "slots and rows are numbered by the world and by the call")]

use std::time::Duration;

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use super::Kept;
use super::story::{Again, Leg, Scene, Story, places, spread};
use crate::cover::Item;

impl Story {
    pub(super) fn failed(&mut self, leg: Leg, facts: Facts, s: &mut Scene<'_>) -> Kept {
        use ErrorKind::{
            BadReply, Cancelled, Connect, ContextLength, Interrupted, Overloaded, RateLimited, Server,
            Timeout,
        };
        let provider = s.road.slots[usize::from(leg.slot.0)].provider;
        let committed = self.committed == Some(leg.id);
        let kind = if committed { Interrupted } else { facts.kind };
        s.cover.reaction(facts.kind);
        if let Some(phase) = facts.phase {
            s.cover.phase(phase);
        }
        self.settle(&leg, facts, s)?;
        let row = self.end_row(leg.row, s.now);
        (row.kind, row.phase) = (Some(kind), facts.phase);
        if self.live.is_empty() {
            self.undecided = Some(leg.row);
        } else {
            s.cover.hit(Item::HedgeOneFailed);
            self.rows[leg.row].verdict = Some(Verdict::NextTarget);
        }
        if let Some(hint) = facts.hint {
            self.hints.retain(|(slot, _)| *slot != leg.slot);
            self.hints.push((leg.slot, s.now + hint));
        }
        if kind == Connect && s.road.policy.suspect {
            self.closed.push(provider);
        }
        if kind == ContextLength {
            let own = self.seats[usize::from(leg.slot.0)].window.map_or(0, |window| window + 1);
            self.window = self.window.max(facts.needed_tokens.unwrap_or(own));
        }
        let stops = if committed {
            self.committed = None;
            s.road.policy.after_commit == AfterCommit::Stop
        } else {
            kind == Cancelled || self.rule(kind, facts.recognised.then_some(provider), s)
        };
        if stops {
            for other in std::mem::take(&mut self.live) {
                s.cover.hit(Item::HedgeStopped);
                self.drop_leg(other, Verdict::Stopped, "stop-ends-all", s)?;
            }
            self.rows[leg.row].verdict = Some(Verdict::Stopped);
            self.undecided = None;
            let outcome = self.delivered.map_or(Outcome::Stopped(kind), Outcome::Interrupted);
            return self.finish(outcome, if committed { "commit-is-final" } else { "rule-stops" }, s);
        }
        let comes_back =
            matches!(kind, BadReply | Connect | Interrupted | Overloaded | RateLimited | Server | Timeout);
        if comes_back && facts.comeback && self.list.iter().any(|(slot, _)| *slot == leg.slot) {
            self.again.push(self.comeback(leg.slot, facts.hint, s));
        }
        s.cover.hit_if(committed, Item::Restart);
        if self.live.is_empty() { self.decide(s) } else { Ok(()) }
    }

    fn comeback(&self, slot: SlotId, hint: Option<Duration>, s: &Scene<'_>) -> Again {
        if let Some(hint) = hint {
            return Again { slot, from: s.now + hint, spread: spread(hint), invited: true };
        }
        let tries = self.rows.iter().filter(|row| row.slot == slot && row.attempt.is_some()).count();
        let doublings = u32::try_from(tries).unwrap_or(1).saturating_sub(1).min(20);
        let policy = &s.road.policy;
        let half = (policy.backoff_base * 2u32.pow(doublings)).min(policy.backoff_cap) / 2;
        Again { slot, from: s.now + half, spread: half, invited: false }
    }

    /// The route's rule for a failure or skip; true if it ends the call.
    pub(super) fn rule(&mut self, kind: ErrorKind, refuser: Option<usize>, s: &mut Scene<'_>) -> bool {
        let rule = s.road.rule(kind);
        match rule {
            Rule::Next => {
                s.cover.hit(Item::RuleNext);
                return false;
            }
            Rule::Stop => {
                s.cover.hit(Item::RuleStop);
                return true;
            }
            Rule::Instead(steps) => {
                let list = places(steps);
                if list.iter().any(|(slot, _)| self.tried & 1 << slot.0 == 0) {
                    s.cover.hit(Item::RuleList);
                    let pooled = steps.iter().any(|step| matches!(step, PlanStep::Pool { .. }));
                    s.cover.hit_if(pooled, Item::RuleListPool);
                    self.again.retain(|again| list.iter().any(|(slot, _)| *slot == again.slot));
                    self.list = list;
                    return false;
                }
                s.cover.hit(Item::RuleListUsedUp);
            }
            Rule::SecondOpinion => s.cover.hit(Item::RuleSecondOpinion),
            _ => {}
        }
        if kind != ErrorKind::BadRequest {
            return false;
        }
        let Some(refuser) = refuser else {
            s.cover.hit(Item::NoOpinion);
            return false;
        };
        let second = self.refused.iter().any(|other| *other != refuser);
        self.refused.push(refuser);
        s.cover.hit(if second { Item::SecondBadRequest } else { Item::SecondOpinion });
        second
    }
}
