//! Deadlines and their shares, comebacks, hedges.

use std::time::Duration;

use backstop::ErrorKind;
use backstop::core::fallback::Hedge;
use backstop_testkit::server::{FailingServer, RawServer, Recipe, RetryHint, Script};
use backstop_tests::{LATE, SOON, answers, healthy, hits, over, over_with, rows, timed};

const DEADLINE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn two_hanging_targets_end_at_the_deadline_and_both_were_tried() {
    let (a, b) = (RawServer::start([Script::silent()]), RawServer::start([Script::silent()]));
    let client = over_with(&[&a, &b], |policy| policy.deadline = Some(DEADLINE));
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert_eq!(hits(&[&a, &b]), [1, 1]);
    assert_eq!(rows(error.trail()), ["a/m timeout(total) - next_target", "b/m timeout(total) - exhausted"]);
    assert_eq!(
        error.to_string(),
        "the deadline was reached: a/m did not answer in time; b/m did not answer in time"
    );
    assert!(took >= DEADLINE && took < DEADLINE + SOON, "{took:?}");
    assert!(a.wait_until_closed(SOON).await && b.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn a_hanging_first_target_leaves_the_second_its_share_of_the_deadline() {
    let (a, b) = (RawServer::start([Script::silent()]), healthy("b").await);
    let deadline = 2 * DEADLINE;
    let (answer, took) = timed(over(&[&a, &b]).with_deadline(deadline).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    assert!(took >= deadline / 2 && took < deadline, "{took:?}");
    assert!(a.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn a_servers_hints_do_not_carry_a_call_past_its_deadline() {
    let a = answers(Recipe::rate_limited(RetryHint::Millis(900))).await;
    let (error, took) = timed(over(&[&a]).with_deadline(DEADLINE).chat("hi")).await;
    let error = error.unwrap_err();
    // There is no sense in waiting for what comes too late.
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, 1));
    assert_eq!(rows(error.trail()), ["a/m rate_limited 429 exhausted"]);
    assert!(took < DEADLINE, "{took:?}");
}

#[tokio::test]
async fn a_lone_target_comes_back_after_a_500() {
    let a = FailingServer::sequence([Recipe::server_error(), Recipe::healthy("from a")]).await;
    let (answer, took) = timed(over(&[&a]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), a.hits()), ("from a", 2));
    assert_eq!(rows(answer.trail()), ["a/m server 500 retry_same", "a/m - 200 delivered"]);
    let waited = answer.trail().steps()[1].waited;
    assert!(waited >= Duration::from_millis(250) && waited < SOON, "{waited:?}");
    assert!(took >= waited && took < LATE, "{took:?}");
}

#[tokio::test]
async fn a_call_comes_back_once_and_then_gives_up() {
    let a = answers(Recipe::server_error()).await;
    let error = over(&[&a]).chat("hi").await.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, 2));
    assert_eq!(rows(error.trail()), ["a/m server 500 retry_same", "a/m server 500 exhausted"]);
    assert_eq!(error.to_string(), "the only target failed: a/m server error ×2");
}

#[tokio::test]
async fn comebacks_end_when_the_budget_of_the_route_is_empty_and_the_trail_says_so() {
    let a = answers(Recipe::server_error()).await;
    let client = over_with(&[&a], |policy| policy.backoff_base = Duration::from_millis(10));
    for _ in 0..5 {
        assert_eq!(client.chat("hi").await.unwrap_err().trail().attempts(), 2);
    }
    let error = client.chat("hi").await.unwrap_err();
    assert_eq!((error.trail().attempts(), a.hits()), (1, 11));
    let said = error.trail().steps().last().and_then(|step| step.message.clone()).unwrap();
    assert!(said.ends_with("not asked again: the route's retry budget is empty"), "{said}");
}

#[tokio::test]
async fn a_server_that_asks_not_to_be_asked_again_is_not() {
    let a = answers(Recipe::server_error().header("x-should-retry", "false")).await;
    let (error, took) = timed(over(&[&a]).chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, 1));
    assert_eq!(rows(error.trail()), ["a/m server 500 exhausted"]);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_target_that_refused_the_key_or_the_request_is_not_asked_again() {
    for recipe in [Recipe::unauthorized(), Recipe::bad_request(), Recipe::content_filter("half")] {
        let a = answers(recipe).await;
        let (error, took) = timed(over(&[&a]).chat("hi")).await;
        assert_eq!((error.unwrap_err().trail().attempts(), a.hits()), (1, 1));
        assert!(took < SOON, "{took:?}");
    }
}

#[tokio::test]
async fn the_caller_can_bound_the_requests_of_a_call() {
    let (a, b) = (answers(Recipe::server_error()).await, healthy("b").await);
    let (error, took) = timed(over(&[&a, &b]).with_attempts(1).chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 0]));
    assert_eq!(rows(error.trail()), ["a/m server 500 exhausted"]);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_hedge_that_answers_first_closes_the_connection_of_the_slow_one() {
    let (a, b) = (RawServer::start([Script::silent()]), healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.hedge_after = Hedge::After(Duration::from_millis(100)));
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m - - hedged", "b/m - 200 delivered"]);
    assert!(took >= Duration::from_millis(100) && took < SOON, "{took:?}");
    assert!(a.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn a_first_target_that_answers_after_all_closes_the_connection_of_its_hedge() {
    let a = answers(Recipe::healthy("from a").after(Duration::from_millis(600))).await;
    let b = RawServer::start([Script::silent()]);
    let client = over_with(&[&a, &b], |policy| policy.hedge_after = Hedge::After(Duration::from_millis(60)));
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from a", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered", "b/m - - hedged"]);
    assert!(took >= Duration::from_millis(600) && took < LATE, "{took:?}");
    assert!(b.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn if_one_of_a_hedged_pair_fails_the_other_decides() {
    let a = answers(Recipe::healthy("from a").after(Duration::from_millis(600))).await;
    let b = answers(Recipe::server_error()).await;
    let client = over_with(&[&a, &b], |policy| policy.hedge_after = Hedge::After(Duration::from_millis(60)));
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from a", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered", "b/m server 500 next_target"]);
}

#[tokio::test]
async fn a_quick_answer_is_not_hedged() {
    let (a, b) = (healthy("a").await, healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.hedge_after = Hedge::After(Duration::from_secs(5)));
    assert_eq!(client.chat("hi").await.unwrap().text, "from a");
    assert_eq!(hits(&[&a, &b]), [1, 0]);
}
