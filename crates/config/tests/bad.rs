//! Every `tests/bad/NAME.toml` is refused, or warned of, with the words of `NAME.txt`.
//!
//! `BLESS=1 cargo test -p backstop-config --test bad` writes the words anew; read what changed as the person who
//! wrote the file would.

mod common;

use std::fmt::Write as _;

#[test]
fn bad_files_are_told_in_these_words() {
    let bless = std::env::var_os("BLESS").is_some();
    let files = common::files("bad", "toml");
    assert!(files.len() >= 30, "{} files", files.len());
    let mut wrong = String::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let told = match common::parse(&text) {
            Err(problems) => {
                assert!(problems.iter().all(|problem| !problem.is_warning()));
                format!("{problems}\n")
            }
            Ok(config) => {
                let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
                assert!(!warnings.is_empty(), "{} is a good file", path.display());
                format!("{}\n", warnings.join("\n\n"))
            }
        };
        let expected = path.with_extension("txt");
        if bless {
            std::fs::write(&expected, &told).unwrap();
            continue;
        }
        // A checkout may have changed the line ends.
        let expected = std::fs::read_to_string(&expected).unwrap_or_default().replace("\r\n", "\n");
        if expected != told {
            writeln!(wrong, "{}:\n--- expected\n{expected}--- told\n{told}", path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}\nBLESS=1 writes them anew");
}

#[test]
fn no_message_holds_a_secret() {
    for path in common::files("bad", "txt") {
        let told = std::fs::read_to_string(&path).unwrap();
        assert!(!told.contains("sk-") && !told.contains("hunter2"), "{}", path.display());
    }
}
