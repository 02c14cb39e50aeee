//! The words of a refusal, in a form in which phrases can be looked for: in lower case, and without what they quote.
//!
//! A refusal may quote the prompt, and that may say anything. So a quotation of several words is left out, unless it is
//! itself the message of an error that somebody hands on; and what stands behind `input` in an error of validation is the
//! request.

/// What begins a quotation of the request without quotation marks. All that follows is left out.
const QUOTES: [&str; 12] = [
    "'input':",
    "input_value=",
    "failed_generation':",
    "request body:",
    "you said",
    "you sent",
    "you wrote",
    "your input:",
    "your prompt:",
    "your message:",
    "received:",
    "got:",
];

/// Members that hold the words of an error.
const TELLING: [&str; 8] =
    ["message'", "msg'", "detail'", "details'", "error'", "reason'", "title'", "description'"];

/// How many names of exceptions are looked at.
const NAMES_MAX: usize = 4;

/// The most words that may stand for a `*`.
const GAP_WORDS: usize = 3;

/// How far behind the one part of a phrase the other may end.
const GAP_MAX: usize = 160;

/// What is no model, and stands between `model` and `not found` only by chance.
const NO_NAMES: [&str; 22] = [
    "tool",
    "tools",
    "function",
    "file",
    "image",
    "images",
    "parameter",
    "output",
    "response",
    "input",
    "key",
    "value",
    "field",
    "schema",
    "message",
    "messages",
    "property",
    "argument",
    "prompt",
    "in",
    "to",
    "|",
];

/// The words of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(String);

impl Words {
    /// The words that a machine word such as `ContextWindowExceeded` is made of.
    pub(crate) fn within(machine: &str) -> Self {
        Self(split(machine) + " |")
    }

    /// The words of a message. They end in a `|`.
    pub(crate) fn of(message: &str) -> Self {
        let plain = plain(message);
        let end = QUOTES.iter().filter_map(|mark| plain.find(mark)).min().unwrap_or(plain.len());
        let mut words = without_quotations(plain.get(..end).unwrap_or(&plain));
        // Names of exceptions stand in front of what they hand on.
        let names = message
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|name| name.ends_with("Error") || name.ends_with("Exception"));
        for name in names.take(NAMES_MAX) {
            words.push_str(" | ");
            words.push_str(&split(name));
        }
        words.push_str(" |");
        Self(words)
    }

    /// Whether one of these phrases is among them.
    pub(crate) fn say(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.says(phrase))
    }

    /// Whether they begin so.
    pub(crate) fn begin(&self, phrase: &str) -> bool {
        self.0.starts_with(phrase)
    }

    fn says(&self, phrase: &str) -> bool {
        match phrase.split_once('*') {
            None => self.find(phrase).next().is_some(),
            Some((before, after)) => {
                let (before, after) = (before.trim_end(), after.trim_start());
                self.find(before).any(|(quoted, rest)| !quoted && follows(rest, after))
            }
        }
    }

    /// What follows each place where the phrase begins a word, and whether that is a quoted one.
    fn find<'a>(&'a self, phrase: &'a str) -> impl Iterator<Item = (bool, &'a str)> {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
        self.0.match_indices(phrase).filter_map(move |(at, _)| {
            let before = self.0.get(..at)?.chars().next_back();
            let goes_on =
                phrase.starts_with(|c: char| c.is_ascii_alphanumeric()) && before.is_some_and(is_inner);
            (!goes_on).then_some((before == Some('\''), self.0.get(at + phrase.len()..)?))
        })
    }
}

/// Whether `after` comes within a few words. A `*` in it stands for more of them.
fn follows(rest: &str, after: &str) -> bool {
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '\'' | '-')) {
        return false;
    }
    let rest = beginning(rest, GAP_MAX);
    let (next, more) = match after.split_once('*') {
        Some((next, more)) => (next.trim_end(), Some(more.trim_start())),
        None => (after, None),
    };
    rest.match_indices(next).any(|(at, _)| {
        let gap = rest.get(..at).unwrap_or_default();
        let ends_word = gap.is_empty() || !gap.ends_with(|c: char| c.is_ascii_alphanumeric());
        let mut words = gap.split_whitespace();
        let is_name = words.all(|word| !NO_NAMES.contains(&word) && !word.ends_with([';', ',', '.']));
        ends_word
            && is_name
            && gap.split_whitespace().count() <= GAP_WORDS
            && more.is_none_or(|more| rest.get(at + next.len()..).is_some_and(|rest| follows(rest, more)))
    })
}

