//! From the messages of a conversation to turns of the two who talk.

use backstop_core::Error;
use backstop_core::chat::{AssistantMessage, Image, ImageSource, Message, Part, ToolResult};

use super::calls::{CallIds, input};
use super::sealed::Place;
use super::wire::{Block, Role, Turn, WireSource};
use crate::http::unknown;

/// The images the wire knows.
const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// What the user says in front of an assistant who speaks first.
const BRIDGE: &str = "Begin.";

/// What is said, and to whom it goes.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// What stands above it.
    pub(super) system: Option<String>,
    pub(super) turns: Vec<Turn<'a>>,
}

impl<'a> Conversation<'a> {
    /// These messages, for this model of this provider.
    pub(super) fn of(provider: &str, model: &str, messages: &'a [Message]) -> Result<Self, Error> {
        let mut ids = CallIds::of(messages);
        let is_system = |message: &&Message| matches!(message, Message::System { .. });
        let above = messages.iter().take_while(is_system).count();
        let (above, messages) = messages.split_at(above);
        let mut talk = Self { system: system(above), turns: Vec::new() };
        for message in messages {
            match message {
                // Later ones have no place of their own that every model knows.
                Message::System { text, .. } => talk.say(Role::User, text_block(text)),
                Message::User { parts, .. } => {
                    for part in parts {
                        talk.say(Role::User, part_block(provider, part)?);
                    }
                }
                Message::Assistant(message) => talk.assistant(provider, model, message, &mut ids),
                Message::Tool(result) => talk.say(Role::User, Some(result_block(result, &mut ids))),
                _ => return Err(unknown("message")),
            }
        }
        match talk.turns.first() {
            None => return Err(Error::unsupported("wants a message beside those of the system")),
            Some(first) if first.role == Role::Assistant => {
                talk.turns
                    .insert(0, Turn { role: Role::User, content: text_block(BRIDGE).into_iter().collect() });
            }
            Some(_) => {}
        }
        for turn in &mut talk.turns {
            // Results come before whatever else the user says.
            turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
        }
        Ok(talk)
    }

    /// Whether the model is in the middle of what it wants to do with tools, and began without thoughts that it could
    /// go on from.
    pub(super) fn began_without_thoughts(&self) -> bool {
        let holds_results = |turn: &Turn<'_>| {
            turn.role == Role::User && matches!(turn.content.first(), Some(Block::ToolResult { .. }))
        };
        if !self.turns.last().is_some_and(holds_results) {
            return false;
        }
        let is_begin = |turn: &Turn<'_>| turn.role == Role::User && !holds_results(turn);
        let begin = self.turns.iter().rposition(is_begin).map_or(0, |place| place + 1);
        let first = self.turns.get(begin).and_then(|turn| turn.content.first());
        !matches!(first, Some(Block::Sealed(_)))
    }

    /// Whoever speaks twice in a row speaks once. What is empty is not said.
    fn say(&mut self, role: Role, block: Option<Block<'a>>) {
        let Some(block) = block else { return };
        match self.turns.last_mut() {
            Some(turn) if turn.role == role => turn.content.push(block),
            _ => self.turns.push(Turn { role, content: vec![block] }),
        }
    }

    fn assistant(
        &mut self,
        provider: &str,
        model: &str,
        message: &'a AssistantMessage,
        ids: &mut CallIds<'a>,
    ) {
        let mut text = &*message.text;
        let mut told = 0;
        let mut calls = message.tool_calls.iter();
        let mut called = 0;
        // Only the model itself can read what it sealed. It goes back to where it was.
        let is_ours =
            |sealed: &&backstop_core::chat::Sealed| sealed.provider == provider && sealed.model == model;
        let sealed = message.sealed.iter().filter(is_ours);
        let places = sealed.filter_map(|sealed| Place::of(&sealed.data)).map(Some).chain([None]);
        for place in places {
            let end = place.as_ref().map_or(usize::MAX, |(place, _)| place.text.saturating_sub(told));
            let (before, after) = text.split_at_checked(end.min(text.len())).unwrap_or(("", text));
            self.say(Role::Assistant, text_block(before));
            (text, told) = (after, told + before.len());
            let until = place.as_ref().map_or(usize::MAX, |(place, _)| place.calls);
            for call in calls.by_ref().take(until.saturating_sub(called)) {
                let (id, name) = (ids.call(&call.id), &*call.name);
                self.say(Role::Assistant, Some(Block::ToolUse { id, name, input: input(&call.arguments) }));
                called += 1;
            }
            self.say(Role::Assistant, place.map(|(_, block)| Block::Sealed(block)));
        }
    }
}

fn system(messages: &[Message]) -> Option<String> {
    let text = |message: &Message| match message {
        Message::System { text, .. } => Some(text.clone()),
        _ => None,
    };
    let texts: Vec<String> =
        messages.iter().filter_map(text).filter(|text| !text.trim().is_empty()).collect();
    (!texts.is_empty()).then(|| texts.join("\n\n"))
}

/// The wire refuses texts in which there is nothing to read.
fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then_some(Block::Text { text })
}

fn part_block<'a>(provider: &str, part: &'a Part) -> Result<Option<Block<'a>>, Error> {
    Ok(match part {
        Part::Text { text, .. } => text_block(text),
        Part::Image(image) => Some(Block::Image { source: source(image)? }),
        Part::Upload(upload) if upload.provider == provider => {
            Some(Block::Document { source: WireSource::File { file_id: &upload.id } })
        }
        Part::Upload(upload) => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            return Err(Error::unsupported(message));
        }
        _ => return Err(unknown("part")),
    })
}

fn source(image: &Image) -> Result<WireSource<'_>, Error> {
    let (media_type, data) = match &image.source {
        ImageSource::Base64 { media_type, data, .. } => (&**media_type, &**data),
        ImageSource::Url { url, .. } => {
            match url.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
                Some(image) => image,
                None => return Ok(WireSource::Url { url }),
            }
        }
        _ => return Err(unknown("image")),
    };
    if !IMAGES.contains(&media_type) {
        return Err(Error::unsupported(format!("takes no images of the type {media_type:?}")));
    }
    Ok(WireSource::Base64 { media_type, data })
}

fn result_block<'a>(result: &'a ToolResult, ids: &mut CallIds<'a>) -> Block<'a> {
    let content = Some(&*result.text).filter(|text| !text.trim().is_empty());
    Block::ToolResult { tool_use_id: ids.result(&result.call_id), content, is_error: result.is_error }
}
