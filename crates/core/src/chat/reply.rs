//! What is answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::message::{AssistantMessage, Message, Sealed, ToolCall};
use super::request::ChatRequest;
use crate::error::{Error, ErrorKind, Partial};
use crate::usage::Usage;

/// The most names of what an answer held that are kept, and the longest such name.
const OTHER_MAX: usize = 8;
const OTHER_LENGTH_MAX: usize = 40;

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
    /// What only its own provider can read, to be sent back with the conversation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<Sealed>,
    /// What else it held, by the names on the wire: parts that this library cannot carry, as an image or a sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<String>,
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

    /// Notes that the answer held something of this name, which this library cannot carry. What is no plain name is
    /// left out: it may be anything.
    pub fn note(&mut self, name: &str) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        let is_name = (1..=OTHER_LENGTH_MAX).contains(&name.len()) && name.chars().all(is_plain);
        let name = if is_name { name } else { "something unnamed" };
        if self.other.len() < OTHER_MAX && !self.other.iter().any(|known| known == name) {
            self.other.push(name.to_owned());
        }
    }

    /// Whether there is neither text nor a tool call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tool_calls.is_empty()
    }

    /// The reply, if it is an answer to this request: not withheld by a filter, and not empty where emptiness says
    /// nothing.
    ///
    /// # Errors
    /// `ContentFilter` with the withheld text, or `BadReply`, which is not counted against the target.
    pub fn check(self, request: &ChatRequest) -> Result<Self, Error> {
        let reply = self.check_filter()?;
        if !reply.is_empty() || request.follows_tool_results() {
            return Ok(reply);
        }
        let error = match reply.finish {
            // The same request would end the same way: the limit counts what the model thinks.
            FinishReason::Length => reply.fails(ErrorKind::BadReply, &spent(&reply.usage)).without_comeback(),
            // It would come again, and would have to be paid for again.
            _ if !reply.other.is_empty() => {
                reply.fails(ErrorKind::BadReply, &held(&reply.other)).without_comeback()
            }
            _ => reply.fails(ErrorKind::BadReply, "the answer is empty"),
        };
        Err(error.not_counted().with_partial(reply.into_partial()))
    }

    /// The reply, if no filter withheld it.
    ///
    /// # Errors
    /// `ContentFilter` with what the filter had let through.
    pub fn check_filter(self) -> Result<Self, Error> {
        if self.finish != FinishReason::ContentFilter {
            return Ok(self);
        }
        let error = self.fails(ErrorKind::ContentFilter, "the provider's filter withheld the answer");
        Err(error.with_partial(self.into_partial()))
    }

    /// An error of the request that this reply came to.
    fn fails(&self, kind: ErrorKind, why: &str) -> Error {
        let mut error = Error::new(kind, why);
        if let Some(status) = self.status {
            error = error.with_status(status);
        }
        match &self.request_id {
            Some(id) => error.with_request_id(id),
            None => error,
        }
    }

    /// What to tell of a reply that is no whole answer.
    #[must_use]
    pub fn into_partial(self) -> Partial {
        let mut partial = Partial::text(self.text);
        (partial.tool_calls, partial.reasoning, partial.usage) =
            (self.tool_calls, self.reasoning, self.usage);
        partial
    }

    /// The answer as a message, to go on with the conversation.
    #[must_use]
    pub fn into_message(self) -> Message {
        Message::Assistant(AssistantMessage {
            text: self.text,
            tool_calls: self.tool_calls,
            reasoning: self.reasoning,
            sealed: self.sealed,
        })
    }
}

fn held(other: &[String]) -> String {
    let names = other.join(", ");
    format!("the answer holds no text and no tool call, only what this library cannot pass on: {names}")
}

fn spent(usage: &Usage) -> String {
    let thought = match usage.reasoning_tokens {
        Some(tokens) => format!("all of it ({tokens} tokens) went into reasoning"),
        None => "reasoning counts as output".to_owned(),
    };
    format!(
        "the answer is empty: the limit on output tokens was reached before it began; {thought}: raise the limit"
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_one_only_after_results_of_tools() {
        let asked = ChatRequest::user("hi");
        let error = ChatReply::default().check(&asked).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && error.facts().comeback);
        let told = asked.with_message(Message::tool("c1", "42"));
        assert!(ChatReply::default().check(&told).is_ok());
    }

    #[test]
    fn an_answer_of_other_things_names_them_and_is_not_asked_again() {
        let mut reply = ChatReply::default();
        for name in ["image", "image", "my \u{1b}[0m secret"].into_iter().chain(["x"; 20]) {
            reply.note(name);
        }
        assert_eq!(reply.other, ["image", "something unnamed", "x"]);
        (0..99).for_each(|n| reply.note(&n.to_string()));
        assert_eq!(reply.other.len(), OTHER_MAX);
        let error = reply.check(&ChatRequest::user("draw")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && !error.facts().comeback);
        assert!(
            error.message().contains("only what this library cannot pass on: image, something"),
            "{error}"
        );
        let mut with_text = ChatReply::text("Here it is.");
        with_text.note("image");
        assert!(with_text.check(&ChatRequest::user("draw")).is_ok());
    }

    #[test]
    fn a_limit_used_up_by_thinking_says_so_and_is_not_asked_again() {
        let mut spent = ChatReply { finish: FinishReason::Length, ..ChatReply::default() };
        (spent.usage.reasoning_tokens, spent.reasoning) = (Some(64), Some("hm".to_owned()));
        let error = spent.check(&ChatRequest::user("hi")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(!error.facts().counted && !error.facts().comeback);
        assert!(error.message().contains("64 tokens) went into reasoning"), "{error}");
        assert_eq!(error.partial().unwrap().reasoning.as_deref(), Some("hm"));
    }

    #[test]
    fn a_withheld_answer_is_a_failure_that_keeps_the_text_and_the_request() {
        let mut reply = ChatReply { finish: FinishReason::ContentFilter, ..ChatReply::text("half") };
        (reply.status, reply.request_id) = (Some(200), Some("req_1".to_owned()));
        let error = reply.check(&ChatRequest::user("hi")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentFilter);
        assert_eq!(error.partial().unwrap().text, "half");
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
}
