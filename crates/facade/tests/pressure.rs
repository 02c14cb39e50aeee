//! What happens under pressure: providers that panic, readers that dawdle, calls that are parked, limits that bite.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use backstop::core::chat::{ChatEvent, FinishReason};
use backstop::core::completion::{CompletionReply, CompletionRequest};
use backstop::core::fallback::{Hedge, Policy, Unary};
use backstop::core::route::{Route, RouteStep, Target};
use backstop::core::{Env, Registry, TargetName};
use backstop::{
    Ask, Backstop, BackstopBuilder, Capabilities, ChatReply, ChatRequest, Error, ErrorKind, Provider,
    StreamEvent, Verdict, async_trait,
};
use backstop_testkit::{FakeProvider, FakeStream};
use tokio::time::Instant;

fn fake(name: &str) -> FakeProvider {
    FakeProvider::new(name)
}

fn builder<const N: usize>(providers: [FakeProvider; N]) -> BackstopBuilder {
    let start = Backstop::builder().registry(Registry::default()).env(Env::empty());
    providers.into_iter().fold(start, BackstopBuilder::provider)
}

fn over_with<const N: usize>(providers: [&FakeProvider; N], change: impl FnOnce(&mut Policy)) -> Backstop {
    let mut policy = Policy::default();
    change(&mut policy);
    let names: Vec<String> = providers.iter().map(|provider| format!("{}/m", provider.name())).collect();
    let start = builder(providers.map(Clone::clone)).policy(policy);
    names.into_iter().fold(start, |builder, name| builder.target(name)).build().unwrap()
}

fn over<const N: usize>(providers: [&FakeProvider; N]) -> Backstop {
    over_with(providers, |_| {})
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Panics where it is told to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Panics {
    Asked,
    Answering,
    Capabilities,
    Dropped,
}

#[async_trait]
impl Provider for Panics {
    fn name(&self) -> &str {
        "bug"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        assert!(*self != Self::Capabilities, "capabilities of my secret prompt");
        Capabilities::default().with_chat().with_chat_stream()
    }

    // Not an async function: what is called at once may panic at once.
    fn chat<'a: 't, 'b: 't, 'c: 't, 't>(
        &'a self,
        _ask: Ask<'b>,
        _request: &'c ChatRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<ChatReply, Error>> + Send + 't>> {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped with my secret prompt");
            }
        }
        assert!(*self != Self::Asked, "asked with my secret prompt");
        let bomb = (*self == Self::Dropped).then_some(Bomb);
        Box::pin(async move {
            tokio::task::yield_now().await;
            if let Some(bomb) = bomb {
                std::future::pending::<()>().await;
                drop(bomb);
            }
            panic!("answering my secret prompt")
        })
    }

    async fn chat_stream(
        &self,
        _ask: Ask<'_>,
        _request: &ChatRequest,
    ) -> Result<backstop::core::ChatStream, Error> {
        panic!("streaming my secret prompt")
    }
}

