//! What a table of the file may hold, as a value.
//!
//! One description serves four readers: the check of a file, the nearest valid name for a wrong one, the JSON Schema
//! for editors, and the page in `docs/`. None of them can say something else than the others.

use std::borrow::Cow;

type Words = Cow<'static, str>;

/// A table: what may stand in it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Where a key of it stands, as the end of a sentence: `in a route`.
    pub(crate) place: Words,
    /// How the table begins in a file: `[routes.NAME]`.
    pub(crate) header: &'static str,
    /// Its keys, in the order a person would write them.
    pub(crate) keys: Vec<Key>,
    /// Keys that somebody may look for here, and why there are none of that name.
    pub(crate) refused: Vec<(Words, &'static str)>,
}

/// A key of a table.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: Words,
    pub(crate) form: Form,
    /// What it does, in one sentence.
    pub(crate) what: Words,
    /// What holds where it is left out.
    pub(crate) default: &'static str,
    /// Names that other programs have for it.
    pub(crate) also: &'static [&'static str],
    pub(crate) required: bool,
}

/// What a value looks like.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// A text. Only an open one is repeated in messages: any other may hold a key or a prompt.
    Text {
        open: bool,
    },
    Flag,
    Count {
        min: u64,
        max: u64,
    },
    Number {
        min: f64,
        max: Option<f64>,
    },
    Duration {
        zero: bool,
    },
    Words(&'static [Word]),
    /// `provider/model`.
    Target,
    List(Box<Self>),
    /// A table whose keys are names.
    Map(Names, Box<Self>),
    Table(Table),
    /// The table of a provider: its keys depend on its kind. The last has no kind and only what all have.
    Provider(Vec<(Option<&'static str>, Table)>),
    /// A table that is passed on as JSON.
    Json,
    /// One of these. Of several tables the one is meant whose first key is there.
    Any(Vec<Self>),
}

/// What the keys of a [`Form::Map`] name.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Provider,
    Target,
    Route,
    Header,
    Free,
}

/// One of several words.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) what: &'static str,
}

impl Word {
    pub(crate) const fn new(name: &'static str, what: &'static str) -> Self {
        Self { name, what }
    }
}

impl Key {
    pub(crate) fn new(name: impl Into<Words>, form: Form, what: impl Into<Words>) -> Self {
        Self { name: name.into(), form, what: what.into(), default: "", also: &[], required: false }
    }

    pub(crate) fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(crate) fn also(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Table {
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether this table is meant by one that holds these keys.
    pub(crate) fn is_marked_by(&self, mut has: impl FnMut(&str) -> bool) -> bool {
        self.keys.first().is_some_and(|key| has(&key.name))
    }

    /// The first table in this one, or below it, that has a key of this name, and that key.
    pub(crate) fn find(&self, name: &str) -> Option<(&Self, &Key)> {
        let own = self.key(name).filter(|_| !self.header.is_empty()).map(|key| (self, key));
        own.or_else(|| self.keys.iter().find_map(|key| key.form.find(name)))
    }

    /// Every name a person may have meant to write, in this table or below it; of a key also what its value looks like.
    pub(crate) fn vocabulary(&self, add: &mut impl FnMut(&str, Option<&Form>)) {
        for key in &self.keys {
            add(&key.name, Some(&key.form));
            key.form.vocabulary(add);
        }
    }
}

impl Form {
    pub(crate) const OPEN: Self = Self::Text { open: true };
    pub(crate) const TEXT: Self = Self::Text { open: false };
    pub(crate) const TIME: Self = Self::Duration { zero: false };

    pub(crate) fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// What a value of this form is called, with its article.
    pub(crate) fn wanted(&self) -> String {
        alternatives(self.alternatives())
    }

    fn alternatives(&self) -> Vec<String> {
        let one = |name: &str| vec![name.to_owned()];
        match self {
            Self::Text { .. } => one("a text in quotes"),
            Self::Flag => vec!["true".to_owned(), "false".to_owned()],
            Self::Count { .. } => one("a whole number"),
            Self::Number { .. } => one("a number"),
            Self::Duration { .. } => one("a duration such as \"60s\""),
            Self::Words(words) => words.iter().map(|word| format!("{:?}", word.name)).collect(),
            Self::Target => one("a target such as \"openai/gpt-5.2\""),
            Self::List(of) => one(match **of {
                Self::Text { .. } => "a list of texts",
                Self::Count { .. } => "a list of whole numbers",
                Self::Target | Self::Any(_) => "a list of targets",
                _ => "a list",
            }),
            Self::Map(..) | Self::Table(_) | Self::Provider(_) | Self::Json => one("a table"),
            Self::Any(forms) => {
                let mut all: Vec<String> = forms.iter().flat_map(Self::alternatives).collect();
                all.dedup();
                all
            }
        }
    }

    /// Whether what stands in the file may be repeated in a message even where it is wrong.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Text { open } => *open,
            Self::Flag
            | Self::Count { .. }
            | Self::Number { .. }
            | Self::Duration { .. }
            | Self::Words(_)
            | Self::Target => true,
            Self::List(of) => of.is_open(),
            Self::Any(forms) => forms.iter().all(Self::is_open),
            // What stands where one of our own tables belongs. Those that hold anybody's texts are another matter.
            Self::Table(_) => true,
            Self::Map(..) | Self::Provider(_) | Self::Json => false,
        }
    }

    fn find(&self, name: &str) -> Option<(&Table, &Key)> {
        match self {
            Self::Table(table) => table.find(name),
            Self::List(of) | Self::Map(_, of) => of.find(name),
            Self::Any(forms) => forms.iter().find_map(|form| form.find(name)),
            // The last one has what all have.
            Self::Provider(tables) => tables.iter().rev().find_map(|(_, table)| table.find(name)),
            _ => None,
        }
    }

    fn vocabulary(&self, add: &mut impl FnMut(&str, Option<&Self>)) {
        match self {
            Self::Words(words) => words.iter().for_each(|word| add(word.name, None)),
            Self::Table(table) => table.vocabulary(add),
            Self::List(of) | Self::Map(_, of) => of.vocabulary(add),
            Self::Any(forms) => forms.iter().for_each(|form| form.vocabulary(add)),
            Self::Provider(tables) => {
                for (kind, table) in tables {
                    if let Some(kind) = kind {
                        add(kind, None);
                    }
                    table.vocabulary(add);
                }
            }
            _ => {}
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(names: Vec<String>) -> String {
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
