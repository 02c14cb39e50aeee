//! The wire, as far as it is used. Members that may be absent may also be `null`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// `:generateContent` and `:streamGenerateContent`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatBody<'a> {
    pub(super) contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) system_instruction: Option<Instruction<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<ToolList<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "GenerationConfig::says_nothing")]
    pub(super) generation_config: GenerationConfig<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Instruction<'a> {
    pub(super) parts: Vec<WirePart<'a>>,
}

/// A turn.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    pub(super) role: Role,
    pub(super) parts: Vec<WirePart<'a>>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Model,
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum WirePart<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<&'a str>,
    },
    InlineData {
        inline_data: Blob<'a>,
    },
    FileData {
        file_data: FileData<'a>,
    },
    FunctionCall {
        function_call: Call<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        thought_signature: Option<&'a str>,
    },
    FunctionResponse {
        function_response: CallResult<'a>,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: &'a str,
    pub(super) data: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'static str>,
    pub(super) file_uri: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Call<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) args: Args<'a>,
}

/// Arguments have to be an object here.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Args<'a> {
    Object(&'a RawValue),
    Empty {},
    /// What is no object.
    Raw {
        _raw: &'a str,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct CallResult<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) response: ResultText<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ResultText<'a> {
    Result(&'a str),
    Error(&'a str),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolList<'a> {
    pub(super) function_declarations: Vec<Function<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters_json_schema: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    pub(super) function_calling_config: CallingConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallingConfig<'a> {
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowed_function_names: Option<[&'a str; 1]>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_json_schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_config: Option<ThinkingConfig>,
}

impl GenerationConfig<'_> {
    fn says_nothing(&self) -> bool {
        *self == GenerationConfig::default()
    }
}

/// A level and a budget exclude each other.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thinking_budget: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) include_thoughts: bool,
}

/// The answer, or a piece of it: pieces have the same form. A service may put an error in its place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    pub(super) prompt_feedback: Option<PromptFeedback>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) usage_metadata: Option<&'a RawValue>,
    pub(super) model_version: Option<String>,
    pub(super) response_id: Option<String>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    pub(super) index: Option<u32>,
    #[serde(borrow)]
    pub(super) content: Option<AnswerContent<'a>>,
    pub(super) finish_reason: Option<String>,
    pub(super) finish_message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AnswerContent<'a> {
    /// None at all if thinking has used up the limit.
    #[serde(borrow)]
    pub(super) parts: Option<Vec<AnswerPart<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerPart<'a> {
    pub(super) text: Option<String>,
    pub(super) thought: Option<bool>,
    pub(super) thought_signature: Option<String>,
    #[serde(borrow)]
    pub(super) function_call: Option<AnswerCall<'a>>,
    /// What the service's own tools do, and what they gave.
    pub(super) executable_code: Option<IgnoredAny>,
    pub(super) code_execution_result: Option<IgnoredAny>,
    pub(super) tool_call: Option<IgnoredAny>,
    pub(super) tool_response: Option<IgnoredAny>,
    /// What is neither text nor a call.
    pub(super) inline_data: Option<AnswerBlob>,
    pub(super) file_data: Option<AnswerBlob>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerBlob {
    pub(super) mime_type: Option<String>,
}

/// A call, or a piece of one: the first has the name, the last does not say that more will come.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerCall<'a> {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
    pub(super) partial_args: Option<Vec<Piece>>,
    pub(super) will_continue: Option<bool>,
}

/// A piece of a call's arguments, with its place in them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Piece {
    #[serde(default)]
    pub(super) json_path: String,
    pub(super) string_value: Option<String>,
    pub(super) number_value: Option<Number>,
    pub(super) bool_value: Option<bool>,
    /// There, whatever it is: it may be the word `NULL_VALUE`.
    #[serde(default, deserialize_with = "there")]
    pub(super) null_value: Option<IgnoredAny>,
}

fn there<'de, D: Deserializer<'de>>(value: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(value).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PromptFeedback {
    pub(super) block_reason: Option<String>,
    pub(super) block_reason_message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireUsage {
    /// Those read from a cache included.
    pub(super) prompt_token_count: Option<u64>,
    pub(super) cached_content_token_count: Option<u64>,
    /// Thoughts not included.
    pub(super) candidates_token_count: Option<u64>,
    pub(super) thoughts_token_count: Option<u64>,
    /// What results of the service's own tools added to the prompt.
    pub(super) tool_use_prompt_token_count: Option<u64>,
    pub(super) total_token_count: Option<u64>,
}

/// `:batchEmbedContents`.
#[derive(Debug, Serialize)]
pub(super) struct EmbedBody<'a> {
    pub(super) requests: Vec<EmbedOne<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmbedOne<'a> {
    pub(super) model: &'a str,
    pub(super) content: Instruction<'a>,
    #[serde(flatten)]
    pub(super) config: EmbedConfig,
}

/// `:embedContent`, as Vertex AI has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmbedAlone<'a> {
    pub(super) content: Instruction<'a>,
    pub(super) embed_content_config: EmbedConfig,
}

#[derive(Copy, Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmbedConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_dimensionality: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auto_truncate: Option<bool>,
}

/// `:predict`, for embeddings.
#[derive(Debug, Serialize)]
pub(super) struct PredictBody<'a> {
    pub(super) instances: Vec<Instance<'a>>,
    pub(super) parameters: PredictParameters,
}

#[derive(Debug, Serialize)]
pub(super) struct Instance<'a> {
    pub(super) content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_type: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PredictParameters {
    pub(super) auto_truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_dimensionality: Option<u32>,
}

/// The answer to any of the three.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EmbedAnswer<'a> {
    pub(super) embeddings: Option<Vec<Embedding>>,
    pub(super) embedding: Option<Embedding>,
    pub(super) predictions: Option<Vec<Prediction>>,
    #[serde(borrow)]
    pub(super) usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Prediction {
    pub(super) embeddings: Embedding,
}

#[derive(Debug, Deserialize)]
pub(super) struct Embedding {
    pub(super) values: Vec<f32>,
    pub(super) statistics: Option<Statistics>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Statistics {
    pub(super) token_count: Option<f64>,
}
