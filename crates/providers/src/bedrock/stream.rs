//! From the messages of a stream to the pieces of an answer.

use std::collections::VecDeque;

use backstop_core::chat::{ChatEvent, FinishReason, Sealed, ToolCall, ToolCallDelta};
use backstop_core::{Error, Usage};
use serde_json::json;

use super::decode::{failed, finish, part, reply, sealed, unless_masked, usage};
use super::error;
use super::frames::{AwsFrame, AwsFrames};
use super::wire::{Delta, Event, ReplyBlock, ReplyCall, ThoughtDelta};
use crate::http::{Decode, Source, arguments, from_json};

/// More tool calls than any answer may have.
const CALLS_MAX: usize = 1024;

/// More than an answer thinks at a time. Of what is longer nothing is kept: a part of it would be refused.
const KEPT_MAX: usize = 8 << 20;

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// Something that was meant for us has come.
    begun: bool,
    /// There was text, or a call.
    has_content: bool,
    /// The places of the tool calls that have begun, in the order in which they did.
    calls: Vec<u32>,
    /// The place of a call whose arguments have not begun. One without any says nothing of them.
    bare: Option<u32>,
    /// The place of a call that the service runs itself, and of which more may come.
    own: Option<u32>,
    thought: Thought,
    /// Why the answer ended, once it has. What it cost comes after that.
    finish: Option<FinishReason>,
    usage: Usage,
}

impl Decode for ChatPieces {
    type Piece = ChatEvent;
    type Frames = AwsFrames;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) {
        out.push_back(ChatEvent::opened(Some(source.status), source.request_id()));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        frame: &AwsFrame,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<bool, Error> {
        match &*frame.sort {
            "exception" => return Err(error::in_reply(source, &frame.name, &frame.payload)),
            "error" => return Err(error::in_reply(source, &frame.name, frame.told.as_bytes())),
            _ => {}
        }
        let name = &*frame.name;
        if !matches!(
            name,
            "messageStart"
                | "contentBlockStart"
                | "contentBlockDelta"
                | "contentBlockStop"
                | "messageStop"
                | "metadata"
        ) {
            // What is newer than this.
            return Ok(false);
        }
        let event: Event<'_> = from_json(&frame.payload)
            .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))?;
        self.begun = true;
        let place = event.content_block_index.unwrap_or_default();
        match name {
            "contentBlockStart" => self.start(source, place, event.start.unwrap_or_default(), out)?,
            "contentBlockDelta" => self.delta(source, place, event.delta.unwrap_or_default(), out),
            "contentBlockStop" => self.close(source, out),
            "messageStop" => {
                self.close(source, out);
                let finish = finish(event.stop_reason.as_deref(), !self.calls.is_empty(), !self.has_content);
                self.finish = Some(finish.map_err(|kind| failed(source, kind))?);
            }
            "metadata" => {
                self.usage = self.usage.updated_by(event.usage.map_or(Usage::UNKNOWN, usage));
                let finish = self.finish.take();
                self.finish = finish.map(|finish| unless_masked(finish, event.trace, !self.calls.is_empty()));
            }
            _ => {}
        }
        if name == "metadata" && self.finish.is_some() {
            self.done(out);
            return Ok(true);
        }
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.finish.is_some() {
            // All of the answer has come; only what it cost has not.
            self.done(out);
            return Ok(());
        }
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
        let reply = reply(source, body)?.check_filter().map_err(|error| source.attempt.located(error))?;
        out.extend(reply.reasoning.map(ChatEvent::Reasoning));
        out.extend(reply.sealed.into_iter().map(ChatEvent::Sealed));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
        out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
        }));
        self.usage = reply.usage;
        self.finish = Some(reply.finish);
        self.done(out);
        Ok(())
    }
}

impl ChatPieces {
    fn start(
        &mut self,
        source: &Source<'_>,
        place: u32,
        start: ReplyBlock<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        for (sort, raw) in start {
            match &*sort {
                "toolUse" => {
                    let call: ReplyCall<'_> = part(source, raw)?;
                    self.own = call.runs_there().then_some(place);
                    out.push_back(match self.own {
                        Some(_) => ChatEvent::Progress,
                        None => ChatEvent::ToolCall(self.call_delta(call, place)),
                    });
                }
                "reasoningContent" | "toolResult" => out.push_back(ChatEvent::Progress),
                "text" | "citationsContent" => {}
                other => out.push_back(ChatEvent::Other(other.to_owned())),
            }
        }
        Ok(())
    }

