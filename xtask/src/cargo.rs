//! Running cargo: in the workspace root, with what it says passed through.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result, doing};

/// Passed and failed tests, added up over cargo's `test result:` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// Reads a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; …`; other lines add nothing.
    fn add_line(&mut self, line: &str) {
        let Some(results) = line.trim().strip_prefix("test result: ") else { return };
        let mut before = "";
        for word in results.split_whitespace() {
            match word {
                "passed;" => self.passed += before.parse::<u64>().unwrap_or(0),
                "failed;" => self.failed += before.parse::<u64>().unwrap_or(0),
                _ => {}
            }
            before = word;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo in the workspace root: the very one that runs us, so that a `+toolchain` reaches everything.
pub(crate) fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs cargo with its output shown.
pub(crate) fn run(args: &[&str]) -> Result {
    run_with(command(args), &line(args))
}

/// Runs a prepared command with its output shown.
pub(crate) fn run_with(mut command: Command, shown: &str) -> Result {
    eprintln!("$ {shown}");
    let status = command.status().map_err(doing(shown))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("error: `{shown}` failed ({status})")))
    }
}

/// Runs cargo and returns what it printed on stdout; its stderr is shown only where it failed.
pub(crate) fn capture(args: &[&str]) -> Result<String> {
    captured(args).map(|(printed, _)| printed)
}

/// Runs cargo and returns what it printed on stdout, and what it said beside it on stderr.
pub(crate) fn captured(args: &[&str]) -> Result<(String, String)> {
    let shown = line(args);
    let output = command(args).stdin(Stdio::null()).output().map_err(doing(&shown))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(Failure::Failed(format!(
            "error: `{shown}` failed ({})\n{}",
            output.status,
            said.trim_end()
        )));
    }
    Ok((String::from_utf8(output.stdout).map_err(doing(shown))?, said.into_owned()))
}

/// Runs `cargo test …`, shows its output as it comes and counts the results.
///
/// The second value is false where cargo failed, which may be with no test failed: a build error, a crash.
pub(crate) fn counted(command: Command) -> Result<(Tally, bool)> {
    let mut command = command;
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let shown = format!("cargo {}", words.join(" "));
    eprintln!("$ {shown}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(doing(&shown))?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut bytes = Vec::new();
        let mut terminal = std::io::stdout();
        // Bytes, not `lines()`: a test may print what is not UTF-8.
        while lines.read_until(b'\n', &mut bytes).map_err(doing(&shown))? > 0 {
            tally.add_line(&String::from_utf8_lossy(&bytes));
            terminal.write_all(&bytes).map_err(doing("writing to stdout"))?;
            bytes.clear();
        }
    }
    let status = child.wait().map_err(doing(&shown))?;
    Ok((tally, status.success()))
}

fn line(args: &[&str]) -> String {
    format!("cargo {}", args.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_add_up_and_others_do_not_count() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test deps::core_with_tokio_is_refused ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.02s",
            "99 passed; 99 failed;",
        ] {
            tally.add_line(line);
        }
        assert_eq!(tally, Tally { passed: 13, failed: 2 });
        assert_eq!(tally.to_string(), "13 passed, 2 failed");
    }
}
