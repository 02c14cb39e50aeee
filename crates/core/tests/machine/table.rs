//! What each kind of failure leads to: one test for every row of the table.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Phase, Scope, Verdict};

use crate::world::*;

/// A route of two targets, of which the first fails so.
fn after(facts: Facts) -> (World, CallNo) {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails_with(facts)]);
    let call = world.call();
    (world, call)
}

/// How often a lone target that fails so is asked by one call.
fn tries_alone(facts: Facts) -> usize {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails_with(facts)]);
    let call = world.call();
    world.asked(call).len()
}

#[test]
fn what_fails_falls_over_to_the_next_target_at_once() {
    use ErrorKind::*;
    for kind in [
        RateLimited,
        Quota,
        Overloaded,
        Server,
        Timeout,
        Connect,
        Auth,
        Forbidden,
        ModelNotFound,
        ContextLength,
        ContentFilter,
        Unsupported,
        BadRequest,
        BadReply,
        NotConfigured,
        Exhausted,
        Deadline,
        Config,
        Usage,
    ] {
        let (world, call) = after(Facts::new(kind));
        assert_eq!(world.asked(call), ["p/a", "q/b"], "{kind}");
        assert_eq!(world.begun(call), [0, 40], "{kind}");
        assert!(world.answered(call), "{kind}");
    }
}

#[test]
fn a_cancelled_attempt_ends_the_call() {
    let (world, call) = after(Facts::new(ErrorKind::Cancelled));
    assert_eq!(world.asked(call), ["p/a"]);
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::Cancelled)));
}

#[test]
fn only_what_may_pass_comes_back() {
    for kind in ErrorKind::ALL {
        let facts = Facts::new(kind);
        let expected = 1 + usize::from(kind.reaction().comeback);
        assert_eq!(tries_alone(facts), expected, "{kind}");
    }
}

#[test]
fn who_says_that_it_should_not_be_asked_again_is_not() {
    let mut facts = Facts::new(ErrorKind::Server);
    facts.comeback = false;
    assert_eq!(tries_alone(facts), 1);
}

#[test]
fn a_rate_limit_rests_the_target_for_its_hint_and_just_ends() {
    let (mut world, _) = after(Facts::new(ErrorKind::RateLimited).with_hint(secs(30)));
    assert!(world.is_told("p/a"));
    assert_eq!(world.rests("p/a"), Some(secs(30) - ms(40)));
    world.pass(secs(30));
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn limits_without_a_stated_wait_rest_twice_as_long_each_time_in_a_row_up_to_a_minute() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.says("p/a", [fails(ErrorKind::RateLimited)]);
    for expected in [5, 10, 20, 40, 60, 60] {
        world.call();
        let rest = world.rests("p/a").unwrap() + ms(40);
        assert_eq!(rest, secs(expected));
        world.pass(rest);
    }
    world.says("p/a", [ok(), fails(ErrorKind::RateLimited)]);
    world.call();
    world.call();
    assert_eq!(world.rests("p/a").unwrap() + ms(40), secs(5));
}

#[test]
fn no_rate_limit_rests_a_target_for_more_than_an_hour_but_the_hint_is_reported_as_stated() {
    let mut world = World::new(&["p/a"]);
    world.says("p/a", [fails_with(Facts::new(ErrorKind::RateLimited).with_hint(secs(86_400)))]);
    let call = world.call();
    assert_eq!(world.rests("p/a"), Some(secs(3600)));
    assert_eq!(world.retry_in(call), Some(secs(86_400)));
}

