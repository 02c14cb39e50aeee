//! Anthropic's Messages API.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::chat::FinishReason;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Box::new(Messages) as Box<dyn Subject>].into_iter()
}

struct Messages;

impl Subject for Messages {
    fn name(&self) -> &str {
        "anthropic"
    }

    /// One that thinks as much as it likes, since the kit's limits leave no room for a budget.
    fn model(&self) -> &str {
        "claude-x"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("anthropic", Env::empty());
        settings.base_url = Some(place.origin.to_owned());
        settings.api_key = place.key.map(Secret::new);
        backstop::providers::registry().build("anthropic", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        let failed = || told("api_error", "Internal server error");
        Some(match say {
            Say::Chat(said) => Reply::json(200, message(said, &content(said))),
            Say::ChatStream(said) => stream(&events(said)),
            Say::Error(kind) => error(*kind)?,
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, failed()),
            Say::ErrorInStream => stream(&[failed()]),
            Say::ErrorAfter(text) => {
                let mut events = events(&Said::default());
                events.truncate(1);
                events.extend([
                    begin(0, &block("")),
                    delta(0, &json!({ "type": "text_delta", "text": text })),
                    failed(),
                ]);
                stream(&events)
            }
            Say::Filtered => {
                let mut reply = message(&Said::default(), &[]);
                reply["stop_reason"] = "refusal".into();
                reply["stop_details"] =
                    json!({ "type": "refusal", "category": "cyber", "explanation": null });
                Reply::json(200, reply)
            }
            _ => return None,
        })
    }
}

fn block(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn content(said: &Said) -> Vec<Value> {
    let thought = said
        .reasoning
        .iter()
        .map(|text| json!({ "type": "thinking", "thinking": text, "signature": "EqQBCgIYAhIM" }));
    let text = Some(&said.text).filter(|text| !text.is_empty()).map(|text| block(text));
    let calls = said.calls.iter().map(|call| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap();
        json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input })
    });
    thought.chain(text).chain(calls).collect()
}

/// A part of the input is read from a cache and another written to it; neither counts as input on this wire.
fn usage(input: u64, output: u64) -> Value {
    let (cached, written) = (input / 2, input / 4);
    json!({
        "input_tokens": input - cached - written, "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached, "output_tokens": output,
    })
}

fn stop_reason(finish: &FinishReason) -> &str {
    match finish {
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        _ => "end_turn",
    }
}

fn message(said: &Said, content: &[Value]) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": content,
        "stop_reason": stop_reason(&said.finish), "stop_sequence": null, "usage": usage(said.usage.0, said.usage.1),
    })
}

fn begin(index: usize, block: &Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: usize, delta: &Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

/// The answer in pieces: each block begins empty, comes word by word or in halves, and ends.
fn events(said: &Said) -> Vec<Value> {
    let mut start = message(said, &[]);
    (start["stop_reason"], start["usage"]) = (Value::Null, usage(said.usage.0, 1));
    let mut events = vec![json!({ "type": "message_start", "message": start }), json!({ "type": "ping" })];
    for (index, mut block) in content(said).into_iter().enumerate() {
        let mut deltas = Vec::new();
        if let Some(text) = block["text"].as_str() {
            deltas
                .extend(text.split_inclusive(' ').map(|word| json!({ "type": "text_delta", "text": word })));
            block["text"] = "".into();
        }
        if let Some(thought) = block["thinking"].as_str() {
            deltas.push(json!({ "type": "thinking_delta", "thinking": thought }));
            deltas.push(json!({ "type": "signature_delta", "signature": block["signature"] }));
            (block["thinking"], block["signature"]) = ("".into(), "".into());
        }
        if block["type"] == "tool_use" {
            let input = block["input"].to_string();
            let (head, tail) = input.split_at(input.len() / 2);
            deltas.extend(
                ["", head, tail].map(|part| json!({ "type": "input_json_delta", "partial_json": part })),
            );
            block["input"] = json!({});
        }
        events.push(begin(index, &block));
        events.extend(deltas.iter().map(|more| delta(index, more)));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    let end = json!({ "stop_reason": stop_reason(&said.finish), "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": end, "usage": { "output_tokens": said.usage.1 } }));
    events.push(json!({ "type": "message_stop" }));
    events
}

fn stream(events: &[Value]) -> Reply {
    let line = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    Reply::events(events.iter().map(line).collect::<String>())
}

fn told(sort: &str, message: &str) -> Value {
    json!({ "type": "error", "error": { "type": sort, "message": message }, "request_id": "req_1" })
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let (status, sort, message) = match kind {
        ErrorKind::RateLimited => (
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 5 requests per minute",
        ),
        ErrorKind::Quota => {
            (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")
        }
        ErrorKind::Overloaded => (529, "overloaded_error", "Overloaded"),
        ErrorKind::Server => (500, "api_error", "Internal server error"),
        ErrorKind::Auth => (401, "authentication_error", "invalid x-api-key"),
        ErrorKind::Forbidden => {
            (403, "permission_error", "Your API key does not have permission to use this model.")
        }
        ErrorKind::ModelNotFound => (404, "not_found_error", "model: claude-x"),
        ErrorKind::ContextLength => {
            (400, "invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum")
        }
        ErrorKind::ContentFilter => {
            (400, "invalid_request_error", "Output blocked by content filtering policy")
        }
        ErrorKind::BadRequest => {
            (400, "invalid_request_error", "messages.0.role: Input should be 'user' or 'assistant'")
        }
        ErrorKind::Unsupported => (400, "invalid_request_error", "top_p: Extra inputs are not permitted"),
        _ => return None,
    };
    Some(Reply::json(status, told(sort, message)))
}
