//! Ollama's own API: lines of JSON, the last of which says that it is done.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{HintForm, Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    [Box::new(Ollama) as Box<dyn Subject>].into_iter()
}

struct Ollama;

impl Subject for Ollama {
    fn name(&self) -> &str {
        "ollama"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("ollama", Env::empty());
        // Only Ollama's own servers want a key.
        settings.base_url = Some(place.key.map_or("https://ollama.com", |_| place.origin).to_owned());
        settings.api_key = place.key.map(Secret::new);
        backstop::providers::registry().build("ollama", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        Some(match say {
            Say::Chat(said) => Reply::json(200, done(&message(said), said)),
            Say::ChatStream(said) if said.reasoning.as_deref() == Some("") => return None,
            Say::ChatStream(said) => lines(&chat_lines(said)),
            Say::Complete(said) => Reply::json(200, done(&json!({ "response": said.text }), said)),
            Say::CompleteStream(said) => lines(&text_lines(said)),
            Say::Embed(vectors) => {
                Reply::json(200, json!({ "model": "model-x", "embeddings": vectors, "prompt_eval_count": 4 }))
            }
            Say::Error(kind) => error(*kind)?,
            Say::Limited(HintForm::Own(_)) => return None,
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, told("the model failed")),
            Say::ErrorInStream => lines(&[told("the model failed")]),
            Say::ErrorAfter(text) => lines(&[piece(&content(text)), told("the model failed")]),
            _ => return None,
        })
    }

    fn excuse(&self, say: &Say) -> Option<&str> {
        match say {
            Say::ChatStream(_) => Some("a thought of nothing is none on this wire"),
            Say::Filtered | Say::Error(ErrorKind::ContentFilter) => Some("Ollama filters nothing"),
            Say::Limited(HintForm::Own(_)) => Some("Ollama has no words of its own for that"),
            _ => None,
        }
    }
}

fn content(text: &str) -> Value {
    json!({ "message": { "role": "assistant", "content": text } })
}

fn message(said: &Said) -> Value {
    let mut message = content(&said.text);
    if let Some(thought) = &said.reasoning {
        message["message"]["thinking"] = thought.as_str().into();
    }
    if !said.calls.is_empty() {
        message["message"]["tool_calls"] = said.calls.iter().map(call).collect();
    }
    message
}

fn call(call: &backstop::core::chat::ToolCall) -> Value {
    // The wire has the JSON itself; what is none can only be a text.
    let arguments = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
    json!({ "id": call.id, "function": { "index": 0, "name": call.name, "arguments": arguments } })
}

/// A piece of an answer.
fn piece(what: &Value) -> Value {
    let mut line = what.clone();
    (line["model"], line["created_at"], line["done"]) =
        ("model-x".into(), "2026-01-01T00:00:00Z".into(), false.into());
    line
}

/// The last of an answer, or all of it.
fn done(what: &Value, said: &Said) -> Value {
    let mut line = piece(what);
    // That tools are called is no reason of its own.
    let reason = if said.finish.name() == "length" { "length" } else { "stop" };
    (line["done"], line["done_reason"]) = (true.into(), reason.into());
    (line["prompt_eval_count"], line["eval_count"]) = (said.usage.0.into(), said.usage.1.into());
    line
}

fn chat_lines(said: &Said) -> Vec<Value> {
    let thought = said.reasoning.iter().map(|text| json!({ "message": { "content": "", "thinking": text } }));
    let words = said.text.split_inclusive(' ').map(content);
    let calls =
        said.calls.iter().map(|one| json!({ "message": { "content": "", "tool_calls": [call(one)] } }));
    let mut lines: Vec<Value> = thought.chain(words).chain(calls).map(|what| piece(&what)).collect();
    lines.push(done(&content(""), said));
    lines
}

fn text_lines(said: &Said) -> Vec<Value> {
    let words = said.text.split_inclusive(' ').map(|word| piece(&json!({ "response": word })));
    words.chain([done(&json!({ "response": "" }), said)]).collect()
}

fn lines(lines: &[Value]) -> Reply {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Reply::new(200, "application/x-ndjson", body)
}

fn told(message: &str) -> Value {
    json!({ "error": message })
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let (status, message) = match kind {
        ErrorKind::RateLimited => (429, "too many requests"),
        ErrorKind::Quota => (429, "you have reached your weekly usage limit, upgrade for higher limits"),
        ErrorKind::Overloaded => (503, "server busy, please try again.  maximum pending requests exceeded"),
        ErrorKind::Server => (500, "llama runner process has terminated"),
        ErrorKind::Auth => (401, "unauthorized"),
        ErrorKind::Forbidden => (403, "ollama cloud is disabled: remote model is unavailable"),
        ErrorKind::ModelNotFound => (404, "model \"model-x\" not found, try pulling it first"),
        ErrorKind::ContextLength => (400, "the input length exceeds the context length"),
        ErrorKind::BadRequest => (400, "invalid input type"),
        ErrorKind::Unsupported => (400, "\"model-x\" does not support tools"),
        _ => return None,
    };
    Some(Reply::json(status, told(message)))
}
