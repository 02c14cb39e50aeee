//! A second attempt beside the first.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use crate::world::*;

fn hedged(names: &[&'static str]) -> World {
    let mut world = World::new(names);
    world.policy.hedge_after = Hedge::After(secs(2));
    world
}

#[test]
fn a_slow_attempt_is_hedged_and_the_first_answer_wins() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.says("p/a", [ok_after(10_000)]);
    let call = world.call();
    assert_eq!(world.begun(call), [0, 2000]);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Hedged), ("q/b", Verdict::Delivered)]);
    assert_eq!(world.aborted(call), 1);
    assert_eq!(world.standing("p/a"), Standing::Ready);
    assert!((41.0..43.0).contains(&world.points()));
}

#[test]
fn the_first_may_win_as_well() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.says("p/a", [ok_after(2_010)]);
    let call = world.call();
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Delivered), ("q/b", Verdict::Hedged)]);
}

#[test]
fn another_provider_is_asked_first() {
    let mut world = hedged(&["p/a", "p/c", "q/b"]);
    world.says("p/a", [hangs()]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    let mut world = hedged(&["p/a", "p/c"]);
    world.says("p/a", [hangs()]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "p/c"]);
}

#[test]
fn a_hedge_goes_only_to_a_ready_target() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.break_target("q/b");
    world.says("p/a", [ok_after(4_000)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn there_is_one_hedge_a_call() {
    let mut world = hedged(&["p/a", "q/b", "r/c", "s/d"]);
    for name in ["p/a", "q/b", "r/c"] {
        world.says(name, [fails_after(10_000, Facts::new(ErrorKind::Server))]);
    }
    let call = world.call();
    assert_eq!(world.begun(call), [0, 2000, 12_000, 22_000]);
}

#[test]
fn if_one_of_the_two_fails_the_other_decides() {
    let mut world = hedged(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [ok_after(10_000)]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Delivered), ("q/b", Verdict::NextTarget)]);
}

#[test]
fn a_stop_of_one_aborts_the_other_at_once() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.rule(ErrorKind::Server, Rule::Stop);
    world.says("p/a", [hangs()]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.ended_ms(call), 2040);
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::Server)));
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Stopped), ("q/b", Verdict::Stopped)]);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn progress_disarms_a_hedge() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.terms.mode = Mode::Stream;
    world.says("p/a", [vec![(1000, Said::Progress), (5000, Said::Content), (10, Said::Done)]]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn an_open_connection_alone_does_not_disarm_a_hedge() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.terms.mode = Mode::Stream;
    world.says("p/a", [streams_after(5000)]);
    world.says("q/b", [streams_after(10)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert_eq!(world.commits(call), [(AttemptId(1), false)]);
}

#[test]
fn without_points_there_is_no_hedge() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.spend_all();
    world.says("p/a", [ok_after(4000)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn a_hedge_counts_as_an_attempt() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.policy.attempts = Some(1);
    world.says("p/a", [ok_after(4000)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn a_hung_half_open_target_under_hedging_is_noticed() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [hangs()]);
    let call = world.call();
    assert_eq!(world.verdicts(call)[0], ("p/a", Verdict::Hedged));
    let rest = world.rests("p/a").unwrap();
    assert!(rest > secs(7), "{rest:?}");
}

#[test]
fn a_half_open_provider_whose_probe_kept_silent_is_not_thought_alive() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Connect), hangs()]);
    world.call();
    world.pass(secs(6));
    world.call();
    assert!(matches!(world.standing("p/a"), Standing::Probe(_)));
}

#[test]
fn a_probe_that_had_begun_to_answer_loses_its_hedge_undecided() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    let half_open = world.standing("p/a");
    world.terms.mode = Mode::Stream;
    world.says("p/a", [streams_after(10_000)]);
    world.says("q/b", [streams_after(10)]);
    world.call();
    assert_eq!(world.standing("p/a"), half_open);
}

#[test]
fn a_slow_healthy_loser_can_be_asked_after_a_cut() {
    let mut world = hedged(&["p/a", "q/b"]);
    world.terms.mode = Mode::Stream;
    world.policy.after_commit = AfterCommit::Restart;
    world.policy.comebacks = Some(0);
    world.policy.attempts = Some(3);
    world.says("p/a", [streams_after(10_000), streams_after(10)]);
    world.says("q/b", [cuts()]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "p/a"]);
    assert!(world.answered(call));
}

#[test]
fn nothing_is_hedged_after_the_first_commit() {
    let mut world = hedged(&["p/a", "q/b", "r/c"]);
    world.terms.mode = Mode::Stream;
    world.policy.after_commit = AfterCommit::Restart;
    world.says("p/a", [cuts()]);
    world.says("q/b", [streams_after(10_000)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
}

/// When the second target is asked beside a silent first one, if it is, by the defaults.
fn asked_beside(prepare: impl FnOnce(&mut World)) -> Option<u64> {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.deadline = Some(secs(3600));
    prepare(&mut world);
    world.says("p/a", [hangs()]);
    let before = world.now_ms();
    let call = world.begin();
    world.pass(secs(3600));
    let hedged = world.verdicts(call).contains(&("p/a", Verdict::Hedged));
    let second = world.begun(call).get(1).copied();
    second.filter(|_| hedged).map(|at| (at - before) / 1000)
}

#[test]
fn beside_a_silent_answer_in_one_piece_another_is_asked_after_a_minute() {
    assert_eq!(asked_beside(|_| {}), Some(60));
    // Who loads a model may take longer, and who thinks has all the time of an answer.
    assert_eq!(asked_beside(|world| world.slots[0].times.local = true), Some(180));
    assert_eq!(asked_beside(|world| world.seats[0].patient = true), None);
}

#[test]
fn a_target_that_usually_takes_long_is_left_twice_as_long() {
    let usual = |world: &mut World| {
        world.says("p/a", [ok_after(50_000)]);
        world.call();
    };
    assert_eq!(asked_beside(usual), Some(100));
}

#[test]
fn a_slow_target_that_lost_is_left_twice_as_long_until_it_answers() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [ok_after(200_000)]);
    let mut given = Vec::new();
    for _ in 0..4 {
        let before = world.now_ms();
        let call = world.call();
        given.push((world.ended_ms(call) - before) / 1000);
    }
    assert_eq!(given, [60, 120, 200, 200]);
}

#[test]
fn what_is_switched_off_or_has_timers_of_its_own_is_not_hedged_unasked() {
    assert_eq!(asked_beside(|world| world.policy.hedge_after = Hedge::Off), None);
    assert_eq!(asked_beside(|world| world.terms.mode = Mode::Stream), None);
    assert_eq!(asked_beside(|world| world.terms.mode = Mode::Embedding), None);
}

#[test]
fn a_hedge_that_cannot_be_paid_is_left_out() {
    assert_eq!(
        asked_beside(|world| {
            world.policy.hedge_after = Hedge::After(secs(2));
            world.spend_all();
        }),
        None
    );
}
