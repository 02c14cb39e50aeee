//! What the manifests cannot tell: which code names what.

use std::collections::BTreeSet;

use crate::source;

/// Words that core's code must not hold. A comment or a string may.
const BANNED_IN_CORE: &[&str] = &["tokio", "reqwest", "hyper", "Instant::now", "SystemTime"];

/// The modules that every provider may use; the others belong to one provider each.
pub(crate) const SHARED_MODULES: &[&str] = &["dialect", "google", "http", "in_process", "options"];

const PROVIDERS: &str = "crates/providers/src/";

/// Core files that name a clock, a runtime or a client.
pub(super) fn core_is_pure(files: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with("crates/core/src/")) {
        let code = source::code(text);
        for (number, line) in code.lines().enumerate() {
            for word in BANNED_IN_CORE.iter().filter(|word| source::names(line, word)) {
                findings.push(format!("{path}:{}: core names `{word}`", number + 1));
            }
        }
    }
    findings
}

/// Provider modules that import another provider's module.
pub(super) fn providers_apart(files: &[(String, String)]) -> Vec<String> {
    let in_module = |path: &str| Some(module_of(path)?.to_owned());
    let modules: BTreeSet<String> = files.iter().filter_map(|(path, _)| in_module(path)).collect();
    let mut findings = Vec::new();
    for (path, text) in files {
        let Some(own) = module_of(path) else { continue };
        let code = source::code(text);
        let imported = imports(&code);
        for other in modules.iter().filter(|other| *other != own && !SHARED_MODULES.contains(&other.as_str()))
        {
            if imported.contains(other.as_str()) {
                findings.push(format!("{path}: `{own}` imports the provider module `{other}`"));
            }
        }
    }
    findings
}

/// `openai` for both `crates/providers/src/openai/wire.rs` and `crates/providers/src/openai.rs`.
fn module_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(PROVIDERS)?;
    let module = inside.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    (module != "lib").then_some(module)
}

/// Every name right after `crate::` or `super::`, also at the top of a braced list.
fn imports(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for prefix in ["crate::", "super::"] {
        for (start, _) in code.match_indices(prefix) {
            let Some(rest) = code.get(start + prefix.len()..) else { continue };
            match rest.strip_prefix('{') {
                Some(list) => found.extend(first_names(list)),
                None => found.extend(name(rest)),
            }
        }
    }
    found
}

/// The first name of each entry of a braced list, up to the brace that closes it.
fn first_names(list: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut entry = true;
    for (start, char) in list.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => entry = true,
            _ if entry && (char.is_alphabetic() || char == '_') => {
                names.extend(list.get(start..).and_then(name));
                entry = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn core_naming_a_clock_is_refused_and_a_comment_is_not() {
        let pure =
            files(&[("crates/core/src/time.rs", "/// Never Instant::now.\n// nor tokio\nfn f() {}\n")]);
        assert_eq!(core_is_pure(&pure), Vec::<String>::new());
        let clock =
            files(&[("crates/core/src/time.rs", "\nfn f() { let now = std::time::Instant::now(); }\n")]);
        assert_eq!(core_is_pure(&clock), ["crates/core/src/time.rs:2: core names `Instant::now`"]);
        let elsewhere = files(&[("crates/facade/src/driver.rs", "use tokio::time;")]);
        assert_eq!(core_is_pure(&elsewhere), Vec::<String>::new());
    }

    #[test]
    fn core_with_tokio_in_its_code_is_refused() {
        let file = files(&[("crates/core/src/lib.rs", "use tokio::sync::mpsc;")]);
        assert_eq!(core_is_pure(&file).len(), 1);
    }

    #[test]
    fn one_provider_importing_another_is_refused_however_it_is_written() {
        for line in [
            "use crate::openai::Wire;",
            "use crate::{http::Transport, openai::{Wire, Key}};",
            "fn f() { crate::openai::f() }",
            "use super::super::openai;",
            "use super::openai;",
        ] {
            let planted = files(&[
                ("crates/providers/src/openai/mod.rs", ""),
                ("crates/providers/src/anthropic/decode.rs", line),
            ]);
            assert_eq!(providers_apart(&planted).len(), 1, "{line}");
        }
    }

    #[test]
    fn shared_modules_own_modules_and_comments_are_fine() {
        let fine = files(&[
            ("crates/providers/src/lib.rs", "pub use crate::openai::OpenAi;"),
            ("crates/providers/src/http/mod.rs", ""),
            ("crates/providers/src/dialect/mod.rs", "use crate::http::Transport;"),
            ("crates/providers/src/openai/mod.rs", "use crate::{dialect, http}; use crate::openai::wire;"),
            ("crates/providers/src/groq.rs", "// like crate::openai\nuse crate::dialect::{openai, Dialect};"),
        ]);
        assert_eq!(providers_apart(&fine), Vec::<String>::new());
    }
}
