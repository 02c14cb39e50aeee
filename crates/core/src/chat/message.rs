//! Messages of a conversation, in a form no provider owns.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message.
///
/// ```
/// use backstop_core::chat::Message;
/// let messages = [Message::system("Be brief."), Message::user("Why is the sky blue?")];
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Instructions that stand above the conversation.
    #[non_exhaustive]
    System {
        /// The instructions.
        text: String,
    },
    /// What the user says or shows.
    #[non_exhaustive]
    User {
        /// Text, images and files, in order.
        parts: Vec<Part>,
    },
    /// What a model answered earlier.
    Assistant(AssistantMessage),
    /// What a tool returned.
    Tool(ToolResult),
}

impl Message {
    /// A system message.
    #[must_use]
    pub fn system(text: impl Into<String>) -> Self {
        Self::System { text: text.into() }
    }

    /// A user message of one text.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { parts: vec![Part::text(text)] }
    }

    /// A user message of several parts.
    #[must_use]
    pub fn user_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        Self::User { parts: parts.into_iter().collect() }
    }

    /// An assistant message of one text.
    #[must_use]
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant(AssistantMessage { text: text.into(), ..AssistantMessage::default() })
    }

    /// The result of the tool call with this id.
    #[must_use]
    pub fn tool(call_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Tool(ToolResult { call_id: call_id.into(), name: None, text: text.into(), is_error: false })
    }
}

/// A piece of a user message.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    #[non_exhaustive]
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image(Image),
    /// A file that was uploaded to one provider: the request can only go there.
    Upload(ProviderRef),
}

impl Part {
    /// A text part.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// An image found at a URL.
    #[must_use]
    pub fn image_url(url: impl Into<String>) -> Self {
        Self::Image(Image { source: ImageSource::Url { url: url.into() } })
    }

    /// An image given as base64 text.
    #[must_use]
    pub fn image_base64(media_type: impl Into<String>, data: impl Into<String>) -> Self {
        Self::Image(Image {
            source: ImageSource::Base64 { media_type: media_type.into(), data: data.into() },
        })
    }
}

/// An image.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Where its bytes are.
    pub source: ImageSource,
}

/// Where the bytes of an image are.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ImageSource {
    /// At a URL the provider fetches.
    #[non_exhaustive]
    Url {
        /// The URL.
        url: String,
    },
    /// In the request.
    #[non_exhaustive]
    Base64 {
        /// `image/png`, `image/jpeg` …
        media_type: String,
        /// The bytes as base64 text, without a `data:` prefix.
        data: String,
    },
}

/// Something that exists at one provider only: an uploaded file, an earlier response.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRef {
    /// The provider's name, as in routes.
    pub provider: String,
    /// Its id there.
    pub id: String,
}

impl ProviderRef {
    /// The thing `id` at `provider`.
    #[must_use]
    pub fn new(provider: impl Into<String>, id: impl Into<String>) -> Self {
        Self { provider: provider.into(), id: id.into() }
    }
}

/// An earlier answer, as part of the conversation.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AssistantMessage {
    /// Its text; empty if it only called tools.
    #[serde(default)]
    pub text: String,
    /// The tools it called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// What it thought, if the provider showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// What only its own provider can read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<Sealed>,
}

impl AssistantMessage {
    /// Adds the tool calls.
    #[must_use]
    pub fn with_tool_calls(mut self, calls: impl IntoIterator<Item = ToolCall>) -> Self {
        self.tool_calls.extend(calls);
        self
    }
}

/// A part of an answer that only the provider that gave it can read: signed thoughts, say.
///
/// It goes back there with the conversation, unchanged, since some models refuse to go on without it. Every other
/// provider leaves it out.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// The provider's name, as in routes.
    pub provider: String,
    /// The model that gave it.
    pub model: String,
    /// What it is, in the provider's own form.
    pub data: Value,
}

impl Sealed {
    /// Something `model` of `provider` said.
    #[must_use]
    pub fn new(provider: impl Into<String>, model: impl Into<String>, data: Value) -> Self {
        Self { provider: provider.into(), model: model.into(), data }
    }
}

/// A call of a tool, as the model wrote it.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Names this call in the result that answers it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: JSON text as the model wrote it, valid or not.
    pub arguments: String,
}

impl ToolCall {
    /// A call of `name` with JSON `arguments`.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into() }
    }
}

/// What a tool returned.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The id of the call this answers.
    pub call_id: String,
    /// The tool's name, where the wire wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it returned.
    pub text: String,
    /// Whether it failed.
    #[serde(default)]
    pub is_error: bool,
}
