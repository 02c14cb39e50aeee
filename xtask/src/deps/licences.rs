//! Licences and sources of everything we could pull in, against the lists in `deny.toml`.
//!
//! `cargo deny` reads the same file and does more; this much needs nothing installed, so nobody can forget it.

use std::collections::BTreeMap;

use crate::failure::{Failure, Result};
use crate::metadata::Package;

/// What `deny.toml` allows.
#[derive(Debug)]
pub(super) struct Policy {
    allow: Vec<String>,
    /// Further licences of single crates.
    exceptions: BTreeMap<String, Vec<String>>,
    sources: Vec<String>,
}

impl Policy {
    /// Reads the few keys needed, in the plain form our own file is written in.
    pub(super) fn read(text: &str) -> Result<Self> {
        let text: Vec<&str> = text.lines().map(without_comment).collect();
        let missing = |what: &str| Failure::Failed(format!("error: deny.toml: no {what}"));
        let allow = array(&text, "licenses", "allow").ok_or_else(|| missing("allow in [licenses]"))?;
        let sources = array(&text, "sources", "allow-registry")
            .ok_or_else(|| missing("allow-registry in [sources]"))?;
        let mut exceptions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in array(&text, "licenses", "exceptions").unwrap_or_default().split('}') {
            let Some((licences, name)) = entry.split_once("crate") else { continue };
            exceptions.entry(quoted(name).concat()).or_default().extend(quoted(licences));
        }
        Ok(Self { allow: quoted(&allow), exceptions, sources: quoted(&sources) })
    }

    fn allows(&self, package: &Package, licence: &str) -> bool {
        let excepted = self.exceptions.get(&package.name);
        self.allow.iter().chain(excepted.into_iter().flatten()).any(|allowed| allowed == licence)
    }
}

/// Packages under a licence, or from a place, that the policy does not allow.
pub(super) fn refused(packages: &[Package], policy: &Policy) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| !package.is_ours()) {
        let Package { name, version, .. } = package;
        let expression = package.license.as_deref().unwrap_or_default();
        match satisfied(expression, &|licence| policy.allows(package, licence)) {
            Some(true) => {}
            Some(false) => findings.push(format!("{name} {version}: licence `{expression}` is not allowed")),
            None => findings.push(format!("{name} {version}: cannot read the licence `{expression}`")),
        }
        let source = package.source.as_deref().unwrap_or_default();
        if !policy.sources.iter().any(|allowed| source.ends_with(allowed.as_str())) {
            findings.push(format!("{name} {version}: comes from {source}"));
        }
    }
    findings
}

/// Whether the licences we accept are enough for an SPDX expression; nothing where it is not one.
fn satisfied(expression: &str, allows: &dyn Fn(&str) -> bool) -> Option<bool> {
    // Older crates write `MIT/Apache-2.0` for a choice.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Expression { words: &words, allows };
    let answer = parser.any()?;
    parser.words.is_empty().then_some(answer)
}

/// The rest of an expression. `WITH` binds tighter than `AND`, `AND` tighter than `OR`.
struct Expression<'a> {
    words: &'a [&'a str],
    allows: &'a dyn Fn(&str) -> bool,
}

