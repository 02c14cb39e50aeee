//! The record of one call: every attempt, every skip, and why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorKind, Phase};

/// What the chain did after an attempt.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Its answer reached the caller.
    Delivered,
    /// Another target was asked.
    NextTarget,
    /// The same target was asked again.
    RetrySame,
    /// It was left out without a request.
    Skipped,
    /// It was aborted because the other of a hedged pair answered.
    Hedged,
    /// It failed, and a rule ended the call.
    Stopped,
    /// It failed, and nothing was left to ask.
    Exhausted,
    /// The caller left while it was live.
    Cancelled,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::NextTarget,
        Self::RetrySame,
        Self::Skipped,
        Self::Hedged,
        Self::Stopped,
        Self::Exhausted,
        Self::Cancelled,
    ];

    /// The name in JSON and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::NextTarget => "next_target",
            Self::RetrySame => "retry_same",
            Self::Skipped => "skipped",
            Self::Hedged => "hedged",
            Self::Stopped => "stopped",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All attempts and skips of one call, in the order of decision.
///
/// Its `Display` is one line a step:
///
/// ```text
/// openai/gpt-5.2          rate limited (429) after 41 ms -> next target: the limit of requests is reached
/// anthropic/claude-4.5    answered in 320 ms
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    steps: Vec<Step>,
}

/// One line of a trail: an attempt, or a skip.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The target, as `provider/model`.
    pub target: Arc<str>,
    /// How the attempt failed; of a skip, what it would have met or what closed it. `None` if it did not fail.
    pub kind: Option<ErrorKind>,
    /// How far a timed out attempt had come.
    pub phase: Option<Phase>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What the chain did next.
    pub verdict: Verdict,
    /// What was slept before this attempt.
    pub waited: Duration,
    /// How long the attempt took.
    pub took: Duration,
    /// Why, in one line.
    pub message: Option<String>,
    /// The provider's id for the request.
    pub request_id: Option<String>,
    /// How long the target rests from here on, where this step made it rest or found it resting.
    pub cooling: Option<Duration>,
    /// Which part of a split request this belongs to, counted from 0.
    pub part: Option<u32>,
}

impl Step {
    /// A step with a verdict; the rest is filled in as far as it is known.
    #[must_use]
    pub fn new(target: impl Into<Arc<str>>, verdict: Verdict) -> Self {
        Self {
            target: target.into(),
            kind: None,
            phase: None,
            status: None,
            verdict,
            waited: Duration::ZERO,
            took: Duration::ZERO,
            message: None,
            request_id: None,
            cooling: None,
            part: None,
        }
    }
}

impl Trail {
    /// A trail of these steps.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// Adds the trail of one part of a split request.
    pub fn append(&mut self, of_part: &Self, part: u32) {
        self.steps.extend(of_part.steps.iter().map(|step| Step { part: Some(part), ..step.clone() }));
    }

    /// The steps, in the order of decision.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many upstream requests were made.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.steps.iter().filter(|step| step.verdict != Verdict::Skipped).count()
    }

    /// Every target that failed with its last reason, in one line:
    /// `openai/gpt-x rate limited (cooling 30 s); ollama/qwen3 cannot connect`.
    #[must_use]
    pub fn reasons(&self) -> String {
        let mut line = String::new();
        for (i, step) in self.steps.iter().enumerate() {
            let Some(kind) = step.kind else { continue };
            let last = !self.steps.iter().skip(i + 1).any(|later| later.target == step.target);
            if !last {
                continue;
            }
            if !line.is_empty() {
                line.push_str("; ");
            }
            let times = self
                .steps
                .iter()
                .filter(|s| s.target == step.target && s.verdict != Verdict::Skipped)
                .count();
            line.push_str(&step.target);
            line.push(' ');
            line.push_str(reason_words(step, kind).as_str());
            if times > 1 {
                line.push_str(&format!(" ×{times}"));
            }
            if let Some(rest) = step.cooling {
                line.push_str(&format!(" (cooling {})", human(rest)));
            }
        }
        line
    }
}

