//! The wire of Bedrock's Converse, and of the vectors of two makers, as far as they are used. Members that may be absent
//! may also be `null`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// `POST /model/{model}/converse` and `/converse-stream`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatBody<'a> {
    pub(super) messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) system: Vec<PlainText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inference_config: Option<InferenceConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_config: Option<OutputConfig<'a>>,
    /// In the words of the model's maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_model_request_fields: Option<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireMessage<'a> {
    pub(super) role: &'static str,
    pub(super) content: Vec<Block<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block<'a> {
    Text(&'a str),
    Image(WireImage<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(WireResult<'a>),
    /// A block as it came.
    #[serde(untagged)]
    Sealed(&'a Value),
}

#[derive(Debug, Serialize)]
pub(super) struct WireImage<'a> {
    pub(super) format: &'static str,
    pub(super) source: ImageBytes<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageBytes<'a> {
    /// As base64.
    pub(super) bytes: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse<'a> {
    pub(super) tool_use_id: String,
    pub(super) name: &'a str,
    pub(super) input: Input<'a>,
}

/// An object.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Input<'a> {
    AsWritten(&'a RawValue),
    Made(Value),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireResult<'a> {
    pub(super) tool_use_id: String,
    pub(super) content: [PlainText<'a>; 1],
    /// Not every model takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
}

/// A block that can be nothing but a text.
#[derive(Debug, Serialize)]
pub(super) struct PlainText<'a> {
    pub(super) text: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop_sequences: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    pub(super) tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTool<'a> {
    pub(super) tool_spec: ToolSpec<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolSpec<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) description: &'a str,
    pub(super) input_schema: InputSchema<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) strict: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct InputSchema<'a> {
    pub(super) json: Cow<'a, Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutputConfig<'a> {
    pub(super) text_format: TextFormat<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct TextFormat<'a> {
    pub(super) r#type: &'static str,
    pub(super) structure: Structure<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Structure<'a> {
    pub(super) json_schema: JsonSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'a str,
    /// JSON in a text.
    pub(super) schema: String,
}

/// The answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) output: Option<Output<'a>>,
    pub(super) stop_reason: Option<String>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trace: Option<&'a RawValue>,
    /// Only where an error stands in place of an answer.
    #[serde(borrow, alias = "Message")]
    pub(super) message: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    pub(super) message: Option<ReplyMessage<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyMessage<'a> {
    /// Each read apart, by its one member.
    #[serde(borrow)]
    pub(super) content: Option<Vec<ReplyBlock<'a>>>,
}

/// A block by its one member, which says what it is: a text, a call, a thought, or something that is none of these.
pub(super) type ReplyBlock<'a> = BTreeMap<String, &'a RawValue>;

/// An answer with its sources: what they were found for is part of the answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Cited {
    pub(super) content: Option<Vec<CitedText>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CitedText {
    pub(super) text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplyCall<'a> {
    /// `server_tool_use` where the service runs the tool itself.
    #[serde(borrow)]
    pub(super) r#type: Option<Cow<'a, str>>,
    pub(super) tool_use_id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// The payload of any event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    pub(super) content_block_index: Option<u32>,
    #[serde(borrow)]
    pub(super) start: Option<ReplyBlock<'a>>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    pub(super) stop_reason: Option<String>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) trace: Option<&'a RawValue>,
}

/// More of a block.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta<'a> {
    pub(super) text: Option<String>,
    #[serde(borrow)]
    pub(super) tool_use: Option<ReplyCall<'a>>,
    pub(super) reasoning_content: Option<ThoughtDelta>,
    pub(super) image: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThoughtDelta {
    pub(super) text: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) redacted_content: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireUsage {
    /// Without what has to do with a cache.
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) cache_read_input_tokens: Option<u64>,
    pub(super) cache_write_input_tokens: Option<u64>,
}

/// `POST /model/{model}/invoke`, for a vector of Amazon's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TitanBody<'a> {
    pub(super) input_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<u32>,
}

/// The same, for vectors of Cohere's.
#[derive(Debug, Serialize)]
pub(super) struct CohereBody<'a> {
    pub(super) texts: &'a [String],
    pub(super) input_type: &'static str,
    pub(super) embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_dimension: Option<u32>,
    pub(super) truncate: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TitanVector {
    pub(super) embedding: Option<Vec<f32>>,
    pub(super) input_text_token_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CohereVectors {
    pub(super) embeddings: Option<ByType>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum ByType {
    Plain(Vec<Vec<f32>>),
    Named { float: Vec<Vec<f32>> },
}
