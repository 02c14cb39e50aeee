//! What targets do to those who ask them.

use std::time::Duration;

use backstop_core::fallback::{Facts, Mode, Moment};
use backstop_core::{ErrorKind, Scope};

use crate::rng::Rng;

/// One thing a provider says.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Said {
    Opened,
    Progress,
    Content,
    Done,
    Failed(Facts),
}

/// All that an attempt will see, each after so long; after the last the target falls silent, unless it `drones` on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    said: [Option<(Duration, Said)>; 6],
    len: usize,
    drones: Option<(Duration, Said)>,
}

impl Script {
    fn then(mut self, after: Duration, said: Said) -> Self {
        if let Some(place) = self.said.get_mut(self.len) {
            *place = Some((after, said));
            self.len += 1;
        }
        self
    }

    /// The line of this number, and how long after the one before it comes.
    pub(crate) fn line(&self, number: usize) -> Option<(Duration, Said)> {
        if number < self.len { self.said.get(number).copied().flatten() } else { self.drones }
    }
}

/// What is wrong with a target while it is ill.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Illness {
    None,
    Server,
    Overloaded,
    Hinting,
    Loading,
    ServerTimeout,
    Slow,
    Hung,
    Dead,
    Limited,
    LimitedHours,
    LimitedTiny,
    Quota,
    ModelQuota,
    Auth,
    Forbidden,
    Unknown,
    TooLong,
    Filter,
    Unsupported,
    Refusing,
    Garbage,
    Empty,
    CutsBeforeContent,
    CutsAfterContent,
    ErrsAfterContent,
    FallsSilent,
    ThinksForever,
    SaysNothing,
    Odd,
}

impl Illness {
    pub(crate) const ALL: [Self; 30] = [
        Self::None,
        Self::Server,
        Self::Overloaded,
        Self::Hinting,
        Self::Loading,
        Self::ServerTimeout,
        Self::Slow,
        Self::Hung,
        Self::Dead,
        Self::Limited,
        Self::LimitedHours,
        Self::LimitedTiny,
        Self::Quota,
        Self::ModelQuota,
        Self::Auth,
        Self::Forbidden,
        Self::Unknown,
        Self::TooLong,
        Self::Filter,
        Self::Unsupported,
        Self::Refusing,
        Self::Garbage,
        Self::Empty,
        Self::CutsBeforeContent,
        Self::CutsAfterContent,
        Self::ErrsAfterContent,
        Self::FallsSilent,
        Self::ThinksForever,
        Self::SaysNothing,
        Self::Odd,
    ];
}

/// How a target behaves over time.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// What it suffers from, in turn.
    pub(crate) illnesses: [Illness; 2],
    /// It is ill for the first `ill` of every `period`: an outage that comes and goes.
    pub(crate) period: Duration,
    pub(crate) ill: Duration,
    /// Of a hundred attempts made while it is ill, so many fail.
    pub(crate) percent: u64,
    /// How long it usually takes, at most.
    pub(crate) latency: Duration,
}

