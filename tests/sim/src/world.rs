//! A world: targets, routes over them, and callers, all drawn from one seed.

#![expect(clippy::indexing_slicing, reason = "providers, targets and roads are numbered as they are made")]

use std::sync::Arc;
use std::time::Duration;

use backstop_core::ErrorKind;
use backstop_core::fallback::*;

use crate::behaviour::Behaviour;
use crate::rng::Rng;

/// At most so many calls share one fleet.
pub(crate) const CALLS: usize = 500;

/// What shrinking may take from a world, one bit each.
pub(crate) mod plain {
    pub(crate) const RULES: u32 = 1;
    pub(crate) const POOLS: u32 = 2;
    pub(crate) const HEDGES: u32 = 4;
    pub(crate) const TERMS: u32 = 8;
    pub(crate) const SEATS: u32 = 16;
    pub(crate) const LEAVERS: u32 = 32;
    pub(crate) const READERS: u32 = 64;
    pub(crate) const STRAYS: u32 = 128;
    pub(crate) const POLICY: u32 = 256;
    pub(crate) const TIMES: u32 = 512;
    pub(crate) const PARKED: u32 = 1024;
    pub(crate) const ALL: [u32; 11] =
        [RULES, POOLS, HEDGES, TERMS, SEATS, LEAVERS, READERS, STRAYS, POLICY, TIMES, PARKED];
}

/// Which part of a world is run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    /// Only these calls, if any are named.
    pub(crate) only: Option<Vec<usize>>,
    /// No list names these slots.
    pub(crate) without: Vec<u8>,
    /// Bits of [`plain`].
    pub(crate) plain: u32,
}

/// A route of a world.
#[derive(Debug)]
pub(crate) struct Road {
    pub(crate) plan: Arc<Plan>,
    pub(crate) id: RouteId,
    pub(crate) policy: Policy,
    pub(crate) slots: Vec<SlotSpec>,
    pub(crate) steps: Vec<PlanStep>,
    pub(crate) rules: Vec<(ErrorKind, Rule)>,
}

impl Road {
    pub(crate) fn rule(&self, kind: ErrorKind) -> &Rule {
        self.rules.iter().find(|(of, _)| *of == kind).map_or(&Rule::Default, |(_, rule)| rule)
    }
}

#[derive(Copy, Clone, Debug)]
pub(crate) struct SlotSpec {
    pub(crate) target: usize,
    pub(crate) provider: usize,
    pub(crate) times: Times,
    pub(crate) window: Option<u32>,
    pub(crate) patient: bool,
}

/// A target and what it does.
#[derive(Debug)]
pub(crate) struct TargetSpec {
    pub(crate) id: TargetId,
    pub(crate) provider: usize,
    pub(crate) behaviour: Behaviour,
}

/// One caller.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) arrives: Moment,
    pub(crate) road: usize,
    pub(crate) terms: Terms,
    pub(crate) seats: Vec<Seat>,
    pub(crate) leaves: Option<Duration>,
    pub(crate) pauses: Option<(Duration, Duration)>,
    /// From when on nobody polls it, and for how long; without an end it is never polled again, and never dropped.
    pub(crate) parks: Option<(Duration, Option<Duration>)>,
    /// Ticks that nobody asked for, so long after the beginning.
    pub(crate) stray: Option<Duration>,
    /// How late the driver is with its timers, at most.
    pub(crate) late: u64,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) number: u64,
    pub(crate) fleet: Fleet,
    pub(crate) providers: usize,
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) roads: Vec<Road>,
    pub(crate) callers: Vec<Caller>,
}

impl World {
    /// The world of this number; nothing if too much was cut from it.
    pub(crate) fn draw(seed: u64, number: u64, cut: &Cut) -> Option<Self> {
        let mut rng = Rng::of(&[seed, number]);
        let mut fleet = Fleet::default();
        let ids: Vec<ProviderId> = (0..1 + rng.below(5)).map(|_| fleet.add_provider()).collect();
        let providers = ids.len();
        let targets: Vec<TargetSpec> = (0..1 + rng.below(8))
            .map(|_| {
                let provider = rng.below(providers as u64) as usize;
                let id = fleet.add_target(ids[provider]);
                TargetSpec { id, provider, behaviour: Behaviour::draw(&mut rng) }
            })
            .collect();
        let roads: Option<Vec<Road>> =
            (0..rng.pick(&[1, 1, 2])).map(|_| draw_road(&mut rng, &mut fleet, &ids, &targets, cut)).collect();
        let roads = roads?;
        let callers = draw_callers(&mut rng, seed, number, &roads, cut);
        Some(Self { seed, number, fleet, providers, targets, roads, callers })
    }
}

