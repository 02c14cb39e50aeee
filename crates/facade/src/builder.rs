//! Putting a client together: everything that can be wrong is found here, before the first call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::fallback::Policy;
use backstop_core::route::{ModelFacts, Route, RouteStep};
use backstop_core::{Env, Error, ErrorKind, Overrides, Provider, Registry, Settings, TargetName};

use crate::client::Backstop;
use crate::wiring::Wiring;

/// Builds a [`Backstop`]. Mistakes are kept and reported by [`build`](Self::build).
///
/// ```
/// # use std::time::Duration;
/// # use backstop::{Ask, Backstop, Capabilities, ChatReply, ChatRequest, Error, Provider, async_trait};
/// # #[derive(Debug)] struct Echo;
/// # #[async_trait] impl Provider for Echo {
/// #     fn name(&self) -> &str { "echo" }
/// #     fn capabilities(&self, _: &str) -> Capabilities { Capabilities::default().with_chat() }
/// # }
/// let backstop = Backstop::builder()
///     .provider(Echo)
///     .target("echo/large")
///     .target("echo/small")
///     .deadline(Duration::from_secs(30))
///     .build()?;
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct BackstopBuilder {
    providers: Vec<Arc<dyn Provider>>,
    registry: Registry,
    env: Env,
    steps: Vec<RouteStep>,
    policy: Policy,
    routes: Vec<Route>,
    facts: BTreeMap<TargetName, ModelFacts>,
    settings: Vec<(String, Settings)>,
    mistake: Option<Error>,
}

impl BackstopBuilder {
    pub(crate) fn new() -> Self {
        Self {
            providers: Vec::new(),
            registry: backstop_providers::registry(),
            env: Env::new(|name| std::env::var(name).ok()),
            steps: Vec::new(),
            policy: Policy::default(),
            routes: Vec::new(),
            facts: BTreeMap::new(),
            settings: Vec::new(),
            mistake: None,
        }
    }

    /// Adds a provider under its own name. It goes before the one the registry would build for that name.
    pub fn provider(self, provider: impl Provider) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Adds a provider that is used elsewhere as well.
    pub fn shared_provider(mut self, provider: Arc<dyn Provider>) -> Self {
        let name = provider.name();
        let taken = self.providers.iter().any(|known| known.name() == name);
        let problem = if name.is_empty() || name.contains('/') || name.chars().any(char::is_whitespace) {
            Some(format!(
                "a provider cannot be called {name:?}: its name stands before the slash of a target"
            ))
        } else {
            taken.then(|| format!("two providers are called {name:?}; give one another name"))
        };
        match problem {
            Some(problem) => self.note(Error::new(ErrorKind::Config, problem)),
            None => self.providers.push(provider),
        }
        self
    }

    /// Appends a target to the default route, written `provider/model`.
    pub fn target(self, target: impl AsRef<str>) -> Self {
        self.target_with(target, Overrides::default())
    }

    /// Appends a target with what is special about asking it.
    pub fn target_with(mut self, target: impl AsRef<str>, overrides: Overrides) -> Self {
        match target.as_ref().parse::<TargetName>() {
            Ok(name) => {
                let target = backstop_core::route::Target::from(name).with_overrides(overrides);
                self.steps.push(RouteStep::One(target));
            }
            Err(error) => self.note(Error::new(ErrorKind::Config, error.to_string()).with_source(error)),
        }
        self
    }

    /// Sets the policy of the default route.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the deadline of the default route.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.policy.deadline = Some(deadline);
        self
    }

    /// Adds a named route. One called `default` takes the place of the targets given one by one.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// States what is known of a target.
    pub fn facts(mut self, target: impl AsRef<str>, facts: ModelFacts) -> Self {
        match target.as_ref().parse::<TargetName>() {
            Ok(name) => {
                self.facts.insert(name, facts);
            }
            Err(error) => self.note(Error::new(ErrorKind::Config, error.to_string()).with_source(error)),
        }
        self
    }

    /// Adds a provider of this kind, built from these settings when the client is.
    pub fn settings(mut self, kind: impl Into<String>, settings: Settings) -> Self {
        self.settings.push((kind.into(), settings));
        self
    }

    /// Replaces the kinds of provider that targets are looked up among.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Replaces the environment in which conventional keys are looked up.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// `Config`, for the first thing that is wrong: a target that is not `provider/model`, a provider nobody knows,
    /// no target at all, a deadline of zero, two routes of one name, a setting a provider refuses.
    pub fn build(mut self) -> Result<Backstop, Error> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let mut routes = std::mem::take(&mut self.routes);
        if !self.steps.is_empty() || routes.is_empty() {
            let steps = std::mem::take(&mut self.steps);
            routes.push(Route::new("default", steps).with_policy(self.policy.clone()));
        }
        let find = |name: &str| self.find(name);
        let mut wiring = Wiring::new(&self.facts, &find);
        let mut wired = BTreeMap::new();
        for route in &routes {
            let taken = wired.insert(route.name.clone(), Arc::new(wiring.wire(route)?)).is_some();
            if taken {
                return Err(Error::new(ErrorKind::Config, format!("two routes are called {:?}", route.name)));
            }
        }
        Ok(Backstop::new(wiring.finish(wired)))
    }

    fn find(&self, name: &str) -> Result<Arc<dyn Provider>, Error> {
        if let Some(provider) = self.providers.iter().find(|provider| provider.name() == name) {
            return Ok(Arc::clone(provider));
        }
        if let Some((kind, settings)) = self.settings.iter().find(|(_, settings)| settings.name == name) {
            return self.registry.build(kind, settings.clone());
        }
        if self.registry.kind(name).is_some() {
            return self.registry.build(name, Settings::new(name, self.env.clone()));
        }
        Err(self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Error {
        let known: Vec<&str> = self
            .providers
            .iter()
            .map(|provider| provider.name())
            .chain(self.registry.kinds().map(|kind| kind.name))
            .collect();
        let what_to_do = if self.registry.known().contains(&name) {
            format!("it is not compiled in: switch on the feature {name:?} of backstop")
        } else if known.is_empty() {
            "no provider is compiled in: switch one on by its feature, or add one with `provider`".to_owned()
        } else {
            format!("known are: {}", known.join(", "))
        };
        Error::new(ErrorKind::Config, format!("there is no provider {name:?}; {what_to_do}"))
    }

    fn note(&mut self, mistake: Error) {
        self.mistake.get_or_insert(mistake);
    }
}

impl fmt::Debug for BackstopBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstopBuilder")
            .field("providers", &self.providers)
            .field("registry", &self.registry)
            .field("steps", &self.steps)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
