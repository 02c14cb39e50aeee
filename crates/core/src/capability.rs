//! What a model can do, what a request needs, and whether they meet: known before anything is sent.

use std::borrow::Cow;
use std::time::Duration;

use crate::chat::{ChatRequest, Format, ImageSource, Message, Part, ReasoningRequest};
use crate::completion::CompletionRequest;
use crate::embedding::EmbeddingRequest;
use crate::error::ErrorKind;

/// What one model of one provider can do. Everything is off until it is said.
///
/// ```
/// use backstop_core::{Capabilities, Needs, chat::ChatRequest};
/// let able = Capabilities::default().with_chat();
/// assert!(Needs::of(&ChatRequest::user("hi")).unmet_by(&able, "mine").is_none());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Why the target cannot be asked at all, and what to do: a variable or file that is missing.
    pub missing: Option<Cow<'static, str>>,
    /// Chat in one piece.
    pub chat: bool,
    /// Streamed chat.
    pub chat_stream: bool,
    /// Text completion in one piece.
    pub complete: bool,
    /// Streamed text completion.
    pub complete_stream: bool,
    /// Filling in the middle of a text.
    pub suffix: bool,
    /// Embeddings.
    pub embed: bool,
    /// The most texts one request for embeddings may hold. `None` is unknown.
    pub embed_batch: Option<u32>,
    /// Telling the model what its vectors are for.
    pub embed_input_type: bool,
    /// Calling tools.
    pub tools: bool,
    /// Images in the request, in base64.
    pub images: bool,
    /// Images at URLs the provider fetches itself.
    pub image_urls: bool,
    /// Answers in JSON.
    pub json: bool,
    /// Answers in JSON of a given schema.
    pub json_schema: bool,
    /// Thinking on request.
    pub reasoning: bool,
    /// Whether the model thinks before it answers even if nobody asks it to, and so may be silent for minutes.
    pub thinks: bool,
    /// The window: input and output tokens together. `None` is unknown.
    pub context_tokens: Option<u32>,
    /// Whether the model runs on this machine, where the first answer waits for it to load.
    pub local: bool,
    /// The most time its transport takes to connect: an attempt that has lived longer has a connection. `None` is the
    /// usual 5 s.
    pub connect: Option<Duration>,
}

impl Capabilities {
    /// A target that cannot be asked; says what is missing and what to do about it.
    #[must_use]
    pub fn missing(what: impl Into<Cow<'static, str>>) -> Self {
        Self { missing: Some(what.into()), ..Self::default() }
    }

    /// Chat, in one piece.
    #[must_use]
    pub fn with_chat(mut self) -> Self {
        self.chat = true;
        self
    }

    /// Streamed chat.
    #[must_use]
    pub fn with_chat_stream(mut self) -> Self {
        self.chat_stream = true;
        self
    }

    /// The window.
    #[must_use]
    pub fn with_context_tokens(mut self, tokens: u32) -> Self {
        self.context_tokens = Some(tokens);
        self
    }
}

/// Which of the trait's methods a request goes to.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Chat in one piece.
    Chat,
    /// Streamed chat.
    ChatStream,
    /// Text completion in one piece.
    Complete,
    /// Streamed text completion.
    CompleteStream,
    /// Embeddings.
    Embed,
}

impl Operation {
    /// The name in JSON and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat | Self::ChatStream => "chat",
            Self::Complete | Self::CompleteStream => "complete",
            Self::Embed => "embed",
        }
    }

    /// Whether the answer comes in pieces.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::ChatStream | Self::CompleteStream)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatStream => "streamed chat",
            Self::Complete => "text completion",
            Self::CompleteStream => "streamed text completion",
            Self::Embed => "embeddings",
        }
    }
}

/// What a request asks of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    operation: Operation,
    tools: bool,
    images: bool,
    image_urls: bool,
    json: bool,
    json_schema: bool,
    reasoning: bool,
    suffix: bool,
    bound_to: Option<Bound>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    One(String),
    Several,
}

/// Why a target is left out before anything is sent.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// `Unsupported` or `NotConfigured`.
    pub kind: ErrorKind,
    /// Why, for people.
    pub reason: Cow<'static, str>,
}

impl Unmet {
    /// A reason of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

impl Needs {
    fn new(operation: Operation) -> Self {
        Self {
            operation,
            tools: false,
            images: false,
            image_urls: false,
            json: false,
            json_schema: false,
            reasoning: false,
            suffix: false,
            bound_to: None,
        }
    }

    /// What a chat request needs, asked for in one piece.
    #[must_use]
    pub fn of(request: &ChatRequest) -> Self {
        let mut needs = Self::new(Operation::Chat);
        needs.tools = !request.tools.is_empty();
        needs.json = request.format == Format::Json;
        needs.json_schema = matches!(request.format, Format::JsonSchema { .. });
        needs.reasoning = request.reasoning.is_some_and(ReasoningRequest::asks);
        if let Some(previous) = &request.previous {
            needs.bind(&previous.provider);
        }
        let parts = request.messages.iter().filter_map(|message| match message {
            Message::User { parts } => Some(parts),
            Message::System { .. } | Message::Assistant(_) | Message::Tool(_) => None,
        });
        for part in parts.flatten() {
            match part {
                Part::Text { .. } => {}
                Part::Image(image) => match image.source {
                    ImageSource::Url { .. } => needs.image_urls = true,
                    ImageSource::Base64 { .. } => needs.images = true,
                },
                Part::Upload(upload) => needs.bind(&upload.provider),
            }
        }
        needs
    }

