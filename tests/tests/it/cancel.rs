//! Cancelling is dropping: the connection goes at once, and it is nobody's failure.

use std::time::Duration;

use backstop::ErrorKind;
use backstop::core::fallback::Hedge;
use backstop_testkit::server::{RawServer, Recipe, Script, Step};
use backstop_tests::{LATE, SOON, answers, hits, over, over_with, rows, timed};

#[tokio::test]
async fn dropping_the_callers_future_closes_the_connection_at_once() {
    for script in [
        Script::silent(),
        Script::silent_after_headers(),
        Script::stalls_in_body(Recipe::healthy("from a").body, 40),
    ] {
        let a = RawServer::start([script]);
        let client = over(&[&a]);
        let call = tokio::spawn(async move { client.chat("hi").await });
        assert!(a.wait_for_hits(1, LATE).await);
        assert_eq!(a.open_connections(), 1);
        call.abort();
        let (closed, took) = timed(a.wait_until_closed(LATE)).await;
        assert!(closed && took < SOON, "{took:?}");
        assert_eq!(a.hits(), 1);
    }
}

#[tokio::test]
async fn dropping_the_callers_future_closes_both_connections_of_a_hedged_pair() {
    let (a, b) = (RawServer::start([Script::silent()]), RawServer::start([Script::silent()]));
    let client = over_with(&[&a, &b], |policy| policy.hedge_after = Hedge::After(Duration::from_millis(50)));
    let call = tokio::spawn(async move { client.chat("hi").await });
    assert!(a.wait_for_hits(1, LATE).await && b.wait_for_hits(1, LATE).await);
    call.abort();
    assert!(a.wait_until_closed(SOON).await && b.wait_until_closed(SOON).await);
    assert_eq!(hits(&[&a, &b]), [1, 1]);
}

#[tokio::test]
async fn a_call_that_is_stopped_says_how_far_it_had_come() {
    let (a, b) = (answers(Recipe::server_error()).await, RawServer::start([Script::silent()]));
    let client = over(&[&a, &b]);
    let (error, took) = timed(client.chat_until("hi", async {
        assert!(b.wait_for_hits(1, LATE).await);
    }))
    .await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Cancelled, vec![1, 1]));
    assert_eq!(rows(error.trail()), ["a/m server 500 next_target", "b/m - - cancelled"]);
    assert!(b.wait_until_closed(SOON).await);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn callers_that_leave_bench_nobody() {
    let healthy = Script::from(Recipe::healthy("from a"));
    let scripts = [Script::silent(), Script::silent(), Script::silent(), Script::silent(), healthy];
    let (a, b) = (RawServer::start(scripts), answers(Recipe::healthy("from b")).await);
    let client = over(&[&a, &b]);
    for n in 1..=4 {
        let (client, hit) = (client.clone(), a.wait_for_hits(n, LATE));
        let error = client
            .chat_until("hi", async {
                assert!(hit.await);
            })
            .await
            .unwrap_err();
        assert_eq!(rows(error.trail()), ["a/m - - cancelled"]);
    }
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from a", vec![5, 0]));
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered"]);
}

#[tokio::test]
async fn a_call_that_waits_for_its_comeback_can_be_dropped_and_sends_nothing_more() {
    let a = RawServer::start([Recipe::server_error()]);
    let client = over(&[&a]);
    let gone = tokio::time::timeout(Duration::from_millis(150), client.chat("hi")).await;
    assert!(gone.is_err());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(a.hits(), 1);
}

#[tokio::test]
async fn a_server_that_trickles_for_ever_is_left_when_the_time_is_up() {
    let endless =
        Step::SendEndless { piece: b"1\r\n \r\n".to_vec(), pause: Duration::from_millis(10), cap: 1 << 20 };
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let script = Script::default().then(Step::ReadRequest).then(Step::Send(head.to_vec())).then(endless);
    let a = RawServer::start([script]);
    let client = over_with(&[&a], |policy| {
        policy.timeout = Some(Duration::from_millis(200));
        policy.comebacks = Some(0);
    });
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((rows(error.trail()), a.hits()), (vec!["a/m timeout(total) - exhausted".to_owned()], 1));
    assert!(took >= Duration::from_millis(200) && took < SOON, "{took:?}");
    assert!(a.wait_until_closed(SOON).await);
}
