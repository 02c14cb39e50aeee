//! Mistral's API, which is like the wire of chat completions where it is not its own.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{HintForm, Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Box::new(Mistral) as Box<dyn Subject>].into_iter()
}

struct Mistral;

impl Subject for Mistral {
    fn name(&self) -> &str {
        "mistral"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("mistral", Env::empty());
        settings.base_url = Some(format!("{}/v1", place.origin));
        settings.api_key = place.key.map(Secret::new);
        backstop::providers::registry().build("mistral", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        let failed = || told("Internal error", "internal_server_error", Some("1000"));
        Some(match say {
            // A text to be filled in comes in the form of an answer.
            Say::Chat(said) | Say::Complete(said) => Reply::json(200, whole(said)),
            Say::ChatStream(said) | Say::CompleteStream(said) => stream(chunks(said)),
            Say::Embed(vectors) => Reply::json(200, embeddings(vectors)),
            Say::Error(kind) => error(*kind)?,
            Say::Limited(HintForm::Own(_)) => return None,
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, failed()),
            Say::ErrorInStream => stream([failed()]),
            Say::ErrorAfter(text) => stream([delta(&json!({ "content": text })), failed()]),
            _ => return None,
        })
    }

    fn excuse(&self, say: &Say) -> Option<&str> {
        match say {
            Say::Filtered => Some("Mistral's guardrails refuse, and withhold nothing of an answer"),
            Say::Limited(HintForm::Own(_)) => Some("Mistral has no words of its own for that"),
            _ => None,
        }
    }
}

/// What is said, in parts where there are thoughts.
fn content(said: &Said) -> Value {
    match &said.reasoning {
        None => json!(said.text),
        Some(thought) => json!([thinking(thought), { "type": "text", "text": said.text }]),
    }
}

fn thinking(thought: &str) -> Value {
    let thinking = json!([{ "type": "text", "text": thought }]);
    json!({ "type": "thinking", "thinking": thinking, "signature": "c2lnbmVk" })
}

fn calls(said: &Said) -> Vec<Value> {
    let call = |(index, call): (usize, &backstop::core::chat::ToolCall)| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "index": index, "id": call.id, "function": function })
    };
    said.calls.iter().enumerate().map(call).collect()
}

fn usage((input, output): (u64, u64)) -> Value {
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

fn whole(said: &Said) -> Value {
    let calls = Some(calls(said)).filter(|calls| !calls.is_empty());
    let message = json!({ "role": "assistant", "content": content(said), "tool_calls": calls });
    json!({
        "id": "5319bd02", "object": "chat.completion", "created": 1, "model": "model-x",
        "choices": [{ "index": 0, "message": message, "finish_reason": said.finish.name() }],
        "usage": usage(said.usage),
    })
}

fn delta(delta: &Value) -> Value {
    json!({
        "id": "5319bd02", "object": "chat.completion.chunk", "created": 1, "model": "model-x",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": null }],
    })
}

/// The answer in pieces: role, thoughts, words, whole calls, and the reason for the end together with the usage.
fn chunks(said: &Said) -> Vec<Value> {
    let mut chunks = vec![delta(&json!({ "role": "assistant", "content": "" }))];
    chunks.extend(said.reasoning.iter().map(|thought| delta(&json!({ "content": [thinking(thought)] }))));
    chunks.extend(said.text.split_inclusive(' ').map(|word| delta(&json!({ "content": word }))));
    chunks
        .extend(calls(said).into_iter().map(|call| delta(&json!({ "content": null, "tool_calls": [call] }))));
    let mut last = delta(&json!({ "content": "" }));
    last["choices"][0]["finish_reason"] = said.finish.name().into();
    last["usage"] = usage(said.usage);
    chunks.push(last);
    chunks
}

fn stream(events: impl IntoIterator<Item = Value>) -> Reply {
    let events: String = events.into_iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply::events(events + "data: [DONE]\n\n")
}

/// In reverse, since the index is what counts.
fn embeddings(vectors: &[Vec<f32>]) -> Value {
    let one = |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector });
    let data: Vec<Value> = vectors.iter().enumerate().rev().map(one).collect();
    json!({ "id": "e1", "object": "list", "data": data, "model": "model-x", "usage": usage((4, 0)) })
}

fn told(message: &str, sort: &str, code: Option<&str>) -> Value {
    json!({ "object": "error", "message": message, "type": sort, "param": null, "code": code })
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let invalid = "invalid_request_error";
    let (status, body) = match kind {
        ErrorKind::RateLimited => (429, told("Rate limit exceeded", "rate_limited", Some("1300"))),
        ErrorKind::Quota => (402, told("Your spend limit is reached", invalid, None)),
        ErrorKind::Overloaded => (429, told("Service tier capacity exceeded for this model.", invalid, None)),
        ErrorKind::Server => (500, told("Internal error", "internal_server_error", Some("1000"))),
        ErrorKind::Auth => (401, json!({ "detail": "Unauthorized" })),
        ErrorKind::Forbidden => (403, told("Your tier does not include this model", invalid, None)),
        ErrorKind::ModelNotFound => (400, told("Invalid model: model-x", "invalid_model", Some("1500"))),
        ErrorKind::ContextLength => {
            let message =
                "Prompt contains 40000 tokens, too large for model with 32768 maximum context length";
            (400, told(message, invalid, Some("3051")))
        }
        ErrorKind::ContentFilter => (403, told("The request was blocked by a guardrail", invalid, None)),
        ErrorKind::BadRequest => {
            (400, told("Unexpected role 'tool'", "invalid_request_message_order", Some("3230")))
        }
        ErrorKind::Unsupported => {
            let detail = json!([{ "type": "extra_forbidden", "loc": ["body", "n"], "msg": "Extra inputs are not permitted" }]);
            (422, json!({ "object": "error", "message": { "detail": detail }, "type": invalid }))
        }
        _ => return None,
    };
    Some(Reply::json(status, body))
}
