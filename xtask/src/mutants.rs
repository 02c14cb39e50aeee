//! `sim --mutants`: does the simulation find the bugs it exists for?
//!
//! An invariant that no bug can break proves nothing. Each mutant is one replacement in the text of the machine, made
//! in a copy below the target folder; the real sources are only read. A mutant is killed when the simulation fails
//! *and names the invariant* that the bug breaks: failing for another reason is luck.

mod list;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::args::{Args, nearest};
use crate::failure::{Failure, Result, doing};
use crate::{cargo, files, metadata};

/// One planted bug.
struct Mutant {
    /// A sentence's worth of name: what the machine now does wrong.
    name: &'static str,
    /// The file it is planted in, from the root.
    file: &'static str,
    /// Text that stands exactly once in the file.
    from: &'static str,
    /// What stands there instead.
    to: &'static str,
    /// The invariant the simulation must name.
    invariant: &'static str,
}

/// Fewer than this would not say much about the simulation.
const MUTANTS_MIN: usize = 10;

/// How long one simulation of a mutant may take: one that hangs was not found.
const PATIENCE: Duration = Duration::from_secs(120);

/// The packages a simulation is built from.
const PACKAGES: &[&str] = &["crates/core", "tests/sim"];

/// What a run of the simulation said.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    /// The invariants it named, of which the first counts most.
    Failed(Vec<String>),
    TooSlow,
    DoesNotCompile(String),
}

/// Which mutants to plant, and how long to look for each.
pub(crate) struct Hunt {
    calls: u64,
    seed: u64,
    only: Option<String>,
}

impl Default for Hunt {
    fn default() -> Self {
        Self { calls: 200_000, seed: 1, only: None }
    }
}

/// `cargo xtask sim --mutants [--only NAME] [--calls N] [--seed S]`.
pub(crate) fn run(mut args: Args) -> Result {
    let usual = Hunt::default();
    let hunt = Hunt {
        calls: args.number("--calls")?.unwrap_or(usual.calls),
        seed: args.number("--seed")?.unwrap_or(usual.seed),
        only: args.value("--only")?,
    };
    args.finish()?;
    self::hunt(&hunt)
}

/// Plants the mutants one after the other. Fails where one survives.
pub(crate) fn hunt(hunt: &Hunt) -> Result {
    if list::MUTANTS.len() < MUTANTS_MIN {
        let found = list::MUTANTS.len();
        let text =
            format!("error: {found} mutants in xtask/src/mutants/list.rs; at least {MUTANTS_MIN} are wanted");
        return Err(Failure::Failed(text));
    }
    let chosen = choose(hunt.only.as_deref())?;
    let scratch = Scratch::new()?;

    // Were the untouched machine to fail, every mutant would look killed.
    scratch.lay(None)?;
    match scratch.simulate(hunt)? {
        Verdict::Passed => {}
        other => {
            return Err(Failure::Failed(format!("error: the machine without any mutant: {}", shown(&other))));
        }
    }
    let width = chosen.iter().map(|mutant| mutant.name.len()).max().unwrap_or(0);
    let mut survivors = Vec::new();
    for mutant in chosen {
        scratch.lay(Some(mutant))?;
        let begun = Instant::now();
        let verdict = scratch.simulate(hunt)?;
        let seconds = begun.elapsed().as_secs_f64();
        let killed = kills(&verdict, mutant.invariant);
        let mark = if killed { ' ' } else { '!' };
        let said = shown(&verdict);
        let said = said.lines().next().unwrap_or_default();
        println!("{mark} {:<width$}  {said:<40} {seconds:>5.1} s", mutant.name);
        if !killed {
            survivors.push(format!(
                "{}: expected invariant {}, {}",
                mutant.name,
                mutant.invariant,
                shown(&verdict)
            ));
        }
    }
    Failure::unless_empty("mutants that were not killed as they should be", &survivors)
}

fn choose(only: Option<&str>) -> Result<Vec<&'static Mutant>> {
    let Some(name) = only else { return Ok(list::MUTANTS.iter().collect()) };
    match list::MUTANTS.iter().find(|mutant| mutant.name == name) {
        Some(mutant) => Ok(vec![mutant]),
        None => {
            let near = nearest(name, list::MUTANTS.iter().map(|mutant| mutant.name));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Err(Failure::Usage(format!("error: no mutant `{name}`{hint}")))
        }
    }
}

fn kills(verdict: &Verdict, invariant: &str) -> bool {
    matches!(verdict, Verdict::Failed(named) if named.iter().any(|name| name == invariant))
}

