//! The objects of `--json`, key by key as the contract has them.

use std::io::Write;

use backstop::{Answer, ChatReply, Error, Step, Trail};
use serde::Serialize;

/// What a call came to.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    ok: bool,
    operation: &'a str,
    text: Option<&'a str>,
    target: Option<&'a str>,
    model: Option<&'a str>,
    finish_reason: Option<&'a str>,
    usage: Usage,
    error: Option<Failure<'a>>,
    trail: Vec<Line<'a>>,
}

#[derive(Debug, Default, Serialize)]
struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Failure<'a> {
    kind: &'static str,
    message: &'a str,
    retry_after_ms: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    target: &'a str,
    kind: Option<&'static str>,
    phase: Option<&'static str>,
    status: Option<u16>,
    verdict: &'static str,
    waited_ms: u64,
    took_ms: u64,
    message: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Step> for Line<'a> {
    fn from(step: &'a Step) -> Self {
        Self {
            target: &step.target,
            kind: step.kind.map(backstop::ErrorKind::name),
            phase: step.phase.map(backstop::core::Phase::name),
            status: step.status,
            verdict: step.verdict.name(),
            waited_ms: millis(step.waited),
            took_ms: millis(step.took),
            message: step.message.as_deref(),
            request_id: step.request_id.as_deref(),
        }
    }
}

impl From<backstop::Usage> for Usage {
    fn from(usage: backstop::Usage) -> Self {
        Self { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
    }
}

fn lines(trail: &Trail) -> Vec<Line<'_>> {
    trail.steps().iter().map(Line::from).collect()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Prints a line of JSON. An error means that nobody reads any more.
pub(crate) fn print(value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// The end of a call that was answered.
pub(crate) fn print_answer(
    operation: &str,
    streamed: bool,
    answer: &Answer<ChatReply>,
) -> std::io::Result<()> {
    print(&Outcome {
        event: streamed.then_some("end"),
        ok: true,
        operation,
        text: Some(&answer.text),
        target: Some(answer.target()),
        model: Some(answer.model.as_deref().unwrap_or_else(|| model_of(answer.target()))),
        finish_reason: Some(answer.finish.name()),
        usage: answer.usage.into(),
        error: None,
        trail: lines(answer.trail()),
    })
}

/// The end of a call that was not.
pub(crate) fn print_error(operation: &str, streamed: bool, error: &Error) -> std::io::Result<()> {
    let partial = error.partial();
    let message = error.to_string();
    print(&Outcome {
        event: streamed.then_some("end"),
        ok: false,
        operation,
        text: partial.map(|partial| partial.text.as_str()).filter(|text| !text.is_empty()),
        target: None,
        model: None,
        finish_reason: None,
        usage: partial.map(|partial| partial.usage.into()).unwrap_or_default(),
        error: Some(Failure {
            kind: error.kind().name(),
            message: &message,
            retry_after_ms: error.retry_after().map(millis),
        }),
        trail: lines(error.trail()),
    })
}

/// A failure before there was a call.
pub(crate) fn print_failure(operation: &str, error: &Error) {
    // Whoever asked for JSON and does not read it is not there to be told so.
    let _ = print_error(operation, false, error);
}

fn model_of(target: &str) -> &str {
    target.split_once('/').map_or(target, |(_, model)| model)
}
