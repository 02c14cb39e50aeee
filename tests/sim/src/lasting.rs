//! What must hold in the long run, whatever the rules in between: a healthy target comes back, a dead one costs its
//! callers little, and one that serves most of what it is sent keeps being asked.
//!
//! The other checks tell every step a second time, from the same design. These look at nothing but what callers see, so
//! they can find the design wrong.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::ErrorKind;
use backstop_core::fallback::*;

use crate::check::{Broken, Kept, keep};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What the first target does. The second, where there is one, answers at once.
#[derive(Copy, Clone, Debug)]
enum Server {
    /// It answers in so long, but for an outage.
    Ill { takes: Duration, from: u64, until: u64, with: Outage },
    /// It serves so many a second, and has no words for the others but "too many".
    Limited { serves: u32 },
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Outage {
    Refuses,
    /// It lets connections run into their timeout.
    Drops,
    Fails,
    Hangs,
    Limits,
}

impl Outage {
    const ALL: [Self; 5] = [Self::Refuses, Self::Drops, Self::Fails, Self::Hangs, Self::Limits];

    fn failure(self) -> Option<(Duration, Facts)> {
        let at_once = ms(5);
        Some(match self {
            Self::Refuses => (at_once, Facts::new(ErrorKind::Connect)),
            Self::Drops => (secs(5), Facts::new(ErrorKind::Connect)),
            Self::Fails => (at_once, Facts::new(ErrorKind::Server)),
            Self::Hangs => return None,
            Self::Limits => (at_once, Facts::new(ErrorKind::RateLimited)),
        })
    }
}

#[derive(Copy, Clone, Debug)]
struct Scene {
    server: Server,
    mode: Mode,
    local: bool,
    /// Whether another target stands ready behind it.
    beside: bool,
    gap: Duration,
    lasts: Duration,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrives,
    Timer,
    Content(u8),
    Done(u8),
    Fails(u8),
}

/// What the callers that arrived in the last third of the time have seen.
#[derive(Copy, Clone, Debug, Default)]
struct Seen {
    callers: u64,
    /// By the first target.
    served: u64,
    took: Duration,
}

struct Caller {
    call: Call,
    arrived: Moment,
    started: Vec<(SlotId, Option<Facts>)>,
}

struct Run {
    scene: Scene,
    fleet: Fleet,
    plan: Arc<Plan>,
    coming: BinaryHeap<Reverse<(Moment, u64, usize, What)>>,
    callers: Vec<Option<Caller>>,
    number: u64,
    window: (u64, u32),
    seen: Seen,
}

impl Run {
    fn new(scene: Scene) -> Option<Self> {
        let mut fleet = Fleet::default();
        let providers = [fleet.add_provider(), fleet.add_provider()];
        let count = if scene.beside { 2 } else { 1 };
        let slots = providers.into_iter().take(count).enumerate().map(|(at, provider)| {
            let mut slot = Slot::new(fleet.add_target(provider), provider);
            slot.times.local = scene.local && at == 0;
            slot
        });
        let slots = slots.collect();
        let plan = Arc::new(Plan::new(fleet.add_route(), Policy::default(), slots).ok()?);
        let mut run = Self {
            scene,
            fleet,
            plan,
            coming: BinaryHeap::new(),
            callers: Vec::new(),
            number: 0,
            window: (0, 0),
            seen: Seen::default(),
        };
        run.comes(Moment::ORIGIN, 0, What::Arrives);
        Some(run)
    }

    fn comes(&mut self, at: Moment, call: usize, what: What) {
        self.number += 1;
        self.coming.push(Reverse((at, self.number, call, what)));
    }

    fn run(mut self) -> Seen {
        while let Some(Reverse((now, _, call, what))) = self.coming.pop() {
            if what == What::Arrives {
                if now - Moment::ORIGIN < self.scene.lasts {
                    self.comes(now + self.scene.gap, call + 1, What::Arrives);
                }
                let mut terms = Terms::unary(call as u64);
                terms.mode = self.scene.mode;
                let call = Call::new(Arc::clone(&self.plan), Vec::new(), terms, now);
                self.callers.push(Some(Caller { call, arrived: now, started: Vec::new() }));
                self.tell(self.callers.len() - 1, Event::Tick, now);
                continue;
            }
            let event = match what {
                What::Content(id) => Event::Content(AttemptId(id)),
                What::Done(id) => Event::Done(AttemptId(id)),
                What::Fails(id) => Event::Failed(AttemptId(id), self.facts(call, id)),
                What::Timer | What::Arrives => Event::Tick,
            };
            self.tell(call, event, now);
        }
        self.seen
    }

    fn facts(&self, call: usize, id: u8) -> Facts {
        let caller = self.callers.get(call).and_then(Option::as_ref);
        let attempt = caller.and_then(|caller| caller.started.get(usize::from(id)));
        attempt.and_then(|(_, facts)| *facts).unwrap_or(Facts::new(ErrorKind::Server))
    }

