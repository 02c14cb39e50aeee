//! Which words of a line that is no TOML may be shown.
//!
//! A broken line has no structure that could say which text in it is a key or a prompt. But most lines that somebody
//! breaks hold neither, and help only if they can be read. So each word is judged by what stands in front of it: behind a
//! setting that holds nothing private, words are shown unless they look like a key; behind any other only those that are
//! known, such as names of settings and kinds, durations, small numbers, and targets of known providers.

use std::collections::BTreeSet;

use crate::duration;
use crate::form::Table;
use crate::show;
use crate::source::{Source, Span};

/// Parts of the names of settings and headers that hold what nobody should read.
const PRIVATE: [&str; 12] = [
    "key",
    "token",
    "secret",
    "passw",
    "credential",
    "auth",
    "cookie",
    "bearer",
    "private",
    "header",
    "extra_body",
    "system",
];

/// How keys of well-known services begin.
const KEYS: [&str; 22] = [
    "sk-", "sk_", "pk-", "pk_", "rk_", "gsk_", "xai-", "aiza", "akia", "asia", "ghp_", "gho_", "github_",
    "glpat", "hf_", "nvapi-", "pplx-", "csk-", "fw_", "r8_", "eyj", "ya29",
];

/// What may stand between a name and its `=`, or in front of a name.
const QUOTES_AND_SPACE: [char; 5] = ['"', '\'', ' ', '\t', '\u{feff}'];

/// What ends a word.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || "\"'[]{}=,#()".contains(c)
}

/// What may be shown of the words that follow.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Shows {
    /// All but what looks like a key.
    Plain,
    /// Targets that do not look like a key, and what is known.
    Targets,
    /// Addresses of servers with nothing private in them, and what is known.
    Urls,
    /// What is known.
    Known,
}

/// The words that may be shown.
pub(crate) struct Harmless {
    /// Names of settings, of kinds, and of the tables of the file.
    words: BTreeSet<String>,
    /// Settings whose values are never private.
    open: BTreeSet<String>,
}

impl Harmless {
    /// The words of this format, and the names that the headers of a file give.
    pub(crate) fn new(root: &Table, text: &str) -> Self {
        let mut words: BTreeSet<String> = ["true", "false", "default"].map(str::to_owned).into();
        let (mut open, mut others) = (BTreeSet::new(), BTreeSet::new());
        root.vocabulary(&mut |word, form| {
            words.insert(word.to_owned());
            if let Some(form) = form {
                let list = if form.is_open() || word == "kind" { &mut open } else { &mut others };
                list.insert(word.to_owned());
            }
        });
        open.retain(|name| !others.contains(name));
        words.extend(text.lines().filter_map(header_name).filter(|name| is_name(name)).map(str::to_owned));
        Self { words, open }
    }

    /// The stretches of a line that must not be shown.
    pub(crate) fn hidden_in(&self, source: &Source<'_>, line: &Span) -> Vec<Span> {
        let text = source.slice(line);
        let (mut shows, is_private) = self.before(source.text.get(..line.start).unwrap_or_default());
        if is_header(text) {
            shows = Shows::Plain;
        }
        let mut hidden = Vec::new();
        for (begin, word, is_key) in words(text) {
            let before = text.get(..begin).unwrap_or_default();
            if is_header(text) && before.trim_start().contains(|c: char| c == ']' || c.is_whitespace()) {
                // Nothing belongs behind the name in a header, so nobody knows what it is.
                shows = Shows::Known;
            } else if is_header(text) && before.contains(['"', '\'']) {
                shows = Shows::Targets;
            }
            let is_shown = match shows {
                _ if self.is_known(word) => true,
                _ if is_private => false,
                _ if is_key => is_name(word.trim_end_matches(':')),
                Shows::Plain => !looks_private(word),
                Shows::Targets => word.contains('/') && !looks_private(word),
                Shows::Urls => word.contains("://") && show::is_plain(word),
                Shows::Known => false,
            };
            let end = begin + word.len();
            if !is_shown {
                hidden.push(line.start + begin..line.start + end);
            }
            let is_comment = text.get(..begin).is_some_and(|before| before.contains('#'));
            // A comment may hold anything, an old key as well.
            let comments =
                is_comment || text.get(end..).is_some_and(|rest| rest.trim_start().starts_with('#'));
            shows = match comments {
                true => Shows::Known,
                false if is_key || is_private_name(word) || is_assigned(text, end) => self.behind(word),
                false => shows,
            };
        }
        hidden
    }

    /// What may be shown of the value of a setting.
    fn behind(&self, setting: &str) -> Shows {
        match setting.trim_end_matches(':') {
            "base_url" => Shows::Urls,
            name if self.open.contains(name) => Shows::Plain,
            _ => Shows::Known,
        }
    }

