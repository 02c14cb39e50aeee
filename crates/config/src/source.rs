//! The text of a file: where its lines are, and how one is shown with a caret and without secrets.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

pub(crate) type Span = Range<usize>;

/// The most columns of a line that are shown.
const SHOWN_MAX: usize = 110;
/// How much of a longer line is shown before the caret.
const BEFORE_CARET: usize = 40;
/// What is shown where something is hidden.
const HIDDEN: char = '…';

/// A text and where its lines begin.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    lines: Vec<usize>,
}

/// A place in a file, and its line ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: usize,
    /// In characters, counted from 1.
    pub(crate) column: usize,
    /// The line, its secrets replaced.
    pub(crate) shown: String,
    /// How many columns stand before the caret.
    pub(crate) indent: usize,
    /// How many columns the caret is wide.
    pub(crate) carets: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text, lines }
    }

    pub(crate) fn slice(&self, span: &Span) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Where something is shown that stands at an offset: what is at the very end of a file, where its last line with
    /// anything on it ends.
    fn anchor(&self, offset: usize) -> usize {
        let end = self.text.trim_end_matches(['\n', '\r']).len();
        if offset >= self.text.len() { end } else { offset }
    }

    /// The line on which an offset is shown, counted from 0, and where it stands without its line end.
    pub(crate) fn line_at(&self, offset: usize) -> (usize, Span) {
        let offset = self.anchor(offset);
        let number = self.lines.partition_point(|begin| *begin <= offset).saturating_sub(1);
        let begin = self.lines.get(number).copied().unwrap_or(0);
        let end = self.lines.get(number + 1).map_or(self.text.len(), |next| next - 1);
        let line = self.slice(&(begin..end));
        (number, begin..begin + line.strip_suffix('\r').unwrap_or(line).len())
    }

    /// Where `span` begins. `hidden` are the stretches that are not shown, sorted; behind `end` of the line nothing is
    /// shown either.
    pub(crate) fn place(&self, span: &Span, hidden: &[Span], end: Option<usize>) -> Place {
        let offset = self.anchor(span.start);
        let (number, mut line) = self.line_at(offset);
        let before = self.slice(&(line.start..offset.min(line.end)));
        let column = before.strip_prefix('\u{feff}').unwrap_or(before).chars().count() + 1;
        line.end = end.map_or(line.end, |end| end.clamp(line.start, line.end));
        let drawn = self.draw(&line, hidden);
        let begin = drawn.column(offset.min(line.end));
        let carets =
            drawn.column(span.end.clamp(offset.min(line.end), line.end)).saturating_sub(begin).max(1);
        let (shown, indent, carets) = drawn.window(begin, carets);
        Place { line: number + 1, column, shown, indent, carets }
    }

    fn draw(&self, line: &Span, hidden: &[Span]) -> Drawn {
        let mut drawn = Drawn::default();
        let first = hidden.partition_point(|span| span.end <= line.start);
        let mut hidden = hidden.iter().skip(first).peekable();
        for (at, c) in self.slice(line).char_indices() {
            let at = line.start + at;
            while hidden.next_if(|span| span.end <= at).is_some() {}
            match hidden.peek().filter(|span| span.contains(&at)) {
                None => drawn.push(at, c),
                Some(span) if at == span.start || at == line.start => {
                    if matches!(c, '"' | '\'') {
                        drawn.hide(at, span.end, "\"…\"");
                    } else {
                        drawn.hide(at, span.end, "…");
                    }
                }
                Some(_) => {}
            }
        }
        drawn
    }
}

/// A line as it is shown: each character, the columns it takes, and where in the file it comes from.
#[derive(Debug, Default)]
struct Drawn {
    cells: Vec<(char, usize)>,
    /// Where each stretch begins in the file and on the screen.
    marks: Vec<(usize, usize)>,
    columns: usize,
}

