//! The shared health of all targets: who may be asked, who rests, and what every outcome changes.

#![expect(clippy::indexing_slicing, reason = "ids are made by the fleet that is indexed, and never removed")]

use std::time::Duration;

use super::budget::Budget;
use super::cooldown::{Condition, Rest, Rested, Ring, Scope, Suspicion, Ticket};
use super::facts::Facts;
use super::ids::{ProviderId, RouteId, TargetId};
use super::moment::Moment;
use super::policy::{Mode, Policy};
use crate::error::{Cools, ErrorKind, Phase, Scope as About};

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
    /// Whether it is known to have been served.
    served: bool,
}

impl Permit {
    /// Whether this attempt decides for all.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.own.is_probe() || self.shared.is_probe()
    }

    /// Whether it decides for all whether the target itself is well.
    #[must_use]
    pub fn probes_target(&self) -> bool {
        self.own.is_probe()
    }

    /// Whether it decides for all whether the provider is.
    #[must_use]
    pub fn probes_provider(&self) -> bool {
        self.shared.is_probe()
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

/// What a told cooldown lasts that is neither a rate limit nor a stated wait.
const TOLD: Duration = Duration::from_secs(60);
/// A stated wait up to this is no reason to rest a target that is merely overloaded.
const HINT_IGNORED: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
struct Target {
    provider: ProviderId,
    scope: Scope,
    /// Counted outcomes.
    ring: Ring,
    /// What was served, and what met a limit without a stated wait.
    limits: Ring,
    /// What its answers take, by [`Mode`].
    usual: [Option<Duration>; 3],
    /// How long it was last left alone in vain before another answered beside it.
    left: Duration,
}

impl Target {
    fn served(&mut self, permit: &mut Permit) {
        if !std::mem::replace(&mut permit.served, true) {
            self.limits.push(false);
            self.scope.served(self.limits.mostly_held());
        }
    }
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
        let new = Target {
            provider,
            scope: Scope::default(),
            ring: Ring::default(),
            limits: Ring::default(),
            usual: [None; 3],
            left: Duration::ZERO,
        };
        self.targets.push(new);
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
        let (own, shared) = (scope.admit(lease, now, suspect), above.admit(lease, now, suspect));
        Permit { target, own, shared, served: false }
    }

    /// The attempt is still under way. A probe that says so less often than every few seconds is taken for parked, and
    /// another may probe in its place.
    pub fn renew(&mut self, permit: &mut Permit, now: Moment) {
        let Target { provider, scope, .. } = &mut self.targets[permit.target.0 as usize];
        scope.renew(&mut permit.own, now);
        self.providers[provider.0 as usize].renew(&mut permit.shared, now);
    }

    /// The attempt has a connection. That disproves what a provider may be suspected of, and nothing else.
    pub fn connected(&mut self, permit: &mut Permit) {
        let provider = self.targets[permit.target.0 as usize].provider;
        self.providers[provider.0 as usize].disproved(&mut permit.shared);
    }

    /// The attempt has begun to answer: it was served, and its probe is settled.
    pub fn begun(&mut self, permit: &mut Permit) {
        let target = &mut self.targets[permit.target.0 as usize];
        target.served(permit);
        target.scope.begun(&mut permit.own);
        self.providers[target.provider.0 as usize].begun(&mut permit.shared);
    }

    /// An answer, or the first piece of one, took so long.
    pub fn took(&mut self, permit: &Permit, mode: Mode, time: Duration) {
        let target = &mut self.targets[permit.target.0 as usize];
        target.left = Duration::ZERO;
        let usual = &mut target.usual[mode as usize];
        // Up at once and down slowly: a long answer among short ones is no sign of trouble.
        *usual = Some(usual.map_or(time, |usual| time.max(usual - (usual - time.min(usual)) / 8)));
    }

    /// It was silent for so long when another answered beside it. It may be ill, or merely slow: next time it is left
    /// alone for longer, or nobody would ever learn which.
    pub fn left(&mut self, permit: &Permit, time: Duration) {
        let left = &mut self.targets[permit.target.0 as usize].left;
        *left = time.max(*left);
    }

    /// How long a target is known to take, or to have been silent in vain: at least.
    #[must_use]
    pub fn known_to_take(&self, target: TargetId, mode: Mode) -> Duration {
        let Target { usual, left, .. } = &self.targets[target.0 as usize];
        usual[mode as usize].unwrap_or_default().max(*left)
    }

    /// What a target's slower answers have been taking, if it has answered.
    #[must_use]
    pub fn usual(&self, target: TargetId, mode: Mode) -> Option<Duration> {
        self.targets[target.0 as usize].usual[mode as usize]
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
        let mut permit = permit;
        let target = &mut self.targets[permit.target.0 as usize];
        if ended == Ended::Done {
            target.served(&mut permit);
        }
        let Permit { mut own, mut shared, .. } = permit;
        let Target { provider, scope, ring, limits, .. } = target;
        let above = &mut self.providers[provider.0 as usize];
        // Who was parked may have lost its lease: then it decides for nobody.
        scope.renew(&mut own, now);
        above.renew(&mut shared, now);
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
            Cools::RateLimit => match facts.hint {
                Some(hint) => Some(of_target(scope.tell(Rest::stated(hint, facts.kind, false, now), now))),
                None if policy.suspect => {
                    limits.push(true);
                    Some(of_target(scope.guess(policy.cooldown_base, policy.cooldown_cap, now)))
                }
                None => None,
            },
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
