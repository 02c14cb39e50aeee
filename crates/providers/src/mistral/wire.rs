//! The wire of Mistral's API, as far as it is used. Members that may be absent may also be `null`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::Link;

/// `POST /chat/completions`. A member it does not know is refused.
#[derive(Debug, Serialize)]
pub(super) struct ChatBody<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<WireToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_effort: Option<&'static str>,
    #[serde(flatten)]
    pub(super) sampling: Sampling<'a>,
}

/// `POST /fim/completions`.
#[derive(Debug, Serialize)]
pub(super) struct FillBody<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suffix: Option<&'a str>,
    #[serde(flatten)]
    pub(super) sampling: Sampling<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Sampling<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) random_seed: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
}

/// `POST /embeddings`.
#[derive(Debug, Serialize)]
pub(super) struct EmbedBody<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_dimension: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum WireMessage<'a> {
    System {
        content: &'a str,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        content: Content<'a>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<WireCall<'a>>,
        /// The answer begins with this message.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        prefix: bool,
    },
    Tool {
        tool_call_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
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
#[serde(untagged)]
pub(super) enum WirePart<'a> {
    Known(KnownPart<'a>),
    /// A part of an earlier answer, as it came.
    Sealed(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum KnownPart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Link<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct WireCall<'a> {
    pub(super) id: String,
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
    pub(super) parameters: Cow<'a, Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum WireToolChoice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, function: FunctionName<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionName<'a> {
    pub(super) name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'a str,
    pub(super) schema: Cow<'a, Value>,
    pub(super) strict: bool,
}

/// An answer, or a piece of one. An error may stand in its place.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    /// `error` where an error stands bare.
    pub(super) object: Option<String>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<u32>,
    /// Called `delta` in pieces.
    #[serde(borrow, alias = "delta")]
    pub(super) message: Option<ReplyMessage<'a>>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyMessage<'a> {
    pub(super) content: Option<ReplyContent>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ReplyCall<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ReplyContent {
    Text(String),
    Parts(Vec<ReplyPart>),
}

/// A text, a thought, or something that is neither.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyPart {
    pub(super) r#type: Option<String>,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<Thinking>,
    pub(super) signature: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Thinking {
    Text(String),
    Parts(Vec<Thought>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Thought {
    pub(super) text: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyCall<'a> {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: Option<ReplyFunction<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyFunction<'a> {
    pub(super) name: Option<String>,
    /// JSON in a text, or the JSON itself.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// Generations of the API tell what was cached under different names.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WireUsage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) num_cached_tokens: Option<u64>,
    #[serde(alias = "prompt_token_details")]
    pub(super) prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
}

/// The vectors.
#[derive(Debug, Deserialize)]
pub(super) struct Embeddings<'a> {
    pub(super) object: Option<String>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) model: Option<String>,
    pub(super) data: Option<Vec<Embedding>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Embedding {
    pub(super) index: Option<u32>,
    pub(super) embedding: Option<Vec<f32>>,
}
