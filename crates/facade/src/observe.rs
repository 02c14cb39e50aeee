//! What is logged: one span a call, one event a decision with its reason. Never a prompt, never a key.

use backstop_core::{Error, Verdict};
use tracing::{Span, debug, info, info_span, warn};

use crate::report::Report;

/// The log of one call.
#[derive(Debug)]
pub(crate) struct Log {
    span: Span,
    /// How many lines of the record have been logged.
    logged: usize,
}

impl Log {
    pub(crate) fn new(operation: &'static str, route: &str) -> Self {
        let span = info_span!("backstop.call", operation, route, target = tracing::field::Empty);
        Self { span, logged: 0 }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
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
            if !wanted {
                continue;
            }
            let step = report.step(entry);
            let (target, kind) = (&*step.target, step.kind.map_or("none", backstop_core::ErrorKind::name));
            let (took_ms, message) = (millis(step.took), step.message.as_deref().unwrap_or_default());
            let (verdict, status) = (verdict.name(), step.status);
            if loud {
                warn!(target, kind, verdict, status, took_ms, message, "target needs attention");
            } else if step.verdict == Verdict::Delivered {
                debug!(target, verdict, took_ms, "decided");
            } else {
                info!(target, kind, verdict, status, took_ms, message, "decided");
            }
        }
    }

    pub(crate) fn answered(&self, target: &str) {
        self.span.record("target", target);
    }

    pub(crate) fn failed(&self, error: &Error) {
        info!(kind = error.kind().name(), error = %error, "call failed");
    }
}

fn is_loud(kind: backstop_core::ErrorKind) -> bool {
    kind.reaction().move_on == backstop_core::MoveOn::Loudly
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
