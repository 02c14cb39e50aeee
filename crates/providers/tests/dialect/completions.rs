//! Text completion: what is sent, and what comes back.

use std::sync::Arc;

use backstop_core::chat::FinishReason;
use backstop_core::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider, Usage};
use serde_json::json;

use crate::speaker::{Fake, MODEL, config, data, events, speaker, told};

fn whole() -> Fake {
    Fake::new(200, r#"{"choices":[{"text":"on","finish_reason":"stop"}]}"#)
}

fn full() -> CompletionRequest {
    let mut request = CompletionRequest::new("once");
    (request.max_output_tokens, request.temperature, request.top_p) = (Some(9), Some(0.2), Some(0.9));
    (request.stop, request.seed) = (vec!["END".to_owned()], Some(7));
    request
}

async fn complete(kind: &str, fake: Fake) -> Result<CompletionReply, Error> {
    let fake = Arc::new(fake);
    let result = speaker(config(kind), &fake).complete(Ask::new(MODEL), &"once".into()).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

async fn stream(kind: &str, fake: Fake) -> (Vec<CompletionEvent>, Option<Error>) {
    let fake = Arc::new(fake);
    let begun = speaker(config(kind), &fake).complete_stream(Ask::new(MODEL), &"once".into()).await;
    assert_eq!(fake.count(), 1, "one request");
    told(begun).await
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let fake = Arc::new(whole());
    speaker(config("together"), &fake).complete(Ask::new(MODEL), &full()).await.unwrap();
    assert_eq!(fake.head().0, "https://api.together.ai/v1/completions");
    assert_eq!(
        fake.body(),
        json!({ "model": MODEL, "prompt": "once", "max_tokens": 9, "temperature": 0.2, "top_p": 0.9,
            "stop": ["END"], "seed": 7 })
    );
    let fake = Arc::new(whole());
    let plain = CompletionRequest::new("once");
    speaker(config("vllm"), &fake).complete(Ask::new(MODEL), &plain).await.unwrap();
    assert_eq!(fake.body(), json!({ "model": MODEL, "prompt": "once" }));
}

#[tokio::test]
async fn deepseek_fills_the_middle_at_a_path_of_its_own() {
    let fake = Arc::new(whole());
    let mut request = full();
    request.suffix = Some("end".to_owned());
    speaker(config("deepseek"), &fake).complete(Ask::new(MODEL), &request).await.unwrap();
    assert_eq!(fake.head().0, "https://api.deepseek.com/beta/completions");
    let body = fake.body();
    assert_eq!((&body["suffix"], body.get("seed")), (&json!("end"), None));
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    for (kind, options) in [("vllm", Some(json!({ "include_usage": true }))), ("together", None)] {
        let fake = Arc::new(data(&[]));
        drop(speaker(config(kind), &fake).complete_stream(Ask::new(MODEL), &"once".into()).await.unwrap());
        let body = fake.body();
        assert_eq!((&body["stream"], body.get("stream_options")), (&json!(true), options.as_ref()));
    }
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_not_sent() {
    let mut odd = CompletionRequest::new("once");
    odd.temperature = Some(f64::NAN);
    let mut many = CompletionRequest::new("once");
    many.stop = vec![String::new(); 5];
    let mut between = CompletionRequest::new("once");
    between.suffix = Some("end".to_owned());
    for request in [odd, many, between] {
        let fake = Arc::new(whole());
        let error = speaker(config("vllm"), &fake).complete(Ask::new(MODEL), &request).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Unsupported, 0));
        assert_eq!((error.provider(), error.model()), (Some("vllm"), Some(MODEL)));
    }
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("stream".to_owned(), json!(true));
    let fake = Arc::new(whole());
    let ask = Ask::new(MODEL).with_overrides(&overrides);
    let error = speaker(config("vllm"), &fake).complete(ask, &"once".into()).await.unwrap_err();
    assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 0));
}

#[tokio::test]
async fn a_whole_continuation_is_read() {
    let body = r#"{"id":"cmpl-1","object":"text_completion","model":"m-1","choices":[{"index":0,"text":" upon","logprobs":null,
        "finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let reply = complete("vllm", Fake::new(200, body)).await.unwrap();
    let mut expected = CompletionReply::text(" upon");
    (expected.finish, expected.usage) = (FinishReason::Length, Usage::new(1, 2));
    (expected.model, expected.request_id) = (Some("m-1".to_owned()), Some("req_1".to_owned()));
    expected.status = Some(200);
    assert_eq!(reply, expected);
}

