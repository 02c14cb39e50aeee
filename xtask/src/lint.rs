//! `lint`: format, house rules, clippy.

use crate::args::Args;
use crate::failure::Result;
use crate::{cargo, metadata, tidy};

/// `cargo xtask lint`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    format()?;
    tidy::check()?;
    clippy()
}

/// Fails where rustfmt would change anything.
pub(crate) fn format() -> Result {
    cargo::run(&["fmt", "--all", "--check"])
}

/// Clippy over everything that is light, tests and benches included.
pub(crate) fn clippy() -> Result {
    let features = metadata::light_features()?;
    let what = ["clippy", "--workspace", "--all-targets", "--features", &features];
    cargo::run(&[&what[..], &["--", "-D", "warnings"]].concat())
}

/// Clippy over what is heavy, which `real` builds as well.
pub(crate) fn clippy_of_heavy() -> Result {
    let what = ["clippy", "--package", "backstop-providers", "--package", "backstop-tests", "--all-targets"];
    let features =
        ["--features", "backstop-providers/local,backstop-providers/tiny,backstop-tests/real_local"];
    cargo::run(&[&what[..], &features, &["--", "-D", "warnings"]].concat())
}
