//! Which of our crates may depend on which.

use std::collections::BTreeSet;

use crate::metadata::{Kind, Package};

/// One crate of ours: what it may depend on, and what only its tests may.
struct Layer {
    name: &'static str,
    normal: &'static [&'static str],
    dev: &'static [&'static str],
}

/// The layering. A new crate needs a row here, so that its place is decided and not drifted into.
const LAYERS: &[Layer] = &[
    Layer { name: "backstop-core", normal: &[], dev: &[] },
    Layer { name: "backstop-models", normal: &[], dev: &[] },
    Layer { name: "backstop-providers", normal: &["backstop-core"], dev: &["backstop-testkit"] },
    Layer {
        name: "backstop-config",
        normal: &["backstop-core", "backstop-models"],
        dev: &["backstop-testkit"],
    },
    Layer { name: "backstop-testkit", normal: &["backstop-core"], dev: &[] },
    Layer {
        name: "backstop",
        normal: &["backstop-core", "backstop-providers", "backstop-config", "backstop-models"],
        dev: &["backstop-testkit"],
    },
    Layer {
        name: "backstop-cli",
        normal: &["backstop", "backstop-core", "backstop-config"],
        dev: &["backstop-testkit"],
    },
    Layer {
        name: "backstop-gateway",
        normal: &["backstop", "backstop-core", "backstop-config"],
        dev: &["backstop-testkit"],
    },
    Layer {
        name: "backstop-tests",
        normal: &["backstop", "backstop-core", "backstop-providers", "backstop-config", "backstop-testkit"],
        dev: &["backstop-cli", "backstop-gateway"],
    },
    Layer { name: "backstop-sim", normal: &["backstop-core"], dev: &[] },
    Layer { name: "xtask", normal: &[], dev: &[] },
];

/// Edges between our crates that the table does not allow.
pub(super) fn edges(packages: &[Package]) -> Vec<String> {
    let ours: Vec<&Package> = packages.iter().filter(|package| package.is_ours()).collect();
    let is_ours =
        |name: &str| ours.iter().any(|package| package.name == name) || LAYERS.iter().any(|l| l.name == name);
    let mut findings = Vec::new();
    for package in &ours {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == package.name) else {
            findings.push(format!("{} has no row in LAYERS (xtask/src/deps/layers.rs)", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| is_ours(&dependency.name)) {
            let name = dependency.name.as_str();
            let (allowed, how) = match dependency.kind {
                Kind::Normal => (layer.normal.contains(&name), "may not depend on"),
                Kind::Dev => (layer.normal.contains(&name) || layer.dev.contains(&name), "may not test with"),
                Kind::Build => (false, "may not build with"),
            };
            if !allowed {
                findings.push(format!("{} {how} {name}", package.name));
            }
        }
    }
    findings
}

/// Features of the providers crate that the facade does not pass on under the same name.
///
/// A feature that others switch on (such as `http`, shared by all providers over HTTP) is not for users and stays.
pub(super) fn features_forwarded(packages: &[Package]) -> Vec<String> {
    let named = |name: &str| packages.iter().find(|package| package.name == name);
    let (Some(providers), Some(facade)) = (named("backstop-providers"), named("backstop")) else {
        return Vec::new();
    };
    let shared = |name: &str| {
        providers
            .features
            .iter()
            .any(|(other, on)| other != "default" && on.iter().any(|feature| feature == name))
    };
    let mut findings = Vec::new();
    for name in providers.features.keys().filter(|name| *name != "default" && !shared(name)) {
        let forwarded = format!("backstop-providers/{name}");
        let switched = facade.features.get(name);
        if !switched.is_some_and(|on| on.contains(&forwarded)) {
            findings.push(format!("feature `{name}` of backstop-providers is not forwarded by backstop"));
        }
    }
    findings
}

/// Direct dependencies on other people's crates without a row in the page that gives the reasons.
pub(super) fn unexplained(packages: &[Package], page: &str, path: &str) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let direct: BTreeSet<&str> = packages
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !ours.contains(name))
        .collect();
    let explained = |name: &&str| page.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let missing = direct.into_iter().filter(|name| !explained(name));
    missing.map(|name| format!("{name} has no row in {path}: what for, how heavy, who keeps it")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, dependencies: &[(&str, Kind)]) -> Package {
        let dependencies =
            dependencies.iter().map(|&(name, kind)| Dependency { name: name.to_owned(), kind }).collect();
        Package { name: name.to_owned(), dependencies, ..Package::default() }
    }

    fn with_features(name: &str, features: &[(&str, &[&str])]) -> Package {
        let features = features
            .iter()
            .map(|(name, on)| ((*name).to_owned(), on.iter().map(|&word| word.to_owned()).collect()))
            .collect();
        Package { name: name.to_owned(), features, ..Package::default() }
    }

    #[test]
    fn the_layering_as_designed_is_accepted() {
        let packages = [
            package("backstop-core", &[("serde", Kind::Normal)]),
            package(
                "backstop-providers",
                &[("backstop-core", Kind::Normal), ("backstop-testkit", Kind::Dev)],
            ),
            package("backstop-testkit", &[("backstop-core", Kind::Normal)]),
            package("backstop", &[("backstop-providers", Kind::Normal), ("backstop-testkit", Kind::Dev)]),
            package("xtask", &[("serde_json", Kind::Normal)]),
        ];
        assert_eq!(edges(&packages), Vec::<String>::new());
    }

    #[test]
    fn core_with_anything_of_ours_is_refused() {
        let packages =
            [package("backstop-core", &[("backstop-testkit", Kind::Dev)]), package("backstop-testkit", &[])];
        assert_eq!(edges(&packages), ["backstop-core may not test with backstop-testkit"]);
    }

    #[test]
    fn providers_and_config_may_not_know_each_other() {
        let packages = [
            package("backstop-providers", &[("backstop-config", Kind::Normal)]),
            package("backstop-config", &[("backstop-providers", Kind::Dev)]),
        ];
        assert_eq!(edges(&packages).len(), 2);
    }

    #[test]
    fn the_testkit_reaches_users_only_as_a_dev_dependency() {
        let packages = [package("backstop", &[("backstop-testkit", Kind::Normal)])];
        assert_eq!(edges(&packages), ["backstop may not depend on backstop-testkit"]);
    }

    #[test]
    fn xtask_with_a_crate_of_ours_is_refused() {
        assert_eq!(edges(&[package("xtask", &[("backstop-core", Kind::Normal)])]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        assert_eq!(edges(&[package("backstop-extras", &[])]).len(), 1);
    }

    #[test]
    fn a_provider_feature_the_facade_forgot_is_found() {
        let providers = with_features(
            "backstop-providers",
            &[("default", &[]), ("openai", &["http"]), ("ollama", &["http"]), ("http", &["dep:reqwest"])],
        );
        let facade = with_features("backstop", &[("openai", &["backstop-providers/openai"])]);
        assert_eq!(
            features_forwarded(&[providers, facade]),
            ["feature `ollama` of backstop-providers is not forwarded by backstop"]
        );
    }

    #[test]
    fn a_dependency_without_a_reason_is_refused() {
        let packages = [
            package("backstop-core", &[("serde", Kind::Normal), ("proptest", Kind::Dev)]),
            package("backstop", &[("backstop-core", Kind::Normal), ("serde", Kind::Normal)]),
        ];
        let findings = unexplained(&packages, "| `serde` | everybody |\n", "docs/DEPENDENCIES.md");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("proptest has no row"));
    }
}