/// A route of these parts; nothing if no step is left.
pub(crate) fn road(
    fleet: &mut Fleet,
    ids: &[ProviderId],
    targets: &[TargetSpec],
    policy: Policy,
    slots: Vec<SlotSpec>,
    steps: Vec<PlanStep>,
    rules: Vec<(ErrorKind, Rule)>,
) -> Option<Road> {
    let id = fleet.add_route();
    let wired = slots.iter().map(|spec| {
        let mut slot = Slot::new(targets[spec.target].id, ids[spec.provider]);
        slot.times = spec.times;
        slot
    });
    let mut plan = Plan::with_steps(id, policy.clone(), wired.collect(), steps.clone()).ok()?;
    for (kind, rule) in &rules {
        plan = plan.with_rule(*kind, rule.clone()).ok()?;
    }
    Some(Road { plan: Arc::new(plan), id, policy, slots, steps, rules })
}

fn draw_road(
    rng: &mut Rng,
    fleet: &mut Fleet,
    ids: &[ProviderId],
    targets: &[TargetSpec],
    cut: &Cut,
) -> Option<Road> {
    let mut slots: Vec<SlotSpec> = Vec::new();
    for (target, spec) in targets.iter().enumerate() {
        // Now and then one target twice, with other overrides.
        for _ in 0..rng.pick(&[1, 1, 1, 1, 2]) {
            let mut times = Times::default();
            if rng.chance(20) {
                times.timeout = rng.maybe(50, 50, 20_000);
                times.first_content = rng.maybe(50, 50, 20_000);
                times.idle = rng.maybe(50, 50, 20_000);
                times.local = rng.chance(40);
                times.connect = rng.maybe(50, 100, 20_000);
            }
            if cut.plain & plain::TIMES != 0 {
                times = Times::default();
            }
            let window = rng.chance(50).then(|| rng.pick(&[2_000, 4_000, 8_000, 16_000, 32_000]));
            let patient = rng.chance(10);
            slots.push(SlotSpec { target, provider: spec.provider, times, window, patient });
        }
    }
    let policy = draw_policy(rng, cut);
    let named = rng.chance(30);
    let steps = draw_steps(rng, slots.len(), named, cut);
    let mut rules = Vec::new();
    for kind in ErrorKind::ALL {
        if !rng.chance(if kind == ErrorKind::BadRequest { 35 } else { 12 }) {
            continue;
        }
        let rule = match rng.below(5) {
            0 => Rule::Next,
            1 => Rule::Stop,
            2..4 if kind == ErrorKind::BadRequest => Rule::SecondOpinion,
            _ => Rule::Instead(draw_steps(rng, slots.len(), true, cut)),
        };
        let empty = matches!(&rule, Rule::Instead(steps) if steps.is_empty());
        if cut.plain & plain::RULES == 0 && !empty {
            rules.push((kind, rule));
        }
    }
    road(fleet, ids, targets, policy, slots, steps, rules)
}

fn id(slot: usize) -> SlotId {
    SlotId(u8::try_from(slot).unwrap_or(u8::MAX))
}

/// Some or all slots in a new order, some of them in pools.
fn draw_steps(rng: &mut Rng, slots: usize, some: bool, cut: &Cut) -> Vec<PlanStep> {
    let mut order: Vec<usize> = (0..slots).collect();
    for i in 0..slots {
        order.swap(i, rng.below(slots as u64) as usize);
    }
    if some {
        order.truncate(1 + rng.below(slots as u64) as usize);
    }
    let pooled = rng.chance(30);
    let mut steps = Vec::new();
    let mut rest = order.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let size = if pooled && rng.chance(60) { 1 + rng.below(3) as usize } else { 1 };
        let pick = rng.pick(&[Pick::Order, Pick::Weighted]);
        let mut members = vec![(id(*first), 1 + rng.below(5) as u32)];
        let (taken, left) = after.split_at(after.len().min(size - 1));
        members.extend(taken.iter().map(|slot| (id(*slot), rng.below(4) as u32)));
        if rng.chance(10) {
            // A target in a pool and elsewhere is one target.
            members.push((id(rng.below(slots as u64) as usize), 2));
        }
        members.retain(|(slot, _)| !cut.without.contains(&slot.0));
        rest = left;
        if members.iter().all(|(_, weight)| *weight == 0) {
            members.iter_mut().for_each(|(_, weight)| *weight = 1);
        }
        match members.as_slice() {
            [] => {}
            [(slot, _)] => steps.push(PlanStep::One(*slot)),
            several if cut.plain & plain::POOLS != 0 => {
                steps.extend(several.iter().map(|(slot, _)| PlanStep::One(*slot)));
            }
            _ => steps.push(PlanStep::pool(pick, members)),
        }
    }
    steps
}