impl Behaviour {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let period = rng.millis(500, 400_000);
        let part = rng.pick(&[0, 10, 30, 60, 100]);
        Self {
            illnesses: [rng.pick(&Illness::ALL), rng.pick(&Illness::ALL)],
            period,
            ill: period * part / 100,
            percent: rng.pick(&[20, 50, 80, 100, 100]),
            latency: Duration::from_millis(rng.pick(&[5, 40, 400, 4_000])),
        }
    }

    /// A target that is always like this.
    pub(crate) fn always(illness: Illness) -> Self {
        let period = Duration::from_secs(1);
        Self {
            illnesses: [illness; 2],
            period,
            ill: period,
            percent: 100,
            latency: Duration::from_millis(40),
        }
    }

    fn illness(&self, now: Moment, rng: &mut Rng) -> Illness {
        let (now, period) = ((now - Moment::ORIGIN).as_nanos(), self.period.as_nanos().max(1));
        let [one, other] = self.illnesses;
        if now % period >= self.ill.as_nanos() || !rng.chance(self.percent) {
            return Illness::None;
        }
        if now / period % 2 == 0 { one } else { other }
    }

    /// What one attempt meets that is made now.
    pub(crate) fn script(&self, now: Moment, mode: Mode, rng: &mut Rng) -> Script {
        let illness = self.illness(now, rng);
        let latency = self.latency.as_millis() as u64;
        let (soon, later) = (rng.millis(0, latency), rng.millis(0, latency / 2));
        let start = Script::default();
        let stream = mode == Mode::Stream;
        let opened = if stream { start.clone().then(soon / 2, Said::Opened) } else { start.clone() };
        let content = if stream { opened.clone().then(soon, Said::Content) } else { start.clone() };
        let new = Facts::new;
        match illness {
            Illness::None => self.answer(mode, soon, rng),
            Illness::Slow => self.answer(mode, rng.millis(2_000, 400_000), rng),
            Illness::Hung => start,
            Illness::SaysNothing => opened,
            Illness::FallsSilent => content,
            Illness::ThinksForever => {
                let drones = Some((rng.millis(1_000, 30_000), Said::Progress));
                Script { drones, ..opened }
            }
            Illness::CutsBeforeContent => {
                opened.then(soon, Said::Progress).then(later, Said::Failed(new(ErrorKind::BadReply)))
            }
            Illness::CutsAfterContent => content.then(later, Said::Failed(new(ErrorKind::BadReply))),
            Illness::ErrsAfterContent => content.then(later, Said::Failed(new(rng.pick(&ErrorKind::ALL)))),
            _ => {
                let facts = error_of(illness, rng);
                // Most errors come at once; some come in a stream that was opened well.
                let script = if rng.chance(20) { opened } else { start };
                let after = if rng.chance(15) { rng.millis(500, 20_000) } else { soon };
                script.then(after, Said::Failed(facts))
            }
        }
    }

    fn answer(&self, mode: Mode, soon: Duration, rng: &mut Rng) -> Script {
        let start = Script::default();
        if mode != Mode::Stream {
            return start.then(soon, Said::Done);
        }
        let mut script = start.then(soon / 4, Said::Opened);
        if rng.chance(20) {
            script = script.then(soon / 4, Said::Progress);
        }
        // An answer without content is an answer, where that is legitimate.
        if rng.chance(97) {
            script = script.then(soon / 2, Said::Content);
            if rng.chance(50) {
                script = script.then(rng.millis(0, 1_000), Said::Content);
            }
        }
        script.then(rng.millis(0, 50), Said::Done)
    }
}

/// The error of a target that is ill in this way.
fn error_of(illness: Illness, rng: &mut Rng) -> Facts {
    let kind = match illness {
        Illness::Server | Illness::Loading => ErrorKind::Server,
        Illness::Overloaded => ErrorKind::Overloaded,
        Illness::Hinting => rng.pick(&[ErrorKind::Server, ErrorKind::Overloaded, ErrorKind::BadReply]),
        Illness::ServerTimeout => ErrorKind::Timeout,
        Illness::Dead => ErrorKind::Connect,
        Illness::Limited | Illness::LimitedHours | Illness::LimitedTiny => ErrorKind::RateLimited,
        Illness::Quota | Illness::ModelQuota => ErrorKind::Quota,
        Illness::Auth => ErrorKind::Auth,
        Illness::Forbidden => ErrorKind::Forbidden,
        Illness::Unknown => ErrorKind::ModelNotFound,
        Illness::TooLong => ErrorKind::ContextLength,
        Illness::Filter => ErrorKind::ContentFilter,
        Illness::Unsupported => ErrorKind::Unsupported,
        Illness::Refusing => ErrorKind::BadRequest,
        Illness::Garbage | Illness::Empty => ErrorKind::BadReply,
        _ => rng.pick(&ErrorKind::ALL),
    };
    let mut facts = Facts::new(kind);
    match illness {
        Illness::Hinting => {
            facts.hint = Some(rng.millis(100, 20_000));
            facts.comeback = rng.chance(80);
        }
        Illness::Loading => (facts.hint, facts.counted) = (Some(Duration::from_secs(2)), false),
        Illness::Limited => facts.hint = rng.maybe(60, 500, 8_000),
        Illness::LimitedHours => facts.hint = Some(rng.millis(60_000, 30_000_000)),
        Illness::LimitedTiny => facts.hint = Some(Duration::from_millis(1)),
        Illness::ModelQuota => facts.scope = Some(Scope::Target),
        Illness::TooLong => {
            facts.needed_tokens = rng.chance(40).then(|| rng.pick(&[4_000, 8_000, 20_000]));
        }
        Illness::Refusing => facts.recognised = rng.chance(60),
        Illness::Empty => facts.counted = false,
        _ => {}
    }
    facts
}
