//! The wire of the Responses API, as far as it is used. That of chat completions is the dialect's. Members that may be
//! absent may also be `null`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::dialect::Link;

/// `POST /responses`.
#[derive(Debug, Serialize)]
pub(super) struct ResponseBody<'a> {
    pub(super) model: &'a str,
    pub(super) input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous_response_id: Option<&'a str>,
    /// Left out, the service would keep the conversation.
    pub(super) store: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) include: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<FlatTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<FlatChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<TextOptions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<WireReasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
}

/// A piece of the conversation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Item<'a> {
    Message {
        role: &'static str,
        content: InputContent<'a>,
    },
    Call {
        r#type: &'static str,
        call_id: Cow<'a, str>,
        name: &'a str,
        /// JSON in a text.
        arguments: &'a str,
    },
    Output {
        r#type: &'static str,
        call_id: Cow<'a, str>,
        output: &'a str,
    },
    /// What the service gave out, as it came.
    Sealed(&'a Value),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum InputContent<'a> {
    Text(&'a str),
    Parts(Vec<InputPart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum InputPart<'a> {
    #[serde(rename = "input_text")]
    Text { text: &'a str },
    #[serde(rename = "input_image")]
    Image { image_url: Link<'a> },
    #[serde(rename = "input_file")]
    File { file_id: &'a str },
}

/// Not nested, unlike in chat completions, and strict unless it says otherwise.
#[derive(Debug, Serialize)]
pub(super) struct FlatTool<'a> {
    pub(super) r#type: &'static str,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) description: &'a str,
    pub(super) parameters: Cow<'a, Value>,
    pub(super) strict: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum FlatChoice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, name: &'a str },
}

#[derive(Debug, Serialize)]
pub(super) struct TextOptions<'a> {
    pub(super) format: TextFormat<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum TextFormat<'a> {
    JsonObject,
    JsonSchema { name: &'a str, schema: Cow<'a, Value>, strict: bool },
}

#[derive(Debug, Serialize)]
pub(super) struct WireReasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<&'static str>,
}

/// The answer. It may have failed, though it comes with 200.
#[derive(Debug, Deserialize)]
pub(super) struct Response<'a> {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) incomplete_details: Option<Incomplete>,
    /// Each read apart, and only if it is needed: of new sorts nobody knows the form.
    #[serde(borrow)]
    pub(super) output: Option<Vec<&'a RawValue>>,
    /// The tools it was offered.
    #[serde(borrow)]
    pub(super) tools: Option<&'a RawValue>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Incomplete {
    pub(super) reason: Option<String>,
}

/// A message, a call, a thought, or something else.
#[derive(Debug, Default, Deserialize)]
pub(super) struct OutputItem {
    pub(super) id: Option<String>,
    pub(super) content: Option<Vec<OutputPart>>,
    pub(super) call_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
    /// What a tool that takes a plain text is given.
    pub(super) input: Option<String>,
    pub(super) summary: Option<Vec<OutputPart>>,
    pub(super) encrypted_content: Option<String>,
}

/// Of what sort an item is, or a tool, and its name.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sort<'a> {
    #[serde(borrow)]
    pub(super) r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) name: Option<&'a RawValue>,
}

impl Sort<'_> {
    pub(super) fn name(&self) -> Option<String> {
        serde_json::from_str(self.name?.get()).ok()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputPart {
    pub(super) r#type: Option<String>,
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
}

/// An event of a streamed answer. Which members it has depends on its type.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) response: Option<Response<'a>>,
    pub(super) output_index: Option<u32>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    /// A text in the events that are used.
    #[serde(borrow)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WireUsage {
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) input_tokens_details: Option<InputDetails>,
    pub(super) output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct InputDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct OutputDetails {
    pub(super) reasoning_tokens: Option<u64>,
}