    fn tell(&mut self, at: usize, event: Event, now: Moment) {
        let Some(mut caller) = self.callers.get_mut(at).and_then(Option::take) else { return };
        caller.call.on(event, now, &mut self.fleet);
        while let Some(action) = caller.call.poll() {
            if let Action::Start { attempt, slot } = action {
                let (after, facts) = self.asked(slot, now);
                caller.started.push((slot, facts));
                match (after, facts) {
                    (None, _) => {}
                    (Some(after), Some(_)) => self.comes(now + after, at, What::Fails(attempt.0)),
                    (Some(after), None) => {
                        if self.scene.mode == Mode::Stream {
                            self.comes(now + after, at, What::Content(attempt.0));
                        }
                        self.comes(now + after, at, What::Done(attempt.0));
                    }
                }
            }
        }
        let Some(outcome) = caller.call.outcome() else {
            if let Some(due) = caller.call.poll_timeout() {
                self.comes(due.max(now), at, What::Timer);
            }
            if let Some(place) = self.callers.get_mut(at) {
                *place = Some(caller);
            }
            return;
        };
        if (caller.arrived - Moment::ORIGIN) * 3 < self.scene.lasts * 2 {
            return;
        }
        self.seen.callers += 1;
        self.seen.took += now - caller.arrived;
        if let Outcome::Delivered(id) = outcome {
            let first = caller.started.get(usize::from(id.0)).is_some_and(|(slot, _)| *slot == SlotId(0));
            self.seen.served += u64::from(first);
        }
    }

    /// What an attempt meets: when something comes of it, if ever, and whether that is a failure.
    fn asked(&mut self, slot: SlotId, now: Moment) -> (Option<Duration>, Option<Facts>) {
        if slot != SlotId(0) {
            return (Some(ms(40)), None);
        }
        let second = (now - Moment::ORIGIN).as_secs();
        match self.scene.server {
            Server::Ill { takes, from, until, with } if second < from || second >= until => {
                let _ = with;
                (Some(takes), None)
            }
            Server::Ill { with, .. } => match with.failure() {
                Some((after, facts)) => (Some(after), Some(facts)),
                None => (None, None),
            },
            Server::Limited { serves } => {
                if self.window.0 != second {
                    self.window = (second, 0);
                }
                self.window.1 += 1;
                if self.window.1 <= serves {
                    (Some(ms(500)), None)
                } else {
                    (Some(ms(5)), Some(Facts::new(ErrorKind::RateLimited)))
                }
            }
        }
    }
}

fn seen(scene: Scene) -> Kept<Seen> {
    match Run::new(scene) {
        Some(run) => Ok(run.run()),
        None => Err(Broken { invariant: "lasting-worlds", detail: format!("no plan for {scene:?}") }),
    }
}

/// How long it may take and still be healthy: by its own timer, or, where nothing is known of it after an outage in
/// which it answered errors, by what its probes are given.
fn may_take(mode: Mode, local: bool, with: Outage, known: bool) -> u64 {
    let judged = matches!(with, Outage::Fails | Outage::Hangs);
    match mode {
        Mode::Unary if local => 500,
        Mode::Unary if judged && !known => 59,
        Mode::Unary => 290,
        Mode::Stream if local => 170,
        _ => 59,
    }
}

/// An outage of a few minutes, with calls all the time, then health: in the end it serves again.
fn healthy_comes_back() -> Kept<u64> {
    let mut worlds = 0;
    for with in Outage::ALL {
        for takes in [ms(40), secs(18), secs(55), secs(100), secs(280), secs(450)] {
            for mode in [Mode::Unary, Mode::Stream, Mode::Embedding] {
                for (local, known) in [(false, false), (false, true), (true, false), (true, true)] {
                    if takes >= secs(may_take(mode, local, with, known)) {
                        continue;
                    }
                    let from = if known { 1500 } else { 0 };
                    let server = Server::Ill { takes, from, until: from + 200, with };
                    let (gap, lasts) = (secs(3), secs(from + 6000));
                    let scene = Scene { server, mode, local, beside: true, gap, lasts };
                    let seen = seen(scene)?;
                    let part = seen.served * 100 / seen.callers.max(1);
                    keep!(part >= 95, "healthy-comes-back", "it serves {part} of 100 in the end: {scene:?}");
                    worlds += 1;
                }
            }
        }
    }
    Ok(worlds)
}

/// A target that never answers costs each caller little, once that is known.
fn dead_costs_little() -> Kept<u64> {
    let mut worlds = 0;
    for with in Outage::ALL {
        for mode in [Mode::Unary, Mode::Stream, Mode::Embedding] {
            let server = Server::Ill { takes: secs(1), from: 0, until: u64::MAX, with };
            let scene = Scene { server, mode, local: false, beside: true, gap: secs(1), lasts: secs(6000) };
            let seen = seen(scene)?;
            let each = seen.took / u32::try_from(seen.callers.max(1)).unwrap_or(1);
            keep!(each <= ms(400), "dead-costs-little", "{each:?} a call, 40 ms without it: {scene:?}");
            worlds += 1;
        }
    }
    Ok(worlds)
}

/// A target that serves most of what it is sent keeps being asked: at least half of what it would serve.
fn serving_keeps_being_asked() -> Kept<u64> {
    let mut worlds = 0;
    for serves in [5, 50, 200] {
        for percent in [105, 128, 160] {
            for mode in [Mode::Unary, Mode::Stream] {
                for beside in [true, false] {
                    let gap = Duration::from_micros(100_000_000 / (u64::from(serves) * percent));
                    let server = Server::Limited { serves };
                    let scene = Scene { server, mode, local: false, beside, gap, lasts: secs(90) };
                    let seen = seen(scene)?;
                    let part = seen.served * 100 / (u64::from(serves) * 30);
                    keep!(
                        part >= 50,
                        "serving-keeps-being-asked",
                        "it serves {part} of 100 that it could: {scene:?}"
                    );
                    worlds += 1;
                }
            }
        }
    }
    Ok(worlds)
}

/// Runs them all; returns how many there were.
pub(crate) fn lasting() -> Kept<u64> {
    let all = || Ok(healthy_comes_back()? + dead_costs_little()? + serving_keeps_being_asked()?);
    catch_unwind(all).unwrap_or_else(|panic| Err(Broken::panic(&*panic)))
}
