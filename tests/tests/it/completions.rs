//! Text completion, in one piece and in pieces, over providers that have it and providers that have not.

use backstop::blocking;
use backstop::core::Overrides;
use backstop::core::completion::CompletionRequest;
use backstop::core::fallback::{AfterCommit, Policy};
use backstop::{Answer, AnswerStream, ChatReply, Error, ErrorKind, FinishReason, StreamEvent};
use backstop_testkit::FakeProvider;
use backstop_testkit::server::openai::{self, continuation_events, continuation_piece};
use backstop_testkit::server::{RawServer, Recipe, Script, SseEnding, SseEvent};
use backstop_tests::{Capture, LATE, SOON, Server, answers, builder, hits, last, over, over_with, rows};
use serde_json::json;

const PROMPT: &str = "once upon a time";

fn streams(text: &str) -> RawServer {
    RawServer::start([Script::sse(continuation_events(text, 3, 2), SseEnding::Clean)])
}

/// Pieces of a continuation, and then nothing, in this way.
fn breaks(pieces: &[&str], ending: SseEnding) -> RawServer {
    let pieces = pieces.iter().map(|text| continuation_piece(text, None));
    RawServer::start([Script::sse(pieces, ending)])
}

/// What a caller sees of a stream, and what it came to.
async fn read(mut stream: AnswerStream) -> (String, Result<Answer<ChatReply>, Error>) {
    let mut seen = String::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(StreamEvent::End(answer)) => return (seen, Ok(*answer)),
            Ok(event) => show(&event, &mut seen),
            Err(error) => return (seen, Err(error)),
        }
    }
    panic!("a stream ends with an end or with an error, after {seen}")
}

fn show(event: &StreamEvent, seen: &mut String) {
    match event {
        StreamEvent::Start { target, .. } => seen.push_str(&format!("<{target}>")),
        StreamEvent::Reset { target, .. } => seen.push_str(&format!("<reset {target}>")),
        StreamEvent::Text(text) => seen.push_str(text),
        StreamEvent::Usage(_) => {}
        event => panic!("{event:?} is no piece of a text"),
    }
}

fn no_comeback(policy: &mut Policy) {
    policy.comebacks = Some(0);
}

#[tokio::test]
async fn a_completion_falls_over_and_is_asked_for_at_its_own_path() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(Recipe::continuation(" there was")).await);
    let answer = over(&[&a, &b]).complete(PROMPT).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target(), hits(&[&a, &b])), (" there was", "b/m", vec![1, 1]));
    assert_eq!((answer.finish.clone(), answer.usage.input_tokens), (FinishReason::Stop, Some(3)));
    assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
    for server in [&a, &b] {
        assert_eq!(server.requests()[0].path, "/v1/completions");
        assert_eq!(server.bodies()[0], json!({ "model": "m", "prompt": PROMPT }));
    }
}

#[tokio::test]
async fn targets_that_only_chat_are_skipped_with_the_reason_and_are_sent_nothing() {
    let chat = FakeProvider::new("chat").replies("hello");
    let (a, b) = (answers(Recipe::continuation(" there was")).await, streams(" there was"));
    let client = |server: &dyn Server| {
        let builder = builder(&[server]).provider(chat.clone());
        builder.target("chat/m").target("a/m").build().unwrap()
    };
    let answer = client(&a).complete(PROMPT).await.unwrap();
    assert_eq!(rows(answer.trail()), ["chat/m unsupported - skipped", "a/m - 200 delivered"]);
    assert_eq!(answer.trail().steps()[0].message.as_deref(), Some("has no text completion"));
    let streamed = client(&b).complete_stream(PROMPT).unwrap().collect().await.unwrap();
    assert_eq!(rows(streamed.trail()), ["chat/m unsupported - skipped", "a/m - 200 delivered"]);
    assert_eq!(streamed.trail().steps()[0].message.as_deref(), Some("has no streamed text completion"));
    assert_eq!((answer.text.as_str(), streamed.text.as_str(), chat.calls()), (" there was", " there was", 0));

    let alone = builder(&[]).provider(chat.clone()).target("chat/m").build().unwrap();
    let error = alone.complete(PROMPT).await.unwrap_err();
    assert_eq!(error.to_string(), "the only target failed: chat/m has no text completion");
    let error = alone.complete_stream(PROMPT).unwrap().collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the only target failed: chat/m has no streamed text completion");
    assert_eq!(chat.calls(), 0);
}

