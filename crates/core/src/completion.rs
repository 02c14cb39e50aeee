//! Text completion: a prompt goes on.

use serde::{Deserialize, Serialize};

use crate::chat::FinishReason;
use crate::usage::Usage;

/// A text to be continued.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompletionRequest {
    /// What the text begins with.
    pub prompt: String,
    /// What comes after the gap, for models that fill in the middle.
    pub suffix: Option<String>,
    /// The most tokens the continuation may have.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Texts at which the continuation ends.
    pub stop: Vec<String>,
    /// Makes sampling repeatable where the provider can.
    pub seed: Option<u64>,
}

impl CompletionRequest {
    /// Continues `prompt`.
    #[must_use]
    pub fn new(prompt: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), ..Self::default() }
    }
}

impl From<&str> for CompletionRequest {
    fn from(prompt: &str) -> Self {
        Self::new(prompt)
    }
}

impl From<String> for CompletionRequest {
    fn from(prompt: String) -> Self {
        Self::new(prompt)
    }
}

/// A whole continuation. It may be empty: a model may have nothing to add.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CompletionReply {
    /// The continuation, without the prompt.
    pub text: String,
    /// Why it ended.
    pub finish: FinishReason,
    /// What it cost.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The provider's id for the request, for its support.
    pub request_id: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
}

impl CompletionReply {
    /// A finished continuation, usage unknown.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// One piece of a streamed continuation. As with chat, a stream without its [`End`](Self::End) was cut.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum CompletionEvent {
    /// The provider has begun; no text yet. May come again once more is known; what it leaves out stays as it was.
    #[non_exhaustive]
    Start {
        /// The model that answers, as the provider names it.
        model: Option<String>,
        /// The HTTP status, if there is one.
        status: Option<u16>,
        /// The provider's id for the request, for its support.
        request_id: Option<String>,
    },
    /// More text.
    Text(String),
    /// What is known of the cost so far.
    Usage(Usage),
    /// The terminal marker has come.
    End(FinishReason),
}

impl CompletionEvent {
    /// The response has begun: what is known before its first piece.
    #[must_use]
    pub fn opened(status: Option<u16>, request_id: Option<String>) -> Self {
        Self::Start { model: None, status, request_id }
    }

    /// The continuation has begun: the model is known from its first piece.
    #[must_use]
    pub fn start(model: Option<String>) -> Self {
        Self::Start { model, status: None, request_id: None }
    }
}