#[tokio::test]
async fn nothing_is_a_continuation_too() {
    for text in [r#""""#, "null"] {
        let body = format!(r#"{{"choices":[{{"text":{text},"finish_reason":"stop"}}]}}"#);
        assert_eq!(complete("vllm", Fake::new(200, body)).await.unwrap().text, "");
    }
    let (told, error) = stream("vllm", data(&[r#"{"choices":[{"text":"","finish_reason":"stop"}]}"#])).await;
    assert!(error.is_none());
    assert_eq!(told, [opened(), CompletionEvent::End(FinishReason::Stop)]);
}

#[tokio::test]
async fn what_is_no_continuation_says_so() {
    for (kind, body, failed) in [
        ("vllm", r#"{"choices":[]}"#, ErrorKind::BadReply),
        ("vllm", "{}", ErrorKind::BadReply),
        ("vllm", "[]", ErrorKind::BadReply),
        (
            "vllm",
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            ErrorKind::BadRequest,
        ),
        ("together", r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#, ErrorKind::RateLimited),
        ("fireworks", r#"{"choices":[{"text":"half","finish_reason":"error"}]}"#, ErrorKind::Server),
        (
            "vllm",
            r#"{"choices":[{"text":"half","finish_reason":"content_filter"}]}"#,
            ErrorKind::ContentFilter,
        ),
    ] {
        let error = complete(kind, Fake::new(200, body)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status(), error.provider()),
            (failed, Some(200), Some(kind)),
            "{body}"
        );
        let partial = error.partial().map(|partial| &*partial.text);
        assert_eq!(partial, body.contains("half").then_some("half"));
        assert!(!format!("{error:?}").contains("half"));
    }
    let error = complete("llama_cpp", Fake::new(413, "")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength);
}

fn opened() -> CompletionEvent {
    CompletionEvent::opened(Some(200), Some("req_1".to_owned()))
}

#[tokio::test]
async fn a_stream_says_who_answers_once_that_is_known() {
    let named = r#"{"model":"m-1","choices":[{"text":"on"}]}"#;
    let end = r#"{"model":"m-1","choices":[{"text":"","finish_reason":"stop"}]}"#;
    let whole = r#"{"model":"m-1","choices":[{"text":"on","finish_reason":"stop"}]}"#;
    for fake in [data(&[named, end]), Fake::new(200, whole)] {
        let (told, error) = stream("vllm", fake).await;
        assert!(error.is_none(), "{error:?}");
        let start = CompletionEvent::start(Some("m-1".to_owned()));
        let text = CompletionEvent::Text("on".to_owned());
        assert_eq!(told, [opened(), start, text, CompletionEvent::End(FinishReason::Stop)]);
    }
}

#[tokio::test]
async fn a_stream_is_whole_once_that_is_said() {
    let on = r#"{"choices":[{"index":0,"text":"on","finish_reason":null}],"usage":null}"#;
    let other = r#"{"choices":[{"index":1,"text":"other"}]}"#;
    let end = r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#;
    let counted = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let text = || CompletionEvent::Text("on".to_owned());
    let usage = || CompletionEvent::Usage(Usage::new(1, 2));
    for (fake, expected) in [
        (data(&[on, other, end, counted]), vec![text(), usage(), CompletionEvent::End(FinishReason::Length)]),
        (data(&[on]), vec![text(), CompletionEvent::End(FinishReason::Stop)]),
        (
            events(format!(": hello\n\ndata: {on}\n\ndata:\n\ndata: {end}\n\n")),
            vec![text(), CompletionEvent::End(FinishReason::Length)],
        ),
        (
            Fake::new(
                200,
                r#"{"choices":[{"text":"on","finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
            ),
            vec![text(), usage(), CompletionEvent::End(FinishReason::Length)],
        ),
    ] {
        let (told, error) = stream("vllm", fake).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(told, [vec![opened()], expected].concat());
    }
}

#[tokio::test]
async fn a_stream_that_is_not_whole_is_an_error() {
    let on = r#"data: {"choices":[{"text":"on"}]}"#;
    for (body, failed, words) in [
        (format!("{on}\n\n"), ErrorKind::BadReply, "in mid-answer"),
        (String::new(), ErrorKind::BadReply, "before its first event"),
        ("data: [DONE]\n\n".to_owned(), ErrorKind::BadReply, "held no answer"),
        (format!("{on}\n\ndata: nonsense\n\n"), ErrorKind::BadReply, "is not JSON"),
        (
            format!("{on}\n\ndata: {{\"error\":{{\"message\":\"busy\",\"code\":503}}}}\n\n"),
            ErrorKind::Overloaded,
            "busy",
        ),
        (format!("{on}\n\nevent: error\ndata: busy\n\n"), ErrorKind::Server, "busy"),
        ("{\"error\":{\"message\":\"busy\",\"code\":503}}".to_owned(), ErrorKind::Overloaded, "busy"),
    ] {
        let (_, error) = stream("vllm", events(body)).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), error.provider()), (failed, Some("vllm")), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
