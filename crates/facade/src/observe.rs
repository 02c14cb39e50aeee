//! What can be seen of a call: one span, one event a decision with its reason. Never a prompt, never a key.
//!
//! No field is called `target` or `message`: formatters write those names themselves, so a line of JSON would have them
//! twice. The fields are listed at the end of `docs/ERRORS.md`.

use std::fmt;
use std::sync::Arc;

use backstop_core::{Error, Step, Verdict};
use tracing::{Span, debug, info, info_span, warn};

use crate::report::Report;

/// Is told what a call does while it does it: for a progress display, for metrics.
///
/// Called from within the call: return soon, and do not block.
pub trait Observer: Send + Sync {
    /// An attempt starts.
    fn started(&self, target: &str) {
        let _ = target;
    }

    /// It is decided what comes after an attempt or skip.
    fn decided(&self, step: &Step) {
        let _ = step;
    }
}

/// An observer that is shown by nothing.
#[derive(Clone, Default)]
pub(crate) struct Watched(pub(crate) Option<Arc<dyn Observer>>);

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "None" })
    }
}

/// The log of one call.
#[derive(Debug)]
pub(crate) struct Log {
    span: Span,
    watched: Watched,
    /// How many lines of the record have been logged.
    logged: usize,
}

impl Log {
    pub(crate) fn new(operation: &'static str, route: &str, watched: Watched) -> Self {
        let span = info_span!("backstop.call", operation, route, llm_target = tracing::field::Empty);
        Self { span, watched, logged: 0 }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn started(&self, target: &str) {
        debug!(llm_target = target, "asking");
        if let Some(observer) = &self.watched.0 {
            observer.started(target);
        }
    }

    /// Logs what has been decided since the last time.
    pub(crate) fn decisions(&mut self, report: &Report<'_>) {
        while let Some(entry) = report.entries().get(self.logged) {
            let Some(verdict) = entry.verdict else { return };
            self.logged += 1;
            // Words are only put together if somebody reads them.
            let loud = entry.rest.is_some_and(|rested| rested.new && is_loud(rested.rest.cause));
            let wanted = if loud {
                tracing::enabled!(tracing::Level::WARN)
            } else {
                tracing::enabled!(tracing::Level::INFO)
            };
            if !wanted && self.watched.0.is_none() {
                continue;
            }
            let step = report.step(entry);
            if let Some(observer) = &self.watched.0 {
                observer.decided(&step);
            }
            let (llm_target, kind) =
                (&*step.target, step.kind.map_or("none", backstop_core::ErrorKind::name));
            // A provider's own words may quote the prompt: they are in the trail, and in no log.
            let words = report.words(entry);
            let usual = step.kind.map_or("", backstop_core::ErrorKind::words);
            let (took_ms, reason) = (millis(step.took), words.as_deref().unwrap_or(usual));
            let (verdict, status) = (verdict.name(), step.status);
            if loud {
                warn!(llm_target, kind, verdict, status, took_ms, reason, "target needs attention");
            } else if step.verdict == Verdict::Delivered {
                debug!(llm_target, verdict, took_ms, "decided");
            } else {
                info!(llm_target, kind, verdict, status, took_ms, reason, "decided");
            }
        }
    }

    pub(crate) fn answered(&self, target: &str) {
        self.span.record("llm_target", target);
    }

    pub(crate) fn failed(&self, error: &Error) {
        let attempts = error.trail().attempts();
        info!(kind = error.kind().name(), attempts, "call failed");
    }
}

fn is_loud(kind: backstop_core::ErrorKind) -> bool {
    kind.reaction().move_on == backstop_core::MoveOn::Loudly
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
