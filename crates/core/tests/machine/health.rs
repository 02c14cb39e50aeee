//! Cooldowns, probes and the breaker.

use backstop_core::ErrorKind;
use backstop_core::fallback::*;

use crate::world::*;

fn moment(world: &World) -> Moment {
    Moment::at(ms(world.now_ms()))
}

#[test]
fn the_breaker_opens_after_three_failures_in_a_row_that_are_half_of_the_last_ten() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [ok(), ok(), ok(), ok(), fails(ErrorKind::Server)]);
    for _ in 0..4 + 3 {
        world.call();
    }
    assert_eq!(world.standing("p/a"), Standing::Ready);
    world.call();
    assert!(world.is_suspected("p/a"));
    let rest = world.rests("p/a").unwrap();
    assert!(rest > secs(3) && rest <= secs(6));
}

#[test]
fn a_success_in_between_keeps_the_breaker_shut() {
    let mut world = World::new(&["p/a", "q/b"]);
    let bad = || fails(ErrorKind::Server);
    world.says("p/a", [bad(), bad(), ok(), bad(), bad(), ok(), bad(), bad(), ok()]);
    for _ in 0..9 {
        world.call();
        assert_eq!(world.standing("p/a"), Standing::Ready);
    }
}

#[test]
fn a_suspected_rest_ends_half_open_with_one_probe() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    assert!(matches!(world.standing("p/a"), Standing::Probe(_)));
    world.says("p/a", [ok_after(1000)]);
    let probe = world.begin();
    let beside = world.begin();
    assert_eq!((world.asked(probe), world.asked(beside)), (vec!["p/a"], vec!["q/b"]));
    world.finish(probe);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn failed_probes_rest_the_target_twice_as_long_each_time_up_to_the_cap() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.says("p/a", [fails_after(0, Facts::new(ErrorKind::Server))]);
    for base in [10, 20, 40, 80, 160, 300, 300] {
        let rest = world.rests("p/a").unwrap();
        world.pass(rest);
        world.call();
        let rest = world.rests("p/a").unwrap();
        assert!(rest >= secs(base * 4 / 5) && rest <= secs(base * 6 / 5).min(secs(300)), "{rest:?}");
    }
}

#[test]
fn ten_seconds_of_outage_under_a_hundred_calls_a_second_do_not_close_a_target_for_minutes() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    for _ in 0..1000 {
        world.begin();
        world.pass(ms(10));
    }
    world.says("p/a", [ok()]);
    let rest = world.rests("p/a").map_or(0, |rest| rest.as_secs());
    assert!(rest <= 12, "{rest}");
    world.pass(secs(12));
    world.call();
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_probe_longer_than_any_lease_is_still_the_only_probe() {
    let mut world = World::new(&["p/a"]);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [ok_after(200_000)]);
    let probe = world.begin();
    world.pass(secs(190));
    assert!(world.is_suspected("p/a"));
    world.finish(probe);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_cancelled_probe_proves_nothing() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    let before = world.standing("p/a");
    let probe = world.begin();
    assert!(world.is_suspected("p/a"));
    world.tell(probe, Event::Cancelled);
    assert_eq!(world.standing("p/a"), before);
}

#[test]
fn an_attempt_beside_the_probe_goes_without_a_lease_and_raises_nothing() {
    let mut world = World::new(&["p/a"]);
    world.policy.comebacks = Some(0);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [ok_after(1000), fails(ErrorKind::Server)]);
    let probe = world.begin();
    for _ in 0..10 {
        let beside = world.call();
        assert_eq!(world.asked(beside), ["p/a"]);
    }
    world.finish(probe);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn the_success_of_an_attempt_on_a_suspected_target_closes_the_breaker() {
    let mut world = World::new(&["p/a"]);
    world.break_target("p/a");
    world.call();
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn failures_on_a_suspected_target_do_not_prolong_its_rest() {
    let mut world = World::new(&["p/a"]);
    world.policy.comebacks = Some(0);
    world.break_target("p/a");
    let Standing::Suspected(before) = world.standing("p/a") else { panic!() };
    world.says("p/a", [fails(ErrorKind::Server)]);
    for _ in 0..5 {
        world.call();
    }
    assert_eq!(world.standing("p/a"), Standing::Suspected(before));
}

#[test]
fn a_success_from_before_a_rest_ends_nothing() {
    let mut world = World::new(&["p/a", "q/b"]);
    let limited = Facts::new(ErrorKind::RateLimited).with_hint(secs(30));
    world.says("p/a", [ok_after(500), fails_with(limited)]);
    let slow = world.begin();
    world.call();
    world.finish(slow);
    assert!(world.is_told("p/a"));
}

#[test]
fn failures_from_before_a_rest_do_not_open_the_breaker_again() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    for _ in 0..50 {
        world.begin();
    }
    world.pass(ms(50));
    let Standing::Suspected(first) = world.standing("p/a") else { panic!() };
    assert!(first.until - moment(&world) <= secs(6));
}

