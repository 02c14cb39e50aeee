//! `bench`: what a call costs over the same request made without us.

use crate::args::Args;
use crate::cargo;
use crate::failure::Result;

/// `cargo xtask bench [ARGS]`.
pub(crate) fn run(args: Args) -> Result {
    let rest = args.rest();
    let mut words = vec!["bench", "--package", "backstop-tests", "--bench", "overhead", "--"];
    words.extend(rest.iter().map(String::as_str));
    cargo::run(&words)
}
