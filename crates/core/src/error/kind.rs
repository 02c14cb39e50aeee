//! The kinds of failure and what each leads to: the one table of the whole library.

use std::fmt;

/// What went wrong, in one word.
///
/// The kinds up to [`Unsupported`](Self::Unsupported) describe one attempt; [`Config`](Self::Config),
/// [`Deadline`](Self::Deadline), [`Exhausted`](Self::Exhausted) and [`Usage`](Self::Usage) describe a whole call.
/// A provider that is itself a fallback chain may return those as well; they move on to the next target.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The key was refused.
    Auth,
    /// The reply could not be used: malformed, truncated, redirected, empty.
    BadReply,
    /// The provider says the request itself is wrong.
    BadRequest,
    /// The caller left.
    Cancelled,
    /// No connection: refused, name not found, TLS, connect timeout.
    Connect,
    /// The provider refused to answer, or withheld the answer.
    ContentFilter,
    /// The request does not fit the model's window.
    ContextLength,
    /// The key may not use this model.
    Forbidden,
    /// The answer broke off after its first content had reached the caller.
    Interrupted,
    /// The provider does not know the model.
    ModelNotFound,
    /// A key, file or feature is missing; nothing was sent.
    NotConfigured,
    /// The provider has no capacity at the moment.
    Overloaded,
    /// The account's credit or spending limit is used up.
    Quota,
    /// Too many requests.
    RateLimited,
    /// The provider failed.
    Server,
    /// Nothing came in time.
    Timeout,
    /// The target cannot do what the request asks for.
    Unsupported,
    /// A route or a setting is wrong. Of a call, not of an attempt.
    Config,
    /// The time for the whole call was used up.
    Deadline,
    /// Every target was tried or left out.
    Exhausted,
    /// The library was called in a way that cannot work.
    Usage,
}

/// What a cooldown of, or a failure at, is counted against.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One model of one provider.
    Target,
    /// Every model of the provider: one key, one base URL.
    Provider,
}

/// Whether and how the chain goes to the next target.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum MoveOn {
    /// The call is over.
    No,
    /// At once.
    Yes,
    /// At once, with one warning per cooldown: somebody has to repair something.
    Loudly,
    /// At once; where the failure names a fault of the request, preferably to another provider, and a second such
    /// opinion from another provider ends the call.
    SecondOpinion,
    /// As the policy's `after_commit` says.
    AfterCommit,
}

/// What rests after the failure, and how.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cools {
    /// Nothing: the target is as healthy as before.
    Nothing,
    /// The target, suspected, once enough attempts in a row have failed.
    Breaker,
    /// The provider, suspected, at once.
    ProviderSuspected,
    /// The scope, told, for 60 seconds.
    Told(Scope),
    /// The target: told, for the stated time. Without one it is a guess, and looks like a suspicion: 5 s·2^k, a minute at
    /// most.
    RateLimit,
}

/// What a kind of failure leads to. See [`ErrorKind::reaction`].
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Whether the same target may be asked a second time in this call.
    pub comeback: bool,
    /// Whether the next target is asked.
    pub move_on: MoveOn,
    /// What rests afterwards.
    pub cools: Cools,
    /// Whether the failure is about the request rather than the target: it proves the target alive.
    pub about_request: bool,
    /// One sentence for the reference page.
    pub note: &'static str,
}

const fn reaction(comeback: bool, move_on: MoveOn, cools: Cools, note: &'static str) -> Reaction {
    Reaction { comeback, move_on, cools, about_request: false, note }
}

const fn about_request(move_on: MoveOn, note: &'static str) -> Reaction {
    Reaction { comeback: false, move_on, cools: Cools::Nothing, about_request: true, note }
}

impl ErrorKind {
    /// Every kind, attempts first.
    pub const ALL: [Self; 21] = [
        Self::RateLimited,
        Self::Quota,
        Self::Overloaded,
        Self::Server,
        Self::Timeout,
        Self::Connect,
        Self::Auth,
        Self::Forbidden,
        Self::ModelNotFound,
        Self::ContextLength,
        Self::ContentFilter,
        Self::Unsupported,
        Self::BadRequest,
        Self::BadReply,
        Self::Interrupted,
        Self::NotConfigured,
        Self::Cancelled,
        Self::Exhausted,
        Self::Deadline,
        Self::Config,
        Self::Usage,
    ];

