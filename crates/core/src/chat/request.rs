//! What is wanted. A request never names a model: the target does, so re-aiming is free.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::{Message, ProviderRef};

/// A chat request.
///
/// ```
/// use backstop_core::chat::ChatRequest;
/// let request = ChatRequest::user("Why is the sky blue?").with_system("Be brief.").with_temperature(0.2);
/// assert_eq!(request.messages.len(), 2);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatRequest {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<Tool>,
    /// Whether it may, must or must not call them.
    pub tool_choice: ToolChoice,
    /// Whether it may call several at once; `None` leaves it to the provider.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub format: Format,
    /// How much the model should think first, and whether the caller wants to see it.
    pub reasoning: Option<ReasoningRequest>,
    /// The most tokens the answer may have.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// Makes sampling repeatable where the provider can.
    pub seed: Option<u64>,
    /// An earlier response kept by one provider: the request can only go there.
    pub previous: Option<ProviderRef>,
}

impl ChatRequest {
    /// A conversation.
    #[must_use]
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { messages: messages.into_iter().collect(), ..Self::default() }
    }

    /// One user message.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::new([Message::user(text)])
    }

    /// Puts a system message in front.
    #[must_use]
    pub fn with_system(mut self, text: impl Into<String>) -> Self {
        self.messages.insert(0, Message::system(text));
        self
    }

    /// Appends a message.
    #[must_use]
    pub fn with_message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a tool.
    #[must_use]
    pub fn with_tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Sets whether tools may, must or must not be called.
    #[must_use]
    pub fn with_tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// Sets the form of the answer.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Asks for reasoning.
    #[must_use]
    pub fn with_reasoning(mut self, reasoning: ReasoningRequest) -> Self {
        self.reasoning = Some(reasoning);
        self
    }

    /// Limits the answer.
    #[must_use]
    pub fn with_max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = Some(tokens);
        self
    }

    /// Sets the sampling temperature.
    #[must_use]
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets nucleus sampling.
    #[must_use]
    pub fn with_top_p(mut self, top_p: f64) -> Self {
        self.top_p = Some(top_p);
        self
    }

    /// Adds a text at which the answer ends.
    #[must_use]
    pub fn with_stop(mut self, stop: impl Into<String>) -> Self {
        self.stop.push(stop.into());
        self
    }

    /// Sets the sampling seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether the conversation ends with results of tools: an empty answer to that is legitimate.
    #[must_use]
    pub fn follows_tool_results(&self) -> bool {
        matches!(self.messages.last(), Some(Message::Tool(_)))
    }
}

impl From<&str> for ChatRequest {
    fn from(text: &str) -> Self {
        Self::user(text)
    }
}

impl From<String> for ChatRequest {
    fn from(text: String) -> Self {
        Self::user(text)
    }
}

impl From<Message> for ChatRequest {
    fn from(message: Message) -> Self {
        Self::new([message])
    }
}

impl From<Vec<Message>> for ChatRequest {
    fn from(messages: Vec<Message>) -> Self {
        Self::new(messages)
    }
}

impl<const N: usize> From<[Message; N]> for ChatRequest {
    fn from(messages: [Message; N]) -> Self {
        Self::new(messages)
    }
}

/// A tool the model may call.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
    /// Whether arguments must match the schema exactly, where the provider can enforce it.
    #[serde(default)]
    pub strict: bool,
}

impl Tool {
    /// A tool with a JSON Schema of its arguments.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        Self { name: name.into(), description: description.into(), parameters, strict: false }
    }
}

/// Whether tools may, must or must not be called.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    None,
    /// At least one tool.
    Required,
    /// This tool.
    Named(String),
}

/// The form of the answer.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON of this schema.
    #[non_exhaustive]
    JsonSchema {
        /// A name for the schema.
        name: String,
        /// The schema: an object.
        schema: Value,
        /// Whether the answer must match it exactly, where the provider can enforce it. Such providers take only
        /// some schemas, so they get one that says the same in that form: objects are closed, members that may be
        /// absent are `null` instead or have a value, and limits the provider does not take are left out. A schema
        /// that cannot be said so, such as a map of any keys, is sent as it is and not enforced.
        strict: bool,
    },
}

impl Format {
    /// JSON that matches `schema` exactly: what a crate such as `schemars` derives from a type can be passed as it is.
    #[must_use]
    pub fn json_schema(name: impl Into<String>, schema: Value) -> Self {
        Self::JsonSchema { name: name.into(), schema, strict: true }
    }
}

/// Asks a model to think before it answers.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReasoningRequest {
    /// How much; `None` leaves it to the provider.
    pub effort: Option<Effort>,
    /// Whether the caller wants the thoughts live in a stream. They are in the final reply either way.
    pub show: bool,
}

impl ReasoningRequest {
    /// Reasoning with this effort, not shown live.
    #[must_use]
    pub const fn effort(effort: Effort) -> Self {
        Self { effort: Some(effort), show: false }
    }

    /// Whether any thinking is asked for.
    #[must_use]
    pub fn asks(self) -> bool {
        self.effort != Some(Effort::None)
    }

    /// The same, shown live.
    #[must_use]
    pub const fn shown(mut self) -> Self {
        self.show = true;
        self
    }
}

/// How much a model should think.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Not at all, where the model can be told so.
    None,
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
}

impl Effort {
    /// The name most wires use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
