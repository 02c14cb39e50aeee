//! The machine's record joined with what only the driver knows: names, statuses, words.

#![expect(
    clippy::indexing_slicing,
    reason = "slots and attempts are numbered by the machine that is reported on"
)]

use std::sync::Arc;
use std::time::Duration;

use backstop_core::fallback::{AttemptId, Call, Entry, Outcome, Short, SlotId};
use backstop_core::{Error, ErrorKind, Partial, Phase, Step, Trail, Unmet, Verdict, human};

use crate::operation::Receipt;
use crate::wiring::{WiredRoute, WiredTarget};

/// What is known of one attempt beside what the machine knows.
#[derive(Debug, Default)]
pub(crate) struct Landed {
    pub(crate) error: Option<Error>,
    /// What had arrived when it ended.
    pub(crate) partial: Option<Partial>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
}

impl Landed {
    pub(crate) fn keep(&mut self, receipt: &Receipt<'_>) {
        self.status = receipt.status;
        self.request_id = receipt.request_id.map(str::to_owned);
    }

    /// What had arrived when it ended: what was read, and what its error holds of it.
    pub(crate) fn arrived(&self) -> Option<Partial> {
        let told = self.error.as_ref().and_then(Error::partial).cloned();
        let Some(mut arrived) = self.partial.clone() else { return told };
        let told = told.unwrap_or_default();
        if arrived.text.is_empty() {
            arrived.text = told.text;
        }
        if arrived.tool_calls.is_empty() {
            arrived.tool_calls = told.tool_calls;
        }
        arrived.reasoning = arrived.reasoning.or(told.reasoning);
        arrived.usage = arrived.usage.updated_by(told.usage);
        Some(arrived)
    }

    /// What a filter let through, or a model said that refuses, and what it cost: it is told whatever the call comes to.
    pub(crate) fn refusal(&self) -> Option<Partial> {
        self.error.as_ref().filter(|error| error.kind() == ErrorKind::ContentFilter)?;
        self.arrived().filter(|arrived| *arrived != Partial::default())
    }
}

/// A call, seen by the one who has to explain it.
pub(crate) struct Report<'a> {
    pub(crate) call: &'a Call,
    pub(crate) route: &'a WiredRoute,
    pub(crate) unmet: &'a [Option<Unmet>],
    pub(crate) landed: &'a [Landed],
}

