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
    /// After how long without progress a second target is asked beside the first.
    pub hedge_after: Option<Duration>,
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
            hedge_after: None,
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
}

pub(super) const DEADLINE: Duration = Duration::from_secs(600);
/// No call makes more upstream requests than this, whatever is stated.
pub(super) const ATTEMPTS_MAX: u8 = 32;
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// What a probe gets while a ready target stands behind it.
pub(super) const PROBE: Duration = Duration::from_secs(15);
pub(super) const PROBE_PATIENT: Duration = Duration::from_secs(60);
/// What each later target is left with when a deadline is shared.
pub(super) const RESERVE: Duration = Duration::from_secs(10);
pub(super) const RESERVES_MAX: u32 = 3;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
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
                times.first_content.or(self.first_content).unwrap_or(match (patient, times.local) {
                    (true, _) => secs(300),
                    (false, true) => secs(180),
                    (false, false) => secs(60),
                })
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
