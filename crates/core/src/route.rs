//! A route: an ordered list of targets plus a policy, in names; the [machine](crate::fallback) sees it as a plan.

use crate::error::{Error, ErrorKind};
use crate::fallback::{Hedge, Pick, Policy};
use crate::target::{Overrides, TargetName};

/// The most targets of a route, its pools and the lists of its rules included.
pub const TARGETS_MAX: usize = 64;

/// An ordered list of targets plus a policy. It has a name.
///
/// ```
/// use backstop_core::route::Route;
/// let route = Route::of("default", ["openai/gpt-5.2", "anthropic/claude-sonnet-4-5"]).unwrap();
/// assert_eq!(route.targets().count(), 2);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The name it is chosen by.
    pub name: String,
    /// What is tried, in order.
    pub steps: Vec<RouteStep>,
    /// The numbers and choices.
    pub policy: Policy,
    /// What single kinds of failure lead to, where that is not the default.
    pub rules: Vec<(ErrorKind, RouteRule)>,
    /// Whether embeddings may fall over to a model of another vector space.
    pub mixed_spaces: bool,
}

/// A step of a route.
#[expect(clippy::large_enum_variant, reason = "made once a route, and nearly all are of the large kind")]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum RouteStep {
    /// One target.
    One(Target),
    /// Several that stand for each other, each with its weight.
    #[non_exhaustive]
    Pool {
        /// How their order comes about in each call.
        pick: Pick,
        /// The members.
        members: Vec<(Target, u32)>,
    },
}

/// A target of a route: its name, and what is special about asking it there.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Provider and model.
    pub name: TargetName,
    /// What is special.
    pub overrides: Overrides,
}

/// What is known of one target beside what its provider says, and goes before it.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFacts {
    /// The window: input and output tokens together.
    pub context_tokens: Option<u32>,
    /// Whether the model thinks before it answers, and so may take its time.
    pub reasoning: Option<bool>,
    /// The vector space of its embeddings.
    pub space: Option<String>,
    /// The size of its embeddings.
    pub dimensions: Option<u32>,
}

/// What a route wants for one kind of failure.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum RouteRule {
    /// The next target.
    Next,
    /// The call ends.
    Stop,
    /// One more provider is asked; if it refuses as well the call ends. For bad requests.
    SecondOpinion,
    /// These targets instead of the rest of the route.
    Instead(Vec<RouteStep>),
}

impl RouteRule {
    /// Why there can be no rule for this kind; `None` if there can.
    #[must_use]
    pub const fn refused(kind: ErrorKind) -> Option<&'static str> {
        match kind {
            ErrorKind::Interrupted => Some("an answer had begun, and `after_commit` says what follows"),
            ErrorKind::Cancelled => Some("the caller has left, and nobody waits for another target"),
            ErrorKind::NotConfigured => {
                Some("such a target is always passed over, and the trail names what to set")
            }
            ErrorKind::Config | ErrorKind::Deadline | ErrorKind::Exhausted | ErrorKind::Usage => {
                Some("this is how a whole call ends, not a single attempt")
            }
            ErrorKind::Auth
            | ErrorKind::BadReply
            | ErrorKind::BadRequest
            | ErrorKind::Connect
            | ErrorKind::ContentFilter
            | ErrorKind::ContextLength
            | ErrorKind::Forbidden
            | ErrorKind::ModelNotFound
            | ErrorKind::Overloaded
            | ErrorKind::Quota
            | ErrorKind::RateLimited
            | ErrorKind::Server
            | ErrorKind::Timeout
            | ErrorKind::Unsupported => None,
        }
    }
}

impl From<TargetName> for Target {
    fn from(name: TargetName) -> Self {
        Self { name, overrides: Overrides::default() }
    }
}

impl Target {
    /// The target with what is special about it.
    #[must_use]
    pub fn with_overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }
}

impl RouteStep {
    /// A pool.
    #[must_use]
    pub fn pool(pick: Pick, members: Vec<(Target, u32)>) -> Self {
        Self::Pool { pick, members }
    }

    fn targets(&self) -> Box<dyn Iterator<Item = &Target> + '_> {
        match self {
            Self::One(target) => Box::new(std::iter::once(target)),
            Self::Pool { members, .. } => Box::new(members.iter().map(|(target, _)| target)),
        }
    }
}

