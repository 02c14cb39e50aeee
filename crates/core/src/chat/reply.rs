//! What is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::message::{AssistantMessage, Message, ToolCall};
use crate::usage::Usage;

/// A whole answer.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The text; empty if the model only called tools.
    pub text: String,
    /// The tools it called.
    pub tool_calls: Vec<ToolCall>,
    /// What it thought, if the provider shows it.
    pub reasoning: Option<String>,
    /// Why it ended.
    pub finish: FinishReason,
    /// What it cost.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The provider's id for this answer.
    pub id: Option<String>,
    /// The provider's id for the request, for its support.
    pub request_id: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
}

impl ChatReply {
    /// A finished text, usage unknown.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether there is neither text nor a tool call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tool_calls.is_empty()
    }

    /// The answer as a message, to go on with the conversation.
    #[must_use]
    pub fn into_message(self) -> Message {
        Message::Assistant(AssistantMessage {
            text: self.text,
            tool_calls: self.tool_calls,
            reasoning: self.reasoning,
        })
    }
}

/// Why an answer ended.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done, or met a stop text.
    #[default]
    Stop,
    /// The limit on output tokens, or the window, was reached.
    Length,
    /// The model waits for results of tools.
    ToolCalls,
    /// The provider withheld the rest. In one piece this is an error; at the end of a stream it is told.
    ContentFilter,
    /// Something else, in the provider's word.
    Other(String),
}

impl FinishReason {
    /// The name in JSON and logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
