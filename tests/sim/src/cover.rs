//! What a run has met. A simulation that never meets a thing proves nothing about it.

#![expect(clippy::indexing_slicing, reason = "every counter has its place")]

use std::fmt::Write as _;

use backstop_core::{ErrorKind, Phase, Verdict};

macro_rules! items {
    ($($item:ident $name:literal,)+) => {
        /// Something that can be met.
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Item { $($item,)+ }

        const NAMES: &[&str] = &[$($name,)+];
    };
}

items! {
    Start "action start",
    Abort "action abort",
    Commit "action commit",
    Reset "action commit with reset",
    Finish "action finish",
    Delivered "outcome delivered",
    Stopped "outcome stopped",
    Exhausted "outcome exhausted",
    OutOfTime "outcome deadline",
    Interrupted "outcome interrupted",
    Cancelled "outcome cancelled",
    DueOwn "due: own timer",
    DueShare "due: share",
    DueDeadline "due: deadline",
    DueHedge "due: hedge",
    DueWake "due: wake",
    DueProbeLimit "due: limit of a probe",
    SamePlaceAndTime "own timer and deadline at one moment",
    Blamed "cut by a share, counted",
    NotBlamed "cut by a share, neutral",
    RuleNext "rule next",
    RuleStop "rule stop",
    RuleSecondOpinion "rule second_opinion",
    RuleList "rule list",
    RuleListPool "rule list with a pool",
    RuleListUsedUp "rule list, used up",
    RuleOnSkip "rule fired for a skip",
    SecondOpinion "second opinion asked",
    SecondBadRequest "second bad request stops",
    NoOpinion "bad request in unknown words moves on",
    PoolOrder "pool in order",
    PoolWeighted "pool by weights",
    Ready "chosen: ready",
    Suspected "chosen: suspected",
    SuspectedByRule "chosen: suspected, rule stop",
    Refused "chosen: of a provider that refused",
    ToldWaited "chosen: told, waited for",
    Comeback "comeback, paid",
    Invited "comeback, invited",
    ComebackRefused "comeback left out, budget empty",
    SleepFits "slept",
    SleepTooLong "not slept: patience or deadline",
    Hedge "hedge",
    HedgeRefused "hedge left out, budget empty",
    HedgeOtherProvider "hedge passes over a target of the same provider",
    HedgeFirstWon "hedge won by the first",
    HedgeSecondWon "hedge won by the second",
    HedgeOneFailed "hedge, one failed and the other decided",
    HedgeStopped "hedge, one stopped both",
    LoserAskedAgain "loser of a hedge asked again",
    ProbeSucceeded "probe succeeded",
    ProbeFailed "probe failed",
    ProbeAlive "probe failed about the request",
    ProbeUndecided "probe undecided",
    ProbeSilentLoser "probe lost its hedge in silence",
    BesideProbe "attempt beside a probe",
    ProbeConnected "probe lived long enough to have a connection",
    ProbeTakenOver "probe of a parked call taken over",
    Guessed "limit without a wait, guessed",
    GuessDisproved "guess disproved by what was served",
    BreakerOpened "breaker opened",
    OldNumber "outcome of an old number",
    Restart "restart after a commit",
    EmptyAnswer "answer without content",
    Paused "caller paused",
    StaleEvent "event of a dead attempt",
    SuspicionOff "suspicion switched off",
    FailFast "suspected left out, fail fast",
    WindowTooSmall "skipped for its window",
    ClosedByCall "left out, closed by this call",
    Unary "mode unary",
    Embedding "mode embedding",
    Stream "mode stream",
}

const PHASES: [Phase; 4] = [Phase::Headers, Phase::FirstContent, Phase::Idle, Phase::Total];

/// How often each thing was met.
#[derive(Clone, Debug)]
pub(crate) struct Cover {
    items: Vec<u64>,
    reactions: [u64; ErrorKind::ALL.len()],
    verdicts: [u64; Verdict::ALL.len()],
    phases: [u64; PHASES.len()],
}

impl Cover {
    pub(crate) fn new() -> Self {
        Self {
            items: vec![0; NAMES.len()],
            reactions: [0; ErrorKind::ALL.len()],
            verdicts: [0; Verdict::ALL.len()],
            phases: [0; PHASES.len()],
        }
    }

    pub(crate) fn hit(&mut self, item: Item) {
        self.items[item as usize] += 1;
    }

    pub(crate) fn hit_if(&mut self, condition: bool, item: Item) {
        self.items[item as usize] += u64::from(condition);
    }

    pub(crate) fn reaction(&mut self, kind: ErrorKind) {
        if let Some(at) = ErrorKind::ALL.iter().position(|other| *other == kind) {
            self.reactions[at] += 1;
        }
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        if let Some(at) = Verdict::ALL.iter().position(|other| *other == verdict) {
            self.verdicts[at] += 1;
        }
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        if let Some(at) = PHASES.iter().position(|other| *other == phase) {
            self.phases[at] += 1;
        }
    }

    fn rows(&self) -> Vec<(String, u64)> {
        let items = NAMES.iter().zip(&self.items).map(|(name, n)| ((*name).to_owned(), *n));
        let kinds = ErrorKind::ALL.iter().zip(&self.reactions);
        let kinds = kinds.map(|(kind, n)| (format!("failure {kind}"), *n));
        let verdicts = Verdict::ALL.iter().zip(&self.verdicts);
        let verdicts = verdicts.map(|(verdict, n)| (format!("verdict {verdict}"), *n));
        let phases = PHASES.iter().zip(&self.phases).map(|(phase, n)| (format!("phase {phase}"), *n));
        kinds.chain(verdicts).chain(phases).chain(items).collect()
    }

    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for pair in self.rows().chunks(2) {
            for (name, n) in pair {
                let _ = write!(table, "  {name:<44}{n:>12}");
            }
            table.push('\n');
        }
        table
    }

    /// What was never met.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.rows().into_iter().filter(|(_, n)| *n == 0).map(|(name, _)| name).collect()
    }

    pub(crate) fn items(&self) -> usize {
        self.rows().len()
    }
}
