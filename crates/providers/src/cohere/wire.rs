//! The wire of Cohere's API, version 2, as far as it is used. Members that may be absent may also be `null`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::Link;

/// `POST /v2/chat`.
#[derive(Debug, Serialize)]
pub(super) struct ChatBody<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<&'static str>,
    /// All tools or none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict_tools: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<ThinkingRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    pub(super) stream: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum WireMessage<'a> {
    System {
        content: String,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        /// Not beside tool calls.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<&'a str>,
        /// What is said beside tool calls.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_plan: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<WireCall<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: Link<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireCall<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: &'static str,
    pub(super) function: WireFunction<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireFunction<'a> {
    pub(super) name: &'a str,
    /// JSON in a text.
    pub(super) arguments: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct WireTool<'a> {
    pub(super) r#type: &'static str,
    pub(super) function: FunctionSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionSchema<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) description: &'a str,
    pub(super) parameters: &'a Value,
}

#[derive(Debug, Serialize)]
pub(super) struct ResponseFormat<'a> {
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) json_schema: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct ThinkingRequest {
    pub(super) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_budget: Option<u32>,
}

/// `POST /v2/embed`.
#[derive(Debug, Serialize)]
pub(super) struct EmbedBody<'a> {
    pub(super) model: &'a str,
    pub(super) texts: &'a [String],
    pub(super) input_type: &'static str,
    pub(super) embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_dimension: Option<u32>,
    pub(super) truncate: &'static str,
}

/// The answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) id: Option<String>,
    pub(super) finish_reason: Option<String>,
    #[serde(borrow)]
    pub(super) message: Option<ReplyMessage<'a>>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyMessage<'a> {
    pub(super) content: Option<Vec<ReplyPart>>,
    pub(super) tool_plan: Option<String>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ReplyCall<'a>>>,
}

/// A text, a thought, or something that is neither.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyPart {
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyCall<'a> {
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: Option<ReplyFunction<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyFunction<'a> {
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// An event of a stream, of any sort.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    pub(super) r#type: Option<String>,
    pub(super) id: Option<String>,
    pub(super) index: Option<u32>,
    /// Its form is that of its sort.
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    /// Only where an error stands in place of an event.
    #[serde(borrow)]
    pub(super) message: Option<&'a RawValue>,
}

/// More of an answer, or its end.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) message: Option<DeltaMessage<'a>>,
    pub(super) finish_reason: Option<String>,
    pub(super) error: Option<String>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

/// One of each, where an answer has a list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DeltaMessage<'a> {
    pub(super) content: Option<ReplyPart>,
    pub(super) tool_plan: Option<String>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<ReplyCall<'a>>,
}

/// Numbers have a fraction, of zero.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WireUsage {
    pub(super) tokens: Option<Tokens>,
    /// What is paid for, which is less.
    pub(super) billed_units: Option<Tokens>,
    pub(super) cached_tokens: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Tokens {
    pub(super) input_tokens: Option<f64>,
    pub(super) output_tokens: Option<f64>,
}

/// The vectors.
#[derive(Debug, Deserialize)]
pub(super) struct Embeddings<'a> {
    pub(super) embeddings: Option<ByType>,
    #[serde(borrow)]
    pub(super) meta: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ByType {
    pub(super) float: Option<Vec<Vec<f32>>>,
}