    /// What this kind of failure leads to.
    ///
    /// There is no wildcard arm: a new kind does not compile until somebody has decided.
    ///
    /// ```
    /// use backstop_core::{Cools, ErrorKind};
    /// assert!(ErrorKind::Server.reaction().comeback);
    /// assert_eq!(ErrorKind::ContentFilter.reaction().cools, Cools::Nothing);
    /// ```
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        use Cools::{Breaker, Nothing, ProviderSuspected, RateLimit, Told};
        use MoveOn::{AfterCommit, Loudly, No, SecondOpinion, Yes};
        match self {
            Self::RateLimited => reaction(
                true,
                Yes,
                RateLimit,
                "Never slept on in front of a ready target; the cooldown just ends. A wait nobody stated is guessed, 5 s at first and a minute at most: it keeps nobody from asking a lone target, and ends as soon as most of what is sent is served.",
            ),
            Self::Quota => reaction(
                false,
                Loudly,
                Told(Scope::Provider),
                "Recognised before rate limits: many providers send it as 429. Only the target rests where the provider says the limit is per model.",
            ),
            Self::Overloaded => {
                reaction(true, Yes, Breaker, "A stated wait of more than 5 s is believed: told, until then.")
            }
            Self::Server => reaction(
                true,
                Yes,
                Breaker,
                "As overloaded. A local server that is loading its model is asked again after 2 s and cools nothing.",
            ),
            Self::Timeout => reaction(
                true,
                Yes,
                Breaker,
                "Not counted when only a caller's own shorter deadline cut the attempt.",
            ),
            Self::Connect => reaction(
                true,
                Yes,
                ProviderSuspected,
                "A dead endpoint costs one call, not every call; this very call does not ask its other models.",
            ),
            Self::Auth => reaction(false, Loudly, Told(Scope::Provider), "The same key is not sent again."),
            Self::Forbidden => reaction(
                false,
                Loudly,
                Told(Scope::Target),
                "Mostly access per model; the provider's other models go on.",
            ),
            Self::ModelNotFound => {
                reaction(false, Loudly, Told(Scope::Target), "A wrong base URL looks the same.")
            }
            Self::ContextLength => about_request(
                Yes,
                "Targets whose window is known to be too small are skipped; unknown windows are eligible.",
            ),
            Self::ContentFilter => about_request(
                Yes,
                "Refusals and filter finish reasons in a 200 too; the withheld text, if any, is in the error.",
            ),
            Self::Unsupported => {
                about_request(Yes, "Known before sending wherever possible: skipped without a request.")
            }
            Self::BadRequest => about_request(
                SecondOpinion,
                "A refusal in unknown words moves on. One that names what is wrong with the request is an opinion: the refusing provider's other targets come last, and a second opinion from another provider stops the call.",
            ),
            Self::BadReply => reaction(
                true,
                Yes,
                Breaker,
                "A stream without its terminal marker is a failure, never a short success. An empty answer is not counted.",
            ),
            Self::Interrupted => reaction(
                true,
                AfterCommit,
                Breaker,
                "The partial text is in the error. Comes back only under restart.",
            ),
            Self::NotConfigured => reaction(
                false,
                Yes,
                Nothing,
                "Skipped without a request; the trail names the variable or file.",
            ),
            Self::Cancelled => reaction(false, No, Nothing, "Nobody's failure."),
            Self::Exhausted => reaction(
                false,
                Yes,
                Nothing,
                "From a provider that is a chain of its own: it has tried what it could.",
            ),
            Self::Deadline => reaction(false, Yes, Nothing, "From a provider that is a chain of its own."),
            Self::Config => reaction(false, Yes, Nothing, "From a provider that found its settings wrong."),
            Self::Usage => {
                reaction(false, Yes, Nothing, "From a provider that was called in a way that cannot work.")
            }
        }
    }

    /// The name in config files, JSON and logs: `rate_limited`, `bad_reply` …
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::BadReply => "bad_reply",
            Self::BadRequest => "bad_request",
            Self::Cancelled => "cancelled",
            Self::Config => "config",
            Self::Connect => "connect",
            Self::ContentFilter => "content_filter",
            Self::ContextLength => "context_length",
            Self::Deadline => "deadline",
            Self::Exhausted => "exhausted",
            Self::Forbidden => "forbidden",
            Self::Interrupted => "interrupted",
            Self::ModelNotFound => "model_not_found",
            Self::NotConfigured => "not_configured",
            Self::Overloaded => "overloaded",
            Self::Quota => "quota",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
            Self::Usage => "usage",
        }
    }

    /// The kind of this [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What an HTTP status means when nothing more telling is known; meant for responses that are no success.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Auth,
            402 => Self::Quota,
            // 451: not in this country.
            403 | 451 => Self::Forbidden,
            // 410: the model has been retired.
            404 | 410 => Self::ModelNotFound,
            408 | 504 | 522 | 524 => Self::Timeout,
            413 => Self::ContextLength,
            425 | 429 => Self::RateLimited,
            501 => Self::Unsupported,
            503 | 529 => Self::Overloaded,
            // 409: somebody else's lock. 424: the model failed behind the service. 499: a proxy lost its client.
            409 | 424 | 499 | 500..=599 => Self::Server,
            400..=498 => Self::BadRequest,
            _ => Self::BadReply,
        }
    }

    /// The words used in messages for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Auth => "key refused",
            Self::BadReply => "unusable reply",
            Self::BadRequest => "request refused",
            Self::Cancelled => "cancelled",
            Self::Config => "configuration error",
            Self::Connect => "cannot connect",
            Self::ContentFilter => "content filtered",
            Self::ContextLength => "request too long for the model",
            Self::Deadline => "deadline reached",
            Self::Exhausted => "all targets failed",
            Self::Forbidden => "access denied",
            Self::Interrupted => "answer broke off",
            Self::ModelNotFound => "model not found",
            Self::NotConfigured => "not configured",
            Self::Overloaded => "overloaded",
            Self::Quota => "out of quota",
            Self::RateLimited => "rate limited",
            Self::Server => "server error",
            Self::Timeout => "timed out",
            Self::Unsupported => "not supported",
            Self::Usage => "wrong use",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far an attempt had come when its time ran out.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing had been opened yet.
    Headers,
    /// Opened, but no content yet.
    FirstContent,
    /// Between two pieces of the answer.
    Idle,
    /// The whole of an answer that comes in one piece.
    Total,
}

