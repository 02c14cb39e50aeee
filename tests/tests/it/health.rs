//! What one call learns and the next one heeds: cooldowns told and suspected, and who must not cause them.

use std::time::{Duration, SystemTime};

use backstop::core::fallback::AllCooling;
use backstop::{Answer, Backstop, ChatReply, ErrorKind};
use backstop_testkit::server::{FailingServer, RawServer, Recipe, RetryHint, Script};
use backstop_tests::{
    Closed, LATE, SOON, answers, builder, healthy, hits, models, over, over_with, policy, rows, timed,
};

const HOURS: Duration = Duration::from_secs(3 * 3600);

async fn at_once(client: &Backstop, calls: usize) -> Vec<Answer<ChatReply>> {
    let calls: Vec<_> = (0..calls)
        .map(|_| client.clone())
        .map(|client| tokio::spawn(async move { client.chat("hi").await.unwrap() }))
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_wait_of_hours_is_neither_slept_on_nor_forgotten() {
    let a = answers(Recipe::rate_limited(RetryHint::Seconds(HOURS.as_secs()))).await;
    let b = healthy("b").await;
    let client = over(&[&a, &b]);
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m rate_limited 429 next_target", "b/m - 200 delivered"]);
    // A rest is an hour at most: keys are topped up and limits lifted before they said.
    let cooling = answer.trail().steps()[0].cooling.unwrap();
    assert!(cooling > Duration::from_secs(3590) && cooling <= Duration::from_secs(3600), "{cooling:?}");
    assert!(took < SOON, "{took:?}");

    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 2]));
    assert_eq!(rows(answer.trail()), ["a/m rate_limited - skipped", "b/m - 200 delivered"]);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn when_all_fail_the_error_says_when_to_ask_again_as_it_was_stated() {
    let a = answers(Recipe::rate_limited(RetryHint::Seconds(HOURS.as_secs()))).await;
    let b = answers(Recipe::rate_limited(RetryHint::Date(SystemTime::now() + 2 * HOURS))).await;
    let client = over(&[&a, &b]);
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    let soonest = error.retry_after().unwrap();
    assert!(soonest > HOURS - LATE && soonest <= HOURS, "{soonest:?}");
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 1]));
    assert_eq!(rows(error.trail()), ["a/m rate_limited 429 next_target", "b/m rate_limited 429 exhausted"]);
    assert!(took < SOON, "{took:?}");

    // The next call sends nothing, and still knows that it is no matter of minutes.
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 1]));
    assert_eq!(rows(error.trail()), ["a/m rate_limited - skipped", "b/m rate_limited - skipped"]);
    let soonest = error.retry_after().unwrap();
    assert!(soonest > HOURS - LATE && soonest <= HOURS, "{soonest:?}");
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_rate_limit_without_a_wait_rests_the_target_for_some_seconds() {
    let a = FailingServer::sequence([Recipe::rate_limited(RetryHint::None), Recipe::healthy("from a")]).await;
    let b = healthy("b").await;
    let client = over(&[&a, &b]);
    let answer = client.chat("hi").await.unwrap();
    let cooling = answer.trail().steps()[0].cooling.unwrap();
    assert!(cooling > Duration::from_secs(4) && cooling <= Duration::from_secs(5), "{cooling:?}");
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m rate_limited - skipped", "b/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [1, 2]);
}

#[tokio::test]
async fn a_rate_limit_just_ends_and_the_first_target_is_first_again() {
    let a =
        FailingServer::sequence([Recipe::rate_limited(RetryHint::Millis(200)), Recipe::healthy("from a")]);
    let (a, b) = (a.await, healthy("b").await);
    let client = over(&[&a, &b]);
    assert_eq!(client.chat("hi").await.unwrap().text, "from b");
    tokio::time::sleep(Duration::from_millis(250)).await;
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [2, 1]);
}

#[tokio::test]
async fn a_short_wait_is_waited_for_when_nobody_else_is_left() {
    let a =
        FailingServer::sequence([Recipe::rate_limited(RetryHint::Millis(300)), Recipe::healthy("from a")]);
    let a = a.await;
    let (answer, took) = timed(over(&[&a]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), a.hits()), ("from a", 2));
    assert_eq!(rows(answer.trail()), ["a/m rate_limited 429 retry_same", "a/m - 200 delivered"]);
    let waited = answer.trail().steps()[1].waited;
    assert!(waited >= Duration::from_millis(300) && took >= waited && took < LATE, "{waited:?} of {took:?}");
}

#[tokio::test]
async fn an_overloaded_target_that_states_a_long_wait_is_left_alone_until_then() {
    let a = answers(Recipe::overloaded().header("retry-after", "30")).await;
    let b = healthy("b").await;
    let client = over(&[&a, &b]);
    for _ in 0..3 {
        assert_eq!(client.chat("hi").await.unwrap().text, "from b");
    }
    assert_eq!(hits(&[&a, &b]), [1, 3]);
}

