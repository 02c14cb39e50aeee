//! Two servers, a client that knows them in order, and what a caller saw.

use std::fmt::Write;
use std::time::Duration;

use backstop::core::fallback::{AfterCommit, Policy};
use backstop::core::{Env, Overrides, Registry};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Answer, AnswerStream, Backstop, ChatReply, Error, StreamEvent, Trail};
use backstop_testkit::server::openai::Completion;
use backstop_testkit::server::{RawServer, Script, SseEnding, SseEvent};
use serde_json::json;

/// How long a target may be silent where silence is the fault. All others have far longer, on however busy a machine.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

/// Far longer than anything here takes.
pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) const BOTH: [AfterCommit; 2] = [AfterCommit::Stop, AfterCommit::Restart];

pub(crate) fn policy(after_commit: AfterCommit) -> Policy {
    let mut policy = Policy::default();
    policy.comebacks = Some(0);
    policy.after_commit = after_commit;
    policy
}

/// A client of these servers, which are called `a`, `b` … in order.
pub(crate) fn over(servers: &[&RawServer], policy: Policy) -> Backstop {
    timed(servers, policy, None)
}

/// The same, whose first target may not be silent for long.
pub(crate) fn impatient(servers: &[&RawServer], policy: Policy) -> Backstop {
    timed(servers, policy, Some(SILENCE))
}

fn timed(servers: &[&RawServer], policy: Policy, silence: Option<Duration>) -> Backstop {
    let base_urls: Vec<_> = servers.iter().map(|server| server.uri()).collect();
    over_urls(&base_urls, policy, silence)
}

pub(crate) fn over_urls(base_urls: &[String], policy: Policy, silence: Option<Duration>) -> Backstop {
    let mut first = Overrides::default();
    (first.first_content, first.idle) = (silence, silence);
    let mut builder = Backstop::builder().env(Env::empty()).registry(Registry::default()).policy(policy);
    for (name, base_url) in ["a", "b", "c"].into_iter().zip(base_urls) {
        let config = OpenAiConfig::keyless(base_url).with_name(name);
        let provider = OpenAi::new(config).unwrap();
        builder = builder.provider(provider).target_with(format!("{name}/m"), std::mem::take(&mut first));
    }
    builder.build().unwrap()
}

/// A piece of the answer.
pub(crate) fn text(text: &str) -> SseEvent {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": { "content": text } }] }).into()
}

pub(crate) fn usage() -> SseEvent {
    json!({ "choices": [], "usage": { "prompt_tokens": 5, "completion_tokens": 2 } }).into()
}

/// What opens an answer and is none.
pub(crate) fn role() -> SseEvent {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] })
        .into()
}

pub(crate) fn error_event(kind: &str, code: Option<&str>) -> SseEvent {
    backstop_testkit::server::openai::error("as the script says", kind, code, None).into()
}

/// A whole stream of this text, word by word.
pub(crate) fn healthy(text: &str) -> Script {
    Script::sse(Completion::text(text).events(), SseEnding::Clean)
}

pub(crate) fn serve(script: impl Into<Script>) -> RawServer {
    RawServer::start([script])
}

/// What the caller saw, in short, and how it ended.
pub(crate) struct Seen {
    pub(crate) events: String,
    pub(crate) end: Result<Answer<ChatReply>, Error>,
}

impl Seen {
    pub(crate) fn trail(&self) -> &Trail {
        self.end.as_ref().map_or_else(Error::trail, Answer::trail)
    }

    /// The trail: target, kind, phase, status and verdict of each step.
    pub(crate) fn steps(&self) -> Vec<String> {
        let step = |step: &backstop::Step| {
            let kind = step.kind.map_or("-", |kind| kind.name());
            let phase = step.phase.map_or("-", |phase| phase.name());
            let status = step.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            format!("{} {kind} {phase} {status} {}", step.target, step.verdict.name())
        };
        self.trail().steps().iter().map(step).collect()
    }
}

pub(crate) fn show(event: &StreamEvent, seen: &mut String) {
    let written = match event {
        StreamEvent::Start { target, .. } => write!(seen, "<{target}>"),
        StreamEvent::Reset { target, .. } => write!(seen, "<reset {target}>"),
        StreamEvent::Text(text) => write!(seen, "{text}"),
        StreamEvent::Reasoning(text) => write!(seen, "({text})"),
        StreamEvent::Usage(usage) => {
            write!(seen, "[{}+{}]", usage.input_tokens.unwrap_or(0), usage.output_tokens.unwrap_or(0))
        }
        _ => write!(seen, "?"),
    };
    written.unwrap();
}

pub(crate) async fn read(client: &Backstop) -> Seen {
    let mut stream = client.chat_stream("hi").unwrap();
    let mut events = String::new();
    loop {
        let end = match stream.next().await.expect("a stream ends with its end or an error") {
            Ok(StreamEvent::End(answer)) => Ok(*answer),
            Err(error) => Err(error),
            Ok(event) => {
                show(&event, &mut events);
                continue;
            }
        };
        assert!(stream.next().await.is_none(), "nothing comes after the end");
        return Seen { events, end };
    }
}

/// Reads until this much has been seen.
pub(crate) async fn read_until(stream: &mut AnswerStream, wanted: &str) {
    let mut seen = String::new();
    while seen != wanted {
        show(&stream.next().await.unwrap().unwrap(), &mut seen);
        assert!(wanted.starts_with(&seen), "{seen}");
    }
}

/// Each of these servers has seen that many requests, and no connection is open once the client is gone.
pub(crate) async fn settled(client: Backstop, servers: &[(&RawServer, usize)]) {
    drop(client);
    for (server, hits) in servers {
        assert_eq!(server.hits(), *hits, "requests");
        assert!(server.wait_until_closed(SOON).await, "a connection stays open");
    }
}
