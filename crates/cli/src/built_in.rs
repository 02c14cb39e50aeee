//! The route of those who configured nothing.

use std::time::Duration;

use backstop::core::route::Route;
use backstop::core::{Env, Kind, Registry};
use backstop::{Error, ErrorKind};

use crate::human;
use crate::setup::UNNAMED;

/// How long a server on this machine may take to say which models it has.
const WAIT: Duration = Duration::from_millis(300);

/// What a kind contributes, and why.
struct Choice {
    target: String,
    because: String,
}

/// The providers whose conventional keys are set, each with its default model; then a server that runs on this machine. If
/// there is neither, what is there for when nothing is configured; it never stands behind a key, since a key that is wrong
/// must not end in the answer of a toy. The choice is told on stderr.
pub(crate) async fn route(registry: &Registry, env: &Env) -> Result<Route, Error> {
    let mut choices: Vec<Choice> = registry.kinds().filter_map(|kind| with_key(kind, env)).collect();
    for kind in registry.kinds() {
        choices.extend(running(kind, env).await);
    }
    let chosen = |targets: &[String]| targets.join(", ");
    if !choices.is_empty() {
        let because: Vec<String> = choices.iter().map(|choice| choice.because.clone()).collect();
        let targets: Vec<String> = choices.into_iter().map(|choice| choice.target).collect();
        human::note(&format!("no config file: using {} ({})", chosen(&targets), because.join(", ")));
        return Route::of(UNNAMED, targets);
    }
    let of_kind = |kind: &Kind| Some(format!("{}/{}", kind.name, kind.default_model?));
    let targets: Vec<String> = registry.kinds().filter(|kind| kind.last_resort).filter_map(of_kind).collect();
    if targets.is_empty() {
        let usable = registry.kinds().filter(|kind| kind.default_model.is_some());
        let variables: Vec<&str> = usable.flat_map(|kind| kind.key_envs).copied().collect();
        let message = format!(
            "nothing is configured: set {}, or write a config file with `backstop config init`",
            variables.join(" or ")
        );
        return Err(Error::new(ErrorKind::Config, message));
    }
    let variable = registry.kinds().flat_map(|kind| kind.key_envs).next();
    let such = variable.map(|variable| format!(", such as {variable},")).unwrap_or_default();
    human::note(&format!(
        "no config file and no key: using {}, a very small model that is built in; set a key{such} for a real one",
        chosen(&targets)
    ));
    Route::of(UNNAMED, targets)
}

fn with_key(kind: &Kind, env: &Env) -> Option<Choice> {
    let variable = kind.key_envs.iter().find(|variable| env.var(variable).is_some())?;
    let target = format!("{}/{}", kind.name, kind.default_model?);
    Some(Choice { target, because: format!("{variable} is set") })
}

/// The best model of a server that runs without being configured. One that does not run is no news.
async fn running(kind: &Kind, env: &Env) -> Option<Choice> {
    let models = tokio::time::timeout(WAIT, kind.find(env)?).await.ok()?.ok()?;
    let Some(model) = models.first() else {
        human::note(&format!("{} runs on this machine, but has no model to chat with", kind.name));
        return None;
    };
    Some(Choice { target: format!("{}/{model}", kind.name), because: format!("{} runs", kind.name) })
}

/// For vectors: the first provider whose conventional key is set and that makes them. No other is asked after it, since
/// vectors of two models cannot be compared.
pub(crate) fn route_of_vectors(registry: &Registry, env: &Env) -> Result<Route, Error> {
    let able = || registry.kinds().filter_map(|kind| Some((kind, kind.default_embedder?)));
    for (kind, model) in able() {
        if let Some(variable) = kind.key_envs.iter().find(|variable| env.var(variable).is_some()) {
            let target = format!("{}/{model}", kind.name);
            human::note(&format!("no config file: using {target} ({variable} is set)"));
            return Route::of(UNNAMED, [target]);
        }
    }
    let variables: Vec<&str> = able().flat_map(|(kind, _)| kind.key_envs).copied().collect();
    let message = format!(
        "nothing that makes vectors is configured: set {}, name --models, or write a config file with `backstop config init`",
        variables.join(" or ")
    );
    Err(Error::new(ErrorKind::Config, message))
}
