//! What a call says while it runs: enough to understand it, and no prompt, answer or key at any level.

use backstop_testkit::server::{Recipe, RetryHint};
use backstop_tests::{Capture, Line, answers, builder, key_of, over, rows};
use tracing::Level;

const PROMPT: &str = "prompt-a2c49e";
const SYSTEM: &str = "system-a2c49e";
const ANSWER: &str = "answer-a2c49e";
const WITHHELD: &str = "withheld-a2c49e";

fn decisions(lines: &[Line]) -> Vec<&Line> {
    lines.iter().filter(|line| line.is_ours() && line.text.contains("verdict=")).collect()
}

#[tokio::test]
async fn no_prompt_no_answer_and_no_key_is_in_any_line_at_any_level() {
    let capture = Capture::on_this_thread();
    let repeated = format!("Incorrect API key provided: {}.", key_of("a"));
    let a =
        answers(Recipe::error(401, "invalid_request_error", Some("invalid_api_key"), None, &repeated)).await;
    let b = answers(Recipe::rate_limited(RetryHint::Seconds(60))).await;
    let c = answers(Recipe::content_filter(WITHHELD)).await;
    let d = answers(Recipe::healthy(ANSWER)).await;
    let request = backstop::ChatRequest::user(PROMPT).with_system(SYSTEM);
    let client = over(&[&a, &b, &c, &d]);
    let answer = client.chat(request.clone()).await.expect("d answers");
    let error = over(&[&a, &c]).chat(request).await.expect_err("nobody is left");
    assert_eq!(answer.text, ANSWER);

    let lines = capture.lines();
    assert!(!decisions(&lines).is_empty());
    let keys = ["a", "b", "c", "d"].map(key_of);
    let private = [PROMPT, SYSTEM, ANSWER, WITHHELD].into_iter().chain(keys.iter().map(String::as_str));
    for word in private {
        let found: Vec<_> = lines.iter().filter(|line| line.text.contains(word)).collect();
        assert!(found.is_empty(), "{word} in {found:?}");
        let shown = format!("{error} {error:?} {client:?} {:?}", answer.trail());
        assert!(!shown.contains(word), "{word} in {shown}");
    }
}

#[tokio::test]
async fn a_call_is_one_span_and_every_decision_one_event_with_its_reason() {
    let capture = Capture::on_this_thread();
    let a = answers(Recipe::server_error()).await;
    let b = answers(Recipe::rate_limited(RetryHint::None)).await;
    let c = answers(Recipe::healthy(ANSWER)).await;
    let client = over(&[&a, &b, &c]);
    let first = client.chat("hi").await.expect("c answers");
    let second = client.chat("hi").await.expect("c answers");

    let lines = capture.lines();
    let spans: Vec<_> = lines.iter().filter(|line| line.is_ours() && line.is_span).collect();
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(spans.iter().all(|span| span.text.contains("operation=chat route=default")), "{spans:?}");

    let steps: Vec<_> = first.trail().steps().iter().chain(second.trail().steps()).collect();
    assert_eq!(rows(second.trail())[1], "b/m rate_limited - skipped");
    let decisions = decisions(&lines);
    assert_eq!(decisions.len(), steps.len(), "{decisions:?}");
    for (line, step) in decisions.iter().zip(steps) {
        let said = |what: String| assert!(line.text.contains(&what), "{what} in {line:?}");
        said(format!("llm_target={}", step.target));
        said(format!("verdict={}", step.verdict));
        if let Some(kind) = step.kind {
            said(format!("kind={kind}"));
            // What a provider said is for the caller; the log has the reason in our own words.
            let ours = step.message.as_deref().filter(|_| step.status.is_none());
            said(format!("reason={}", ours.unwrap_or(kind.words())));
        }
    }
}

