//! What came of it.

use std::fmt;

/// What came of one case.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider kept it.
    Passed,
    /// It does not apply, for this reason.
    Skipped(String),
    /// The provider did not keep it.
    Failed(String),
}

/// One case and what came of it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The case, as a sentence.
    pub case: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// All cases of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    name: String,
    lines: Vec<Line>,
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), lines: Vec::new() }
    }

    pub(super) fn add(&mut self, case: &'static str, outcome: Outcome) {
        self.lines.push(Line { case, outcome });
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every case.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The cases that the provider did not keep.
    pub fn failures(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| matches!(line.outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { case, outcome } in &self.lines {
            match outcome {
                Outcome::Passed => writeln!(f, "{}: {case}: passed", self.name)?,
                Outcome::Skipped(reason) => writeln!(f, "{}: {case}: skipped: {reason}", self.name)?,
                Outcome::Failed(problem) => writeln!(f, "{}: {case}: FAILED: {problem}", self.name)?,
            }
        }
        Ok(())
    }
}
