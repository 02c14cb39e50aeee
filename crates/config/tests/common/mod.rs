//! What the tests of config files share: a registry of kinds that are never built, and an environment.
#![expect(dead_code, reason = "each test uses some of it")]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::path::{Path, PathBuf};

use backstop_config::{Config, Problems};
use backstop_core::{Env, Error, ErrorKind, Kind, KindOption, Registry, Shape};

/// The value of `KEY`, which no message may hold.
pub(crate) const KEY: &str = "sk-live-0123456789abcdef";

const OPTIONS: &[KindOption] = &[
    KindOption::new("organization", Shape::Text, "Bills this organization."),
    KindOption::new("store", Shape::Flag, "Whether the provider keeps the answers."),
    KindOption::new("door_token", Shape::Secret, "Opens the door."),
    KindOption::new("seats", Shape::Count, "How many may sit."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

const LOCAL: &[KindOption] = &[KindOption::new("models", Shape::Texts, "The files of the models.")];

fn kind(name: &'static str) -> Kind {
    Kind::new(name, |_| Err(Error::new(ErrorKind::Config, "nothing is built here")))
}

pub(crate) fn registry() -> Registry {
    ["anthropic", "azure", "gemini", "groq", "ollama", "together"]
        .into_iter()
        .fold(Registry::default(), |registry, name| registry.with(kind(name)))
        .with(kind("openai").with_key_envs(&["OPENAI_API_KEY"]).with_options(OPTIONS))
        .with(kind("local").with_options(LOCAL))
        .with_known(&["anthropic", "azure", "bedrock", "gemini", "groq", "local", "mistral", "openai"])
}

pub(crate) fn env() -> Env {
    Env::new(|name| match name {
        "KEY" | "OPENAI_API_KEY" => Some(KEY.to_owned()),
        "EMPTY" => Some(String::new()),
        "DEADLINE" => Some("45s".to_owned()),
        "MODEL" => Some("openai/gpt-5.2".to_owned()),
        "SECRET_PATH" => Some(format!("{KEY}/x")),
        "TRIES" => Some("3".to_owned()),
        _ => None,
    })
}

pub(crate) fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse("backstop.toml", text, &registry(), &env())
}

/// The one line with the error of a file that has one.
pub(crate) fn complaint(text: &str) -> String {
    parse(text).unwrap_err().first().one_line()
}

/// The files of a folder of tests that end so, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort();
    files
}
