//! From the events of a streamed response to its pieces, for the Responses API.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use backstop_core::chat::{ChatEvent, ChatReply, FinishReason, ToolCall, ToolCallDelta};
use backstop_core::{Error, Partial, Usage};
use serde_json::value::RawValue;

use super::decode::{Answer, BETWEEN, Known, Offered, answer, finish, refused, reply, sealed, usage};
use super::error;
use super::wire::{Event, OutputItem, Response};
use crate::http::{Decode, Source, SseEvent, SseParser, from_json};

/// The most of a refusal that is kept.
const REFUSAL_MAX: usize = 1 << 20;

/// More tool calls than any answer may have.
const CALLS_MAX: usize = 1024;

/// What a streamed response has come to.
#[derive(Debug, Default)]
pub(super) struct ResponsePieces {
    /// Something that was meant for us has come.
    begun: bool,
    /// Text or tool calls have been told.
    content: bool,
    /// Thoughts have been told.
    thought: bool,
    /// Sealed ones, too.
    sealed: bool,
    /// Messages and calls that have begun.
    before: u64,
    /// The calls that have begun, by their place in the output.
    calls: BTreeMap<u32, Begun>,
    offered: Offered,
    /// The model refuses.
    refused: bool,
    /// What the refusal says, until it is certain whether it stands in place of the answer.
    refusal: String,
}

/// A call that has begun.
#[derive(Debug)]
struct Begun {
    index: u32,
    /// Some of its arguments have come.
    has_arguments: bool,
}

impl Decode for ResponsePieces {
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
            return Err(error::of_event(source, data));
        }
        // Said to keep the connection alive, or by servers that end every stream so.
        if data.is_empty() || data.starts_with("[DONE]") {
            return Ok(false);
        }
        let read: Event<'_> = from_json(data.as_bytes())
            .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))?;
        let sort = read.r#type.as_deref().unwrap_or(&event.name);
        if sort == "error" || read.error.is_some() {
            return Err(error::of_event(source, data));
        }
        match sort {
            "response.created" => self.start(read.response, out),
            "response.output_item.added" | "response.output_item.done" => {
                let item = read.item.map(|raw| Known::of(source, raw, &self.offered)).transpose()?;
                let is_done = sort.ends_with("done");
                match item {
                    Some(item) if is_done => self.item_done(source, read.output_index, item, out),
                    Some(item) => self.added(read.output_index, item, out),
                    None => {}
                }
            }
            "response.output_text.delta" => self.text(text(read.delta), out),
            "response.refusal.delta" => self.refusal(text(read.delta), out),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.more(read.output_index, text(read.delta), out);
            }
            "response.reasoning_summary_part.added" if self.thought => {
                out.push_back(ChatEvent::Reasoning(BETWEEN.to_owned()));
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let thought = Some(text(read.delta)).filter(|thought| !thought.is_empty());
                self.thought |= thought.is_some();
                out.push_back(thought.map_or(ChatEvent::Progress, ChatEvent::Reasoning));
            }
            _ if is_work(sort) => out.push_back(ChatEvent::Progress),
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                let sort = sort.trim_start_matches("response.").to_owned();
                let mut response = read
                    .response
                    .ok_or_else(|| source.bad_reply("the last event of the stream holds no response"))?;
                response.status.get_or_insert(Cow::Owned(sort));
                return self.done(source, response, out).map(|()| true);
            }
            _ => {}
        }
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, _out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        Err(match self.begun || self.content {
            true => source.bad_reply("the stream ended in mid-answer"),
            false => source.no_reply("the stream ended before its first event"),
        })
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let reply = reply(source, body)?.check_filter().map_err(|error| source.attempt.located(error))?;
        let (finish, usage) = (reply.finish.clone(), reply.usage);
        out.push_back(ChatEvent::start(reply.model.clone(), reply.id.clone()));
        tell(reply, out);
        out.extend((usage != Usage::UNKNOWN).then_some(ChatEvent::Usage(usage)));
        out.push_back(ChatEvent::End(finish));
        Ok(())
    }
}

/// Tells what an answer says, as if it had come in pieces.
fn tell(reply: ChatReply, out: &mut VecDeque<ChatEvent>) {
    out.extend(reply.reasoning.map(ChatEvent::Reasoning));
    out.extend(reply.sealed.into_iter().map(ChatEvent::Sealed));
    out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(ChatEvent::Text));
    out.extend(reply.other.into_iter().map(ChatEvent::Other));
    out.extend((0..).zip(reply.tool_calls).map(|(index, ToolCall { id, name, arguments, .. })| {
        ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), Some(name), arguments))
    }));
}

impl ResponsePieces {
    fn start(&mut self, response: Option<Response<'_>>, out: &mut VecDeque<ChatEvent>) {
        if let Some(response) = response.as_ref().filter(|_| !self.offered.is_known()) {
            self.offered = Offered::of(response.tools);
        }
        if let Some(response) = response.filter(|_| !self.begun) {
            self.begun = true;
            out.push_back(ChatEvent::start(response.model, response.id));
        }
    }

    fn text(&mut self, text: String, out: &mut VecDeque<ChatEvent>) {
        if text.is_empty() {
            return;
        }
        self.content = true;
        // A refusal beside an answer is part of it.
        let refusal = Some(std::mem::take(&mut self.refusal)).filter(|refusal| !refusal.is_empty());
        out.extend(refusal.into_iter().chain([text]).map(ChatEvent::Text));
    }

