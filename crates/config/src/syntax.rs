//! Files that are no TOML: the parser's complaints in our form.

use std::collections::BTreeSet;

use toml::de::Error;

use crate::form::Table;
use crate::harmless::Harmless;
use crate::problem::{Problem, Problems};
use crate::source::{Source, Span};

/// The most complaints that are shown: after a few, one fault is often the cause of the next.
const SHOWN_MAX: usize = 4;

/// The parser's complaints, one a line, in the order of the file.
pub(crate) fn problems(source: &Source<'_>, root: &Table, errors: &[Error]) -> Option<Problems> {
    let harmless = Harmless::new(root, source.text);
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