#[test]
fn a_later_hour_is_not_dropped_for_an_earlier_five_seconds() {
    let mut world = World::new(&["p/a", "q/b"]);
    let limited = |hint| Facts::new(ErrorKind::RateLimited).with_hint(secs(hint));
    world.says("p/a", [fails_after(10, limited(5)), fails_after(20, limited(3600))]);
    world.begin();
    world.begin();
    world.pass(ms(20));
    assert_eq!(world.rests("p/a"), Some(secs(3600)));
    // Nor an earlier hour for a later five seconds; and the record tells what is in force.
    world.pass(secs(10));
    let target = world.slots[0].target;
    let now = moment(&world);
    let permit = world.fleet.admit(target, now, true);
    let rested = world.fleet.settle(permit, Ended::Failed(limited(5)), &Policy::default(), 1, now);
    assert_eq!(rested.unwrap().rest.until - now, secs(3590));
}

#[test]
fn a_told_rest_ends_half_open_and_a_failure_about_the_request_leaves_its_probe_undecided() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::ModelNotFound), fails(ErrorKind::ContentFilter), ok()]);
    world.call();
    world.pass(secs(60));
    let half_open = world.standing("p/a");
    assert!(matches!(half_open, Standing::Probe(_)));
    world.call();
    assert_eq!(world.standing("p/a"), half_open);
    world.call();
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_failure_about_the_request_proves_a_suspected_target_alive() {
    for kind in
        [ErrorKind::ContextLength, ErrorKind::ContentFilter, ErrorKind::Unsupported, ErrorKind::BadRequest]
    {
        let mut world = World::new(&["p/a", "q/b"]);
        world.break_target("p/a");
        world.pass(secs(6));
        world.says("p/a", [fails(kind)]);
        world.call();
        assert_eq!(world.standing("p/a"), Standing::Ready, "{kind}");
    }
}

#[test]
fn a_limit_that_ends_does_not_answer_what_a_refusal_left_to_be_tested() {
    let mut world = World::new(&["p/a", "q/b"]);
    let limited = Facts::new(ErrorKind::RateLimited).with_hint(secs(61));
    world.says("p/a", [fails_after(10, Facts::new(ErrorKind::Forbidden)), fails_after(20, limited)]);
    world.begin();
    world.begin();
    world.pass(secs(62));
    assert!(matches!(world.standing("p/a"), Standing::Probe(_)));
}

#[test]
fn a_refused_key_is_tested_by_one_probe_of_the_whole_provider() {
    let mut world = World::new(&["p/a", "p/b", "q/c"]);
    world.says("p/a", [fails(ErrorKind::Auth), ok_after(500)]);
    world.call();
    world.pass(secs(61));
    let probe = world.begin();
    let beside = world.begin();
    assert_eq!((world.asked(probe), world.asked(beside)), (vec!["p/a"], vec!["q/c"]));
    world.finish(probe);
    assert_eq!(world.standing("p/b"), Standing::Ready);
}

#[test]
fn a_failure_that_reached_the_server_proves_that_connections_are_made() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Connect), fails(ErrorKind::Server), ok()]);
    world.call();
    world.pass(secs(6));
    world.call();
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_model_that_is_merely_slow_comes_back_after_one_refused_connection() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Connect), ok_after(18_000)]);
    world.call();
    world.pass(secs(6));
    let probe = world.begin();
    world.pass(secs(4));
    assert!(world.is_suspected("p/a"));
    // It has lived longer than a connection may take to be made: it has one.
    world.pass(secs(1));
    assert_eq!(world.standing("p/a"), Standing::Ready);
    world.finish(probe);
    assert_eq!((world.asked(probe), world.answered(probe)), (vec!["p/a"], true));
}

