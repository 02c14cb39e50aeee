//! Bedrock's Converse: answers of blocks, streams of binary messages, vectors in the words of each maker.

use std::sync::Arc;

use backstop::Provider;
use backstop::core::chat::ToolCall;
use backstop::core::{Env, ErrorKind, Secret, Settings};
use backstop_testkit::conformance::{Place, Reply, Said, Say, Subject};
use serde_json::{Value, json};

/// What Claude signs its thoughts with.
pub(crate) const SIGNATURE: &str = "ErcBCkgIBRAB";

pub(crate) fn subjects() -> impl Iterator<Item = Box<dyn Subject>> {
    let of = |name, model, signed| Box::new(Bedrock { name, model, signed }) as Box<dyn Subject>;
    [
        of("bedrock", "us.anthropic.claude-opus-4-6-v1", false),
        of("bedrock signed", "amazon.nova-micro", true),
        of("bedrock titan", "amazon.titan-embed-text-v2:0", false),
        of("bedrock cohere", "cohere.embed-v4:0", false),
    ]
    .into_iter()
}

struct Bedrock {
    name: &'static str,
    model: &'static str,
    /// Whether requests are signed in place of carrying a key.
    signed: bool,
}

impl Subject for Bedrock {
    fn name(&self) -> &str {
        self.name
    }

    fn model(&self) -> &str {
        self.model
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("bedrock", Env::empty());
        settings.base_url = Some(place.origin.to_owned());
        let mut option =
            |name: &str, value: &str| drop(settings.options.insert(name.to_owned(), value.into()));
        match place.key {
            Some(key) if self.signed => {
                option("region", "eu-west-1");
                option("access_key_id", "AKIDEXAMPLE");
                option("secret_access_key", key);
            }
            key => settings.api_key = key.map(Secret::new),
        }
        backstop::providers::registry().build("bedrock", settings).unwrap()
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        Some(match say {
            Say::Chat(said) => Reply::json(200, whole(said, reason(said), self.signature())),
            Say::ChatStream(said) => stream(&events(said, self.signature())),
            Say::Embed(vectors) if self.model.starts_with("amazon") => {
                Reply::json(200, json!({ "embedding": vectors.first(), "inputTextTokenCount": 3 }))
            }
            Say::Embed(vectors) => Reply::json(200, json!({ "embeddings": { "float": vectors } })),
            Say::Error(kind) => error(*kind)?,
            Say::Limited(form) => error(ErrorKind::RateLimited)?.hint(*form),
            Say::ErrorInChat => Reply::json(200, whole(&Said::default(), "malformed_model_output", None)),
            Say::ErrorInStream => stream(&[start(), exception()]),
            Say::ErrorAfter(text) => stream(&[start(), text_delta(text), exception()]),
            Say::Filtered => {
                let mut said = Said::default();
                said.text = "Sorry, the model cannot answer this question.".to_owned();
                Reply::json(200, whole(&said, "guardrail_intervened", None))
            }
            _ => return None,
        })
    }
}

impl Bedrock {
    /// Other models than Claude tell their thoughts and want none of them back.
    fn signature(&self) -> Option<&'static str> {
        self.model.contains("claude").then_some(SIGNATURE)
    }
}

fn reason(said: &Said) -> &'static str {
    match said.finish.name() {
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        _ => "end_turn",
    }
}

fn usage((input, output): (u64, u64)) -> Value {
    json!({ "inputTokens": input, "outputTokens": output, "totalTokens": input + output })
}

fn whole(said: &Said, reason: &str, signature: Option<&str>) -> Value {
    let thought = said.reasoning.iter().map(|text| {
        let mut told = json!({ "text": text });
        signature.into_iter().for_each(|signature| told["signature"] = signature.into());
        json!({ "reasoningContent": { "reasoningText": told } })
    });
    let text = Some(&said.text).filter(|text| !text.is_empty()).map(|text| json!({ "text": text }));
    let call = |call: &ToolCall| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap();
        json!({ "toolUse": { "toolUseId": call.id, "name": call.name, "input": input } })
    };
    let content: Vec<Value> = thought.chain(text).chain(said.calls.iter().map(call)).collect();
    json!({ "output": { "message": { "role": "assistant", "content": content } }, "stopReason": reason,
        "usage": usage(said.usage), "metrics": { "latencyMs": 7 } })
}

