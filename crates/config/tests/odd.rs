//! Files nobody would write: nothing panics, and no key gets into a message.

#![expect(clippy::indexing_slicing, reason = "a test fails where it stands")]

mod common;

use backstop_config::{Config, Problems};
use proptest::prelude::*;

use common::{files, parse};

/// A key that stands in the file itself. No part of it that a person would recognise may be shown.
const SECRET: &str = "sk-very-private-0123456789";

/// Stands for the secret while a file is changed.
const MARK: char = '\u{1}';

const TEMPLATE: &str = r#"
[providers.openai]
api_key = "SECRET"   # once it was SECRET
organization = "SECRET"
headers = { authorization = "Bearer SECRET", x-b = 'SECRET' }

[providers.mirror]
kind = "openai"
base_url = "https://user:SECRET@example.com/v1?key=SECRET"
api_key = """
SECRET"""

[models."mirror/big"]
context_tokens = 128000

[routes.default]
targets = [
  "openai/gpt-5.2",
  { target = "mirror/big", timeout = "20s", headers = { x-key = "SECRET" }, extra_body = { token = "SECRET", list = ["SECRET"] } },
  { system = "say SECRET", target = "groq/x", stop = ["END"] },
  { pool = ["groq/llama-x", "together/llama-x"], pick = "weighted", weights = [3, 1] },
]
deadline = "60s"
on_context_length = ["gemini/gemini-2.5-pro"]
hedge_after = "off"
"#;

/// All that a program may print of a file.
fn told(outcome: &Result<Config, Problems>) -> String {
    match outcome {
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(backstop_config::Problem::one_line).collect();
            format!("{problems}\n{problems:?}\n{}", lines.join("\n"))
        }
        Ok(config) => {
            let built: Vec<String> =
                config.providers.iter().map(|setup| setup.problem("x").to_string()).collect();
            let odd = (&config.warnings, &config.abroad);
            format!("{config}\n{config:?}\n{odd:?}\n{}", built.join("\n"))
        }
    }
}

/// A good file with its lines, characters and stretches changed.
fn mutated(text: &str, edits: &[(u8, usize, usize, char)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (what, at, other, c) in edits {
        if text.is_empty() {
            break;
        }
        let at = at % text.len();
        match what % 6 {
            0 => {
                text.remove(at);
            }
            1 => text.insert(at, *c),
            2 => {
                let other = other % text.len();
                // Whoever writes a key where a name belongs has told it.
                if text[at] != MARK && text[other] != MARK {
                    text.swap(at, other);
                }
            }
            3 => text.truncate(at),
            4 => {
                // A line is said twice, or moved.
                let whole: String = text.iter().collect();
                let mut lines: Vec<&str> = whole.lines().collect();
                let line = lines[at % lines.len()];
                lines.insert(other % lines.len(), line);
                text = lines.join("\n").chars().collect();
            }
            _ => {
                let end = (at + other % 20).min(text.len());
                text.drain(at..end);
            }
        }
    }
    text.into_iter().collect()
}

fn edits(most: usize) -> impl Strategy<Value = Vec<(u8, usize, usize, char)>> {
    let c = prop_oneof![
        proptest::sample::select("\"'[]{}=,.#\n\r\t \\$-_:/*0x".chars().collect::<Vec<_>>()),
        any::<char>()
    ];
    proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>(), c), 1..most)
}

