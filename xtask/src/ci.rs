//! `ci`: all checks, cheapest first, up to the first that fails.

use std::time::Instant;

use crate::args::Args;
use crate::cargo::{self, Tally};
use crate::failure::Result;
use crate::{audit, deps, features, lint, mutants, package, pages, real, rustdoc, sim, test, tidy};

/// The simulated calls of a CI run.
const CALLS: &str = "1000000";

/// One step: its heading and what it does.
type Step = (&'static str, fn(&mut Tally) -> Result);

const STEPS: &[Step] = &[
    ("Cargo.lock is up to date", |_| {
        cargo::capture(&["metadata", "--format-version", "1", "--locked"]).map(drop)
    }),
    ("format", |_| lint::format()),
    ("tidy", |_| tidy::check()),
    ("dependencies", |_| deps::check()),
    ("withdrawn versions and known holes", |_| audit::check()),
    ("generated pages", |_| pages::check_all()),
    ("clippy", |_| lint::clippy()),
    ("tests", |tally| {
        let (counted, outcome) = test::suite();
        *tally = counted;
        outcome
    }),
    ("a real server, and models in files", |tally| real::suite(true, &[], tally)),
    ("clippy of models in files", |_| lint::clippy_of_heavy()),
    ("packages", |_| package::check()),
    ("documentation", |_| rustdoc::build()),
    ("simulation", |_| sim::simulate(&["--calls", CALLS])),
    ("mutants", |_| mutants::hunt(&mutants::Hunt::default())),
    ("features", |_| features::check(false)),
];

/// `cargo xtask ci [--after-test]`.
pub(crate) fn run(mut args: Args) -> Result {
    let after_test = args.flag("--after-test");
    args.finish()?;
    let mut tally = if after_test { test::take_note()? } else { Tally::default() };
    let outcome =
        STEPS.iter().filter(|(name, _)| !(after_test && *name == "tests")).try_for_each(|(name, step)| {
            println!("\n== {name}");
            let begun = Instant::now();
            let outcome = step(&mut tally);
            let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("== {name}: {verdict} ({:.1} s)", begun.elapsed().as_secs_f64());
            outcome
        });
    if outcome.is_err() && tally.failed == 0 {
        // A failed step is a failure: a red run must not close with "0 failed".
        tally.failed = 1;
    }
    println!();
    test::finish(tally, outcome)
}
