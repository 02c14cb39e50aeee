//! The second version of Cohere's API: events with names, each about one part of the answer.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{HintForm, Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Box::new(Cohere) as Box<dyn Subject>].into_iter()
}

struct Cohere;

impl Subject for Cohere {
    fn name(&self) -> &str {
        "cohere"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("cohere", Env::empty());
        settings.base_url = Some(place.origin.to_owned());
        settings.api_key = place.key.map(Secret::new);
        backstop::providers::registry().build("cohere", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        Some(match say {
            Say::Chat(said) => Reply::json(200, whole(said, reason(said))),
            Say::ChatStream(said) => stream(&events(said)),
            Say::Embed(vectors) => Reply::json(200, embeddings(vectors)),
            Say::Error(kind) => error(*kind)?,
            Say::Limited(HintForm::Own(seconds)) => {
                let now: u64 = 784_111_777;
                error(ErrorKind::RateLimited)?
                    .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
                    .header("x-ratelimit-reset", now + seconds)
            }
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, whole(&Said::default(), "ERROR")),
            Say::ErrorInStream => stream(&[start(), end("ERROR", &Said::default())]),
            Say::ErrorAfter(text) => stream(&[start(), text_delta(text), end("ERROR", &Said::default())]),
            Say::Filtered => Reply::json(200, whole(&Said::default(), "ERROR_TOXIC")),
            _ => return None,
        })
    }
}

fn reason(said: &Said) -> &'static str {
    match said.finish.name() {
        "length" => "MAX_TOKENS",
        "tool_calls" => "TOOL_CALL",
        _ => "COMPLETE",
    }
}

/// Numbers have a fraction, of zero.
#[expect(clippy::cast_precision_loss, reason = "counts of tests are small")]
fn usage((input, output): (u64, u64)) -> Value {
    json!({ "billed_units": { "input_tokens": 1.0, "output_tokens": 1.0 },
        "tokens": { "input_tokens": input as f64, "output_tokens": output as f64 } })
}

fn call(call: &backstop::core::chat::ToolCall, arguments: &str) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

fn whole(said: &Said, reason: &str) -> Value {
    let thought = said.reasoning.iter().map(|text| json!({ "type": "thinking", "thinking": text }));
    let text =
        Some(&said.text).filter(|text| !text.is_empty()).map(|text| json!({ "type": "text", "text": text }));
    let calls: Vec<Value> = said.calls.iter().map(|one| call(one, &one.arguments)).collect();
    let mut message = json!({ "role": "assistant", "content": thought.chain(text).collect::<Vec<_>>() });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    json!({ "id": "e7592632", "message": message, "finish_reason": reason, "usage": usage(said.usage) })
}

fn event(sort: &str, index: usize, message: &Value) -> Value {
    json!({ "type": sort, "index": index, "delta": { "message": message } })
}

fn start() -> Value {
    let message =
        json!({ "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] });
    json!({ "type": "message-start", "id": "e7592632", "delta": { "message": message } })
}

fn text_delta(text: &str) -> Value {
    event("content-delta", 0, &json!({ "content": { "text": text } }))
}

fn end(reason: &str, said: &Said) -> Value {
    json!({ "type": "message-end", "delta": { "finish_reason": reason, "usage": usage(said.usage) } })
}

/// The answer in pieces: thoughts, words, calls in halves, the reason for the end with the usage.
fn events(said: &Said) -> Vec<Value> {
    let mut events = vec![start()];
    if let Some(text) = &said.reasoning {
        events.push(event("content-start", 0, &json!({ "content": { "type": "thinking", "thinking": "" } })));
        events.push(event("content-delta", 0, &json!({ "content": { "thinking": text } })));
        events.push(json!({ "type": "content-end", "index": 0 }));
    }
    events.push(event("content-start", 0, &json!({ "content": { "type": "text", "text": "" } })));
    events.extend(said.text.split_inclusive(' ').map(text_delta));
    events.push(json!({ "type": "content-end", "index": 0 }));
    for (index, one) in said.calls.iter().enumerate() {
        let (head, tail) = one.arguments.split_at(one.arguments.len() / 2);
        events.push(event("tool-call-start", index, &json!({ "tool_calls": call(one, "") })));
        for half in [head, tail] {
            let more = json!({ "tool_calls": { "function": { "arguments": half } } });
            events.push(event("tool-call-delta", index, &more));
        }
        events.push(json!({ "type": "tool-call-end", "index": index }));
    }
    events.push(end(reason(said), said));
    events
}

fn stream(events: &[Value]) -> Reply {
    let line = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    Reply::events(events.iter().map(line).collect::<String>())
}

fn embeddings(vectors: &[Vec<f32>]) -> Value {
    json!({ "id": "e1", "texts": [], "embeddings": { "float": vectors }, "response_type": "embeddings_by_type",
        "meta": { "api_version": { "version": "2" }, "billed_units": { "input_tokens": 4.0 } } })
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let (status, message) = match kind {
        ErrorKind::RateLimited => {
            (429, "You are past the per minute request limit, please wait and try again later.")
        }
        ErrorKind::Quota => (429, "You are using a Trial key, which is limited to 1000 API calls / month."),
        ErrorKind::Overloaded => (503, "service unavailable"),
        ErrorKind::Server => (500, "internal server error, this has been reported to our developers."),
        ErrorKind::Auth => (401, "invalid api token"),
        ErrorKind::Forbidden => (403, "you may not do this"),
        ErrorKind::ModelNotFound => {
            (404, "model 'model-x' not found, make sure the correct model ID was used")
        }
        ErrorKind::ContextLength => {
            (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.")
        }
        ErrorKind::ContentFilter => {
            (498, "blocked input: this request may be a potential violation of our Usage Guidelines")
        }
        ErrorKind::BadRequest => (400, "invalid request: temperature must be between 0 and 1.0 inclusive."),
        ErrorKind::Unsupported => (422, "unknown field: parameter 'n' is not a valid field."),
        _ => return None,
    };
    Some(Reply::json(status, json!({ "id": "req_1", "message": message })))
}