#[tokio::test]
async fn a_refused_key_is_one_warning_a_cooldown_and_not_one_a_call() {
    let capture = Capture::on_this_thread();
    let (a, b) = (answers(Recipe::unauthorized()).await, answers(Recipe::healthy(ANSWER)).await);
    let client = builder(&[&a, &b]).target("a/x").target("a/y").target("b/m").build().expect("a client");
    // Some of these set out before the key is known to be refused.
    let calls: Vec<_> = (0..10)
        .map(|_| client.clone())
        .map(|client| tokio::spawn(async move { client.chat("hi").await.map(|_| ()) }))
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("b answers");
    }
    client.chat("hi").await.expect("b answers");
    let lines = capture.lines();
    let loud: Vec<_> = lines.iter().filter(|line| line.is_ours() && line.level <= Level::WARN).collect();
    assert_eq!(loud.len(), 1, "{loud:?}");
    assert!(loud[0].level == Level::WARN && loud[0].text.contains("kind=auth"), "{loud:?}");
    assert_eq!(b.hits(), 11);
}

#[tokio::test]
async fn what_heals_by_itself_is_no_warning() {
    let capture = Capture::on_this_thread();
    let a = answers(Recipe::rate_limited(RetryHint::Seconds(60))).await;
    let (b, c) = (answers(Recipe::server_error()).await, answers(Recipe::healthy(ANSWER)).await);
    over(&[&a, &b, &c]).chat("hi").await.expect("c answers");
    let lines = capture.lines();
    assert!(!lines.iter().any(|line| line.is_ours() && line.level <= Level::WARN), "{lines:?}");
}

/// What formatters write by themselves: a field of ours of that name would stand in a line of JSON twice.
const RESERVED: &[&str] = &[
    "timestamp",
    "level",
    "target",
    "name",
    "span",
    "spans",
    "fields",
    "filename",
    "line_number",
    "threadName",
    "threadId",
];

#[tokio::test]
async fn every_line_has_each_field_once_under_a_name_that_no_formatter_uses_and_the_docs_know_it() {
    let capture = Capture::on_this_thread();
    let a = answers(Recipe::unauthorized()).await;
    let b = answers(Recipe::server_error()).await;
    let c = answers(Recipe::healthy(ANSWER)).await;
    over(&[&a, &b, &c]).chat("hi").await.expect("c answers");
    over(&[&b]).chat("hi").await.expect_err("nobody is left");

    let lines = capture.lines();
    let ours: Vec<&Line> = lines.iter().filter(|line| line.is_ours()).collect();
    for said in
        ["backstop.call", "asking", "verdict=delivered", "decided", "target needs attention", "call failed"]
    {
        assert!(ours.iter().any(|line| line.text.contains(said)), "nothing says {said}: {ours:?}");
    }
    let page = include_str!("../../../docs/ERRORS.md");
    for line in ours {
        for (at, field) in line.fields.iter().enumerate() {
            let again = line.fields.iter().skip(at + 1).any(|other| other == field);
            assert!(!again, "`{field}` stands twice in {line:?}");
            assert!(!RESERVED.contains(field), "`{field}` is the formatter's own: {line:?}");
            // The words of an event, which every formatter knows under this name.
            let documented = *field == "message" || page.contains(&format!("| `{field}` |"));
            assert!(documented, "docs/ERRORS.md has no row for `{field}` of {line:?}");
        }
        assert!(!(line.is_span && line.fields.contains(&"message")), "{line:?}");
    }
}

// What a provider said is told to the caller, whose prompt it may quote, and to nobody else.
#[tokio::test]
async fn a_prompt_that_a_server_repeats_in_its_refusal_is_in_no_line() {
    let capture = Capture::on_this_thread();
    let message = format!("Invalid value: '{PROMPT}'.");
    let a = answers(Recipe::error(400, "invalid_request_error", None, Some("messages"), &message)).await;
    let error = over(&[&a]).chat(PROMPT).await.expect_err("refused");
    assert!(error.trail().to_string().contains(PROMPT), "the caller is told why: {error}");
    assert!(!capture.lines().iter().any(|line| line.text.contains(PROMPT)));
}
