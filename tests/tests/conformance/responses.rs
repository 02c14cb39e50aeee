//! OpenAI's Responses API, which chats only; the rest is as without it.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::chat::FinishReason;
use backstop::core::{Env, Secret, Settings};
use backstop_testkit::conformance::{Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

use crate::chat_completions::ChatCompletions;

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Box::new(Responses) as Box<dyn Subject>].into_iter()
}

struct Responses;

impl Subject for Responses {
    fn name(&self) -> &str {
        "openai (responses)"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("openai", Env::empty());
        settings.base_url = Some(format!("{}/v1", place.origin));
        settings.api_key = place.key.map(Secret::new);
        settings.options.insert("api".to_owned(), "responses".into());
        backstop::providers::registry().build("openai", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        let failed = json!({ "code": "server_error", "message": "The server had an error" });
        Some(match say {
            Say::Chat(said) => Reply::json(200, response(said)),
            Say::ChatStream(said) => stream(&events(said)),
            Say::ErrorInChat => {
                Reply::json(200, json!({ "id": "resp_1", "status": "failed", "error": failed, "output": [] }))
            }
            Say::ErrorInStream => stream(&[created(), failure(&failed)]),
            Say::ErrorAfter(text) => stream(&[created(), delta(text), failure(&failed)]),
            Say::Filtered => {
                let mut reply = response(&Said::default());
                reply["status"] = "incomplete".into();
                reply["incomplete_details"] = json!({ "reason": "content_filter" });
                Reply::json(200, reply)
            }
            other => return ChatCompletions { kind: "openai" }.spell(other),
        })
    }
}

fn items(said: &Said) -> Vec<Value> {
    let thought = said.reasoning.iter().map(|text| {
        json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": text }],
            "encrypted_content": "gAAAAABo" })
    });
    let text = Some(&said.text).filter(|text| !text.is_empty()).map(|text| {
        let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
        json!({ "type": "message", "id": "msg_1", "role": "assistant", "content": content })
    });
    let calls = said.calls.iter().map(|call| {
        json!({ "type": "function_call", "id": format!("fc_{}", call.id), "call_id": call.id, "name": call.name,
            "arguments": call.arguments })
    });
    thought.chain(text).chain(calls).collect()
}

fn response(said: &Said) -> Value {
    let (input, output) = said.usage;
    let reason = (said.finish == FinishReason::Length).then_some("max_output_tokens");
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "model-x", "error": null,
        "status": if reason.is_some() { "incomplete" } else { "completed" },
        "incomplete_details": reason.map(|reason| json!({ "reason": reason })),
        "output": items(said),
        "usage": { "input_tokens": input, "output_tokens": output, "total_tokens": input + output },
    })
}

fn created() -> Value {
    let response = json!({ "id": "resp_1", "model": "model-x", "status": "in_progress", "output": [] });
    json!({ "type": "response.created", "response": response })
}

fn delta(text: &str) -> Value {
    json!({ "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text })
}

fn failure(error: &Value) -> Value {
    json!({ "type": "response.failed", "response": { "id": "resp_1", "status": "failed", "error": error } })
}

/// The answer in pieces: each item begins, comes word by word or in halves, and is whole; at last all of it.
fn events(said: &Said) -> Vec<Value> {
    let mut events = vec![created()];
    for (index, item) in items(said).into_iter().enumerate() {
        let mut empty = item.clone();
        (empty["content"], empty["summary"], empty["arguments"]) = (json!([]), json!([]), "".into());
        events.push(json!({ "type": "response.output_item.added", "output_index": index, "item": empty }));
        if item["type"] == "message" {
            events.extend(said.text.split_inclusive(' ').map(delta));
        }
        if let Some(thought) = item["summary"][0]["text"].as_str() {
            let sort = "response.reasoning_summary_text.delta";
            events.push(json!({ "type": sort, "output_index": index, "delta": thought }));
        }
        if let Some(arguments) = item["arguments"].as_str() {
            let (head, tail) = arguments.split_at(arguments.len() / 2);
            let sort = "response.function_call_arguments.delta";
            events.extend(
                [head, tail].map(|half| json!({ "type": sort, "output_index": index, "delta": half })),
            );
        }
        events.push(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
    }
    let whole = response(said);
    let sort = format!("response.{}", whole["status"].as_str().unwrap());
    events.push(json!({ "type": sort, "response": whole }));
    events
}

fn stream(events: &[Value]) -> Reply {
    let line = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    Reply::events(events.iter().map(line).collect::<String>())
}
