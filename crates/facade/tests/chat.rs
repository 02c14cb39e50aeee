//! The driver over scripted providers, in simulated time.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get is a failed test")]

use std::time::Duration;

use backstop::core::fallback::{Hedge, Policy};
use backstop::core::route::{Route, RouteRule};
use backstop::core::{Env, Registry};
use backstop::{Backstop, BackstopBuilder, Capabilities, Error, ErrorKind, Usage, Verdict};
use backstop_testkit::FakeProvider;
use tokio::time::Instant;

fn fake(name: &str) -> FakeProvider {
    FakeProvider::new(name)
}

fn builder(providers: impl IntoIterator<Item = FakeProvider>) -> BackstopBuilder {
    let empty = Backstop::builder().env(Env::empty()).registry(Registry::default());
    providers.into_iter().fold(empty, |builder, provider| builder.provider(provider))
}

fn over(providers: &[&FakeProvider]) -> Backstop {
    let targets: Vec<String> = providers.iter().map(|provider| format!("{}/m", name_of(provider))).collect();
    let start = builder(providers.iter().map(|provider| (*provider).clone()));
    targets.iter().fold(start, BackstopBuilder::target).build().unwrap()
}

fn name_of(provider: &FakeProvider) -> String {
    backstop::Provider::name(provider).to_owned()
}

fn verdicts(trail: &backstop::Trail) -> Vec<(String, Verdict)> {
    trail.steps().iter().map(|step| (step.target.to_string(), step.verdict)).collect()
}