fn beside(bug: Panics, next: &FakeProvider) -> Backstop {
    let mut policy = Policy::default();
    policy.hedge_after = Hedge::After(secs(1));
    builder([next.clone()]).provider(bug).policy(policy).target("bug/m").target("b/m").build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_is_a_failed_attempt_and_the_next_target_is_asked() {
    for bug in [Panics::Asked, Panics::Answering] {
        let answer = beside(bug, &fake("b").replies("hello")).chat("hi").await.unwrap();
        let first = &answer.trail().steps()[0];
        assert_eq!((first.kind, first.verdict), (Some(ErrorKind::Server), Verdict::NextTarget), "{bug:?}");
        let message = first.message.as_deref().unwrap();
        assert!(message.contains("panicked") && !message.contains("secret"), "{message}");
    }
    let answer = beside(Panics::Answering, &fake("b")).chat_stream("hi").unwrap().collect().await.unwrap();
    assert_eq!(answer.trail().steps()[0].kind, Some(ErrorKind::Server));
    // One that cannot say what it can do is left out; one whose future panics as it is dropped is dropped.
    let answer = beside(Panics::Capabilities, &fake("b")).chat("hi").await.unwrap();
    assert_eq!(answer.trail().steps()[0].verdict, Verdict::Skipped);
    let answer = beside(Panics::Dropped, &fake("b")).chat("hi").await.unwrap();
    assert_eq!(answer.trail().steps()[0].verdict, Verdict::Hedged);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_a_slow_reader_though_data_is_ready() {
    let much = (0..60).fold(FakeStream::new(), |stream, n| stream.text(format!("{n} "))).ends();
    let client = over([&fake("a").streams(much)]).with_deadline(secs(5));
    let begun = Instant::now();
    let mut stream = client.chat_stream("hi").unwrap();
    let mut read = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(StreamEvent::Text(_)) => read += 1,
            Ok(_) => {}
            Err(error) => break error,
        }
        tokio::time::sleep(secs(1)).await;
    };
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(begun.elapsed() <= secs(5), "read for {:?}", begun.elapsed());
    assert!(read <= 5 && error.partial().unwrap().text.starts_with("0 1 "), "{read}");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_first_content_is_not_handed_over_after_the_deadline() {
    let usage = (0..40)
        .fold(FakeStream::new(), |stream, _| stream.event(ChatEvent::Usage(backstop::Usage::default())));
    let client = over([&fake("a").streams(usage.text("hi").ends())]).with_deadline(secs(5));
    let begun = Instant::now();
    let mut stream = client.chat_stream("hi").unwrap();
    while let Some(Ok(_)) = stream.next().await {
        tokio::time::sleep(secs(1)).await;
    }
    assert!(begun.elapsed() <= secs(6), "read for {:?}", begun.elapsed());
}

/// A target with a header of its own.
fn with_header(name: &str, header: &str, value: &str) -> RouteStep {
    let mut target = Target::from(name.parse::<TargetName>().unwrap());
    target.overrides.headers.push((header.to_owned(), value.to_owned()));
    RouteStep::One(target)
}

#[tokio::test]
async fn a_bad_key_of_one_target_is_nobody_elses_trouble() {
    let routes = || {
        [
            Route::new("own", vec![with_header("a/m", "Authorization", "Bearer own")]),
            Route::new("same", vec![with_header("a/other", "authorization", "Bearer own")]),
            Route::new("provider", vec![with_header("a/m", "x-trace", "on")]),
        ]
    };
    let a = fake("a").fails(ErrorKind::Auth).replies("hello");
    let client = routes().into_iter().fold(builder([a.clone()]), BackstopBuilder::route).build().unwrap();
    assert!(client.clone().with_route("own").chat("hi").await.is_err());
    assert!(client.clone().with_route("provider").chat("hi").await.is_ok());
    // Whoever brings the same key shares its fate.
    let error = client.with_route("same").chat("hi").await.unwrap_err();
    assert_eq!((error.trail().attempts(), a.calls()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_parked_call_keeps_nobody_from_probing() {
    let (a, b) = (fake("a").fails(ErrorKind::Connect).hangs().replies("back"), fake("b").replies("b"));
    let client = over([&a, &b]);
    client.chat("hi").await.unwrap();
    tokio::time::advance(secs(7)).await;
    let parked = client.clone();
    let mut parked = pin!(parked.chat("hi"));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(parked.as_mut().poll(&mut cx), Poll::Pending));
    assert_eq!(client.chat("hi").await.unwrap().target(), "b/m");
    tokio::time::advance(secs(7)).await;
    assert_eq!(client.chat("hi").await.unwrap().target(), "a/m");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_unasked_has_the_time_of_one_that_is_asked_to() {
    let mut able = Capabilities::default().with_chat().with_chat_stream();
    able.thinks = true;
    let late = FakeStream::new().sleeps(secs(200)).text("so").ends();
    let a = fake("a").with_capabilities(able).streams(late);
    let answer = over([&a, &fake("b")]).chat_stream("hi").unwrap().collect().await.unwrap();
    assert_eq!(answer.target(), "a/m");
}

#[tokio::test(start_paused = true)]
async fn a_silent_first_target_costs_a_unary_call_a_minute_by_default() {
    let (a, b) = (fake("a").hangs(), fake("b").replies("hello").after(secs(2)));
    let begun = Instant::now();
    let answer = over([&a, &b]).chat("hi").await.unwrap();
    assert_eq!((answer.target(), begun.elapsed()), ("b/m", secs(62)));
    let begun = Instant::now();
    let waits = over_with([&a, &b], |policy| policy.hedge_after = Hedge::Off);
    assert_eq!(waits.chat("hi").await.unwrap().target(), "b/m");
    assert_eq!(begun.elapsed(), secs(302));
}

#[tokio::test(start_paused = true)]
async fn a_route_that_streams_under_unary_calls_notices_silence_at_once() {
    let streams = |policy: &mut Policy| {
        policy.unary = Unary::Stream;
        policy.first_content = Some(secs(3));
        policy.idle = Some(secs(2));
    };
    // Silent from the start; silent in the middle; cut in the middle. Nobody has seen anything of these.
    for broken in [
        FakeStream::new().hangs(),
        FakeStream::new().text("half").hangs(),
        FakeStream::new().text("half").fails(ErrorKind::BadReply),
        FakeStream::new().text("half"),
    ] {
        let a = fake("a").streams(broken);
        let b = fake("b").streams(FakeStream::new().text("a whole ").sleeps(secs(1)).text("answer").ends());
        let begun = Instant::now();
        let answer = over_with([&a, &b], streams).chat("hi").await.unwrap();
        assert_eq!((answer.target(), answer.text.as_str()), ("b/m", "a whole answer"));
        assert!(begun.elapsed() <= secs(5), "{:?}", begun.elapsed());
        assert_eq!(answer.trail().steps()[0].verdict, Verdict::NextTarget);
    }
    // An answer that goes on for minutes is not cut while it goes on.
    let long = (0..300).fold(FakeStream::new(), |stream, _| stream.text("x").sleeps(secs(1))).ends();
    let answer = over_with([&fake("a").streams(long)], streams).chat("hi").await.unwrap();
    assert_eq!(answer.text.len(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_cannot_stream_is_asked_for_the_whole_on_such_a_route() {
    let a = fake("a").with_capabilities(Capabilities::default().with_chat()).replies("whole").after(secs(90));
    let client = over_with([&a, &fake("b")], |policy| {
        policy.unary = Unary::Stream;
        policy.hedge_after = Hedge::Off;
    });
    assert_eq!(client.chat("hi").await.unwrap().target(), "a/m");
    // What a filter withheld is no answer, however it came.
    let filtered = FakeStream::new().text("I must").event(ChatEvent::End(FinishReason::ContentFilter));
    let (a, b) = (fake("a").streams(filtered), fake("b"));
    let answer = over_with([&a, &b], |policy| policy.unary = Unary::Stream).chat("hi").await.unwrap();
    assert_eq!(answer.trail().steps()[0].kind, Some(ErrorKind::ContentFilter));
}

/// Streams completions, one piece at a time.
#[derive(Debug)]
struct Completes;

#[async_trait]
impl Provider for Completes {
    fn name(&self) -> &str {
        "c"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        let mut able = Capabilities::default();
        (able.complete, able.complete_stream) = (true, true);
        able
    }

    async fn complete(&self, _: Ask<'_>, _: &CompletionRequest) -> Result<CompletionReply, Error> {
        Ok(CompletionReply::text("in one piece"))
    }

    async fn complete_stream(
        &self,
        _: Ask<'_>,
        _: &CompletionRequest,
    ) -> Result<backstop::core::CompletionStream, Error> {
        use backstop::core::completion::CompletionEvent::{End, Text};
        let pieces = [Text("in ".into()), Text("pieces".into()), End(FinishReason::Stop)];
        Ok(Box::pin(tokio_stream(pieces.map(Ok))))
    }
}

/// A stream of what is there.
fn tokio_stream<T: Unpin, const N: usize>(items: [T; N]) -> impl futures_core::Stream<Item = T> + Unpin {
    struct Items<T>(std::vec::IntoIter<T>);
    impl<T: Unpin> futures_core::Stream for Items<T> {
        type Item = T;
        fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
            Poll::Ready(self.0.next())
        }
    }
    Items(Vec::from(items).into_iter())
}

#[tokio::test]
async fn completions_are_collected_from_streams_as_chats_are() {
    for (unary, text) in [(Unary::Whole, "in one piece"), (Unary::Stream, "in pieces")] {
        let mut policy = Policy::default();
        policy.unary = unary;
        let client = builder([]).provider(Completes).policy(policy).target("c/m").build().unwrap();
        assert_eq!(client.complete("x").await.unwrap().text, text);
    }
}

/// A server that serves so many requests a second and tells the others to wait ten.
fn limited(per_second: u64) -> FakeProvider {
    let (begun, window, served) = (Instant::now(), AtomicU64::new(0), AtomicU64::new(0));
    fake("a").answers(move || {
        let second = begun.elapsed().as_secs();
        if window.swap(second, Ordering::SeqCst) != second {
            served.store(0, Ordering::SeqCst);
        }
        let serves = served.fetch_add(1, Ordering::SeqCst) < per_second;
        let limit = || Error::new(ErrorKind::RateLimited, "too many").with_retry_after(secs(10));
        std::future::ready(if serves { Ok(ChatReply::text("ok")) } else { Err(limit()) })
    })
}

async fn many(client: &Backstop, calls: usize) -> Vec<Result<(), Error>> {
    let tasks: Vec<_> = (0..calls)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.chat("hi").await.map(drop) })
        })
        .collect();
    let mut ended = Vec::with_capacity(calls);
    for task in tasks {
        ended.push(task.await.unwrap());
    }
    ended
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_what_an_interactive_call_does_not_and_that_one_says_so() {
    let ended = many(&over([&limited(300)]), 2000).await;
    let failed: Vec<&Error> = ended.iter().filter_map(|ended| ended.as_ref().err()).collect();
    assert_eq!(failed.len(), 1700);
    let words = failed[0].to_string();
    assert!(words.contains("takes more patience than 5 s"), "{words}");

    let ended = many(&over_with([&limited(300)], |policy| *policy = Policy::batch()), 2000).await;
    assert!(ended.iter().all(Result::is_ok), "{:?}", ended.iter().find(|ended| ended.is_err()));
}

#[tokio::test(start_paused = true)]
async fn a_burst_over_a_limit_without_a_stated_wait_leaves_most_of_what_would_be_served() {
    // Fifty at once are served in half a second each; what is above that is refused at once.
    let live = Arc::new(AtomicU64::new(0));
    let served = Arc::new(AtomicU64::new(0));
    let (at_once, count) = (Arc::clone(&live), Arc::clone(&served));
    let a = fake("a").answers(move || {
        let (live, served) = (Arc::clone(&at_once), Arc::clone(&count));
        async move {
            if live.fetch_add(1, Ordering::SeqCst) >= 50 {
                live.fetch_sub(1, Ordering::SeqCst);
                return Err(Error::new(ErrorKind::RateLimited, "too many"));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            live.fetch_sub(1, Ordering::SeqCst);
            served.fetch_add(1, Ordering::SeqCst);
            Ok(ChatReply::text("ok"))
        }
    });
    for alone in [true, false] {
        served.store(0, Ordering::SeqCst);
        let b = fake("b").replies("b").after(Duration::from_millis(500));
        let client = if alone { over([&a]) } else { over([&a, &b]) };
        let until = Instant::now() + secs(60);
        let workers: Vec<_> = (0..64)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    while Instant::now() < until {
                        if client.chat("hi").await.is_err() {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        // It would serve 100 a second.
        let share = served.load(Ordering::SeqCst) * 100 / 6000;
        assert!(share >= 50, "{share} of 100 that it would serve; alone: {alone}");
    }
}
