//! From a provider's name to a provider: a value, never a global.

use std::fmt;
use std::pin::Pin;
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

/// A setting that only one kind of provider knows.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct KindOption {
    /// Its name in a config file and in [`Settings::options`].
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// What it does, in one sentence.
    pub what: &'static str,
}

impl KindOption {
    /// A setting.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape, what: &'static str) -> Self {
        Self { name, shape, what }
    }
}

/// What the value of a setting looks like.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A text that nobody should read, such as a key.
    Secret,
    /// True or false.
    Flag,
    /// A whole number, at least 1.
    Count,
    /// A table of texts: headers, model files.
    Texts,
}

/// Looks for a server that runs without being configured: see [`Kind::find`]. Whoever waits for it says how long.
pub type Find = fn(Env) -> Found;

/// The names of models, once a server has told them.
pub type Found = Pin<Box<dyn Future<Output = Result<Vec<String>, Error>> + Send>>;

/// A kind of provider: how one is built, and what there is to say of it before one is.
#[non_exhaustive]
#[derive(Clone)]
pub struct Kind {
    /// Its name: that of its feature, its module, and of a provider without a table of its own.
    pub name: &'static str,
    /// The variables its key is conventionally found in, the first that is set counting.
    pub key_envs: &'static [&'static str],
    /// The model that is asked where nobody names one.
    pub default_model: Option<&'static str>,
    /// The same for embeddings.
    pub default_embedder: Option<&'static str>,
    /// The settings only it knows.
    pub options: &'static [KindOption],
    /// Whether it is there to answer when nothing else is configured, and is otherwise not chosen unasked.
    pub last_resort: bool,
    find: Option<Find>,
    build: Arc<Build>,
}

impl Kind {
    /// A kind without a key, a default model or settings of its own.
    #[must_use]
    pub fn new(
        name: &'static str,
        build: impl Fn(Settings) -> Result<Arc<dyn Provider>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            key_envs: &[],
            default_model: None,
            default_embedder: None,
            options: &[],
            last_resort: false,
            find: None,
            build: Arc::new(build),
        }
    }

    /// Says in which variables its key is conventionally found, the first that is set counting.
    #[must_use]
    pub fn with_key_envs(mut self, variables: &'static [&'static str]) -> Self {
        self.key_envs = variables;
        self
    }

    /// Makes it what answers when nothing else is configured.
    #[must_use]
    pub fn with_last_resort(mut self) -> Self {
        self.last_resort = true;
        self
    }

    /// Says which model is asked where nobody names one.
    #[must_use]
    pub fn with_default_model(mut self, model: &'static str) -> Self {
        self.default_model = Some(model);
        self
    }

    /// Says how to find out which models a server has that runs where the environment says and wants no key.
    #[must_use]
    pub fn with_find(mut self, find: Find) -> Self {
        self.find = Some(find);
        self
    }

    /// The models of a server that runs where the environment says and wants no key, the best to chat with first.
    /// `None` for kinds that have no such server.
    ///
    /// # Errors
    /// Why nothing is known of it: usually that it does not run.
    pub fn find(&self, env: &Env) -> Option<Found> {
        self.find.map(|find| find(env.clone()))
    }

    /// Says which model is asked for vectors where nobody names one.
    #[must_use]
    pub fn with_default_embedder(mut self, model: &'static str) -> Self {
        self.default_embedder = Some(model);
        self
    }

    /// Says which settings only it knows.
    #[must_use]
    pub fn with_options(mut self, options: &'static [KindOption]) -> Self {
        self.options = options;
        self
    }

    /// Builds a provider.
    ///
    /// # Errors
    /// `Config` if a setting is wrong.
    pub fn build(&self, settings: Settings) -> Result<Arc<dyn Provider>, Error> {
        (self.build)(settings)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

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
    kinds: Vec<Kind>,
    known: &'static [&'static str],
}

impl Registry {
    /// Adds a kind, or replaces the one of its name.
    #[must_use]
    pub fn with(mut self, kind: Kind) -> Self {
        match self.kinds.iter_mut().find(|known| known.name == kind.name) {
            Some(known) => *known = kind,
            None => self.kinds.push(kind),
        }
        self
    }

    /// Says which kinds there are beside, each to be switched on by a feature of its name.
    #[must_use]
    pub fn with_known(mut self, known: &'static [&'static str]) -> Self {
        self.known = known;
        self
    }

    /// The kinds there are, also those that are not compiled in; empty where nobody said.
    #[must_use]
    pub fn known(&self) -> &'static [&'static str] {
        self.known
    }

    /// The kinds, in the order in which they were added.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter()
    }

    /// The kind of this name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// Builds a provider of this kind.
    ///
    /// # Errors
    /// `Config` if the kind is unknown or its settings are wrong.
    pub fn build(&self, kind: &str, settings: Settings) -> Result<Arc<dyn Provider>, Error> {
        let Some(known) = self.kind(kind) else {
            if self.known.contains(&kind) {
                let message = format!(
                    "providers of the kind {kind:?} are not compiled in: build with the feature of that name, --features {kind}"
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
            let names: Vec<&str> = self.kinds().map(|kind| kind.name).collect();
            let names = if names.is_empty() {
                "no provider is compiled in: switch one on by its feature".to_owned()
            } else {
                format!("compiled in are {}", names.join(", "))
            };
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "there is no provider of the kind {kind:?}; {names}; others are features to be switched on"
                ),
            ));
        };
        known.build(settings)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.iter().map(|kind| kind.name)).finish()
    }
}