#[tokio::test]
async fn a_dead_endpoint_costs_one_call_and_the_next_goes_straight_to_the_healthy_one() {
    let (a, b) = (Closed::default(), healthy("b").await);
    let client = builder(&[&a, &b]).target("a/x").target("a/y").target("b/m").build().unwrap();
    let (answer, took) = timed(client.chat("hi")).await;
    // The other model of the same dead endpoint is not tried either.
    assert_eq!(
        rows(answer.unwrap().trail()),
        ["a/x connect - next_target", "a/y connect - skipped", "b/m - 200 delivered"]
    );
    assert!(took < SOON, "{took:?}");
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(
        rows(answer.trail()),
        ["a/x connect - skipped", "a/y connect - skipped", "b/m - 200 delivered"]
    );
    assert_eq!(b.hits(), 2);
}

#[tokio::test]
async fn twenty_calls_at_once_send_a_dead_target_nothing_more_once_it_is_known_dead() {
    let (a, b) = (Closed::default(), healthy("b").await);
    let client = over(&[&a, &b]);
    let (first, took) = timed(at_once(&client, 20)).await;
    for answer in &first {
        // Whoever set out before it was known has tried it once, and none twice.
        let tried = rows(answer.trail());
        assert!(
            tried == ["a/m connect - next_target", "b/m - 200 delivered"]
                || tried == ["a/m connect - skipped", "b/m - 200 delivered"],
            "{tried:?}"
        );
    }
    assert!(took < SOON, "{took:?}");

    // From here on a connection would be seen.
    let listener = a.open();
    for answer in at_once(&client, 20).await {
        assert_eq!(rows(answer.trail()), ["a/m connect - skipped", "b/m - 200 delivered"]);
    }
    assert_eq!(b.hits(), 40);
    let knock = tokio::time::timeout(Duration::from_millis(30), listener.accept()).await;
    assert!(knock.is_err(), "somebody connected to a target that is known dead");
}

#[tokio::test]
async fn twenty_calls_at_once_send_a_refused_key_nothing_more_once_it_is_known() {
    let (a, b) = (answers(Recipe::unauthorized()).await, healthy("b").await);
    let client = over(&[&a, &b]);
    client.chat("hi").await.unwrap();
    assert!(at_once(&client, 20).await.iter().all(|answer| answer.text == "from b"));
    assert_eq!(hits(&[&a, &b]), [1, 21]);
}

#[tokio::test]
async fn three_failures_in_a_row_put_a_target_behind_the_others() {
    let (a, b) = (answers(Recipe::server_error()).await, healthy("b").await);
    let client = over(&[&a, &b]);
    for n in 1..=3 {
        let answer = client.chat("hi").await.unwrap();
        assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
        assert_eq!(hits(&[&a, &b]), [n, n]);
    }
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m server - skipped", "b/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [3, 4]);
}

#[tokio::test]
async fn a_timeout_that_the_server_reports_counts_whatever_the_callers_deadline() {
    for recipe in [Recipe::html(504), Recipe::error(408, "timeout", None, None, "too slow")] {
        let (a, b) = (answers(recipe).await, healthy("b").await);
        let client = over(&[&a, &b]).with_deadline(LATE);
        for _ in 0..4 {
            assert_eq!(client.chat("hi").await.unwrap().text, "from b");
        }
        assert_eq!(hits(&[&a, &b]), [3, 4]);
    }
}

#[tokio::test]
async fn a_target_that_has_had_its_rest_is_probed_by_one_call_while_the_others_pass_by() {
    let bad = Recipe::server_error();
    let good = Recipe::healthy("from a").after(Duration::from_millis(300));
    let a = FailingServer::sequence([bad.clone(), bad.clone(), bad, good]).await;
    let b = healthy("b").await;
    let client = over_with(&[&a, &b], |policy| policy.cooldown_base = Duration::from_millis(150));
    for _ in 0..3 {
        client.chat("hi").await.unwrap();
    }
    // A fifth more than the base is the longest rest.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answers = at_once(&client, 10).await;
    let probes: Vec<_> = answers.iter().filter(|answer| answer.text == "from a").collect();
    assert_eq!((probes.len(), hits(&[&a, &b])), (1, vec![4, 12]));
    assert_eq!(rows(probes[0].trail()), ["a/m - 200 delivered"]);
    for passed in answers.iter().filter(|answer| answer.text == "from b") {
        assert_eq!(rows(passed.trail()), ["a/m server - skipped", "b/m - 200 delivered"]);
    }
    // The probe was answered, so the rest is over for everybody.
    assert!(at_once(&client, 3).await.iter().all(|answer| answer.text == "from a"));
    assert_eq!(hits(&[&a, &b]), [7, 12]);
}

