//! From pieces to a whole: what a stream comes to.

use serde_json::Value;

use super::event::{ChatEvent, ToolCallDelta};
use super::message::ToolCall;
use super::reply::ChatReply;
use crate::error::{Error, ErrorKind, Partial};

/// The most that an answer may come to, all of its parts together: as much as a body in one piece.
const TOTAL_MAX: usize = 64 << 20;
/// The most thoughts that are kept: their beginning.
const REASONING_MAX: usize = 1 << 20;
/// The most tool calls an answer may have.
const TOOL_CALLS_MAX: usize = 1024;
/// The most sealed parts an answer may have.
const SEALED_MAX: usize = 1024;

/// Puts the pieces of a streamed answer together.
///
/// ```
/// use backstop_core::chat::{ChatCollector, ChatEvent, FinishReason};
/// let mut collector = ChatCollector::default();
/// for event in [ChatEvent::Text("Hel".into()), ChatEvent::Text("lo".into()), ChatEvent::End(FinishReason::Stop)] {
///     collector.push(&event).unwrap();
/// }
/// assert_eq!(collector.into_reply().text, "Hello");
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChatCollector {
    reply: ChatReply,
    reasoning: String,
    /// No more thoughts are kept.
    full: bool,
    /// How many bytes the reply takes, all of its parts together. Bounds of each part alone would leave the whole
    /// without one.
    size: usize,
}

impl ChatCollector {
    /// Adds a piece.
    ///
    /// # Errors
    /// `BadReply` if the answer grows past what an answer may be.
    pub fn push(&mut self, event: &ChatEvent) -> Result<(), Error> {
        match event {
            ChatEvent::Start { model, id, status, request_id } => {
                let texts = [model, id, request_id].into_iter().flatten();
                self.grow(texts.map(String::len).sum())?;
                update(&mut self.reply.model, model);
                update(&mut self.reply.id, id);
                update(&mut self.reply.status, status);
                update(&mut self.reply.request_id, request_id);
            }
            ChatEvent::Text(text) => {
                self.grow(text.len())?;
                self.reply.text.push_str(text);
            }
            ChatEvent::ToolCall(delta) => self.tool_call(delta)?,
            ChatEvent::Reasoning(text) => {
                // What comes after a gap would read as if it belonged there.
                self.full |= self.reasoning.len() + text.len() > REASONING_MAX;
                if !self.full {
                    self.reasoning.push_str(text);
                }
            }
            ChatEvent::Progress => {}
            ChatEvent::Other(name) => self.reply.note(name),
            ChatEvent::Sealed(sealed) => {
                self.grow(sealed.provider.len() + sealed.model.len() + weight(&sealed.data))?;
                self.reply.sealed.push(sealed.clone());
                if self.reply.sealed.len() > SEALED_MAX {
                    return Err(too_large("it has more than 1024 sealed parts"));
                }
            }
            ChatEvent::Usage(usage) => self.reply.usage = self.reply.usage.updated_by(*usage),
            ChatEvent::End(finish) => self.reply.finish = finish.clone(),
        }
        Ok(())
    }

    /// The reply, as far as it has come.
    #[must_use]
    pub fn into_reply(self) -> ChatReply {
        let reasoning = (!self.reasoning.is_empty()).then_some(self.reasoning);
        ChatReply { reasoning, ..self.reply }
    }

    /// What to tell somebody whose answer broke off here.
    #[must_use]
    pub fn into_partial(self) -> Partial {
        self.into_reply().into_partial()
    }

