//! Collects what is wrong while a file is read, and decides what of the file may be shown.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::Problem;
use crate::source::{Place, Source, Span};

/// The most problems that are listed.
const LISTED_MAX: usize = 40;

/// What is wrong so far.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) source: Source<'a>,
    notes: Vec<Note>,
    /// Every value of the file that is no table or list: hidden unless it is known to be harmless.
    values: Vec<Span>,
    open: Vec<Span>,
    /// Where a `#` is no comment.
    tokens: Vec<Span>,
}

#[derive(Debug)]
struct Note {
    warning: bool,
    span: Span,
    message: String,
    help: Option<String>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(source: Source<'a>, document: &DeTable<'_>) -> Self {
        let mut report =
            Self { source, notes: Vec::new(), values: Vec::new(), open: Vec::new(), tokens: Vec::new() };
        report.note_values_of(document);
        report.values.sort_by_key(|span| span.start);
        report.tokens.sort_by_key(|span| span.start);
        report
    }

    fn note_values_of(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            self.tokens.push(key.span());
            self.note_values(value);
        }
    }

    fn note_values(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.note_values_of(table),
            DeValue::Array(list) => list.iter().for_each(|value| self.note_values(value)),
            _ => {
                self.tokens.push(value.span());
                self.values.push(value.span());
            }
        }
    }

    /// Says that this value may be shown.
    pub(crate) fn show(&mut self, span: Span) {
        self.open.push(span);
    }

    /// Says that this must not be shown, though it is no value.
    pub(crate) fn hide(&mut self, span: Span) {
        let at = self.values.partition_point(|value| value.start < span.start);
        self.values.insert(at, span);
    }

    pub(crate) fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.notes.push(Note { warning: false, span, message: message.into(), help });
    }

    pub(crate) fn warn(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        self.notes.push(Note { warning: true, span, message: message.into(), help });
    }

    /// Errors and warnings in the order of the file, and how many errors were left out.
    pub(crate) fn finish(mut self) -> (Vec<Problem>, Vec<Problem>, usize) {
        let mut notes = std::mem::take(&mut self.notes);
        notes.sort_by_key(|note| note.span.start);
        let hidden = self.hidden();
        let (mut errors, mut warnings, mut unlisted) = (Vec::new(), Vec::new(), 0);
        for Note { warning, span, message, help } in notes {
            let list = if warning { &mut warnings } else { &mut errors };
            if list.len() < LISTED_MAX {
                let place = self.place(&span, &hidden);
                list.push(Problem::new(warning, self.source.name, Some(place), message, help));
            } else if !warning {
                unlisted += 1;
            }
        }
        (errors, warnings, unlisted)
    }

    /// Places of values that can be shown later, when their file is no longer at hand.
    pub(crate) fn places(&mut self, spans: &[Span]) -> Vec<Place> {
        let hidden = self.hidden();
        spans.iter().map(|span| self.place(span, &hidden)).collect()
    }

    fn hidden(&mut self) -> Vec<Span> {
        self.open.sort_by_key(|span| span.start);
        let is_open = |span: &Span| self.open.binary_search_by_key(&span.start, |open| open.start).is_ok();
        self.values.iter().filter(|span| !is_open(span)).cloned().collect()
    }

    fn place(&self, span: &Span, hidden: &[Span]) -> Place {
        let (_, line) = self.source.line_at(span.start);
        let comment = self.comment_in(&line);
        self.source.place(span, hidden, comment)
    }

    /// Where the comment of a line begins: it may hold anything, an old key as well, and is not shown.
    fn comment_in(&self, line: &Span) -> Option<usize> {
        let first = self.tokens.partition_point(|token| token.end <= line.start);
        let mut tokens = self.tokens.iter().skip(first).peekable();
        for (at, _) in self.source.slice(line).match_indices('#') {
            let at = line.start + at;
            while tokens.next_if(|token| token.end <= at).is_some() {}
            if tokens.peek().is_none_or(|token| !token.contains(&at)) {
                return Some(at);
            }
        }
        None
    }
}
