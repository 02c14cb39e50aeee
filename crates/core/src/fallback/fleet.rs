//! The shared health of all targets: who may be asked, who rests, and what every outcome changes.

#![expect(clippy::indexing_slicing, reason = "ids are made by the fleet that is indexed, and never removed")]

use super::budget::Budget;
use super::cooldown::{Condition, Rest, Ring, Scope, Suspicion, Ticket};
use super::facts::Facts;
use super::moment::Moment;
use super::policy::Policy;
use crate::error::{Cools, ErrorKind, Phase, Scope as About};
use std::time::Duration;

/// A provider of a fleet.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProviderId(u32);

/// A target of a fleet.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetId(u32);

/// A route of a fleet: whose retry budget pays.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(u32);

/// How a target stands at a moment.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be asked.
    Ready,
    /// It may be asked by one attempt, which decides for all.
    Probe(Rest),
    /// It looks ill, or its probe is out.
    Suspected(Rest),
    /// It said that it wants rest.
    Told(Rest),
}

/// The leave to make one attempt. Moved into [`Fleet::settle`], so every attempt is settled exactly once.
#[derive(Debug)]
#[must_use = "a permit holds a lease: settle it"]
pub struct Permit {
    target: TargetId,
    own: Ticket,
    shared: Ticket,
}

impl Permit {
    /// Whether this attempt decides for all.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.own.is_probe() || self.shared.is_probe()
    }
}

/// How an attempt ended.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It answered.
    Done,
    /// It failed.
    Failed(Facts),
    /// It was dropped: nobody knows how it would have ended.
    Neutral,
}

/// A rest that an outcome brought about or prolonged, or for which a target was skipped.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rested {
    /// What rests.
    pub scope: About,
    /// Until when, and why.
    pub rest: Rest,
    /// Whether a cooldown began, as against one that goes on.
    pub new: bool,
}

/// What a told cooldown lasts that is neither a rate limit nor a stated wait.
const TOLD: Duration = Duration::from_secs(60);
/// A stated wait up to this is no reason to rest a target that is merely overloaded.
const HINT_IGNORED: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
struct Target {
    provider: ProviderId,
    scope: Scope,
    ring: Ring,
}

/// The shared health of all targets of one client.
///
/// Borrowed mutably by one call at a time, for microseconds: asking for leave and getting it is one step.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    targets: Vec<Target>,
    providers: Vec<Scope>,
    budgets: Vec<Budget>,
}

impl Fleet {
    /// Adds a provider.
    pub fn add_provider(&mut self) -> ProviderId {
        self.providers.push(Scope::default());
        ProviderId(count(self.providers.len()))
    }

    /// Adds a target of a provider.
    pub fn add_target(&mut self, provider: ProviderId) -> TargetId {
        self.targets.push(Target { provider, scope: Scope::default(), ring: Ring::default() });
        TargetId(count(self.targets.len()))
    }

    /// Adds a route with a full budget.
    pub fn add_route(&mut self) -> RouteId {
        self.budgets.push(Budget::default());
        RouteId(count(self.budgets.len()))
    }

    /// Gives leave to ask a target. Where the target is half-open and nobody probes, this attempt is the probe.
    pub fn admit(&mut self, target: TargetId, now: Moment, suspect: bool) -> Permit {
        let lease = matches!(self.standing(target, now, suspect), Standing::Probe(_));
        let Target { provider, scope, .. } = &mut self.targets[target.0 as usize];
        let above = &mut self.providers[provider.0 as usize];
        Permit { target, own: scope.admit(lease, now, suspect), shared: above.admit(lease, now, suspect) }
    }

    /// The attempt has begun to answer. Settles its probe and nothing else.
    pub fn begun(&mut self, permit: &mut Permit) {
        let Target { provider, scope, .. } = &mut self.targets[permit.target.0 as usize];
        scope.begun(&mut permit.own);
        self.providers[provider.0 as usize].begun(&mut permit.shared);
    }