    /// What may be shown of a line below this text, by its last setting; and whether the line stands within something
    /// private: a text of several lines, or a table or list of what is private that has not ended.
    fn before(&self, text: &str) -> (Shows, bool) {
        let mut shows = Shows::Known;
        let mut depth = 0_usize;
        // How deep the brackets are behind which everything is private; 0 is a table with a header.
        let mut private = None;
        let mut in_text = false;
        for line in text.lines() {
            let quotes = line.matches("\"\"\"").count() + line.matches("'''").count();
            let was_in_text = in_text;
            in_text ^= quotes % 2 == 1;
            if was_in_text {
                continue;
            }
            if is_header(line) && depth == 0 {
                shows = Shows::Known;
                private = words(line).any(|(_, word, _)| word.split('.').any(is_private_name)).then_some(0);
                continue;
            }
            shows = words(line)
                .filter(|(.., is_key)| *is_key)
                .last()
                .map_or(shows, |(_, key, _)| self.behind(key));
            let before = depth;
            let count = |brackets: [char; 2]| line.matches(brackets).count();
            depth = (depth + count(['[', '{'])).saturating_sub(count([']', '}']));
            if private.is_some_and(|private| private > depth) {
                private = None;
            }
            if depth > before && shows == Shows::Known && private.is_none() {
                private = Some(depth);
            }
        }
        // A value ends with its line, unless it is a list that is still open, and those are of targets.
        let shows = if depth > 0 && shows == Shows::Plain { Shows::Targets } else { Shows::Known };
        (shows, in_text || private.is_some())
    }

    fn is_known(&self, word: &str) -> bool {
        let word = word.trim_matches(['.', ':', '\u{feff}']);
        let is_short = |word: &str| word.len() <= 6 && word.chars().all(|c| c.is_ascii_digit());
        let is_known = |word: &str| self.words.contains(word);
        let is_model = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
        let is_target = |word: &str| {
            word.len() <= 60
                && word.chars().all(is_model)
                && word.split_once('/').is_some_and(|(provider, _)| is_known(provider))
        };
        // A header such as `models.openai/gpt`.
        let is_header = |word: &str| {
            word.split_once('.').is_some_and(|(table, name)| {
                ["models", "routes", "providers"].contains(&table) && (is_known(name) || is_target(name))
            })
        };
        // The dash of a list in YAML.
        let is_sign = |word: &str| word.len() <= 2 && !word.contains(char::is_alphanumeric);
        is_short(word)
            || is_sign(word)
            || is_known(word)
            || is_target(word)
            || is_header(word)
            || duration::parse(word).is_ok()
    }
}

/// The words of a line: where each begins, what it is, and whether a value follows it.
fn words(text: &str) -> impl Iterator<Item = (usize, &str, bool)> {
    let mut begin = 0;
    let ends = text.char_indices().chain([(text.len(), ' ')]).filter(|(_, c)| ends_word(*c));
    ends.filter_map(move |(at, c)| {
        let (start, word) = (begin, text.get(begin..at).unwrap_or_default());
        begin = at + c.len_utf8();
        let before = text.get(..start).unwrap_or_default().trim_end_matches(QUOTES_AND_SPACE);
        let rest = text.get(at..).unwrap_or_default().trim_start_matches(QUOTES_AND_SPACE);
        let begins = before.is_empty() || before.ends_with(['{', ',', '-']);
        let is_key = begins && (word.ends_with(':') || rest.starts_with(['=', ':']));
        (!word.is_empty()).then_some((start, word, is_key))
    })
}

/// Whether an `=` follows here.
fn is_assigned(text: &str, at: usize) -> bool {
    text.get(at..).unwrap_or_default().trim_start_matches(QUOTES_AND_SPACE).starts_with('=')
}

/// Whether a line is the header of a table, as far as it goes.
fn is_header(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}').trim_start();
    let name = line.trim_start_matches('[');
    name.len() < line.len() && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The name that a header gives to a table: `x` of `[providers.x]` and `[providers.x.headers]`.
fn header_name(line: &str) -> Option<&str> {
    let path = line.trim_start_matches('\u{feff}').trim_start().trim_start_matches('[');
    let rest = ["providers.", "routes."].iter().find_map(|table| path.strip_prefix(table))?;
    rest.split(['.', ']', '"', '\'']).find(|name| !name.is_empty())
}

fn is_private_name(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    PRIVATE.iter().any(|part| word.contains(part))
}

/// Whether a word is a name that somebody would give to a setting, a provider or a route.
fn is_name(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    word.len() <= 30
        && digits <= 2
        && word.chars().all(|c| c.is_alphanumeric() || "_-.*".contains(c))
        && !looks_private(word)
}

