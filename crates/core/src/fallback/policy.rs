//! The numbers and choices of a route. Every default is the one a careful person would start with.

use std::time::Duration;

/// How a route behaves.
///
/// ```
/// use std::time::Duration;
/// use backstop_core::fallback::{AfterCommit, Policy};
/// let mut policy = Policy::default();
/// policy.deadline = Some(Duration::from_secs(60));
/// policy.after_commit = AfterCommit::Restart;
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The most time a call may take. Left out: 600 s, which for a stream stop at its commit and begin anew if it
    /// has to restart. A stated deadline governs everything.
    pub deadline: Option<Duration>,
    /// The most time for an answer in one piece. Left out: 300 s, local models 600 s, embeddings 60 s.
    pub timeout: Option<Duration>,
    /// The most time until the first content of a stream. Left out: 60 s, local models 180 s, reasoning 300 s.
    pub first_content: Option<Duration>,
    /// The most time between two pieces of a stream. Left out: 60 s, reasoning 180 s.
    pub idle: Option<Duration>,
    /// The most upstream requests of a call. Left out: its targets and comebacks.
    pub attempts: Option<u8>,
    /// How often a call may ask a target a second time. Left out: once, or as `attempts` allows where that is stated.
    pub comebacks: Option<u8>,
    /// The first backoff of a comeback.
    pub backoff_base: Duration,
    /// The longest backoff of a comeback.
    pub backoff_cap: Duration,
    /// The most that a call sleeps in all. Left out: 5 s, or a third of the time left if that is less.
    pub patience: Option<Duration>,
    /// Whether targets and providers may be rested on suspicion. What a provider *told* is heeded either way.
    pub suspect: bool,
    /// The first cooldown.
    pub cooldown_base: Duration,
    /// The longest suspected cooldown.
    pub cooldown_cap: Duration,
    /// What happens when a stream breaks off after its first content.
    pub after_commit: AfterCommit,
    /// What happens when only suspected targets are left.
    pub all_cooling: AllCooling,
    /// When a second target is asked beside a first that is silent.
    pub hedge_after: Hedge,
    /// How an answer in one piece is asked for.
    pub unary: Unary,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            deadline: None,
            timeout: None,
            first_content: None,
            idle: None,
            attempts: None,
            comebacks: None,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(8),
            patience: None,
            suspect: true,
            cooldown_base: Duration::from_secs(5),
            cooldown_cap: Duration::from_secs(300),
            after_commit: AfterCommit::Stop,
            all_cooling: AllCooling::TrySoonest,
            hedge_after: Hedge::WhenSilent,
            unary: Unary::Whole,
        }
    }
}

/// What happens when a stream breaks off after its first content has reached the caller.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AfterCommit {
    /// The call ends with an error that carries the partial answer.
    #[default]
    Stop,
    /// The next target begins from scratch; the caller is told with its first content.
    Restart,
}

/// What happens when only targets under a suspected cooldown are left.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AllCooling {
    /// The one that reopens soonest is tried at once.
    #[default]
    TrySoonest,
    /// The call ends.
    FailFast,
}

/// When a second target is asked beside a first that is silent: once per call, before its first content, from the
/// route's retry budget.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hedge {
    /// Beside an answer in one piece, once it is silent for as long as the first content of a stream may take (a
    /// minute; local models 3, thinking ones 5) and for twice what the target usually takes. Where that is not known
    /// yet, each time it loses it is left twice as long, until it answers or its own timer ends. Streams have timers
    /// of their own.
    #[default]
    WhenSilent,
    /// After this long without progress, streamed or not.
    After(Duration),
    /// Never.
    Off,
}

/// How an answer in one piece is asked for.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unary {
    /// In one piece.
    #[default]
    Whole,
    /// As a stream that is collected, where the target can stream: the timers for the first content and between two
    /// pieces then notice a silent target that a whole answer would have to be waited for.
    Stream,
}

/// How the answer of a call comes.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In one piece.
    Unary,
    /// In one piece, and soon: embeddings.
    Embedding,
    /// In pieces.
    Stream,
}

