//! From the bytes of an answer to a reply.

use std::collections::VecDeque;

use backstop_core::chat::{ChatEvent, ChatReply, ChatRequest, FinishReason, ToolCall, ToolCallDelta};
use backstop_core::completion::CompletionReply;
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, Usage};
use serde_json::value::RawValue;

use super::DEFAULT_MODEL;
use super::error;
use super::wire::{Answer, Embeddings, Installed, ReplyCall, ReplyMessage};
use crate::http::{Decode, Lines, Source, arguments, checked, continuation, from_json};

/// The reply in the body of a 200.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

/// The continuation in the body of a 200. It may be empty.
pub(super) fn complete(source: &Source<'_>, body: &[u8]) -> Result<CompletionReply, Error> {
    reply(source, body).map(continuation)
}

fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let answer = read(source, body, "the reply")?;
    if answer.done != Some(true) {
        // It broke off behind the server.
        return Err(source.no_reply("the reply does not say that it is done"));
    }
    let (finish, usage) = (finish(answer.done_reason.as_deref()), usage(&answer));
    let message = message(answer.message, answer.response);
    let message = message.ok_or_else(|| source.bad_reply("the reply holds no message"))?;
    let mut decoded = ChatReply::text(message.content.unwrap_or_default());
    message.images.into_iter().flatten().for_each(|_| decoded.note("image"));
    decoded.tool_calls = message.tool_calls.unwrap_or_default().into_iter().enumerate().map(call).collect();
    decoded.reasoning = message.thinking.filter(|thought| !thought.is_empty());
    decoded.finish = called(finish, !decoded.tool_calls.is_empty());
    decoded.usage = usage;
    decoded.model = answer.model;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    Ok(decoded)
}

/// The vectors in the body of a 200.
pub(super) fn embed(
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let read: Embeddings<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if let Some(told) = read.error {
        return Err(error::in_reply(source, told.get()));
    }
    let vectors = read.embeddings.ok_or_else(|| source.bad_reply("the reply holds no vectors"))?;
    let mut decoded = EmbeddingReply::new(checked(source, request, vectors)?);
    decoded.usage.input_tokens = read.prompt_eval_count.and_then(count);
    decoded.model = read.model;
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    Ok(decoded)
}

/// The names of the models in the body of a 200 that can chat, the default first, those that run elsewhere last.
pub(super) fn installed(source: &Source<'_>, body: &[u8]) -> Result<Vec<String>, Error> {
    let read: Installed<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    let models = read.models.ok_or_else(|| source.bad_reply("the reply holds no list of models"))?;
    let mut names: Vec<String> =
        models.into_iter().filter(|model| model.chats()).map(|model| model.name.into_owned()).collect();
    let rank = |name: &str| match name.split_once(':') {
        _ if runs_elsewhere(name) => 2,
        Some((DEFAULT_MODEL, _)) => 0,
        _ => 1,
    };
    names.sort_by_key(|name| rank(name));
    Ok(names)
}

/// Whether the server passes what is asked of this model on to Ollama's own servers.
pub(super) fn runs_elsewhere(model: &str) -> bool {
    model.ends_with("-cloud") || model.ends_with(":cloud")
}

fn read<'a>(source: &Source<'_>, json: &'a [u8], what: &str) -> Result<Answer<'a>, Error> {
    let answer: Answer<'_> =
        from_json(json).map_err(|problem| source.no_reply(&format!("{what} {problem}")))?;
    match answer.error {
        Some(told) => Err(error::in_reply(source, told.get())),
        None => Ok(answer),
    }
}

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// A piece has come.
    begun: bool,
    /// How many tool calls have been told.
    calls: u32,
}

impl Decode for ChatPieces {
    type Piece = ChatEvent;
    type Frames = Lines;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) {
        out.push_back(ChatEvent::opened(Some(source.status), source.request_id()));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        line: &Vec<u8>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<bool, Error> {
        let answer = read(source, line, "a line of the stream")?;
        let (finish, usage) = (finish(answer.done_reason.as_deref()), usage(&answer));
        if !self.begun {
            self.begun = true;
            out.push_back(ChatEvent::start(answer.model, None));
        }
        let told = |text: &String| !text.is_empty();
        let message = message(answer.message, answer.response).unwrap_or_default();
        out.extend(message.thinking.filter(told).map(ChatEvent::Reasoning));
        out.extend(message.content.filter(told).map(ChatEvent::Text));
        let images = message.images.filter(|images| !images.is_empty());
        out.extend(images.map(|_| ChatEvent::Other("image".to_owned())));
        // Each call comes whole. Its own index may be that of a parser that counts anew.
        for one in message.tool_calls.unwrap_or_default() {
            let place = usize::try_from(self.calls).unwrap_or(usize::MAX);
            let ToolCall { id, name, arguments, .. } = call((place, one));
            out.push_back(ChatEvent::ToolCall(ToolCallDelta::new(
                self.calls,
                Some(id),
                Some(name),
                arguments,
            )));
            self.calls = self.calls.saturating_add(1);
        }
        if answer.done != Some(true) {
            return Ok(false);
        }
        if usage != Usage::UNKNOWN {
            out.push_back(ChatEvent::Usage(usage));
        }
        out.push_back(ChatEvent::End(called(finish, self.calls > 0)));
        Ok(true)
    }

    fn end(&mut self, source: &Source<'_>, _out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        if self.begun {
            return Err(source.bad_reply("the stream ended in mid-answer"));
        }
        Err(source.no_reply("the stream ended before its first line"))
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        _out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        Err(no_lines(source, body))
    }
}

/// Something that begins like no answer of this wire.
fn no_lines(source: &Source<'_>, body: &[u8]) -> Error {
    match from_json::<Answer<'_>>(body) {
        Ok(_) => source.no_reply("the reply has another form than documented"),
        Err(problem) => source.no_reply(&format!("the reply {problem}")),
    }
}

/// A text that goes on stands where a message would.
fn message<'a>(message: Option<ReplyMessage<'a>>, response: Option<String>) -> Option<ReplyMessage<'a>> {
    let text = |content| ReplyMessage { content: Some(content), ..ReplyMessage::default() };
    message.or_else(|| response.map(text))
}

fn call((index, call): (usize, ReplyCall<'_>)) -> ToolCall {
    // Results are matched to calls by id, and older servers give none.
    let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{index}"));
    ToolCall::new(id, call.function.name, arguments(call.function.arguments))
}

fn finish(word: Option<&str>) -> FinishReason {
    match word {
        // Older servers leave it out.
        Some("stop" | "") | None => FinishReason::Stop,
        Some("length") => FinishReason::Length,
        Some(other) => FinishReason::Other(other.to_owned()),
    }
}

/// The wire has no word for an answer that waits for results.
fn called(finish: FinishReason, called_tools: bool) -> FinishReason {
    if called_tools && finish == FinishReason::Stop { FinishReason::ToolCalls } else { finish }
}

fn usage(answer: &Answer<'_>) -> Usage {
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = answer.prompt_eval_count.and_then(count);
    usage.output_tokens = answer.eval_count.and_then(count);
    usage
}

fn count(raw: &RawValue) -> Option<u64> {
    serde_json::from_str(raw.get()).ok()
}
