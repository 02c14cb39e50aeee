//! A provider and a program that know nothing of this workspace but its crates: built and run as their owner would.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("outside")
}

/// What a cargo command says in that workspace, whose target folder lies in ours.
fn cargo(words: &[&str]) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO"))
        .args(words)
        .args(["--offline", "--locked"])
        .current_dir(folder())
        .env("CARGO_TARGET_DIR", target)
        // Built once, never edited, never debugged.
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .unwrap();
    assert!(
        status.success(),
        "cargo {}: {}\nIf it is about the lock: tests/outside/Cargo.lock has to follow the one of the workspace; \
         copy that over it and run `cargo update --workspace --offline` there",
        words.join(" "),
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

#[test]
fn a_provider_written_outside_the_workspace_works_in_a_route_next_to_openai() {
    let said = cargo(&["run", "--quiet", "--package", "outside"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert_eq!(lines[0], "pots");
    assert!(lines[1].starts_with("openai/gpt-5.2  overloaded (503) after "), "{said}");
    assert!(lines[1].contains(" -> next target"), "{said}");
    assert!(lines[2].starts_with("mirror/any      answered in "), "{said}");
}

#[test]
fn a_provider_written_outside_the_workspace_needs_no_runtime_and_no_client() {
    let tree = cargo(&["tree", "--package", "stranger", "--edges", "normal", "--prefix", "none"]);
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("stranger") && names.contains("backstop-core"), "{tree}");
    for name in ["tokio", "reqwest", "hyper", "wiremock", "backstop", "backstop-providers"] {
        assert!(!names.contains(name), "{name} is in\n{tree}");
    }
}

#[test]
fn a_provider_over_http_written_outside_the_workspace_keeps_the_conformance_kit() {
    let said = cargo(&["test", "--quiet", "--package", "courier"]);
    assert!(said.contains("test result: ok. 1 passed"), "{said}");
}

/// Every `name version` in a lock file.
fn locked(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let packages = text.split("[[package]]").skip(1);
    let field = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim_matches([' ', '=', '"']).to_owned()
    };
    packages.map(|package| format!("{} {}", field(package, "name"), field(package, "version"))).collect()
}

#[test]
fn the_lock_outside_holds_the_versions_of_the_workspace() {
    let ours = locked(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"));
    let theirs = locked(&folder().join("Cargo.lock"));
    let own = ["courier 0.0.0", "outside 0.0.0", "stranger 0.0.0"].map(str::to_owned).into();
    let foreign: Vec<_> =
        theirs.difference(&ours).filter(|package| !BTreeSet::contains(&own, *package)).collect();
    assert!(foreign.is_empty(), "only outside, so not downloaded by a build of the workspace: {foreign:?}");
}