impl Drawn {
    fn push(&mut self, at: usize, c: char) {
        self.marks.push((at, self.columns));
        match c {
            // The byte order mark of a file is nothing to look at.
            '\u{feff}' => {}
            '\t' => (0..4).for_each(|_| self.cell(' ')),
            // What steers a terminal or the direction of a text would show something else than the file holds.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                self.cell('\u{fffd}');
            }
            c => self.cell(c),
        }
        self.marks.push((at + c.len_utf8(), self.columns));
    }

    fn hide(&mut self, at: usize, end: usize, shown: &str) {
        self.marks.push((at, self.columns));
        shown.chars().for_each(|c| self.cell(c));
        self.marks.push((end, self.columns));
    }

    fn cell(&mut self, c: char) {
        let width = c.width().unwrap_or(0);
        self.cells.push((c, width));
        self.columns += width;
    }

    /// The column of an offset; within something hidden, that of its beginning.
    fn column(&self, offset: usize) -> usize {
        let next = self.marks.partition_point(|(at, _)| *at <= offset);
        next.checked_sub(1).and_then(|at| self.marks.get(at)).map_or(0, |(_, column)| *column)
    }

    /// The text, the caret's column and its width, cut to what fits on a line.
    fn window(&self, begin: usize, carets: usize) -> (String, usize, usize) {
        let all = || self.cells.iter().map(|(c, _)| *c).collect::<String>();
        if self.columns <= SHOWN_MAX {
            return (all().trim_end().to_owned(), begin, carets);
        }
        let from = begin.saturating_sub(BEFORE_CARET);
        let mut shown = String::new();
        let mut indent = begin;
        let mut column = 0;
        for (c, width) in &self.cells {
            if column >= from && column < from + SHOWN_MAX {
                if shown.is_empty() && from > 0 {
                    shown.push(HIDDEN);
                    indent = begin + 1 - column;
                }
                shown.push(*c);
            }
            column += width;
        }
        if column > from + SHOWN_MAX {
            shown.push(HIDDEN);
        }
        (shown.trim_end().to_owned(), indent, carets.min(SHOWN_MAX.saturating_sub(begin - from)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Span, hidden: &[Span]) -> (String, String) {
        let place = Source::new("f", text).place(&span, hidden, None);
        (place.shown, format!("{}{}", " ".repeat(place.indent), "^".repeat(place.carets)))
    }

    #[test]
    fn the_caret_stands_below_what_it_means() {
        for (text, span, line, caret) in [
            ("ab = 1\n", 0..2, "ab = 1", "^^"),
            ("x\nab = 1\r\n", 2..4, "ab = 1", "^^"),
            ("\tab = 1", 1..3, "    ab = 1", "    ^^"),
            ("k = \"日本\" x", 13..14, "k = \"日本\" x", "           ^"),
            ("\u{feff}ab = 1", 3..5, "ab = 1", "^^"),
            ("ab", 2..2, "ab", "  ^"),
            ("ab\n", 3..3, "ab", "  ^"),
            ("", 0..0, "", "^"),
            ("a = [\n1]", 4..8, "a = [", "    ^"),
            ("a\u{1b}[1m = 1", 0..1, "a\u{fffd}[1m = 1", "^"),
        ] {
            assert_eq!(shown(text, span, &[]), (line.to_owned(), caret.to_owned()), "{text:?}");
        }
    }

    fn hiding(text: &str, span: Span, hidden: Span) -> (String, String) {
        shown(text, span, std::slice::from_ref(&hidden))
    }

    #[test]
    fn what_is_hidden_is_never_shown_and_the_caret_follows() {
        let text = "key = \"sk-12345\", more = 1";
        let line = "key = \"…\", more = 1".to_owned();
        assert_eq!(hiding(text, 6..16, 6..16), (line.clone(), "      ^^^".to_owned()));
        assert_eq!(hiding(text, 18..22, 6..16), (line, "           ^^^^".to_owned()));
        let text = "key = \"\"\"\nsk-1\nsk-2\"\"\" x";
        assert_eq!(hiding(text, 23..24, 6..22), ("… x".to_owned(), "  ^".to_owned()));
        assert_eq!(hiding(text, 0..3, 6..22), ("key = \"…\"".to_owned(), "^^^".to_owned()));
    }

    #[test]
    fn a_long_line_is_cut_around_its_caret() {
        let text = format!("{}x{}", "a".repeat(300), "b".repeat(300));
        let (line, caret) = shown(&text, 300..301, &[]);
        assert!(line.chars().count() <= SHOWN_MAX + 2 && line.starts_with('…') && line.ends_with('…'));
        assert_eq!(line.chars().nth(caret.len() - 1), Some('x'));
    }

    #[test]
    fn columns_count_characters() {
        let place = Source::new("f", "äöü = 1\nbß x").place(&(15..16), &[], None);
        assert_eq!((place.line, place.column), (2, 4));
    }
}
