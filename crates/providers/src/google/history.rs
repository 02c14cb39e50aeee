//! From the messages of a conversation, wherever it began, to turns of this wire.

use std::borrow::Cow;

use backstop_core::Error;
use backstop_core::chat::{AssistantMessage, ImageSource, Message, Part, ToolCall, ToolResult};
use serde_json::value::RawValue;

use super::Surface;
use super::family;
use super::seal::{self, Seal};
use super::wire::{Args, Blob, Call, CallResult, Content, FileData, ResultText, Role, WirePart};
use crate::http::unknown;

/// What stands in for the signature of a call that another model made, as Google documents it.
const FOREIGN: &str = "skip_thought_signature_validator";

/// Whom the conversation goes to.
#[derive(Copy, Clone, Debug)]
pub(super) struct Whom<'a> {
    pub(super) surface: Surface,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    /// What an uploaded file's short name is completed by.
    pub(super) files: &'a str,
}

/// A conversation in this wire's form.
#[derive(Debug, Default)]
pub(super) struct History<'a> {
    pub(super) system: Vec<WirePart<'a>>,
    pub(super) contents: Vec<Content<'a>>,
    calls: Vec<OpenCall<'a>>,
    /// Where in `calls` those of the latest turn with calls begin.
    latest: usize,
}

#[derive(Debug)]
struct OpenCall<'a> {
    call: &'a ToolCall,
    answered: bool,
}

impl<'a> History<'a> {
    pub(super) fn of(whom: Whom<'a>, messages: &'a [Message]) -> Result<Self, Error> {
        let mut history = Self::default();
        let mut rest = messages;
        while let Some((message, after)) = rest.split_first() {
            rest = after;
            match message {
                Message::System { text, .. } => history.system.extend(said(text)),
                Message::User { parts, .. } => {
                    let parts: Result<Vec<_>, _> =
                        parts.iter().filter_map(|p| part(whom, p).transpose()).collect();
                    history.turn(Role::User, parts?);
                }
                Message::Assistant(message) => history.answer(whom, message),
                Message::Tool(first) => {
                    let mut results = vec![first];
                    while let Some((Message::Tool(next), after)) = rest.split_first() {
                        results.push(next);
                        rest = after;
                    }
                    history.results(whom, results)?;
                }
                _ => return Err(unknown("message")),
            }
        }
        if history.contents.is_empty() {
            return Err(Error::unsupported("wants something to answer beside system messages"));
        }
        Ok(history)
    }

    /// Adds a turn, or adds to the last one: no two of one role may follow each other, and none may be empty.
    fn turn(&mut self, role: Role, parts: Vec<WirePart<'a>>) {
        match self.contents.last_mut() {
            _ if parts.is_empty() => {}
            Some(last) if last.role == role => last.parts.extend(parts),
            _ => self.contents.push(Content { role, parts }),
        }
    }

    fn answer(&mut self, whom: Whom<'a>, message: &'a AssistantMessage) {
        let seals = seal::of(message, whom.provider, whom.model);
        let mut parts = texts(&message.text, &seals);
        let foreign = (seals.is_empty() && family::wants_signatures(whom.model)).then_some(FOREIGN);
        if !message.tool_calls.is_empty() && self.contents.last().is_none_or(|last| last.role == Role::User) {
            self.latest = self.calls.len();
        }
        for (index, call) in message.tool_calls.iter().enumerate() {
            let own = seals.iter().find_map(|seal| seal.of_call(&call.id));
            parts.push(WirePart::FunctionCall {
                function_call: Call {
                    id: family::id(whom.model, &call.id),
                    name: &call.name,
                    args: args(&call.arguments),
                },
                // Of calls made at once, the first is signed for all.
                thought_signature: own.or(foreign.filter(|_| index == 0)),
            });
            self.calls.push(OpenCall { call, answered: false });
        }
        self.turn(Role::Model, parts);
    }

