//! Files that are no TOML: the parser's complaints in our form, with lines that hide what nobody vouches for.
//!
//! A broken line has no structure that could say which text in it is a key. So only words that are known to be
//! harmless are shown: names of settings and kinds, durations, small numbers, targets of known providers.

use std::collections::BTreeSet;

use toml::de::Error;

use crate::duration;
use crate::form::Table;
use crate::problem::{Problem, Problems};
use crate::source::{Source, Span};

/// The most complaints that are shown: after a few, one fault is often the cause of the next.
const SHOWN_MAX: usize = 4;

/// The parser's complaints, one a line, in the order of the file.
pub(crate) fn problems(source: &Source<'_>, root: &Table, errors: &[Error]) -> Option<Problems> {
    let harmless = Harmless::new(root);
    let mut errors: Vec<(Span, &str)> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    errors.dedup_by_key(|(span, _)| source.line_at(span.start).0);
    // What follows an open bracket was read as part of its list, and is not to blame.
    let opens = |message: &str| ["missing comma", "unclosed"].iter().any(|begin| message.starts_with(begin));
    if let Some(at) = errors.iter().position(|(_, message)| opens(message)) {
        errors.truncate(at + 1);
    }
    // These come line after line where the file is of another format altogether.
    let mut told = BTreeSet::new();
    let repeats = |message: &str| message.starts_with("key with no value") || message.starts_with("invalid");
    errors.retain(|(_, message)| !repeats(message) || told.insert(*message));
    errors.truncate(SHOWN_MAX);
    let list = errors
        .into_iter()
        .map(|(span, message)| {
            let (_, line) = source.line_at(span.start);
            let hidden = harmless.hidden_in(source, &line);
            let is_shown = hidden.iter().all(|hidden| hidden.end <= span.start || span.end <= hidden.start);
            let word = source.slice(&span);
            let help = help(message, Some(word).filter(|_| is_shown), source.slice(&line));
            let place = source.place(&span, &hidden, None);
            Problem::new(false, source.name, Some(place), plain(message, word, is_shown), help)
        })
        .collect();
    Problems::from_list(list, 0)
}

fn plain(message: &str, word: &str, is_shown: bool) -> String {
    match message {
        "duplicate key" if is_shown => format!("`{word}` stands in the file twice"),
        "duplicate key" => "this key stands in the file twice".to_owned(),
        message if message.starts_with("string values must be quoted") => {
            "a text stands in quotes".to_owned()
        }
        message if message.starts_with("missing comma between array elements") => {
            "a comma is missing, or the list above is not closed".to_owned()
        }
        message if message.starts_with("invalid basic string") => {
            "a text has no end: `\"` is missing".to_owned()
        }
        message if message.starts_with("invalid literal string") => {
            "a text has no end: `'` is missing".to_owned()
        }
        message if message.starts_with("invalid unquoted key") && word == ":" => {
            "`:` stands where `=` belongs".to_owned()
        }
        message => message.to_owned(),
    }
}

fn help(message: &str, word: Option<&str>, line: &str) -> Option<String> {
    if message.starts_with("unclosed") {
        return Some(
            "a list or table that begins above has no end: is there a `]` or `}` for it?".to_owned(),
        );
    }
    if message.starts_with("string values must be quoted") {
        return word.map(|word| format!("write \"{word}\""));
    }
    if message.starts_with("invalid unquoted key") && line.starts_with('[') {
        return Some(
            "a name with a slash, a dot or a star stands in quotes: [models.\"openai/gpt-5.2\"]".to_owned(),
        );
    }
    if message.starts_with("key with no value") || word == Some(":") {
        return Some("a line is `key = value`, or a header such as [routes.default]".to_owned());
    }
    None
}

/// The words that may be shown.
struct Harmless {
    words: BTreeSet<String>,
}

impl Harmless {
    fn new(root: &Table) -> Self {
        let mut words: BTreeSet<String> = ["true", "false", "default"].map(str::to_owned).into();
        root.vocabulary(&mut |word| {
            words.insert(word.to_owned());
        });
        Self { words }
    }

    fn hidden_in(&self, source: &Source<'_>, line: &Span) -> Vec<Span> {
        let text = source.slice(line);
        let ends = |c: char| c.is_whitespace() || "\"'[]{}=,#()".contains(c);
        let mut hidden = Vec::new();
        let mut begin = 0;
        for (at, c) in text.char_indices().chain([(text.len(), ' ')]).filter(|(_, c)| ends(*c)) {
            let word = text.get(begin..at).unwrap_or_default();
            if !self.shows(word) {
                hidden.push(line.start + begin..line.start + at);
            }
            begin = at + c.len_utf8();
        }
        hidden
    }

    fn shows(&self, word: &str) -> bool {
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
        is_short(word)
            || is_known(word)
            || is_target(word)
            || is_header(word)
            || duration::parse(word).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{Form, Key};

    #[test]
    fn only_known_words_of_a_broken_line_are_shown() {
        let keys = ["api_key", "deadline", "openai"].map(|name| Key::new(name, Form::TEXT, ""));
        let root = Table { place: "".into(), header: "", keys: keys.into(), refused: Vec::new() };
        let harmless = Harmless::new(&root);
        for (line, shown) in [
            ("api_key = sk-123", "api_key = …"),
            ("api_key = \"sk-123", "api_key = \"…"),
            ("deadline = 60s # sk-1", "deadline = 60s # …"),
            ("[\"openai/gpt\" \"sk/1\"]", "[\"openai/gpt\" \"…\"]"),
            ("deadline: 5", "deadline: 5"),
            ("\"x\"://user:sk-1@e/v1?key=sk-2", "\"…\"…=…"),
            ("'openai/x?sk-1@y'", "'…'"),
        ] {
            let source = Source::new("f", line);
            let place = source.place(&(0..0), &harmless.hidden_in(&source, &(0..line.len())), None);
            assert_eq!(place.shown, shown);
        }
    }
}
