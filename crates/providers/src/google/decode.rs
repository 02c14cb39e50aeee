//! From the bytes of an answer to a reply. An answer in one piece is read like a stream of one piece.

use std::collections::VecDeque;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ChatRequest, FinishReason, ToolCallDelta};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use serde_json::value::RawValue;

use super::calls::Calls;
use super::wire::{Answer, AnswerBlob, AnswerPart, Candidate, PromptFeedback, WireUsage};
use super::{error, seal};
use crate::http::{Decode, Source, SseEvent, SseOrJson, from_json};

/// The reply in the body of a 200. Errors, blocked prompts and withheld or empty answers come with that status, too.
pub(super) fn chat(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    let mut pieces = ChatPieces::default();
    let mut told = VecDeque::new();
    pieces.open(source, &mut told);
    let outcome = pieces.whole(source, body, &mut told);
    let mut collector = ChatCollector::default();
    for event in &told {
        collector.push(event).map_err(|error| source.attempt.located(error))?;
    }
    match outcome {
        Ok(()) => collector.into_reply().check(request).map_err(|error| source.attempt.located(error)),
        Err(error) => match collector.into_partial() {
            nothing if nothing == Partial::default() => Err(error),
            partial => Err(error.with_partial(partial)),
        },
    }
}

/// What a streamed answer has come to.
#[derive(Debug, Default)]
pub(super) struct ChatPieces {
    /// Something that was meant for us has come.
    begun: bool,
    /// Text or tool calls have been told.
    content: bool,
    /// How many bytes of text have been told.
    text: usize,
    calls: Calls,
    /// How many tokens the model has thought.
    thought: u64,
    /// The usage that has not been told. Every piece repeats it.
    usage: Usage,
    /// Why the answer ended, in the service's word, and what it says of that.
    finish: Option<(String, Option<String>)>,
}

impl Decode for ChatPieces {
    type Piece = ChatEvent;
    type Frames = SseOrJson;

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
        // Said to keep the connection alive, or by something in between that speaks another wire.
        if data.is_empty() || data == "[DONE]" {
            return Ok(false);
        }
        for piece in values(source, data, "an event of the stream")? {
            self.piece(source, piece, "an event of the stream", out)?;
        }
        // There is no terminal marker: a reason for the end, and then the end.
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<ChatEvent>) -> Result<(), Error> {
        match self.finish.take() {
            Some((word, why)) => self.done(source, &word, why.as_deref(), out),
            None if self.begun => Err(source.bad_reply("the stream ended in mid-answer")),
            None => Err(source.no_reply("the stream ended before its first event")),
        }
    }

    /// One answer; or a list of pieces, which is what a stream is where nobody heard that events were asked for.
    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let text = std::str::from_utf8(body).map_err(|_| source.no_reply("the reply is not UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        for piece in values(source, text, "the reply")? {
            self.piece(source, piece, "the reply", out)?;
        }
        match &self.finish {
            Some(_) => self.end(source, out),
            None if text.starts_with('[') && self.begun => self.end(source, out),
            // Some servers in between leave the reason out. That nothing broke off is certain here.
            None if self.content => self.done(source, "STOP", None, out),
            None => Err(source.no_reply("the reply holds no candidate").not_counted()),
        }
    }
}

/// The value in this text, or those of a list: a service may wrap an error into one.
fn values<'a>(source: &Source<'_>, text: &'a str, what: &str) -> Result<Vec<&'a str>, Error> {
    if !text.starts_with('[') {
        return Ok(vec![text]);
    }
    let list: Vec<&RawValue> =
        from_json(text.as_bytes()).map_err(|problem| source.no_reply(&format!("{what} {problem}")))?;
    Ok(list.into_iter().map(RawValue::get).collect())
}

