//! The wire of chat completions, as OpenAI and those who are like it spell it.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{HintForm, Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

/// The one whose 403 is no denial.
const TOGETHER: &str = "together";

/// The kinds that speak this wire.
const KINDS: [&str; 17] = [
    "openai",
    "azure",
    "cerebras",
    "deepseek",
    "fireworks",
    "groq",
    "huggingface",
    "llama_cpp",
    "lmstudio",
    "moonshot",
    "nvidia",
    "openrouter",
    "perplexity",
    "sambanova",
    TOGETHER,
    "vllm",
    "xai",
];

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    KINDS.into_iter().map(|kind| Box::new(ChatCompletions { kind }) as Box<dyn Subject>)
}

/// A kind that speaks this wire.
pub(crate) struct ChatCompletions {
    pub(crate) kind: &'static str,
}

impl Subject for ChatCompletions {
    fn name(&self) -> &str {
        self.kind
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new(self.kind, Env::empty());
        settings.base_url = Some(format!("{}/v1", place.origin));
        settings.api_key = place.key.map(Secret::new);
        backstop::providers::registry().build(self.kind, settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        Some(match say {
            Say::Chat(said) => Reply::json(200, chat(said)),
            Say::ChatStream(said) if said.reasoning.as_deref() == Some("") => return None,
            Say::ChatStream(said) => stream(chunks(said)),
            Say::Complete(said) => Reply::json(200, completion(said)),
            Say::CompleteStream(said) => stream(completion_chunks(said)),
            Say::Embed(vectors) => Reply::json(200, embeddings(vectors)),
            Say::Error(ErrorKind::Forbidden) if self.kind == TOGETHER => return None,
            Say::Error(kind) => error(*kind)?,
            Say::Limited(HintForm::Own(seconds)) => {
                let message = format!("Rate limit reached for model-x. Please try again in {seconds}s.");
                Reply::json(429, told(&message, "requests", Some("rate_limit_exceeded")))
            }
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, told("The server had an error", "server_error", None)),
            Say::ErrorInStream => stream([told("The server had an error", "server_error", None)]),
            Say::ErrorAfter(text) => {
                let first = delta(&json!({ "role": "assistant", "content": text }), None);
                stream([first, told("The server had an error", "server_error", None)])
            }
            Say::Filtered => {
                let mut reply = chat(&Said::default());
                reply["choices"][0]["finish_reason"] = "content_filter".into();
                Reply::json(200, reply)
            }
            _ => return None,
        })
    }

    fn excuse(&self, say: &Say) -> Option<&str> {
        if matches!(say, Say::ChatStream(_)) {
            return Some(
                "a thought of nothing is none on this wire, which tells of hidden ones in many ways",
            );
        }
        let long = self.kind == TOGETHER && *say == Say::Error(ErrorKind::Forbidden);
        long.then_some("a 403 of this service means a prompt that is too long")
    }
}

fn usage((input, output): (u64, u64)) -> Value {
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

fn calls(said: &Said) -> Vec<Value> {
    let call = |(index, call): (usize, &backstop::core::chat::ToolCall)| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "index": index, "id": call.id, "type": "function", "function": function })
    };
    said.calls.iter().enumerate().map(call).collect()
}

fn chat(said: &Said) -> Value {
    let mut message = json!({ "role": "assistant", "content": said.text });
    if !said.calls.is_empty() {
        message["tool_calls"] = calls(said).into();
    }
    if let Some(reasoning) = &said.reasoning {
        message["reasoning_content"] = reasoning.as_str().into();
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "model-x",
        "choices": [{ "index": 0, "message": message, "finish_reason": said.finish.name() }],
        "usage": usage(said.usage),
    })
}

fn delta(delta: &Value, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "model-x",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
}