fn reason_words(step: &Step, kind: ErrorKind) -> String {
    match (kind, step.phase, &step.message) {
        (ErrorKind::Timeout, Some(phase), _) => match phase {
            Phase::Headers => "did not respond in time".to_owned(),
            Phase::FirstContent => "sent no content in time".to_owned(),
            Phase::Idle => "fell silent".to_owned(),
            Phase::Total => "did not answer in time".to_owned(),
        },
        // What is missing is the whole point: the variable or file has to be named. With a status these are the
        // provider's own words, which may quote the request.
        (ErrorKind::NotConfigured, _, Some(message)) if step.status.is_none() => {
            format!("{}: {message}", kind.words())
        }
        (
            ErrorKind::Config | ErrorKind::Unsupported | ErrorKind::Connect | ErrorKind::Interrupted,
            _,
            Some(message),
        ) if step.status.is_none() => message.clone(),
        _ => kind.words().to_owned(),
    }
}

/// A duration as a person would say it: `41 ms`, `2.5 s`, `5 min`, `3 h`.
#[must_use]
pub fn human(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 if ms % 1_000 < 50 || ms >= 10_000 => format!("{} s", (ms + 500) / 1_000),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        120_000..7_200_000 => format!("{} min", (ms + 30_000) / 60_000),
        _ => format!("{} h", (ms + 1_800_000) / 3_600_000),
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.steps.iter().map(|step| step.target.chars().count()).max().unwrap_or(0);
        for (i, step) in self.steps.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{:width$}  {}", step.target, StepWords(step))?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.target, StepWords(self))
    }
}

struct StepWords<'a>(&'a Step);

impl fmt::Display for StepWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.0;
        if let Some(part) = step.part {
            write!(f, "part {}: ", part + 1)?;
        }
        if !step.waited.is_zero() {
            write!(f, "(waited {}) ", human(step.waited))?;
        }
        match (step.verdict, step.kind) {
            (Verdict::Delivered, _) => return write!(f, "answered in {}", human(step.took)),
            (Verdict::Skipped, _) => f.write_str("skipped")?,
            (Verdict::Hedged, _) => {
                write!(f, "aborted after {}: the other answered first", human(step.took))?
            }
            (Verdict::Cancelled, _) => write!(f, "cancelled after {}", human(step.took))?,
            (_, kind) => {
                f.write_str(kind.map_or("failed", ErrorKind::words))?;
                if let Some(phase) = step.phase {
                    write!(f, " ({phase})")?;
                }
                if let Some(status) = step.status {
                    write!(f, " ({status})")?;
                }
                write!(f, " after {}", human(step.took))?;
            }
        }
        let then = match step.verdict {
            Verdict::NextTarget => " -> next target",
            Verdict::RetrySame => " -> same target again",
            Verdict::Stopped => " -> stopped",
            Verdict::Exhausted => " -> nothing left to try",
            Verdict::Delivered | Verdict::Skipped | Verdict::Hedged | Verdict::Cancelled => "",
        };
        f.write_str(then)?;
        if let Some(message) = &step.message {
            write!(f, ": {message}")?;
        }
        if let Some(rest) = step.cooling {
            write!(f, " (cooling {})", human(rest))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(target: &str, kind: ErrorKind, verdict: Verdict) -> Step {
        Step { kind: Some(kind), ..Step::new(target, verdict) }
    }

    #[test]
    fn the_reasons_name_every_target_once_with_its_last_failure() {
        let trail = Trail::new(vec![
            Step {
                cooling: Some(Duration::from_secs(30)),
                ..failed("a/x", ErrorKind::RateLimited, Verdict::NextTarget)
            },
            failed("b/y", ErrorKind::Server, Verdict::RetrySame),
            failed("b/y", ErrorKind::Overloaded, Verdict::Exhausted),
        ]);
        assert_eq!(trail.reasons(), "a/x rate limited (cooling 30 s); b/y overloaded ×2");
    }

    #[test]
    fn durations_read_as_a_person_says_them() {
        let said =
            [41, 999, 1_000, 2_500, 59_400, 300_000, 10_800_000].map(|ms| human(Duration::from_millis(ms)));
        assert_eq!(said, ["41 ms", "999 ms", "1 s", "2.5 s", "59 s", "5 min", "3 h"]);
    }
}
