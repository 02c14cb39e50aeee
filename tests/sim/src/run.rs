//! The event loop: virtual time, many calls, one fleet, and the checks after every step.

#![expect(clippy::indexing_slicing, reason = "calls, roads and targets are numbered by the world")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use backstop_core::fallback::*;

use crate::behaviour::{Said, Script};
use crate::check::health::Health;
use crate::check::plain::Plain;
use crate::check::story::{Scene, Story};
use crate::check::{Broken, Kept, keep};
use crate::cover::{Cover, Item};
use crate::rng::Rng;
use crate::trace::{Log, answered, digest, spoken};
use crate::world::{Caller, Cut, World};

/// What a run came to.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) steps: u64,
    /// Of all actions: the same seed gives the same number.
    pub(crate) digest: u64,
}

/// A broken invariant and where it broke.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) broken: Broken,
    pub(crate) call: usize,
    pub(crate) at: Moment,
    pub(crate) trace: Vec<(usize, String)>,
}

/// Runs a world to its end, or to the first broken invariant.
pub(crate) fn run(
    world: World,
    cut: &Cut,
    calls: usize,
    traced: bool,
    cover: &mut Cover,
) -> Result<Tally, Box<Failure>> {
    let log = Log { on: traced, ..Log::default() };
    let outcome = catch_unwind(AssertUnwindSafe(|| Loop::new(world, cut, calls, cover, &log).run()));
    let broken = match outcome {
        Ok(Ok(tally)) => return Ok(tally),
        Ok(Err(broken)) => broken,
        Err(panic) => Broken::panic(&*panic),
    };
    let (call, at) = log.place.get();
    Err(Box::new(Failure { broken, call, at, trace: log.lines.into_inner() }))
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrives,
    Says { attempt: u8, line: u32 },
    Timer,
    Stray,
    Leaves,
    Pauses,
    Resumes,
    Parks,
}

/// Something to come. At one and the same moment the order is anybody's guess: `tie` makes one.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Coming {
    at: Moment,
    tie: u64,
    call: usize,
    what: What,
}

struct Active {
    call: Call,
    story: Story,
    plain: Plain,
    scripts: Vec<(AttemptId, Script)>,
    /// When its timer is to fire, and what for.
    timer: Option<(Moment, Moment)>,
    /// Until when nobody polls it.
    parked: Moment,
    rng: Rng,
}

struct Loop<'a> {
    world: World,
    cover: &'a mut Cover,
    log: &'a Log,
    health: Health,
    coming: BinaryHeap<Reverse<Coming>>,
    active: Vec<Option<Box<Active>>>,
    actions: Vec<Action>,
    /// What each route's budget held, and when.
    points: Vec<(i64, Moment)>,
    now: Moment,
    tally: Tally,
}

impl<'a> Loop<'a> {
    fn new(world: World, cut: &Cut, calls: usize, cover: &'a mut Cover, log: &'a Log) -> Self {
        let calls = calls.min(world.callers.len());
        let mut new = Self {
            health: Health::new(world.targets.len(), world.providers),
            coming: BinaryHeap::with_capacity(calls * 2),
            active: (0..calls).map(|_| None).collect(),
            actions: Vec::with_capacity(8),
            points: vec![(50_000, Moment::ORIGIN); world.roads.len()],
            now: Moment::ORIGIN,
            tally: Tally::default(),
            world,
            cover,
            log,
        };
        for call in 0..calls {
            if cut.only.as_ref().is_none_or(|only| only.contains(&call)) {
                let at = new.world.callers[call].arrives;
                new.comes(at, call, What::Arrives);
            }
        }
        new
    }

    fn comes(&mut self, at: Moment, call: usize, what: What) {
        let kind = match what {
            What::Says { attempt, line } => 16 + u64::from(attempt) + u64::from(line) * 64,
            What::Arrives => 0,
            What::Timer => 1,
            What::Stray => 2,
            What::Leaves => 3,
            What::Pauses => 4,
            What::Resumes => 5,
            What::Parks => 6,
        };
        let tie = (call as u64 * 0x1_0001 + kind).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.coming.push(Reverse(Coming { at, tie, call, what }));
    }

