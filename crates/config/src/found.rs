//! What was read from a file: values whose form is right, and where they stood.

use std::time::Duration;

use backstop_core::TargetName;
use serde_json::{Map, Value as Json};

use crate::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// A value of the right form.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// It is wrong, and that was told already.
    Bad,
    /// It hangs on a variable that is not set.
    Unset,
    Text {
        text: String,
        from_vars: bool,
    },
    Flag(bool),
    Count(u64),
    Number(f64),
    Duration(Duration),
    Word(&'static str),
    Target(TargetName),
    List(Vec<Found>),
    Table(Fields),
    Json(Map<String, Json>),
}

/// The entries of a table, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) entries: Vec<Field>,
    /// Of a provider: its kind, and what of it hangs on variables that are not set.
    pub(crate) kind: Option<&'static str>,
    pub(crate) unset: Vec<Unset>,
}

/// An entry of a table.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) key: Span,
    pub(crate) found: Found,
}

/// A setting that hangs on a variable that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unset {
    pub(crate) setting: String,
    pub(crate) variable: String,
}

impl Found {
    pub(crate) fn new(span: Span, value: Value) -> Self {
        Self { span, value }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn word(&self) -> Option<&'static str> {
        match self.value {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        match self.value {
            Value::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number, whose form has seen to it that it fits.
    pub(crate) fn count<T: TryFrom<u64>>(&self) -> Option<T> {
        match self.value {
            Value::Count(count) => T::try_from(count).ok(),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn table(&self) -> Option<&Fields> {
        match &self.value {
            Value::Table(fields) => Some(fields),
            _ => None,
        }
    }
}

impl Fields {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.entries.iter().find(|field| field.name == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Found> {
        self.field(name).map(|field| &field.found)
    }

    /// The entries of the table of this name; none if it is not there.
    pub(crate) fn entries_of(&self, name: &str) -> &[Field] {
        self.get(name).and_then(Found::table).map_or(&[], |fields| fields.entries.as_slice())
    }
}
