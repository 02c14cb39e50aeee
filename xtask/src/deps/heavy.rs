//! What the heavy feature alone brings into a build: each crate is named, with its reason, in a table of its own.
//!
//! Nobody gets these crates unasked. Whoever asks for the feature should still be able to read what they get and why, and
//! a new one should not come in with the update of another.

use std::collections::BTreeSet;

use super::tree;
use crate::metadata::Package;

/// The feature that nothing switches on.
pub(super) const FEATURE: &str = "local";

/// Where the table stands in the page of reasons.
const HEADING: &str = "## What only `local` brings";

/// Crates of the `heavy` tree that are in neither the `light` one nor the page, and crates of its table that do not come.
pub(super) fn unexplained(light: &str, heavy: &str, ours: &[Package], page: &str, path: &str) -> Vec<String> {
    let names =
        |tree| tree::external(tree, ours).into_iter().map(|(name, _)| name).collect::<BTreeSet<&str>>();
    let (light, heavy) = (names(light), names(heavy));
    let brought: BTreeSet<&str> = heavy.difference(&light).copied().collect();
    let table = table(page);
    let direct = |name: &&str| page.lines().any(|line| line.starts_with(&format!("| `{name}` |")));
    let missing = brought.difference(&table).filter(|name| !direct(name));
    let stale = table.difference(&brought);
    missing
        .map(|name| format!("`{FEATURE}` brings {name}, which \"{HEADING}\" of {path} does not name"))
        .chain(
            stale.map(|name| {
                format!("\"{HEADING}\" of {path} names {name}, which `{FEATURE}` does not bring")
            }),
        )
        .collect()
}

/// The crates that the table names: what stands in backticks in the last cell of each row.
fn table(page: &str) -> BTreeSet<&str> {
    let after = page.split_once(HEADING).map_or("", |(_, after)| after);
    let section = after.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    cells.flat_map(|(_, cell)| cell.split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: &str = "backstop v0.1.0\nserde v1.0.229\n";
    const HEAVY: &str = "backstop v0.1.0\nserde v1.0.229\ncandle-core v0.11.1\ngemm v0.19.0\ngemm v0.18.0\n";

    fn check(page: &str) -> Vec<String> {
        let ours = [Package { name: "backstop".to_owned(), ..Package::default() }];
        unexplained(LIGHT, HEAVY, &ours, page, "page")
    }

    #[test]
    fn crates_with_a_reason_are_accepted_in_either_table() {
        let page = "| `candle-core` | runs models |\n\n## What only `local` brings\n\n| what for | crates |\n|---|---|\n\
             | products of `f16` matrices | `gemm` |\n\n## More\n\n| x | `serde` |\n";
        assert_eq!(check(page), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_reason_and_a_reason_without_a_crate_are_found() {
        let page = "## What only `local` brings\n| matrices | `gemm`, `ndarray` |\n";
        assert_eq!(
            check(page),
            [
                "`local` brings candle-core, which \"## What only `local` brings\" of page does not name",
                "\"## What only `local` brings\" of page names ndarray, which `local` does not bring",
            ]
        );
    }

    #[test]
    fn without_the_table_every_crate_is_a_finding() {
        assert_eq!(check("").len(), 2);
    }
}
