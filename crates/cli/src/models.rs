//! `backstop models`: the providers that are compiled in or configured, and the models that are known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::args::Models;
use crate::exit::Exit;
use crate::human;
use crate::out;
use crate::setup::Setup;

pub(crate) fn run(config: Option<PathBuf>, arguments: &Models) -> Exit {
    let setup = match Setup::find(config) {
        Ok(setup) => setup,
        Err(error) => {
            human::failure(&error);
            return Exit::of(&error);
        }
    };
    // Of each provider: its kind, and its models with what is known of them.
    let mut providers: BTreeMap<String, (String, BTreeMap<String, &str>)> = BTreeMap::new();
    for kind in setup.registry.kinds() {
        let entry =
            providers.entry(kind.name.to_owned()).or_insert_with(|| (kind.name.to_owned(), BTreeMap::new()));
        entry.1.extend(kind.default_model.map(|model| (model.to_owned(), "default")));
    }
    if let Some((_, config)) = &setup.file {
        for provider in &config.providers {
            let name = provider.settings.name.clone();
            providers.entry(name).or_insert_with(|| (provider.kind.clone(), BTreeMap::new())).0 =
                provider.kind.clone();
        }
        for target in config.routes.iter().flat_map(|route| route.targets()) {
            let (name, model) = (target.name.provider(), target.name.model());
            let entry =
                providers.entry(name.to_owned()).or_insert_with(|| (name.to_owned(), BTreeMap::new()));
            entry.1.entry(model.to_owned()).or_insert("in a route");
        }
    }
    if let Some(wanted) = &arguments.provider {
        if !providers.contains_key(wanted) {
            let names: Vec<&str> = providers.keys().map(String::as_str).collect();
            human::error(&format!("there is no provider {wanted:?}; there are: {}", names.join(", ")));
            return Exit::Config;
        }
        providers.retain(|name, _| name == wanted);
    }
    let mut text = String::new();
    for (name, (kind, models)) in &providers {
        let of_kind = if name == kind { String::new() } else { format!(" (kind {kind})") };
        text.push_str(&format!("{name}{of_kind}\n"));
        for (model, why) in models {
            text.push_str(&format!("  {name}/{model}  {why}\n"));
        }
    }
    let exit = out::only(&text);
    human::note("any model the provider serves can be named: provider/model");
    exit
}
