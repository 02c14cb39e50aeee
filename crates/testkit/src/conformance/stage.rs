//! Where a provider is put to be asked: a server that says what it is told to, and what all cases need.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ChatRequest};
use backstop_core::{Ask, Capabilities, Error, Provider};

use super::{Outcome, Place, Reply, Say, Subject};
use crate::server::{RawServer, Script, SseEnding};

/// Longer than anything on loopback takes. Only a case that fails waits as long.
pub(super) const LATE: Duration = Duration::from_secs(20);

/// The key of every provider under test; unlike any real one, so that only knowing it helps to hide it.
pub(super) const KEY: &str = "Zq7-conformance.key_value";

/// One case.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a Stage<'a>) -> Running<'a>,
}

/// A case that is running.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// How a case ends: kept, or not for this reason.
pub(super) type Verdict = Result<(), Unkept>;

/// Why a case was not kept.
pub(super) enum Unkept {
    /// It does not apply.
    Skip(String),
    /// It was broken.
    Broken(String),
}

impl From<String> for Unkept {
    fn from(problem: String) -> Self {
        Self::Broken(problem)
    }
}

pub(super) fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Ok(()) => Outcome::Passed,
        Err(Unkept::Skip(reason)) => Outcome::Skipped(reason),
        Err(Unkept::Broken(problem)) => Outcome::Failed(problem),
    }
}

/// Declares a case: its name, and the async function that is it.
macro_rules! case {
    ($name:literal, $run:path) => {
        $crate::conformance::stage::Case { name: $name, run: |stage| Box::pin($run(stage)) }
    };
}
pub(super) use case;

/// Fails the case unless this holds.
macro_rules! ensure {
    ($holds:expr, $($problem:tt)+) => {
        if !$holds {
            return Err(format!($($problem)+).into());
        }
    };
}
pub(super) use ensure;

/// What a case works with.
pub(super) struct Stage<'a> {
    pub(super) subject: &'a dyn Subject,
}

impl<'a> Stage<'a> {
    pub(super) fn new(subject: &'a dyn Subject) -> Self {
        Self { subject }
    }

    /// A provider at this server.
    pub(super) fn provider(&self, server: &RawServer) -> Arc<dyn Provider> {
        self.subject.provider(&Place { origin: &server.origin(), key: Some(KEY) })
    }

    pub(super) fn ask(&self) -> Ask<'a> {
        Ask::new(self.subject.model())
    }

    /// What the provider says it can do.
    pub(super) fn able(&self) -> Capabilities {
        let nowhere = Place { origin: "http://127.0.0.1:9", key: Some(KEY) };
        self.subject.provider(&nowhere).capabilities(self.subject.model())
    }

    /// Skips the case unless the provider can do this.
    pub(super) fn needs(&self, what: &str, can: impl FnOnce(&Capabilities) -> bool) -> Verdict {
        let able = self.able();
        if able.missing.is_none() && can(&able) {
            return Ok(());
        }
        Err(Unkept::Skip(format!("no {what}, as it declares")))
    }

    /// How its server says this. What it could be expected to say and cannot is a failure, unless excused.
    pub(super) fn spell(&self, say: &Say) -> Result<Reply, Unkept> {
        match (self.subject.spell(say), self.subject.excuse(say)) {
            (Some(reply), _) => Ok(reply),
            (None, Some(excuse)) => Err(Unkept::Skip(excuse.to_owned())),
            (None, None) => Err(format!("the subject does not spell {say:?} and gives no excuse").into()),
        }
    }

    /// A server that says this to everybody.
    pub(super) fn server(&self, say: &Say) -> Result<RawServer, Unkept> {
        Ok(serves(&self.spell(say)?))
    }

    /// The answer in one piece.
    pub(super) async fn chat(&self, server: &RawServer, request: &ChatRequest) -> Result<ChatReply, Error> {
        in_time(self.provider(server).chat(self.ask(), request)).await
    }

    /// The answer as a stream, put together.
    pub(super) async fn stream(&self, server: &RawServer, request: &ChatRequest) -> Result<Heard, Error> {
        hear(self.provider(server).as_ref(), self.ask(), request).await
    }
}

/// A stream of this provider, put together.
pub(super) async fn hear(
    provider: &dyn Provider,
    ask: Ask<'_>,
    request: &ChatRequest,
) -> Result<Heard, Error> {
    in_time(async {
        let mut stream = provider.chat_stream(ask, request).await?;
        let mut heard = Heard::default();
        let mut whole = ChatCollector::default();
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            match event {
                Ok(event) => {
                    heard.ended |= matches!(event, ChatEvent::End(_));
                    whole.push(&event)?;
                    heard.events.push(event);
                }
                Err(error) => {
                    heard.error = Some(error);
                    break;
                }
            }
        }
        heard.reply = whole.into_reply();
        Ok(heard)
    })
    .await
}

/// What came of a stream.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) events: Vec<ChatEvent>,
    pub(super) reply: ChatReply,
    /// Its end was told.
    pub(super) ended: bool,
    pub(super) error: Option<Error>,
}

impl Heard {
    /// The stream, if it came to its end.
    pub(super) fn whole(self) -> Result<Self, Error> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// A server that gives this response to everybody.
pub(super) fn serves(reply: &Reply) -> RawServer {
    RawServer::start([Script::replies(reply.status, &reply.headers(), &reply.body)])
}

/// A server whose answer to the request of each number, counted from 0, are these pieces of this response.
pub(super) fn serves_pieces(
    reply: &Reply,
    ending: SseEnding,
    pieces: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> RawServer {
    let reply = reply.clone();
    RawServer::start_with(move |number| {
        let pieces = pieces(number, &reply.body);
        Script::in_chunks(reply.status, &reply.headers(), pieces.iter().map(Vec::as_slice), ending)
    })
}

/// A server that gives this response in these pieces.
pub(super) fn serves_in<'p>(
    reply: &Reply,
    pieces: impl IntoIterator<Item = &'p [u8]>,
    ending: SseEnding,
) -> RawServer {
    RawServer::start([Script::in_chunks(reply.status, &reply.headers(), pieces, ending)])
}

/// What a task returns; one that hangs is a failure with these words.
pub(super) async fn in_time<T>(task: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(LATE, task).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(backstop_core::ErrorKind::Timeout, "the provider hangs")),
    }
}

/// The words for an error that should not have been.
pub(super) fn unexpected(error: Error) -> Unkept {
    Unkept::Broken(format!("an error: {error}"))
}

/// A plain question.
pub(super) fn question() -> ChatRequest {
    ChatRequest::user("Why is the sky blue?").with_max_output_tokens(64)
}
