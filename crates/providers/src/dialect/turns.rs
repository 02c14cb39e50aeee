//! Conversations for servers that want the system's words first, and then user and assistant in turn.

use super::wire::{Content, WireMessage, WirePart};

/// What stands between texts that become one.
const BETWEEN: &str = "\n\n";

/// The same conversation: what the system says comes first and in one piece, and whoever speaks twice in a row speaks
/// once.
pub(super) fn alternating(messages: Vec<WireMessage<'_>>) -> Vec<WireMessage<'_>> {
    let is_system = |message: &WireMessage<'_>| matches!(message, WireMessage::System { .. });
    let (system, others): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_system);
    let mut turns: Vec<WireMessage<'_>> = Vec::new();
    for message in system.into_iter().chain(others) {
        match (turns.last_mut(), message) {
            (Some(WireMessage::System { content }), WireMessage::System { content: more }) => {
                append(content.to_mut(), &more)
            }
            (Some(WireMessage::User { content }), WireMessage::User { content: more }) => {
                let mut parts = parts(std::mem::replace(content, Content::Text("")));
                parts.extend(self::parts(more));
                *content = Content::Parts(parts);
            }
            (
                Some(WireMessage::Assistant { content: Some(content), .. }),
                WireMessage::Assistant { content: Some(more), .. },
            ) => append(content.to_mut(), &more),
            (_, message) => turns.push(message),
        }
    }
    turns
}

fn append(text: &mut String, more: &str) {
    text.push_str(BETWEEN);
    text.push_str(more);
}

fn parts(content: Content<'_>) -> Vec<WirePart<'_>> {
    match content {
        Content::Text(text) => vec![WirePart::Text { text }],
        Content::Parts(parts) => parts,
    }
}