    /// What a completion request needs, asked for in one piece.
    #[must_use]
    pub fn of_completion(request: &CompletionRequest) -> Self {
        Self { suffix: request.suffix.is_some(), ..Self::new(Operation::Complete) }
    }

    /// What an embedding request needs.
    #[must_use]
    pub fn of_embedding(_request: &EmbeddingRequest) -> Self {
        Self::new(Operation::Embed)
    }

    /// The same, asked for as a stream.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.operation = match self.operation {
            Operation::Chat | Operation::ChatStream => Operation::ChatStream,
            Operation::Complete | Operation::CompleteStream => Operation::CompleteStream,
            Operation::Embed => Operation::Embed,
        };
        self
    }

    /// Which method the request goes to.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether the request asks the model to think, which takes longer.
    #[must_use]
    pub fn reasoning(&self) -> bool {
        self.reasoning
    }

    fn bind(&mut self, provider: &str) {
        match &self.bound_to {
            None => self.bound_to = Some(Bound::One(provider.to_owned())),
            Some(Bound::One(other)) if other != provider => self.bound_to = Some(Bound::Several),
            Some(_) => {}
        }
    }

    /// Why a target with these capabilities at this provider cannot take the request; `None` if it can.
    #[must_use]
    pub fn unmet_by(&self, able: &Capabilities, provider: &str) -> Option<Unmet> {
        if let Some(missing) = &able.missing {
            return Some(Unmet { kind: ErrorKind::NotConfigured, reason: missing.clone() });
        }
        let unsupported = |reason: Cow<'static, str>| Some(Unmet { kind: ErrorKind::Unsupported, reason });
        let has_operation = match self.operation {
            Operation::Chat => able.chat,
            Operation::ChatStream => able.chat_stream,
            Operation::Complete => able.complete,
            Operation::CompleteStream => able.complete_stream,
            Operation::Embed => able.embed,
        };
        if !has_operation {
            return unsupported(format!("has no {}", self.operation.words()).into());
        }
        let needs = [
            (self.tools, able.tools, "cannot call tools"),
            (self.images, able.images, "takes no images"),
            (self.image_urls, able.image_urls, "takes no image URLs"),
            (self.json, able.json, "has no JSON output"),
            (self.json_schema, able.json_schema, "has no JSON output of a given schema"),
            (self.reasoning, able.reasoning, "does not reason on request"),
            (self.suffix, able.suffix, "cannot fill in the middle of a text"),
        ];
        if let Some((_, _, reason)) = needs.into_iter().find(|(needed, has, _)| *needed && !has) {
            return unsupported(reason.into());
        }
        match &self.bound_to {
            Some(Bound::One(owner)) if owner != provider => {
                unsupported(format!("the request holds ids that exist at {owner} only").into())
            }
            Some(Bound::Several) => unsupported("the request holds ids of several providers".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{ProviderRef, Tool};

    fn all() -> Capabilities {
        Capabilities {
            missing: None,
            chat: true,
            chat_stream: true,
            complete: true,
            complete_stream: true,
            suffix: true,
            embed: true,
            embed_batch: None,
            embed_input_type: true,
            tools: true,
            images: true,
            image_urls: true,
            json: true,
            json_schema: true,
            reasoning: true,
            thinks: true,
            context_tokens: None,
            local: false,
            connect: None,
        }
    }

    #[test]
    fn each_need_is_met_by_its_capability_alone() {
        let tool = ChatRequest::user("x").with_tool(Tool::new("t", "", serde_json::json!({})));
        let json = ChatRequest::user("x").with_format(Format::Json);
        let url = ChatRequest::new([Message::user_parts([Part::image_url("http://i")])]);
        for (request, without, word) in [
            (&tool, Capabilities { tools: false, ..all() }, "tools"),
            (&json, Capabilities { json: false, ..all() }, "JSON"),
            (&url, Capabilities { image_urls: false, ..all() }, "image URLs"),
            (&json, Capabilities { chat: false, ..all() }, "has no chat"),
        ] {
            let needs = Needs::of(request);
            assert_eq!(needs.unmet_by(&all(), "p"), None);
            let unmet = needs.unmet_by(&without, "p").expect("unmet");
            assert_eq!(unmet.kind, ErrorKind::Unsupported);
            assert!(unmet.reason.contains(word), "{}", unmet.reason);
        }
    }

    #[test]
    fn a_request_that_holds_a_providers_ids_goes_there_only() {
        let request =
            ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("openai", "file-1"))])]);
        let needs = Needs::of(&request);
        assert_eq!(needs.unmet_by(&all(), "openai"), None);
        assert!(needs.unmet_by(&all(), "mirror").is_some());
        let mut both = request;
        both.previous = Some(ProviderRef::new("mirror", "resp-1"));
        assert!(Needs::of(&both).unmet_by(&all(), "openai").is_some());
    }

    #[test]
    fn a_missing_key_is_not_configured_whatever_the_request() {
        let unmet = Needs::of(&ChatRequest::user("x"))
            .unmet_by(&Capabilities::missing("set OPENAI_API_KEY"), "openai")
            .expect("unmet");
        assert_eq!((unmet.kind, &*unmet.reason), (ErrorKind::NotConfigured, "set OPENAI_API_KEY"));
    }
}
