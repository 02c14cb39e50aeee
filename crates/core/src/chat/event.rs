//! The pieces a streamed answer comes in.

use super::message::Sealed;
use super::reply::FinishReason;
use crate::usage::Usage;

/// One piece of a provider's stream.
///
/// A complete stream is any number of pieces followed by exactly one [`End`](Self::End). A stream that ends without
/// it was cut: that is a failure, never a short answer.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    /// The provider has begun; no content yet. May come again once more is known; what it leaves out stays as it was.
    #[non_exhaustive]
    Start {
        /// The model that answers, as the provider names it.
        model: Option<String>,
        /// The provider's id for this answer.
        id: Option<String>,
        /// The HTTP status, if there is one.
        status: Option<u16>,
        /// The provider's id for the request, for its support.
        request_id: Option<String>,
    },
    /// More text.
    Text(String),
    /// More of a tool call.
    ToolCall(ToolCallDelta),
    /// More of what the model thinks.
    Reasoning(String),
    /// The model is at work, and shows nothing of it: a thought that stays hidden, a tool that the provider runs
    /// itself. It keeps the attempt alive as thoughts do; what only keeps the connection alive is none.
    Progress,
    /// Something that this library cannot carry, by its name on the wire: an image, say, or a sound. An answer that
    /// holds nothing else says so.
    Other(String),
    /// Something only this provider can read, to be sent back with the conversation.
    Sealed(Sealed),
    /// What is known of the cost so far.
    Usage(Usage),
    /// The terminal marker has come.
    End(FinishReason),
}

impl ChatEvent {
    /// The response has begun: what is known before its first piece.
    #[must_use]
    pub fn opened(status: Option<u16>, request_id: Option<String>) -> Self {
        Self::Start { model: None, id: None, status, request_id }
    }

    /// The answer has begun: what is known from its first piece.
    #[must_use]
    pub fn start(model: Option<String>, id: Option<String>) -> Self {
        Self::Start { model, id, status: None, request_id: None }
    }

    /// Whether this is content: what may not be taken back once the caller has it.
    #[must_use]
    pub fn is_content(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::ToolCall(_) => true,
            Self::Start { .. }
            | Self::Reasoning(_)
            | Self::Progress
            | Self::Other(_)
            | Self::Sealed(_)
            | Self::Usage(_)
            | Self::End(_) => false,
        }
    }
}

/// A piece of a tool call. The id and the name come with the first piece of an index.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCallDelta {
    /// Which of the answer's calls.
    pub index: u32,
    /// Its id, once known.
    pub id: Option<String>,
    /// The tool's name, once known.
    pub name: Option<String>,
    /// More of the arguments' JSON text.
    pub arguments: String,
}

impl ToolCallDelta {
    /// A piece of the call at `index`.
    #[must_use]
    pub fn new(index: u32, id: Option<String>, name: Option<String>, arguments: impl Into<String>) -> Self {
        Self { index, id, name, arguments: arguments.into() }
    }
}