#[tokio::test]
async fn targets_that_cannot_fill_a_gap_are_skipped_where_there_is_one() {
    let a = answers(Recipe::continuation(" there was ")).await;
    let mut able = backstop::Capabilities::default();
    able.complete = true;
    let plain = FakeProvider::new("plain").with_capabilities(able);
    let client = builder(&[&a]).provider(plain.clone()).target("plain/m").target("a/m").build().unwrap();
    let mut request = CompletionRequest::new("once");
    request.suffix = Some("a king".to_owned());
    let answer = client.complete(request).await.unwrap();
    assert_eq!(rows(answer.trail()), ["plain/m unsupported - skipped", "a/m - 200 delivered"]);
    assert_eq!(a.bodies()[0]["suffix"], "a king");
    assert_eq!(plain.calls(), 0);
}

#[tokio::test]
async fn before_its_first_text_a_streamed_completion_falls_over_unseen() {
    let b = streams(" there was a king");
    let error = SseEvent::from(openai::error("too busy", "server_error", None, None));
    for (script, row) in [
        (Script::sse([error], SseEnding::Clean), "a/m server 200 next_target"),
        (Script::sse([SseEvent::comment("hello")], SseEnding::Cut), "a/m bad_reply 200 next_target"),
        (Script::sse([continuation_piece("", None)], SseEnding::Cut), "a/m bad_reply 200 next_target"),
        (Recipe::server_error().into(), "a/m server 500 next_target"),
        (Recipe::unauthorized().into(), "a/m auth 401 next_target"),
    ] {
        let a = RawServer::start([script]);
        let stream = over_with(&[&a, &b], no_comeback).complete_stream(PROMPT).unwrap();
        let (seen, end) = read(stream).await;
        let answer = end.unwrap();
        assert_eq!(seen, "<b/m> there was a king", "{row}");
        assert_eq!((answer.text.as_str(), a.hits()), (" there was a king", 1));
        assert_eq!((answer.usage.output_tokens, answer.model.as_deref()), (Some(2), Some(openai::MODEL)));
        assert_eq!(rows(answer.trail()), [row, "b/m - 200 delivered"]);
    }
    let sent = b.requests()[0].clone();
    assert_eq!((sent.path.as_str(), &sent.json()["stream"]), ("/v1/completions", &json!(true)));
}

#[tokio::test]
async fn after_its_first_text_a_streamed_completion_that_breaks_off_asks_nobody_else() {
    for (ending, row) in
        [(SseEnding::Cut, "a/m interrupted 200 stopped"), (SseEnding::Reset, "a/m interrupted 200 stopped")]
    {
        let (a, b) = (breaks(&[" there", " was"], ending), streams(" never"));
        let (seen, end) = read(over(&[&a, &b]).complete_stream(PROMPT).unwrap()).await;
        let error = end.unwrap_err();
        assert_eq!((seen.as_str(), hits(&[&a, &b])), ("<a/m> there was", vec![1, 0]));
        assert_eq!((error.kind(), rows(error.trail())), (ErrorKind::Interrupted, vec![row.to_owned()]));
        assert_eq!(error.partial().unwrap().text, " there was");
    }
}

#[tokio::test]
async fn a_streamed_completion_begins_anew_where_its_route_says_so_and_the_caller_is_told() {
    let (a, b) = (breaks(&[" there"], SseEnding::Cut), streams(" lived a king"));
    let client = over_with(&[&a, &b], |policy| {
        policy.after_commit = AfterCommit::Restart;
        no_comeback(policy);
    });
    let (seen, end) = read(client.complete_stream(PROMPT).unwrap()).await;
    let answer = end.unwrap();
    assert_eq!(seen, "<a/m> there<reset b/m> lived a king");
    assert_eq!(answer.text, " lived a king");
    assert_eq!(rows(answer.trail()), ["a/m interrupted 200 next_target", "b/m - 200 delivered"]);
}

#[tokio::test]
async fn a_model_that_has_nothing_to_add_has_answered() {
    let (a, b) = (answers(Recipe::continuation("")).await, streams(""));
    let answer = over(&[&a]).complete(PROMPT).await.unwrap();
    assert_eq!((answer.text.as_str(), rows(answer.trail())), ("", vec!["a/m - 200 delivered".to_owned()]));
    let (_, end) = read(over(&[&b]).complete_stream(PROMPT).unwrap()).await;
    let answer = end.unwrap();
    assert_eq!((answer.text.as_str(), rows(answer.trail())), ("", vec!["a/m - 200 delivered".to_owned()]));
}

