//! `features`: no feature, each alone, all together and, if asked for, each pair compile without a warning.
//!
//! Features only add names, so a pair that breaks is a `cfg` in the wrong place. Sets that switch on the same code
//! (`openai` and `openai` + `http`, where the first implies the second) are checked once. Heavy features are left to
//! `cargo xtask real`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Instant;

use crate::args::Args;
use crate::cargo;
use crate::failure::{Failure, Result, doing};
use crate::metadata::{self, Package};

/// The packages with features that users choose from.
const PACKAGES: &[&str] = &["backstop-providers", "backstop"];

/// `cargo xtask features [--depth 1|2]`. Pairs are many, and find what each alone and all together rarely miss.
pub(crate) fn run(mut args: Args) -> Result {
    let depth = args.number("--depth")?.unwrap_or(1);
    args.finish()?;
    if !(1..=2).contains(&depth) {
        return Err(Failure::Usage("error: --depth is 1 (each alone) or 2 (pairs too)".to_owned()));
    }
    check(depth == 2)
}

/// Checks no features, each feature, all of them and, if asked for, each pair.
pub(crate) fn check(pairs: bool) -> Result {
    let packages = metadata::workspace()?;
    for name in PACKAGES {
        let package = metadata::find(&packages, name)?;
        let sets = sets(package, pairs);
        for (number, set) in sets.iter().enumerate() {
            let begun = Instant::now();
            let features = set.join(",");
            let shown = if features.is_empty() { "no features" } else { &features };
            compile(name, &features)?;
            let seconds = begun.elapsed().as_secs_f64();
            println!("[{:>3}/{}] {name}: {shown} ({seconds:.1} s)", number + 1, sets.len());
        }
    }
    Ok(())
}

/// The sets worth a check: no two switch on the same code. The empty one comes first.
fn sets(package: &Package, pairs: bool) -> Vec<Vec<&str>> {
    let names: Vec<&str> = metadata::light_of(package).collect();
    let mut candidates = vec![Vec::new()];
    candidates.extend(names.iter().map(|&name| vec![name]));
    if pairs {
        // `default` stands for the features it lists, which are paired under their own names.
        let own: Vec<&str> = names.iter().copied().filter(|name| *name != "default").collect();
        for (index, &first) in own.iter().enumerate() {
            candidates.extend(own.iter().skip(index + 1).map(|&second| vec![first, second]));
        }
    }
    candidates.push(names.iter().copied().filter(|name| *name != "default").collect());
    let mut seen = BTreeSet::new();
    // `default` itself is a name no code asks about: a default that lists nothing is no features.
    let code = |set: &[&str]| {
        let mut closure = package.closure(set.iter().copied());
        closure.remove("default");
        closure.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    candidates.retain(|set| seen.insert(code(set)));
    candidates
}

/// `cargo check`; a warning counts as a failure, since what is unused under one feature belongs to another.
fn compile(package: &str, features: &str) -> Result {
    let words = ["check", "--quiet", "--package", package, "--no-default-features", "--features", features];
    // Not `RUSTFLAGS=-D warnings`, which would build every dependency anew.
    let shown = format!("cargo {}", words.join(" "));
    let output = cargo::command(&words).stdin(Stdio::null()).output().map_err(doing(&shown))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() && !has_warning(&said) {
        return Ok(());
    }
    Err(Failure::Failed(format!("{}\nerror: `{shown}` does not pass without a warning", said.trim_end())))
}

fn has_warning(said: &str) -> bool {
    said.lines().any(|line| line.starts_with("warning: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(features: &[(&str, &[&str])]) -> Package {
        let features = features
            .iter()
            .map(|(name, on)| ((*name).to_owned(), on.iter().map(|&word| word.to_owned()).collect()))
            .collect();
        Package { features, ..Package::default() }
    }

    #[test]
    fn each_feature_alone_each_pair_and_all_once() {
        let package = package(&[("a", &[]), ("b", &[]), ("c", &[])]);
        assert_eq!(sets(&package, false), [vec![], vec!["a"], vec!["b"], vec!["c"], vec!["a", "b", "c"]]);
        assert_eq!(sets(&package, true).len(), 1 + 3 + 3 + 1);
    }

    #[test]
    fn sets_that_switch_on_the_same_code_are_checked_once() {
        let package =
            package(&[("default", &["rustls"]), ("http", &[]), ("openai", &["http"]), ("rustls", &["http"])]);
        let expected = [vec![], vec!["default"], vec!["http"], vec!["openai"], vec!["openai", "rustls"]];
        assert_eq!(sets(&package, true), expected);
    }

    #[test]
    fn an_empty_default_is_no_features() {
        assert_eq!(sets(&package(&[("default", &[])]), true), [Vec::<&str>::new()]);
    }

    #[test]
    fn warnings_are_told_from_the_rest() {
        assert!(has_warning("warning: unused import: `x`\n"));
        assert!(!has_warning("    Checking backstop v0.1.0\n"));
    }
}