/// Whether a word could be a key or a part of one, or of an address with a password in it.
fn looks_private(word: &str) -> bool {
    const LENGTH_MAX: usize = 60;
    const RUN_MAX: usize = 16;
    let lower = word.to_ascii_lowercase();
    let is_date = |run: &str| run.len() == 8 && run.starts_with("20");
    let is_number = |run: &str| run.len() > 6 && run.chars().all(|c| c.is_ascii_digit()) && !is_date(run);
    let is_odd = |c: char| !(c.is_alphanumeric() || "-_./:*+<>|;".contains(c));
    KEYS.iter().any(|begin| lower.contains(begin))
        || word.len() > LENGTH_MAX
        || word.contains("://")
        || word.contains(is_odd)
        || word.split(|c: char| !c.is_alphanumeric()).any(|run| run.len() > RUN_MAX || is_number(run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, Key};

    fn harmless(text: &str) -> Harmless {
        let key = |name: &'static str, form| Key::new(name, form, "");
        let keys = vec![
            key("api_key", Form::TEXT),
            key("base_url", Form::TEXT),
            key("deadline", Form::TIME),
            key("openai", Form::TEXT),
            key("target", Form::Target),
            key("targets", Form::list(Form::Target)),
        ];
        Harmless::new(&Table { place: "".into(), header: "", keys, refused: Vec::new() }, text)
    }

    /// The last line of a text as it is shown.
    fn shown(text: &str) -> String {
        let source = Source::new("f", text);
        let begin = text.rfind('\n').map_or(0, |at| at + 1);
        let hidden = harmless(text).hidden_in(&source, &(begin..text.len()));
        source.place(&(begin..begin), &hidden, None).shown
    }

    #[test]
    fn words_are_shown_where_nothing_private_is_expected() {
        for line in [
            "[providers.my-proxy",
            "[routes.fast-and-cheap]]",
            "[models.mirror/some-model]",
            "targets = [\"mirror/some-model\", \"groq/llama-3.3-70b\" \"x/y\"]",
            "targets = mirror/claude-sonnet-4-20250514",
            "targts: [\"openai/gpt-5.2\"]",
            "deadline = sixty seconds",
            "deadline: 5",
            "base_url = http://127.0.0.1:8080/v1",
        ] {
            assert_eq!(shown(line), line);
        }
        assert_eq!(shown("targets = [\n  \"mirror/some-model\" \"b/c\""), "  \"mirror/some-model\" \"b/c\"");
    }

    #[test]
    fn what_looks_like_a_key_is_hidden_anywhere() {
        for (line, expected) in [
            ("targets = sk-123", "targets = …"),
            ("deadline = 60s # hunter2", "deadline = 60s # …"),
            ("# targets = hunter2", "# targets = …"),
            ("[\"openai/gpt\" \"gsk_1\"]", "[\"openai/gpt\" \"…\"]"),
            ("targets = Abcdefgh0123456789", "targets = …"),
            ("targets = [\"a/b?c\", \"user:pw@host\", \"x%20y\"]", "targets = [\"…\", \"…\", \"…\"]"),
            ("[providers.0123456789]", "[…]"),
            ("sk-1 = 5", "… = 5"),
        ] {
            assert_eq!(shown(line), expected);
        }
    }

    #[test]
    fn behind_a_private_setting_only_known_words_are_shown() {
        for (line, expected) in [
            ("api_key = hunter2", "api_key = …"),
            ("api_key = \"hunter2", "api_key = \"…"),
            ("apikey: hunter", "apikey: …"),
            ("password hunter", "… …"),
            ("my_setting = hunter", "my_setting = …"),
            (
                "{ target = \"b/c\", headers = { x-a = \"hunter\" } ]",
                "{ target = \"b/c\", headers = { x-a = \"…\" } ]",
            ),
            ("base_url = https://user:pw@e/v1", "base_url = …"),
            ("base_url = https://e/v1?key=hunter", "base_url = …=…"),
            ("'openai/x?sk-1@y'", "'…'"),
        ] {
            assert_eq!(shown(line), expected);
        }
    }

    #[test]
    fn a_line_is_as_private_as_what_it_continues() {
        for (text, expected) in [
            ("api_key = [\nhunter", "…"),
            ("api_key = \"\"\"\nhunter", "…"),
            ("system = \"\"\"\ntargets = hunter", "targets = …"),
            ("system = \"\"\"\nx\"\"\"\ntargets = hunter", "targets = hunter"),
            ("[providers.x.headers]\nx-a = hunter", "… = …"),
            ("headers = {\n  x-a = hunter", "  … = …"),
            ("[providers.x]\nhunter", "…"),
            ("[providers.x]\norganisation hunter", "… …"),
            ("[providers.mine]\nx = 1\n[routes.y]\nz = mine/z other", "z = mine/z …"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }
}