impl ChatPieces {
    fn piece(
        &mut self,
        source: &Source<'_>,
        text: &str,
        what: &str,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let answer: Answer<'_> =
            from_json(text.as_bytes()).map_err(|problem| source.no_reply(&format!("{what} {problem}")))?;
        if let Some(error) = answer.error {
            return Err(error::in_reply(source, error.get()));
        }
        let Answer { candidates, prompt_feedback, usage_metadata, model_version, response_id, .. } = answer;
        // What is of another form altogether is no piece of an answer.
        let is_ours = candidates.is_some() || prompt_feedback.is_some() || usage_metadata.is_some();
        if is_ours && !self.begun {
            self.begun = true;
            self.calls.of_answer.clone_from(&response_id);
            out.push_back(ChatEvent::start(model_version, response_id));
        }
        let told = out.len();
        let counted = usage_metadata.map_or(Usage::UNKNOWN, usage);
        self.usage = self.usage.updated_by(counted);
        let candidates = candidates.unwrap_or_default();
        if let Some(feedback) = prompt_feedback.filter(|_| candidates.is_empty()) {
            self.blocked(source, feedback, out)?;
        }
        // More than one candidate has to be asked for; the first is the answer.
        for candidate in candidates.into_iter().filter(|candidate| candidate.index.unwrap_or_default() == 0) {
            self.candidate(source, candidate, out)?;
        }
        // Thoughts that are not shown are counted while they are thought.
        let thought = counted.reasoning_tokens.unwrap_or_default();
        if thought > self.thought {
            self.thought = thought;
            out.extend((out.len() == told).then_some(ChatEvent::Progress));
        }
        if self.content {
            self.tell_usage(out);
        }
        Ok(())
    }

    /// The prompt was blocked: then there is no candidate.
    fn blocked(
        &mut self,
        source: &Source<'_>,
        feedback: PromptFeedback,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let PromptFeedback { block_reason, block_reason_message } = feedback;
        let Some(reason) = block_reason else { return Ok(()) };
        self.tell_usage(out);
        let message = with_reason("the prompt was blocked", &reason, block_reason_message.as_deref());
        Err(source.error(ErrorKind::ContentFilter, &message))
    }

    fn candidate(
        &mut self,
        source: &Source<'_>,
        candidate: Candidate<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let Candidate { content, finish_reason, finish_message, .. } = candidate;
        for part in content.and_then(|content| content.parts).unwrap_or_default() {
            self.part(source, part, out)?;
        }
        if let Some(word) = finish_reason.filter(|word| !word.is_empty()) {
            self.finish = Some((word, finish_message));
        }
        Ok(())
    }

    fn part(
        &mut self,
        source: &Source<'_>,
        part: AnswerPart<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        let is_its_own = part.runs_there();
        let AnswerPart { text, thought, thought_signature, function_call, inline_data, file_data, .. } = part;
        let (provider, model) = (&*source.attempt.provider, &*source.attempt.model);
        let signature = thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = function_call {
            let id = self.calls.take_in(source, call, out)?;
            self.content |= id.is_some();
            let sealed =
                id.zip(signature).map(|(id, signature)| seal::call(provider, model, &id, &signature));
            out.extend(sealed.map(ChatEvent::Sealed));
            return Ok(());
        }
        let text = text.unwrap_or_default();
        if thought == Some(true) {
            let thought = Some(text).filter(|text| !text.is_empty());
            out.push_back(thought.map_or(ChatEvent::Progress, ChatEvent::Reasoning));
            return Ok(());
        }
        out.extend(is_its_own.then_some(ChatEvent::Progress));
        let blobs = inline_data.into_iter().chain(file_data);
        out.extend(blobs.map(|blob| ChatEvent::Other(blob.sort())));
        let begin = self.text;
        self.text += text.len();
        let seal = |signature: String| seal::text(provider, model, begin..self.text, &signature);
        let sealed = signature.map(seal).map(ChatEvent::Sealed);
        if !text.is_empty() {
            self.content = true;
            out.push_back(ChatEvent::Text(text));
        }
        out.extend(sealed);
        Ok(())
    }

