//! What a decision costs: whole calls through the machine, without any I/O.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::ErrorKind;
use backstop_core::fallback::{
    Action, AttemptId, Call, Event, Facts, Fleet, Moment, Plan, Policy, Seat, Slot, Terms,
};
use criterion::{Criterion, criterion_group, criterion_main};

fn fleet_of(targets: usize) -> (Fleet, Arc<Plan>) {
    let mut fleet = Fleet::default();
    let slots = (0..targets)
        .map(|_| {
            let provider = fleet.add_provider();
            Slot::new(fleet.add_target(provider), provider)
        })
        .collect();
    let mut policy = Policy::default();
    policy.suspect = false;
    let plan = Plan::new(fleet.add_route(), policy, slots);
    match plan {
        Ok(plan) => (fleet, Arc::new(plan)),
        Err(error) => unreachable!("{error}"),
    }
}

/// One call whose first `failures` attempts fail; returns the number of its actions.
fn call(fleet: &mut Fleet, plan: &Arc<Plan>, failures: u8, now: Moment) -> usize {
    let seats = vec![Seat::default(); plan.slots().len()];
    let mut call = Call::new(Arc::clone(plan), seats, Terms::unary(7), now);
    let mut event = Event::Tick;
    let mut actions = 0;
    loop {
        call.on(event, now, fleet);
        let mut started: Option<AttemptId> = None;
        while let Some(action) = call.poll() {
            actions += 1;
            match action {
                Action::Start { attempt, .. } => started = Some(attempt),
                Action::Finish(_) => return actions,
                Action::Abort(_) | Action::Commit { .. } => {}
            }
        }
        let Some(attempt) = started else { return actions };
        event = if attempt.0 < failures {
            Event::Failed(attempt, Facts::new(ErrorKind::Server))
        } else {
            Event::Done(attempt)
        };
    }
}

fn machine(criterion: &mut Criterion) {
    let now = Moment::at(Duration::from_secs(1));
    for (name, targets, failures) in
        [("healthy of 3", 3, 0), ("third of 3", 3, 2), ("healthy of 32", 32, 0), ("last of 32", 32, 31)]
    {
        let (mut fleet, plan) = fleet_of(targets);
        criterion.bench_function(name, |bencher| bencher.iter(|| call(&mut fleet, &plan, failures, now)));
    }
}

criterion_group!(benches, machine);
criterion_main!(benches);
