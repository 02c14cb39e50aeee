//! From the events of a stream to the pieces of an answer.

use std::collections::{BTreeMap, VecDeque};

use backstop_core::chat::{ChatEvent, ToolCall, ToolCallDelta};
use backstop_core::{Error, Partial, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::decode::{self, Stop, call_id, finish};
use super::error;
use super::sealed::{Place, goes_back};
use super::wire::{Delta, Event, ReplyBlock, WireUsage};
use crate::http::{Decode, Source, SseEvent, SseParser, arguments, from_json};

/// More blocks than any answer has open at once.
const OPEN_MAX: usize = 1024;

/// More than an answer needs to be remembered of. No block that goes beyond is sealed: a part of it would be refused.
const KEPT_MAX: usize = 8 << 20;

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct MessagePieces {
    /// The message has begun.
    begun: bool,
    /// It has said so.
    started: bool,
    /// What has been told of it.
    told: Place,
    /// Blocks that have begun and not ended.
    open: BTreeMap<u32, Open>,
    /// How many bytes had to be remembered, of blocks that are to go back or may come in pieces.
    kept: usize,
    usage: WireUsage,
    stop: Option<Stop>,
}

/// A block that goes on.
#[derive(Debug)]
enum Open {
    Text,
    Call {
        index: usize,
        id: Option<String>,
        /// The arguments, should no more come.
        input: Option<String>,
    },
    Other(Kept),
}

/// A block that may have to go back.
#[derive(Debug)]
struct Kept {
    /// `None` if not all of it could be kept.
    block: Option<Map<String, Value>>,
    /// JSON that comes in pieces.
    input: String,
    place: Place,
    is_thought: bool,
}

impl Decode for MessagePieces {
    type Piece = ChatEvent;
    type Frames = SseParser;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) {
        out.push_back(ChatEvent::opened(Some(source.status), source.request_id()));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        event: &SseEvent,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<bool, Error> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(error::in_reply(source, data.as_bytes()));
        }
        // What is unknown or holds no event is passed over, as are the markers of other wires.
        let is_known = matches!(&*event.name, "" | "message")
            || event.name.starts_with("message_")
            || event.name.starts_with("content_block_");
        if !is_known || data.is_empty() || data.starts_with("[DONE]") {
            return Ok(false);
        }
        let mut told: Event<'_> = from_json(data.as_bytes())
            .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))?;
        let sort = told.r#type.take();
        let sort = sort.as_deref().unwrap_or(&event.name);
        if told.error.is_some() || sort == "error" {
            return Err(error::in_reply(source, data.as_bytes()));
        }
        self.event(source, sort, told, out)
    }

    fn end(&mut self, source: &Source<'_>, _out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.begun {
            return Err(source.bad_reply("the stream ended in mid-answer"));
        }
        Err(source.no_reply("the stream ended before its first event"))
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let reply = decode::reply(source, body)?;
        out.push_back(ChatEvent::start(reply.model, reply.id));
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        out.extend(reply.sealed.into_iter().map(ChatEvent::Sealed));
        out.extend(Some(reply.usage).filter(|usage| *usage != Usage::UNKNOWN).map(ChatEvent::Usage));
        out.push_back(ChatEvent::End(reply.finish));
        Ok(())
    }
}

