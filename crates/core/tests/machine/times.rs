//! Timers, deadlines and shares.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Phase, Verdict};

use crate::world::*;

/// How long a lone hanging target is given, and the phase its timeout is of.
fn given(world: &mut World) -> (u64, Option<Phase>) {
    world.policy.attempts = Some(1);
    world.says("p/a", [hangs()]);
    let before = world.now_ms();
    let call = world.call();
    (world.ended_ms(call) - before, world.entries(call).first().and_then(|entry| entry.phase))
}

fn alone() -> World {
    World::new(&["p/a"])
}

#[test]
fn an_answer_in_one_piece_has_five_minutes_and_an_embedding_one() {
    let mut world = alone();
    assert_eq!(given(&mut world), (300_000, Some(Phase::Total)));
    world.terms.mode = Mode::Embedding;
    assert_eq!(given(&mut world), (60_000, Some(Phase::Total)));
}

#[test]
fn the_first_content_of_a_stream_has_a_minute_and_a_thinking_one_five() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    assert_eq!(given(&mut world), (60_000, Some(Phase::Headers)));
    world.seats[0].patient = true;
    assert_eq!(given(&mut world), (300_000, Some(Phase::Headers)));
}

#[test]
fn a_local_model_may_load_first() {
    let mut world = alone();
    world.slots[0].times.local = true;
    world.policy.deadline = Some(secs(3600));
    assert_eq!(given(&mut world).0, 600_000);
    world.terms.mode = Mode::Stream;
    assert_eq!(given(&mut world).0, 180_000);
}

#[test]
fn a_targets_own_timer_goes_before_the_routes() {
    let mut world = alone();
    world.policy.timeout = Some(secs(20));
    assert_eq!(given(&mut world).0, 20_000);
    world.slots[0].times.timeout = Some(secs(7));
    assert_eq!(given(&mut world).0, 7_000);
    world.terms.mode = Mode::Stream;
    world.policy.first_content = Some(secs(9));
    assert_eq!(given(&mut world).0, 9_000);
    world.slots[0].times.first_content = Some(secs(3));
    assert_eq!(given(&mut world).0, 3_000);
}

#[test]
fn a_stream_that_opened_and_says_nothing_is_late_with_its_first_content() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    world.policy.attempts = Some(1);
    world.says("p/a", [vec![(50_000, Said::Opened), (20_000, Said::Content)]]);
    let call = world.call();
    assert_eq!(world.ended_ms(call), 60_000);
    assert_eq!(world.entries(call)[0].phase, Some(Phase::FirstContent));
}

#[test]
fn thinking_feeds_the_idle_timer_and_ten_thousand_thoughts_are_no_bad_reply() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    world.policy.deadline = Some(secs(3600 * 24));
    let mut thinks = vec![(1000, Said::Progress); 10_000];
    thinks.extend([(1000, Said::Content), (1000, Said::Done)]);
    world.says("p/a", [thinks]);
    let call = world.call();
    assert!(world.answered(call));
    world.says("p/a", [vec![(1000, Said::Progress), (61_000, Said::Content)]]);
    world.policy.attempts = Some(1);
    let before = world.now_ms();
    let call = world.call();
    assert_eq!(world.ended_ms(call) - before, 61_000);
    assert_eq!(world.entries(call)[0].phase, Some(Phase::Idle));
}

#[test]
fn a_deadline_is_shared_among_those_who_want_a_turn() {
    // max(left - 10 s·n, left / (n + 1)), n at most 3.
    for (targets, deadline, first) in
        [(1, 60, 60), (2, 60, 50), (3, 60, 40), (4, 60, 30), (5, 60, 30), (2, 10, 5), (4, 8, 2)]
    {
        let names = ["a/1", "b/2", "c/3", "d/4", "e/5"];
        let mut world = World::new(&names[..targets]);
        world.policy.deadline = Some(secs(deadline));
        world.says("a/1", [hangs()]);
        world.policy.comebacks = Some(0);
        let call = world.begin();
        world.pass(secs(deadline));
        let end = world.begun(call).get(1).copied().unwrap_or_else(|| world.ended_ms(call));
        assert_eq!(end, first * 1000, "{targets} targets, {deadline} s");
    }
}

