//! The one error type: a kind, the facts that decide what happens next, and words for people.

mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

pub use kind::{Cools, ErrorKind, MoveOn, Phase, Reaction, Scope};

use crate::chat::ToolCall;
use crate::fallback::Facts;
use crate::trail::Trail;
use crate::usage::Usage;

/// The longest message that is kept, in characters. Longer ones end in `…`.
const MESSAGE_CHARS: usize = 300;

/// What failed, where, why, and what may be done about it.
///
/// One word wide. Match on [`kind`](Self::kind); the rest is context. `Display` is one line without prompts, reply
/// bodies or keys; of a single attempt it ends in what the provider said, shortened and with keys masked. Should a
/// provider quote the request there, that is told to the caller and to no log.
///
/// ```
/// use std::time::Duration;
/// use backstop_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::RateLimited, "the limit of requests per minute is reached")
///     .with_target("openai", "gpt-5.2")
///     .with_status(429)
///     .with_retry_after(Duration::from_secs(7));
/// assert_eq!(error.kind(), ErrorKind::RateLimited);
/// assert_eq!(
///     error.to_string(),
///     "openai/gpt-5.2 rate limited (429): the limit of requests per minute is reached"
/// );
/// ```
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// What the machine needs to know.
    facts: Facts,
    message: String,
    provider: Option<String>,
    model: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    partial: Option<Partial>,
    trail: Trail,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What had arrived before an answer broke off or was withheld.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partial {
    /// The text so far.
    pub text: String,
    /// The thoughts so far, if the provider shows them.
    pub reasoning: Option<String>,
    /// The tool calls so far; the last one may be incomplete.
    pub tool_calls: Vec<ToolCall>,
    /// The vectors of the parts of a large request that are done, in the order of their texts.
    pub embeddings: Vec<Vec<f32>>,
    /// The vector space they live in.
    pub space: Option<String>,
    /// The cost so far, as far as it is known.
    pub usage: Usage,
}

impl Partial {
    /// A partial text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Error {
    /// An error of this kind; the message says why, in words for people.
    ///
    /// Line breaks become spaces and long messages are shortened: an error is one line.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl AsRef<str>) -> Self {
        Self(Box::new(Inner {
            facts: Facts::new(kind),
            message: one_line(message.as_ref()),
            provider: None,
            model: None,
            status: None,
            request_id: None,
            partial: None,
            trail: Trail::default(),
            source: None,
        }))
    }

    /// A target that has not this operation or cannot do what is asked.
    #[must_use]
    pub fn unsupported(message: impl AsRef<str>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// Says which target failed.
    #[must_use]
    pub fn with_target(mut self, provider: impl Into<String>, model: impl Into<String>) -> Self {
        self.0.provider = Some(provider.into());
        self.0.model = Some(model.into());
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the provider's id for the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the wait the provider stated. Zero states nothing.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.facts.hint = (!wait.is_zero()).then_some(wait);
        self
    }

    /// Says what the failure is about, where that differs from what its kind implies.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.0.facts.scope = Some(scope);
        self
    }

    /// Says that asking the same target again is pointless, though the kind would allow it.
    #[must_use]
    pub fn without_comeback(mut self) -> Self {
        self.0.facts.comeback = false;
        self
    }

    /// Says that the failure is no sign of bad health: an empty answer, a server that is loading its model.
    #[must_use]
    pub fn not_counted(mut self) -> Self {
        self.0.facts.counted = false;
        self
    }

    /// Adds the window the request would have needed.
    #[must_use]
    pub fn with_needed_tokens(mut self, tokens: u32) -> Self {
        self.0.facts.needed_tokens = Some(tokens);
        self
    }

    /// Says that a [`BadRequest`](ErrorKind::BadRequest) names what is wrong with the request: a code or words that
    /// point at a malformed part of it. Only then is it an opinion, and two from different providers end the call. A
    /// refusal in words nobody has met moves on.
    #[must_use]
    pub fn recognised(mut self) -> Self {
        self.0.facts.recognised = true;
        self
    }

    /// Adds what had arrived.
    #[must_use]
    pub fn with_partial(mut self, partial: Partial) -> Self {
        self.0.partial = Some(partial);
        self
    }

    /// Adds the record of the call.
    #[must_use]
    pub fn with_trail(mut self, trail: Trail) -> Self {
        self.0.trail = trail;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.facts.kind
    }

    /// Why, in one line, without the target and the kind.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider that failed; `None` for errors of a whole call.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The model that failed; `None` for errors of a whole call.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// The HTTP status, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The provider's id for the request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// When it is worth asking again, as stated by the provider; of a whole call, the soonest of all targets.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.facts.hint
    }

    /// What had arrived before the answer broke off or was withheld.
    #[must_use]
    pub fn partial(&self) -> Option<&Partial> {
        self.0.partial.as_ref()
    }

    /// The record of the call; empty for errors of one attempt.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.0.trail
    }

    /// What the machine needs to know of this failure.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.0.facts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        // The message of a whole call already says everything, target by target; that of a mistake says what is wrong.
        let whole = matches!(
            inner.facts.kind,
            ErrorKind::Exhausted | ErrorKind::Deadline | ErrorKind::Config | ErrorKind::Usage
        );
        if whole && inner.provider.is_none() {
            return f.write_str(&inner.message);
        }
        if let (Some(provider), Some(model)) = (&inner.provider, &inner.model) {
            write!(f, "{provider}/{model} ")?;
        }
        f.write_str(inner.facts.kind.words())?;
        if let Some(status) = inner.status {
            write!(f, " ({status})")?;
        }
        if !inner.message.is_empty() {
            write!(f, ": {}", inner.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        f.debug_struct("Error")
            .field("kind", &inner.facts.kind)
            .field("message", &inner.message)
            .field("provider", &inner.provider)
            .field("model", &inner.model)
            .field("status", &inner.status)
            .field("request_id", &inner.request_id)
            .field("retry_after", &inner.facts.hint)
            // The partial answer is content, and content is not logged.
            .field("partial", &inner.partial.as_ref().map(|p| p.text.len()))
            .field("trail", &inner.trail)
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MESSAGE_CHARS));
    for (n, c) in
        text.split_whitespace().flat_map(|word| [" ", word]).skip(1).flat_map(str::chars).enumerate()
    {
        if n == MESSAGE_CHARS {
            line.push('…');
            break;
        }
        line.push(if c.is_control() { ' ' } else { c });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn a_message_is_one_line_however_it_came() {
        let error = Error::new(ErrorKind::Server, "first\nsecond\r\n\tthird\u{1b}[31m");
        assert_eq!(error.to_string(), "server error: first second third [31m");
    }

    #[test]
    fn a_long_message_is_shortened_at_a_character() {
        let error = Error::new(ErrorKind::Server, "ü".repeat(1000));
        assert_eq!(error.message().chars().count(), MESSAGE_CHARS + 1);
        assert!(error.message().ends_with('…'));
    }

    #[test]
    fn debug_shows_how_much_arrived_and_not_what() {
        let error = Error::new(ErrorKind::Interrupted, "").with_partial(Partial::text("a private answer"));
        assert!(!format!("{error:?}").contains("private"));
    }
}
