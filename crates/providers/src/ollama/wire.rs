//! The wire of Ollama's own API, as far as it is used. Members that may be absent may also be `null`.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// `POST /api/chat`.
#[derive(Debug, Serialize)]
pub(super) struct ChatBody<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<WireMessage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) think: Option<Think>,
    #[serde(flatten)]
    pub(super) rest: Rest<'a>,
}

/// `POST /api/generate`.
#[derive(Debug, Serialize)]
pub(super) struct GenerateBody<'a> {
    pub(super) model: &'a str,
    pub(super) prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) suffix: Option<&'a str>,
    /// Without the model's template, which would make a question of the prompt.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) raw: bool,
    #[serde(flatten)]
    pub(super) rest: Rest<'a>,
}

/// `POST /api/embed`.
#[derive(Debug, Serialize)]
pub(super) struct EmbedBody<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dimensions: Option<u32>,
    #[serde(flatten)]
    pub(super) rest: Rest<'a>,
}

/// What every request may say.
#[derive(Debug, Serialize)]
pub(super) struct Rest<'a> {
    #[serde(skip_serializing_if = "WireOptions::is_empty")]
    pub(super) options: WireOptions<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep_alive: Option<KeepAlive<'a>>,
    pub(super) truncate: bool,
    /// True where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct WireOptions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) num_ctx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) num_predict: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop: &'a [String],
}

impl WireOptions<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A number is seconds; a text has a unit.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum KeepAlive<'a> {
    Seconds(i64),
    Text(&'a str),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Think {
    Flag(bool),
    Level(&'static str),
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum WireFormat<'a> {
    Word(&'static str),
    Schema(&'a Value),
}

#[derive(Debug, Default, Serialize)]
pub(super) struct WireMessage<'a> {
    pub(super) role: &'static str,
    /// Always a text.
    pub(super) content: Cow<'a, str>,
    /// Base64, without a `data:` prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireCall<'a> {
    pub(super) id: &'a str,
    pub(super) function: WireFunction<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct WireFunction<'a> {
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) arguments: Arguments<'a>,
}

/// An object; what is none is put into one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Arguments<'a> {
    Object(&'a RawValue),
    None {},
    Other {
        #[serde(rename = "_raw")]
        raw: &'a str,
    },
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

/// An answer, or a piece of one: of a chat, or of a text. An error may stand in its place.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) message: Option<ReplyMessage<'a>>,
    pub(super) response: Option<String>,
    /// The terminal marker.
    pub(super) done: Option<bool>,
    pub(super) done_reason: Option<String>,
    /// Read apart: a count in an odd form is no reason to lose the answer.
    #[serde(borrow)]
    pub(super) prompt_eval_count: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) eval_count: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReplyMessage<'a> {
    pub(super) content: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) images: Option<Vec<IgnoredAny>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<ReplyCall<'a>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyCall<'a> {
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: ReplyFunction<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ReplyFunction<'a> {
    pub(super) name: String,
    /// The JSON itself, though others may send it in a text.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// The vectors.
#[derive(Debug, Deserialize)]
pub(super) struct Embeddings<'a> {
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    pub(super) model: Option<String>,
    pub(super) embeddings: Option<Vec<Vec<f32>>>,
    #[serde(borrow)]
    pub(super) prompt_eval_count: Option<&'a RawValue>,
}

/// The answer to `GET /api/tags`.
#[derive(Debug, Deserialize)]
pub(super) struct Installed<'a> {
    #[serde(borrow)]
    pub(super) models: Option<Vec<InstalledModel<'a>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct InstalledModel<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    capabilities: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    details: Option<Details<'a>>,
}

#[derive(Debug, Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    family: Option<Cow<'a, str>>,
}

impl InstalledModel<'_> {
    /// Whether it is made to chat. Servers that do not say so say at least of which family it is: those of BERT only
    /// make vectors.
    pub(super) fn chats(&self) -> bool {
        match &self.capabilities {
            Some(able) => able.iter().any(|able| able == "completion"),
            None => {
                let family = self.details.as_ref().and_then(|details| details.family.as_deref());
                !family.unwrap_or_default().contains("bert")
            }
        }
    }
}