/// The timers of one target, where they differ from the route's.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The most time for an answer in one piece.
    pub timeout: Option<Duration>,
    /// The most time until the first content of a stream.
    pub first_content: Option<Duration>,
    /// The most time between two pieces of a stream.
    pub idle: Option<Duration>,
    /// Whether the model runs on this machine, where the first answer waits for it to load.
    pub local: bool,
    /// The most time its transport takes to connect. Left out: 5 s.
    pub connect: Option<Duration>,
}

pub(super) const DEADLINE: Duration = Duration::from_secs(600);
/// No call makes more upstream requests than this, whatever is stated.
pub(super) const ATTEMPTS_MAX: u8 = 32;
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// An attempt that has lived longer has a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// What a probe gets at least while a ready target stands behind it, and where nothing is known of its target's answers.
const PROBE: Duration = Duration::from_secs(15);
const PROBE_UNKNOWN: Duration = Duration::from_secs(60);
/// What each later target is left with when a deadline is shared.
pub(super) const RESERVE: Duration = Duration::from_secs(10);
pub(super) const RESERVES_MAX: u32 = 3;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Policy {
    /// For somebody who waits for the answer: the default. A call that would have to sleep for more than a few seconds
    /// fails instead, and says so.
    #[must_use]
    pub fn interactive() -> Self {
        Self::default()
    }

    /// For work that nobody waits for: a call sleeps through limits and outages for as long as an hour, and comes back
    /// as often as that takes.
    ///
    /// ```
    /// use backstop_core::fallback::Policy;
    /// assert!(Policy::batch().patience > Policy::interactive().patience);
    /// ```
    #[must_use]
    pub fn batch() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            deadline: Some(HOUR),
            patience: Some(HOUR),
            comebacks: Some(ATTEMPTS_MAX),
            backoff_cap: Duration::from_secs(60),
            hedge_after: Hedge::Off,
            ..Self::default()
        }
    }
}

/// How long the first content of an answer may take, if nobody says otherwise.
const fn first_content(times: &Times, patient: bool) -> Duration {
    match (patient, times.local) {
        (true, _) => secs(300),
        (false, true) => secs(180),
        (false, false) => secs(60),
    }
}

impl Policy {
    /// The most time a call may take: as stated, or the default.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.deadline.unwrap_or(DEADLINE)
    }

    /// The timer an attempt starts with: for its whole answer, or for the first content.
    pub(super) fn first_timer(&self, times: &Times, mode: Mode, patient: bool) -> Duration {
        match mode {
            Mode::Unary | Mode::Embedding => {
                times.timeout.or(self.timeout).unwrap_or(match (times.local, mode) {
                    (true, _) => secs(600),
                    (false, Mode::Embedding) => secs(60),
                    (false, _) => secs(300),
                })
            }
            Mode::Stream => {
                times.first_content.or(self.first_content).unwrap_or_else(|| first_content(times, patient))
            }
        }
    }

    /// The timer of an attempt on which others wait to learn whether its target is well.
    pub(super) fn probe_timer(times: &Times, patient: bool, usual: Option<Duration>) -> Option<Duration> {
        (!patient && !times.local)
            .then(|| usual.map_or(PROBE_UNKNOWN, |usual| PROBE.max(usual.saturating_mul(2))))
    }

    /// How long an attempt may be silent before another is made beside it.
    pub(super) fn hedge_timer(
        &self,
        times: &Times,
        mode: Mode,
        patient: bool,
        usual: Duration,
    ) -> Option<Duration> {
        match self.hedge_after {
            Hedge::Off => None,
            Hedge::After(time) => Some(time),
            Hedge::WhenSilent => {
                (mode == Mode::Unary).then(|| first_content(times, patient).max(usual.saturating_mul(2)))
            }
        }
    }

    /// The timer between two pieces.
    pub(super) fn idle_timer(&self, times: &Times, patient: bool) -> Duration {
        times.idle.or(self.idle).unwrap_or(if patient { secs(180) } else { secs(60) })
    }

    pub(super) fn comebacks_max(&self, attempts: Option<u8>) -> u8 {
        self.comebacks.unwrap_or(if attempts.is_some() { ATTEMPTS_MAX } else { 1 })
    }
}
