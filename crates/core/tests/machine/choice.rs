//! Who is asked next, and what is worth a wait.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use crate::world::*;

#[test]
fn targets_are_asked_in_the_order_of_the_list() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Overloaded)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c"]);
    assert_eq!(world.outcome(call), Some(Outcome::Delivered(AttemptId(2))));
}

#[test]
fn a_suspected_target_comes_after_every_ready_one_and_before_any_wait() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.break_target("p/a");
    world.says("q/b", [fails(ErrorKind::Server)]);
    world.says("r/c", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["q/b", "r/c", "p/a"]);
    let begun = world.begun(call);
    assert_eq!(begun[2] - begun[1], 40);
}

#[test]
fn of_suspected_targets_the_one_that_reopens_soonest_is_asked_first() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("q/b");
    world.pass(secs(3));
    world.break_target("p/a");
    let call = world.call();
    assert_eq!(world.asked(call), ["q/b"]);
}

#[test]
fn a_target_refused_once_is_tried_at_once_by_the_next_call() {
    let mut world = World::new(&["p/a"]);
    world.policy.attempts = Some(1);
    world.says("p/a", [fails(ErrorKind::Connect), ok()]);
    world.call();
    world.pass(ms(100));
    let before = world.now_ms();
    let call = world.call();
    assert!(world.answered(call));
    assert_eq!(world.begun(call), [before]);
}

#[test]
fn failing_fast_leaves_suspected_targets_out() {
    let mut world = World::new(&["p/a"]);
    world.policy.all_cooling = AllCooling::FailFast;
    world.break_target("p/a");
    let call = world.call();
    assert_eq!(world.asked(call).len(), 0);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Skipped)]);
}

#[test]
fn told_rests_are_waited_for_within_the_patience_and_not_beyond() {
    for (hint, tries) in [(4, 2), (6, 1)] {
        let mut world = World::new(&["p/a"]);
        let limited = Facts::new(ErrorKind::RateLimited).with_hint(secs(hint));
        world.says("p/a", [fails_with(limited), ok()]);
        let call = world.call();
        assert_eq!(world.asked(call).len(), tries);
        assert!(world.begun(call).iter().skip(1).all(|at| *at >= 4040));
    }
}

#[test]
fn an_untried_told_target_is_waited_for_too() {
    let mut world = World::new(&["p/a"]);
    let mut other = World::new(&["p/a"]);
    let limited = Facts::new(ErrorKind::RateLimited).with_hint(secs(3));
    for world in [&mut world, &mut other] {
        world.policy.attempts = Some(1);
        world.says("p/a", [fails_with(limited), ok()]);
        world.call();
    }
    let call = world.call();
    assert!(world.answered(call) && world.begun(call)[0] >= 3040);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Skipped), ("p/a", Verdict::Delivered)]);
    assert!(world.entries(call)[1].waited >= secs(2));
    other.policy.patience = Some(secs(1));
    let call = other.call();
    assert_eq!(other.asked(call).len(), 0);
}

#[test]
fn a_rate_limit_is_never_slept_on_in_front_of_a_ready_target() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(ms(1)))]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert_eq!(world.begun(call), [0, 40]);
}

#[test]
fn a_lone_target_under_a_limit_without_a_stated_wait_comes_back_after_the_backoff() {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails(ErrorKind::RateLimited), ok()]);
    let call = world.call();
    assert!(world.answered(call));
    let again = world.begun(call)[1];
    assert!((290..=540).contains(&again), "{again}");
}

#[test]
fn suspicion_does_not_hold_a_comeback_back() {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails(ErrorKind::Connect), ok()]);
    let call = world.call();
    assert!(world.answered(call));
    assert!((290..=540).contains(&world.begun(call)[1]));
}

#[test]
fn of_two_comebacks_that_are_due_the_earlier_in_the_list_is_asked() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(900))), ok()]);
    world.says("q/b", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(100)))]);
    world.says("r/c", [fails_after(2000, Facts::new(ErrorKind::Auth))]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c", "p/a"]);
}