#[test]
fn a_lone_attempt_gets_the_whole_deadline() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.attempts = Some(1);
    world.policy.deadline = Some(secs(10));
    world.says("p/a", [ok_after(9_999)]);
    let call = world.call();
    assert!(world.answered(call));
}

#[test]
fn targets_that_rest_beyond_the_deadline_get_no_share() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.deadline = Some(secs(10));
    world.says("q/b", [fails(ErrorKind::Auth)]);
    world.steps = Some(vec![PlanStep::One(SlotId(1))]);
    world.call();
    world.steps = None;
    world.says("p/a", [ok_after(9_900)]);
    let call = world.call();
    assert!(world.answered(call));
}

#[test]
fn a_hanging_first_target_under_a_routes_deadline_is_learnt_about() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.deadline = Some(secs(10));
    world.says("p/a", [hangs()]);
    for _ in 0..3 {
        let call = world.call();
        assert!(world.answered(call));
        assert_eq!(world.begun(call)[1] - world.begun(call)[0], 5_000);
    }
    assert!(world.is_suspected("p/a"));
}

#[test]
fn a_callers_own_longer_deadline_lays_blame_by_the_routes() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.deadline = Some(secs(10));
    world.terms.deadline = Some(secs(60));
    world.says("p/a", [hangs()]);
    for _ in 0..3 {
        world.call();
    }
    assert!(world.is_suspected("p/a"));
}

#[test]
fn at_one_and_the_same_moment_an_attempts_own_timer_goes_before_the_deadline() {
    let mut world = alone();
    world.policy.timeout = Some(secs(10));
    world.terms.deadline = Some(secs(10));
    world.says("p/a", [hangs()]);
    for _ in 0..3 {
        let call = world.call();
        assert_eq!(world.outcome(call), Some(Outcome::Deadline));
        assert_eq!(world.verdicts(call), [("p/a", Verdict::Exhausted)]);
    }
    assert!(world.is_suspected("p/a"));
}

#[test]
fn an_attempt_cut_by_the_deadline_is_a_timeout_and_the_call_is_out_of_time() {
    let mut world = alone();
    world.terms.deadline = Some(secs(10));
    world.says("p/a", [hangs()]);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
    let entry = world.entries(call)[0];
    assert_eq!((entry.kind, entry.phase), (Some(ErrorKind::Timeout), Some(Phase::Total)));
    assert_eq!(entry.took, secs(10));
}

#[test]
fn nothing_starts_at_the_deadline() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.terms.deadline = Some(ms(40));
    world.policy.attempts = Some(2);
    world.says("p/a", [fails_after(40, Facts::new(ErrorKind::Server))]);
    // Its share would end before that.
    world.slots[1].times.timeout = Some(ms(1));
    world.seats[1] = Seat::unmet(ErrorKind::Unsupported);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn a_call_without_time_asks_nobody() {
    let mut world = alone();
    world.terms.deadline = Some(ms(0));
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
    assert_eq!(world.asked(call).len(), 0);
}

#[test]
fn a_slow_reader_is_never_an_idle_provider() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    world.says("p/a", [vec![(10, Said::Content), (120_000, Said::Content), (10, Said::Done)]]);
    let call = world.begin();
    world.pass(ms(20));
    world.tell(call, Event::Reading(false));
    world.pass(secs(100));
    world.tell(call, Event::Reading(true));
    world.finish(call);
    assert!(world.answered(call));
}

#[test]
fn a_pause_stops_no_deadline() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    world.terms.deadline = Some(secs(90));
    world.says("p/a", [vec![(10, Said::Content)]]);
    let call = world.begin();
    world.pass(ms(20));
    world.tell(call, Event::Reading(false));
    world.finish(call);
    assert_eq!(world.ended_ms(call), 90_000);
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
}

#[test]
fn a_paused_reader_leaves_the_idle_timer_what_was_left_of_it() {
    let mut world = alone();
    world.terms.mode = Mode::Stream;
    world.says("p/a", [vec![(0, Said::Content)]]);
    let call = world.begin();
    world.pass(secs(20));
    world.tell(call, Event::Reading(false));
    world.pass(secs(500));
    world.tell(call, Event::Reading(true));
    world.finish(call);
    assert_eq!(world.ended_ms(call), 560_000);
}
