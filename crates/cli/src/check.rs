//! `backstop check`: what works, what is missing, and with `--live` what the providers say.

use std::path::PathBuf;
use std::time::Duration;

use backstop::core::route::Route;
use backstop::{Backstop, ChatRequest, Error, ErrorKind};
use serde::Serialize;

use crate::args::Check;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::{human, out};

/// How long a target may take to answer one word.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    routes: Vec<RouteState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct RouteState {
    name: String,
    targets: Vec<TargetState>,
}

#[derive(Clone, Debug, Serialize)]
struct TargetState {
    target: String,
    state: State,
    message: Option<String>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ready,
    NotConfigured,
    Unreachable,
    Rejected,
    UnknownModel,
}

impl State {
    fn words(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotConfigured => "not configured",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::UnknownModel => "unknown model",
        }
    }
}

pub(crate) async fn run(config: Option<PathBuf>, arguments: Check) -> Exit {
    let found = match Setup::find(config) {
        Ok(setup) => setup.everything().await.map(|client| (setup, client)),
        Err(error) => Err(error),
    };
    let (setup, client) = match found {
        Ok(found) => found,
        Err(error) => {
            if arguments.json {
                let report = Report { ok: false, routes: Vec::new(), error: Some(error.to_string()) };
                out::ending(out::json(&report), Exit::Config);
            }
            human::failure(&error);
            return Exit::Config;
        }
    };
    let mut routes = Vec::new();
    let mut known: Vec<TargetState> = Vec::new();
    for route in client.inspect() {
        let mut targets = Vec::new();
        for target in route.targets {
            let state = match known.iter().find(|state| state.target == target.target) {
                Some(state) => state.clone(),
                None => {
                    let state = state_of(&setup, target.target, target.missing, arguments.live).await;
                    known.push(state.clone());
                    state
                }
            };
            targets.push(state);
        }
        routes.push(RouteState { name: route.name, targets });
    }
    let ok = known.iter().all(|target| target.state == State::Ready);
    let written = if arguments.json {
        out::json(&Report { ok, routes, error: None })
    } else {
        table(&routes, arguments.live)
    };
    out::ending(written, if ok { Exit::Answered } else { Exit::NotAnswered })
}

async fn state_of(setup: &Setup, target: String, missing: Option<String>, live: bool) -> TargetState {
    if let Some(missing) = missing {
        return TargetState { target, state: State::NotConfigured, message: Some(missing) };
    }
    if !live {
        return TargetState { target, state: State::Ready, message: None };
    }
    let (state, message) = match ask(setup, &target).await {
        Ok(()) => (State::Ready, None),
        Err(error) => live_state(&error),
    };
    TargetState { target, state, message }
}

/// One cheap request: it shows that the provider answers, takes the key, and knows the model.
async fn ask(setup: &Setup, target: &str) -> Result<(), Error> {
    let client: Backstop = setup.only(Route::of("check", [target])?)?;
    let request = ChatRequest::user("Say OK.").with_max_output_tokens(16);
    client.with_deadline(PATIENCE).with_attempts(1).chat(request).await.map(drop)
}

/// What a failure says of the target. An answer that is empty or filtered came from a provider that works.
fn live_state(error: &Error) -> (State, Option<String>) {
    let step = error.trail().steps().last();
    let kind = step.and_then(|step| step.kind).unwrap_or_else(|| error.kind());
    let message = step.and_then(|step| step.message.clone()).unwrap_or_else(|| error.to_string());
    let state = match kind {
        ErrorKind::Auth | ErrorKind::Forbidden | ErrorKind::Quota => State::Rejected,
        ErrorKind::ModelNotFound => State::UnknownModel,
        ErrorKind::NotConfigured | ErrorKind::Config => State::NotConfigured,
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Server | ErrorKind::Overloaded => {
            State::Unreachable
        }
        ErrorKind::BadReply if !is_empty_answer(error) => State::Unreachable,
        _ => return (State::Ready, Some(format!("{}: {message}", kind.words()))),
    };
    (state, Some(message))
}

/// A model that thinks may spend the few tokens it is given before its first word.
fn is_empty_answer(error: &Error) -> bool {
    let status = error.trail().steps().last().and_then(|step| step.status);
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    status == Some(200) && cause.is_some_and(|cause| !cause.facts().counted)
}

fn table(routes: &[RouteState], live: bool) -> std::io::Result<()> {
    let width =
        routes.iter().flat_map(|route| &route.targets).map(|t| t.target.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for route in routes {
        text.push_str(&format!("route {}\n", route.name));
        for target in &route.targets {
            let TargetState { target, state, message } = target;
            let message = message.as_deref().map_or_else(String::new, |message| format!(": {message}"));
            text.push_str(&format!("  {target:width$}  {}{message}\n", state.words()));
        }
    }
    let written = out::text(&text);
    if !live {
        human::note("nothing was sent; `backstop check --live` asks each target once");
    }
    written
}