#[test]
fn of_two_comebacks_to_come_the_sooner_is_asked() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(3000)))]);
    world.says("q/b", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(1000))), ok()]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "q/b"]);
    assert_eq!(world.verdicts(call)[1], ("q/b", Verdict::RetrySame));
}

#[test]
fn a_call_decides_anew_when_it_wakes() {
    let mut world = World::new(&["p/a", "q/b"]);
    // Another call's key trouble rests q; it ends while this call sleeps for p's comeback.
    world.says("q/b", [fails(ErrorKind::Auth), ok()]);
    world.steps = Some(vec![PlanStep::One(SlotId(1))]);
    world.call();
    world.steps = None;
    world.pass(ms(58_000));
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(secs(4)))]);
    let call = world.call();
    // The soonest is q, though it was skipped at first.
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert!(world.answered(call));
}

#[test]
fn a_wait_never_ends_after_the_deadline() {
    let mut world = World::new(&["p/a"]);
    world.policy.deadline = Some(ms(1000));
    world.policy.patience = Some(secs(10));
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(970)))]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 1);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
    assert_eq!(world.ended_ms(call), 40);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(900))), ok_after(1)]);
    let call = world.call();
    assert!(world.answered(call) && world.begun(call)[1] < 40 + 1000);
}

#[test]
fn extensions_of_a_rest_do_not_make_a_call_sleep_for_ever() {
    let mut world = World::new(&["p/a"]);
    let limited = Facts::new(ErrorKind::RateLimited).with_hint(secs(2));
    world.policy.attempts = Some(1);
    world.says("p/a", [fails_with(limited)]);
    world.call();
    world.policy.attempts = None;
    let sleeper = world.begin();
    assert!(world.is_waiting(sleeper));
    let target = world.slots[0].target;
    for _ in 0..20 {
        // Attempts of other calls, from before the rest, go on being told to wait.
        world.pass(ms(1900));
        let now = Moment::at(ms(world.now_ms()));
        let permit = world.fleet.admit(target, now, true);
        let _ = world.fleet.settle(permit, Ended::Failed(limited), &Policy::default(), 1, now);
    }
    assert!(!world.is_waiting(sleeper));
    assert!(world.ended_ms(sleeper) <= 7000);
}

#[test]
fn a_thousand_callers_told_one_second_all_get_through() {
    let mut world = World::new(&["p/a"]);
    let limited = fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(1)));
    world.says("p/a", [limited]);
    let calls: Vec<CallNo> = (0..1000).map(|_| world.begin()).collect();
    world.pass(ms(500));
    world.says("p/a", [ok()]);
    for call in calls {
        world.finish(call);
        assert!(world.answered(call));
    }
    assert_eq!(world.points(), 50.0);
}

#[test]
fn members_of_a_pool_are_tried_one_after_the_other_and_then_the_next_step() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    let one = |slot| PlanStep::One(SlotId(slot));
    world.steps =
        Some(vec![PlanStep::pool(Pick::Order, vec![(SlotId(1), 1), (SlotId(0), 1)]), one(2), one(1)]);
    for name in ["p/a", "q/b", "r/c"] {
        world.says(name, [fails(ErrorKind::Auth)]);
    }
    let call = world.call();
    assert_eq!(world.asked(call), ["q/b", "p/a", "r/c"]);
}

#[test]
fn a_weighted_pool_asks_each_member_once_in_an_order_of_its_own() {
    let mut firsts = [0, 0];
    let mut world = World::new(&["p/a", "q/b"]);
    world.steps = Some(vec![PlanStep::pool(Pick::Weighted, vec![(SlotId(0), 3), (SlotId(1), 1)])]);
    for _ in 0..1000 {
        let call = world.call();
        firsts[usize::from(world.asked(call) == ["q/b"])] += 1;
    }
    assert!((200..300).contains(&firsts[1]), "{firsts:?}");
}

#[test]
fn two_slots_of_one_target_share_its_health() {
    let mut world = World::new(&["p/a", "p/a+", "q/b"]);
    world.says("p/a", [fails(ErrorKind::RateLimited)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
}
