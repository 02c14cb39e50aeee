//! Continuations of a text, on wires where they come in the form of an answer to a chat.

use std::collections::VecDeque;

use backstop_core::Error;
use backstop_core::chat::{ChatEvent, ChatReply};
use backstop_core::completion::{CompletionEvent, CompletionReply};

use super::attempt::Source;
use super::frames::Frames;
use super::stream::Decode;

/// A continuation that came as an answer. What an answer has beside its text, a continuation has not.
pub(crate) fn continuation(reply: ChatReply) -> CompletionReply {
    let mut text = CompletionReply::text(reply.text);
    (text.finish, text.usage, text.model) = (reply.finish, reply.usage, reply.model);
    (text.request_id, text.status) = (reply.request_id, reply.status);
    text
}

/// Reads a stream as an answer, and tells it as a continuation.
#[derive(Debug, Default)]
pub(crate) struct Continuation<D>(D);

impl<D> Continuation<D> {
    fn tell<T>(
        &mut self,
        out: &mut VecDeque<CompletionEvent>,
        read: impl FnOnce(&mut D, &mut VecDeque<ChatEvent>) -> T,
    ) -> T {
        let mut events = VecDeque::new();
        let result = read(&mut self.0, &mut events);
        out.extend(events.into_iter().filter_map(|event| match event {
            ChatEvent::Start { model: Some(model), .. } => Some(CompletionEvent::start(Some(model))),
            // An id of the answer alone: a continuation has none.
            ChatEvent::Start { status: None, request_id: None, .. } => None,
            ChatEvent::Start { status, request_id, .. } => Some(CompletionEvent::opened(status, request_id)),
            ChatEvent::Text(text) => Some(CompletionEvent::Text(text)),
            ChatEvent::Usage(usage) => Some(CompletionEvent::Usage(usage)),
            ChatEvent::End(finish) => Some(CompletionEvent::End(finish)),
            _ => None,
        }));
        result
    }
}

impl<D: Decode<Piece = ChatEvent>> Decode for Continuation<D> {
    type Piece = CompletionEvent;
    type Frames = D::Frames;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<CompletionEvent>) {
        self.tell(out, |answer, events| answer.open(source, events));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        frame: &<D::Frames as Frames>::Frame,
        out: &mut VecDeque<CompletionEvent>,
    ) -> Result<bool, Error> {
        self.tell(out, |answer, events| answer.frame(source, frame, events))
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<CompletionEvent>) -> Result<(), Error> {
        self.tell(out, |answer, events| answer.end(source, events))
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<CompletionEvent>,
    ) -> Result<(), Error> {
        self.tell(out, |answer, events| answer.whole(source, body, events))
    }
}
