//! All worlds of up to three targets and three outcomes each, one after the other.

use std::time::Duration;

use backstop_core::fallback::*;

use crate::behaviour::{Behaviour, Illness};
use crate::cover::Cover;
use crate::run::{Failure, run};
use crate::world::{Caller, Cut, SlotSpec, TargetSpec, World, road};

/// What a target may do, three at a time: an answer, a failure that comes back, one that is told …
const SETS: [[Illness; 3]; 4] = [
    [Illness::None, Illness::Server, Illness::Auth],
    [Illness::None, Illness::Limited, Illness::Refusing],
    [Illness::CutsAfterContent, Illness::Dead, Illness::Hung],
    [Illness::TooLong, Illness::LimitedTiny, Illness::CutsBeforeContent],
];

/// So many calls are made in each world, a second apart.
const CALLS: u64 = 4;

/// Runs them all; returns how many there were.
pub(crate) fn enumerate(cover: &mut Cover) -> Result<u64, (String, Box<Failure>)> {
    let mut worlds = 0;
    for set in SETS {
        for targets in 1..=3u32 {
            for outcomes in 0..3usize.pow(targets) {
                for layout in 0..8 {
                    let (alone, stream, policy) = (layout & 1 == 0, layout & 2 == 0, layout >> 2);
                    for policy in [policy, policy + 2] {
                        let ills = (0..targets).map(|at| set.into_iter().nth(outcomes / 3usize.pow(at) % 3));
                        let ills: Vec<Illness> = ills.flatten().collect();
                        let Some(world) = world(&ills, alone, stream, policy) else { continue };
                        worlds += 1;
                        run(world, &Cut::default(), usize::MAX, true, cover).map_err(|failure| {
                            let kind = if stream { "stream" } else { "unary" };
                            let who = if alone { "a provider each" } else { "one provider" };
                            (format!("{ills:?}, {kind}, {who}, policy {policy}"), failure)
                        })?;
                    }
                }
            }
        }
    }
    Ok(worlds)
}

fn world(ills: &[Illness], alone: bool, stream: bool, policy: u32) -> Option<World> {
    let mut fleet = Fleet::default();
    let providers = if alone { ills.len() } else { 1 };
    let ids: Vec<ProviderId> = (0..providers).map(|_| fleet.add_provider()).collect();
    let mut targets = Vec::new();
    let mut slots = Vec::new();
    for (target, illness) in ills.iter().enumerate() {
        let provider = if alone { target } else { 0 };
        let id = fleet.add_target(*ids.get(provider)?);
        targets.push(TargetSpec { id, provider, behaviour: Behaviour::always(*illness) });
        let window = Some(1_000);
        slots.push(SlotSpec { target, provider, times: Times::default(), window, patient: false });
    }
    let steps = (0..ills.len()).map(|slot| PlanStep::One(SlotId(u8::try_from(slot).unwrap_or(0)))).collect();
    let road = road(&mut fleet, &ids, &targets, policies(policy), slots, steps, Vec::new())?;
    let callers = (0..CALLS).map(|call| {
        let mut terms = if stream { Terms::stream(call) } else { Terms::unary(call) };
        terms.deadline = (call == 3).then(|| Duration::from_secs(2));
        let mut seats = vec![Seat::default(); ills.len()];
        seats.iter_mut().for_each(|seat| seat.window = Some(1_000));
        let arrives = Moment::at(Duration::from_secs(call));
        Caller {
            arrives,
            road: 0,
            terms,
            seats,
            leaves: None,
            pauses: None,
            parks: None,
            stray: None,
            late: 0,
        }
    });
    let callers = callers.collect();
    Some(World { seed: 0, number: 0, fleet, providers, targets, roads: vec![road], callers })
}

fn policies(number: u32) -> Policy {
    let mut policy = Policy::default();
    match number {
        0 => {}
        1 => {
            policy.after_commit = AfterCommit::Restart;
            policy.hedge_after = Hedge::After(Duration::from_millis(500));
        }
        2 => {
            policy.deadline = Some(Duration::from_secs(8));
            policy.attempts = Some(2);
            policy.all_cooling = AllCooling::FailFast;
        }
        _ => {
            policy.comebacks = Some(3);
            policy.patience = Some(Duration::from_secs(30));
            policy.suspect = false;
        }
    }
    policy
}
