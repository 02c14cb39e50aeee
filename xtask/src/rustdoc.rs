//! `doc`: the reference documentation, with a broken link as an error.

use crate::args::Args;
use crate::failure::Result;
use crate::{cargo, metadata};

/// `cargo xtask doc`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    build()
}

/// Builds the documentation of every crate of ours.
pub(crate) fn build() -> Result {
    let features = metadata::light_features()?;
    let words = ["doc", "--workspace", "--no-deps", "--features", &features];
    let mut command = cargo::command(&words);
    command.env("RUSTDOCFLAGS", "-D warnings");
    cargo::run_with(command, &format!("RUSTDOCFLAGS=\"-D warnings\" cargo {}", words.join(" ")))
}
