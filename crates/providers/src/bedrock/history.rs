//! From a conversation, wherever it was begun, to messages of this wire: users and assistants take turns, and a user
//! begins.

use std::collections::{BTreeMap, BTreeSet};

use backstop_core::Error;
use backstop_core::chat::{
    AssistantMessage, Image, ImageSource, Message, Part, Sealed, ToolCall, ToolResult,
};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::wire::{Block, ImageBytes, Input, PlainText, ToolUse, WireImage, WireMessage, WireResult};
use crate::http::unknown;

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// What a user says in front of an assistant who speaks first.
const BRIDGE: &str = "Begin.";

/// What a tool says that says nothing: a text without letters is refused.
const NOTHING: &str = "(no output)";

/// What a tool is called whose name nobody knows.
const NAMELESS: &str = "tool";

/// How long the id of a tool call may be.
const ID_MAX: usize = 64;

/// The system messages, and the others.
pub(super) fn messages<'a>(
    provider: &str,
    model: &str,
    messages: &'a [Message],
) -> Result<(Vec<PlainText<'a>>, Vec<WireMessage<'a>>), Error> {
    let ids = Ids::of(messages);
    let mut system = Vec::new();
    let mut turns: Vec<WireMessage<'_>> = Vec::new();
    for message in messages {
        match message {
            Message::System { text, .. } => system.extend(said(text).map(|text| PlainText { text })),
            Message::User { parts, .. } => {
                let blocks = parts.iter().filter_map(|one| part(one).transpose());
                add(&mut turns, USER, blocks.collect::<Result<_, _>>()?);
            }
            Message::Assistant(answer) => add(&mut turns, ASSISTANT, answered(provider, model, answer, &ids)),
            Message::Tool(result) => add(&mut turns, USER, vec![Block::ToolResult(returned(result, &ids))]),
            _ => return Err(unknown("message")),
        }
    }
    Ok((system, turns))
}

/// Whether these end with results of tools whose calls did not begin with a thought.
pub(super) fn began_without_thoughts(turns: &[WireMessage<'_>]) -> bool {
    let holds_results = |turn: &WireMessage<'_>| {
        turn.role == USER && matches!(turn.content.first(), Some(Block::ToolResult { .. }))
    };
    if !turns.last().is_some_and(holds_results) {
        return false;
    }
    let is_begin = |turn: &WireMessage<'_>| turn.role == USER && !holds_results(turn);
    let begin = turns.iter().rposition(is_begin).map_or(0, |place| place + 1);
    let first = turns.get(begin).and_then(|turn| turn.content.first());
    !matches!(first, Some(Block::Sealed(_)))
}

/// The names of the tools that were called, each once.
pub(super) fn called(messages: &[Message]) -> Vec<&str> {
    let mut called: Vec<&str> = Vec::new();
    for message in messages {
        let names: Vec<&str> = match message {
            Message::Assistant(said) => said.tool_calls.iter().map(|call| &*call.name).collect(),
            Message::Tool(result) => result.name.as_deref().into_iter().collect(),
            _ => Vec::new(),
        };
        for name in names {
            if !called.contains(&name) {
                called.push(name);
            }
        }
    }
    let is_result = |message: &Message| matches!(message, Message::Tool(_));
    if called.is_empty() && messages.iter().any(is_result) {
        called.push(NAMELESS);
    }
    called
}

/// Adds blocks to the turn they belong to. A turn that says nothing is none.
fn add<'a>(turns: &mut Vec<WireMessage<'a>>, role: &'static str, blocks: Vec<Block<'a>>) {
    if blocks.is_empty() {
        return;
    }
    if turns.is_empty() && role == ASSISTANT {
        turns.push(WireMessage { role: USER, content: vec![Block::Text(BRIDGE)] });
    }
    match turns.last_mut().filter(|last| last.role == role) {
        Some(last) => last.content.extend(blocks),
        None => turns.push(WireMessage { role, content: blocks }),
    }
}

