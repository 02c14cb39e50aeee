//! What `cargo metadata` says, cut down to what the checks ask about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value;

use crate::cargo;
use crate::failure::{Failure, Result, doing};

/// When a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One line of a `[dependencies]` table.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// One package, ours or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) description: Option<String>,
    /// The file a registry shows, as the manifest names it.
    pub(crate) readme: Option<String>,
    /// Whether it may be published anywhere.
    pub(crate) publishable: bool,
    /// Where it came from; nothing for our own.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

impl Package {
    pub(crate) fn is_ours(&self) -> bool {
        self.source.is_none()
    }

    /// Everything a set of features switches on, itself included: other features, `dep:` and `name/feature` entries.
    ///
    /// Two sets with the same closure build the same code.
    pub(crate) fn closure<'a>(&'a self, features: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = features.into_iter().collect();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(self.features.get(name).into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}

/// Features that pull in so much that nothing builds them unasked: `cargo xtask real` does.
const HEAVY: &[&str] = &["local", "real", "real_local"];

/// All features of our packages that are not heavy, as cargo's `--features` takes them.
pub(crate) fn light_features() -> Result<String> {
    Ok(light(&workspace()?).join(","))
}

/// The features of these packages that are not heavy, as `package/feature`.
pub(crate) fn light(packages: &[Package]) -> Vec<String> {
    let full = |package: &Package, name| format!("{}/{name}", package.name);
    packages.iter().flat_map(|package| light_of(package).map(|name| full(package, name))).collect()
}

/// The features of a package that are not heavy.
pub(crate) fn light_of(package: &Package) -> impl Iterator<Item = &str> {
    let heavy = |name: &str| HEAVY.contains(&name.rsplit('/').next().unwrap_or(name));
    package
        .features
        .keys()
        .map(String::as_str)
        .filter(move |name| !package.closure([*name]).into_iter().any(heavy))
}

/// Our own packages.
pub(crate) fn workspace() -> Result<Vec<Package>> {
    packages(&cargo::capture(&["metadata", "--format-version", "1", "--no-deps"])?)
}

/// Our packages and all that any of them could pull in, on any platform.
pub(crate) fn everything() -> Result<Vec<Package>> {
    packages(&cargo::capture(&["metadata", "--format-version", "1", "--all-features"])?)
}

/// The package of this name.
pub(crate) fn find<'a>(packages: &'a [Package], name: &str) -> Result<&'a Package> {
    let found = packages.iter().find(|package| package.name == name);
    found.ok_or_else(|| Failure::Failed(format!("error: no package `{name}` in this workspace")))
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let value = parse(&cargo::capture(&["metadata", "--format-version", "1", "--no-deps"])?)?;
    let path = value.get("target_directory").and_then(Value::as_str);
    path.map(PathBuf::from).ok_or_else(|| unexpected("no target_directory"))
}

fn packages(text: &str) -> Result<Vec<Package>> {
    let value = parse(text)?;
    let list = value.get("packages").and_then(Value::as_array).ok_or_else(|| unexpected("no packages"))?;
    list.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let dependencies = value.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    let features = value.get("features").and_then(Value::as_object).into_iter().flatten();
    Ok(Package {
        name: text(value, "name").ok_or_else(|| unexpected("a package without a name"))?,
        version: text(value, "version").unwrap_or_default(),
        license: text(value, "license"),
        description: text(value, "description"),
        readme: text(value, "readme"),
        // `publish = false` is an empty list of registries.
        publishable: !value.get("publish").and_then(Value::as_array).is_some_and(Vec::is_empty),
        source: text(value, "source"),
        dependencies: dependencies.map(dependency).collect::<Result<_>>()?,
        features: features.map(|(name, switched)| (name.clone(), strings(switched))).collect(),
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let kind = match value.get("kind").and_then(Value::as_str) {
        None => Kind::Normal,
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        Some(other) => return Err(unexpected(&format!("a dependency of kind `{other}`"))),
    };
    let name = text(value, "name").ok_or_else(|| unexpected("a dependency without a name"))?;
    Ok(Dependency { name, kind })
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(doing("reading cargo metadata"))
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn unexpected(what: &str) -> Failure {
    Failure::Failed(format!("error: cargo metadata: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"packages": [
        {"name": "backstop-core", "version": "0.1.0", "license": "MIT OR Apache-2.0", "source": null, "publish": [],
         "dependencies": [{"name": "serde", "kind": null}, {"name": "proptest", "kind": "dev"}],
         "features": {"a": ["b", "dep:x"], "b": ["y/z"], "c": []}},
        {"name": "serde", "version": "1.0.0", "license": null, "source": "registry+elsewhere",
         "dependencies": [], "features": {}}
    ]}"#;

    #[test]
    fn packages_are_read_with_their_dependencies_and_features() {
        let packages = packages(TEXT).unwrap();
        let core = find(&packages, "backstop-core").unwrap();
        assert!(core.is_ours() && !core.publishable);
        assert_eq!(core.dependencies[0].kind, Kind::Normal);
        assert_eq!(core.dependencies[1].kind, Kind::Dev);
        let serde = find(&packages, "serde").unwrap();
        assert!(!serde.is_ours() && serde.publishable);
        assert!(find(&packages, "absent").is_err());
    }

    #[test]
    fn what_leads_to_a_heavy_feature_is_not_light() {
        let package = |name: &str, features: &[(&str, &[&str])]| Package {
            name: name.to_owned(),
            features: features
                .iter()
                .map(|(name, switched)| {
                    (name.to_string(), switched.iter().map(ToString::to_string).collect())
                })
                .collect(),
            ..Package::default()
        };
        let packages = [
            package("p", &[("openai", &["http"]), ("local", &["dep:candle-core"]), ("http", &[])]),
            package(
                "f",
                &[("everything", &["p/openai", "p/local"]), ("openai", &["p/openai"]), ("locale", &[])],
            ),
        ];
        assert_eq!(light(&packages), ["p/http", "p/openai", "f/locale", "f/openai"]);
    }

    #[test]
    fn a_closure_follows_features_to_their_ends() {
        let packages = packages(TEXT).unwrap();
        let core = &packages[0];
        assert_eq!(core.closure(["a"]), BTreeSet::from(["a", "b", "dep:x", "y/z"]));
        assert_eq!(core.closure(["a", "b"]), core.closure(["a"]));
        assert_eq!(core.closure([]), BTreeSet::new());
    }
}
