//! `tidy`: house rules that clippy does not know.
//!
//! Each rule is a function over (path, text) pairs. A rule with good exceptions takes a comment that gives the reason:
//! `// long: …` anywhere in a long file, `// word: …` on or above the line with the word.

use std::collections::{BTreeMap, BTreeSet};

use crate::args::Args;
use crate::deps::SHARED_MODULES;
use crate::failure::{Failure, Result};
use crate::{files, source};

/// Lines of code a file may have before its tests without giving a reason.
const LINES_MAX: usize = 400;

/// What a provider's folder holds, and may hold more: the same names everywhere, so that who knows one provider knows
/// all.
const PROVIDER_FILES: &[&str] = &["config.rs", "docs.md", "mod.rs", "provider.rs"];

/// What it holds beside if it has a wire of its own, and neither shares one nor runs its model in this process.
const WIRE_FILES: &[&str] = &["decode.rs", "encode.rs", "error.rs", "wire.rs"];

/// Words that say nothing, or say what another word of ours says already.
const FORBIDDEN: &[(&str, &str)] = &[
    ("backend", "say provider, or what it is"),
    ("deployment", "say target"),
    ("adapter", "say what it turns into what"),
    ("engine", "say provider, or what it does"),
    ("manager", "say what it does"),
    ("helper", "say what it helps with"),
    ("util", "say what it is for"),
];

/// Macros of unfinished work.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

type Text = (String, String);

/// `cargo xtask tidy`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    check()
}

/// All rules over all files, every finding told at once.
pub(crate) fn check() -> Result {
    let texts = files::texts(|_| true)?;
    let modules: Vec<&Text> = texts.iter().filter(|(path, _)| is_module(path)).collect();
    let mut findings = Vec::new();
    for (path, text) in modules {
        findings.extend(undocumented(path, text));
        findings.extend(unfinished(path, text));
        findings.extend(too_long(path, text));
        findings.extend(forbidden_names(path, text));
    }
    for (path, text) in &texts {
        findings.extend(forbidden_path(path));
        findings.extend(machine_paths(path, text));
        findings.extend(foreign_registries(path, text));
    }
    findings.extend(provider_folders(texts.iter().map(|(path, _)| path.as_str())));
    Failure::unless_empty("house rules", &findings)
}

/// Rust modules of a crate, as opposed to its tests, benches and examples.
fn is_module(path: &str) -> bool {
    let folders = ["crates/", "tests/src/", "tests/sim/src/", "xtask/src/"];
    path.ends_with(".rs")
        && folders.iter().any(|folder| path.starts_with(folder))
        && (!path.starts_with("crates/") || path.split('/').nth(2) == Some("src"))
}

fn undocumented(path: &str, text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let documented = first.starts_with("//!") || first.starts_with("#![doc = include_str!");
    (!documented).then(|| format!("{path}:1: begins without a `//!` that says why the module exists"))
}

fn unfinished(path: &str, text: &str) -> Vec<String> {
    let code = source::code(text);
    let mut findings = Vec::new();
    for (number, line) in code.lines().enumerate() {
        for word in UNFINISHED.iter().filter(|word| names_macro(line, word)) {
            findings.push(format!("{path}:{}: `{word}` left in the code", number + 1));
        }
    }
    findings
}

fn names_macro(line: &str, name: &str) -> bool {
    let before = |start: usize| line.get(..start).and_then(|text| text.chars().next_back());
    line.match_indices(name).any(|(start, _)| !before(start).is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    let lines = source::non_test_lines(text);
    let excused = text.lines().any(|line| line.trim_start().starts_with("// long: "));
    (lines > LINES_MAX && !is_test && !excused).then(|| {
        format!("{path}: {lines} lines before its tests, over {LINES_MAX} without a `// long: reason`")
    })
}

fn forbidden_names(path: &str, text: &str) -> Vec<String> {
    let code = source::code(text);
    let raw: Vec<&str> = text.lines().collect();
    let excused = |number: usize| {
        [Some(number), number.checked_sub(1)]
            .into_iter()
            .flatten()
            .filter_map(|line| raw.get(line))
            .any(|line| line.contains("// word: "))
    };
    let mut findings = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let Some(name) = public_name(line) else { continue };
        if let Some((word, instead)) = forbidden(name).filter(|_| !excused(number)) {
            findings.push(format!("{path}:{}: `{name}` holds the word \"{word}\": {instead}", number + 1));
        }
    }
    findings
}

