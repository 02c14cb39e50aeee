//! Streams over scripted providers, in simulated time.

#![expect(clippy::expect_used, reason = "what a test needs and does not get is a failed test")]

use std::time::Duration;

use backstop::core::chat::{ChatEvent, FinishReason, ReasoningRequest};
use backstop::core::fallback::{AfterCommit, Hedge, Policy};
use backstop::core::{Env, Phase, Registry};
use backstop::{Answer, Backstop, ChatReply, ChatRequest, Error, ErrorKind, StreamEvent, Usage, Verdict};
use backstop_testkit::{FakeProvider, FakeStream};
use tokio::time::Instant;

fn fake(name: &str) -> FakeProvider {
    FakeProvider::new(name)
}

fn over(providers: &[&FakeProvider], policy: Policy) -> Backstop {
    let mut builder = Backstop::builder().env(Env::empty()).registry(Registry::default()).policy(policy);
    for provider in providers {
        let target = format!("{}/m", backstop::Provider::name(*provider));
        builder = builder.provider((*provider).clone()).target(target);
    }
    builder.build().expect("a client of fakes")
}

fn restart() -> Policy {
    let mut policy = Policy::default();
    policy.after_commit = AfterCommit::Restart;
    policy
}

/// What the caller saw, in short; and how it ended.
async fn read(
    client: &Backstop,
    request: impl Into<ChatRequest>,
) -> (String, Result<Answer<ChatReply>, Error>) {
    let mut stream = client.chat_stream(request).expect("a stream");
    let mut seen = String::new();
    loop {
        match stream.next().await.expect("an end") {
            Ok(StreamEvent::Start { target, .. }) => seen.push_str(&format!("<{target}>")),
            Ok(StreamEvent::Reset { target, .. }) => seen.push_str(&format!("<reset {target}>")),
            Ok(StreamEvent::Text(text)) => seen.push_str(&text),
            Ok(StreamEvent::Reasoning(text)) => seen.push_str(&format!("({text})")),
            Ok(StreamEvent::End(answer)) => {
                assert!(stream.next().await.is_none());
                return (seen, Ok(*answer));
            }
            Ok(_) => seen.push('.'),
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (seen, Err(error));
            }
        }
    }
}

