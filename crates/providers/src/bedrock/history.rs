//! From a conversation, wherever it was begun, to messages of this wire: users and assistants take turns, and a user
//! begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    let mut ids = Ids::of(messages);
    let mut system = Vec::new();
    let mut turns: Vec<WireMessage<'_>> = Vec::new();
    for message in messages {
        match message {
            Message::System { text, .. } => system.extend(said(text).map(|text| PlainText { text })),
            Message::User { parts, .. } => {
                let blocks = parts.iter().filter_map(|one| part(one).transpose());
                add(&mut turns, USER, blocks.collect::<Result<_, _>>()?);
            }
            Message::Assistant(answer) => {
                add(&mut turns, ASSISTANT, answered(provider, model, answer, &mut ids))
            }
            Message::Tool(result) => {
                add(&mut turns, USER, vec![Block::ToolResult(returned(result, &mut ids))])
            }
            _ => return Err(unknown("message")),
        }
    }
    if turns.is_empty() {
        return Err(Error::unsupported("wants a message beside those of the system"));
    }
    for turn in &mut turns {
        // Results come before whatever else the user says.
        turn.content.sort_by_key(|block| !matches!(block, Block::ToolResult(_)));
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
fn answered<'a>(
    provider: &str,
    model: &str,
    answer: &'a AssistantMessage,
    ids: &mut Ids<'a>,
) -> Vec<Block<'a>> {
    let is_ours = |sealed: &&Sealed| sealed.provider == provider && sealed.model == model;
    let sealed = answer.sealed.iter().filter(is_ours).map(|sealed| Block::Sealed(&sealed.data));
    let calls = answer.tool_calls.iter().map(|call| Block::ToolUse(tool_use(call, ids)));
    sealed.chain(said(&answer.text).map(Block::Text)).chain(calls).collect()
}

fn tool_use<'a>(call: &'a ToolCall, ids: &mut Ids<'a>) -> ToolUse<'a> {
    ToolUse { tool_use_id: ids.call(&call.id), name: &call.name, input: input(&call.arguments) }
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

fn returned<'a>(result: &'a ToolResult, ids: &mut Ids<'a>) -> WireResult<'a> {
    WireResult {
        tool_use_id: ids.result(&result.call_id),
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

/// Gives every call an id that the wire takes and no other call has; results find their calls.
///
/// Services that give no ids have their calls numbered anew in each answer, so that one id may stand for several. What
/// is fine stays as it is; anything else gets an id that depends on it, and on how often it came before.
#[derive(Debug)]
struct Ids<'a> {
    /// Ids that are fine as they are. The first call that has one keeps it.
    fine: BTreeSet<&'a str>,
    given: BTreeSet<String>,
    /// How many ids were made up for one.
    made: BTreeMap<&'a str, u32>,
    /// For each id, those that calls got for it and no result has answered.
    waiting: BTreeMap<&'a str, VecDeque<String>>,
}

impl<'a> Ids<'a> {
    /// Those of these messages, which are to be gone through in order.
    fn of(messages: &'a [Message]) -> Self {
        let fine = messages.iter().flat_map(ids_in).filter(|id| fits(id)).collect();
        Self { fine, given: BTreeSet::new(), made: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// The id of the next call, which the conversation calls so.
    fn call(&mut self, id: &'a str) -> String {
        let keeps = self.fine.contains(id) && !self.given.contains(id);
        let sent = if keeps { id.to_owned() } else { self.make(id) };
        self.given.insert(sent.clone());
        self.waiting.entry(id).or_default().push_back(sent.clone());
        sent
    }

    /// The id of the call that the next result answers.
    fn result(&mut self, id: &'a str) -> String {
        match self.waiting.get_mut(id).and_then(VecDeque::pop_front) {
            Some(sent) => sent,
            // It answers nothing that was asked, which is for the service to say.
            None if fits(id) => id.to_owned(),
            None => made(id, 0),
        }
    }

    fn make(&mut self, id: &'a str) -> String {
        let count = self.made.entry(id).or_default();
        loop {
            let new = made(id, *count);
            *count += 1;
            if !self.fine.contains(&*new) && !self.given.contains(&new) {
                return new;
            }
        }
    }
}

fn ids_in(message: &Message) -> Vec<&str> {
    match message {
        Message::Assistant(said) => said.tool_calls.iter().map(|call| &*call.id).collect(),
        Message::Tool(result) => vec![&result.call_id],
        _ => Vec::new(),
    }
}

/// An id that stands for another: the first one, the second, and so on. FNV-1a: the same on every machine and in every
/// release.
fn made(id: &str, count: u32) -> String {
    let hash = id.bytes().chain(count.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("call_{hash:016x}")
}

fn fits(id: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(is_fine)
}
