//! Text completion: a small wire of its own, so all of it stands here.

use std::borrow::Cow;
use std::collections::VecDeque;

use backstop_core::chat::FinishReason;
use backstop_core::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use backstop_core::{Ask, Error, ErrorKind, Partial, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat_stream::DONE;
use super::decode::{ended_by, finish, usage};
use super::dialect::Dialect;
use super::encode::{FORM_FIELDS, Pieces, number, stops, written};
use super::error;
use super::wire::StreamOptions;
use crate::http::{Decode, Source, SseEvent, SseParser, from_json};

/// `POST /completions`.
#[derive(Debug, Serialize)]
struct TextBody<'a> {
    model: &'a str,
    prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suffix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

/// A continuation, and a piece of a streamed one.
#[derive(Debug, Deserialize)]
struct Continuation<'a> {
    /// `error` where a server sends an error bare.
    #[serde(borrow)]
    object: Option<Cow<'a, str>>,
    model: Option<String>,
    choices: Option<Vec<TextChoice>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct TextChoice {
    index: Option<u32>,
    text: Option<String>,
    finish_reason: Option<String>,
}

impl Continuation<'_> {
    fn is_error(&self) -> bool {
        self.error.is_some() || self.object.as_deref() == Some("error")
    }
}

/// The body of a request to continue a text.
pub(super) fn body(
    dialect: &Dialect,
    provider: &str,
    ask: Ask<'_>,
    request: &CompletionRequest,
    pieces: Pieces,
) -> Result<Vec<u8>, Error> {
    let takes = &dialect.takes;
    let body = || {
        if request.suffix.is_some() && !takes.suffix {
            return Err(Error::unsupported("cannot fill in the middle of a text"));
        }
        let body = TextBody {
            model: ask.model(),
            prompt: &request.prompt,
            suffix: request.suffix.as_deref(),
            max_tokens: request.max_output_tokens,
            temperature: number("temperature", request.temperature)?,
            top_p: number("top_p", request.top_p)?,
            stop: stops(takes, &request.stop)?,
            seed: request.seed.filter(|_| takes.seed),
            stream: pieces.is_stream(),
            stream_options: pieces.options(),
        };
        written(&body, ask, FORM_FIELDS)
    };
    body().map_err(|error| error.with_target(provider, ask.model()))
}

/// The continuation in the body of a 200. It may be empty.
pub(super) fn reply(dialect: &Dialect, source: &Source<'_>, body: &[u8]) -> Result<CompletionReply, Error> {
    let read: Continuation<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if read.is_error() {
        return Err(error::in_reply(dialect, source, &String::from_utf8_lossy(body)));
    }
    let choice = read.choices.unwrap_or_default().into_iter().next();
    let TextChoice { text, finish_reason, .. } =
        choice.ok_or_else(|| source.bad_reply("the reply holds no choice"))?;
    let word = finish_reason.as_deref();
    let mut reply = CompletionReply::text(text.unwrap_or_default());
    reply.usage = read.usage.map_or(Usage::UNKNOWN, |counted| usage(dialect, counted));
    reply.model = read.model;
    reply.request_id = source.request_id();
    reply.status = Some(source.status);
    let failed = match finish(dialect, word, false) {
        Ok(FinishReason::ContentFilter) => {
            source.error(ErrorKind::ContentFilter, "the provider's filter withheld the answer")
        }
        Err(kind) => ended_by(source, kind, word),
        Ok(finish) => {
            reply.finish = finish;
            return Ok(reply);
        }
    };
    let mut partial = Partial::text(reply.text);
    partial.usage = reply.usage;
    Err(failed.with_partial(partial))
}

/// What a streamed continuation has come to.
#[derive(Debug)]
pub(super) struct TextPieces {
    dialect: &'static Dialect,
    /// Something that was meant for us has come.
    begun: bool,
    /// The usage that has not been told. Some servers repeat it with every piece.
    usage: Usage,
    finish: Option<FinishReason>,
}

impl TextPieces {
    pub(super) fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, begun: false, usage: Usage::UNKNOWN, finish: None }
    }
}

impl Decode for TextPieces {
    type Piece = CompletionEvent;
    type Frames = SseParser;

    fn open(&mut self, source: &Source<'_>, out: &mut VecDeque<CompletionEvent>) {
        out.push_back(CompletionEvent::opened(Some(source.status), source.request_id()));
    }

    fn frame(
        &mut self,
        source: &Source<'_>,
        event: &SseEvent,
        out: &mut VecDeque<CompletionEvent>,
    ) -> Result<bool, Error> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(error::in_reply(self.dialect, source, data));
        }
        if data.starts_with(DONE) {
            return self.done(source, out).map(|()| true);
        }
        // Said to keep the connection alive.
        if data.is_empty() {
            return Ok(false);
        }
        let piece: Continuation<'_> = from_json(data.as_bytes())
            .map_err(|problem| source.no_reply(&format!("an event of the stream {problem}")))?;
        if piece.is_error() {
            return Err(error::in_reply(self.dialect, source, data));
        }
        if !self.begun && piece.model.is_some() {
            out.push_back(CompletionEvent::start(piece.model));
        }
        self.begun |= piece.choices.is_some();
        if let Some(counted) = piece.usage {
            self.usage = self.usage.updated_by(usage(self.dialect, counted));
        }
        for choice in piece.choices.unwrap_or_default() {
            if choice.index.unwrap_or_default() > 0 {
                continue;
            }
            out.extend(choice.text.filter(|text| !text.is_empty()).map(CompletionEvent::Text));
            if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
                let finish = finish(self.dialect, Some(&word), false);
                self.finish = Some(finish.map_err(|kind| ended_by(source, kind, Some(&word)))?);
            }
        }
        Ok(false)
    }

    fn end(&mut self, source: &Source<'_>, out: &mut VecDeque<CompletionEvent>) -> Result<(), Error> {
        match &self.finish {
            // Some servers of this wire leave the last marker out. That the text is whole has been said.
            Some(_) => self.done(source, out),
            None if self.begun => Err(source.bad_reply("the stream ended in mid-answer")),
            None => Err(source.no_reply("the stream ended before its first event")),
        }
    }

    fn whole(
        &mut self,
        source: &Source<'_>,
        body: &[u8],
        out: &mut VecDeque<CompletionEvent>,
    ) -> Result<(), Error> {
        let reply = reply(self.dialect, source, body)?;
        out.extend(reply.model.map(|model| CompletionEvent::start(Some(model))));
        out.extend(Some(reply.text).filter(|text| !text.is_empty()).map(CompletionEvent::Text));
        (self.usage, self.finish, self.begun) = (reply.usage, Some(reply.finish), true);
        self.done(source, out)
    }
}

impl TextPieces {
    /// The text is whole. An empty one is one, too.
    fn done(&mut self, source: &Source<'_>, out: &mut VecDeque<CompletionEvent>) -> Result<(), Error> {
        if !self.begun {
            return Err(source.bad_reply("the stream said that it is done and held no answer"));
        }
        if self.usage != Usage::UNKNOWN {
            out.push_back(CompletionEvent::Usage(self.usage));
        }
        out.push_back(CompletionEvent::End(self.finish.take().unwrap_or_default()));
        Ok(())
    }
}
