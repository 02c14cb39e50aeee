//! From a provider's name to a provider: a value, never a global.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::provider::Provider;
use crate::secret::Secret;

/// Looks up environment variables. A value, so that tests and servers can bring their own.
#[derive(Clone)]
pub struct Env(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Env {
    /// Variables from a function.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// No variables at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(|_| None)
    }

    /// The variable, if it is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Env")
    }
}

/// What a provider is built from.
#[non_exhaustive]
#[derive(Clone)]
pub struct Settings {
    /// The provider's name in routes.
    pub name: String,
    /// What precedes the kind's documented path; `None` is the kind's own.
    pub base_url: Option<String>,
    /// The key; `None` is the kind's conventional variable, but only with the kind's own base URL.
    pub api_key: Option<Secret>,
    /// The connect timeout.
    pub connect: Option<Duration>,
    /// What only this kind knows.
    pub options: Map<String, Value>,
    /// Where variables are looked up.
    pub env: Env,
    /// What is missing before this provider can work, found by whoever read the settings.
    pub missing: Option<String>,
}

impl Settings {
    /// A provider with everything at its default.
    #[must_use]
    pub fn new(name: impl Into<String>, env: Env) -> Self {
        Self {
            name: name.into(),
            base_url: None,
            api_key: None,
            connect: None,
            options: Map::new(),
            env,
            missing: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("api_key", &self.api_key)
            .field("connect", &self.connect)
            // Options may hold headers, and those may hold keys.
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

/// Builds a provider from its settings.
pub type Build = dyn Fn(Settings) -> Result<Arc<dyn Provider>, Error> + Send + Sync;

/// The kinds of provider this program knows.
///
/// ```
/// use backstop_core::{Env, Registry, Settings};
/// let registry = Registry::default();
/// let error = registry.build("opnai", Settings::new("opnai", Env::empty())).unwrap_err();
/// assert!(error.to_string().contains("no provider of the kind \"opnai\""));
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<String, Arc<Build>>,
}

impl Registry {
    /// Adds a kind, or replaces the one of this name.
    #[must_use]
    pub fn with(
        mut self,
        kind: impl Into<String>,
        build: impl Fn(Settings) -> Result<Arc<dyn Provider>, Error> + Send + Sync + 'static,
    ) -> Self {
        self.kinds.insert(kind.into(), Arc::new(build));
        self
    }

    /// The kinds, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// Whether this kind is known.
    #[must_use]
    pub fn knows(&self, kind: &str) -> bool {
        self.kinds.contains_key(kind)
    }

    /// Builds a provider of this kind.
    ///
    /// # Errors
    /// `Config` if the kind is unknown or its settings are wrong.
    pub fn build(&self, kind: &str, settings: Settings) -> Result<Arc<dyn Provider>, Error> {
        let Some(build) = self.kinds.get(kind) else {
            let known: Vec<&str> = self.kinds().collect();
            let known = if known.is_empty() {
                "no provider is compiled in: switch one on by its feature".to_owned()
            } else {
                format!("compiled in are {}", known.join(", "))
            };
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "there is no provider of the kind {kind:?}; {known}; others are features to be switched on"
                ),
            ));
        };
        build(settings)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}