/// A text, if it says anything.
fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// An earlier answer, with the thoughts that this very model signed in front.
fn answered<'a>(provider: &str, model: &str, answer: &'a AssistantMessage, ids: &Ids<'_>) -> Vec<Block<'a>> {
    let is_ours = |sealed: &&Sealed| sealed.provider == provider && sealed.model == model;
    let sealed = answer.sealed.iter().filter(is_ours).map(|sealed| Block::Sealed(&sealed.data));
    let calls = answer.tool_calls.iter().map(|call| Block::ToolUse(tool_use(call, ids)));
    sealed.chain(said(&answer.text).map(Block::Text)).chain(calls).collect()
}

fn tool_use<'a>(call: &'a ToolCall, ids: &Ids<'_>) -> ToolUse<'a> {
    ToolUse { tool_use_id: ids.get(&call.id), name: &call.name, input: input(&call.arguments) }
}

/// Arguments as an object: a model may have written anything.
fn input(arguments: &str) -> Input<'_> {
    let is_object = serde_json::from_str::<Map<String, Value>>(arguments).is_ok();
    match serde_json::from_str::<&RawValue>(arguments) {
        Ok(raw) if is_object => Input::AsWritten(raw),
        _ if arguments.trim().is_empty() => Input::Made(json!({})),
        _ => Input::Made(json!({ "_raw": arguments })),
    }
}

fn returned<'a>(result: &'a ToolResult, ids: &Ids<'_>) -> WireResult<'a> {
    WireResult {
        tool_use_id: ids.get(&result.call_id),
        content: [PlainText { text: said(&result.text).unwrap_or(NOTHING) }],
        status: result.is_error.then_some("error"),
    }
}

fn part(part: &Part) -> Result<Option<Block<'_>>, Error> {
    match part {
        Part::Text { text, .. } => Ok(said(text).map(Block::Text)),
        Part::Image(picture) => image(picture).map(|image| Some(Block::Image(image))),
        Part::Upload(upload) => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            Err(Error::unsupported(message))
        }
        _ => Err(unknown("part")),
    }
}

fn image(image: &Image) -> Result<WireImage<'_>, Error> {
    match &image.source {
        ImageSource::Url { .. } => Err(Error::unsupported("takes no image URLs")),
        ImageSource::Base64 { media_type, data, .. } => {
            let format = match media_type.to_ascii_lowercase().as_str() {
                "image/png" => "png",
                "image/jpeg" | "image/jpg" => "jpeg",
                "image/gif" => "gif",
                "image/webp" => "webp",
                _ => return Err(Error::unsupported(format!("takes no images of the type {media_type:?}"))),
            };
            Ok(WireImage { format, source: ImageBytes { bytes: data } })
        }
        _ => Err(unknown("image")),
    }
}

/// Ids of tool calls as the wire wants them: letters, digits, `_` and `-`.
#[derive(Debug)]
struct Ids<'a>(BTreeMap<&'a str, String>);

impl<'a> Ids<'a> {
    /// Those of a conversation. What fits stays as it is; anything else gets an id that depends on it alone, unless
    /// that is another's already.
    fn of(messages: &'a [Message]) -> Self {
        let (fine, odd): (BTreeSet<&str>, BTreeSet<&str>) =
            messages.iter().flat_map(ids_in).partition(|id| fits(id));
        let mut taken: BTreeSet<String> = fine.into_iter().map(str::to_owned).collect();
        let mut renamed = BTreeMap::new();
        for id in odd {
            let mut candidates = (0..=u8::MAX).map(|turn| format!("call_{:016x}", hash(id, turn)));
            let free = candidates.find(|new| !taken.contains(new)).unwrap_or_default();
            taken.insert(free.clone());
            renamed.insert(id, free);
        }
        Self(renamed)
    }

    fn get(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

fn ids_in(message: &Message) -> Vec<&str> {
    match message {
        Message::Assistant(said) => said.tool_calls.iter().map(|call| &*call.id).collect(),
        Message::Tool(result) => vec![&result.call_id],
        _ => Vec::new(),
    }
}

fn fits(id: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(is_fine)
}

/// FNV-1a: the same on every machine and in every release.
fn hash(text: &str, turn: u8) -> u64 {
    text.bytes().chain([turn]).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
