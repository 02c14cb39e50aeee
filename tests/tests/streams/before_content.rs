//! Whatever goes wrong before the first content is made good by the next target, and nothing of it is seen.

use std::time::Duration;

use backstop_testkit::server::openai::Completion;
use backstop_testkit::server::{Recipe, RetryHint, Script, SseEnding, SseEvent, Step, refused_url};
use serde_json::json;

use crate::scene::{
    BOTH, SOON, error_event, healthy, impatient, over, over_urls, policy, read, role, serve, settled, text,
    usage,
};

/// The name of a fault, what a server does then, and what the trail says of it: kind, phase, status.
type Fault = (&'static str, Script, &'static str);

fn sse(events: impl IntoIterator<Item = SseEvent>, ending: SseEnding) -> Script {
    Script::sse(events, ending)
}

fn faults() -> Vec<Fault> {
    let keep_alive = || SseEvent::comment("keep-alive").after(Duration::from_millis(30));
    let thought = || json!({ "choices": [{ "delta": { "reasoning": "hm" } }] }).into();
    let filtered = Completion::silent().finish_reason("content_filter").events();
    let spent = Completion::silent().finish_reason("length").events();
    vec![
        ("rate limit", Recipe::rate_limited(RetryHint::Seconds(7)).into(), "rate_limited - 429"),
        ("overloaded", Recipe::overloaded().into(), "overloaded - 503"),
        ("error in 200", Recipe::error_in_200().into(), "server - 200"),
        ("error event", sse([error_event("server_error", None)], SseEnding::Clean), "server - 200"),
        (
            "error event after the role",
            sse([role(), usage(), error_event("x", Some("insufficient_quota"))], SseEnding::Stall),
            "quota - 200",
        ),
        ("empty stream", sse([], SseEnding::Clean), "bad_reply - 200"),
        ("done at once", sse([SseEvent::done()], SseEnding::Clean), "bad_reply - 200"),
        ("done at once, kept open", sse([SseEvent::done()], SseEnding::Stall), "bad_reply - 200"),
        ("empty answer", sse(Completion::text("").events(), SseEnding::Clean), "bad_reply - 200"),
        ("limit spent on thinking", sse(spent, SseEnding::Clean), "bad_reply - 200"),
        ("filtered", sse(filtered, SseEnding::Clean), "content_filter - 200"),
        (
            "refusal",
            sse(Completion::silent().refusal("No.").events(), SseEnding::Clean),
            "content_filter - 200",
        ),
        ("role and silence", sse([role()], SseEnding::Stall), "timeout first_content 200"),
        (
            "keep-alive and no more",
            sse(std::iter::repeat_with(keep_alive).take(100), SseEnding::Stall),
            "timeout first_content 200",
        ),
        ("thoughts and silence", sse([thought()], SseEnding::Stall), "timeout idle 200"),
        ("thoughts and a cut", sse([thought()], SseEnding::Cut), "bad_reply - 200"),
        ("silence before headers", Script::silent(), "timeout headers -"),
        ("silence after headers", Script::silent_after_headers(), "timeout first_content 200"),
        ("close before headers", Script::closes_before_headers(), "bad_reply - -"),
        ("reset before headers", Script::resets_before_headers(), "bad_reply - -"),
        ("reset after headers", sse([], SseEnding::Reset), "bad_reply - 200"),
        ("reset after the role", sse([role()], SseEnding::Reset), "bad_reply - 200"),
        ("cut after the role", sse([role()], SseEnding::Cut), "bad_reply - 200"),
        ("half an event", sse([SseEvent::raw("data: {\"choices\"")], SseEnding::Clean), "bad_reply - 200"),
        ("malformed event", sse([role(), "{\"choices\": 7}".into()], SseEnding::Stall), "bad_reply - 200"),
        ("no HTTP", Script::garbage(), "bad_reply - -"),
        ("no event stream", Recipe::garbage_200().into(), "bad_reply - 200"),
        ("a page", Recipe::html_200().into(), "bad_reply - 200"),
        ("an endless line", Script::endless_line(), "bad_reply - 200"),
        ("a redirect", Recipe::redirect("http://127.0.0.1:1/").into(), "bad_reply - 307"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_falls_over_and_is_told_apart_in_the_trail() {
    let mut scenes = Vec::new();
    for after_commit in BOTH {
        for (name, script, expected) in faults() {
            scenes.push(tokio::spawn(async move {
                let (a, b) = (serve(script), serve(healthy("Hello you.")));
                let silent = expected.starts_with("timeout");
                let over = if silent { impatient } else { over };
                let client = over(&[&a, &b], policy(after_commit));
                let seen = read(&client).await;
                assert_eq!(seen.events, "<b/m>Hello you.[9+12]", "{name}");
                assert_eq!(
                    seen.steps(),
                    [format!("a/m {expected} next_target"), "b/m - - 200 delivered".to_owned()],
                    "{name}: {}",
                    seen.trail()
                );
                let answer = seen.end.unwrap();
                assert_eq!((answer.target(), &*answer.text), ("b/m", "Hello you."), "{name}");
                settled(client, &[(&a, 1), (&b, 1)]).await;
            }));
        }
    }
    for scene in scenes {
        scene.await.unwrap();
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_falls_over() {
    let b = serve(healthy("Hello."));
    let client = over_urls(&[refused_url(), b.uri()], policy(BOTH[0]), None);
    let seen = read(&client).await;
    assert_eq!(seen.events, "<b/m>Hello.[9+12]");
    assert_eq!(seen.steps(), ["a/m connect - - next_target", "b/m - - 200 delivered"]);
    settled(client, &[(&b, 1)]).await;
}

#[tokio::test]
async fn a_failed_attempt_is_closed_before_the_next_answers() {
    for script in [sse([role()], SseEnding::Stall), sse([error_event("x", None)], SseEnding::Stall)] {
        let (a, b) =
            (serve(script), serve(Script::slow_headers(Duration::from_millis(300), healthy("Hello."))));
        let client = impatient(&[&a, &b], policy(BOTH[0]));
        let mut stream = client.chat_stream("hi").unwrap();
        let (event, ()) = tokio::join!(stream.next(), async {
            assert!(b.wait_for_hits(1, SOON).await);
            assert!(a.wait_until_closed(Duration::from_millis(100)).await);
        });
        event.unwrap().unwrap();
    }
}

#[tokio::test]
async fn when_every_target_fails_the_error_says_so_of_each() {
    let a = serve(sse([role()], SseEnding::Cut));
    let b = serve(sse([error_event("server_error", None)], SseEnding::Clean));
    let client = over(&[&a, &b], policy(BOTH[0]));
    let seen = read(&client).await;
    assert_eq!(seen.events, "");
    assert_eq!(seen.steps(), ["a/m bad_reply - 200 next_target", "b/m server - 200 exhausted"]);
    let error = seen.end.unwrap_err();
    assert!(error.partial().is_none());
    assert_eq!(error.to_string(), "all 2 targets failed: a/m unusable reply; b/m server error");
    assert_eq!(error.trail().steps()[1].message.as_deref(), Some("as the script says"));
    settled(client, &[(&a, 1), (&b, 1)]).await;
}

#[tokio::test]
async fn the_request_id_of_every_attempt_is_in_the_trail() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_a\r\n\r\n";
    let begun = [head.as_bytes(), role().bytes()].concat();
    let stalled = Script::default().then(Step::ReadRequest).then(Step::Send(begun)).then(Step::Stall);
    let whole: Vec<u8> =
        [text("Hi"), SseEvent::done()].iter().flat_map(|event| event.bytes().to_vec()).collect();
    let healthy =
        Script::replies(200, &[("content-type", "text/event-stream"), ("x-request-id", "req_b")], whole);
    let (a, b) = (serve(stalled), serve(healthy));
    let client = impatient(&[&a, &b], policy(BOTH[0]));
    let seen = read(&client).await;
    let ids: Vec<_> =
        seen.trail().steps().iter().map(|step| (step.status, step.request_id.as_deref())).collect();
    assert_eq!(ids, [(Some(200), Some("req_a")), (Some(200), Some("req_b"))]);
    let answer = seen.end.unwrap();
    assert_eq!(
        (answer.request_id.as_deref(), answer.status, answer.model.as_deref()),
        (Some("req_b"), Some(200), Some("m"))
    );
}

#[tokio::test]
async fn one_connection_serves_stream_after_stream() {
    let a = serve(healthy("Hello."));
    let client = over(&[&a], policy(BOTH[0]));
    for _ in 0..5 {
        read(&client).await.end.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((a.hits(), a.connections()), (5, 1));
}