#[test]
fn how_long_connecting_takes_is_what_the_transport_says() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.slots[0].times.connect = Some(secs(20));
    world.says("p/a", [fails(ErrorKind::Connect), fails_after(19_000, Facts::new(ErrorKind::Connect))]);
    world.call();
    world.pass(secs(6));
    world.call();
    assert!(world.rests("p/a").is_some_and(|rest| rest > secs(7)), "{:?}", world.standing("p/a"));
}

#[test]
fn a_response_that_has_begun_proves_that_connections_are_made() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.terms.mode = Mode::Stream;
    world.says("p/a", [fails(ErrorKind::Connect), vec![(10, Said::Opened), (60_000, Said::Content)]]);
    world.says("q/b", [streams_after(1)]);
    world.call();
    world.pass(secs(6));
    world.begin();
    world.pass(ms(10));
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_refused_key_is_not_forgiven_for_a_connection_that_was_made() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Auth), ok_after(18_000)]);
    world.call();
    world.pass(secs(61));
    world.begin();
    world.pass(secs(10));
    assert!(world.is_suspected("p/a"));
}

#[test]
fn silence_proves_nothing_about_connections() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.timeout = Some(secs(1));
    world.says("p/a", [fails(ErrorKind::Connect), hangs()]);
    world.call();
    world.pass(secs(6));
    world.call();
    assert!(matches!(world.standing("p/a"), Standing::Probe(_)));
}

#[test]
fn a_probe_with_a_ready_target_behind_it_is_given_twice_what_its_target_usually_takes() {
    // An answer of so long; so long for the probe. Nothing known: a minute. Never less than 15 s.
    for (usual, seconds) in [(None, 60), (Some(1), 15), (Some(18), 36)] {
        let mut world = World::new(&["p/a", "q/b"]);
        if let Some(usual) = usual {
            world.says("p/a", [ok_after(usual * 1000)]);
            world.call();
        }
        world.break_target("p/a");
        world.pass(secs(6));
        let before = world.now_ms();
        world.says("p/a", [hangs()]);
        let call = world.call();
        assert_eq!(world.begun(call)[1] - before, seconds * 1000);
    }
}

#[test]
fn a_probe_of_a_thinking_or_local_model_is_given_its_whole_time() {
    for local in [false, true] {
        let mut world = World::new(&["p/a", "q/b"]);
        world.policy.hedge_after = Hedge::Off;
        world.seats[0].patient = !local;
        world.slots[0].times.local = local;
        world.break_target("p/a");
        world.pass(secs(6));
        let before = world.now_ms();
        world.says("p/a", [hangs()]);
        let call = world.call();
        let given = if local { 600_000 } else { 300_000 };
        // A call's default deadline leaves ten seconds for the other target.
        assert_eq!(world.begun(call)[1] - before, given.min(590_000));
    }
}

#[test]
fn what_an_answer_usually_takes_rises_at_once_and_falls_slowly() {
    let mut fleet = Fleet::default();
    let provider = fleet.add_provider();
    let target = fleet.add_target(provider);
    let permit = fleet.admit(target, Moment::ORIGIN, true);
    assert_eq!(fleet.usual(target, Mode::Unary), None);
    for (took, usual) in [(8, 8_000), (2, 7_250), (30, 30_000)] {
        fleet.took(&permit, Mode::Unary, secs(took));
        assert_eq!(fleet.usual(target, Mode::Unary), Some(ms(usual)));
    }
    assert_eq!(fleet.usual(target, Mode::Stream), None);
}

#[test]
fn a_parked_probe_is_taken_over_after_a_few_seconds() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [hangs(), ok()]);
    let parked = world.begin();
    world.park(parked);
    let beside = world.call();
    assert_eq!(world.asked(beside), ["q/b"]);
    world.pass(secs(6));
    let next = world.call();
    assert_eq!(world.asked(next), ["p/a"]);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_parked_probe_that_lost_its_lease_decides_nothing() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [hangs(), ok()]);
    let parked = world.begin();
    world.park(parked);
    world.pass(secs(6));
    world.call();
    assert_eq!(world.standing("p/a"), Standing::Ready);
    world.tell(parked, Event::Failed(AttemptId(0), Facts::new(ErrorKind::Server)));
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_probe_behind_which_nobody_is_ready_is_given_its_whole_time() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.attempts = Some(1);
    world.break_target("p/a");
    world.pass(secs(6));
    world.says("p/a", [ok_after(20_000)]);
    let call = world.call();
    assert!(world.answered(call));
}

