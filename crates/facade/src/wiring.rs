//! From names to things: routes become plans, targets find their providers.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use backstop_core::embedding::Space;
use backstop_core::fallback::{
    Fleet, Moment, Plan, PlanError, PlanStep, ProviderId, Rule, Slot, SlotId, TargetId, Unary,
};
use backstop_core::route::{ModelFacts, Route, RouteRule, RouteStep, Target};
use backstop_core::{Capabilities, Error, ErrorKind, Overrides, Provider, TargetName};
use tokio::time::Instant;

use crate::guard::guarded;

/// What all handles and calls of one client share.
#[derive(Debug)]
pub(crate) struct Shared {
    fleet: Mutex<Fleet>,
    origin: Instant,
    pub(crate) routes: BTreeMap<String, Arc<WiredRoute>>,
}

/// A route whose targets have found their providers. Targets stand in the order of the plan's slots.
#[derive(Debug)]
pub(crate) struct WiredRoute {
    pub(crate) name: Arc<str>,
    pub(crate) plan: Arc<Plan>,
    /// Whether embeddings may fall over to another vector space.
    pub(crate) mixed_spaces: bool,
    pub(crate) targets: Vec<WiredTarget>,
}

#[derive(Debug)]
pub(crate) struct WiredTarget {
    /// `provider/model`, for people.
    pub(crate) label: Arc<str>,
    pub(crate) name: TargetName,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) overrides: Overrides,
    pub(crate) facts: ModelFacts,
}

impl WiredRoute {
    /// Whether answers in one piece are collected from streams here.
    pub(crate) fn collects(&self) -> bool {
        self.plan.policy().unary == Unary::Stream
    }
}

impl WiredTarget {
    /// Says that it was this target that failed.
    pub(crate) fn located(&self, error: Error) -> Error {
        error.with_target(self.name.provider(), self.name.model())
    }

    /// What it can do. One that panics here can do nothing, and says so.
    pub(crate) fn capabilities(&self) -> Capabilities {
        guarded(|| self.provider.capabilities(self.name.model()))
            .unwrap_or_else(|| Capabilities::missing("the provider panicked when asked what it can do"))
    }
}

impl WiredTarget {
    /// The vector space of its embeddings at this size: as the config says, or as is known of the model. A model of
    /// which nothing is known is a space of its own; so is one of which this target asks what others may not.
    pub(crate) fn space(&self, size: Option<u32>) -> Space {
        let ModelFacts { space, dimensions, .. } = &self.facts;
        let known = Space::of_model(self.name.model());
        if let Some(stated) = space {
            // A stated space may be that of a well-known model under a name of one's own.
            let usual = Space::of_model(stated).or(known).and_then(|space| space.size());
            return Space::new(stated, dimensions.or(usual)).sized(size);
        }
        let space = match known {
            Some(known) => known,
            None => Space::new(&*self.label, *dimensions),
        };
        space.with_extra_body(&self.overrides.extra_body).sized(size.or(*dimensions))
    }
}

impl Shared {
    /// The fleet at this moment, for microseconds: never across an await. The clock is read under the lock, so that
    /// no call sees a moment before one that another has seen.
    pub(crate) fn fleet<T>(&self, then: impl FnOnce(&mut Fleet, Moment) -> T) -> T {
        // A panic elsewhere leaves health figures behind that are at worst a little old.
        let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        then(&mut fleet, now)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment::at(Instant::now().saturating_duration_since(self.origin))
    }

    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        let since = moment.since(Moment::ORIGIN);
        // The end of time is farther than an instant can be: a year stands for it.
        const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);
        self.origin.checked_add(since).unwrap_or_else(|| self.origin + YEAR)
    }

    /// The route of this name; without one `default`, or the only one there is.
    pub(crate) fn route(&self, name: Option<&str>) -> Result<&Arc<WiredRoute>, Error> {
        let names = || self.routes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match name {
            Some(name) => self.routes.get(name).ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("there is no route {name:?}; there are: {}", names()))
            }),
            None => match (self.routes.get("default"), self.routes.len()) {
                (Some(route), _) => Ok(route),
                (None, 1) => {
                    self.routes.values().next().ok_or_else(|| Error::new(ErrorKind::Usage, "no route"))
                }
                (None, _) => Err(Error::new(
                    ErrorKind::Usage,
                    format!("name a route: none is called \"default\", and there are: {}", names()),
                )),
            },
        }
    }
}

/// Wires routes one after the other; the same model in two routes has one health.
pub(crate) struct Wiring<'a> {
    fleet: Fleet,
    providers: BTreeMap<String, (ProviderId, Arc<dyn Provider>)>,
    /// Whose health is whose, where a target brings a credential of its own: a bad key is nobody else's trouble.
    scopes: BTreeMap<(ProviderId, Credential), ProviderId>,
    targets: BTreeMap<(TargetName, Option<Credential>), TargetId>,
    digests: [RandomState; 2],
    facts: &'a BTreeMap<TargetName, ModelFacts>,
    find: &'a Find<'a>,
}

/// Finds the provider of a name.
type Find<'a> = dyn Fn(&str) -> Result<Arc<dyn Provider>, Error> + 'a;

