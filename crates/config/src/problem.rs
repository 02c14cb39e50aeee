//! What is wrong with a file, told as a compiler would: the place, the line, a caret, and what to do.

use std::error::Error as StdError;
use std::fmt;

use backstop_core::{Error, ErrorKind};

use crate::source::Place;

/// One thing that is wrong with a file, or at least odd.
///
/// Its `Display` is several lines:
///
/// ```text
/// error: unknown key `deadlin` in a route
///   --> backstop.toml:12:1
///    |
/// 12 | deadlin = "60s"
///    | ^^^^^^^
///    = help: did you mean `deadline`?
/// ```
///
/// No key, header or prompt of the file is in it: what could be one is shown as `"…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    warning: bool,
    file: String,
    place: Option<Place>,
    message: String,
    help: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        warning: bool,
        file: &str,
        place: Option<Place>,
        message: String,
        help: Option<String>,
    ) -> Self {
        Self { warning, file: file.to_owned(), place, message, help }
    }

    /// Whether the file can be used all the same.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.warning
    }

    /// The file, as it was named when it was read.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, counted from 1; `None` if the file could not be read at all.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The column in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }

    /// The line as it may be shown: secrets and comments left out.
    #[must_use]
    pub fn shown_line(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.shown.as_str())
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Place, message and help in one line: `backstop.toml:12:1: unknown key …`.
    #[must_use]
    pub fn one_line(&self) -> String {
        let Self { file, place, message, help, .. } = self;
        let mut line = match place {
            Some(Place { line, column, .. }) => format!("{file}:{line}:{column}: {message}"),
            None => format!("{file}: {message}"),
        };
        if let Some(help) = help {
            line.push_str("; ");
            line.push_str(help);
        }
        line
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warning, file, place, message, help } = self;
        write!(f, "{}: {message}", if *warning { "warning" } else { "error" })?;
        let mut gutter = 1;
        match place {
            None => write!(f, "\n --> {file}")?,
            Some(Place { line, column, shown, indent, carets }) => {
                let number = line.to_string();
                gutter = number.len();
                write!(f, "\n{:gutter$}--> {file}:{line}:{column}", "")?;
                write!(f, "\n{:gutter$} |\n{number} | {shown}", "")?;
                write!(f, "\n{:gutter$} | {:indent$}{}", "", "", "^".repeat(*carets))?;
            }
        }
        if let Some(help) = help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Everything that keeps a file from being used, in the order of the file. There is at least one.
///
/// Its `Display` shows them all, with an empty line between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Box<Listed>);

/// Boxed, so that a result that may fail is not the larger for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    first: Problem,
    others: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// `None` if the list is empty. `unlisted` more were found and left out.
    pub(crate) fn from_list(list: Vec<Problem>, unlisted: usize) -> Option<Self> {
        let mut list = list.into_iter();
        Some(Self(Box::new(Listed { first: list.next()?, others: list.collect(), unlisted })))
    }

    /// The problem that comes first in the file.
    #[must_use]
    pub fn first(&self) -> &Problem {
        &self.0.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(&self.0.first).chain(&self.0.others)
    }

    /// How many there are; of a file with very many, only the first are listed.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.0.others.len() + self.0.unlisted
    }
}

impl From<Problem> for Problems {
    fn from(first: Problem) -> Self {
        Self(Box::new(Listed { first, others: Vec::new(), unlisted: 0 }))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.first.fmt(f)?;
        for problem in &self.0.others {
            write!(f, "\n\n{problem}")?;
        }
        match self.0.unlisted {
            0 => Ok(()),
            more => write!(f, "\n\nerror: {more} more like these"),
        }
    }
}

impl StdError for Problems {}

impl From<Problems> for Error {
    /// One line: the first problem, and how many there are beside it. The whole is its source.
    fn from(problems: Problems) -> Self {
        let mut line = problems.0.first.one_line();
        if problems.count() > 1 {
            line = format!("{line} (and {} more)", problems.count() - 1);
        }
        Self::new(ErrorKind::Config, line).with_source(problems)
    }
}
