//! Rows of a table of errors: a refusal, and what it must become.

use std::time::Duration;

use backstop_core::{Error, ErrorKind, Scope};

use super::fake::Fake;

pub(crate) struct Row {
    status: u16,
    body: String,
    headers: Vec<(&'static str, String)>,
    kind: ErrorKind,
    hint: Option<Duration>,
    comeback: bool,
    counted: bool,
    scope: Option<Scope>,
    tokens: Option<u32>,
    says: &'static str,
}

pub(crate) fn row(status: u16, body: impl Into<String>, kind: ErrorKind) -> Row {
    Row {
        status,
        body: body.into(),
        headers: Vec::new(),
        kind,
        hint: None,
        comeback: true,
        counted: true,
        scope: None,
        tokens: None,
        says: "",
    }
}

impl Row {
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn hint(mut self, seconds: f64) -> Self {
        self.hint = Some(Duration::from_secs_f64(seconds));
        self
    }

    pub(crate) fn never_again(mut self) -> Self {
        self.comeback = false;
        self
    }

    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    pub(crate) fn tokens(mut self, tokens: u32) -> Self {
        self.tokens = Some(tokens);
        self
    }

    pub(crate) fn says(mut self, words: &'static str) -> Self {
        self.says = words;
        self
    }

    /// What gives this refusal out.
    pub(crate) fn fake(&self) -> Fake {
        let fake = Fake::new(self.status, self.body.clone());
        self.headers.iter().fold(fake, |fake, (name, value)| fake.header(name, value))
    }

    /// Whether the refusal has become what it must.
    pub(crate) fn check(&self, error: &Error) {
        let facts = error.facts();
        let context = format!("{} {} → {error}", self.status, self.body);
        assert_eq!(error.kind(), self.kind, "{context}");
        assert_eq!(error.retry_after(), self.hint, "{context}");
        assert_eq!(facts.comeback, self.comeback, "{context}");
        assert_eq!(facts.counted, self.counted, "{context}");
        assert_eq!(facts.scope, self.scope, "{context}");
        assert_eq!(facts.needed_tokens, self.tokens, "{context}");
        assert!(error.to_string().contains(self.says), "{context}");
        assert_eq!(error.status(), Some(self.status), "{context}");
    }
}
