//! `docs`: pages that are generated, so that they cannot drift from the code they describe.

use crate::args::Args;
use crate::cargo;
use crate::failure::{Failure, Result, doing};

/// One generated page and the cargo command that prints it.
struct Page {
    path: &'static str,
    command: &'static [&'static str],
}

const PAGES: &[Page] = &[
    Page {
        path: "docs/ERRORS.md",
        command: &["run", "--quiet", "--package", "backstop-core", "--example", "errors_page"],
    },
    Page {
        path: "docs/CONFIG.md",
        command: &["run", "--quiet", "--package", "backstop-config", "--example", "config_page"],
    },
    Page {
        path: "docs/CAPABILITIES.md",
        // The program has every provider that is light.
        command: &["run", "--quiet", "--package", "backstop-cli", "--example", "capabilities_page"],
    },
];

/// `cargo xtask docs [--check]`.
pub(crate) fn run(mut args: Args) -> Result {
    let check = args.flag("--check");
    args.finish()?;
    if check { check_all() } else { write_all() }
}

fn write_all() -> Result {
    for page in PAGES {
        let path = cargo::root().join(page.path);
        std::fs::write(path, cargo::capture(page.command)?).map_err(doing(page.path))?;
        println!("wrote {}", page.path);
    }
    Ok(())
}

/// Fails where a page is not what its command prints today.
pub(crate) fn check_all() -> Result {
    let mut stale = Vec::new();
    for page in PAGES {
        let fresh = cargo::capture(page.command)?;
        // A page that was never written is as stale as a page can be.
        let written = std::fs::read_to_string(cargo::root().join(page.path)).unwrap_or_default();
        if let Some(difference) = first_difference(&written, &fresh) {
            stale.push(format!("{}:{difference}\n    run `cargo xtask docs`", page.path));
        }
    }
    Failure::unless_empty("stale pages", &stale)
}

/// Where two texts part: the line number, then the line as it is and as it should be.
fn first_difference(written: &str, fresh: &str) -> Option<String> {
    if written == fresh {
        return None;
    }
    let (mut old, mut new) = (written.lines(), fresh.lines());
    let mut number = 0_usize;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some(format!("{number}: only the line ends differ")),
            (was, is) if was != is => {
                let shown =
                    |line: Option<&str>| line.map_or_else(|| "(end of page)".to_owned(), str::to_owned);
                return Some(format!("{number}:\n    - {}\n    + {}", shown(was), shown(is)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_pages_are_fresh() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn a_stale_page_shows_its_first_difference() {
        assert_eq!(first_difference("a\nb\n", "a\nc\n").unwrap(), "2:\n    - b\n    + c");
        assert_eq!(first_difference("", "a\n").unwrap(), "1:\n    - (end of page)\n    + a");
        assert_eq!(first_difference("a", "a\n").unwrap(), "2: only the line ends differ");
    }
}