impl Route {
    /// A route of these targets with the default policy.
    ///
    /// # Errors
    /// `Config` if one is not `provider/model`, or if there is none.
    pub fn of<T: AsRef<str>>(
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Result<Self, Error> {
        let parse = |text: T| -> Result<RouteStep, Error> {
            let name: TargetName = text
                .as_ref()
                .parse()
                .map_err(|error: crate::TargetNameError| Error::new(ErrorKind::Config, error.to_string()))?;
            Ok(RouteStep::One(name.into()))
        };
        let steps = targets.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let route = Self::new(name, steps);
        route.check()?;
        Ok(route)
    }

    /// A route of these steps with the default policy. It is checked when a client is built.
    #[must_use]
    pub fn new(name: impl Into<String>, steps: Vec<RouteStep>) -> Self {
        Self { name: name.into(), steps, policy: Policy::default(), rules: Vec::new(), mixed_spaces: false }
    }

    /// The same with this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with this rule for one kind of failure.
    #[must_use]
    pub fn with_rule(mut self, kind: ErrorKind, rule: RouteRule) -> Self {
        self.rules.retain(|(other, _)| *other != kind);
        self.rules.push((kind, rule));
        self
    }

    /// Every target, those of pools and rules included, in the order they stand.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let lists = self.rules.iter().filter_map(|(_, rule)| match rule {
            RouteRule::Instead(steps) => Some(steps),
            RouteRule::Next | RouteRule::Stop | RouteRule::SecondOpinion => None,
        });
        std::iter::once(&self.steps).chain(lists).flatten().flat_map(RouteStep::targets)
    }

    /// Whether the route can work at all.
    ///
    /// # Errors
    /// `Config` if it has no target or too many, if a duration in its policy is zero, or if a rule is for a kind that
    /// has none.
    pub fn check(&self) -> Result<(), Error> {
        let name = &self.name;
        let wrong = |what: String| Err(Error::new(ErrorKind::Config, format!("route {name:?} {what}")));
        if self.steps.is_empty() {
            return wrong("has no target: list at least one, for example openai/gpt-5.2".to_owned());
        }
        let count = self.targets().count();
        if count > TARGETS_MAX {
            return wrong(format!("has {count} targets; {TARGETS_MAX} are the most"));
        }
        let Policy { deadline, timeout, first_content, idle, hedge_after, .. } = self.policy;
        let hedge_after = match hedge_after {
            Hedge::After(time) => Some(time),
            Hedge::WhenSilent | Hedge::Off => None,
        };
        let durations = [
            ("deadline", deadline),
            ("timeout", timeout),
            ("first_content", first_content),
            ("idle", idle),
            ("hedge_after", hedge_after),
        ];
        let of_targets = self.targets().flat_map(|target| {
            let o = &target.overrides;
            [("timeout", o.timeout), ("first_content", o.first_content), ("idle", o.idle)]
        });
        for (what, value) in durations.into_iter().chain(of_targets) {
            if value.is_some_and(|value| value.is_zero()) {
                return wrong(format!(
                    "has a {what} of zero, in which nothing can be answered; leave it out for the default"
                ));
            }
        }
        if self.policy.attempts == Some(0) {
            return wrong("allows 0 attempts; 1 is the least".to_owned());
        }
        for (kind, rule) in &self.rules {
            if let Some(reason) = RouteRule::refused(*kind) {
                return wrong(format!("has a rule for {kind}, which has none: {reason}"));
            }
            if *rule == RouteRule::SecondOpinion && *kind != ErrorKind::BadRequest {
                return wrong(format!("asks for a second opinion on {kind}; that is for bad_request only"));
            }
            if matches!(rule, RouteRule::Instead(steps) if steps.is_empty()) {
                return wrong(format!(
                    "has an empty list for {kind}; write \"next\" or \"stop\", or list targets"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn complaint(route: &Route) -> String {
        route.check().unwrap_err().to_string()
    }

    #[test]
    fn routes_that_cannot_work_are_refused_with_what_to_do() {
        let none: [&str; 0] = [];
        assert!(Route::of("r", none).unwrap_err().to_string().contains("list at least one"));
        assert!(Route::of("r", ["gpt"]).unwrap_err().to_string().contains("provider/model"));
        let good = Route::of("r", ["a/x"]).unwrap();
        let policy = Policy { deadline: Some(Duration::ZERO), ..Policy::default() };
        assert!(complaint(&good.clone().with_policy(policy)).contains("deadline of zero"));
        let policy = Policy { attempts: Some(0), ..Policy::default() };
        assert!(complaint(&good.clone().with_policy(policy)).contains("0 attempts"));
        assert!(
            complaint(&good.clone().with_rule(ErrorKind::Cancelled, RouteRule::Stop)).contains("cancelled")
        );
        let many: Vec<String> = (0..65).map(|i| format!("a/{i}")).collect();
        assert!(Route::of("r", many).unwrap_err().to_string().contains("64 are the most"));
    }
}