#[test]
fn a_commit_settles_a_probe_and_the_end_puts_one_outcome_into_the_ring() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.break_target("p/a");
    world.pass(secs(6));
    world.terms.mode = Mode::Stream;
    world.says("p/a", [vec![(10, Said::Content), (1000, Said::Done)]]);
    let call = world.begin();
    world.pass(ms(10));
    assert_eq!(world.standing("p/a"), Standing::Ready);
    world.finish(call);
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_target_that_always_cuts_after_its_commit_does_get_cooled() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.terms.mode = Mode::Stream;
    world.says("p/a", [cuts()]);
    world.says("q/b", [streams_after(10)]);
    for _ in 0..3 {
        world.call();
    }
    assert!(world.is_suspected("p/a"));
    world.pass(secs(6));
    world.call();
    assert!(world.is_suspected("p/a"));
}

#[test]
fn a_burst_over_a_limit_silences_nobody_who_serves_most_of_it() {
    let mut world = World::new(&["p/a", "q/b"]);
    let limited = || fails_after(5, Facts::new(ErrorKind::RateLimited));
    let burst: [Reply; 64] = std::array::from_fn(|n| if n < 50 { ok_after(500) } else { limited() });
    for _ in 0..10 {
        world.says("p/a", burst.clone());
        let calls: Vec<_> = (0..64).map(|_| world.begin()).collect();
        let first = calls.iter().filter(|call| world.asked(**call)[0] == "p/a").count();
        assert_eq!(first, 64);
        world.pass(ms(10));
        assert!(world.is_suspected("p/a"));
        world.pass(secs(1));
        assert_eq!(world.standing("p/a"), Standing::Ready);
    }
}

#[test]
fn one_that_got_through_keeps_guesses_short_though_most_did_not() {
    let mut world = World::new(&["p/a", "q/b"]);
    let limited = || fails_after(5, Facts::new(ErrorKind::RateLimited));
    let burst: [Reply; 10] = std::array::from_fn(|n| if n == 0 { ok_after(50) } else { limited() });
    for _ in 0..5 {
        world.says("p/a", burst.clone());
        for _ in 0..10 {
            world.begin();
        }
        world.pass(ms(50));
        assert_eq!(world.rests("p/a"), Some(secs(5) - ms(45)));
        world.pass(secs(5));
    }
}

#[test]
fn a_guess_keeps_nobody_from_asking_a_lone_target() {
    let mut world = World::new(&["p/a"]);
    world.policy.comebacks = Some(0);
    world.says("p/a", [fails(ErrorKind::RateLimited), ok()]);
    world.call();
    let before = world.now_ms();
    let call = world.call();
    assert!(world.answered(call));
    assert_eq!(world.begun(call), [before]);
}

#[test]
fn without_suspicion_a_limit_without_a_stated_wait_rests_nothing() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.suspect = false;
    world.says("p/a", [fails(ErrorKind::RateLimited)]);
    world.call();
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(30)))]);
    world.call();
    assert!(world.is_told("p/a"));
}

#[test]
fn without_suspicion_only_what_was_told_rests() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.suspect = false;
    world.says("p/a", [fails(ErrorKind::Server)]);
    world.says("q/b", [fails(ErrorKind::Connect)]);
    for _ in 0..4 {
        world.call();
    }
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "p/a"]);
    assert_eq!(world.standing("p/a"), Standing::Ready);
    world.says("p/a", [fails(ErrorKind::Auth)]);
    world.call();
    assert!(world.is_told("p/a"));
}

#[test]
fn a_route_without_suspicion_does_not_probe_what_another_route_suspects() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Auth), ok_after(5000), ok()]);
    world.policy.attempts = Some(1);
    world.call();
    world.pass(secs(59));
    world.break_target("q/b");
    world.pass(secs(1));
    world.policy.suspect = false;
    world.policy.attempts = None;
    world.steps = Some(vec![PlanStep::One(SlotId(1))]);
    world.says("q/b", [ok_after(10_000)]);
    let call = world.begin();
    world.pass(secs(6));
    assert!(matches!(world.standing("q/b"), Standing::Probe(_)));
    world.finish(call);
}
