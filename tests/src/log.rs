//! A subscriber that keeps every line, to be searched for what must not stand there.
//!
//! It is the default of the whole process and keeps what happens on threads that asked for it. A default of one thread
//! would not do: while it is the only one, `tracing` decides once and for all threads, on whichever comes first,
//! whether anybody cares for a line.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::rc::Rc;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// One span that was opened, one event, or what was added to a span later.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Line {
    /// Who wrote it: a module's path.
    pub source: String,
    /// How loud.
    pub level: Level,
    /// Whether it is a span that was opened.
    pub is_span: bool,
    /// Its name and its fields, as `name=value`.
    pub text: String,
    /// The names of all its fields, those without a value included.
    pub fields: Vec<&'static str>,
}

impl Line {
    /// Whether it is ours, and not of a crate below.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.source.starts_with("backstop")
    }
}

type Lines = Rc<RefCell<Vec<Line>>>;

thread_local! {
    static HERE: RefCell<Option<Lines>> = const { RefCell::new(None) };
}

/// Keeps everything that is said on this thread, down to `TRACE`, until it is dropped.
#[derive(Debug)]
pub struct Capture(Lines);

impl Capture {
    /// Begins to listen.
    #[must_use]
    pub fn on_this_thread() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            tracing::subscriber::set_global_default(ByThread::default()).unwrap();
            // What other threads decided while it was being installed.
            tracing::callsite::rebuild_interest_cache();
        });
        let lines = Lines::default();
        HERE.set(Some(Rc::clone(&lines)));
        Self(lines)
    }

    /// What was said so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.0.borrow().clone()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        HERE.set(None);
    }
}

#[derive(Debug, Default)]
struct ByThread {
    spans: AtomicU64,
}

impl ByThread {
    fn keep(&self, line: impl FnOnce() -> Line) {
        HERE.with_borrow(|lines| {
            if let Some(lines) = lines {
                lines.borrow_mut().push(line());
            }
        });
    }
}

fn line(metadata: &Metadata<'_>, text: &Text) -> Line {
    Line {
        source: metadata.target().to_owned(),
        level: *metadata.level(),
        is_span: metadata.is_span(),
        text: format!("{}{}", metadata.name(), text.0),
        fields: metadata.fields().iter().map(|field| field.name()).collect(),
    }
}

impl Subscriber for ByThread {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        HERE.with_borrow(Option::is_some)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        attributes.record(&mut text);
        self.keep(|| line(attributes.metadata(), &text));
        Id::from_u64(1 + self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        let mut text = Text::default();
        values.record(&mut text);
        self.keep(|| Line {
            source: String::new(),
            level: Level::TRACE,
            is_span: false,
            text: text.0,
            fields: Vec::new(),
        });
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.keep(|| line(event.metadata(), &text));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a text cannot fail.
        _ = write!(self.0, " {}={value:?}", field.name());
    }
}