impl<'a> Wiring<'a> {
    pub(crate) fn new(facts: &'a BTreeMap<TargetName, ModelFacts>, find: &'a Find<'a>) -> Self {
        Self {
            fleet: Fleet::default(),
            providers: BTreeMap::new(),
            scopes: BTreeMap::new(),
            targets: BTreeMap::new(),
            digests: Default::default(),
            facts,
            find,
        }
    }

    pub(crate) fn finish(self, routes: BTreeMap<String, Arc<WiredRoute>>) -> Shared {
        Shared { fleet: Mutex::new(self.fleet), origin: Instant::now(), routes }
    }

    pub(crate) fn wire(&mut self, route: &Route) -> Result<WiredRoute, Error> {
        route.check()?;
        let mut slots = Slots::default();
        let steps = slots.steps(&route.steps);
        let rules: Vec<(ErrorKind, Rule)> =
            route.rules.iter().map(|(kind, rule)| (*kind, slots.rule(rule))).collect();
        let mut wired = Vec::with_capacity(slots.targets.len());
        let mut planned = Vec::with_capacity(slots.targets.len());
        for target in slots.targets {
            let (slot, target) = self.target(target)?;
            planned.push(slot);
            wired.push(target);
        }
        let wrong = |error: PlanError| {
            Error::new(ErrorKind::Config, format!("route {:?}: {error}", route.name)).with_source(error)
        };
        let mut plan =
            Plan::with_steps(self.fleet.add_route(), route.policy.clone(), planned, steps).map_err(wrong)?;
        for (kind, rule) in rules {
            plan = plan.with_rule(kind, rule).map_err(wrong)?;
        }
        Ok(WiredRoute {
            name: Arc::from(route.name.as_str()),
            plan: Arc::new(plan),
            mixed_spaces: route.mixed_spaces,
            targets: wired,
        })
    }

    fn target(&mut self, target: &Target) -> Result<(Slot, WiredTarget), Error> {
        let name = target.name.clone();
        let (provider_id, provider) = self.provider(name.provider())?;
        let credential = self.credential(&target.overrides);
        let fleet = &mut self.fleet;
        let scope = credential.map_or(provider_id, |credential| {
            *self.scopes.entry((provider_id, credential)).or_insert_with(|| fleet.add_provider())
        });
        let key = (name.clone(), credential);
        let id = *self.targets.entry(key).or_insert_with(|| fleet.add_target(scope));
        let mut slot = Slot::new(id, provider_id);
        slot.times.timeout = target.overrides.timeout;
        slot.times.first_content = target.overrides.first_content;
        slot.times.idle = target.overrides.idle;
        let facts = self.facts.get(&name).cloned().unwrap_or_default();
        let label = Arc::from(name.as_str());
        let wired = WiredTarget { label, name, provider, overrides: target.overrides.clone(), facts };
        let able = wired.capabilities();
        (slot.times.local, slot.times.connect) = (able.local, able.connect);
        Ok((slot, wired))
    }

    /// The target's own credential, if it has one: a digest that means nothing outside this client.
    fn credential(&self, overrides: &Overrides) -> Option<Credential> {
        let mut own: Vec<_> = overrides.credentials().collect();
        own.sort_unstable();
        (!own.is_empty()).then(|| Credential(self.digests.each_ref().map(|digest| digest.hash_one(&own))))
    }

    fn provider(&mut self, name: &str) -> Result<(ProviderId, Arc<dyn Provider>), Error> {
        if let Some((id, provider)) = self.providers.get(name) {
            return Ok((*id, Arc::clone(provider)));
        }
        let provider = (self.find)(name)?;
        let id = self.fleet.add_provider();
        self.providers.insert(name.to_owned(), (id, Arc::clone(&provider)));
        Ok((id, provider))
    }
}

/// Who asks, where it is not the provider's own key.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Credential([u64; 2]);

/// Numbers the distinct targets of a route: the same target with the same overrides is one.
#[derive(Default)]
struct Slots<'r> {
    targets: Vec<&'r Target>,
}

impl<'r> Slots<'r> {
    fn steps(&mut self, steps: &'r [RouteStep]) -> Vec<PlanStep> {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &'r RouteStep) -> PlanStep {
        match step {
            RouteStep::One(target) => PlanStep::One(self.slot(target)),
            RouteStep::Pool { pick, members, .. } => PlanStep::pool(
                *pick,
                members.iter().map(|(target, weight)| (self.slot(target), *weight)).collect(),
            ),
            // A kind of step that is newer than this crate cannot be wired, and core and facade are released together.
            _ => PlanStep::pool(backstop_core::fallback::Pick::Order, Vec::new()),
        }
    }

    fn rule(&mut self, rule: &'r RouteRule) -> Rule {
        match rule {
            RouteRule::Next => Rule::Next,
            RouteRule::Stop => Rule::Stop,
            RouteRule::SecondOpinion => Rule::SecondOpinion,
            RouteRule::Instead(steps) => Rule::Instead(self.steps(steps)),
            _ => Rule::Default,
        }
    }

    fn slot(&mut self, target: &'r Target) -> SlotId {
        let at = self.targets.iter().position(|known| *known == target).unwrap_or_else(|| {
            self.targets.push(target);
            self.targets.len() - 1
        });
        // A route was checked to have at most 64 targets.
        SlotId(u8::try_from(at).unwrap_or(u8::MAX))
    }
}
