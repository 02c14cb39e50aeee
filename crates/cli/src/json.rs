//! The objects of `--json`, key by key as the contract has them.

use backstop::core::completion::CompletionReply;
use backstop::core::embedding::EmbeddingReply;
use backstop::{Answer, ChatReply, Error, FinishReason, Step, Trail};
use serde::Serialize;

use crate::out;

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

impl<'a> Failure<'a> {
    fn of(error: &Error, message: &'a str) -> Self {
        Self { kind: error.kind().name(), message, retry_after_ms: error.retry_after().map(millis) }
    }
}

/// What a call for vectors came to.
#[derive(Debug, Serialize)]
struct Vectors<'a> {
    ok: bool,
    operation: &'a str,
    embeddings: Option<&'a [Vec<f32>]>,
    space: Option<&'a str>,
    dimensions: Option<usize>,
    target: Option<&'a str>,
    model: Option<&'a str>,
    usage: Usage,
    error: Option<Failure<'a>>,
    trail: Vec<PartLine<'a>>,
}

/// A line of a call that may have been split.
#[derive(Debug, Serialize)]
struct PartLine<'a> {
    /// Counted from 0; null if all texts went in one request.
    part: Option<u32>,
    #[serde(flatten)]
    line: Line<'a>,
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

impl<'a> From<&'a Step> for PartLine<'a> {
    fn from(step: &'a Step) -> Self {
        Self { part: step.part, line: step.into() }
    }
}

impl From<backstop::Usage> for Usage {
    fn from(usage: backstop::Usage) -> Self {
        Self { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
    }
}

fn lines<'a, T: From<&'a Step>>(trail: &'a Trail) -> Vec<T> {
    trail.steps().iter().map(T::from).collect()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An answer in text, whichever operation gave it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<(String, String)>,
    pub(crate) trail: Trail,
    target: String,
    model: Option<String>,
    finish: FinishReason,
    usage: backstop::Usage,
}

impl Told {
    pub(crate) fn of_chat(answer: &Answer<ChatReply>) -> Self {
        let calls = answer.tool_calls.iter().map(|call| (call.name.clone(), call.arguments.clone()));
        Self {
            text: answer.text.clone(),
            tool_calls: calls.collect(),
            trail: answer.trail().clone(),
            target: answer.target().to_owned(),
            model: answer.model.clone(),
            finish: answer.finish.clone(),
            usage: answer.usage,
        }
    }

    pub(crate) fn of_completion(answer: &Answer<CompletionReply>) -> Self {
        Self {
            text: answer.text.clone(),
            tool_calls: Vec::new(),
            trail: answer.trail().clone(),
            target: answer.target().to_owned(),
            model: answer.model.clone(),
            finish: answer.finish.clone(),
            usage: answer.usage,
        }
    }
}

/// The end of a call that was answered.
pub(crate) fn print_answer(operation: &str, streamed: bool, told: &Told) -> std::io::Result<()> {
    out::json(&Outcome {
        event: streamed.then_some("end"),
        ok: true,
        operation,
        text: Some(&told.text),
        target: Some(&told.target),
        model: Some(told.model.as_deref().unwrap_or_else(|| model_of(&told.target))),
        finish_reason: Some(told.finish.name()),
        usage: told.usage.into(),
        error: None,
        trail: lines(&told.trail),
    })
}

/// The end of a call for vectors. If a part failed, what came before it stands there as a partial text would.
pub(crate) fn print_vectors(outcome: Result<&Answer<EmbeddingReply>, &Error>) -> std::io::Result<()> {
    let answer = outcome.ok();
    let partial = outcome.err().and_then(|error| error.partial());
    let done = partial.filter(|partial| !partial.embeddings.is_empty());
    let embeddings = answer.map(|answer| &answer.embeddings).or(done.map(|partial| &partial.embeddings));
    let space = answer.map(|answer| &answer.space).or(done.map(|partial| &partial.space));
    let usage = answer.map(|answer| answer.usage).or(partial.map(|partial| partial.usage));
    let message = outcome.err().map(ToString::to_string);
    let error = outcome.err().zip(message.as_deref());
    out::json(&Vectors {
        ok: answer.is_some(),
        operation: "embed",
        embeddings: embeddings.map(Vec::as_slice),
        space: space.and_then(Option::as_deref),
        dimensions: embeddings.and_then(|embeddings| embeddings.first()).map(Vec::len),
        target: answer.map(Answer::target),
        model: answer.map(|answer| answer.model.as_deref().unwrap_or_else(|| model_of(answer.target()))),
        usage: usage.map(Usage::from).unwrap_or_default(),
        error: error.map(|(error, message)| Failure::of(error, message)),
        trail: lines(outcome.map_or_else(Error::trail, Answer::trail)),
    })
}

/// The end of a call that was not.
pub(crate) fn print_error(operation: &str, streamed: bool, error: &Error) -> std::io::Result<()> {
    let partial = error.partial();
    let message = error.to_string();
    out::json(&Outcome {
        event: streamed.then_some("end"),
        ok: false,
        operation,
        text: partial.map(|partial| partial.text.as_str()).filter(|text| !text.is_empty()),
        target: None,
        model: None,
        finish_reason: None,
        usage: partial.map(|partial| partial.usage.into()).unwrap_or_default(),
        error: Some(Failure::of(error, &message)),
        trail: lines(error.trail()),
    })
}

/// A failure before there was a call.
pub(crate) fn print_failure(operation: &str, streamed: bool, error: &Error) -> std::io::Result<()> {
    match operation {
        "embed" => print_vectors(Err(error)),
        _ => print_error(operation, streamed, error),
    }
}

fn model_of(target: &str) -> &str {
    target.split_once('/').map_or(target, |(_, model)| model)
}
