//! The Responses API: what comes back in pieces.

use std::sync::Arc;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, FinishReason, Sealed, ToolCall};
use backstop_core::{Ask, Error, ErrorKind, Provider, Usage};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::fake::{Fake, events, with};
use crate::responses::{HEALTHY, config};
use crate::streamed::show;
use crate::transport::told;

async fn stream(fake: Fake) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = with(config(), &fake).chat_stream(Ask::new("gpt-x"), &"hello".into()).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

/// A stream of these events, named as the service names them.
fn of(all: &[Value]) -> String {
    let line =
        |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("message"));
    all.iter().map(line).collect()
}

fn created() -> Value {
    json!({ "type": "response.created", "response": { "id": "resp_1", "model": "m-1", "status": "in_progress", "output": [] } })
}

fn delta(text: &str) -> Value {
    json!({ "type": "response.output_text.delta", "output_index": 0, "delta": text })
}

fn completed() -> Value {
    json!({ "type": "response.completed", "response": {
        "id": "resp_1", "model": "m-1", "status": "completed", "output": [],
        "usage": { "input_tokens": 5, "output_tokens": 2 },
    } })
}

fn item(event: &str, place: u32, item: Value) -> Value {
    json!({ "type": format!("response.output_item.{event}"), "output_index": place, "item": item })
}

async fn shown(all: &[Value]) -> String {
    let (told, error) = stream(events(of(all))).await;
    assert!(error.is_none(), "{error:?}");
    told.iter().skip(1).map(show).collect::<Vec<_>>().join(" ")
}

fn collect(told: &[ChatEvent]) -> ChatReply {
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    collector.into_reply()
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let all = [
        created(),
        json!({ "type": "response.in_progress", "response": { "id": "resp_1" } }),
        item("added", 0, json!({ "type": "reasoning", "id": "rs_1", "summary": [] })),
        json!({ "type": "response.reasoning_summary_part.added", "part": { "type": "summary_text", "text": "" } }),
        json!({ "type": "response.reasoning_summary_text.delta", "delta": "hm" }),
        json!({ "type": "response.reasoning_summary_part.added" }),
        json!({ "type": "response.reasoning_summary_text.delta", "delta": "ja" }),
        item(
            "done",
            0,
            json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "hm" }], "encrypted_content": "e1" }),
        ),
        item("added", 1, json!({ "type": "message", "id": "msg_1", "content": [] })),
        json!({ "type": "response.content_part.added", "part": { "type": "output_text", "text": "" } }),
        delta("Be"),
        delta("cause."),
        json!({ "type": "response.output_text.done", "text": "Because." }),
        item(
            "done",
            1,
            json!({ "type": "message", "content": [{ "type": "output_text", "text": "Because." }] }),
        ),
        item("added", 2, json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "" })),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"a\":" }),
        json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "1}" }),
        json!({ "type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"a\":1}" }),
        item(
            "done",
            2,
            json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}" }),
        ),
        completed(),
        delta("nothing after the end"),
    ];
    let (told, error) = stream(events(of(&all))).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(told[0], ChatEvent::opened(Some(200), Some("req_1".to_owned())));
    let expected = r#"start:m-1 … … … (hm) (
 
) (ja) ? "Be" "cause." 0:c1:f: 0:-:-:{"a": 0:-:-:1} 5+2 end:tool_calls"#
        .replace("\n \n", "\n\n");
    assert_eq!(told.iter().skip(1).map(show).collect::<Vec<_>>().join(" "), expected);
    let reply = collect(&told);
    assert_eq!((&*reply.text, reply.reasoning.as_deref()), ("Because.", Some("hm\n\nja")));
    assert_eq!(reply.tool_calls, [ToolCall::new("c1", "f", r#"{"a":1}"#)]);
    assert_eq!((reply.id.as_deref(), reply.usage), (Some("resp_1"), Usage::new(5, 2)));
    let thought = json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": "e1",
        "summary": [{ "type": "summary_text", "text": "hm" }] });
    let sealed = Sealed::new("openai", "gpt-x", json!({ "item": thought, "before": 0 }));
    assert_eq!(reply.sealed, [sealed]);
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    let fake = Arc::new(events(of(&[created(), completed()])));
    drop(with(config(), &fake).chat_stream(Ask::new("gpt-x"), &"hello".into()).await.unwrap());
    let (body, (url, headers)) = (fake.body(), fake.head());
    assert_eq!((&body["stream"], body.get("stream_options")), (&json!(true), None));
    assert_eq!(url, "https://api.openai.com/v1/responses");
    assert_eq!(headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn calls_of_every_form_are_read() {
    let call = |arguments: &str| json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments });
    for (all, expected) in [
        // All at once, with the first event and with the last.
        (vec![item("added", 0, call("{}")), item("done", 0, call("{}"))], "0:c1:f:{}"),
        (vec![item("added", 0, call("")), item("done", 0, call("{}"))], "0:c1:f: 0:-:-:{}"),
        (vec![item("done", 0, call("{}"))], "0:c1:f:{}"),
        // Two at once, and one that nobody announced.
        (
            vec![
                item("added", 4, call("")),
                item("added", 7, json!({ "type": "function_call", "name": "g" })),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 4, "delta": "1" }),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 9, "delta": "lost" }),
                json!({ "type": "response.function_call_arguments.delta", "delta": "2" }),
            ],
            "0:c1:f: 1:call_1:g: 0:-:-:1 1:-:-:2",
        ),
    ] {
        let all: Vec<_> = [created()].into_iter().chain(all).chain([completed()]).collect();
        assert_eq!(shown(&all).await, format!("start:m-1 {expected} 5+2 end:tool_calls"));
    }
}

