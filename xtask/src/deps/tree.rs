//! What really ends up in a build, from `cargo tree`.

use std::collections::BTreeSet;

use crate::metadata::Package;

/// What `backstop-core` must not pull in, by whatever way, and why.
const DENIED_IN_CORE: &[(&str, &str)] = &[
    ("tokio", "core runs under any executor, and under none"),
    ("async-std", "core runs under any executor, and under none"),
    ("smol", "core runs under any executor, and under none"),
    ("reqwest", "core talks to nobody"),
    ("hyper", "core talks to nobody"),
    ("mio", "core does no I/O"),
    ("chrono", "time is an argument"),
    ("time", "time is an argument"),
    ("jiff", "time is an argument"),
    ("getrandom", "randomness is an argument: a seed"),
    ("rand", "randomness is an argument: a seed"),
    ("fastrand", "randomness is an argument: a seed"),
];

/// Crates in core's tree that it must not have.
pub(super) fn denied_in_core(tree: &str) -> Vec<String> {
    let found = crates(tree);
    DENIED_IN_CORE
        .iter()
        .filter(|(name, _)| found.contains(name))
        .map(|(name, why)| format!("backstop-core pulls in {name}: {why}"))
        .collect()
}

/// Crates in the tree of a build with one provider that only other providers asked for.
pub(super) fn foreign_to(providers: &Package, own: &str, tree: &str) -> Vec<String> {
    // TLS is chosen beside the provider, so what it brings belongs to every build.
    let wanted = optional(providers, [own, "rustls"]);
    let found = crates(tree);
    let mut findings = Vec::new();
    for other in providers.features.keys().map(String::as_str).filter(|name| *name != own) {
        for name in optional(providers, [other]).difference(&wanted) {
            if found.contains(name) {
                findings.push(format!("a build with `{own}` alone holds {name}, which belongs to `{other}`"));
            }
        }
    }
    findings
}

/// System TLS libraries in a build that asked for rustls.
pub(super) fn no_system_tls(tree: &str) -> Vec<String> {
    let found = crates(tree);
    ["openssl", "openssl-sys", "native-tls"]
        .into_iter()
        .filter(|name| found.contains(name))
        .map(|name| format!("a build with `rustls` holds {name}"))
        .collect()
}

/// The crates of a tree that are not ours, each once, with its version: two versions are two crates to build.
pub(super) fn external<'a>(tree: &'a str, ours: &[Package]) -> BTreeSet<(&'a str, &'a str)> {
    lines(tree).filter(|(name, _)| !ours.iter().any(|package| package.name == *name)).collect()
}

/// A finding where a build brings more crates than allowed.
pub(super) fn too_many(external: &BTreeSet<(&str, &str)>, limit: usize) -> Option<String> {
    let count = external.len();
    (count > limit).then(|| {
        format!(
            "{count} external crates with one provider, {limit} allowed; see CRATES_MAX in xtask/src/deps.rs"
        )
    })
}

/// The optional dependencies that these features switch on.
fn optional<'a>(package: &'a Package, features: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    package.closure(features).into_iter().filter_map(|entry| entry.strip_prefix("dep:")).collect()
}

fn crates(tree: &str) -> BTreeSet<&str> {
    lines(tree).map(|(name, _)| name).collect()
}

/// Name and version of each line, such as `serde v1.0.229 (*)`.
fn lines(tree: &str) -> impl Iterator<Item = (&str, &str)> {
    tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        Some((name, words.next().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &str =
        "backstop-core v0.1.0 (crates/core)\nasync-trait v0.1.92 (proc-macro)\nserde v1.0.229\n";

    fn providers() -> Package {
        let features = [
            ("openai", vec!["http"]),
            ("http", vec!["dep:reqwest"]),
            ("anthropic", vec!["http", "dep:jiff"]),
            ("rustls", vec!["reqwest/rustls"]),
        ];
        let owned = |on: Vec<&str>| on.into_iter().map(str::to_owned).collect();
        Package {
            features: features.into_iter().map(|(name, on)| (name.to_owned(), owned(on))).collect(),
            ..Package::default()
        }
    }

    #[test]
    fn core_as_it_should_be_is_accepted() {
        assert_eq!(denied_in_core(CORE), Vec::<String>::new());
    }

    #[test]
    fn core_with_tokio_is_refused() {
        let findings = denied_in_core(&format!("{CORE}tokio v1.54.1\n"));
        assert_eq!(findings, ["backstop-core pulls in tokio: core runs under any executor, and under none"]);
    }

    #[test]
    fn core_with_a_random_source_is_refused_and_a_name_alike_is_not() {
        assert_eq!(denied_in_core(&format!("{CORE}getrandom v0.4.1 (*)\n")).len(), 1);
        assert_eq!(denied_in_core(&format!("{CORE}timestamp v1.0.0\ntokio-util v0.7.0\n")).len(), 0);
    }

    #[test]
    fn another_providers_own_dependency_is_foreign() {
        assert_eq!(foreign_to(&providers(), "openai", "reqwest v0.13.5\n"), Vec::<String>::new());
        assert_eq!(
            foreign_to(&providers(), "openai", "reqwest v0.13.5\njiff v0.2.43\n"),
            ["a build with `openai` alone holds jiff, which belongs to `anthropic`"]
        );
    }

    #[test]
    fn openssl_beside_rustls_is_refused() {
        assert_eq!(no_system_tls("rustls v0.23.46\nopenssl-probe v0.2.2\n"), Vec::<String>::new());
        assert_eq!(no_system_tls("openssl v0.10.0\n"), ["a build with `rustls` holds openssl"]);
    }

    #[test]
    fn crates_are_counted_once_per_version_without_ours() {
        let ours = [Package { name: "backstop-core".to_owned(), ..Package::default() }];
        let tree = format!("{CORE}serde v1.0.229 (*)\nserde v2.0.0\n");
        let external = external(&tree, &ours);
        assert_eq!(external.len(), 3);
        assert_eq!(too_many(&external, 3), None);
        assert!(too_many(&external, 2).unwrap().starts_with("3 external crates"));
    }
}
