//! What the call writes down.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use crate::world::*;

#[test]
fn entries_stand_in_the_order_of_decision() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.seats[1] = Seat::unmet(ErrorKind::NotConfigured);
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.call();
    let expected = [("p/a", Verdict::NextTarget), ("q/b", Verdict::Skipped), ("r/c", Verdict::Delivered)];
    assert_eq!(world.verdicts(call), expected);
}

#[test]
fn a_target_never_reached_has_no_entry() {
    let mut world = World::new(&["p/a", "q/b"]);
    let call = world.call();
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Delivered)]);
}

#[test]
fn a_target_has_one_skipped_row_and_an_attempt_after_it_adds_its_own() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.says("q/b", [fails(ErrorKind::Auth)]);
    let call = world.call();
    let expected = [("p/a", Verdict::Skipped), ("q/b", Verdict::NextTarget), ("p/a", Verdict::Delivered)];
    assert_eq!(world.verdicts(call), expected);
    assert_eq!(world.entries(call)[0].kind, Some(ErrorKind::Server));
    assert!(world.entries(call)[0].rest.is_some());
}

#[test]
fn the_verdict_before_a_comeback_of_another_target_is_next_target() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Auth)]);
    let call = world.call();
    let expected = [("p/a", Verdict::NextTarget), ("q/b", Verdict::NextTarget), ("p/a", Verdict::Exhausted)];
    assert_eq!(world.verdicts(call), expected);
}

#[test]
fn what_was_slept_stands_with_the_attempt_after_it() {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails(ErrorKind::Server), ok()]);
    let call = world.call();
    let entries = world.entries(call);
    assert_eq!(entries[0].waited, ms(0));
    assert_eq!(entries[1].at - entries[0].at, entries[1].waited + ms(40));
    assert_eq!((entries[0].took, entries[1].took), (ms(40), ms(40)));
}

#[test]
fn when_all_rest_the_error_names_the_soonest_moment() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(90)))]);
    world.says("q/b", [fails(ErrorKind::Auth)]);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
    assert_eq!(world.retry_in(call), Some(secs(60)));
}

#[test]
fn a_call_that_is_over_wants_no_time_and_takes_no_event() {
    let mut world = World::new(&["p/a"]);
    let call = world.call();
    world.tell(call, Event::Tick);
    world.tell(call, Event::Cancelled);
    world.tell(call, Event::Failed(AttemptId(0), Facts::new(ErrorKind::Server)));
    assert!(world.answered(call));
}

#[test]
fn the_same_events_at_the_same_moments_give_the_same_actions() {
    let run = || {
        let mut world = World::new(&["p/a", "q/b"]);
        world.says("p/a", [fails(ErrorKind::Server)]);
        world.says("q/b", [fails(ErrorKind::Overloaded)]);
        let calls: Vec<CallNo> = (0..20).map(|_| world.call()).collect();
        calls.into_iter().map(|call| world.entries(call).to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}