fn draw_policy(rng: &mut Rng, cut: &Cut) -> Policy {
    let mut policy = Policy::default();
    policy.deadline = match rng.below(10) {
        0..5 => None,
        5..7 => Some(rng.millis(200, 20_000)),
        7 => Some(Duration::from_secs(60)),
        8 => Some(Duration::from_secs(600)),
        _ => Some(Duration::from_secs(7_200)),
    };
    policy.timeout = rng.maybe(30, 100, 30_000);
    policy.first_content = rng.maybe(30, 100, 30_000);
    policy.idle = rng.maybe(30, 100, 30_000);
    policy.attempts = rng.chance(25).then(|| rng.pick(&[1, 2, 3, 5, 9, 40]));
    policy.comebacks = rng.chance(35).then(|| rng.pick(&[0, 1, 2, 4]));
    policy.backoff_base = Duration::from_millis(rng.pick(&[1, 50, 500, 500, 500]));
    policy.backoff_cap = Duration::from_secs(rng.pick(&[1, 8, 8]));
    policy.patience = rng.maybe(35, 0, 60_000);
    policy.suspect = rng.chance(88);
    policy.cooldown_base = Duration::from_millis(rng.pick(&[200, 1_000, 5_000, 5_000]));
    policy.cooldown_cap = Duration::from_secs(rng.pick(&[10, 300, 300]));
    policy.after_commit = rng.pick(&[AfterCommit::Stop, AfterCommit::Restart]);
    policy.all_cooling = rng.pick(&[AllCooling::TrySoonest, AllCooling::TrySoonest, AllCooling::FailFast]);
    policy.hedge_after = match rng.maybe(50, 0, 3_000) {
        Some(after) => Hedge::After(after),
        None => rng.pick(&[Hedge::Off, Hedge::WhenSilent, Hedge::WhenSilent]),
    };
    if cut.plain & plain::POLICY != 0 {
        let mut usual = Policy::default();
        (usual.hedge_after, usual.after_commit) = (policy.hedge_after, policy.after_commit);
        policy = usual;
    }
    if cut.plain & plain::HEDGES != 0 {
        policy.hedge_after = Hedge::Off;
    }
    policy
}

fn draw_callers(rng: &mut Rng, seed: u64, number: u64, roads: &[Road], cut: &Cut) -> Vec<Caller> {
    let gap = rng.pick(&[2, 50, 500, 3_000, 20_000]);
    let modes = rng.pick(&[
        &[Mode::Unary, Mode::Stream, Mode::Embedding][..],
        &[Mode::Unary][..],
        &[Mode::Stream][..],
        &[Mode::Stream][..],
    ]);
    let mut arrives = Moment::ORIGIN;
    // Most worlds are short, for there are more of them; some are long, for what takes time.
    let calls = rng.pick(&[60, 60, 60, 200, CALLS]);
    let mut callers = Vec::with_capacity(calls);
    for call in 0..calls {
        arrives = arrives + rng.millis(0, gap);
        // Its own stream: leaving calls out changes nothing about the others.
        let mut rng = Rng::of(&[seed, number, 1, call as u64]);
        let at = rng.below(roads.len() as u64) as usize;
        let road = &roads[at];
        let mut terms = Terms::unary(rng.next());
        terms.mode = rng.pick(modes);
        terms.deadline = match rng.below(20) {
            0 => Some(Duration::ZERO),
            1..4 => Some(rng.millis(1, 2_000)),
            4..7 => Some(rng.millis(2_000, 30_000)),
            7 => Some(Duration::from_secs(3_600)),
            _ => None,
        };
        terms.attempts = rng.chance(8).then(|| 1 + rng.small(6));
        let leaves = rng.maybe(6, 0, 20_000);
        let pauses = rng.chance(15).then(|| (rng.millis(0, 5_000), rng.millis(0, 120_000)));
        let stray = rng.maybe(20, 0, 5_000);
        let late = rng.pick(&[0, 0, 0, 3, 60]);
        let parks = rng.chance(20).then(|| (rng.millis(0, 5_000), rng.maybe(60, 1_000, 60_000)));
        let seats = road.slots.iter().map(|slot| draw_seat(&mut rng, slot, cut)).collect();
        if cut.plain & plain::TERMS != 0 {
            (terms.deadline, terms.attempts) = (None, None);
        }
        callers.push(Caller {
            arrives,
            road: at,
            terms,
            seats,
            leaves: leaves.filter(|_| cut.plain & plain::LEAVERS == 0),
            pauses: pauses.filter(|_| cut.plain & plain::READERS == 0),
            parks: parks.filter(|_| cut.plain & plain::PARKED == 0),
            stray: stray.filter(|_| cut.plain & plain::STRAYS == 0),
            late: if cut.plain & plain::STRAYS == 0 { late } else { 0 },
        });
    }
    callers
}

fn draw_seat(rng: &mut Rng, slot: &SlotSpec, cut: &Cut) -> Seat {
    let unmet = rng.chance(6).then(|| {
        rng.pick(&[
            ErrorKind::Unsupported,
            ErrorKind::Unsupported,
            ErrorKind::NotConfigured,
            ErrorKind::ContextLength,
        ])
    });
    let mut seat = Seat::default();
    seat.unmet = unmet.filter(|_| cut.plain & plain::SEATS == 0);
    (seat.window, seat.patient) = (slot.window, slot.patient);
    seat.whole = rng.chance(5) && cut.plain & plain::SEATS == 0;
    seat
}