/// A message of the stream: of which sort, its name, and its payload.
type Framed = (&'static str, &'static str, Value);

fn start() -> Framed {
    ("event", "messageStart", json!({ "role": "assistant", "p": "abc" }))
}

fn exception() -> Framed {
    (
        "exception",
        "internalServerException",
        json!({ "message": "The system encountered an unexpected error." }),
    )
}

fn delta(index: usize, delta: &Value) -> Framed {
    ("event", "contentBlockDelta", json!({ "contentBlockIndex": index, "delta": delta, "p": "abcd" }))
}

fn stop(index: usize) -> Framed {
    ("event", "contentBlockStop", json!({ "contentBlockIndex": index }))
}

fn text_delta(text: &str) -> Framed {
    delta(1, &json!({ "text": text }))
}

/// The answer in pieces: thoughts, words, calls in halves, the reason for the end, the usage.
fn events(said: &Said, signature: Option<&str>) -> Vec<Framed> {
    let mut events = vec![start()];
    if let Some(text) = &said.reasoning {
        events.push(delta(0, &json!({ "reasoningContent": { "text": text } })));
        let signed = |signature| delta(0, &json!({ "reasoningContent": { "signature": signature } }));
        events.extend(signature.map(signed));
        events.push(stop(0));
    }
    events.extend(said.text.split_inclusive(' ').map(text_delta));
    events.push(stop(1));
    for (index, call) in said.calls.iter().enumerate() {
        let index = index + 2;
        let tool = json!({ "toolUse": { "toolUseId": call.id, "name": call.name } });
        events.push(("event", "contentBlockStart", json!({ "contentBlockIndex": index, "start": tool })));
        let (head, tail) = call.arguments.split_at(call.arguments.len() / 2);
        events.extend([head, tail].map(|half| delta(index, &json!({ "toolUse": { "input": half } }))));
        events.push(stop(index));
    }
    events.push(("event", "messageStop", json!({ "stopReason": reason(said) })));
    events.push(("event", "metadata", json!({ "usage": usage(said.usage), "metrics": { "latencyMs": 7 } })));
    events
}

fn stream(events: &[Framed]) -> Reply {
    let body: Vec<u8> = events.iter().flat_map(framed).collect();
    Reply::new(200, "application/vnd.amazon.eventstream", body)
}

/// Lengths, a checksum, headers, the payload, a checksum.
fn framed((sort, name, payload): &Framed) -> Vec<u8> {
    let mut headers = Vec::new();
    let of_name = format!(":{sort}-type");
    for (name, value) in [(&*of_name, *name), (":content-type", "application/json"), (":message-type", sort)]
    {
        headers.push(u8::try_from(name.len()).unwrap());
        headers.extend(name.as_bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let payload = payload.to_string();
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut bytes = [length.to_be_bytes(), u32::try_from(headers.len()).unwrap().to_be_bytes()].concat();
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload.as_bytes());
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    !crc
}

fn error(kind: ErrorKind) -> Option<Reply> {
    let (status, name, message) = match kind {
        ErrorKind::RateLimited => {
            (429, "ThrottlingException", "Too many tokens, please wait before trying again.")
        }
        ErrorKind::Quota => {
            (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.")
        }
        ErrorKind::Overloaded => {
            (503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
        }
        ErrorKind::Server => (500, "InternalServerException", "The system encountered an unexpected error."),
        ErrorKind::Auth => {
            (403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        ErrorKind::Forbidden => {
            (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.")
        }
        ErrorKind::ModelNotFound => (400, "ValidationException", "The provided model identifier is invalid."),
        ErrorKind::ContextLength => (400, "ValidationException", "Input is too long for requested model."),
        ErrorKind::ContentFilter => {
            (400, "ValidationException", "Output blocked by content filtering policy")
        }
        ErrorKind::BadRequest => (400, "ValidationException", "1 validation error detected"),
        ErrorKind::Unsupported => (400, "ValidationException", "This model doesn't support tool use."),
        _ => return None,
    };
    let address = "http://internal.amazon.com/coral/com.amazon.bedrock/";
    let reply = Reply::json(status, json!({ "message": message }));
    Some(reply.header("x-amzn-errortype", format!("{name}:{address}")))
}
