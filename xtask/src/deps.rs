//! `deps`: proves who depends on whom, from what cargo itself says.
//!
//! Every check is a pure function from parsed metadata, tree text or sources to a list of findings, tested with
//! planted violations; this file only fetches the inputs.

mod heavy;
mod layers;
mod licences;
mod sources;
mod tree;

use crate::args::Args;
use crate::cargo;
use crate::failure::{Failure, Result, doing};
use crate::{files, metadata};

pub(crate) use sources::SHARED_MODULES;

/// The crates that `backstop` with one provider and TLS may bring along, build tools included, ours left out.
///
/// 105 were measured; the slack takes a point release of a dependency, not a new habit of ours.
const CRATES_MAX: usize = 110;

/// Where every direct dependency has a line with its reason.
const REASONS: &str = "docs/DEPENDENCIES.md";

/// `cargo xtask deps`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    check()
}

/// All checks on dependencies, every finding told at once.
pub(crate) fn check() -> Result {
    let ours = metadata::workspace()?;
    let mut findings = layers::edges(&ours);
    findings.extend(layers::features_forwarded(&ours));

    let sources = files::texts(|path| path.starts_with("crates/") && path.ends_with(".rs"))?;
    findings.extend(sources::core_is_pure(&sources));
    findings.extend(sources::providers_apart(&sources));

    findings.extend(tree::denied_in_core(&tree_of(&["--package", "backstop-core"])?));
    let one_provider = ["--package", "backstop", "--no-default-features", "--features", "openai,rustls"];
    let small = tree_of(&one_provider)?;
    let providers = metadata::find(&ours, "backstop-providers")?;
    findings.extend(tree::foreign_to(providers, "openai", &small));
    findings.extend(tree::no_system_tls(&small));

    let whole = tree_of(&[&one_provider[..], &["--edges", "normal,build"]].concat())?;
    let external = tree::external(&whole, &ours);
    println!("backstop with openai and rustls: {} external crates (at most {CRATES_MAX})", external.len());
    findings.extend(tree::too_many(&external, CRATES_MAX));

    let path = cargo::root().join("deny.toml");
    let policy = licences::Policy::read(&std::fs::read_to_string(&path).map_err(doing(path.display()))?)?;
    let page = std::fs::read_to_string(cargo::root().join(REASONS)).map_err(doing(REASONS))?;
    findings.extend(layers::unexplained(&ours, &page, REASONS));

    let facade = metadata::find(&ours, "backstop")?;
    let light: Vec<&str> = metadata::light_of(facade).collect();
    let full = |features: &[&str]| {
        let features = features.join(",");
        tree_of(&["--package", "backstop", "--features", &features, "--edges", "normal,build"])
    };
    let (without, with) = (full(&light)?, full(&[&light[..], &[heavy::FEATURE]].concat())?);
    findings.extend(heavy::unexplained(&without, &with, &ours, &page, REASONS));

    let everything = metadata::everything()?;
    findings.extend(licences::refused(&everything, &policy));
    println!("{} packages checked for licence and source", everything.len());
    Failure::unless_empty("dependencies", &findings)
}

/// The advisories that `deny.toml` says do not concern us.
pub(crate) fn ignored_advisories() -> Result<Vec<String>> {
    let path = cargo::root().join("deny.toml");
    Ok(licences::ignored_advisories(&std::fs::read_to_string(&path).map_err(doing(path.display()))?))
}

/// `cargo tree` as a flat list; for one platform, so that the numbers are the same on every machine.
fn tree_of(args: &[&str]) -> Result<String> {
    let mut words = vec!["tree", "--prefix", "none", "--target", "x86_64-unknown-linux-gnu"];
    if !args.contains(&"--edges") {
        words.extend(["--edges", "normal"]);
    }
    words.extend(args);
    cargo::capture(&words)
}
