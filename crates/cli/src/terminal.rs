//! What a terminal is shown of a text that somebody else wrote: its words, and nothing that steers the terminal.

use std::borrow::Cow;

/// Whether a character does something to a terminal, or to the direction of what stands around it, instead of being seen.
/// Line ends and tabs are what a text is made of.
fn steers(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text as it may be shown. A terminal gets `\u{1b}` for an escape; a pipe or a file gets the text as it is.
///
/// It looks at each character alone, so that a sequence cut into two pieces of a stream is no way around it.
pub(crate) fn shown(text: &str, is_terminal: bool) -> Cow<'_, str> {
    escaped(text, is_terminal, |c| c.escape_unicode().to_string())
}

/// The same for a line of JSON, with escapes of JSON: a program that reads it reads the same. Only what stands in a
/// string can be such a character.
pub(crate) fn shown_json(line: &str, is_terminal: bool) -> Cow<'_, str> {
    escaped(line, is_terminal, |c| format!("\\u{:04x}", u32::from(c)))
}

fn escaped(text: &str, is_terminal: bool, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !is_terminal || !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { shown.push_str(&escape(c)) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_shown_words_and_no_sequences() {
        for (text, expected) in [
            ("plain: \"é\" 日本 🙂\n\tend", "plain: \"é\" 日本 🙂\n\tend"),
            ("\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
            ("a\rb\u{8}\0\u{7f}", "a\\u{d}b\\u{8}\\u{0}\\u{7f}"),
            ("\u{9b}31m\u{90}", "\\u{9b}31m\\u{90}"),
            ("\u{202e}txt.exe\u{2066}x\u{2069}", "\\u{202e}txt.exe\\u{2066}x\\u{2069}"),
            // What only says which way a neutral sign runs is part of honest text.
            ("\u{200f}שלום", "\u{200f}שלום"),
        ] {
            assert_eq!(shown(text, true), expected);
            assert_eq!(shown(text, false), text, "a pipe gets it as it is");
        }
    }

    #[test]
    fn a_sequence_cut_anywhere_is_still_none() {
        let text = "a\u{1b}[31mb\u{9b}2J";
        let whole = shown(text, true);
        for cut in text.char_indices().map(|(at, _)| at) {
            let (head, tail) = text.split_at(cut);
            assert_eq!(format!("{}{}", shown(head, true), shown(tail, true)), whole);
        }
    }

    #[test]
    fn json_for_a_terminal_reads_the_same() {
        let value = serde_json::json!({ "text": "\u{1b}[2J\u{9b}2J\u{7f}\u{202e}é\n" });
        let line = value.to_string();
        let shown = shown_json(&line, true);
        assert!(!shown.contains(steers), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert_eq!(shown_json(&line, false), line);
    }
}