#[tokio::test]
async fn a_healthy_first_target_is_the_only_one_asked() {
    let (a, b) = (fake("a").replies("hello"), fake("b"));
    let answer = over(&[&a, &b]).chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("hello", "a/m"));
    assert_eq!((a.calls(), b.calls()), (1, 0));
    assert_eq!(verdicts(answer.trail()), [("a/m".to_owned(), Verdict::Delivered)]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_target_falls_over_at_once_and_the_trail_says_why() {
    let (a, b) = (fake("a").fails(ErrorKind::Server), fake("b").replies("hello"));
    let began = Instant::now();
    let answer = over(&[&a, &b]).chat("hi").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(answer.target(), "b/m");
    let first = &answer.trail().steps()[0];
    assert_eq!((first.kind, first.verdict), (Some(ErrorKind::Server), Verdict::NextTarget));
    assert_eq!(first.message.as_deref(), Some("as the script says"));
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_one_line_names_every_target_and_reason() {
    let (a, b) = (fake("a").fails(ErrorKind::Auth), fake("b").fails(ErrorKind::ContentFilter));
    let error = over(&[&a, &b]).chat("hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert_eq!(
        error.to_string(),
        "all 2 targets failed: a/m key refused (cooling 60 s); b/m content filtered"
    );
    assert_eq!(error.trail().steps()[1].verdict, Verdict::Exhausted);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_target_is_cut_and_its_future_dropped() {
    let (a, b) = (fake("a").hangs(), fake("b").replies("hello"));
    let began = Instant::now();
    let answer = over(&[&a, &b]).with_deadline(Duration::from_secs(30)).chat("hi").await.unwrap();
    // The second keeps its reserve of 10 s.
    assert_eq!(began.elapsed(), Duration::from_secs(20));
    assert_eq!((answer.target(), a.live()), ("b/m", 0));
    assert!(answer.trail().steps()[0].message.as_deref().unwrap().contains("within 20 s"));
}

#[tokio::test(start_paused = true)]
async fn two_hanging_targets_end_at_the_deadline_and_both_were_tried() {
    let (a, b) = (fake("a").hangs(), fake("b").hangs());
    let began = Instant::now();
    let error = over(&[&a, &b]).with_deadline(Duration::from_secs(30)).chat("hi").await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert_eq!((error.kind(), a.calls(), b.calls()), (ErrorKind::Deadline, 1, 1));
    assert_eq!((a.live(), b.live()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_call_drops_the_attempt_and_is_nobodys_failure() {
    let a = fake("a").hangs().replies("hello");
    let client = over(&[&a]);
    for _ in 0..5 {
        let call = tokio::time::timeout(Duration::from_secs(1), client.chat("hi"));
        assert!(call.await.is_err());
        assert_eq!(a.live(), 0);
        if a.calls() >= 1 {
            break;
        }
    }
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(verdicts(answer.trail()), [("a/m".to_owned(), Verdict::Delivered)]);
}

#[tokio::test(start_paused = true)]
async fn a_lone_target_comes_back_after_its_backoff() {
    let a = fake("a").fails(ErrorKind::Server).replies("hello");
    let answer = over(&[&a]).chat("hi").await.unwrap();
    let steps = answer.trail().steps();
    assert_eq!(steps[0].verdict, Verdict::RetrySame);
    let waited = steps[1].waited;
    assert!((Duration::from_millis(250)..=Duration::from_millis(500)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_asks_a_second_target_and_drops_the_loser() {
    let (a, b) = (fake("a").hangs(), fake("b").replies("hello").after(Duration::from_secs(1)));
    let mut policy = Policy::default();
    policy.hedge_after = Hedge::After(Duration::from_secs(2));
    let client = builder([a.clone(), b.clone()]).target("a/m").target("b/m").policy(policy).build().unwrap();
    let began = Instant::now();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert_eq!(
        verdicts(answer.trail()),
        [("a/m".to_owned(), Verdict::Hedged), ("b/m".to_owned(), Verdict::Delivered)]
    );
    assert_eq!(a.live(), 0);
}

#[tokio::test]
async fn a_target_that_cannot_is_skipped_without_being_asked() {
    let a = fake("a").with_capabilities(Capabilities::missing("set A_KEY"));
    let b = fake("b").with_capabilities(Capabilities::default());
    let c = fake("c").replies("hello");
    let answer = over(&[&a, &b, &c]).chat("hi").await.unwrap();
    assert_eq!((a.calls(), b.calls()), (0, 0));
    let said: Vec<_> = answer.trail().steps().iter().map(|step| (step.kind, step.message.clone())).collect();
    assert_eq!(said[0], (Some(ErrorKind::NotConfigured), Some("set A_KEY".to_owned())));
    assert_eq!(said[1], (Some(ErrorKind::Unsupported), Some("has no chat".to_owned())));
}

#[tokio::test]
async fn a_rule_that_stops_returns_the_failure_that_met_it() {
    let (a, b) = (fake("a").fails(ErrorKind::ContentFilter), fake("b"));
    let route = Route::of("r", ["a/m", "b/m"]).unwrap().with_rule(ErrorKind::ContentFilter, RouteRule::Stop);
    let client = builder([a, b.clone()]).route(route).build().unwrap();
    let error = client.chat("hi").await.unwrap_err();
    assert_eq!((error.kind(), b.calls()), (ErrorKind::ContentFilter, 0));
    assert_eq!(error.provider(), Some("a"));
    assert_eq!(error.trail().steps()[0].verdict, Verdict::Stopped);
}

#[tokio::test(start_paused = true)]
async fn what_a_refusal_said_and_cost_survives_when_the_route_runs_out() {
    let refuses = || {
        let mut partial = backstop::core::Partial::text("I cannot help with that.");
        partial.usage = Usage::new(9, 7);
        Error::new(ErrorKind::ContentFilter, "the model refused to answer").with_partial(partial)
    };
    let (a, b) = (fake("a").fails_with(refuses), fake("b").fails(ErrorKind::Quota));
    for route in [&[&a][..], &[&a, &b], &[&b, &a]] {
        let error = over(route).chat("hi").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        let partial = error.partial().expect("what the refusal said");
        assert_eq!((&*partial.text, partial.usage), ("I cannot help with that.", Usage::new(9, 7)));
    }
    let error = over(&[&b]).chat("hi").await.unwrap_err();
    assert!(error.partial().is_none(), "nobody said anything");
}

#[tokio::test]
async fn the_same_model_in_two_routes_has_one_health() {
    let (a, b) = (fake("a").fails(ErrorKind::Auth), fake("b").replies("hello"));
    let client = builder([a.clone(), b])
        .route(Route::of("one", ["a/m", "b/m"]).unwrap())
        .route(Route::of("two", ["a/m", "b/m"]).unwrap())
        .build()
        .unwrap();
    client.clone().with_route("one").chat("hi").await.unwrap();
    let answer = client.with_route("two").chat("hi").await.unwrap();
    assert_eq!(a.calls(), 1);
    assert_eq!(answer.trail().steps()[0].verdict, Verdict::Skipped);
}

#[tokio::test]
async fn calls_that_cannot_work_say_what_to_do() {
    let client = over(&[&fake("a")]);
    let error = client.clone().with_route("fast").chat("hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("\"fast\"") && error.to_string().contains("default"), "{error}");
    let error = client.clone().with_deadline(Duration::ZERO).chat("hi").await.unwrap_err();
    assert!(error.to_string().contains("deadline of zero"), "{error}");
    let error = client.with_attempts(0).chat("hi").await.unwrap_err();
    assert!(error.to_string().contains("0 attempts"), "{error}");
}

#[test]
fn clients_that_cannot_work_are_refused_when_they_are_built() {
    fn complaint(result: Result<Backstop, Error>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    }
    let none: [&str; 0] = [];
    assert!(complaint(Backstop::models(none)).contains("no target"));
    assert!(complaint(Backstop::models(["gpt-5.2"])).contains("openai/gpt-5.2"));
    assert!(complaint(builder([]).target("nobody/x").build()).contains("no provider \"nobody\""));
    assert!(complaint(builder([fake("a"), fake("a")]).target("a/m").build()).contains("two providers"));
    assert!(complaint(builder([fake("a b")]).target("a/m").build()).contains("cannot be called"));
    let policy = builder([fake("a")]).target("a/m").deadline(Duration::ZERO).build();
    assert!(complaint(policy).contains("deadline of zero"));
}

mod blocking {
    use super::*;
    use backstop::blocking;

    #[test]
    fn a_blocking_call_answers_and_its_clones_work_on_other_threads() {
        let client = blocking::Backstop::new(over(&[&fake("a").replies("hello")])).unwrap();
        let calls: Vec<_> = (0..8)
            .map(|_| client.clone())
            .map(|client| std::thread::spawn(move || client.chat("hi").unwrap().text.clone()))
            .collect();
        assert!(calls.into_iter().all(|call| call.join().unwrap() == "hello"));
    }

    #[tokio::test]
    async fn inside_a_runtime_it_is_a_typed_error_and_dropping_it_there_is_harmless() {
        let client =
            std::thread::spawn(|| blocking::Backstop::new(over(&[&fake("a")])).unwrap()).join().unwrap();
        assert_eq!(client.chat("hi").unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(blocking::Backstop::new(over(&[&fake("a")])).unwrap_err().kind(), ErrorKind::Usage);
        drop(client);
    }

    #[test]
    fn the_thread_ends_with_the_last_clone() {
        fn threads() -> usize {
            std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(0)
        }
        // Only Linux tells; elsewhere this asks for nothing.
        let before = threads();
        for _ in 0..20 {
            let client = blocking::Backstop::new(over(&[&fake("a")])).unwrap();
            client.chat("hi").unwrap();
        }
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        // Other tests come and go beside this one: a handful of threads more is no leak, twenty are.
        while threads() > before + 12 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(threads() <= before + 12, "{} threads before, {} after", before, threads());
    }

    #[test]
    fn a_provider_that_panics_is_an_error_and_not_a_deadlock() {
        let panics = fake("a").fails_with(|| panic!("a provider's bug"));
        let client = blocking::Backstop::new(over(&[&panics])).unwrap();
        let error = client.chat("hi").unwrap_err();
        assert!(error.trail().steps()[0].message.as_deref().unwrap().contains("panicked"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_stopped_says_how_far_it_had_come() {
    let (a, b) = (fake("a").fails(ErrorKind::Server), fake("b").hangs());
    let stop = tokio::time::sleep(Duration::from_secs(2));
    let error = over(&[&a, &b]).chat_until("hi", stop).await.unwrap_err();
    assert_eq!((error.kind(), b.live()), (ErrorKind::Cancelled, 0));
    assert_eq!(
        verdicts(error.trail()),
        [("a/m".to_owned(), Verdict::NextTarget), ("b/m".to_owned(), Verdict::Cancelled)]
    );
}

#[tokio::test]
async fn an_observer_sees_attempts_start_and_decisions_fall() {
    #[derive(Default)]
    struct Notes(std::sync::Mutex<Vec<String>>);
    impl backstop::Observer for Notes {
        fn started(&self, target: &str) {
            self.0.lock().unwrap().push(format!("asks {target}"));
        }
        fn decided(&self, step: &backstop::Step) {
            self.0.lock().unwrap().push(format!("{} {}", step.target, step.verdict));
        }
    }
    let notes = std::sync::Arc::new(Notes::default());
    let client = over(&[&fake("a").fails(ErrorKind::Quota), &fake("b")]);
    client.with_observer(notes.clone()).chat("hi").await.unwrap();
    assert_eq!(*notes.0.lock().unwrap(), ["asks a/m", "a/m next_target", "asks b/m", "b/m delivered"]);
}
