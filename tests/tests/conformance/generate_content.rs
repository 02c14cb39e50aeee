//! The wire of generateContent, as Gemini's own API and Google's cloud spell it.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::chat::FinishReason;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{HintForm, Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

const VERTEX: &str = "vertex";

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    let subject = |(name, kind, token)| Box::new(GenerateContent { name, kind, token }) as Box<dyn Subject>;
    [("gemini", "gemini", false), (VERTEX, VERTEX, false), ("vertex (token)", VERTEX, true)]
        .map(subject)
        .into_iter()
}

/// A kind that speaks this wire.
struct GenerateContent {
    name: &'static str,
    kind: &'static str,
    /// Whether the key is a token, for a project.
    token: bool,
}

impl Subject for GenerateContent {
    fn name(&self) -> &str {
        self.name
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new(self.kind, Env::empty());
        settings.base_url = Some(place.origin.to_owned());
        settings.api_key = place.key.map(Secret::new);
        if self.token {
            settings.options = json!({ "token": true, "project": "p-1" }).as_object().unwrap().clone();
        }
        backstop::providers::registry().build(self.kind, settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        let failed = || told(500, "INTERNAL", "An internal error has occurred.");
        Some(match say {
            Say::Chat(said) => Reply::json(200, piece(parts(said), Some(said))),
            Say::ChatStream(said) => stream(pieces(said)),
            Say::Embed(vectors) if self.kind == VERTEX => Reply::json(200, predictions(vectors)),
            Say::Embed(vectors) => {
                let one = |vector| json!({ "values": vector });
                Reply::json(200, json!({ "embeddings": vectors.iter().map(one).collect::<Vec<_>>() }))
            }
            Say::Error(kind) => error(*kind)?,
            Say::Limited(HintForm::Own(seconds)) => {
                let mut limited = told(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.");
                limited["error"]["details"] = json!([{
                    "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s"),
                }]);
                Reply::json(429, limited)
            }
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, failed()),
            Say::ErrorInStream => stream([failed()]),
            Say::ErrorAfter(text) => {
                let first = stream([piece(json!([{ "text": text }]), None)]);
                let bare = serde_json::to_string_pretty(&failed()).unwrap();
                Reply::events([first.body, bare.into_bytes()].concat())
            }
            Say::Filtered => Reply::json(200, json!({ "promptFeedback": { "blockReason": "SAFETY" } })),
            _ => return None,
        })
    }

    fn excuse(&self, say: &Say) -> Option<&str> {
        match say {
            Say::Error(_) => Some("its service has no such error"),
            _ => None,
        }
    }
}

fn parts(said: &Said) -> Value {
    let thought = said.reasoning.iter().map(|text| json!({ "text": text, "thought": true }));
    let text = Some(&said.text).filter(|text| !text.is_empty()).map(|text| json!({ "text": text }));
    let calls = said.calls.iter().enumerate().map(|(index, call)| {
        let args: Value = serde_json::from_str(&call.arguments).unwrap();
        // Without an id, as older models call.
        let mut part = json!({ "functionCall": { "name": call.name, "args": args } });
        // Of calls made at once, the first is signed for all.
        if index == 0 {
            part["thoughtSignature"] = "CiQBjz1r".into();
        }
        part
    });
    thought.chain(text).chain(calls).collect()
}

/// An answer, or a piece of one; the last says why it ended and what it cost.
fn piece(parts: Value, last: Option<&Said>) -> Value {
    let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
    let mut usage = json!({ "promptTokenCount": 4, "totalTokenCount": 4 });
    if let Some(Said { finish, usage: (input, output), .. }) = last {
        candidate["finishReason"] =
            if *finish == FinishReason::Length { "MAX_TOKENS" } else { "STOP" }.into();
        usage = json!({
            "promptTokenCount": input, "candidatesTokenCount": output - 1, "thoughtsTokenCount": 1,
            "totalTokenCount": input + output,
        });
    }
    json!({ "candidates": [candidate], "usageMetadata": usage, "modelVersion": "model-x", "responseId": "r-1" })
}

/// The answer in pieces: thoughts, words, calls, and the reason for the end with the last of them.
fn pieces(said: &Said) -> Vec<Value> {
    let mut pieces: Vec<Value> =
        said.reasoning.iter().map(|text| piece(json!([{ "text": text, "thought": true }]), None)).collect();
    pieces.extend(said.text.split_inclusive(' ').map(|word| piece(json!([{ "text": word }]), None)));
    let mut calls = Said::default();
    calls.calls.clone_from(&said.calls);
    pieces.push(piece(parts(&calls), Some(said)));
    pieces
}

fn stream(events: impl IntoIterator<Item = Value>) -> Reply {
    Reply::events(events.into_iter().map(|event| format!("data: {event}\r\n\r\n")).collect::<String>())
}

fn predictions(vectors: &[Vec<f32>]) -> Value {
    let one = |vector| json!({ "embeddings": { "values": vector, "statistics": { "token_count": 2.0 } } });
    json!({ "predictions": vectors.iter().map(one).collect::<Vec<_>>() })
}

fn told(status: u16, word: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "status": word } })
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let invalid = "INVALID_ARGUMENT";
    let (status, word, message) = match kind {
        ErrorKind::RateLimited => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            (429, "RESOURCE_EXHAUSTED", message)
        }
        ErrorKind::Quota => (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
        ErrorKind::Overloaded => (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        ErrorKind::Server => (500, "INTERNAL", "An internal error has occurred."),
        ErrorKind::Auth => (400, invalid, "API key not valid. Please pass a valid API key."),
        ErrorKind::Forbidden => (403, "PERMISSION_DENIED", "You are not allowed to do this"),
        ErrorKind::ModelNotFound => (404, "NOT_FOUND", "models/model-x is not found for API version v1beta"),
        ErrorKind::ContextLength => {
            (400, invalid, "The input token count (9) exceeds the maximum number of tokens allowed (8).")
        }
        ErrorKind::BadRequest => (400, invalid, "Please ensure that contents are not empty"),
        ErrorKind::Unsupported => (400, invalid, "Thinking level is not supported for this model."),
        _ => return None,
    };
    Some(Reply::json(status, told(status, word, message)))
}
