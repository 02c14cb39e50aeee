//! `fuzz`: coverage-guided fuzzing of what reads text from outside. Not part of `ci`: it has no natural end.

use std::path::PathBuf;
use std::process::Command;

use crate::args::Args;
use crate::cargo;
use crate::failure::{Result, doing};

/// What libFuzzer needs to see which branches were taken; stable Rust can be told so by LLVM's own options.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `cargo xtask fuzz [--seconds N]`: the config parser, with the test files as first inputs.
pub(crate) fn run(mut args: Args) -> Result {
    let seconds = args.number("--seconds")?.unwrap_or(60);
    args.finish()?;
    let folder = cargo::root().join("fuzz");
    let target = cargo::root().join("target").join("fuzz");
    let host = host()?;
    let mut build = cargo::command(&["build", "--release", "--target", &host]);
    // With a target named, the flags stay away from build scripts, which libFuzzer is not linked to.
    build.current_dir(&folder).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", FLAGS);
    cargo::run_with(build, "cargo build --release (fuzz)")?;

    let corpus = target.join("corpus");
    std::fs::create_dir_all(&corpus).map_err(doing("the corpus folder"))?;
    let mut fuzz = Command::new(target.join(&host).join("release").join("config"));
    fuzz.arg(&corpus).args(seeds()).current_dir(&target).args([
        format!("-max_total_time={seconds}"),
        "-timeout=10".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    cargo::run_with(fuzz, "target/fuzz/…/config (an input that breaks it is written to target/fuzz)")
}

/// The folders whose files are the first inputs. New ones go to the corpus, not there.
fn seeds() -> Vec<PathBuf> {
    let tests = cargo::root().join("crates/config/tests");
    ["bad", "good"].iter().map(|folder| tests.join(folder)).filter(|folder| folder.is_dir()).collect()
}

fn host() -> Result<String> {
    let said = cargo::capture(&["-vV"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or("x86_64-unknown-linux-gnu").to_owned())
}
