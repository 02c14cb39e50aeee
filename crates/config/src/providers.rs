//! Tables of providers: which kind each is, and the settings it is built from.

use backstop_core::{Env, Kind, Registry, Secret, Settings, Shape};
use serde_json::{Map, Value as Json};
use toml::de::DeTable;

use crate::form::Table;
use crate::found::{Field, Fields, Found, Value};
use crate::near::nearest;
use crate::problem::Problem;
use crate::read::{Reader, brief, is_brief};
use crate::report::Report;
use crate::source::{Place, Span};

/// A provider of the file: what it is built from, once somebody builds it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct ProviderSetup {
    /// The name of its kind, which the registry knows.
    pub kind: String,
    /// Its settings; their name is that of its table.
    pub settings: Settings,
    file: String,
    place: Place,
}

impl ProviderSetup {
    /// A problem with this provider that shows where its table begins: for what only building it can find.
    #[must_use]
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(false, &self.file, Some(self.place.clone()), message.into(), None)
    }
}

/// Which kinds and providers there are.
#[derive(Clone, Debug)]
pub(crate) struct Kinds<'a> {
    pub(crate) registry: &'a Registry,
    /// The names of the tables, also of those that are wrong.
    pub(crate) tables: Vec<String>,
}

impl Kinds<'_> {
    fn compiled(&self) -> impl Iterator<Item = &str> {
        self.registry.kinds().map(|kind| kind.name)
    }

    /// What to tell of a provider that is neither a table nor a kind.
    pub(crate) fn unknown_provider(&self, name: &str) -> Option<(String, String)> {
        if self.registry.kind(name).is_some() || self.tables.iter().any(|table| table == name) {
            return None;
        }
        let shown = brief(name);
        let near = nearest(name, self.compiled().chain(self.tables.iter().map(String::as_str)));
        Some(match near {
            _ if self.registry.known().contains(&name) => not_compiled(&shown),
            Some(near) => (format!("there is no provider `{shown}`"), format!("did you mean `{near}`?")),
            None => (
                format!("there is no provider `{shown}`"),
                format!("give it a table that says its kind: [providers.{shown}]; {}", self.list()),
            ),
        })
    }

    /// What to tell of a table whose kind is not there: one it states, or its own name.
    pub(crate) fn unknown_kind(&self, kind: &str, stated: bool) -> (String, String) {
        let shown = brief(kind);
        if self.registry.known().contains(&kind) {
            return not_compiled(&shown);
        }
        let message = if stated {
            format!("there is no kind of provider called `{shown}`")
        } else {
            format!("`{shown}` is no kind of provider, and its table does not say which it is")
        };
        let near = nearest(kind, self.compiled().chain(self.registry.known().iter().copied()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if stated => self.list(),
            None => {
                let example = self.compiled().next().unwrap_or("openai");
                format!("say whose wire it speaks, for example kind = \"{example}\"; {}", self.list())
            }
        };
        (message, help)
    }

    fn list(&self) -> String {
        let names: Vec<&str> = self.compiled().collect();
        if names.is_empty() {
            "no kind is compiled in: switch one on by its feature".to_owned()
        } else {
            format!("kinds are {}", names.join(", "))
        }
    }
}

fn not_compiled(kind: &str) -> (String, String) {
    (
        format!("providers of the kind `{kind}` are not compiled in"),
        format!("build with the feature of that name: --features {kind}"),
    )
}

