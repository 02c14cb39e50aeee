//! `test` and `it`: what anybody with Rust alone can run.

use std::path::PathBuf;
use std::process::Command;

use crate::args::Args;
use crate::cargo::{self, Tally};
use crate::failure::{Failure, Result, doing};
use crate::{metadata, sim};

/// The simulated calls of `test`: a few seconds, enough to catch a machine broken in daily work.
const SHORT_SIMULATION: &str = "200000";

/// `cargo xtask test`.
pub(crate) fn everything(args: Args) -> Result {
    args.finish()?;
    let (tally, outcome) = suite();
    finish(tally, outcome)
}

/// `cargo xtask it [FILTER]`.
pub(crate) fn integration(args: Args) -> Result {
    let filter = args.rest();
    // The conformance kit is among these tests, and asks for every provider.
    let features = features()?;
    let mut words = vec!["test", "--package", "backstop-tests", "--no-fail-fast", "--features", &features];
    if !filter.is_empty() {
        words.push("--");
        words.extend(filter.iter().map(String::as_str));
    }
    let mut tally = Tally::default();
    let outcome = counted(&mut tally, cargo::command(&words));
    finish(tally, outcome)
}

/// `cargo xtask conformance`: the conformance kit over every provider, with its table.
pub(crate) fn conformance(args: Args) -> Result {
    args.finish()?;
    let features = features()?;
    let words = ["test", "--package", "backstop-tests", "--test", "conformance", "--features"];
    let words = [&words[..], &[&features, "--", "--nocapture"]].concat();
    let mut tally = Tally::default();
    let outcome = counted(&mut tally, cargo::command(&words));
    finish(tally, outcome)
}

/// All features of the library that are not heavy, as the package of the tests names them.
fn features() -> Result<String> {
    let packages = metadata::workspace()?;
    let features = metadata::light_of(metadata::find(&packages, "backstop")?);
    Ok(features.map(|name| format!("backstop/{name}")).collect::<Vec<_>>().join(","))
}

/// All tests, doc tests and a short simulation. A success is noted for `ci --after-test`.
pub(crate) fn suite() -> (Tally, Result) {
    // A note left by an earlier run says nothing about this one.
    let noted = note_path().and_then(|path| match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(doing(path.display())(error)),
        _ => Ok(()),
    });
    if let Err(failure) = noted {
        return (Tally { passed: 0, failed: 1 }, Err(failure));
    }
    // One `cargo test` runs unit, integration and doc tests, and builds the examples.
    let mut tally = Tally::default();
    let tests = metadata::light_features().and_then(|features| {
        let words = ["test", "--workspace", "--no-fail-fast", "--features", &features];
        counted(&mut tally, cargo::command(&words))
    });
    let outcome = tests.and_then(|()| {
        sim::simulate(&["--calls", SHORT_SIMULATION]).inspect_err(|_| tally.failed += 1)?;
        let path = note_path()?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(doing(folder.display()))?;
        }
        std::fs::write(&path, tally.passed.to_string()).map_err(doing(path.display()))
    });
    (tally, outcome)
}

/// What the `test` that has just run counted. Taking it removes it: it is good for one `ci`.
pub(crate) fn take_note() -> Result<Tally> {
    let path = note_path()?;
    let missing =
        || Failure::Failed("error: --after-test, but no `cargo xtask test` has passed before it".to_owned());
    let text = std::fs::read_to_string(&path).map_err(|_| missing())?;
    std::fs::remove_file(&path).map_err(doing(path.display()))?;
    Ok(Tally { passed: text.trim().parse().map_err(|_| missing())?, failed: 0 })
}

/// Runs tests and adds their results.
pub(crate) fn counted(tally: &mut Tally, command: Command) -> Result {
    let outcome = cargo::counted(command);
    let (counted, success) = outcome.inspect_err(|_| tally.failed += 1)?;
    tally.passed += counted.passed;
    tally.failed += counted.failed;
    if success && counted.failed == 0 {
        return Ok(());
    }
    // A build error or a crash fails no test by name; a red run must not read "0 failed".
    tally.failed = tally.failed.max(1);
    Err(Failure::Failed("error: not all of these tests passed".to_owned()))
}

/// Prints the closing line last, whatever happened.
pub(crate) fn finish(tally: Tally, outcome: Result) -> Result {
    if let Err(failure) = &outcome
        && let Some(message) = failure.message()
    {
        eprintln!("{message}");
    }
    println!("{tally}");
    outcome.map_err(|_| Failure::Reported)
}

fn note_path() -> Result<PathBuf> {
    Ok(metadata::target_directory()?.join("xtask").join("tests-passed"))
}