    /// The answer has come to its end, for this reason.
    fn done(
        &mut self,
        source: &Source<'_>,
        word: &str,
        why: Option<&str>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<(), Error> {
        self.calls.close(out);
        self.tell_usage(out);
        let ending = Ending::of(word);
        let told = |what: &str| with_reason(what, word, why);
        // What there is of an answer is delivered, whatever it ended with.
        if !self.content {
            match ending {
                Ending::Whole | Ending::Length => {}
                Ending::Filtered => {
                    let message = told("the provider's filter withheld the answer");
                    return Err(source.error(ErrorKind::ContentFilter, &message));
                }
                Ending::Language => {
                    return Err(
                        source.error(ErrorKind::Unsupported, &told("the model does not know the language"))
                    );
                }
                Ending::Unsigned => {
                    // The same conversation would fail again.
                    let error = source.error(ErrorKind::Server, &told("the model refuses the conversation"));
                    return Err(error.not_counted().without_comeback());
                }
                Ending::Malformed => {
                    let message = told("the model wrote something that is no answer");
                    return Err(source.error(ErrorKind::Server, &message).not_counted());
                }
                Ending::Other => {
                    return Err(source.bad_reply(&told("the answer is empty")).not_counted());
                }
            }
        }
        out.push_back(ChatEvent::End(match ending {
            // The service has no word of its own for an answer that calls tools.
            Ending::Whole if self.calls.begun > 0 => FinishReason::ToolCalls,
            Ending::Whole => FinishReason::Stop,
            Ending::Length => FinishReason::Length,
            Ending::Filtered => FinishReason::ContentFilter,
            Ending::Language | Ending::Unsigned | Ending::Malformed | Ending::Other => {
                FinishReason::Other(word.to_owned())
            }
        }));
        Ok(())
    }

    fn tell_usage(&mut self, out: &mut VecDeque<ChatEvent>) {
        let usage = std::mem::take(&mut self.usage);
        if usage != Usage::UNKNOWN {
            out.push_back(ChatEvent::Usage(usage));
        }
    }
}

impl AnswerPart<'_> {
    /// Whether it is of a tool that the service runs itself.
    fn runs_there(&self) -> bool {
        [&self.executable_code, &self.code_execution_result, &self.tool_call, &self.tool_response]
            .into_iter()
            .any(Option::is_some)
    }
}

impl AnswerBlob {
    /// What it is: `image`, say.
    fn sort(self) -> String {
        let sort = self.mime_type.unwrap_or_default();
        sort.split('/').next().filter(|sort| !sort.is_empty()).unwrap_or("a file").to_owned()
    }
}

/// What the service's word for the end of an answer comes to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Ending {
    Whole,
    Length,
    Filtered,
    Language,
    /// A call in the conversation lacks its signature.
    Unsigned,
    /// What the model wrote cannot be told.
    Malformed,
    Other,
}

impl Ending {
    fn of(word: &str) -> Self {
        match word {
            "STOP" => Self::Whole,
            "MAX_TOKENS" => Self::Length,
            "SAFETY"
            | "RECITATION"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "MODEL_ARMOR"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => Self::Filtered,
            "LANGUAGE" => Self::Language,
            "MISSING_THOUGHT_SIGNATURE" => Self::Unsigned,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MALFORMED_RESPONSE" => Self::Malformed,
            _ => Self::Other,
        }
    }
}

fn with_reason(what: &str, word: &str, why: Option<&str>) -> String {
    match why.filter(|why| !why.is_empty()) {
        Some(why) => format!("{what}: {word}: {why}"),
        None => format!("{what}: {word}"),
    }
}

/// Counts that are left out are zero, once there are any.
pub(super) fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let mut usage = Usage::UNKNOWN;
    let own_tools = wire.tool_use_prompt_token_count.unwrap_or(0);
    usage.input_tokens = wire.prompt_token_count.map(|prompt| prompt.saturating_add(own_tools));
    usage.output_tokens = match (wire.candidates_token_count, wire.thoughts_token_count) {
        // Before its first token, an answer counts none; the sum of all says so.
        (None, None) => {
            wire.total_token_count.zip(usage.input_tokens).and_then(|(all, input)| all.checked_sub(input))
        }
        (told, thought) => Some(told.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
    };
    usage.cached_input_tokens = wire.cached_content_token_count;
    usage.reasoning_tokens = wire.thoughts_token_count;
    usage
}