impl Reader<'_> {
    /// Reads a provider's table: which keys it has depends on its kind.
    pub(crate) fn provider(
        &mut self,
        tables: &[(Option<&'static str>, Table)],
        entries: &DeTable<'_>,
        span: &Span,
        name: &str,
    ) -> Found {
        let stated = entries.iter().find(|(key, _)| key.get_ref() == "kind").map(|(_, node)| node);
        let stated = stated.and_then(|node| {
            // A kind that hangs on a variable that is not set is not stated.
            let kind = self.peek(node.get_ref().as_str()?);
            Some((kind, node.span())).filter(|(kind, _)| !kind.is_empty())
        });
        let kind = stated.as_ref().map_or(name, |(kind, _)| kind);
        let Some((Some(kind), table)) = tables.iter().find(|(name, _)| *name == Some(kind)) else {
            let (message, help) = self.kinds.unknown_kind(kind, stated.is_some());
            match stated {
                None => self.report.error(span.clone(), message, Some(help)),
                Some((kind, at)) if is_brief(&kind) => {
                    self.report.show(at.clone());
                    self.report.error(at, message, Some(help));
                }
                // A slip of the hand may have put a key or URL here.
                Some((_, at)) => {
                    self.report.error(at, "this is no kind of provider", Some(self.kinds.list()))
                }
            }
            return Found::new(span.clone(), Value::Bad);
        };
        self.unset = Some(Vec::new());
        let mut fields = self.table(table, entries, span);
        fields.kind = Some(kind);
        fields.unset = self.unset.take().unwrap_or_default();
        Found::new(span.clone(), Value::Table(fields))
    }
}

/// The providers of a file, in its order.
pub(crate) fn setups(
    entries: &[Field],
    report: &mut Report<'_>,
    registry: &Registry,
    env: &Env,
) -> Vec<ProviderSetup> {
    let tables = |field: &'_ Field| field.found.table().is_some_and(|fields| fields.kind.is_some());
    let spans: Vec<Span> =
        entries.iter().filter(|field| tables(field)).map(|field| field.found.span.clone()).collect();
    let mut setups = Vec::new();
    for (field, place) in entries.iter().filter(|field| tables(field)).zip(report.places(&spans)) {
        if let Some(fields) = field.found.table() {
            let file = report.source.name.to_owned();
            let kind = fields.kind.unwrap_or_default();
            setups.push(ProviderSetup {
                kind: kind.to_owned(),
                settings: settings(&field.name, fields, report, registry.kind(kind), env),
                file,
                place,
            });
        }
    }
    setups
}

fn settings(
    name: &str,
    fields: &Fields,
    report: &mut Report<'_>,
    kind: Option<&Kind>,
    env: &Env,
) -> Settings {
    let mut settings = Settings::new(name, env.clone());
    for Field { name, key, found } in &fields.entries {
        if is_literal(found)
            && let Some(variable) = variable_of(name, kind)
        {
            let help = format!("take it from a variable, for example {name} = \"${{{variable}}}\"");
            report.warn(key.clone(), "a key stands in the file itself", Some(help));
        }
        match name.as_str() {
            "kind" => {}
            "api_key" => settings.api_key = found.text().map(Secret::new),
            "base_url" => settings.base_url = found.text().map(str::to_owned),
            "connect" => settings.connect = found.duration(),
            _ => {
                if let Some(value) = json(found) {
                    settings.options.insert(name.clone(), value);
                }
            }
        }
    }
    settings.missing = missing(fields);
    settings
}

/// Whether a text is a key that anybody who sees the file can read.
/// The variable that a secret setting is usually taken from; `None` for what is no secret.
fn variable_of(setting: &str, kind: Option<&Kind>) -> Option<String> {
    if setting == "api_key" {
        let usual = kind.and_then(|kind| kind.key_envs.first());
        return Some(usual.map_or_else(|| "MY_KEY".to_owned(), |variable| (*variable).to_owned()));
    }
    let is_secret =
        kind?.options.iter().any(|option| option.name == setting && option.shape == Shape::Secret);
    is_secret.then(|| setting.to_uppercase())
}

fn is_literal(found: &Found) -> bool {
    matches!(&found.value, Value::Text { text, from_vars: false } if !text.is_empty() && text != "none")
}

fn json(found: &Found) -> Option<Json> {
    match &found.value {
        Value::Text { text, .. } => Some(Json::String(text.clone())),
        Value::Flag(flag) => Some(Json::Bool(*flag)),
        Value::Count(count) => Some(Json::from(*count)),
        Value::Table(fields) => {
            let entry = |field: &Field| Some((field.name.clone(), json(&field.found)?));
            Some(Json::Object(fields.entries.iter().filter_map(entry).collect::<Map<_, _>>()))
        }
        _ => None,
    }
}

/// What has to be set before this provider can be asked.
fn missing(fields: &Fields) -> Option<String> {
    let mut variables: Vec<&str> = fields.unset.iter().map(|unset| unset.variable.as_str()).collect();
    variables.sort_unstable();
    variables.dedup();
    match (variables.as_slice(), fields.unset.as_slice()) {
        ([], _) => None,
        ([variable], [only]) => Some(format!("set {variable}: {} is taken from it", only.setting)),
        (variables, _) => Some(format!("set {}", variables.join(" and "))),
    }
}