    /// The HTTP status, if it is known by now.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.reply.status
    }

    /// The provider's id for the request, if it is known by now.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.reply.request_id.as_deref()
    }

    /// Whether there is neither text nor a tool call so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reply.is_empty()
    }

    /// Counts what is about to be kept.
    fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        self.size = self.size.saturating_add(bytes);
        if self.size > TOTAL_MAX {
            return Err(too_large("all of its parts together pass 64 MiB"));
        }
        Ok(())
    }

    fn tool_call(&mut self, delta: &ToolCallDelta) -> Result<(), Error> {
        let index = usize::try_from(delta.index).unwrap_or(usize::MAX);
        let calls = &mut self.reply.tool_calls;
        if index >= TOOL_CALLS_MAX {
            return Err(too_large("it has more than 1024 tool calls"));
        }
        if index >= calls.len() {
            calls.resize(index + 1, ToolCall::default());
        }
        let Some(call) = calls.get(index) else { return Ok(()) };
        // A name that is told again takes the place of the one before it.
        let gone = [(&call.id, &delta.id), (&call.name, &delta.name)];
        let gone: usize = gone.into_iter().filter(|(_, new)| new.is_some()).map(|(old, _)| old.len()).sum();
        let new: usize = [&delta.id, &delta.name].into_iter().flatten().map(String::len).sum();
        self.size = self.size.saturating_sub(gone);
        self.grow(new.saturating_add(delta.arguments.len()))?;
        let Some(call) = self.reply.tool_calls.get_mut(index) else { return Ok(()) };
        if let Some(id) = &delta.id {
            call.id.clone_from(id);
        }
        if let Some(name) = &delta.name {
            call.name.clone_from(name);
        }
        call.arguments.push_str(&delta.arguments);
        Ok(())
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    let mut bytes = 0usize;
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        bytes = bytes.saturating_add(size_of::<Value>());
        match value {
            Value::String(text) => bytes = bytes.saturating_add(text.len()),
            Value::Array(values) => waiting.extend(values),
            Value::Object(members) => {
                bytes = bytes.saturating_add(members.keys().map(String::len).sum());
                waiting.extend(members.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    bytes
}

fn update<T: Clone>(known: &mut Option<T>, stated: &Option<T>) {
    if stated.is_some() {
        known.clone_from(stated);
    }
}

fn too_large(what: &str) -> Error {
    Error::new(ErrorKind::BadReply, format!("the answer is too large: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chat::{FinishReason, Sealed};
    use crate::usage::Usage;

    fn collect(events: &[ChatEvent]) -> ChatReply {
        let mut collector = ChatCollector::default();
        for event in events {
            collector.push(event).unwrap();
        }
        collector.into_reply()
    }

    #[test]
    fn tool_calls_come_together_by_their_index() {
        let delta = |index, id: Option<&str>, name: Option<&str>, arguments: &str| {
            ChatEvent::ToolCall(ToolCallDelta::new(
                index,
                id.map(Into::into),
                name.map(Into::into),
                arguments,
            ))
        };
        let reply = collect(&[
            delta(0, Some("c1"), Some("weather"), "{\"city\":"),
            delta(1, Some("c2"), Some("time"), "{}"),
            delta(0, None, None, "\"Oslo\"}"),
            ChatEvent::End(FinishReason::ToolCalls),
        ]);
        assert_eq!(
            reply.tool_calls,
            [ToolCall::new("c1", "weather", "{\"city\":\"Oslo\"}"), ToolCall::new("c2", "time", "{}")]
        );
    }

    #[test]
    fn usage_in_several_pieces_adds_up_to_what_is_known() {
        let mut late = Usage::UNKNOWN;
        late.output_tokens = Some(7);
        let mut early = Usage::UNKNOWN;
        early.input_tokens = Some(3);
        assert_eq!(collect(&[ChatEvent::Usage(early), ChatEvent::Usage(late)]).usage, Usage::new(3, 7));
    }

    #[test]
    fn endless_thoughts_are_kept_up_to_a_bound_and_a_wild_index_is_refused() {
        let thought = ChatEvent::Reasoning("x".repeat(1000));
        let mut collector = ChatCollector::default();
        for _ in 0..2_000 {
            collector.push(&thought).unwrap();
        }
        assert!(collector.clone().into_reply().reasoning.unwrap().len() <= REASONING_MAX);
        let wild = ChatEvent::ToolCall(ToolCallDelta::new(u32::MAX, None, None, ""));
        assert_eq!(collector.push(&wild).unwrap_err().kind(), ErrorKind::BadReply);
    }

    #[test]
    fn parts_that_each_keep_their_bound_do_not_pass_that_of_all_together() {
        const MIB: usize = 1 << 20;
        let big = || "x".repeat(MIB);
        let call = |index| ChatEvent::ToolCall(ToolCallDelta::new(index, None, None, big()));
        let sealed = |_| ChatEvent::Sealed(Sealed::new("p", "m", json!({ "a": [big()] })));
        let text = |_| ChatEvent::Text(big());
        let start = |_| ChatEvent::start(Some(big()), None);
        for (name, event) in [
            ("calls", &call as &dyn Fn(u32) -> ChatEvent),
            ("sealed parts", &sealed),
            ("texts", &text),
            ("starts", &start),
        ] {
            let mut collector = ChatCollector::default();
            let kept = (0..100).take_while(|n| collector.push(&event(*n)).is_ok()).count();
            assert!((63..=64).contains(&kept), "{kept} {name}");
        }
        let mut collector = ChatCollector::default();
        for _ in 0..100 {
            let named = ToolCallDelta::new(0, Some(big()), Some("f".to_owned()), "");
            collector.push(&ChatEvent::ToolCall(named)).unwrap();
        }
        let mut mixed = ChatCollector::default();
        (0..40).for_each(|n| mixed.push(&call(n)).unwrap());
        let error = (0..40).find_map(|n| mixed.push(&text(n)).err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        assert!(error.message().contains("together pass 64 MiB"), "{error}");
    }

    #[test]
    fn thoughts_are_kept_without_a_gap() {
        let mut collector = ChatCollector::default();
        for thought in ["a".repeat(REASONING_MAX - 1), "bb".to_owned(), "c".to_owned()] {
            collector.push(&ChatEvent::Reasoning(thought)).unwrap();
        }
        assert!(collector.into_reply().reasoning.unwrap().ends_with('a'));
    }

    #[test]
    fn a_start_that_comes_again_adds_to_what_is_known() {
        let reply = collect(&[
            ChatEvent::opened(Some(200), Some("req_1".to_owned())),
            ChatEvent::start(Some("m".to_owned()), Some("c1".to_owned())),
        ]);
        assert_eq!((reply.status, reply.request_id.as_deref()), (Some(200), Some("req_1")));
        assert_eq!((reply.model.as_deref(), reply.id.as_deref()), (Some("m"), Some("c1")));
    }
}
