//! `audit`: versions that were withdrawn, and holes that are known, among all that the lock file pins.
//!
//! What was withdrawn is in the public index of crates, which cargo reads anyway. What is known to have a hole is in RustSec's
//! database, a git repository on a host of its own; where that cannot be reached, this says in one line that nothing was
//! checked, and fails only if told that it is required. Building the program that reads the database takes minutes, so
//! it is built only where there is a database for it to read.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::failure::{Failure, Result, doing};
use crate::{cargo, deps, metadata, package};

/// The database of advisories.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// The program that reads it, pinned.
const TOOL: &str = "cargo-audit@0.22.2";

/// `cargo xtask audit [--db FOLDER] [--required]`.
pub(crate) fn run(mut args: Args) -> Result {
    let given = args.value("--db")?.map(PathBuf::from);
    let required = args.flag("--required");
    args.finish()?;
    audit(given, required)
}

/// What CI runs: known holes are checked where the database can be had.
pub(crate) fn check() -> Result {
    audit(None, false)
}

fn audit(given: Option<PathBuf>, required: bool) -> Result {
    let packages = package::published()?;
    let findings = withdrawn(&package::pack(&packages)?);
    Failure::unless_empty("withdrawn versions", &findings)?;
    println!("no version in Cargo.lock was withdrawn");

    let place = metadata::target_directory()?.join("xtask");
    let database = match given {
        Some(folder) => folder,
        None => match fetched(&place.join("advisory-db"))? {
            Ok(folder) => folder,
            Err(why) => return unchecked(&why, required),
        },
    };
    let tools = place.join("tools");
    let root = tools.to_string_lossy();
    cargo::run(&["install", "--quiet", "--locked", "--no-default-features", "--root", &root, TOOL])?;
    let mut tool = Command::new(tools.join("bin").join("cargo-audit"));
    let ignored = deps::ignored_advisories()?;
    let words = words(&database, &ignored);
    tool.args(&words).current_dir(cargo::root());
    cargo::run_with(tool, &format!("cargo-audit {}", words.join(" ")))
}

/// How the program is called: it reads the database as it is, leaves withdrawn versions to cargo, and fails for holes, not
/// for crates that are merely at rest.
fn words(database: &Path, ignored: &[String]) -> Vec<String> {
    let database = database.to_string_lossy();
    let fixed = [
        "audit",
        "--file",
        "Cargo.lock",
        "--db",
        &database,
        "--no-fetch",
        "--stale",
        "--no-yanked",
        "--deny",
        "unsound",
    ];
    let ignored = ignored.iter().flat_map(|id| ["--ignore", id]);
    fixed.into_iter().chain(ignored).map(str::to_owned).collect()
}

/// A fresh copy of the database, or in words why there is none.
fn fetched(folder: &Path) -> Result<std::result::Result<PathBuf, String>> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(doing(folder.display()))?;
    }
    let mut git = Command::new("git");
    // Nobody is there to be asked, and a host that sends nothing is given up.
    git.env("GIT_TERMINAL_PROMPT", "0").args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"]);
    git.args(["clone", "--quiet", "--depth", "1", DATABASE]).arg(folder);
    let output = match git.output() {
        Ok(output) if output.status.success() => return Ok(Ok(folder.to_owned())),
        Ok(output) => output,
        Err(error) => return Ok(Err(format!("git: {error}"))),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Err(said.lines().last().unwrap_or("git said nothing").trim().to_owned()))
}

/// Says that nothing was checked, which is a failure only where it was required.
fn unchecked(why: &str, required: bool) -> Result {
    let said = format!("advisories were NOT checked: {DATABASE} cannot be had from here ({why})");
    if required {
        return Err(Failure::Failed(format!("error: {said}; give a copy with --db FOLDER")));
    }
    println!("{said}");
    Ok(())
}

/// The versions that cargo says were withdrawn, out of what it says while it packs.
fn withdrawn(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.contains(" is yanked in registry "));
    let mut findings: Vec<String> = lines
        .filter_map(|line| line.split('`').nth(1))
        .map(|package| {
            format!("{package}: its authors took it back; run `cargo update -p {}`", name(package))
        })
        .collect();
    // Each package of ours that leads to it says so.
    findings.sort();
    findings.dedup();
    findings
}

fn name(package: &str) -> String {
    package.split(" v").collect::<Vec<_>>().join("@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withdrawn_version_is_a_finding_however_often_it_is_said() {
        let line = "warning: package `futures-util v0.3.30` in Cargo.lock is yanked in registry `crates-io`, consider \
                    updating to a version that is not yanked";
        let said =
            format!("   Packaging a v0.1.0\n{line}\n   Packaging b v0.1.0\n{line}\nwarning: no homepage\n");
        assert_eq!(
            withdrawn(&said),
            ["futures-util v0.3.30: its authors took it back; run `cargo update -p futures-util@0.3.30`"]
        );
        assert_eq!(withdrawn("   Packaging a v0.1.0\nwarning: no homepage\n"), Vec::<String>::new());
    }

    #[test]
    fn a_database_that_cannot_be_had_fails_only_where_it_is_required() {
        assert!(unchecked("no such host", false).is_ok());
        let failure = unchecked("no such host", true).unwrap_err();
        assert!(failure.message().unwrap().contains("NOT checked"), "{failure:?}");
        assert!(failure.message().unwrap().contains("(no such host)"), "{failure:?}");
    }

    #[test]
    fn what_deny_toml_ignores_is_ignored_here_too() {
        let words = words(Path::new("db"), &["RUSTSEC-2024-0001".to_owned()]);
        assert_eq!(words[words.len() - 2..], ["--ignore", "RUSTSEC-2024-0001"]);
    }
}
