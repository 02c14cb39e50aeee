//! Two attempts at once, until the first content of either.

use std::time::{Duration, Instant};

use backstop::core::fallback::{AfterCommit, Hedge, Policy};
use backstop_testkit::server::{Script, SseEnding};

use crate::scene::{
    SOON, error_event, healthy, impatient, over, policy, read, read_until, role, serve, settled, text,
};

fn hedging() -> Policy {
    let mut policy = policy(AfterCommit::Stop);
    policy.hedge_after = Hedge::After(Duration::from_millis(50));
    policy
}

#[tokio::test]
async fn the_loser_is_closed_at_once_and_its_usage_is_unknown() {
    for slow in [Script::silent(), Script::sse([role()], SseEnding::Stall)] {
        let a = serve(slow);
        // It stays open after its first content, so that nothing but the commit can have closed the other.
        let b = serve(Script::sse([text("Hello.")], SseEnding::Stall));
        let client = over(&[&a, &b], hedging());
        let mut stream = client.chat_stream("hi").unwrap();
        read_until(&mut stream, "<b/m>Hello.").await;
        let committed = Instant::now();
        assert!(a.wait_until_closed(SOON).await);
        let took = committed.elapsed();
        assert!(took < Duration::from_millis(100), "{took:?}");
        assert_eq!((a.hits(), b.hits(), b.open_connections()), (1, 1, 1));
        drop(stream);
        settled(client, &[(&a, 1), (&b, 1)]).await;
    }
}

#[tokio::test]
async fn the_first_one_may_win_as_well() {
    let a = serve(Script::slow_headers(Duration::from_millis(150), healthy("Hello.")));
    let b = serve(Script::silent());
    let client = over(&[&a, &b], hedging());
    let seen = read(&client).await;
    assert_eq!(seen.events, "<a/m>Hello.[9+12]");
    assert_eq!(seen.steps(), ["a/m - - 200 delivered", "b/m - - - hedged"]);
    assert!(b.wait_until_closed(SOON).await);
    settled(client, &[(&a, 1), (&b, 1)]).await;
}

#[tokio::test]
async fn if_one_fails_the_other_decides() {
    let a = serve(Script::sse(
        [error_event("server_error", None).after(Duration::from_millis(120))],
        SseEnding::Clean,
    ));
    let b = serve(Script::slow_headers(Duration::from_millis(500), healthy("Hello.")));
    let client = over(&[&a, &b], hedging());
    let seen = read(&client).await;
    assert_eq!(seen.events, "<b/m>Hello.[9+12]");
    assert_eq!(seen.steps(), ["a/m server - 200 next_target", "b/m - - 200 delivered"]);
    settled(client, &[(&a, 1), (&b, 1)]).await;
}

#[tokio::test]
async fn hedges_are_paid_for_and_an_empty_budget_waits() {
    let (a, b) = (serve(Script::silent()), serve(healthy("Hello.")));
    let client = impatient(&[&a, &b], hedging());
    // 50 points; a hedge costs 10, a success earns 1.
    for _ in 0..5 {
        assert_eq!(read(&client).await.steps(), ["a/m - - - hedged", "b/m - - 200 delivered"]);
    }
    let seen = read(&client).await;
    assert_eq!(seen.steps(), ["a/m timeout headers - next_target", "b/m - - 200 delivered"]);
    settled(client, &[(&a, 6), (&b, 6)]).await;
}