impl Report<'_> {
    pub(crate) fn trail(&self) -> Trail {
        Trail::new(self.call.entries().iter().map(|entry| self.step(entry)).collect())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        self.call.entries()
    }

    pub(crate) fn target(&self, slot: SlotId) -> &WiredTarget {
        &self.route.targets[usize::from(slot.0)]
    }

    pub(crate) fn slot_of(&self, attempt: AttemptId) -> Option<SlotId> {
        self.call.entries().iter().find(|entry| entry.attempt == Some(attempt)).map(|entry| entry.slot)
    }

    pub(crate) fn target_of(&self, attempt: AttemptId) -> Arc<str> {
        self.slot_of(attempt).map_or_else(|| Arc::from(""), |slot| Arc::clone(&self.target(slot).label))
    }

    /// The attempt that failed last.
    pub(crate) fn last_failure(&self) -> Option<usize> {
        let failed = self.call.entries().iter().rev().filter(|entry| entry.kind.is_some());
        failed.filter_map(|entry| entry.attempt).map(|attempt| usize::from(attempt.0)).next()
    }

    pub(crate) fn step(&self, entry: &Entry) -> Step {
        let mut step = Step::new(
            Arc::clone(&self.target(entry.slot).label),
            entry.verdict.unwrap_or(Verdict::NextTarget),
        );
        step.kind = entry.kind;
        step.phase = entry.phase;
        step.waited = entry.waited;
        step.took = entry.took;
        step.cooling = entry.rest.map(|rested| rested.rest.until - (entry.at + entry.took));
        let landed = entry.attempt.and_then(|attempt| self.landed.get(usize::from(attempt.0)));
        if let Some(landed) = landed {
            let error = landed.error.as_ref();
            step.status = error.and_then(Error::status).or(landed.status);
            step.request_id =
                error.and_then(Error::request_id).map(str::to_owned).or_else(|| landed.request_id.clone());
        }
        step.message = match landed.and_then(|landed| landed.error.as_ref()) {
            Some(error) => Some(error.message().to_owned()).filter(|message| !message.is_empty()),
            None => self.words(entry),
        };
        if entry.unaffordable {
            let message = step.message.get_or_insert_default();
            let gap = if message.is_empty() { "" } else { "; " };
            message.push_str(gap);
            message.push_str("not asked again: the route's retry budget is empty");
        }
        step
    }

    /// What there is to say of a line that no provider's error explains.
    pub(crate) fn words(&self, entry: &Entry) -> Option<String> {
        let took = human(entry.took);
        if let Some(phase) = entry.phase {
            return Some(match phase {
                Phase::Headers => format!("did not respond within {took}"),
                Phase::FirstContent => format!("sent no content within {took}"),
                Phase::Idle => format!("fell silent in mid-answer, {took} after the start"),
                _ => format!("no answer within {took}"),
            });
        }
        if entry.verdict != Some(Verdict::Skipped) {
            return None;
        }
        let unmet = self.unmet.get(usize::from(entry.slot.0)).and_then(Option::as_ref);
        if let Some(unmet) = unmet {
            return Some(unmet.reason.clone().into_owned());
        }
        if entry.rest.is_some() {
            let cause = entry.kind.map_or("failure", ErrorKind::words);
            return Some(format!("resting after: {cause}"));
        }
        Some("its window is known to be too small for this request".to_owned())
    }

    /// What would have had to be otherwise for the call to wait.
    pub(crate) fn short(&self, short: Short) -> String {
        let (label, needed) = (&self.target(short.slot).label, human(short.needed));
        match short.patience {
            Some(patience) => {
                format!("waiting {needed} for {label} takes more patience than {}", human(patience))
            }
            None => format!("waiting {needed} for {label} takes a longer deadline"),
        }
    }

    /// The error of a whole call.
    pub(crate) fn error(
        outcome: Outcome,
        trail: Trail,
        cause: Option<Error>,
        partial: Option<Partial>,
        retry_after: Option<Duration>,
        short: Option<&str>,
    ) -> Error {
        let finish = |error: Error| finish(error, trail.clone(), partial.clone(), retry_after);
        let reasons = trail.reasons();
        let failed = count_targets(&trail);
        let error = match outcome {
            // The failure that stopped the chain is the answer; what it says is not said again.
            Outcome::Stopped(kind) => match cause {
                Some(cause) if cause.kind() == kind => return finish(cause),
                cause => with_cause(Error::new(kind, reasons), cause),
            },
            Outcome::Interrupted(_) => with_cause(Error::new(ErrorKind::Interrupted, reasons), cause),
            Outcome::Cancelled => {
                Error::new(ErrorKind::Cancelled, "the caller left before there was an answer")
            }
            Outcome::Deadline => {
                let reasons = if reasons.is_empty() { "no target was reached".to_owned() } else { reasons };
                with_cause(
                    Error::new(ErrorKind::Deadline, format!("the deadline was reached: {reasons}")),
                    cause,
                )
            }
            _ => {
                let short = short.map(|short| format!(" ({short})")).unwrap_or_default();
                let text = match failed {
                    0 => "no target could be tried".to_owned(),
                    1 => format!("the only target failed{short}: {reasons}"),
                    n => format!("all {n} targets failed{short}: {reasons}"),
                };
                with_cause(Error::new(ErrorKind::Exhausted, text), cause)
            }
        };
        finish(error)
    }
}

fn with_cause(error: Error, cause: Option<Error>) -> Error {
    match cause {
        Some(cause) => error.with_source(cause),
        None => error,
    }
}

fn finish(error: Error, trail: Trail, partial: Option<Partial>, retry_after: Option<Duration>) -> Error {
    let mut error = error.with_trail(trail);
    if let Some(partial) = partial {
        error = error.with_partial(partial);
    }
    match retry_after {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn count_targets(trail: &Trail) -> usize {
    let mut targets: Vec<&str> = trail.steps().iter().map(|step| &*step.target).collect();
    targets.sort_unstable();
    targets.dedup();
    targets.len()
}