#[tokio::test]
async fn a_filter_that_lets_nothing_through_is_no_answer_streamed_or_not() {
    let withheld = continuation_piece("", Some("content_filter"));
    let a = RawServer::start([
        Script::from(last(Recipe::status(200, withheld.to_string()))),
        Script::sse([SseEvent::from(withheld), SseEvent::done()], SseEnding::Clean),
    ]);
    let b = RawServer::start([
        Script::from(last(Recipe::continuation(" there was"))),
        Script::sse(continuation_events(" there was", 3, 2), SseEnding::Clean),
    ]);
    let client = over(&[&a, &b]);
    let whole = client.complete(PROMPT).await.unwrap();
    let streamed = client.complete_stream(PROMPT).unwrap().collect().await.unwrap();
    for trail in [whole.trail(), streamed.trail()] {
        assert_eq!(rows(trail), ["a/m content_filter 200 next_target", "b/m - 200 delivered"]);
    }
}

#[tokio::test]
async fn the_overrides_of_a_target_arrive_in_its_completion_and_in_no_other() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(Recipe::continuation(" x")).await);
    let mut overrides = Overrides::default();
    overrides.temperature = Some(0.25);
    overrides.max_output_tokens = Some(7);
    overrides.stop = Some(vec!["END".to_owned()]);
    overrides.seed = Some(3);
    overrides.extra_body.insert("best_of".to_owned(), json!(2));
    let client = builder(&[&a, &b]).target_with("a/m", overrides).target("b/m").build().unwrap();
    client.complete(PROMPT).await.unwrap();
    assert_eq!(
        a.bodies()[0],
        json!({
            "model": "m", "prompt": PROMPT, "temperature": 0.25, "max_tokens": 7, "stop": ["END"], "seed": 3, "best_of": 2,
        })
    );
    assert_eq!(b.bodies()[0], json!({ "model": "m", "prompt": PROMPT }));
}

#[tokio::test]
async fn dropping_a_completion_closes_its_connection_streamed_or_not() {
    let a = RawServer::start([Script::silent()]);
    let client = over(&[&a]);
    let call = tokio::spawn(async move { client.complete(PROMPT).await });
    assert!(a.wait_for_hits(1, LATE).await);
    call.abort();
    assert!(a.wait_until_closed(SOON).await);

    let b = breaks(&[" there"], SseEnding::Stall);
    let mut stream = over(&[&b]).complete_stream(PROMPT).unwrap();
    let begun = stream.next().await.unwrap().unwrap();
    assert!(matches!(begun, StreamEvent::Start { .. }), "{begun:?}");
    drop(stream);
    assert!(b.wait_until_closed(SOON).await);
    assert_eq!((a.hits(), b.hits()), (1, 1));
}

#[tokio::test]
async fn the_log_of_a_completion_says_what_it_is_streamed_or_not() {
    let capture = Capture::on_this_thread();
    let (a, b) = (answers(Recipe::continuation(" x")).await, streams(" x"));
    over(&[&a]).complete(PROMPT).await.unwrap();
    over(&[&b]).complete_stream(PROMPT).unwrap().collect().await.unwrap();
    let lines = capture.lines();
    let spans: Vec<_> = lines.iter().filter(|line| line.is_ours() && line.is_span).collect();
    assert_eq!(spans.len(), 2, "{spans:?}");
    for span in spans {
        assert!(span.text.contains("operation=complete "), "{span:?}");
    }
    assert!(!lines.iter().any(|line| line.text.contains(PROMPT)));
}

fn blocking_over(servers: &[&dyn Server]) -> blocking::Backstop {
    blocking::Backstop::new(over_with(servers, no_comeback)).unwrap()
}

#[test]
fn a_blocking_completion_falls_over_streamed_or_not() {
    let a = RawServer::start([Recipe::server_error()]);
    let b = RawServer::start([
        Script::from(last(Recipe::continuation(" there was"))),
        Script::sse(continuation_events(" there was", 3, 2), SseEnding::Clean),
    ]);
    let client = blocking_over(&[&a, &b]);
    let answer = client.complete(PROMPT).unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), (" there was", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
    let mut seen = String::new();
    let mut end = None;
    for event in client.complete_stream(PROMPT).unwrap() {
        match event.unwrap() {
            StreamEvent::End(answer) => end = Some(answer),
            event => show(&event, &mut seen),
        }
    }
    assert_eq!((seen.as_str(), end.unwrap().text.as_str()), ("<b/m> there was", " there was"));
    assert_eq!(hits(&[&a, &b]), [2, 2]);
}

#[test]
fn a_blocking_streamed_completion_that_breaks_off_says_what_had_arrived() {
    let (a, b) = (breaks(&[" there"], SseEnding::Cut), streams(" never"));
    let events: Vec<_> = blocking_over(&[&a, &b]).complete_stream(PROMPT).unwrap().collect();
    let error = events.into_iter().next_back().unwrap().unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Interrupted, vec![1, 0]));
    assert_eq!(error.partial().unwrap().text, " there");
}