#[tokio::test]
async fn an_answer_that_is_told_in_the_end_is_told() {
    let whole = |output: Value| json!({ "type": "response.completed", "response": { "id": "resp_1", "model": "m-1", "output": output } });
    let message = json!({ "type": "message", "content": [{ "type": "output_text", "text": "hi" }] });
    let call = json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" });
    assert_eq!(shown(&[whole(json!([message, call]))]).await, r#"start:m-1 "hi" 0:c1:f:{} end:tool_calls"#);
    // Not twice.
    assert_eq!(shown(&[created(), delta("hi"), whole(json!([message]))]).await, r#"start:m-1 "hi" end:stop"#);
    let thought = json!({ "type": "reasoning", "summary": [{ "text": "hm" }], "encrypted_content": "e1" });
    let begun = json!({ "type": "response.reasoning_summary_text.delta", "delta": "hm" });
    let all = [created(), begun, item("done", 0, thought.clone()), whole(json!([thought, message]))];
    assert_eq!(shown(&all).await, r#"start:m-1 (hm) ? "hi" end:stop"#);
    assert_eq!(
        shown(&[created(), whole(json!([]))]).await,
        "start:m-1 end:stop",
        "what is empty is judged elsewhere"
    );
}

#[tokio::test]
async fn a_whole_response_in_place_of_a_stream_is_told_as_if_streamed() {
    for fake in [Fake::new(200, HEALTHY), events(HEALTHY)] {
        let (told, error) = stream(fake).await;
        assert!(error.is_none(), "{error:?}");
        let told: Vec<_> = told.iter().skip(1).map(show).collect();
        assert_eq!(told.join(" "), r#"start:m-1 "hi" end:stop"#);
    }
}

#[tokio::test]
async fn an_answer_that_was_not_finished_says_why() {
    for (reason, finish) in [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("steered", FinishReason::Other("steered".to_owned())),
    ] {
        let end = json!({ "type": "response.incomplete", "response": { "incomplete_details": { "reason": reason } } });
        let (told, error) = stream(events(of(&[created(), delta("hi"), end]))).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(told.last(), Some(&ChatEvent::End(finish)));
    }
}

#[tokio::test]
async fn a_refusal_in_place_of_an_answer_is_an_error_and_beside_one_it_is_text() {
    let refusal = |text: &str| json!({ "type": "response.refusal.delta", "delta": text });
    let (told, error) =
        stream(events(of(&[created(), refusal("I cannot"), refusal(" do that."), completed()]))).await;
    let error = error.unwrap();
    assert_eq!((told.len(), error.kind()), (2, ErrorKind::ContentFilter));
    assert_eq!(error.partial().unwrap().text, "I cannot do that.");
    assert_eq!(error.partial().unwrap().usage, Usage::new(5, 2));
    assert!(!format!("{error:?}").contains("cannot"));

    let in_the_end = json!({ "type": "response.completed", "response": { "output": [
        { "type": "message", "content": [{ "type": "refusal", "refusal": "No." }] }] } });
    let (_, error) = stream(events(of(&[created(), in_the_end]))).await;
    assert_eq!(error.unwrap().partial().unwrap().text, "No.");

    let all = [created(), delta("a"), refusal("No."), delta("b"), completed()];
    assert_eq!(shown(&all).await, r#"start:m-1 "a" "No." "b" 5+2 end:content_filter"#);
    let all = [created(), refusal("No"), delta("a"), completed()];
    assert_eq!(shown(&all).await, r#"start:m-1 "No" "a" 5+2 end:content_filter"#);
}

#[tokio::test]
async fn errors_in_the_stream_are_what_they_say() {
    let failed = |code: &str| json!({ "type": "response.failed", "response": { "status": "failed", "error": { "code": code, "message": "m" } } });
    let flat = |code: &str| json!({ "type": "error", "code": code, "message": "m", "param": null, "sequence_number": 3 });
    for (event, kind) in [
        (failed("rate_limit_exceeded"), ErrorKind::RateLimited),
        (failed("server_error"), ErrorKind::Server),
        (failed("context_length_exceeded"), ErrorKind::ContextLength),
        (failed("something_new"), ErrorKind::Server),
        (flat("insufficient_quota"), ErrorKind::Quota),
        (flat("server_is_overloaded"), ErrorKind::Overloaded),
        (
            json!({ "type": "error", "error": { "code": "invalid_prompt", "message": "m" } }),
            ErrorKind::ContentFilter,
        ),
        (json!({ "error": { "code": "server_error", "message": "m" } }), ErrorKind::Server),
    ] {
        for before in [vec![], vec![created(), delta("hi")]] {
            let told_before = before.len() + 1;
            let all: Vec<_> = before.into_iter().chain([event.clone(), completed()]).collect();
            // With the names of the events and without.
            let named = of(&all);
            let unnamed: String =
                named.lines().filter(|line| !line.starts_with("event")).map(|l| format!("{l}\n")).collect();
            for body in [named, unnamed] {
                let (told, error) = stream(events(body)).await;
                let error = error.unwrap();
                assert_eq!((error.kind(), error.message(), told.len()), (kind, "m", told_before), "{event}");
                assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
                assert_eq!((error.provider(), error.model()), (Some("openai"), Some("gpt-x")));
            }
        }
    }
    let (_, error) = stream(events("event: error\ndata: oops\n\n")).await;
    assert_eq!(error.unwrap().message(), "oops");
    let silent = json!({ "type": "response.failed", "response": {} });
    assert_eq!(stream(events(of(&[silent]))).await.1.unwrap().kind(), ErrorKind::Server);
    let (_, error) = stream(Fake::new(
        200,
        r#"{"status":"failed","error":{"code":"server_is_overloaded","message":"m"}}"#,
    ))
    .await;
    assert_eq!(error.unwrap().kind(), ErrorKind::Overloaded);
}

#[tokio::test]
async fn a_stream_without_its_last_event_is_an_error() {
    for (body, words) in [
        (String::new(), "before its first event"),
        (of(&[created()]), "in mid-answer"),
        (of(&[created(), delta("hi")]), "in mid-answer"),
        (of(&[delta("hi")]), "in mid-answer"),
        (of(&[created(), delta("hi")]) + "data: [DONE]\n\n", "in mid-answer"),
        (of(&[created(), json!({ "type": "response.completed" })]), "holds no response"),
        (of(&[created()]) + "data: nonsense\n\n", "is not JSON"),
        (
            of(&[created(), delta("hi")])
                + "data: {\"type\":\"response.output_text.delta\",\"delta\":\"private",
            "breaks off",
        ),
    ] {
        let (told, error) = stream(events(body)).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::BadReply);
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
        assert!(!told.iter().any(|event| matches!(event, ChatEvent::End(_))));
    }
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_the_same_stream() {
    let all = [
        created(),
        json!({ "type": "response.reasoning_text.delta", "delta": "hm ß" }),
        item("done", 0, json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": "e1" })),
        delta("Grüße 🦊"),
        item("done", 2, json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" })),
        completed(),
    ];
    for body in [of(&all), of(&all).replace('\n', "\r\n"), of(&all[..4])] {
        let cut = async |at: usize| {
            let (head, tail) = body.as_bytes().split_at(at);
            let chunks = [head, tail].map(|piece| Ok(Bytes::copy_from_slice(piece)));
            let (told, error) =
                stream(Fake::chunked(200, chunks).header("content-type", "text/event-stream")).await;
            (told, error.map(|error| format!("{error:?}")))
        };
        let whole = cut(0).await;
        assert!(whole.0.len() > 3);
        for at in 1..=body.len() {
            assert_eq!(cut(at).await, whole, "cut at {at}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_takes_a_plain_text_is_called_like_any_other() {
    let custom =
        |input: &str| json!({ "type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": input });
    let told = shown(&[
        created(),
        item("added", 0, custom("")),
        json!({ "type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "SELECT " }),
        json!({ "type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "1" }),
        json!({ "type": "response.custom_tool_call_input.done", "output_index": 0, "input": "SELECT 1" }),
        item("done", 0, custom("SELECT 1")),
        completed(),
    ])
    .await;
    assert_eq!(told, "start:m-1 0:c1:sql: 0:-:-:SELECT  0:-:-:1 5+2 end:tool_calls");
    let told = shown(&[created(), item("done", 0, custom("SELECT 1")), completed()]).await;
    assert_eq!(told, "start:m-1 0:c1:sql:SELECT 1 5+2 end:tool_calls");
}

#[tokio::test]
async fn what_tells_of_work_is_progress_and_what_keeps_the_connection_is_not() {
    let thought = json!({ "type": "reasoning", "id": "rs_1", "summary": [] });
    let search = json!({ "type": "tool_search_call", "arguments": { "paths": ["a"] } });
    for (event, expected) in [
        (json!({ "type": "response.in_progress", "response": {} }), "… "),
        (item("added", 0, thought.clone()), "… "),
        (item("done", 0, thought), "… "),
        (json!({ "type": "response.reasoning_summary_part.added" }), "… "),
        (json!({ "type": "response.reasoning_summary_text.delta", "delta": "" }), "… "),
        (json!({ "type": "response.reasoning_summary_text.delta", "delta": "hm" }), "(hm) "),
        (item("added", 0, search.clone()), "… "),
        (item("done", 0, search), "… "),
        (json!({ "type": "response.web_search_call.searching" }), "… "),
        (json!({ "type": "response.code_interpreter_call_code.delta", "delta": "1+1" }), "… "),
        (json!({ "type": "response.queued", "response": {} }), ""),
        (json!({ "type": "keepalive" }), ""),
        (json!({ "type": "response.content_part.added" }), ""),
        (item("added", 0, json!({ "type": "message", "content": [] })), ""),
    ] {
        let told = shown(&[created(), event.clone(), delta("hi"), completed()]).await;
        assert_eq!(told, format!(r#"start:m-1 {expected}"hi" 5+2 end:stop"#), "{event}");
    }
}

#[tokio::test]
async fn a_streamed_custom_call_of_a_tool_that_nobody_offered_is_the_services_own() {
    let mut first = created();
    first["response"]["tools"] = json!([{ "type": "x_search" }]);
    let search =
        json!({ "type": "custom_tool_call", "call_id": "x1", "name": "x_keyword_search", "input": "{}" });
    let more = json!({ "type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "{}" });
    let told = shown(&[
        first,
        item("added", 0, search.clone()),
        more,
        item("done", 0, search),
        delta("hi"),
        completed(),
    ])
    .await;
    assert_eq!(told, r#"start:m-1 … … "hi" 5+2 end:stop"#);
}
