//! The file as a whole: read it, check it, have routes and providers.

use std::collections::BTreeMap;
use std::path::Path;

use backstop_core::route::{ModelFacts, Route};
use backstop_core::{Env, Registry, TargetName};
use toml::de::DeTable;

use crate::abroad;
use crate::found::Fields;
use crate::problem::{Problem, Problems};
use crate::providers::{self, Kinds, ProviderSetup};
use crate::read::Reader;
use crate::report::Report;
use crate::routes::Builder;
use crate::schema;
use crate::source::Source;
use crate::syntax;

/// The most bytes of a file.
const BYTES_MAX: usize = 1 << 20;

/// What a file says.
///
/// ```
/// use backstop_config::Config;
/// use backstop_core::{Env, Error, ErrorKind, Kind, Registry};
///
/// let kind = Kind::new("openai", |_| Err(Error::new(ErrorKind::Config, "only an example")));
/// let registry = Registry::default().with(kind);
/// let text = "
///     [routes.default]
///     targets = [\"openai/gpt-5.2\", \"openai/gpt-6-luna\"]
///     deadline = \"60s\"
/// ";
/// let config = Config::parse("backstop.toml", text, &registry, &Env::empty()).unwrap();
/// assert_eq!(config.routes[0].targets().count(), 2);
///
/// let problems = Config::parse("backstop.toml", "[routes.x]\ntarget = []", &registry, &Env::empty()).unwrap_err();
/// assert_eq!(problems.first().line(), Some(2));
/// assert_eq!(problems.first().help(), Some("did you mean `targets`?"));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Config {
    /// The routes, in the order of the file. One may be called `*`.
    pub routes: Vec<Route>,
    /// The providers that have a table, in the order of the file.
    pub providers: Vec<ProviderSetup>,
    /// What the file states of single targets.
    pub facts: BTreeMap<TargetName, ModelFacts>,
    /// What is odd and changes nothing.
    pub warnings: Vec<Problem>,
    /// Variables whose values the file sends to a server that it names itself. Nothing is wrong with that where the file
    /// is one's own; where it was found and not asked for, it is worth telling.
    pub abroad: Vec<Problem>,
}

impl Config {
    /// Reads the text of a file. `source_name` is what messages call it.
    ///
    /// Every kind of provider that `registry` has can be used; variables come from `env`. A variable that is missing
    /// in a provider's table is no error: it is noted in the provider's `Settings::missing`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, in its order.
    pub fn parse(source_name: &str, text: &str, registry: &Registry, env: &Env) -> Result<Self, Problems> {
        let source = Source::new(source_name, text);
        if text.len() > BYTES_MAX {
            return Err(unreadable(source_name, format!("the file is larger than {} KiB", BYTES_MAX >> 10)));
        }
        let root = schema::root(registry);
        let (document, errors) = DeTable::parse_recoverable(text);
        if let Some(problems) = syntax::problems(&source, &root, &errors) {
            return Err(problems);
        }
        let document = document.into_inner();
        let mut reader = Reader {
            report: Report::new(source, &document),
            env,
            kinds: Kinds { registry, tables: table_names(&document) },
            root: &root,
            unset: None,
        };
        let fields = reader.table(&root, &document, &(0..0));
        let Reader { mut report, kinds, .. } = reader;
        let config = Self::build(&fields, &mut report, &kinds, env);
        let abroad = abroad::problems(&document, &mut report, env);
        let (errors, warnings, unlisted) = report.finish();
        match Problems::from_list(errors, unlisted) {
            Some(problems) => Err(problems),
            None => Ok(Self { warnings, abroad, ..config }),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, and everything that is wrong with it.
    pub fn load(path: impl AsRef<Path>, registry: &Registry, env: &Env) -> Result<Self, Problems> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let cannot = |error: std::io::Error| unreadable(&name, format!("cannot be read: {error}"));
        let file = std::fs::File::open(path).map_err(cannot)?;
        let mut bytes = Vec::new();
        // One byte more than is allowed is enough to know that it is too much.
        let mut file = std::io::Read::take(file, BYTES_MAX as u64 + 1);
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(cannot)?;
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&name, &text, registry, env),
            Err(error) => {
                let line = 1 + error
                    .as_bytes()
                    .iter()
                    .take(error.utf8_error().valid_up_to())
                    .filter(|b| **b == b'\n')
                    .count();
                Err(unreadable(&name, format!("line {line} is not UTF-8, as TOML has to be")))
            }
        }
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    fn build<'a>(fields: &Fields, report: &mut Report<'a>, kinds: &Kinds<'a>, env: &Env) -> Self {
        let providers = providers::setups(fields.entries_of("providers"), report, kinds.registry, env);
        let mut builder = Builder { report, kinds, too_many: false };
        let facts = builder.facts(fields.entries_of("models"));
        let routes = builder.routes(fields.entries_of("routes"));
        Self { routes, providers, facts, warnings: Vec::new(), abroad: Vec::new() }
    }
}

fn unreadable(name: &str, message: String) -> Problems {
    Problem::new(false, name, None, message, None).into()
}

/// The names of the tables of providers, whatever is in them.
fn table_names(document: &DeTable<'_>) -> Vec<String> {
    let providers = document.iter().find(|(key, _)| key.get_ref() == "providers");
    let tables = providers.and_then(|(_, node)| node.get_ref().as_table());
    tables.into_iter().flat_map(|table| table.keys()).map(|key| key.get_ref().clone().into_owned()).collect()
}
