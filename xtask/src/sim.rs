//! `sim`: the seeded simulation of the fallback machine.

use crate::args::Args;
use crate::failure::Result;
use crate::{cargo, mutants};

/// `cargo xtask sim`.
pub(crate) fn run(mut args: Args) -> Result {
    if args.flag("--mutants") {
        return mutants::run(args);
    }
    let rest = args.rest();
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    simulate(&words)
}

/// Runs the simulation with these arguments of its own.
pub(crate) fn simulate(words: &[&str]) -> Result {
    let mut line = vec!["run", "--quiet", "--profile", "sim", "--package", "backstop-sim", "--"];
    line.extend(words);
    cargo::run(&line)
}