    fn run(mut self) -> Kept<Tally> {
        while let Some(Reverse(Coming { at, call, what, .. })) = self.coming.pop() {
            self.now = at;
            self.log.place.set((call, at));
            if what == What::Arrives {
                self.arrives(call)?;
                continue;
            }
            let Some(mut active) = self.active[call].take() else { continue };
            if what == What::Parks {
                self.parks(active, call);
                continue;
            }
            if self.now < active.parked {
                let fires = active.timer.filter(|_| what == What::Timer);
                active.timer = fires.map_or(active.timer, |(due, _)| Some((due, active.parked)));
                self.comes(active.parked, call, what);
                self.active[call] = Some(active);
                continue;
            }
            if let Some(event) = self.event_of(&mut active, call, what) {
                self.tell(&mut active, call, event)?;
            }
            self.keep_going(active, call);
        }
        Ok(self.tally)
    }

    /// Nobody polls the call from here on. One that is never polled again is nobody's to drop either.
    fn parks(&mut self, mut active: Box<Active>, call: usize) {
        match self.world.callers[call].parks {
            Some((_, Some(time))) => {
                active.parked = self.now + time;
                self.active[call] = Some(active);
            }
            _ => self.tally.calls += 1,
        }
    }

    fn keep_going(&mut self, mut active: Box<Active>, call: usize) {
        if active.call.outcome().is_some() {
            self.tally.calls += 1;
            return;
        }
        let due = active.call.poll_timeout();
        if due != active.timer.map(|(due, _)| due) {
            let late = self.world.callers[call].late;
            active.timer = due.map(|due| {
                let late = if late == 0 { 0 } else { active.rng.below(late) };
                (due, due.max(self.now) + Duration::from_millis(late))
            });
            if let Some((_, fires)) = active.timer {
                self.comes(fires, call, What::Timer);
            }
        }
        self.active[call] = Some(active);
    }

    fn arrives(&mut self, call: usize) -> Kept {
        let caller = &self.world.callers[call];
        let Caller { road, terms, leaves, pauses, parks, stray, .. } = *caller;
        let at = &self.world.roads[road];
        let mut active = Box::new(Active {
            call: Call::new(at.plan.clone(), caller.seats.clone(), terms, self.now),
            story: Story::new(at, caller, self.now),
            plain: Plain::new(at, caller, self.now),
            scripts: Vec::with_capacity(2),
            timer: None,
            parked: Moment::ORIGIN,
            rng: Rng::of(&[self.world.seed, self.world.number, 2, call as u64]),
        });
        self.cover.hit(match terms.mode {
            Mode::Stream => Item::Stream,
            Mode::Embedding => Item::Embedding,
            _ => Item::Unary,
        });
        self.cover.hit_if(!at.policy.suspect, Item::SuspicionOff);
        for step in &at.steps {
            if let PlanStep::Pool { pick, .. } = step {
                self.cover.hit(if *pick == Pick::Order { Item::PoolOrder } else { Item::PoolWeighted });
            }
        }
        if let Some(after) = leaves {
            self.comes(self.now + after, call, What::Leaves);
        }
        if let Some((after, pause)) = pauses {
            self.comes(self.now + after, call, What::Pauses);
            self.comes(self.now + after + pause, call, What::Resumes);
        }
        if let Some((after, _)) = parks {
            self.comes(self.now + after, call, What::Parks);
        }
        if let Some(after) = stray {
            self.comes(self.now + after, call, What::Stray);
        }
        self.tell(&mut active, call, Event::Tick)?;
        self.keep_going(active, call);
        Ok(())
    }

    fn event_of(&mut self, active: &mut Active, call: usize, what: What) -> Option<Event> {
        match what {
            What::Arrives | What::Parks => None,
            What::Timer => {
                let fires = active.timer.is_some_and(|(_, fires)| fires == self.now);
                if fires {
                    active.timer = None;
                }
                fires.then_some(Event::Tick)
            }
            What::Stray => Some(Event::Tick),
            What::Leaves => Some(Event::Cancelled),
            What::Pauses => Some(Event::Reading(false)),
            What::Resumes => Some(Event::Reading(true)),
            What::Says { attempt, line } => {
                let id = AttemptId(attempt);
                let at = active.scripts.iter().position(|(other, _)| *other == id);
                let Some(at) = at else {
                    // It was dropped: a driver may have a last word of it in the queue.
                    let word = active.rng.below(40);
                    self.cover.hit_if(word < 5, Item::StaleEvent);
                    return match word {
                        0 => Some(Event::Opened(id)),
                        1 => Some(Event::Progress(id)),
                        2 => Some(Event::Content(id)),
                        3 => Some(Event::Done(id)),
                        4 => Some(Event::Failed(id, Facts::new(backstop_core::ErrorKind::Auth))),
                        _ => None,
                    };
                };
                let (_, said) = active.scripts[at].1.line(line as usize)?;
                if let Some((after, _)) = active.scripts[at].1.line(line as usize + 1) {
                    self.comes(self.now + after, call, What::Says { attempt, line: line + 1 });
                }
                Some(match said {
                    Said::Opened => Event::Opened(id),
                    Said::Progress => Event::Progress(id),
                    Said::Content => Event::Content(id),
                    Said::Done | Said::Failed(_) => {
                        active.scripts.remove(at);
                        match said {
                            Said::Failed(facts) => Event::Failed(id, facts),
                            _ => Event::Done(id),
                        }
                    }
                })
            }
        }
    }