    fn delta(&mut self, source: &Source<'_>, place: u32, delta: Delta<'_>, out: &mut VecDeque<ChatEvent>) {
        let Delta { text, tool_use, reasoning_content, image } = delta;
        if let Some(thought) = reasoning_content {
            // Not every block says that it has ended.
            if self.thought.place != place {
                out.extend(self.thought.end(source).map(ChatEvent::Sealed));
            }
            let told = thought.text.clone().filter(|text| !text.is_empty());
            self.thought.add(place, thought);
            out.push_back(told.map_or(ChatEvent::Progress, ChatEvent::Reasoning));
        }
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.has_content = true;
            out.push_back(ChatEvent::Text(text));
        }
        out.extend(tool_use.map(|call| match self.own {
            Some(own) if own == place => ChatEvent::Progress,
            _ => ChatEvent::ToolCall(self.call_delta(call, place)),
        }));
        out.extend(image.map(|_| ChatEvent::Other("image".to_owned())));
    }

    fn call_delta(&mut self, call: ReplyCall<'_>, place: u32) -> ToolCallDelta {
        self.has_content = true;
        // Places are those among all blocks; calls are counted by themselves.
        let known = self.calls.iter().position(|call| *call == place);
        let index = known.unwrap_or(self.calls.len());
        // More than anybody will put together need not be remembered.
        if known.is_none() && self.calls.len() <= CALLS_MAX {
            self.calls.push(place);
        }
        let id = call.tool_use_id.filter(|id| !id.is_empty());
        let id = id.or_else(|| known.is_none().then(|| format!("call_{index}")));
        let name = call.name.filter(|name| !name.is_empty());
        let arguments = arguments(call.input);
        if !arguments.is_empty() {
            self.bare = self.bare.filter(|bare| *bare != place);
        } else if known.is_none() {
            self.bare = Some(place);
        }
        ToolCallDelta::new(u32::try_from(index).unwrap_or(u32::MAX), id, name, arguments)
    }

    /// The end of a block.
    fn close(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) {
        out.extend(self.thought.end(source).map(ChatEvent::Sealed));
        let bare = self.bare.take().and_then(|bare| self.calls.iter().position(|call| *call == bare));
        if let Some(index) = bare.and_then(|index| u32::try_from(index).ok()) {
            out.push_back(ChatEvent::ToolCall(ToolCallDelta::new(index, None, None, "{}")));
        }
    }

    fn done(&mut self, out: &mut VecDeque<ChatEvent>) {
        out.extend(Some(self.usage).filter(|usage| *usage != Usage::UNKNOWN).map(ChatEvent::Usage));
        out.extend(self.finish.take().map(ChatEvent::End));
    }
}

/// A thought, kept until it is whole.
#[derive(Debug, Default)]
struct Thought {
    place: u32,
    text: String,
    signature: String,
    /// What was thought and is told to nobody.
    redacted: String,
    too_long: bool,
}

impl Thought {
    fn add(&mut self, place: u32, delta: ThoughtDelta) {
        self.place = place;
        let ThoughtDelta { text, signature, redacted_content } = delta;
        let kept = [
            (&mut self.text, text),
            (&mut self.signature, signature),
            (&mut self.redacted, redacted_content),
        ];
        for (kept, more) in kept {
            let more = more.unwrap_or_default();
            self.too_long |= kept.len() + more.len() > KEPT_MAX;
            if !self.too_long {
                kept.push_str(&more);
            }
        }
    }

    /// What has to come back of it.
    fn end(&mut self, source: &Source<'_>) -> Option<Sealed> {
        let Self { text, signature, redacted, too_long, .. } = std::mem::take(self);
        if too_long {
            return None;
        }
        sealed(
            source,
            match redacted.is_empty() {
                true => json!({ "reasoningText": { "text": text, "signature": signature } }),
                false => json!({ "redactedContent": redacted }),
            },
        )
    }
}