/// At most this many bytes of a text, in whole letters.
fn beginning(text: &str, max: usize) -> &str {
    (0..=max.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// In lower case, in one line, with one sort of quotation mark, and without what escapes it.
fn plain(message: &str) -> String {
    let mut plain = String::with_capacity(message.len());
    let mut escaped = false;
    for c in message.chars() {
        let c = match c {
            'n' | 'r' | 't' if escaped => ' ',
            '\\' => {
                escaped = true;
                continue;
            }
            '`' | '"' | '’' | '‘' | '“' | '”' => '\'',
            c if c.is_whitespace() => ' ',
            c => c.to_ascii_lowercase(),
        };
        escaped = false;
        if c != ' ' || !plain.ends_with(' ') {
            plain.push(c);
        }
    }
    plain
}

/// The text with `'…'` in place of quotations of several words.
fn without_quotations(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\'') {
        out.push_str(before);
        let opens = out.is_empty()
            || out.ends_with(|c: char| {
                c.is_whitespace() || matches!(c, '(' | '[' | '{' | ':' | '=' | ',' | '>')
            });
        let quoted = if opens { quotation(after) } else { None };
        match quoted {
            Some((inside, behind)) if inside.contains(' ') && !is_told(&out) => {
                out.push_str("'…'");
                rest = behind;
            }
            Some(_) if is_told(&out) => {
                out.push(' ');
                rest = after;
            }
            // Of one word, or an apostrophe.
            _ => {
                out.push('\'');
                rest = after;
                if let Some((inside, behind)) = quoted.filter(|(inside, _)| !inside.contains(' ')) {
                    out.push_str(inside);
                    out.push('\'');
                    rest = behind;
                }
            }
        }
    }
    out.push_str(rest);
    out
}

/// What stands before the closing mark, and behind it.
fn quotation(text: &str) -> Option<(&str, &str)> {
    text.match_indices('\'').find_map(|(at, _)| {
        let (inside, behind) = (text.get(..at)?, text.get(at + 1..)?);
        let goes_on = behind.starts_with(|c: char| c.is_alphanumeric());
        (!goes_on && !inside.ends_with(' ')).then_some((inside, behind))
    })
}

/// Whether a member follows that tells of an error.
fn is_told(before: &str) -> bool {
    let name = before.trim_end();
    match name.strip_suffix(':') {
        Some(name) => TELLING.iter().any(|member| name.trim_end().ends_with(member)),
        None => {
            name.strip_suffix('=').is_some_and(|name| name.ends_with("message") || name.ends_with("detail"))
        }
    }
}

/// `ContextWindowExceeded` and `context_window_exceeded` as words.
fn split(word: &str) -> String {
    let mut words = String::with_capacity(word.len() + 8);
    let mut before = ' ';
    for c in word.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(if matches!(c, '_' | '-' | '.') { ' ' } else { c.to_ascii_lowercase() });
        before = c;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(message: &str, phrase: &str) -> bool {
        Words::of(message).say(&[phrase])
    }

    #[test]
    fn a_phrase_is_found_however_it_is_written() {
        for (message, phrase) in [
            ("Prompt is too long: 9 tokens", "prompt is too long"),
            ("The model `a/b` does not exist.", "model * not exist"),
            ("The model \u{201c}a\u{201d} does not exist", "model * does not exist"),
            ("Model not found: a", "model * not found"),
            ("models/a is not found for v1", "models * is not found"),
            ("This model doesn\u{2019}t support it", "doesn't support"),
            ("exceeds the model's maximum context of 9", "exceeds * context"),
            ("`inputs` tokens + `max_new_tokens` must be <= 9", "'max_new_tokens' must be <="),
            ("a\n  b", "a b"),
            // Handed on by a gateway, in its own language.
            (r#"X - {"error":{"message":"prompt is too long: 9 tokens > 8"}}"#, "prompt is too long"),
            (r#"X - {\"error\":{\"message\":\"it's too long a prompt\"}}"#, "too long a prompt"),
            ("Error code: 400 - {'error': {'message': \"the prompt's too long\"}}", "prompt's too long"),
            ("Error code: 400 - {'code': 'model_not_found'}", "'model_not_found'"),
        ] {
            assert!(says(message, phrase), "{message}: {phrase}");
        }
    }

    #[test]
    fn what_is_quoted_or_about_something_else_is_not_found() {
        for (message, phrase) in [
            ("Invalid 'messages': got 'the model was not found'", "model * not found"),
            ("Invalid value at 'x': \"prompt is too long, model not found\"", "prompt is too long"),
            ("[{'msg': 'bad', 'input': 'prompt is too long'}]", "prompt is too long"),
            ("bad [type=x, input_value={'a': prompt is too long}]", "prompt is too long"),
            ("{'messages': [{'content': 'my prompt is too long'}]}", "prompt is too long"),
            ("Tool 'model' not found", "model * not found"),
            ("Tool 'get_model' not found", "model * not found"),
            ("remodel not found", "model not found"),
            ("The model called a tool that was not found", "model * not found"),
            ("The model is fine. The file was not found", "model * not found"),
            ("the model, asked twice and then again, is not found", "model * not found"),
        ] {
            assert!(!says(message, phrase), "{message}: {phrase}");
        }
    }

    #[test]
    fn machine_words_are_words() {
        for word in ["context_window_exceeded", "ContextWindowExceededError", "CONTEXT_WINDOW_EXCEEDED"] {
            assert!(Words::within(word).say(&["context window exceeded"]), "{word}");
        }
    }

    #[test]
    fn endless_marks_and_odd_letters_are_survived() {
        for text in
            ["'".repeat(4096), " '".repeat(2048), "' ".repeat(2048), "model ".repeat(700), "ü'".repeat(999)]
        {
            assert!(!says(&text, "model * not found"));
        }
    }
}