impl<'a> Expression<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Some(answer)
    }

    fn all(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let answer = self.any()?;
            return self.take(")").then_some(answer);
        }
        let licence = self.id()?;
        if self.take("WITH") {
            let exception = self.id()?;
            return Some((self.allows)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allows)(licence))
    }

    fn id(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        (!matches!(*first, "(" | ")" | "AND" | "OR" | "WITH")).then_some(*first)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

/// The ids in `ignore` of `[advisories]`.
pub(super) fn ignored_advisories(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(without_comment).collect();
    array(&lines, "advisories", "ignore").map(|ids| quoted(&ids)).unwrap_or_default()
}

/// The text between the brackets of an array in a section.
fn array(lines: &[&str], section: &str, key: &str) -> Option<String> {
    let header = format!("[{section}]");
    let body = lines.iter().skip_while(|line| line.trim() != header).skip(1);
    let mut body = body.take_while(|line| !line.starts_with('['));
    let first = body.find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
    let (mut text, mut depth) = (String::new(), 0_usize);
    for line in std::iter::once(first).chain(body.copied()) {
        for char in line.chars() {
            match char {
                '[' => depth += 1,
                ']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            text.push(char);
            if depth == 0 && char == ']' {
                return Some(text);
            }
        }
    }
    None
}

fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn without_comment(line: &str) -> &str {
    let mut inside = false;
    for (place, char) in line.char_indices() {
        match char {
            '"' => inside = !inside,
            '#' if !inside => return line.get(..place).unwrap_or(line),
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisories_are_ignored_by_their_ids() {
        let text = "[advisories]\n# Not ours: \"RUSTSEC-1\".\nignore = [\n    \"RUSTSEC-2\", # why\n]\n";
        assert_eq!(ignored_advisories(text), ["RUSTSEC-2"]);
        assert_eq!(ignored_advisories("[advisories]\nignore = []\n"), Vec::<String>::new());
        assert_eq!(ignored_advisories(""), Vec::<String>::new());
    }

    const DENY: &str = r#"
[licenses]
# allow = ["GPL-3.0"]
allow = [
    "MIT", # everybody
    "Apache-2.0",
]
exceptions = [
    { allow = ["CDLA-Permissive-2.0"], crate = "roots" },
]
[sources]
allow-registry = ["https://registry.example/index"]
"#;

    fn package(name: &str, license: &str) -> Package {
        Package {
            name: name.to_owned(),
            license: Some(license.to_owned()),
            source: Some("registry+https://registry.example/index".to_owned()),
            ..Package::default()
        }
    }

    fn verdict(expression: &str) -> Option<bool> {
        satisfied(expression, &|licence| {
            ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&licence)
        })
    }

    #[test]
    fn the_policy_is_read_from_the_file() {
        let policy = Policy::read(DENY).unwrap();
        assert_eq!(policy.allow, ["MIT", "Apache-2.0"]);
        assert_eq!(policy.exceptions["roots"], ["CDLA-Permissive-2.0"]);
        assert!(Policy::read("[licenses]\n").is_err());
    }

    #[test]
    fn expressions_follow_spdx() {
        assert_eq!(verdict("MIT"), Some(true));
        assert_eq!(verdict("GPL-3.0"), Some(false));
        assert_eq!(verdict("GPL-3.0 OR MIT"), Some(true));
        assert_eq!(verdict("MIT/GPL-3.0"), Some(true));
        assert_eq!(verdict("MIT AND GPL-3.0"), Some(false));
        assert_eq!(verdict("(MIT OR GPL-3.0) AND Apache-2.0"), Some(true));
        assert_eq!(verdict("MIT OR GPL-3.0 AND GPL-2.0"), Some(true));
        assert_eq!(verdict("Apache-2.0 WITH LLVM-exception"), Some(true));
        assert_eq!(verdict("MIT WITH LLVM-exception"), Some(false));
        for broken in ["", "MIT AND", "(MIT", "MIT Apache-2.0", "OR"] {
            assert_eq!(verdict(broken), None, "{broken}");
        }
    }

    #[test]
    fn copyleft_and_unknown_sources_are_refused() {
        let policy = Policy::read(DENY).unwrap();
        assert_eq!(refused(&[package("fine", "MIT OR GPL-3.0")], &policy), Vec::<String>::new());
        assert_eq!(refused(&[package("copyleft", "GPL-3.0-only")], &policy).len(), 1);
        let nameless = Package { license: None, ..package("nameless", "") };
        assert_eq!(refused(&[nameless], &policy).len(), 1);
        let forked =
            Package { source: Some("git+https://example.org/x".to_owned()), ..package("forked", "MIT") };
        assert_eq!(refused(&[forked], &policy).len(), 1);
    }

    #[test]
    fn an_exception_is_for_its_crate_alone() {
        let policy = Policy::read(DENY).unwrap();
        assert_eq!(refused(&[package("roots", "CDLA-Permissive-2.0")], &policy), Vec::<String>::new());
        assert_eq!(refused(&[package("other", "CDLA-Permissive-2.0")], &policy).len(), 1);
    }

    #[test]
    fn our_own_deny_toml_is_readable() {
        let text = std::fs::read_to_string(crate::cargo::root().join("deny.toml")).unwrap();
        assert!(Policy::read(&text).unwrap().allow.contains(&"MIT".to_owned()));
    }
}
