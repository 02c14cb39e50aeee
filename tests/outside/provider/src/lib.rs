//! A provider written outside the workspace, on `backstop-core` alone.

use backstop_core::chat::{ChatReply, ChatRequest, Message, Part};
use backstop_core::{Ask, Capabilities, Error, Provider, async_trait};

/// Says everything backwards.
#[derive(Debug)]
pub struct Mirror;

#[async_trait]
impl Provider for Mirror {
    fn name(&self) -> &str {
        "mirror"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities::default().with_chat().with_context_tokens(1_000)
    }

    async fn chat(&self, _ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        match request.messages.last() {
            Some(Message::User { parts, .. }) => match parts.as_slice() {
                [Part::Text { text, .. }] => Ok(ChatReply::text(text.chars().rev().collect::<String>())),
                _ => Err(Error::unsupported("reads text only")),
            },
            _ => Err(Error::unsupported("answers users only")),
        }
    }
}
