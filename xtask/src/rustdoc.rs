//! `doc`: the reference documentation, with a broken link as an error.

use crate::args::Args;
use crate::cargo;
use crate::failure::Result;

/// `cargo xtask doc`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    build()
}

/// Builds the documentation of every crate of ours.
pub(crate) fn build() -> Result {
    let words = ["doc", "--workspace", "--no-deps", "--all-features"];
    let mut command = cargo::command(&words);
    command.env("RUSTDOCFLAGS", "-D warnings");
    cargo::run_with(command, &format!("RUSTDOCFLAGS=\"-D warnings\" cargo {}", words.join(" ")))
}