    /// The results of one turn, in the order of its calls: some models go by that alone.
    fn results(&mut self, whom: Whom<'a>, results: Vec<&'a ToolResult>) -> Result<(), Error> {
        let mut parts = Vec::new();
        for result in results {
            let place = self.place_of(&result.call_id);
            let answered = place.and_then(|place| self.calls.get_mut(place)).map(|open| {
                open.answered = true;
                open.call.name.as_str()
            });
            let Some(name) = answered.or(result.name.as_deref()).filter(|name| !name.is_empty()) else {
                let message =
                    "the request holds a result of a tool that neither it nor an earlier call names";
                return Err(Error::unsupported(message));
            };
            let text = result.text.as_str();
            let response = if result.is_error { ResultText::Error(text) } else { ResultText::Result(text) };
            let function_response =
                CallResult { id: family::id(whom.model, &result.call_id), name, response };
            parts.push((place.unwrap_or(usize::MAX), WirePart::FunctionResponse { function_response }));
        }
        parts.sort_by_key(|(place, _)| *place);
        self.turn(Role::User, parts.into_iter().map(|(_, part)| part).collect());
        Ok(())
    }

    /// Which call this result answers. Ids come again: some providers count theirs from zero in every answer.
    fn place_of(&self, id: &str) -> Option<usize> {
        let places = || self.calls.iter().enumerate().filter(|(_, open)| open.call.id == id);
        let recent = places().find(|(place, open)| *place >= self.latest && !open.answered);
        recent.or_else(|| places().next_back()).map(|(place, _)| place)
    }
}

/// A text, unless there is nothing in it: empty parts are refused.
fn said(text: &str) -> Option<WirePart<'_>> {
    (!text.is_empty()).then_some(WirePart::Text { text, thought_signature: None })
}

/// The text of an answer, in the pieces in which it was signed.
fn texts<'a>(text: &'a str, seals: &[Seal<'a>]) -> Vec<WirePart<'a>> {
    let mut parts = Vec::new();
    let mut done = 0;
    for (place, signature) in seals.iter().filter_map(Seal::of_text) {
        // A text that somebody has shortened is no longer the one that was signed.
        let (Some(before), Some(signed)) = (text.get(done..place.start), text.get(place.clone())) else {
            continue;
        };
        parts.extend(said(before));
        parts.push(WirePart::Text { text: signed, thought_signature: Some(signature) });
        done = place.end;
    }
    parts.extend(said(text.get(done..).unwrap_or_default()));
    parts
}

/// Arguments as an object. What is none goes along as a text.
fn args(arguments: &str) -> Args<'_> {
    let arguments = arguments.trim();
    match serde_json::from_str::<&RawValue>(arguments) {
        _ if arguments.is_empty() => Args::Empty {},
        Ok(object) if arguments.starts_with('{') => Args::Object(object),
        _ => Args::Raw { _raw: arguments },
    }
}

/// A part of what the user says; nothing if it is empty.
fn part<'a>(whom: Whom<'a>, part: &'a Part) -> Result<Option<WirePart<'a>>, Error> {
    let file_data = |uri: Cow<'a, str>| {
        let file_data = FileData { mime_type: media_type(&uri), file_uri: uri };
        Ok(Some(WirePart::FileData { file_data }))
    };
    match part {
        Part::Text { text, .. } => Ok(said(text)),
        Part::Upload(upload) if upload.provider != whom.provider => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            Err(Error::unsupported(message))
        }
        Part::Upload(upload) => match upload.id.strip_prefix("files/") {
            Some(_) if whom.surface == Surface::Gemini => {
                file_data(format!("{}/{}", whom.files, upload.id).into())
            }
            _ => file_data(upload.id.as_str().into()),
        },
        Part::Image(image) => match &image.source {
            ImageSource::Base64 { media_type, data, .. } => {
                Ok(Some(WirePart::InlineData { inline_data: Blob { mime_type: media_type, data } }))
            }
            ImageSource::Url { url, .. } if whom.surface == Surface::Vertex => file_data(url.as_str().into()),
            ImageSource::Url { .. } => Err(Error::unsupported("takes no image URLs")),
            _ => Err(unknown("image")),
        },
        _ => Err(unknown("part")),
    }
}

/// What the ending of a file's name says of it.
fn media_type(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "bmp" => "image/bmp",
        "pdf" => "application/pdf",
        _ => return None,
    })
}