#[test]
fn a_good_file_full_of_secrets_shows_none() {
    let text = TEMPLATE.replace("SECRET", SECRET).replace("@example.com", "@e");
    let outcome = parse(&text);
    assert!(outcome.is_ok(), "{}", told(&outcome));
    // `base_url` is shown by the Debug of core's settings, which is told elsewhere.
    let config = outcome.unwrap();
    assert!(!config.to_string().contains("private") && !format!("{:?}", config.warnings).contains("private"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        told(&parse(&text));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        told(&parse(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn any_heap_of_toml_is_read_or_refused(parts in proptest::collection::vec(proptest::sample::select(vec![
        "[providers.openai]\n", "[routes.a]\n", "[[routes.a]]\n", "[models.\"a/b\"]\n", "targets", "api_key", "kind",
        "pool", "weights", "pick", " = ", "[", "]", "{ ", " }", ", ", ".", "\"openai/x\"", "\"${KEY}\"", "\"${\"", "5",
        "-1", "true", "\"60s\"", "\n", "\"\"\"\n", "'''", "# c\n", "1e999", "2026-01-01", "\u{feff}", "\t", "日", "\"",
    ]), 0..40)) {
        told(&parse(&parts.concat()));
    }

    #[test]
    fn a_good_file_changed_anyhow_is_read_or_refused(edits in edits(12), which in any::<usize>()) {
        let files = files("good", "toml");
        let text = std::fs::read_to_string(&files[which % files.len()]).unwrap();
        told(&parse(&mutated(&text, &edits)));
    }

    #[test]
    fn a_bad_file_changed_anyhow_is_read_or_refused(edits in edits(8), which in any::<usize>()) {
        let files = files("bad", "toml");
        let text = std::fs::read_to_string(&files[which % files.len()]).unwrap();
        told(&parse(&mutated(&text, &edits)));
    }

    #[test]
    fn no_secret_is_told_however_the_file_is_broken(edits in edits(3)) {
        // The file is changed before the secrets are put in: a secret that is itself cut in two is another text.
        let text = mutated(&TEMPLATE.replace("SECRET", &MARK.to_string()), &edits).replace(MARK, SECRET);
        let outcome = parse(&text);
        let told = match &outcome {
            Err(_) => told(&outcome),
            Ok(config) => format!("{config}\n{:?}", config.warnings),
        };
        prop_assert!(!told.contains("private"), "{text}\n=====\n{told}");
    }
}

/// A password does not look like a key: only where it stands says what it is.
#[test]
fn no_password_is_told_wherever_the_file_is_broken_once() {
    let template = TEMPLATE.replace("SECRET", &MARK.to_string());
    let check = |broken: String| {
        let text = broken.replace(MARK, "horse-private");
        let outcome = parse(&text);
        let told = if outcome.is_err() { told(&outcome) } else { String::new() };
        assert!(!told.contains("private"), "{text}\n=====\n{told}");
    };
    let places = template.char_indices().map(|(at, c)| (at, c.len_utf8()));
    for (at, width) in places.filter(|(at, width)| !template[*at..at + width].contains(MARK)) {
        let (head, tail) = template.split_at(at);
        check(format!("{head}{}", &tail[width..]));
        check(head.to_owned());
        for c in "\"=\n".chars() {
            check(format!("{head}{c}{tail}"));
        }
    }
    let lines: Vec<&str> = template.lines().collect();
    for from in 0..lines.len() {
        for to in 0..lines.len() {
            let mut lines = lines.clone();
            let line = lines.remove(from);
            lines.insert(to, line);
            check(lines.join("\n"));
        }
    }
}

#[test]
fn a_variable_that_goes_to_a_server_the_file_names_is_told_once_for_each_provider() {
    let config = parse(
        r#"
        [providers.mirror]
        kind = "openai"
        base_url = "https://a.example/v1"
        api_key = "${OPENAI_API_KEY}"
        organization = "${UNSET_ONE:-none}"

        [providers.mirror.headers]
        x-one = "${KEY}"
        x-two = "${KEY}"

        [providers.openai]
        api_key = "${OPENAI_API_KEY}"

        [providers.near]
        kind = "openai"
        base_url = "http://127.0.0.1:8080/v1"
        api_key = "${OPENAI_API_KEY}"

        [routes.default]
        deadline = "${DEADLINE}"
        targets = [
          "openai/gpt",
          { target = "mirror/x", system = "${MODEL}" },
          { target = "near/x", system = "${MODEL}" },
        ]
        "#,
    )
    .unwrap();
    let told: Vec<_> = config.abroad.iter().map(|problem| (problem.line(), problem.message())).collect();
    assert_eq!(
        told,
        [
            (Some(5), "OPENAI_API_KEY is sent to a.example, which this file names"),
            (Some(9), "KEY is sent to a.example, which this file names"),
            (Some(24), "MODEL is sent to a.example, which this file names"),
        ]
    );
    assert!(config.abroad.iter().all(|problem| problem.is_warning() && !problem.to_string().contains("sk-")));
    assert_eq!(config.warnings, []);
}