#[tokio::test]
async fn a_probe_that_fails_rests_its_target_for_longer() {
    let (a, b) = (answers(Recipe::server_error()).await, healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.cooldown_base = Duration::from_millis(150));
    for _ in 0..3 {
        client.chat("hi").await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
    let cooling = answer.trail().steps()[0].cooling.unwrap();
    assert!((Duration::from_millis(240)..=Duration::from_millis(360)).contains(&cooling), "{cooling:?}");
    assert_eq!(hits(&[&a, &b]), [4, 4]);
}

#[tokio::test]
async fn a_target_under_suspicion_is_tried_when_it_is_all_there_is() {
    let a = FailingServer::sequence(
        [Recipe::server_error(), Recipe::server_error(), Recipe::server_error(), Recipe::healthy("from a")]
            .map(|recipe| recipe.header("x-should-retry", "false")),
    );
    let a = a.await;
    let client = over(&[&a]);
    for _ in 0..3 {
        assert_eq!(rows(client.chat("hi").await.unwrap_err().trail()), ["a/m server 500 exhausted"]);
    }
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), a.hits()), ("from a", 4));
    assert_eq!(rows(answer.trail()), ["a/m server - skipped", "a/m - 200 delivered"]);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_route_that_fails_fast_does_not_try_a_target_under_suspicion() {
    let a = Closed::default();
    let client = over_with(&[&a], |policy| {
        policy.all_cooling = AllCooling::FailFast;
        policy.comebacks = Some(0);
    });
    assert_eq!(rows(client.chat("hi").await.unwrap_err().trail()), ["a/m connect - exhausted"]);
    let listener = a.open();
    let error = client.chat("hi").await.unwrap_err();
    assert_eq!(rows(error.trail()), ["a/m connect - skipped"]);
    let wait = error.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(6), "{wait:?}");
    assert!(tokio::time::timeout(Duration::from_millis(30), listener.accept()).await.is_err());
}

#[tokio::test]
async fn an_empty_answer_is_no_sign_of_bad_health() {
    let (a, b) = (answers(Recipe::empty_200()).await, healthy("b").await);
    let client = over(&[&a, &b]);
    for n in 1..=5 {
        assert_eq!(client.chat("hi").await.unwrap().text, "from b");
        assert_eq!(hits(&[&a, &b]), [n, n]);
    }
}

#[tokio::test]
async fn callers_with_short_deadlines_of_their_own_do_not_bench_a_slow_healthy_target_for_others() {
    let a = answers(Recipe::healthy("from a").after(Duration::from_millis(700))).await;
    let b = healthy("b").await;
    let client = over(&[&a, &b]);
    let hurried = client.clone().with_deadline(Duration::from_millis(500));
    for n in 1..=4 {
        let answer = hurried.chat("hi").await.unwrap();
        assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![n, n]));
        assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    }
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from a", vec![5, 4]));
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered"]);
}

#[tokio::test]
async fn callers_whose_deadline_passes_do_not_bench_a_lone_slow_target_for_others() {
    let a = answers(Recipe::healthy("from a").after(Duration::from_millis(300))).await;
    let client = over_with(&[&a], |policy| policy.all_cooling = AllCooling::FailFast);
    let hurried = client.clone().with_deadline(Duration::from_millis(60));
    for n in 1..=6 {
        let error = hurried.chat("hi").await.unwrap_err();
        assert_eq!((error.kind(), a.hits()), (ErrorKind::Deadline, n));
        assert_eq!(rows(error.trail()), ["a/m timeout(total) - exhausted"]);
    }
    assert_eq!(rows(client.chat("hi").await.unwrap().trail()), ["a/m - 200 delivered"]);
}

#[tokio::test]
async fn a_target_that_runs_out_of_the_routes_own_time_three_times_is_benched() {
    let (a, b) = (RawServer::start([Script::silent()]), healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.timeout = Some(Duration::from_millis(250)));
    for _ in 0..3 {
        let answer = client.chat("hi").await.unwrap();
        assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    }
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m timeout - skipped", "b/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [3, 4]);
}

#[tokio::test]
async fn the_same_target_in_two_routes_has_one_health() {
    use backstop::core::route::Route;
    let (a, b) = (answers(Recipe::unauthorized()).await, healthy("b").await);
    let client = builder(&[&a, &b])
        .route(Route::of("one", ["a/m", "b/m"]).unwrap())
        .route(Route::of("two", ["a/m", "b/other"]).unwrap().with_policy(policy(|_| {})))
        .build()
        .unwrap();
    client.clone().with_route("one").chat("hi").await.unwrap();
    let answer = client.with_route("two").chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m auth - skipped", "b/other - 200 delivered"]);
    assert_eq!((hits(&[&a, &b]), models(&b)), (vec![1, 2], vec!["m".to_owned(), "other".to_owned()]));
}

#[tokio::test]
async fn a_local_server_that_loads_its_model_is_asked_again_when_it_has() {
    let loading = Recipe::error(503, "unavailable_error", None, None, "Loading model");
    let a = FailingServer::sequence([loading, Recipe::healthy("from a")]).await;
    let (answer, took) = timed(over(&[&a]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), a.hits()), ("from a", 2));
    assert_eq!(rows(answer.trail()), ["a/m overloaded 503 retry_same", "a/m - 200 delivered"]);
    assert!(took >= Duration::from_secs(2) && took < LATE, "{took:?}");
    assert_eq!(answer.trail().steps()[0].cooling, None);
}