/// The name a line makes public: of a function, type, module, constant …
fn public_name(line: &str) -> Option<&str> {
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    if words.next() != Some("pub") {
        return None;
    }
    while let Some(word) = words.next() {
        match word {
            "fn" | "struct" | "enum" | "trait" | "type" | "mod" | "static" | "union" => return words.next(),
            // `const fn f` and `const LIMIT` both begin so.
            "const" => {
                let name = words.next()?;
                if !matches!(name, "fn" | "unsafe" | "async") {
                    return Some(name);
                }
                return words.find(|word| !matches!(*word, "fn" | "unsafe" | "async" | "extern"));
            }
            "async" | "unsafe" | "extern" | "crate" | "super" | "self" | "in" | "mut" => {}
            _ => return None,
        }
    }
    None
}

fn forbidden_path(path: &str) -> Option<String> {
    // The licences and the lock file are named by others.
    let ours =
        ["crates/", "tests/", "xtask/", "docs/", "examples/"].iter().any(|folder| path.starts_with(folder));
    let (word, instead) = path.split('/').filter(|_| ours).find_map(forbidden)?;
    Some(format!("{path}: a file named with the word \"{word}\": {instead}"))
}

fn forbidden(name: &str) -> Option<(&'static str, &'static str)> {
    let words = source::words(name);
    let singular = |word: &String| word.strip_suffix('s').unwrap_or(word).to_owned();
    FORBIDDEN.iter().copied().find(|(word, _)| words.iter().any(|found| singular(found) == *word))
}

/// Paths of the machine somebody wrote the file on.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    // Put together here, so that this very file does not hold them.
    let roots = ["work", "home", "Users", "root"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for root in &roots {
        for (start, _) in text.match_indices(root.as_str()) {
            // A URL with such a path is no path of a machine, and neither is a relative one.
            let before = text.get(..start).and_then(|text| text.chars().next_back());
            if before.is_none_or(|c| !c.is_alphanumeric() && !"._-~})>]".contains(c)) {
                findings
                    .push(format!("{path}:{}: an absolute path of a machine", source::line_of(text, start)));
            }
        }
    }
    findings
}

/// Package sources that only work where somebody set them up.
fn foreign_registries(path: &str, text: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let in_cargo_config = path.contains(".cargo/");
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let foreign = match name {
            "Cargo.lock" => {
                line.starts_with("source = ")
                    && !line.contains("+https://github.com/rust-lang/crates.io-index")
            }
            "Cargo.toml" => line.contains("registry = ") || line.contains("registry-index"),
            "config.toml" if in_cargo_config => ["[source", "[registry", "[registries", "replace-with"]
                .iter()
                .any(|start| line.starts_with(start)),
            "requirements.txt" | "pip.conf" | ".npmrc" => {
                line.contains("index-url") || line.contains("registry=")
            }
            _ => false,
        };
        if foreign {
            findings.push(format!("{path}:{}: a package source other than the public one", number + 1));
        }
    }
    findings
}

