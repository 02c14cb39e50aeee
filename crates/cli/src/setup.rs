//! From arguments, environment and config file to a client.

use std::path::{Path, PathBuf};

use backstop::core::route::{Route, RouteStep};
use backstop::core::{Env, Registry, TargetName};
use backstop::{Backstop, BackstopBuilder, Error, ErrorKind};
use backstop_config::{Config, Problem};

use crate::args::Terms;
use crate::built_in;
use crate::human;

/// The name of the route that is no route of the file's.
pub(crate) const UNNAMED: &str = "default";

/// What is asked for, where nobody says of whom.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Text,
    Vectors,
}

/// What the program found when it started.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) registry: Registry,
    pub(crate) env: Env,
    pub(crate) file: Option<(PathBuf, Config)>,
    /// Whether that file only lies in the current folder.
    pub(crate) is_found: bool,
}

impl Setup {
    /// Finds and reads the config file, if there is one.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Self, Error> {
        let env = Env::new(|name| std::env::var(name).ok());
        let registry = backstop::providers::registry();
        let mut is_found = false;
        let file = match locate(named, &env)? {
            Some(Located { path, is_asked_for }) => {
                is_found = !is_asked_for;
                if is_found {
                    human::note(&format!("using ./{}, found in the current folder", path.display()));
                }
                let config = read(&path, &registry, &env)?;
                tell(&config.warnings);
                if is_found && !config.abroad.is_empty() {
                    tell(&config.abroad);
                    human::note("if this is meant, name the file: --config, or BACKSTOP_CONFIG");
                }
                Some((path, config))
            }
            None => None,
        };
        Ok(Self { registry, env, file, is_found })
    }

    /// A client on the terms that were typed.
    pub(crate) async fn client_for(&self, terms: &Terms, wants: Wants) -> Result<Backstop, Error> {
        let mut client = self.client(terms, wants).await?;
        if let Some(deadline) = terms.deadline {
            client = client.with_deadline(deadline);
        }
        if let Some(attempts) = terms.attempts {
            client = client.with_attempts(attempts);
        }
        Ok(client)
    }

    /// A client over what the arguments name; says on stderr what it chose by itself.
    async fn client(&self, terms: &Terms, wants: Wants) -> Result<Backstop, Error> {
        let route = terms.route.as_deref();
        if let Some(models) = &terms.models {
            let route = Route::of(UNNAMED, models)?;
            return self.builder().route(route).build();
        }
        let Some((_, config)) = &self.file else {
            return match route {
                Some(name) => {
                    self.builder().route(Route::of(UNNAMED, [name]).map_err(|_| no_route(name, &[]))?).build()
                }
                None if wants == Wants::Vectors => {
                    self.builder().route(built_in::route_of_vectors(&self.registry, &self.env)?).build()
                }
                None => self.builder().route(built_in::route(&self.registry, &self.env).await?).build(),
            };
        };
        let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
        let all = config.routes.iter().cloned().fold(self.builder(), BackstopBuilder::route);
        match route {
            None if names.is_empty() => Err(Error::new(
                ErrorKind::Config,
                "the config file has no route; add [routes.default], or name --models",
            )),
            None => all.build(),
            Some(name) if names.contains(&name) => Ok(all.build()?.with_route(name)),
            Some(name) => {
                let first: TargetName = name.parse().map_err(|_| no_route(name, &names))?;
                let rest = config
                    .routes
                    .iter()
                    .find(|route| route.name == "*")
                    .ok_or_else(|| no_route(name, &names))?;
                let mut route = rest.clone();
                route.name = UNNAMED.to_owned();
                route.steps.insert(0, RouteStep::One(first.into()));
                self.builder().route(route).build()
            }
        }
    }

    /// A client over all routes of the file, or over the built-in one.
    pub(crate) async fn everything(&self) -> Result<Backstop, Error> {
        match &self.file {
            Some((_, config)) => {
                config.routes.iter().cloned().fold(self.builder(), BackstopBuilder::route).build()
            }
            None => self.builder().route(built_in::route(&self.registry, &self.env).await?).build(),
        }
    }

    /// A client over this route alone, with the providers of the file.
    pub(crate) fn only(&self, route: Route) -> Result<Backstop, Error> {
        self.builder().route(route).build()
    }

    fn builder(&self) -> BackstopBuilder {
        let mut builder = Backstop::builder().registry(self.registry.clone()).env(self.env.clone());
        if let Some((_, config)) = &self.file {
            for setup in &config.providers {
                builder = builder.settings(setup.kind.as_str(), setup.settings.clone());
            }
            for (target, facts) in &config.facts {
                builder = builder.facts(target.as_str(), facts.clone());
            }
        }
        builder
    }
}

fn no_route(name: &str, routes: &[&str]) -> Error {
    let there_are = match routes {
        [] => "there is no config file, so name a target: provider/model".to_owned(),
        names => format!(
            "the config file has {}; provider/model works if there is a route \"*\"",
            names.join(", ")
        ),
    };
    Error::new(ErrorKind::Usage, format!("there is no route {name:?}; {there_are}"))
}

/// A config file, and whether the user said that it is to be used: the folder one happens to be in says nothing.
struct Located {
    path: PathBuf,
    is_asked_for: bool,
}

/// The config file: as named, by the variable, here, or in the user's config folder.
fn locate(named: Option<PathBuf>, env: &Env) -> Result<Option<Located>, Error> {
    let asked = |path: PathBuf| Located { path, is_asked_for: true };
    let missing = |path: &Path, how: &str| {
        Error::new(ErrorKind::Config, format!("the config file {} does not exist ({how})", path.display()))
    };
    let stated = named
        .map(|path| (path, "--config"))
        .or_else(|| env.var("BACKSTOP_CONFIG").map(|path| (PathBuf::from(path), "BACKSTOP_CONFIG")));
    if let Some((path, how)) = stated {
        return if path.exists() { Ok(Some(asked(path))) } else { Err(missing(&path, how)) };
    }
    let here = PathBuf::from("backstop.toml");
    if here.exists() {
        return Ok(Some(Located { path: here, is_asked_for: false }));
    }
    let home = || env.var("HOME").map(|home| Path::new(&home).join(".config"));
    let user = env.var("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    let user = user.map(|folder| folder.join("backstop").join("backstop.toml"));
    Ok(user.filter(|path| path.exists()).map(asked))
}

/// Shows each with its line.
pub(crate) fn tell(warnings: &[Problem]) {
    warnings.iter().for_each(|warning| human::plain(&warning.to_string()));
}

fn read(path: &Path, registry: &Registry, env: &Env) -> Result<Config, Error> {
    Ok(Config::load(path, registry, env)?)
}