impl Phase {
    /// The name in JSON and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::FirstContent => "first_content",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_kind_of_the_table() {
        use ErrorKind::{
            Auth, BadReply, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota,
            RateLimited, Server, Timeout, Unsupported,
        };
        for (kind, statuses) in [
            (BadRequest, &[400, 405, 406, 411, 412, 415, 422, 431, 498][..]),
            (Auth, &[401]),
            (Quota, &[402]),
            (Forbidden, &[403, 451]),
            (ModelNotFound, &[404, 410]),
            (Timeout, &[408, 504, 522, 524]),
            (Server, &[409, 424, 499, 500, 502, 520, 521, 523, 525, 526, 527, 530, 599]),
            (ContextLength, &[413]),
            (RateLimited, &[425, 429]),
            (Unsupported, &[501]),
            (Overloaded, &[503, 529]),
            (BadReply, &[100, 304, 600, 999]),
        ] {
            for status in statuses {
                assert_eq!(ErrorKind::of_status(*status), kind, "{status}");
            }
        }
    }

    #[test]
    fn every_kind_is_listed_once_and_found_by_its_name() {
        for (i, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
            assert_eq!(ErrorKind::ALL.iter().position(|k| *k == kind), Some(i));
        }
    }

    #[test]
    fn what_is_about_the_request_cools_nothing_and_never_comes_back() {
        for kind in ErrorKind::ALL {
            let r = kind.reaction();
            if r.about_request {
                assert!(!r.comeback && r.cools == Cools::Nothing, "{kind}");
            }
        }
    }

    #[test]
    fn what_somebody_must_repair_is_told_and_not_asked_again() {
        for kind in ErrorKind::ALL {
            let r = kind.reaction();
            if r.move_on == MoveOn::Loudly {
                assert!(matches!(r.cools, Cools::Told(_)) && !r.comeback, "{kind}");
            }
        }
    }
}
