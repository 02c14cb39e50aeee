//! What a route wants for one kind of failure.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use crate::world::*;

#[test]
fn stop_ends_the_call() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.rule(ErrorKind::ContentFilter, Rule::Stop);
    world.says("p/a", [fails(ErrorKind::ContentFilter)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::ContentFilter)));
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Stopped)]);
}

#[test]
fn next_asks_the_next_target_whatever_the_kind_leads_to() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.rule(ErrorKind::BadRequest, Rule::Next);
    let mut malformed = Facts::new(ErrorKind::BadRequest);
    malformed.recognised = true;
    world.says("p/a", [fails_with(malformed)]);
    world.says("q/b", [fails_with(malformed)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c"]);
}

#[test]
fn a_list_replaces_the_rest_of_the_route_and_when_it_ends_the_call_ends() {
    let mut world = World::new(&["p/a", "q/b", "r/long", "s/longer"]);
    world.steps = Some(vec![PlanStep::One(SlotId(0)), PlanStep::One(SlotId(1))]);
    let list = world.instead(&["r/long", "s/longer"]);
    world.rule(ErrorKind::ContextLength, list);
    world.says("p/a", [fails(ErrorKind::ContextLength)]);
    world.says("r/long", [fails(ErrorKind::Auth)]);
    world.says("s/longer", [fails(ErrorKind::Auth)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "r/long", "s/longer"]);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
}

#[test]
fn comebacks_of_targets_outside_a_list_are_dropped() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.steps = Some(vec![PlanStep::One(SlotId(0)), PlanStep::One(SlotId(1))]);
    let list = world.instead(&["r/c"]);
    world.rule(ErrorKind::Overloaded, list);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Overloaded)]);
    world.says("r/c", [fails(ErrorKind::Auth)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c"]);
}

#[test]
fn a_used_up_list_does_not_end_the_call() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    let list = world.instead(&["p/a"]);
    world.rule(ErrorKind::Server, list);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c"]);
}

#[test]
fn tried_targets_of_a_list_are_left_out() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    let list = world.instead(&["p/a", "r/c"]);
    world.rule(ErrorKind::ContentFilter, list);
    world.says("p/a", [fails(ErrorKind::ContentFilter)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "r/c"]);
}

#[test]
fn a_list_may_hold_pools() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.steps = Some(vec![PlanStep::One(SlotId(0))]);
    let pool = PlanStep::pool(Pick::Weighted, vec![(SlotId(1), 1), (SlotId(2), 1)]);
    world.rule(ErrorKind::Server, Rule::Instead(vec![pool]));
    for name in ["p/a", "q/b", "r/c"] {
        world.says(name, [fails(ErrorKind::Server)]);
    }
    world.policy.comebacks = Some(0);
    let call = world.call();
    let mut asked = world.asked(call);
    asked.sort_unstable();
    assert_eq!(asked, ["p/a", "q/b", "r/c"]);
}

#[test]
fn rules_fire_for_skips_as_they_do_for_attempts() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.seats[0] = Seat::unmet(ErrorKind::Unsupported);
    let list = world.instead(&["r/c"]);
    world.rule(ErrorKind::Unsupported, list);
    let call = world.call();
    assert_eq!(world.asked(call), ["r/c"]);
    world.rules.clear();
    world.rule(ErrorKind::Unsupported, Rule::Stop);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::Unsupported)));
}

#[test]
fn a_resting_target_meets_the_rule_of_what_it_rests_for() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(30)))]);
    world.call();
    let list = world.instead(&["r/c"]);
    world.rule(ErrorKind::RateLimited, list);
    let call = world.call();
    assert_eq!(world.asked(call), ["r/c"]);
    world.rules.clear();
    world.rule(ErrorKind::RateLimited, Rule::Stop);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 0);
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::RateLimited)));
}

#[test]
fn a_suspected_target_whose_failure_would_end_the_call_is_tried_instead_of_passed_over() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.rule(ErrorKind::Server, Rule::Stop);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn a_stop_after_a_failure_marks_that_failure() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.seats[1] = Seat::unmet(ErrorKind::Unsupported);
    world.rule(ErrorKind::Unsupported, Rule::Stop);
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Stopped), ("q/b", Verdict::Skipped)]);
}

#[test]
fn a_stated_second_opinion_is_what_a_bad_request_leads_to_anyway() {
    let mut world = World::new(&["p/a", "p/c", "q/b"]);
    world.rule(ErrorKind::BadRequest, Rule::SecondOpinion);
    let mut malformed = Facts::new(ErrorKind::BadRequest);
    malformed.recognised = true;
    world.says("p/a", [fails_with(malformed)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
}

#[test]
fn the_hint_of_a_failure_that_stopped_the_call_is_reported_as_stated() {
    let mut world = World::new(&["p/a"]);
    world.rule(ErrorKind::RateLimited, Rule::Stop);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(86_400)))]);
    let call = world.call();
    assert_eq!(world.retry_in(call), Some(secs(86_400)));
}
