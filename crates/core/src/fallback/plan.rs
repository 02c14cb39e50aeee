//! A route as the machine sees it: slots, their order, and what each kind of failure leads to.

use super::ids::{ProviderId, RouteId, SlotId, TargetId};
use super::jitter::roll;
use super::policy::{Policy, Times};
use crate::error::ErrorKind;

/// The most slots of a plan: targets, members of pools and targets of rules together.
const SLOTS_MAX: usize = 64;

/// A target of a plan.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whose health counts. Two slots may share it: the same model with other overrides.
    pub target: TargetId,
    /// Whose provider it is.
    pub provider: ProviderId,
    /// Its own timers.
    pub times: Times,
}

impl Slot {
    /// A slot without timers of its own.
    #[must_use]
    pub fn new(target: TargetId, provider: ProviderId) -> Self {
        Self { target, provider, times: Times::default() }
    }
}

/// A step of a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanStep {
    /// One target.
    One(SlotId),
    /// Several, for each call in a new order; after one fails the next is tried, then the next step.
    #[non_exhaustive]
    Pool {
        /// How the order comes about.
        pick: Pick,
        /// The members, each with its weight.
        members: Vec<(SlotId, u32)>,
    },
}

impl PlanStep {
    /// A pool.
    #[must_use]
    pub fn pool(pick: Pick, members: Vec<(SlotId, u32)>) -> Self {
        Self::Pool { pick, members }
    }
}

/// How the members of a pool are ordered.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pick {
    /// As listed.
    #[default]
    Order,
    /// At random, in proportion to their weights.
    Weighted,
}

/// What a route wants for one kind of failure.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// What the kind itself leads to.
    #[default]
    Default,
    /// The next target.
    Next,
    /// The call ends.
    Stop,
    /// One more provider is asked; if it refuses as well the call ends.
    SecondOpinion,
    /// These targets instead of the rest of the route.
    Instead(Vec<PlanStep>),
}

/// A plan that cannot work.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no target in it.
    #[error("the route has no target: list at least one")]
    Empty,
    /// There are more slots than a plan may have.
    #[error("the route has more than {SLOTS_MAX} targets, its rules' lists included")]
    TooLong,
    /// A step names a slot that does not exist.
    #[error("a step names slot {}, which does not exist", .0.0)]
    UnknownSlot(SlotId),
    /// A pool has no member, or its weights sum to nothing or too much.
    #[error("a pool needs at least one member, and weights that sum to 1 or more")]
    BadPool,
}

/// A route as the machine sees it: immutable, shared by all its calls.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) route: RouteId,
    pub(super) policy: Policy,
    pub(super) slots: Vec<Slot>,
    steps: Vec<PlanStep>,
    rules: Vec<(ErrorKind, Rule)>,
}

impl Plan {
    /// The slots, tried in this order.
    ///
    /// # Errors
    /// If there is none, or too many.
    pub fn new(route: RouteId, policy: Policy, slots: Vec<Slot>) -> Result<Self, PlanError> {
        let steps = (0..slots.len().min(SLOTS_MAX)).map(|i| PlanStep::One(SlotId(small(i)))).collect();
        Self::with_steps(route, policy, slots, steps)
    }

    /// The slots, tried in the order of the steps; those in no step are there for rules.
    ///
    /// # Errors
    /// If there is no step, too many slots, a step that names no slot, or a pool that cannot be picked from.
    pub fn with_steps(
        route: RouteId,
        policy: Policy,
        slots: Vec<Slot>,
        steps: Vec<PlanStep>,
    ) -> Result<Self, PlanError> {
        if slots.len() > SLOTS_MAX {
            return Err(PlanError::TooLong);
        }
        let plan = Self { route, policy, slots, steps: Vec::new(), rules: Vec::new() };
        plan.check(&steps)?;
        Ok(Self { steps, ..plan })
    }

    /// Adds what one kind of failure leads to.
    ///
    /// # Errors
    /// If the rule's list could not be a route.
    pub fn with_rule(mut self, kind: ErrorKind, rule: Rule) -> Result<Self, PlanError> {
        if let Rule::Instead(steps) = &rule {
            self.check(steps)?;
        }
        self.rules.retain(|(other, _)| *other != kind);
        self.rules.push((kind, rule));
        Ok(self)
    }