fn hello() -> FakeStream {
    FakeStream::new().text("hel").text("lo").ends()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_stream_arrives_piece_by_piece_and_whole() {
    let a = fake("a").streams(hello());
    let (seen, end) = read(&over(&[&a], Policy::default()), "hi").await;
    assert_eq!(seen, "<a/m>hello");
    let answer = end.unwrap();
    assert_eq!(
        (answer.text.as_str(), answer.target(), &answer.finish),
        ("hello", "a/m", &FinishReason::Stop)
    );
    assert_eq!(answer.trail().steps()[0].verdict, Verdict::Delivered);
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_before_content_falls_over_and_nothing_of_it_is_seen() {
    let empty = ChatEvent::Text(String::new());
    let start = ChatEvent::start(Some("m".to_owned()), None);
    let usage = ChatEvent::Usage(Usage::new(1, 0));
    let before = FakeStream::new().event(start).event(empty).event(usage);
    for (bad, kind) in [
        (before.clone().fails(ErrorKind::Overloaded), ErrorKind::Overloaded),
        (before.clone(), ErrorKind::BadReply),
        (before.clone().ends(), ErrorKind::BadReply),
        (before.clone().event(ChatEvent::End(FinishReason::ContentFilter)), ErrorKind::ContentFilter),
        (FakeStream::new(), ErrorKind::BadReply),
        (FakeStream::new().thinks("hm").fails(ErrorKind::Server), ErrorKind::Server),
        (FakeStream::new().event(ChatEvent::Text(String::new())).times(100), ErrorKind::BadReply),
    ] {
        let (a, b) = (fake("a").streams(bad), fake("b").streams(hello()));
        let (seen, end) = read(&over(&[&a, &b], Policy::default()), "hi").await;
        assert_eq!(seen, "<b/m>hello");
        assert_eq!(end.unwrap().trail().steps()[0].kind, Some(kind));
        assert_eq!((a.live(), a.calls()), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn each_silence_has_its_own_timer_and_name() {
    let silences = [
        (fake("a").hangs(), Phase::Headers, 60),
        (fake("a").streams(FakeStream::new().hangs()), Phase::FirstContent, 60),
        (
            fake("a").streams(FakeStream::new().event(ChatEvent::start(None, None)).hangs()),
            Phase::FirstContent,
            60,
        ),
        (fake("a").streams(FakeStream::new().sleeps(secs(59)).thinks("hm").hangs()), Phase::Idle, 119),
    ];
    for (a, phase, after) in silences {
        let b = fake("b").streams(hello());
        let began = Instant::now();
        let (seen, end) = read(&over(&[&a, &b], Policy::default()), "hi").await;
        let answer = end.unwrap();
        let first = &answer.trail().steps()[0];
        assert_eq!((first.kind, first.phase), (Some(ErrorKind::Timeout), Some(phase)));
        assert_eq!((seen.as_str(), began.elapsed(), a.live()), ("<b/m>hello", secs(after), 0));
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a_break_after_content_stops_with_the_partial_answer() {
    let breaks = [
        (FakeStream::new(), None),
        (FakeStream::new().fails(ErrorKind::Server), None),
        (FakeStream::new().hangs(), Some(Phase::Idle)),
    ];
    for (tail, phase) in breaks {
        let stream = FakeStream::new().text("hel").event(ChatEvent::Usage(Usage::new(3, 1))).then(tail);
        let (a, b) = (fake("a").streams(stream), fake("b"));
        let (seen, end) = read(&over(&[&a, &b], Policy::default()), "hi").await;
        let error = end.unwrap_err();
        assert_eq!(seen, "<a/m>hel.");
        assert_eq!((error.kind(), b.calls(), a.live()), (ErrorKind::Interrupted, 0, 0));
        let partial = error.partial().expect("what had arrived");
        assert_eq!((partial.text.as_str(), partial.usage), ("hel", Usage::new(3, 1)));
        let step = &error.trail().steps()[0];
        assert_eq!((step.kind, step.phase), (Some(ErrorKind::Interrupted), phase));
        assert_eq!(step.verdict, Verdict::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_told_together_with_its_first_content() {
    let a = fake("a").streams(FakeStream::new().text("The sk").fails(ErrorKind::Server));
    let b =
        fake("b").streams(FakeStream::new().event(ChatEvent::Usage(Usage::new(1, 1))).text("Blue").ends());
    let (seen, end) = read(&over(&[&a, &b], restart()), "hi").await;
    assert_eq!(seen, "<a/m>The sk<reset b/m>.Blue");
    let answer = end.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("Blue", "b/m"));
}

#[tokio::test(start_paused = true)]
async fn the_partial_answer_survives_when_every_later_target_fails() {
    let a = fake("a").streams(FakeStream::new().text("The sk").fails(ErrorKind::Server));
    let b = fake("b").fails(ErrorKind::Quota);
    let mut policy = restart();
    policy.comebacks = Some(0);
    let (seen, end) = read(&over(&[&a, &b], policy), "hi").await;
    let error = end.unwrap_err();
    assert_eq!(seen, "<a/m>The sk");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.partial().expect("kept").text, "The sk");
    assert!(error.to_string().contains("b/m out of quota"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_refusal_in_a_stream_said_and_cost_survives_when_the_route_runs_out() {
    let counted = ChatEvent::Usage(Usage::new(9, 7));
    let refuses = FakeStream::new().thinks("hm").event(counted);
    for (stream, text) in [
        (refuses.clone().event(ChatEvent::End(FinishReason::ContentFilter)), ""),
        (refuses.clone().fails(ErrorKind::ContentFilter), ""),
        (refuses.fails_with(|| refused("No.")), "No."),
    ] {
        let (a, b) = (fake("a").streams(stream), fake("b").fails(ErrorKind::Quota));
        let (_, end) = read(&over(&[&a, &b], Policy::default()), "hi").await;
        let error = end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        let partial = error.partial().expect("what the refusal cost");
        assert_eq!((&*partial.text, partial.usage), (text, Usage::new(9, 7)));
        assert_eq!(partial.reasoning.as_deref(), Some("hm"));
    }
}

fn refused(text: &str) -> Error {
    let error = Error::new(ErrorKind::ContentFilter, "the model refused to answer");
    error.with_partial(backstop::core::Partial::text(text))
}

#[tokio::test(start_paused = true)]
async fn work_that_is_not_shown_is_progress_and_nothing_of_it_is_kept() {
    let works = FakeStream::new().sleeps(secs(40)).event(ChatEvent::Progress).times(100);
    let a = fake("a").streams(works.then(hello()));
    let (seen, end) = read(&over(&[&a], Policy::default()), "hi").await;
    assert!(end.is_err(), "the deadline governs all the same");
    assert_eq!(seen, "");
    let works = FakeStream::new().sleeps(secs(40)).event(ChatEvent::Progress).times(10);
    let (seen, end) = read(&over(&[&fake("a").streams(works.then(hello()))], Policy::default()), "hi").await;
    assert_eq!((&*seen, &*end.unwrap().text), ("<a/m>hello", "hello"));
}

#[tokio::test(start_paused = true)]
async fn hidden_thoughts_are_progress_and_shown_ones_are_content() {
    let thinks = FakeStream::new().sleeps(secs(10)).thinks("hm").times(20);
    let fails = fake("a").streams(thinks.clone().fails(ErrorKind::Server));
    let b = fake("b").streams(thinks.then(hello()));
    let client = over(&[&fails, &b], Policy::default());
    let hidden = ChatRequest::user("hi");
    let (seen, end) = read(&client, hidden.clone()).await;
    assert_eq!(seen, "<b/m>hello");
    assert_eq!(end.unwrap().reasoning.as_deref(), Some("hm".repeat(20).as_str()));
}

#[tokio::test(start_paused = true)]
async fn shown_thoughts_commit() {
    let mut able = backstop::Capabilities::default().with_chat_stream();
    able.reasoning = true;
    let a =
        fake("a").with_capabilities(able).streams(FakeStream::new().thinks("hm").fails(ErrorKind::Server));
    let b = fake("b");
    let request = ChatRequest::user("hi").with_reasoning(ReasoningRequest::default().shown());
    let (seen, end) = read(&over(&[&a, &b], Policy::default()), request).await;
    assert_eq!(seen, "<a/m>(hm)");
    assert_eq!(end.unwrap_err().partial().expect("kept").reasoning.as_deref(), Some("hm"));
    assert_eq!(b.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_never_an_idle_provider() {
    let a = fake("a").streams(FakeStream::new().text("one ").sleeps(secs(50)).text("two").ends());
    let client = over(&[&a], Policy::default());
    let mut stream = client.chat_stream("hi").unwrap();
    stream.next().await.unwrap().unwrap();
    stream.next().await.unwrap().unwrap();
    tokio::time::sleep(secs(3600)).await;
    let answer = stream.collect().await.unwrap();
    assert_eq!(answer.text, "one two");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_drops_the_attempt_and_is_nobodys_failure() {
    let a = fake("a").streams(FakeStream::new().text("one").hangs());
    let client = over(&[&a], Policy::default());
    for read in 0..2 {
        for _ in 0..5 {
            let mut stream = client.chat_stream("hi").unwrap();
            for _ in 0..read {
                stream.next().await.unwrap().unwrap();
            }
            if read == 0 {
                assert!(tokio::time::timeout(secs(0), stream.next()).await.is_ok());
            }
            assert_eq!(a.live(), 1);
            drop(stream);
            assert_eq!(a.live(), 0);
        }
    }
    let mut stream = client.chat_stream("hi").unwrap();
    assert!(matches!(stream.next().await.unwrap().unwrap(), StreamEvent::Start { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_first_content_of_a_hedged_pair_wins_and_the_other_is_dropped() {
    let mut policy = Policy::default();
    policy.hedge_after = Hedge::After(secs(2));
    let a = fake("a").streams(FakeStream::new().sleeps(secs(10)).text("late").ends());
    let b = fake("b").streams(hello());
    let (seen, end) = read(&over(&[&a, &b], policy), "hi").await;
    assert_eq!((seen.as_str(), a.live()), ("<b/m>hello", 0));
    let verdicts: Vec<_> = end.unwrap().trail().steps().iter().map(|step| step.verdict).collect();
    assert_eq!(verdicts, [Verdict::Hedged, Verdict::Delivered]);
}

#[tokio::test]
async fn a_stream_that_never_rests_lets_others_have_a_turn_and_meets_its_deadline() {
    let a = fake("a").streams(FakeStream::new().thinks("hm").times(300_000).hangs());
    let client = over(&[&a], Policy::default()).with_deadline(Duration::from_millis(20));
    let other = tokio::spawn(async { tokio::time::sleep(Duration::from_millis(1)).await });
    let (_, end) = read(&client, "hi").await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Deadline);
    other.await.unwrap();
}

mod blocking {
    use super::*;

    #[test]
    fn a_blocking_stream_is_an_iterator_that_ends_with_the_answer() {
        let a = fake("a").streams(hello());
        let client = backstop::blocking::Backstop::new(over(&[&a], Policy::default())).unwrap();
        let events: Result<Vec<_>, _> = client.chat_stream("hi").unwrap().collect();
        let events = events.unwrap();
        assert!(matches!(events.last(), Some(StreamEvent::End(answer)) if answer.text == "hello"));
        assert_eq!(events.len(), 4);
    }

    #[test]
    fn dropping_a_blocking_stream_drops_the_attempt() {
        let a = fake("a").streams(FakeStream::new().text("one").hangs());
        let client = backstop::blocking::Backstop::new(over(&[&a], Policy::default())).unwrap();
        let mut stream = client.chat_stream("hi").unwrap();
        stream.next().unwrap().unwrap();
        drop(stream);
        let until = std::time::Instant::now() + secs(5);
        while a.live() > 0 && std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(a.live(), 0);
    }
}
