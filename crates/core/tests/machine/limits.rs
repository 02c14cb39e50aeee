//! How much a call and a route may spend.

use backstop_core::ErrorKind;
use backstop_core::fallback::*;

use crate::world::*;

#[test]
fn a_call_makes_one_attempt_a_target_and_one_comeback() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "p/a"]);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
}

#[test]
fn stated_comebacks_are_bounded_by_what_is_stated() {
    for comebacks in [0, 2, 3] {
        let mut world = World::new(&["p/a"]);
        world.policy.comebacks = Some(comebacks);
        world.policy.patience = Some(secs(60));
        world.says("p/a", [fails(ErrorKind::Server)]);
        let call = world.call();
        assert_eq!(world.asked(call).len(), 1 + usize::from(comebacks));
    }
}

#[test]
fn stated_attempts_replace_the_bound() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.attempts = Some(4);
    world.policy.patience = Some(secs(60));
    for name in ["p/a", "q/b"] {
        world.says(name, [fails(ErrorKind::Server)]);
    }
    let call = world.call();
    assert_eq!(world.asked(call).len(), 4);
    world.terms.attempts = Some(1);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 1);
}

#[test]
fn no_call_makes_more_than_thirty_two_attempts() {
    let mut world = World::new(&["p/a"]);
    world.policy.attempts = Some(200);
    world.policy.patience = Some(secs(600));
    world.says("p/a", [fails_with(Facts::new(ErrorKind::BadReply).with_hint(ms(10)))]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 32);
}

#[test]
fn skips_are_no_attempts() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.seats[0] = Seat::unmet(ErrorKind::Unsupported);
    world.policy.attempts = Some(2);
    world.says("q/b", [fails(ErrorKind::Auth)]);
    let call = world.call();
    assert!(world.answered(call));
}

#[test]
fn nothing_is_slept_after_the_last_try() {
    let mut world = World::new(&["p/a"]);
    world.policy.attempts = Some(2);
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 2);
    assert_eq!(world.ended_ms(call), world.begun(call)[1] + 40);
}

#[test]
fn backoffs_double_with_equal_jitter() {
    let mut world = World::new(&["p/a"]);
    world.policy.comebacks = Some(4);
    world.policy.patience = Some(secs(60));
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.call();
    let begun = world.begun(call);
    for (i, full) in [500, 1000, 2000, 4000].into_iter().enumerate() {
        let slept = begun[i + 1] - begun[i] - 40;
        assert!((full / 2..=full).contains(&slept), "{slept} of {full}");
    }
}

#[test]
fn a_comeback_without_a_hint_costs_ten_points_and_an_invited_one_nothing() {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.call();
    assert!((40.0..41.0).contains(&world.points()));
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(ms(1)))]);
    world.call();
    assert_eq!(world.points(), 50.0);
}

#[test]
fn an_empty_budget_means_no_comeback_and_the_record_says_so() {
    let mut world = World::new(&["p/a"]);
    world.spend_all();
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 1);
    assert!(world.entries(call)[0].unaffordable);
    assert!(world.points() >= 0.0);
}

#[test]
fn a_success_brings_a_point() {
    let mut world = World::new(&["p/a"]);
    world.spend_all();
    world.says("p/a", [ok_after(0)]);
    for _ in 0..10 {
        world.call();
    }
    assert_eq!(world.points(), 10.0);
}

#[test]
fn stated_patience_bounds_all_that_a_call_sleeps_together() {
    let mut world = World::new(&["p/a"]);
    world.policy.attempts = Some(10);
    world.policy.patience = Some(secs(3));
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(secs(1)))]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 4);
}

#[test]
fn unstated_patience_is_a_third_of_the_time_left() {
    let mut world = World::new(&["p/a"]);
    world.policy.deadline = Some(secs(6));
    world.says("p/a", [fails_with(Facts::new(ErrorKind::Server).with_hint(secs(2)))]);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 1);
    world.policy.deadline = Some(secs(7));
    let call = world.call();
    assert_eq!(world.asked(call).len(), 2);
}

#[test]
fn jitter_comes_on_top_of_a_hint_and_never_before_it() {
    let mut world = World::new(&["p/a"]);
    let limited = fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(2)));
    let mut waits = Vec::new();
    for _ in 0..50 {
        world.says("p/a", [limited.clone(), ok()]);
        let call = world.call();
        let begun = world.begun(call);
        waits.push(begun[1] - begun[0] - 40);
    }
    assert!(waits.iter().all(|wait| (2000..=2200).contains(wait)), "{waits:?}");
    assert!(waits.iter().max() > waits.iter().min());
}
