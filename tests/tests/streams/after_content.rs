//! After the first content a fault is told: it ends the answer, or another target begins anew.

use backstop::core::fallback::AfterCommit;
use backstop::{ErrorKind, Usage};
use backstop_testkit::server::{Recipe, Script, SseEnding, SseEvent};
use serde_json::json;

use crate::scene::{
    BOTH, error_event, healthy, impatient, over, policy, read, role, serve, settled, text, usage,
};

/// The name of a fault, how a stream with it goes on after its first words, and the phase in the trail.
fn faults() -> Vec<(&'static str, Vec<SseEvent>, SseEnding, &'static str)> {
    let long = SseEvent::raw([b"data: ".as_slice(), &vec![b'a'; 9 << 20], b"\n\n"].concat());
    vec![
        ("cut", vec![], SseEnding::Cut, "-"),
        ("cut in an event", vec![SseEvent::raw("data: {\"choi")], SseEnding::Cut, "-"),
        ("end without a marker", vec![], SseEnding::Clean, "-"),
        ("end in an event", vec![SseEvent::raw("data: {\"choi")], SseEnding::Clean, "-"),
        ("reset", vec![], SseEnding::Reset, "-"),
        ("malformed event", vec!["{\"choices\"".into()], SseEnding::Stall, "-"),
        ("event of another form", vec![json!({ "choices": 7 }).into()], SseEnding::Stall, "-"),
        ("error event", vec![error_event("server_error", None)], SseEnding::Stall, "-"),
        ("quota in the middle", vec![error_event("x", Some("insufficient_quota"))], SseEnding::Clean, "-"),
        ("named error", vec![SseEvent::named("error", "out of memory")], SseEnding::Clean, "-"),
        ("silence", vec![], SseEnding::Stall, "idle"),
        ("keep-alive and no more", vec![SseEvent::comment("keep-alive"), role()], SseEnding::Stall, "idle"),
        ("an event without bound", vec![long], SseEnding::Stall, "-"),
    ]
}

fn broken(more: Vec<SseEvent>, ending: SseEnding) -> Script {
    Script::sse([role(), text("The "), usage(), text("sky")].into_iter().chain(more), ending)
}

const BROKEN: &str = "<a/m>The [5+2]sky";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_ends_the_answer_with_what_had_arrived() {
    let mut scenes = Vec::new();
    for (name, more, ending, phase) in faults() {
        scenes.push(tokio::spawn(async move {
            let (a, b) = (serve(broken(more, ending)), serve(healthy("Blue.")));
            let over = if phase == "idle" { impatient } else { over };
            let client = over(&[&a, &b], policy(AfterCommit::Stop));
            let seen = read(&client).await;
            assert_eq!(seen.events, BROKEN, "{name}");
            assert_eq!(seen.steps(), [format!("a/m interrupted {phase} 200 stopped")], "{name}");
            let error = seen.end.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{name}");
            let partial = error.partial().unwrap();
            assert_eq!((&*partial.text, partial.usage), ("The sky", Usage::new(5, 2)), "{name}");
            assert!(!format!("{error} {error:?}").contains("The sky"), "{error:?}");
            settled(client, &[(&a, 1), (&b, 0)]).await;
        }));
    }
    for scene in scenes {
        scene.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_begins_anew_and_says_so_with_the_first_content() {
    let mut scenes = Vec::new();
    for (name, more, ending, phase) in faults() {
        scenes.push(tokio::spawn(async move {
            let (a, b) = (serve(broken(more, ending)), serve(healthy("Blue it is.")));
            let over = if phase == "idle" { impatient } else { over };
            let client = over(&[&a, &b], policy(AfterCommit::Restart));
            let seen = read(&client).await;
            assert_eq!(seen.events, format!("{BROKEN}<reset b/m>Blue it is.[9+12]"), "{name}");
            assert_eq!(
                seen.steps(),
                [format!("a/m interrupted {phase} 200 next_target"), "b/m - - 200 delivered".to_owned()],
                "{name}"
            );
            let answer = seen.end.unwrap();
            assert_eq!(
                (&*answer.text, answer.target(), answer.usage),
                ("Blue it is.", "b/m", Usage::new(9, 12))
            );
            settled(client, &[(&a, 1), (&b, 1)]).await;
        }));
    }
    for scene in scenes {
        scene.await.unwrap();
    }
}

#[tokio::test]
async fn the_partial_answer_survives_when_every_later_target_fails() {
    for second in [
        Recipe::unauthorized().into(),
        Script::sse([role()], SseEnding::Cut),
        Script::sse([error_event("server_error", None)], SseEnding::Clean),
    ] {
        let (a, b) = (serve(broken(vec![], SseEnding::Cut)), serve(second));
        let client = over(&[&a, &b], policy(AfterCommit::Restart));
        let seen = read(&client).await;
        assert_eq!(seen.events, BROKEN, "no reset without content");
        let error = seen.end.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert_eq!(error.partial().unwrap().text, "The sky");
        settled(client, &[(&a, 1), (&b, 1)]).await;
    }
}

#[tokio::test]
async fn a_restart_that_breaks_off_restarts_again_and_nothing_of_two_attempts_is_joined() {
    let a = serve(broken(vec![], SseEnding::Cut));
    let b = serve(Script::sse([text("Blue, "), text("be")], SseEnding::Reset));
    let c = serve(healthy("It scatters."));
    let client = over(&[&a, &b, &c], policy(AfterCommit::Restart));
    let seen = read(&client).await;
    assert_eq!(seen.events, format!("{BROKEN}<reset b/m>Blue, be<reset c/m>It scatters.[9+12]"));
    assert_eq!(seen.end.unwrap().text, "It scatters.");
    settled(client, &[(&a, 1), (&b, 1), (&c, 1)]).await;
}

#[tokio::test]
async fn an_answer_that_is_whole_is_delivered_whatever_comes_after() {
    let finish = || json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] }).into();
    let filter = || json!({ "choices": [{ "delta": {}, "finish_reason": "content_filter" }] }).into();
    for after_commit in BOTH {
        for (tail, ending, reason) in [
            (vec![finish(), SseEvent::done()], SseEnding::Stall, "length"),
            (vec![finish(), SseEvent::done()], SseEnding::Reset, "length"),
            (vec![finish(), SseEvent::done(), error_event("x", None)], SseEnding::Cut, "length"),
            (vec![finish()], SseEnding::Clean, "length"),
            (vec![SseEvent::done()], SseEnding::Clean, "stop"),
            (vec![filter(), SseEvent::done()], SseEnding::Clean, "content_filter"),
        ] {
            let a = serve(Script::sse([text("The sky")].into_iter().chain(tail), ending));
            let client = over(&[&a], policy(after_commit));
            let seen = read(&client).await;
            assert_eq!(
                (&*seen.events, seen.steps()),
                ("<a/m>The sky", vec!["a/m - - 200 delivered".to_owned()])
            );
            assert_eq!(seen.end.unwrap().finish.name(), reason);
            settled(client, &[(&a, 1)]).await;
        }
    }
}