/// Provider folders that lack a file.
fn provider_folders<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut folders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        let Some((folder, file)) =
            path.strip_prefix("crates/providers/src/").and_then(|path| path.split_once('/'))
        else {
            continue;
        };
        if !SHARED_MODULES.contains(&folder) {
            folders.entry(folder).or_default().insert(file);
        }
    }
    let mut findings = Vec::new();
    for (folder, files) in folders {
        let wire = if WIRE_FILES.iter().any(|file| files.contains(file)) { WIRE_FILES } else { &[] };
        for missing in PROVIDER_FILES.iter().chain(wire).filter(|file| !files.contains(*file)) {
            findings.push(format!("crates/providers/src/{folder}: no {missing}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_says_why_it_exists() {
        assert_eq!(undocumented("a.rs", "\n//! Why.\n"), None);
        assert_eq!(undocumented("a.rs", "#![doc = include_str!(\"docs.md\")]\n"), None);
        assert!(undocumented("a.rs", "use std::fmt;\n//! Late.\n").is_some());
        assert!(undocumented("a.rs", "").is_some());
    }

    #[test]
    fn only_modules_of_crates_are_modules() {
        assert!(is_module("crates/core/src/lib.rs"));
        assert!(is_module("xtask/src/tidy.rs"));
        assert!(!is_module("crates/core/tests/machine.rs"));
        assert!(!is_module("crates/core/src/docs.md"));
    }

    #[test]
    fn unfinished_work_is_found_in_code_only() {
        assert_eq!(unfinished("a.rs", "fn f() {\n    todo!()\n}\n"), ["a.rs:2: `todo!` left in the code"]);
        assert_eq!(unfinished("a.rs", "// todo!()\nlet s = \"dbg!\"; my_todo!();\n"), Vec::<String>::new());
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "let x = 1;\n".repeat(LINES_MAX + 1);
        assert!(too_long("crates/core/src/a.rs", &long).is_some());
        assert_eq!(too_long("crates/core/src/a.rs", &format!("{long}// long: one table\n")), None);
        assert_eq!(too_long("crates/core/src/tests.rs", &long), None);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(too_long("crates/core/src/a.rs", &tested), None);
    }

    #[test]
    fn empty_words_are_refused_in_public_names() {
        for line in [
            "pub struct HttpBackend;",
            "pub(crate) fn retry_helpers() {}",
            "    pub async fn engine(&self) {}",
            "pub const fn manager() {}",
            "pub mod utils;",
            "pub const DEPLOYMENTS: u8 = 1;",
        ] {
            assert_eq!(forbidden_names("a.rs", line).len(), 1, "{line}");
        }
        for line in ["struct Backend;", "pub fn imagine() {}", "pub model: Engine,", "pub use x::Engine;"] {
            assert_eq!(forbidden_names("a.rs", line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_reason_excuses_a_word() {
        let text =
            "// word: Azure's own name for it\npub struct Deployment;\npub struct Engine; // word: theirs\n";
        assert_eq!(forbidden_names("a.rs", text), Vec::<String>::new());
    }

    #[test]
    fn empty_words_are_refused_in_paths() {
        assert!(forbidden_path("crates/core/src/http_utils.rs").is_some());
        assert!(forbidden_path("crates/engine/src/lib.rs").is_some());
        assert_eq!(forbidden_path("crates/core/src/fleet.rs"), None);
    }

    #[test]
    fn machine_paths_are_found_and_urls_are_not() {
        let planted = ["see /", "work/x, file:///", "home/me, https://example.org/", "work/"].concat();
        assert_eq!(machine_paths("a.md", &planted).len(), 2);
    }

    #[test]
    fn only_public_package_sources_are_fine() {
        let public = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert_eq!(foreign_registries("Cargo.lock", public), Vec::<String>::new());
        assert_eq!(foreign_registries("Cargo.lock", "source = \"sparse+https://mirror.example/\"").len(), 1);
        assert_eq!(
            foreign_registries(".cargo/config.toml", "[alias]\nxtask = \"run\"\n"),
            Vec::<String>::new()
        );
        assert_eq!(foreign_registries(".cargo/config.toml", "[source.crates-io]\n").len(), 1);
    }

    #[test]
    fn a_provider_folder_has_its_eight_files() {
        let paths = ["openai/mod.rs", "openai/wire.rs", "http/sse.rs", "groq.rs"]
            .map(|file| format!("crates/providers/src/{file}"));
        let findings = provider_folders(paths.iter().map(String::as_str));
        assert_eq!(findings.len(), 6);
        assert!(findings.contains(&"crates/providers/src/openai: no docs.md".to_owned()));
    }
}