impl MessagePieces {
    /// True if this event is the last.
    fn event(
        &mut self,
        source: &Source<'_>,
        sort: &str,
        told: Event<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<bool, Error> {
        let index = told.index.unwrap_or_default();
        self.begun |= sort.starts_with("message_") || sort.starts_with("content_block_");
        match (sort, told) {
            // Two answers in one stream would be told as one that nobody gave.
            ("message_start", _) if self.started => {
                return Err(source.bad_reply("the stream begins a second message"));
            }
            ("message_start", Event { message: Some(message), .. }) => {
                self.started = true;
                out.push_back(ChatEvent::start(message.model, message.id));
                self.count(message.usage, out);
                for (index, raw) in (0..).zip(message.content.unwrap_or_default()) {
                    self.start(source, index, raw, out)?;
                }
            }
            ("content_block_start", Event { content_block: Some(raw), .. }) => {
                self.start(source, index, raw, out)?;
            }
            ("content_block_delta", Event { delta: Some(delta), .. }) => {
                self.more(source, index, delta, out)?
            }
            ("content_block_stop", _) => self.close(source, index, out),
            ("message_delta", Event { delta, usage, .. }) => {
                let stop = delta.and_then(|delta| Stop::of(delta.stop_reason.as_deref(), delta.stop_details));
                self.stop = stop.or(self.stop.take());
                self.count(usage, out);
            }
            ("message_stop", _) => return self.done(source, out).map(|()| true),
            _ => {}
        }
        Ok(false)
    }

    fn start(
        &mut self,
        source: &Source<'_>,
        index: u32,
        raw: &RawValue,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let block: ReplyBlock<'_> = from_json(raw.get().as_bytes())
            .map_err(|problem| source.bad_reply(&format!("a block of the stream {problem}")))?;
        let goes_on = match (self.open.get(&index), block.r#type.as_deref()) {
            // Some servers tell the beginning of a block again in its middle.
            (Some(Open::Text), Some("text")) => true,
            (Some(Open::Call { id, .. }), Some("tool_use")) => *id == block.id,
            (Some(Open::Other(kept)), Some(sort)) => kept.is(sort),
            _ => false,
        };
        if !goes_on {
            self.close(source, index, out);
            self.kept += raw.get().len();
            let is_call = block.r#type.as_deref() == Some("tool_use");
            if self.open.len() >= OPEN_MAX || (is_call && self.kept > KEPT_MAX) {
                return Err(source.bad_reply("the stream begins more blocks than it ends"));
            }
            let open = self.opened(raw, &block, out);
            self.open.insert(index, open);
        }
        match block.r#type.as_deref() {
            Some("text") => self.tell(block.text, out),
            Some("thinking") => think(block.thinking, out),
            Some("tool_use") | None => {}
            Some(own) if decode::is_its_own(own) => out.push_back(ChatEvent::Progress),
            Some(other) => out.push_back(ChatEvent::Other(other.to_owned())),
        }
        Ok(())
    }

