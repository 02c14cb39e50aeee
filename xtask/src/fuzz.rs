//! `fuzz`: coverage-guided fuzzing of what reads text from outside. Not part of `ci`: it has no natural end.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::cargo;
use crate::failure::{Failure, Result, doing};

/// What libFuzzer needs to see which branches were taken; stable Rust can be told so by LLVM's own options.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input: longer than any message is kept, so that what is cut there is seen.
const INPUT_MAX: usize = 8192;

/// `cargo xtask fuzz [--seconds N] [TARGET]`: all targets, or one, each for as long.
pub(crate) fn run(mut args: Args) -> Result {
    let seconds = args.number("--seconds")?.unwrap_or(60);
    let folder = cargo::root().join("fuzz");
    let targets = chosen(targets(&folder)?, &args.rest())?;
    let built = cargo::root().join("target").join("fuzz");
    let host = host()?;
    let mut build = cargo::command(&["build", "--release", "--target", &host]);
    // With a target named, the flags stay away from build scripts, which libFuzzer is not linked to.
    build.current_dir(&folder).env("CARGO_TARGET_DIR", &built).env("RUSTFLAGS", FLAGS);
    cargo::run_with(build, "cargo build --release (fuzz)")?;
    for name in targets {
        let corpus = built.join("corpus").join(&name);
        std::fs::create_dir_all(&corpus).map_err(doing("the corpus folder"))?;
        let mut fuzz = Command::new(built.join(&host).join("release").join(&name));
        fuzz.arg(&corpus).args(seeds(&folder, &name)).current_dir(&built).args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={INPUT_MAX}"),
            format!("-artifact_prefix={name}-"),
            "-timeout=10".to_owned(),
            "-rss_limit_mb=2048".to_owned(),
            "-malloc_limit_mb=256".to_owned(),
            "-print_final_stats=1".to_owned(),
        ]);
        cargo::run_with(
            fuzz,
            &format!("target/fuzz/…/{name} (an input that breaks it is written to target/fuzz)"),
        )?;
    }
    Ok(())
}

/// Every target: a file in `fuzz/src/bin` each.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = std::fs::read_dir(folder.join("src/bin")).map_err(doing("fuzz/src/bin"))?;
    let name = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<_> = files.filter_map(|file| name(file.ok()?.path())).collect();
    names.sort();
    Ok(names)
}

/// Those that were asked for: one of them, or all.
fn chosen(targets: Vec<String>, asked: &[String]) -> Result<Vec<String>> {
    match asked {
        [] => Ok(targets),
        [name] if targets.contains(name) => Ok(vec![name.clone()]),
        [name] => {
            Err(Failure::Usage(format!("error: no target `{name}`; there are: {}", targets.join(", "))))
        }
        [_, word, ..] => Err(Failure::Usage(format!("error: unexpected `{word}`"))),
    }
}

/// The folders whose files are the first inputs. New ones go to the corpus, not there.
fn seeds(folder: &Path, name: &str) -> Vec<PathBuf> {
    let files = cargo::root().join("crates/config/tests");
    let folders = match name {
        "config" => vec![files.join("bad"), files.join("good")],
        _ => vec![folder.join("seeds").join(name)],
    };
    folders.into_iter().filter(|folder| folder.is_dir()).collect()
}

fn host() -> Result<String> {
    let said = cargo::capture(&["-vV"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.unwrap_or("x86_64-unknown-linux-gnu").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_first_inputs() {
        let folder = cargo::root().join("fuzz");
        let targets = targets(&folder).unwrap();
        assert!(targets.len() > 1, "{targets:?}");
        for name in targets {
            assert!(!seeds(&folder, &name).is_empty(), "{name}");
        }
    }

    #[test]
    fn one_target_is_run_or_all() {
        let all = vec!["errors".to_owned(), "sse".to_owned()];
        assert_eq!(chosen(all.clone(), &[]).unwrap(), all);
        assert_eq!(chosen(all.clone(), &["sse".to_owned()]).unwrap(), ["sse"]);
        for asked in [&["ssse".to_owned()][..], &["sse".to_owned(), "errors".to_owned()]] {
            assert!(chosen(all.clone(), asked).is_err(), "{asked:?}");
        }
    }
}