    /// The slots.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn rule(&self, kind: ErrorKind) -> &Rule {
        self.rules.iter().find(|(of, _)| *of == kind).map_or(&Rule::Default, |(_, rule)| rule)
    }

    /// The flat list of one call: pools expanded in place, every target once, at its first place.
    pub(super) fn list(&self, seed: u64) -> Vec<SlotId> {
        expand(&self.steps, seed)
    }

    fn check(&self, steps: &[PlanStep]) -> Result<(), PlanError> {
        if steps.is_empty() {
            return Err(PlanError::Empty);
        }
        for step in steps {
            let slots: Vec<SlotId> = match step {
                PlanStep::One(slot) => vec![*slot],
                PlanStep::Pool { members, pick } => {
                    let sum = members.iter().try_fold(0u32, |sum, (_, weight)| sum.checked_add(*weight));
                    if members.is_empty() || (*pick == Pick::Weighted && sum.is_none_or(|sum| sum == 0)) {
                        return Err(PlanError::BadPool);
                    }
                    members.iter().map(|(slot, _)| *slot).collect()
                }
            };
            if let Some(slot) = slots.into_iter().find(|slot| slot.index() >= self.slots.len()) {
                return Err(PlanError::UnknownSlot(slot));
            }
        }
        Ok(())
    }
}

pub(super) fn expand(steps: &[PlanStep], seed: u64) -> Vec<SlotId> {
    let mut list: Vec<SlotId> = Vec::with_capacity(steps.len());
    let mut seen = 0u64;
    let mut add = |slot: SlotId| {
        if seen & slot.bit() == 0 {
            seen |= slot.bit();
            list.push(slot);
        }
    };
    for (i, step) in steps.iter().enumerate() {
        match step {
            PlanStep::One(slot) => add(*slot),
            PlanStep::Pool { pick: Pick::Order, members } => members.iter().for_each(|(slot, _)| add(*slot)),
            PlanStep::Pool { pick: Pick::Weighted, members } => {
                weighted(members, roll(seed, 0x900 + i as u64)).into_iter().for_each(&mut add);
            }
        }
    }
    list
}

/// Draws without putting back: the first is picked in proportion to the weights, then the next among the rest.
fn weighted(members: &[(SlotId, u32)], seed: u64) -> Vec<SlotId> {
    let mut rest = members.to_vec();
    let mut order = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let sum: u64 = rest.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = roll(seed, order.len() as u64) % sum.max(1);
        let drawn = rest
            .iter()
            .position(|(_, weight)| {
                let hit = left < u64::from(*weight);
                left = left.saturating_sub(u64::from(*weight));
                hit
            })
            .unwrap_or(0);
        order.push(rest.remove(drawn).0);
    }
    order
}

fn small(i: usize) -> u8 {
    u8::try_from(i).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fallback::Fleet;

    fn pool(members: &[(u8, u32)]) -> PlanStep {
        PlanStep::pool(
            Pick::Weighted,
            members.iter().map(|(slot, weight)| (SlotId(*slot), *weight)).collect(),
        )
    }

    #[test]
    fn a_target_in_a_pool_and_elsewhere_is_one_target_at_its_first_place() {
        let steps = [PlanStep::One(SlotId(1)), pool(&[(0, 1), (1, 5)]), PlanStep::One(SlotId(0))];
        assert_eq!(expand(&steps, 3), [SlotId(1), SlotId(0)]);
    }

    #[test]
    fn weights_are_kept_over_many_calls() {
        let steps = [pool(&[(0, 3), (1, 1)])];
        let first = (0..10_000).filter(|seed| expand(&steps, *seed).first() == Some(&SlotId(0))).count();
        assert!((7_200..7_800).contains(&first), "{first}");
    }

    #[test]
    fn a_member_of_weight_zero_comes_last() {
        let steps = [pool(&[(0, 0), (1, 1)])];
        assert!((0..100).all(|seed| expand(&steps, seed) == [SlotId(1), SlotId(0)]));
    }

    #[test]
    fn plans_that_cannot_work_are_refused() {
        let mut fleet = Fleet::default();
        let (provider, route) = (fleet.add_provider(), fleet.add_route());
        let slot = Slot::new(fleet.add_target(provider), provider);
        let plan = |slots, steps| Plan::with_steps(route, Policy::default(), slots, steps).map(|_| ());
        assert_eq!(Plan::new(route, Policy::default(), vec![]).map(|_| ()), Err(PlanError::Empty));
        assert_eq!(Plan::new(route, Policy::default(), vec![slot; 65]).map(|_| ()), Err(PlanError::TooLong));
        assert_eq!(plan(vec![slot], vec![PlanStep::One(SlotId(1))]), Err(PlanError::UnknownSlot(SlotId(1))));
        assert_eq!(plan(vec![slot], vec![pool(&[])]), Err(PlanError::BadPool));
        assert_eq!(plan(vec![slot], vec![pool(&[(0, 0)])]), Err(PlanError::BadPool));
    }
}