fn shown(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "SURVIVED".to_owned(),
        Verdict::Failed(named) if named.is_empty() => "failed without naming an invariant".to_owned(),
        Verdict::Failed(named) => format!("killed by {}", named.join(", ")),
        Verdict::TooSlow => format!("no end within {} s", PATIENCE.as_secs()),
        Verdict::DoesNotCompile(said) => format!("does not compile\n{said}"),
    }
}

/// The text with the mutant planted; its place must be there, and only once.
fn plant(text: &str, mutant: &Mutant) -> Result<String> {
    let wrong = |what: &str| {
        Failure::Failed(format!(
            "error: mutant `{}`: {what} in {}:\n{}",
            mutant.name, mutant.file, mutant.from
        ))
    };
    match text.matches(mutant.from).count() {
        1 if mutant.from == mutant.to => Err(wrong("changes nothing")),
        1 => Ok(text.replacen(mutant.from, mutant.to, 1)),
        0 => Err(wrong("the text to replace is not")),
        _ => Err(wrong("the text to replace is more than once")),
    }
}

/// The names on lines such as `invariant: one_finish`, each once.
fn invariants(output: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = output.lines().filter_map(|line| line.trim().strip_prefix("invariant:")).map(str::trim);
    names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}

/// The root manifest with only the packages that are copied.
fn manifest(root: &str) -> Result<String> {
    let members = PACKAGES.iter().map(|package| format!("\"{package}\"")).collect::<Vec<_>>().join(", ");
    let mut out = String::new();
    let mut inside = false;
    let mut replaced = false;
    for line in root.lines() {
        let is_members = line.starts_with("members");
        // A list over several lines ends with its bracket; `default-members` would name packages that are not there.
        if is_members || line.starts_with("default-members") || line.starts_with("exclude") {
            inside = !line.contains(']');
            if is_members {
                out.push_str(&format!("members = [{members}]\n"));
                replaced = true;
            }
        } else if inside {
            inside = !line.contains(']');
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    if replaced {
        Ok(out)
    } else {
        Err(Failure::Failed("error: no `members` in the root Cargo.toml".to_owned()))
    }
}

/// A copy of what the simulation is built from, kept between runs so that only what changed is built.
struct Scratch {
    folder: PathBuf,
    target: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self> {
        let base = metadata::target_directory()?.join("mutants");
        Ok(Self { folder: base.join("workspace"), target: base.join("target") })
    }

    /// Brings the copy to the state of the real sources, with at most one mutant in it.
    fn lay(&self, mutant: Option<&Mutant>) -> Result {
        let root = cargo::root();
        let within = |path: &str| PACKAGES.iter().any(|package| path.starts_with(&format!("{package}/")));
        let mut wanted = BTreeSet::new();
        for path in files::all()?.into_iter().filter(|path| within(path)) {
            let mut bytes = std::fs::read(root.join(&path)).map_err(doing(&path))?;
            if let Some(mutant) = mutant.filter(|mutant| mutant.file == path) {
                bytes = plant(&String::from_utf8(bytes).map_err(doing(&path))?, mutant)?.into_bytes();
            }
            self.write(&path, &bytes)?;
            wanted.insert(self.folder.join(path));
        }
        if let Some(mutant) = mutant.filter(|mutant| !wanted.contains(&self.folder.join(mutant.file))) {
            let text =
                format!("error: mutant `{}`: {} is not part of the simulation", mutant.name, mutant.file);
            return Err(Failure::Failed(text));
        }
        for package in PACKAGES {
            remove_others(&self.folder.join(package), &wanted)?;
        }
        let text = std::fs::read_to_string(root.join("Cargo.toml")).map_err(doing("Cargo.toml"))?;
        self.write("Cargo.toml", manifest(&text)?.as_bytes())?;
        // Only where it is missing: cargo prunes its copy, and writing the long one back would cost a resolve each time.
        let lock = std::fs::read(root.join("Cargo.lock")).map_err(doing("Cargo.lock"))?;
        if self.write("Cargo.lock.root", &lock)? || !self.folder.join("Cargo.lock").exists() {
            self.write("Cargo.lock", &lock)?;
        }
        Ok(())
    }

    /// Writes a file if it differs, and says whether it did: an untouched file is not built again.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let path = self.folder.join(path);
        if std::fs::read(&path).is_ok_and(|now| now == bytes) {
            return Ok(false);
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(doing(folder.display()))?;
        }
        std::fs::write(&path, bytes).map_err(doing(path.display()))?;
        Ok(true)
    }

    fn simulate(&self, hunt: &Hunt) -> Result<Verdict> {
        // Offline: the packages are those of the workspace, which is built already.
        let words = ["build", "--quiet", "--profile", "sim", "--package", "backstop-sim", "--offline"];
        let output = cargo::command(&words)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            // Even where CI switches it off: the same crate is built again and again here.
            .env("CARGO_INCREMENTAL", "1")
            .stdin(Stdio::null())
            .output()
            .map_err(doing("building the simulation"))?;
        if !output.status.success() {
            return Ok(Verdict::DoesNotCompile(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let binary = self.target.join("sim").join(format!("backstop-sim{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(binary);
        command.args(["--calls", &hunt.calls.to_string(), "--seed", &hunt.seed.to_string()]);
        judge(command, &self.target.join("output"), PATIENCE)
    }
}

/// Runs a simulation to its end, or to the end of our patience.
fn judge(mut command: Command, log: &Path, patience: Duration) -> Result<Verdict> {
    // Into a file: nobody has to read along, however much it says.
    let file = File::create(log).map_err(doing(log.display()))?;
    let copy = file.try_clone().map_err(doing(log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(copy);
    let mut child = command.spawn().map_err(doing("running the simulation"))?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(doing("waiting for the simulation"))? {
            break status;
        }
        if begun.elapsed() > patience {
            // It may have ended between the two questions, which is as good.
            child.kill().or_else(|_| child.wait().map(drop)).map_err(doing("stopping the simulation"))?;
            child.wait().map_err(doing("stopping the simulation"))?;
            return Ok(Verdict::TooSlow);
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if status.success() {
        return Ok(Verdict::Passed);
    }
    let output = std::fs::read(log).map_err(doing(log.display()))?;
    Ok(Verdict::Failed(invariants(&String::from_utf8_lossy(&output))))
}

/// Removes what is left of files that are gone from the real sources.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result {
    for entry in std::fs::read_dir(folder).map_err(doing(folder.display()))? {
        let path = entry.map_err(doing(folder.display()))?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            std::fs::remove_file(&path).map_err(doing(path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(from: &'static str, to: &'static str) -> Mutant {
        Mutant { name: "m", file: "crates/core/src/lib.rs", from, to, invariant: "one_finish" }
    }

    #[test]
    fn a_mutant_is_planted_exactly_once_or_not_at_all() {
        assert_eq!(plant("a < b; a > b", &mutant("a < b", "a <= b")).unwrap(), "a <= b; a > b");
        assert!(plant("a < b; a < b", &mutant("a < b", "a <= b")).is_err());
        assert!(plant("", &mutant("a < b", "a <= b")).is_err());
        assert!(plant("a < b", &mutant("a < b", "a < b")).is_err());
    }

    /// Runs with the other tests, so that who changes the machine sees at once which mutants lost their place.
    #[test]
    fn every_mutant_has_its_place() {
        let mut names = BTreeSet::new();
        for mutant in list::MUTANTS {
            let text = std::fs::read_to_string(cargo::root().join(mutant.file)).unwrap();
            plant(&text, mutant).unwrap();
            assert!(names.insert(mutant.name), "two mutants are called {}", mutant.name);
        }
    }

    #[test]
    fn only_the_expected_invariant_kills() {
        let failed = |output: &str| Verdict::Failed(invariants(output));
        assert!(kills(&failed("seed 7\ninvariant: one_finish\ninvariant: one_finish\n"), "one_finish"));
        assert!(!kills(&failed("invariant: bounds\n"), "one_finish"));
        assert!(!kills(&failed("thread panicked\n"), "one_finish"));
        assert!(!kills(&Verdict::Passed, "one_finish"));
        assert!(!kills(&Verdict::TooSlow, "one_finish"));
        assert!(!kills(&Verdict::DoesNotCompile(String::new()), "one_finish"));
    }

    #[test]
    fn the_scratch_manifest_holds_only_what_is_copied() {
        let root = "[workspace]\nmembers = [\n  \"crates/core\",\n  \"xtask\",\n]\ndefault-members = [\"x\"]\n[profile.sim]\n";
        let expected = "[workspace]\nmembers = [\"crates/core\", \"tests/sim\"]\n[profile.sim]\n";
        assert_eq!(manifest(root).unwrap(), expected);
        assert!(manifest("[workspace]\n").is_err());
    }
}