    fn refusal(&mut self, refusal: String, out: &mut VecDeque<ChatEvent>) {
        self.refused |= !refusal.is_empty();
        if self.content {
            self.text(refusal, out);
        } else if self.refusal.len() + refusal.len() <= REFUSAL_MAX {
            self.refusal.push_str(&refusal);
        }
    }

    /// An item of the output has begun.
    fn added(&mut self, place: Option<u32>, item: Known, out: &mut VecDeque<ChatEvent>) {
        match item {
            Known::Message(_) => self.before += 1,
            Known::Call(item) => {
                self.before += 1;
                self.call(place, item, out);
            }
            Known::Thought(_) | Known::Own | Known::Other(_) => out.push_back(ChatEvent::Progress),
        }
    }

    /// A call has begun. What is already there of its arguments is told with it.
    fn call(&mut self, place: Option<u32>, mut item: OutputItem, out: &mut VecDeque<ChatEvent>) {
        let index = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let place = place.unwrap_or(index);
        if self.calls.len() > CALLS_MAX || self.calls.contains_key(&place) {
            return;
        }
        let arguments = item.given();
        let OutputItem { call_id, name, .. } = item;
        self.content = true;
        self.calls.insert(place, Begun { index, has_arguments: !arguments.is_empty() });
        let id = call_id.unwrap_or_else(|| format!("call_{index}"));
        out.push_back(ChatEvent::ToolCall(ToolCallDelta::new(index, Some(id), name, arguments)));
    }

    fn more(&mut self, place: Option<u32>, arguments: String, out: &mut VecDeque<ChatEvent>) {
        let begun = match place {
            Some(place) => self.calls.get_mut(&place),
            None => self.calls.values_mut().next_back(),
        };
        if let Some(call) = begun.filter(|_| !arguments.is_empty()) {
            call.has_arguments = true;
            out.push_back(ChatEvent::ToolCall(ToolCallDelta::new(call.index, None, None, arguments)));
        }
    }

    /// An item of the output is whole.
    fn item_done(
        &mut self,
        source: &Source<'_>,
        place: Option<u32>,
        item: Known,
        out: &mut VecDeque<ChatEvent>,
    ) {
        match item {
            Known::Thought(mut item) => {
                let sealed = sealed(source, &mut item, self.before);
                self.sealed |= sealed.is_some();
                out.push_back(sealed.map_or(ChatEvent::Progress, ChatEvent::Sealed));
            }
            Known::Call(mut item) => match place.and_then(|place| self.calls.get(&place)) {
                None => self.added(place, Known::Call(item), out),
                Some(call) if call.has_arguments => {}
                Some(_) => self.more(place, item.given(), out),
            },
            Known::Own => out.push_back(ChatEvent::Progress),
            Known::Other(name) => out.push_back(ChatEvent::Other(name)),
            Known::Message(_) => {}
        }
    }

    /// The response is whole, or has failed.
    fn done(
        &mut self,
        source: &Source<'_>,
        mut response: Response<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        if let Some(error) = error::of_response(source, &response) {
            return Err(error);
        }
        let usage = response.usage.map_or(Usage::UNKNOWN, usage);
        let (status, reason) = (response.status.take(), response.incomplete_details.take());
        let output = response.output.take().unwrap_or_default();
        self.start(Some(response), out);
        let mut called_tools = !self.calls.is_empty();
        // Some servers tell everything in the end.
        if !self.content && !self.refused {
            let Answer { mut reply, refusal } = answer(source, &output, &self.offered)?;
            reply.reasoning = reply.reasoning.filter(|_| !self.thought);
            reply.sealed.retain(|_| !self.sealed);
            called_tools = !reply.tool_calls.is_empty();
            self.content = !reply.is_empty();
            tell(reply, out);
            self.refusal(refusal, out);
        }
        if self.refused && !self.content {
            let mut partial = Partial::text(std::mem::take(&mut self.refusal));
            partial.usage = usage;
            return Err(refused(source, partial));
        }
        let reason = reason.and_then(|details| details.reason);
        let finish = match finish(status.as_deref(), reason.as_deref(), called_tools) {
            _ if self.refused => FinishReason::ContentFilter,
            Some(finish) => finish,
            None => return Err(source.bad_reply("the response is not done")),
        };
        out.extend((usage != Usage::UNKNOWN).then_some(ChatEvent::Usage(usage)));
        out.push_back(ChatEvent::End(finish));
        Ok(())
    }
}

/// Whether an event says that the model is at work, thinks or uses a tool of the service's.
fn is_work(sort: &str) -> bool {
    let event = sort.strip_prefix("response.").unwrap_or_default();
    let is_of = |item: &str| event.starts_with(item);
    let is_ours = is_of("function_call") || is_of("custom_tool_call");
    let is_its_own = is_of("mcp_") || event.contains("_call.") || event.contains("_call_");
    event == "in_progress" || is_of("reasoning") || (is_its_own && !is_ours)
}

/// The text of a delta; in events that are not used it may be something else.
fn text(delta: Option<&RawValue>) -> String {
    delta.and_then(|delta| serde_json::from_str(delta.get()).ok()).unwrap_or_default()
}