    /// The attempt has ended. Returns the rest it brought about.
    pub fn settle(
        &mut self,
        permit: Permit,
        ended: Ended,
        policy: &Policy,
        roll: u64,
        now: Moment,
    ) -> Option<Rested> {
        let Permit { target, mut own, mut shared } = permit;
        let Target { provider, scope, ring } = &mut self.targets[target.0 as usize];
        let above = &mut self.providers[provider.0 as usize];
        let fresh = scope.is_fresh(own);
        let facts = match ended {
            Ended::Done => {
                if fresh {
                    ring.push(false);
                }
                scope.succeeded(own);
                above.succeeded(shared);
                return None;
            }
            Ended::Neutral => {
                scope.release(&mut own);
                above.release(&mut shared);
                return None;
            }
            Ended::Failed(facts) => facts,
        };
        let suspicion = Suspicion { base: policy.cooldown_base, cap: policy.cooldown_cap, roll };
        let told = |wait: Duration| Rest::stated(wait, facts.kind, true, now);
        let of_target = |(rest, new)| Rested { scope: About::Target, rest, new };
        let of_provider = |(rest, new)| Rested { scope: About::Provider, rest, new };
        let reaction = facts.kind.reaction();
        if reaction.about_request || matches!(reaction.cools, Cools::Told(_) | Cools::RateLimit) {
            // It answered, if only to refuse: what was suspected is disproved.
            scope.alive(&mut own);
            above.alive(&mut shared);
        }
        let rested = match reaction.cools {
            Cools::Nothing => None,
            Cools::ProviderSuspected if policy.suspect => {
                above.suspect(shared, facts.kind, suspicion, now).map(|rest| of_provider((rest, true)))
            }
            Cools::ProviderSuspected => None,
            Cools::Told(about) if facts.scope.unwrap_or(about) == About::Provider => {
                Some(of_provider(above.tell(told(TOLD), now)))
            }
            Cools::Told(_) => Some(of_target(scope.tell(told(TOLD), now))),
            Cools::RateLimit => Some(of_target(scope.limit(own, facts.hint, suspicion, now))),
            Cools::Breaker => {
                // That connections are not made is all a provider is suspected of; silence says nothing about it.
                let silent = facts.kind == ErrorKind::Timeout
                    && matches!(facts.phase, Some(Phase::Headers | Phase::Total));
                if !silent {
                    above.alive(&mut shared);
                }
                if facts.counted && fresh {
                    ring.push(true);
                }
                let stated = facts.hint.filter(|hint| {
                    matches!(facts.kind, ErrorKind::Overloaded | ErrorKind::Server) && *hint > HINT_IGNORED
                });
                match stated {
                    _ if !facts.counted => None,
                    Some(hint) => Some(of_target(scope.tell(told(hint), now))),
                    None if policy.suspect && (own.is_probe() || ring.looks_ill()) => {
                        scope.suspect(own, facts.kind, suspicion, now).map(|rest| of_target((rest, true)))
                    }
                    None => None,
                }
            }
        };
        scope.release(&mut own);
        above.release(&mut shared);
        rested
    }

    /// Takes the price of a comeback or hedge; false if the route's budget does not hold it.
    pub fn pay(&mut self, route: RouteId, now: Moment) -> bool {
        self.budgets[route.0 as usize].pay(now)
    }

    /// Whether the route's budget holds the price of a comeback or hedge.
    pub fn affords(&mut self, route: RouteId, now: Moment) -> bool {
        self.budgets[route.0 as usize].affords(now)
    }

    /// Books a success.
    pub fn reward(&mut self, route: RouteId, now: Moment) {
        self.budgets[route.0 as usize].reward(now);
    }

    /// What the route's budget holds: 0 to 50 points.
    pub fn points(&mut self, route: RouteId, now: Moment) -> f64 {
        self.budgets[route.0 as usize].points(now)
    }

    /// How a target stands, its provider considered. Without `suspect` only what was told counts.
    #[must_use]
    pub fn standing(&self, target: TargetId, now: Moment, suspect: bool) -> Standing {
        let target = &self.targets[target.0 as usize];
        let own = target.scope.condition(now, suspect);
        let above = self.providers[target.provider.0 as usize].condition(now, suspect);
        worst(own, above)
    }
}

/// The stricter of two conditions; of two rests of one kind, the longer.
fn worst(one: Condition, other: Condition) -> Standing {
    use Condition::{Open, Suspected, Told, Untested};
    let longer = |a: Rest, b: Rest| if a.until >= b.until { a } else { b };
    match (one, other) {
        (Told(a), Told(b)) => Standing::Told(longer(a, b)),
        (Told(rest), _) | (_, Told(rest)) => Standing::Told(rest),
        (Suspected(a), Suspected(b)) => Standing::Suspected(longer(a, b)),
        (Suspected(rest), _) | (_, Suspected(rest)) => Standing::Suspected(rest),
        (Untested(a), Untested(b)) => Standing::Probe(longer(a, b)),
        (Untested(rest), Open) | (Open, Untested(rest)) => Standing::Probe(rest),
        (Open, Open) => Standing::Ready,
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len - 1).unwrap_or(u32::MAX)
}