    /// One step: the call is told something, answers, and both are judged.
    fn tell(&mut self, active: &mut Active, call: usize, event: Event) -> Kept {
        let now = self.now;
        let road = &self.world.roads[self.world.callers[call].road];
        let at = self.world.callers[call].road;
        let before = milli(&mut self.world.fleet, road.id, now);
        let (held, since) = self.points[at];
        let gained = i64::try_from((now - since).as_micros() / 2_000).unwrap_or(i64::MAX);
        let refilled = before >= (held + gained).min(50_000) && before <= (held + gained + 1).min(50_000);
        keep!(refilled, "budget-refills", "{before} after {held} and {:?}", now - since);

        self.tally.steps += 1;
        self.log.note(call, now, || spoken(event));
        active.plain.event(event)?;
        active.call.on(event, now, &mut self.world.fleet);
        self.actions.clear();
        while let Some(action) = active.call.poll() {
            self.log.note(call, now, || answered(action, road));
            self.tally.digest = digest(self.tally.digest, action);
            self.actions.push(action);
        }
        for action in &self.actions {
            active.plain.action(*action, event, road, now)?;
        }
        active.plain.rests(&active.call, event, now, road.slots.len())?;

        let mut scene = Scene {
            road,
            health: &mut self.health,
            cover: self.cover,
            entries: active.call.entries(),
            actions: &self.actions,
            acted: 0,
            timeout: active.call.poll_timeout(),
            now,
            points: before,
        };
        active.story.step(event, &mut scene)?;
        let should = scene.points;
        let holds = milli(&mut self.world.fleet, road.id, now);
        keep!((0..=50_000).contains(&holds), "budget-bounds", "{holds} points");
        keep!(holds == should, "budget-paid-once", "{before} became {holds}, and should {should}");
        self.points[at] = (holds, now);
        let ids = self.world.targets.iter().map(|target| (target.id, target.provider));
        self.health.agrees(&self.world.fleet, ids, now)?;

        if let Event::Content(attempt) = event
            && active.scripts.iter().any(|(live, _)| *live == attempt)
        {
            active.plain.hears(attempt)?;
        }
        if active.call.outcome().is_some() {
            let (is, should) = (
                active.call.retry_at(now, &self.world.fleet),
                active.story.retry_at(road, &self.health, now),
            );
            keep!(is == should, "retry-after", "worth asking at {is:?}, and should at {should:?}");
        } else if event == Event::Tick && self.actions.is_empty() {
            let due = active.call.poll_timeout();
            keep!(due.is_none_or(|due| due > now), "never-spins", "due {due:?} after a tick at {now:?}");
        }
        self.act(active, call);
        Ok(())
    }

    fn act(&mut self, active: &mut Active, call: usize) {
        let actions = std::mem::take(&mut self.actions);
        for action in &actions {
            match *action {
                Action::Start { attempt, slot } => {
                    let caller = &self.world.callers[call];
                    let slot = &self.world.roads[caller.road].slots[usize::from(slot.0)];
                    let mut rng =
                        Rng::of(&[self.world.seed, self.world.number, 3, call as u64, u64::from(attempt.0)]);
                    let behaviour = &self.world.targets[slot.target].behaviour;
                    let script = behaviour.script(self.now, caller.terms.mode, &mut rng);
                    if let Some((after, _)) = script.line(0) {
                        self.comes(self.now + after, call, What::Says { attempt: attempt.0, line: 0 });
                    }
                    active.scripts.push((attempt, script));
                }
                Action::Abort(attempt) => active.scripts.retain(|(other, _)| *other != attempt),
                Action::Commit { .. } | Action::Finish(_) => {}
            }
        }
        self.actions = actions;
    }
}

fn milli(fleet: &mut Fleet, route: RouteId, now: Moment) -> i64 {
    (fleet.points(route, now) * 1_000.0).round() as i64
}