#[test]
fn used_up_credit_rests_the_whole_provider_for_a_minute() {
    let mut world = World::new(&["p/a", "p/c", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Quota)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert!(world.is_told("p/c"));
    world.pass(secs(60));
    assert!(matches!(world.standing("p/c"), Standing::Probe(_)));
}

#[test]
fn a_limit_per_model_rests_the_target_alone() {
    let mut world = World::new(&["p/a", "p/c"]);
    let mut facts = Facts::new(ErrorKind::Quota);
    facts.scope = Some(Scope::Target);
    world.says("p/a", [fails_with(facts)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "p/c"]);
    assert!(world.is_told("p/a") && !world.is_told("p/c"));
}

#[test]
fn a_refused_key_is_not_sent_again_for_another_model() {
    let mut world = World::new(&["p/a", "p/b"]);
    world.says("p/a", [fails(ErrorKind::Auth)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
    assert_eq!(world.entries(call)[0].rest.unwrap().scope, Scope::Provider);
    assert!(world.entries(call)[0].rest.unwrap().new);
}

#[test]
fn an_unknown_or_forbidden_model_rests_the_target_alone() {
    for kind in [ErrorKind::Forbidden, ErrorKind::ModelNotFound] {
        let mut world = World::new(&["p/a", "p/b"]);
        world.says("p/a", [fails(kind)]);
        let call = world.call();
        assert_eq!(world.asked(call), ["p/a", "p/b"]);
        assert_eq!(world.rests("p/a"), Some(secs(60) - ms(40)));
        assert_eq!(world.standing("p/b"), Standing::Ready);
    }
}

#[test]
fn a_stated_wait_of_more_than_five_seconds_is_believed_even_of_a_server_in_trouble() {
    for kind in [ErrorKind::Overloaded, ErrorKind::Server] {
        let (world, _) = after(Facts::new(kind).with_hint(secs(30)));
        assert!(world.is_told("p/a"));
        let (world, _) = after(Facts::new(kind).with_hint(secs(5)));
        assert_eq!(world.standing("p/a"), Standing::Ready);
    }
    let (world, _) = after(Facts::new(ErrorKind::BadReply).with_hint(secs(30)));
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_local_server_that_loads_its_model_is_asked_again_and_cools_nothing() {
    let mut world = World::new(&["p/a"]);
    let mut loading = Facts::new(ErrorKind::Server).with_hint(secs(2));
    loading.counted = false;
    world.says("p/a", [fails_with(loading), fails_with(loading), ok()]);
    world.policy.comebacks = Some(2);
    let call = world.call();
    assert!(world.answered(call));
    assert_eq!(world.standing("p/a"), Standing::Ready);
    assert_eq!(world.points(), 50.0);
}

#[test]
fn one_refused_connection_closes_the_provider_for_all_calls_and_all_its_models() {
    let mut world = World::new(&["p/a", "p/c", "q/b"]);
    world.says("p/a", [fails(ErrorKind::Connect)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert!(world.is_suspected("p/a") && world.is_suspected("p/c"));
    let rest = world.rests("p/a").unwrap();
    assert!(rest >= secs(4) - ms(40) && rest <= secs(6));
    let next = world.call();
    assert_eq!(world.asked(next), ["q/b"]);
}

#[test]
fn a_provider_closed_by_this_very_call_is_not_asked_again_by_it_on_another_model() {
    let mut world = World::new(&["p/a", "p/c"]);
    world.policy.comebacks = Some(0);
    world.says("p/a", [fails(ErrorKind::Connect)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
}

#[test]
fn a_request_too_long_is_not_sent_to_windows_known_to_be_no_larger() {
    let mut world = World::new(&["p/a", "q/smaller", "q/same", "q/unknown", "q/larger"]);
    for (seat, window) in world.seats.iter_mut().zip([Some(8), Some(4), Some(8), None, Some(9)]) {
        seat.window = window;
    }
    world.says("p/a", [fails(ErrorKind::ContextLength)]);
    world.says("q/unknown", [fails(ErrorKind::ContextLength)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/unknown", "q/larger"]);
    assert_eq!(world.verdicts(call)[1], ("q/smaller", Verdict::Skipped));
    assert_eq!(world.entries(call)[1].kind, Some(ErrorKind::ContextLength));
}

#[test]
fn what_the_error_says_is_needed_goes_before_the_window_of_the_refusing_target() {
    let mut world = World::new(&["p/a", "q/b", "q/c"]);
    for (seat, window) in world.seats.iter_mut().zip([Some(8), Some(99), Some(100)]) {
        seat.window = window;
    }
    let mut facts = Facts::new(ErrorKind::ContextLength);
    facts.needed_tokens = Some(100);
    world.says("p/a", [fails_with(facts)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/c"]);
}

#[test]
fn what_is_about_the_request_cools_nothing_however_often() {
    use ErrorKind::{BadRequest, ContentFilter, ContextLength, Unsupported};
    for kind in [BadRequest, ContentFilter, ContextLength, Unsupported] {
        let mut world = World::new(&["p/a", "q/b"]);
        world.says("p/a", [fails(kind)]);
        for _ in 0..10 {
            world.call();
        }
        assert_eq!(world.standing("p/a"), Standing::Ready, "{kind}");
    }
}

#[test]
fn a_second_opinion_from_another_provider_ends_the_call() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [fails_with(malformed())]);
    world.says("q/b", [fails_with(malformed())]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert_eq!(world.outcome(call), Some(Outcome::Stopped(ErrorKind::BadRequest)));
    assert_eq!(world.verdicts(call)[1], ("q/b", Verdict::Stopped));
}

/// A refusal that names what is wrong with the request.
fn malformed() -> Facts {
    let mut facts = Facts::new(ErrorKind::BadRequest);
    facts.recognised = true;
    facts
}

#[test]
fn a_refusal_in_unknown_words_is_nobodys_opinion() {
    let mut world = World::new(&["p/a", "q/b", "r/c", "s/d"]);
    world.says("p/a", [fails(ErrorKind::BadRequest)]);
    world.says("q/b", [fails_with(malformed())]);
    world.says("r/c", [fails(ErrorKind::BadRequest)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c", "s/d"]);
    assert!(world.answered(call));
}

#[test]
fn one_providers_opinion_is_one_opinion_however_often_it_is_given() {
    let mut world = World::new(&["p/a", "p/b", "p/c"]);
    world.says("p/a", [fails_with(malformed())]);
    world.says("p/b", [fails_with(malformed())]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "p/b", "p/c"]);
    assert!(world.answered(call));
}

#[test]
fn a_bad_request_between_other_failures_ends_nothing() {
    let mut world = World::new(&["p/a", "q/b", "r/c"]);
    world.says("p/a", [fails_with(malformed())]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "r/c"]);
}

#[test]
fn the_second_opinion_is_asked_elsewhere_first() {
    let mut world = World::new(&["p/a", "p/c", "q/b"]);
    world.says("p/a", [fails_with(malformed())]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b", "p/c"]);
}

#[test]
fn the_refusing_providers_other_target_is_asked_before_a_comeback() {
    let mut world = World::new(&["b/x", "a/1", "a/2"]);
    world.says("b/x", [fails(ErrorKind::Server)]);
    world.says("a/1", [fails_with(malformed())]);
    let call = world.call();
    assert_eq!(world.asked(call), ["b/x", "a/1", "a/2"]);
    assert!(world.answered(call));
}

#[test]
fn the_refusing_providers_other_target_comes_after_a_suspected_one() {
    let mut world = World::new(&["p/a", "p/c", "q/b"]);
    world.break_target("q/b");
    world.says("p/a", [fails_with(malformed())]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
}

#[test]
fn unusable_replies_open_the_breaker_and_empty_ones_do_not() {
    for (counted, standing) in [(true, false), (false, true)] {
        let mut world = World::new(&["p/a", "q/b"]);
        let mut facts = Facts::new(ErrorKind::BadReply);
        facts.counted = counted;
        world.says("p/a", [fails_with(facts)]);
        for _ in 0..3 {
            world.call();
        }
        assert_eq!(world.standing("p/a") == Standing::Ready, standing);
    }
}

#[test]
fn three_timeouts_of_its_own_open_the_breaker_of_a_target() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.policy.timeout = Some(secs(2));
    world.says("p/a", [hangs()]);
    for _ in 0..3 {
        let call = world.call();
        assert_eq!(world.entries(call)[0].phase, Some(Phase::Total));
    }
    assert!(world.is_suspected("p/a"));
}

#[test]
fn a_timeout_the_server_reports_always_counts() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.terms.deadline = Some(ms(500));
    world.says("p/a", [fails(ErrorKind::Timeout)]);
    for _ in 0..3 {
        world.call();
    }
    assert!(world.is_suspected("p/a"));
}

#[test]
fn only_a_callers_own_shorter_deadline_is_nobodys_fault() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.terms.deadline = Some(secs(1));
    world.says("p/a", [hangs()]);
    for _ in 0..5 {
        let call = world.call();
        assert!(world.answered(call));
    }
    assert_eq!(world.standing("p/a"), Standing::Ready);
}

#[test]
fn a_target_that_is_not_configured_is_left_out_without_a_request() {
    let mut world = World::new(&["p/a", "q/b"]);
    world.seats[0] = Seat::unmet(ErrorKind::NotConfigured);
    let call = world.call();
    assert_eq!(world.asked(call), ["q/b"]);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Skipped), ("q/b", Verdict::Delivered)]);
}

#[test]
fn a_target_that_cannot_do_it_is_left_out_without_a_request() {
    let mut world = World::new(&["p/a"]);
    world.seats[0] = Seat::unmet(ErrorKind::Unsupported);
    let call = world.call();
    assert_eq!(world.asked(call).len(), 0);
    assert_eq!(world.outcome(call), Some(Outcome::Exhausted));
}
