//! The wire of chat completions, as far as it is used. Members that may be absent may also be `null`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::content::{Audio, ReplyContent};
use serde_json::{Map, Value};

/// `POST /chat/completions`.
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
    #[serde(flatten)]
    pub(super) thinking: WireThinking,
    /// The newer name of the limit; a body has one of the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) stream: bool,
    /// Only legal in a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_options: Option<StreamOptions>,
    /// What every chat of a dialect holds.
    #[serde(flatten)]
    pub(super) always: Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

/// The forms of asking for thoughts.
#[derive(Debug, Default, Serialize)]
pub(super) struct WireThinking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning: Option<EffortObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking: Option<Switch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chat_template_kwargs: Option<TemplateArguments>,
}

#[derive(Debug, Serialize)]
pub(super) struct EffortObject {
    pub(super) effort: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Switch {
    pub(super) r#type: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct TemplateArguments {
    pub(super) enable_thinking: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reasoning_effort: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum WireMessage<'a> {
    System {
        content: Cow<'a, str>,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_content: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_details: Option<&'a Value>,
        /// An empty list is refused.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<WireCall<'a>>,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
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
    File { file: FileId<'a> },
}

#[derive(Debug, Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: Link<'a>,
}

/// A URL, or the image itself as a `data:` URL, written without a copy in between.
#[derive(Debug)]
pub(crate) enum Link<'a> {
    Url(&'a str),
    Data { media_type: &'a str, base64: &'a str },
}

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Url(url) => serializer.serialize_str(url),
            Self::Data { media_type, base64 } => {
                serializer.collect_str(&format_args!("data:{media_type};base64,{base64}"))
            }
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct FileId<'a> {
    pub(super) file_id: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct WireCall<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) r#type: &'static str,
    pub(super) function: WireFunction<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireFunction<'a> {
    pub(super) name: &'a str,
    /// JSON in a text.
    pub(super) arguments: Cow<'a, str>,
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

/// The answer. A service may put an error in its place.
#[derive(Debug, Deserialize)]
pub(super) struct Completion<'a> {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) choices: Option<Vec<Choice<'a>>>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub(super) message: Option<ReplyMessage<'a>>,
    pub(super) finish_reason: Option<String>,
    /// Some services put an error beside what there is of an answer.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// A message, or what a piece adds to one: the members are the same.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyMessage<'a> {
    pub(super) content: Option<ReplyContent>,
    pub(super) refusal: Option<String>,
    /// Not OpenAI's own; two names that others have for what a model thought, in forms that differ.
    #[serde(borrow)]
    pub(super) reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    /// Perplexity's own: what it looked up before it answers.
    #[serde(borrow)]
    pub(super) reasoning_steps: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<CallDelta<'a>>>,
    /// The form that calls had before there were several.
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionDelta<'a>>,
    #[serde(borrow)]
    pub(super) audio: Option<Audio<'a>>,
    pub(super) images: Option<Vec<IgnoredAny>>,
}

/// A piece of a streamed answer. A service may put an error in its place, or beside it.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    /// `error` where a server sends an error bare.
    #[serde(borrow)]
    pub(super) object: Option<Cow<'a, str>>,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) choices: Option<Vec<ChunkChoice<'a>>>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    /// Groq's own: usage and errors that stand nowhere else.
    #[serde(borrow)]
    pub(super) x_groq: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Apart<'a> {
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChunkChoice<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) delta: Option<ReplyMessage<'a>>,
    pub(super) finish_reason: Option<String>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// A call, or a piece of one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CallDelta<'a> {
    /// Left out by servers that send each call in one piece.
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: Option<FunctionDelta<'a>>,
    /// In place of a function: a tool that takes a plain text.
    #[serde(borrow)]
    pub(super) custom: Option<FunctionDelta<'a>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionDelta<'a> {
    pub(super) name: Option<String>,
    /// JSON in a text. Some servers send the JSON itself.
    #[serde(borrow, alias = "input")]
    pub(super) arguments: Option<&'a RawValue>,
}

impl<'a> CallDelta<'a> {
    /// What is called. Servers that fill in every member fill in the other form with nothing.
    pub(super) fn called(self) -> FunctionDelta<'a> {
        let is_stated = |called: &FunctionDelta<'_>| called.is_stated();
        self.custom.filter(is_stated).or(self.function).unwrap_or_default()
    }
}

impl FunctionDelta<'_> {
    pub(super) fn is_stated(&self) -> bool {
        let is_empty = |raw: &RawValue| matches!(raw.get(), "" | "null" | r#""""#);
        self.name.as_ref().is_some_and(|name| !name.is_empty())
            || self.arguments.is_some_and(|arguments| !is_empty(arguments))
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct WireUsage {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    pub(super) completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek's own name, and Moonshot's own place, for the part that was read from a cache.
    pub(super) prompt_cache_hit_tokens: Option<u64>,
    pub(super) cached_tokens: Option<u64>,
    /// Perplexity's own place for the part that is reasoning.
    pub(super) reasoning_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u64>,
    pub(super) cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Option<u64>,
}