    fn opened(&mut self, raw: &RawValue, block: &ReplyBlock<'_>, out: &mut VecDeque<ChatEvent>) -> Open {
        match block.r#type.as_deref() {
            Some("text") => Open::Text,
            Some("tool_use") => {
                let index = self.told.calls;
                self.told.calls += 1;
                let id = block.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| call_id(index));
                out.push_back(call(index, Some(id), block.name.clone(), String::new()));
                Open::Call { index, id: block.id.clone(), input: Some(arguments(block.input)) }
            }
            _ => {
                let is_thought = block.r#type.as_deref() == Some("thinking");
                let block = serde_json::from_str(raw.get()).ok().filter(|_| self.kept <= KEPT_MAX);
                Open::Other(Kept { block, input: String::new(), place: self.told, is_thought })
            }
        }
    }

    fn more(
        &mut self,
        source: &Source<'_>,
        index: u32,
        delta: Delta<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        match self.open.get_mut(&index) {
            Some(Open::Text) => self.tell(delta.text, out),
            Some(Open::Call { index, input, .. }) => {
                if let Some(json) = delta.partial_json.filter(|json| !json.is_empty()) {
                    *input = None;
                    out.push_back(call(*index, None, None, json));
                }
            }
            Some(Open::Other(kept)) => {
                let texts = [&delta.thinking, &delta.signature, &delta.partial_json];
                self.kept += texts.into_iter().flatten().map(String::len).sum::<usize>();
                kept.add(&delta);
                if self.kept > KEPT_MAX {
                    kept.block = None;
                }
                // A signature, or words for a tool of the service's, are signs of work, too.
                think(delta.thinking.filter(|_| kept.is_thought), out);
            }
            None if delta.partial_json.is_some() => {
                return Err(source.bad_reply("the stream tells arguments of no tool call"));
            }
            // Whoever leaves the beginning of a block out says all the same what it is.
            None if delta.thinking.is_some() => think(delta.thinking, out),
            None => self.tell(delta.text, out),
        }
        Ok(())
    }

    fn tell(&mut self, text: Option<String>, out: &mut VecDeque<ChatEvent>) {
        let text = text.filter(|text| !text.is_empty());
        self.told.text += text.as_ref().map_or(0, String::len);
        out.extend(text.map(ChatEvent::Text));
    }

    fn close(&mut self, source: &Source<'_>, index: u32, out: &mut VecDeque<ChatEvent>) {
        match self.open.remove(&index) {
            Some(Open::Call { index, input: Some(input), .. }) => {
                // Arguments that never came are those of a call without any.
                let input = if input.is_empty() { "{}".to_owned() } else { input };
                out.push_back(call(index, None, None, input));
            }
            Some(Open::Other(kept)) => {
                let place = kept.place;
                out.extend(kept.whole().map(|block| ChatEvent::Sealed(place.seal(source, &block))));
            }
            _ => {}
        }
    }

    fn count(&mut self, raw: Option<&RawValue>, out: &mut VecDeque<ChatEvent>) {
        let Some(raw) = raw else { return };
        self.usage = self.usage.updated_by(WireUsage::of(raw));
        let usage = self.usage.usage();
        if usage != Usage::UNKNOWN {
            out.push_back(ChatEvent::Usage(usage));
        }
    }

    /// The answer is whole, if there is one.
    fn done(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        while let Some(index) = self.open.keys().next().copied() {
            self.close(source, index, out);
        }
        let has_content = self.told != Place::default();
        let partial = || {
            let mut partial = Partial::default();
            partial.usage = self.usage.usage();
            partial
        };
        match self.stop.take() {
            Some(Stop::Refused(details)) if !has_content => Err(decode::refused(source, &details, partial())),
            Some(Stop::WindowFull) if !has_content => Err(decode::window_full(source, partial())),
            None if !has_content => {
                Err(source.bad_reply("the stream said that it is done and held no answer"))
            }
            stop => {
                out.push_back(ChatEvent::End(finish(stop, self.told.calls > 0)));
                Ok(())
            }
        }
    }
}

impl Kept {
    fn is(&self, sort: &str) -> bool {
        self.block.as_ref().and_then(|block| block.get("type")).and_then(Value::as_str) == Some(sort)
    }

    fn add(&mut self, delta: &Delta<'_>) {
        let Some(block) = &mut self.block else { return };
        match delta.r#type.as_deref() {
            Some("thinking_delta") => {
                if let Value::String(text) = block.entry("thinking").or_insert_with(|| Value::from("")) {
                    text.push_str(delta.thinking.as_deref().unwrap_or_default());
                }
            }
            // It comes whole.
            Some("signature_delta") => {
                let signature = delta.signature.as_deref().unwrap_or_default();
                block.insert("signature".to_owned(), signature.into());
            }
            Some("input_json_delta") => {
                self.input.push_str(delta.partial_json.as_deref().unwrap_or_default())
            }
            // What it adds is unknown, so the block is no longer what the model made.
            _ => self.block = None,
        }
    }

    /// The block as it would have come in one piece, if it has to go back.
    fn whole(self) -> Option<Value> {
        let mut block = self.block?;
        if !self.input.is_empty() {
            block.insert("input".to_owned(), serde_json::from_str(&self.input).ok()?);
        }
        let text = |name| block.get(name).and_then(Value::as_str);
        goes_back(text("type"), text("signature")).then_some(Value::Object(block))
    }
}

/// Tells a thought, or that there is one.
fn think(thought: Option<String>, out: &mut VecDeque<ChatEvent>) {
    let thought = thought.filter(|thought| !thought.is_empty());
    out.push_back(thought.map_or(ChatEvent::Progress, ChatEvent::Reasoning));
}

fn call(index: usize, id: Option<String>, name: Option<String>, arguments: String) -> ChatEvent {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    ChatEvent::ToolCall(ToolCallDelta::new(index, id, name, arguments))
}