/// The answer in pieces: role, thoughts, words, calls in halves, the reason for the end, the usage.
fn chunks(said: &Said) -> Vec<Value> {
    let mut chunks = vec![delta(&json!({ "role": "assistant", "content": "" }), None)];
    chunks.extend(said.reasoning.iter().map(|text| delta(&json!({ "reasoning_content": text }), None)));
    chunks.extend(said.text.split_inclusive(' ').map(|word| delta(&json!({ "content": word }), None)));
    for mut call in calls(said) {
        let arguments = call["function"]["arguments"].as_str().unwrap().to_owned();
        let (head, tail) = arguments.split_at(arguments.len() / 2);
        call["function"]["arguments"] = head.into();
        let more = json!({ "index": call["index"], "function": { "arguments": tail } });
        chunks.push(delta(&json!({ "tool_calls": [call] }), None));
        chunks.push(delta(&json!({ "tool_calls": [more] }), None));
    }
    chunks.push(delta(&json!({}), Some(said.finish.name())));
    chunks.push(
        json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "model-x", "choices": [],
        "usage": usage(said.usage) }),
    );
    chunks
}

fn stream(events: impl IntoIterator<Item = Value>) -> Reply {
    let events: String = events.into_iter().map(|event| format!("data: {event}\n\n")).collect();
    Reply::events(events + "data: [DONE]\n\n")
}

fn completion(said: &Said) -> Value {
    json!({
        "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "model-x",
        "choices": [{ "index": 0, "text": said.text, "logprobs": null, "finish_reason": said.finish.name() }],
        "usage": usage(said.usage),
    })
}

fn completion_chunks(said: &Said) -> Vec<Value> {
    let piece = |text: &str, finish: Option<&str>| {
        json!({ "id": "cmpl-1", "object": "text_completion", "model": "model-x",
            "choices": [{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }] })
    };
    let mut pieces: Vec<Value> = said.text.split_inclusive(' ').map(|word| piece(word, None)).collect();
    pieces.push(piece("", Some(said.finish.name())));
    pieces.push(json!({ "id": "cmpl-1", "object": "text_completion", "model": "model-x", "choices": [],
        "usage": usage(said.usage) }));
    pieces
}

/// In reverse, since the index is what counts.
fn embeddings(vectors: &[Vec<f32>]) -> Value {
    let one = |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": vector });
    let data: Vec<Value> = vectors.iter().enumerate().rev().map(one).collect();
    json!({ "object": "list", "data": data, "model": "model-x", "usage": { "prompt_tokens": 4, "total_tokens": 4 } })
}

fn told(message: &str, sort: &str, code: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": sort, "param": null, "code": code } })
}

/// How OpenAI itself refuses; those who are like it say the same, or say less.
fn error(kind: ErrorKind) -> Option<Reply> {
    let invalid = "invalid_request_error";
    let (status, body) = match kind {
        ErrorKind::RateLimited => {
            (429, told("Rate limit reached for model-x", "requests", Some("rate_limit_exceeded")))
        }
        ErrorKind::Quota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            (429, told(message, "insufficient_quota", Some("insufficient_quota")))
        }
        ErrorKind::Overloaded => {
            (503, told("The engine is currently overloaded", "service_unavailable_error", None))
        }
        ErrorKind::Server => (500, told("The server had an error", "server_error", None)),
        ErrorKind::Auth => (401, told("Incorrect API key provided", invalid, Some("invalid_api_key"))),
        ErrorKind::Forbidden => (403, told("You are not allowed to do this", invalid, None)),
        ErrorKind::ModelNotFound => {
            (404, told("The model `model-x` does not exist", invalid, Some("model_not_found")))
        }
        ErrorKind::ContextLength => {
            let message = "This model's maximum context length is 8192 tokens.";
            (400, told(message, invalid, Some("context_length_exceeded")))
        }
        ErrorKind::ContentFilter => {
            (400, told("Your prompt was flagged", invalid, Some("content_policy_violation")))
        }
        ErrorKind::BadRequest => (400, told("Invalid type for 'messages'", invalid, None)),
        ErrorKind::Unsupported => {
            (400, told("Unsupported parameter: 'top_p'", invalid, Some("unsupported_parameter")))
        }
        _ => return None,
    };
    Some(Reply::json(status, body))
}
