//! What goes wrong in a stream.

use backstop_core::ErrorKind;
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::fake::{Fake, KEY, events, stream};
use crate::streamed::{delta, finish, is_ours, of, shown};

#[tokio::test]
async fn an_answer_is_not_whole_before_that_is_said() {
    let hi = delta(r#"{"content":"private"}"#);
    for (data, words) in [
        (vec![], "ended before its first event"),
        (vec!["{}"], "ended before its first event"),
        (vec!["[DONE]"], "held no answer"),
        (vec![r#"{"choices":[]}"#, "[DONE]"], "held no answer"),
        (vec![&*hi], "in mid-answer"),
        (vec![&*hi, r#"{"choices":[{"delta":{"content":"private"#], "breaks off"),
        (vec![&*hi, r#"{"choices":"private"}"#], "another form than documented at `choices`"),
        (vec![&*hi, "private"], "is not JSON"),
        (vec![&*hi, "null"], "another form"),
        (vec![&*hi, "[1]"], "another form"),
    ] {
        let (_, error) = stream(of(&data)).await;
        let error = error.unwrap();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
        assert!(error.facts().counted, "{shown}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_after_what_came_before() {
    for (fault, kind) in [
        (Fault::Reset, ErrorKind::BadReply),
        (Fault::Truncated, ErrorKind::BadReply),
        (Fault::TimedOut, ErrorKind::Timeout),
    ] {
        let body =
            format!("data: {}\n\ndata: {}\n\ndata: [DONE]", delta(r#"{"content":"Hi"}"#), finish("stop"));
        let chunks = [Ok(Bytes::from(body)), Err(TransportError::new(fault))];
        let (told, error) = stream(Fake::chunked(200, chunks)).await;
        assert_eq!(shown(&told), r#"start:m "Hi""#);
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        is_ours(&error);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says() {
    let rows = [
        (
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            ErrorKind::Quota,
        ),
        (r#"{"error":{"message":"busy","type":"server_error","code":null}}"#, ErrorKind::Server),
        (
            r#"{"error":{"message":"slow","type":"tokens","code":"rate_limit_exceeded"}}"#,
            ErrorKind::RateLimited,
        ),
        (r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#, ErrorKind::RateLimited),
        (r#"{"error":{"message":"busy","type":"overloaded_error"}}"#, ErrorKind::Overloaded),
        (
            r#"{"error":{"message":"upstream","code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            ErrorKind::Server,
        ),
        (r#"{"error":{"message":"upstream","code":"429"}}"#, ErrorKind::RateLimited),
        (
            r#"{"error":{"message":"This model's maximum context length is 10 tokens","code":400}}"#,
            ErrorKind::ContextLength,
        ),
        (r#"{"error":"out of memory"}"#, ErrorKind::Server),
        (r#"{"object":"error","message":"bad","type":"BadRequestError","code":400}"#, ErrorKind::BadRequest),
    ];
    let hi = delta(r#"{"content":"Hi"}"#);
    for (data, kind) in rows {
        for (before, after) in [("", ""), (&*format!("data: {hi}\n\n"), "data: [DONE]\n\n")] {
            for name in ["", "event: error\n"] {
                let (told, error) = stream(events(format!("{before}{name}data: {data}\n\n{after}"))).await;
                let error = error.unwrap();
                assert_eq!(error.kind(), kind, "{data}");
                assert_eq!(told.len(), if before.is_empty() { 1 } else { 3 }, "{told:?}");
                is_ours(&error);
            }
        }
    }
    // Under its name an error may have any form.
    for data in [r#"{"code":"server_error","message":"oops"}"#, "oops", r#"{"message":"oops"}"#] {
        let (_, error) = stream(events(format!("event: error\ndata: {data}\n\n"))).await;
        let error = error.unwrap();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "oops"));
    }
    let (_, error) = stream(of(&[&format!(r#"{{"error":{{"message":"Incorrect key {KEY}"}}}}"#)])).await;
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn a_refusal_in_place_of_an_answer_is_an_error_that_keeps_its_text() {
    let said = [
        delta(r#"{"role":"assistant","content":"","refusal":null}"#),
        delta(r#"{"refusal":"I cannot"}"#),
        delta(r#"{"refusal":" do that."}"#),
        finish("stop"),
    ];
    for done in [&["[DONE]"][..], &[]] {
        let data: Vec<_> = said.iter().map(String::as_str).chain(done.iter().copied()).collect();
        let (told, error) = stream(of(&data)).await;
        assert_eq!(shown(&told), "start:m");
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::ContentFilter);
        assert_eq!(error.partial().unwrap().text, "I cannot do that.");
        assert!(!format!("{error:?}").contains("cannot"));
        is_ours(&error);
    }
}

#[tokio::test]
async fn something_else_in_place_of_a_stream_is_told_as_such() {
    let page = "<html><title>Welcome</title>";
    for (fake, kind, words) in [
        (
            Fake::new(200, r#"{"error":{"message":"busy","code":"server_is_overloaded"}}"#),
            ErrorKind::Overloaded,
            "busy",
        ),
        (
            events(r#"{"error":{"message":"busy","code":"server_is_overloaded"}}"#),
            ErrorKind::Overloaded,
            "busy",
        ),
        (
            Fake::new(200, r#"{"choices":[{"message":{"refusal":"No."},"finish_reason":"stop"}]}"#),
            ErrorKind::ContentFilter,
            "refused",
        ),
        (
            Fake::new(200, r#"{"choices":[{"message":{"content":"No"},"finish_reason":"content_filter"}]}"#),
            ErrorKind::ContentFilter,
            "filter",
        ),
        (
            Fake::new(200, page).header("content-type", "text/html"),
            ErrorKind::BadReply,
            "is https://api.openai.com/v1 the base URL?",
        ),
        (
            Fake::new(200, "Welcome").header("content-type", "text/plain"),
            ErrorKind::BadReply,
            "called text/plain",
        ),
        (Fake::new(200, "[1]"), ErrorKind::BadReply, "another form"),
        (Fake::new(200, "{"), ErrorKind::BadReply, "breaks off"),
        (Fake::new(200, ""), ErrorKind::BadReply, "before its first event"),
        (Fake::new(200, " \r\n "), ErrorKind::BadReply, "before its first event"),
    ] {
        let (told, error) = stream(fake).await;
        let error = error.unwrap();
        assert_eq!((told.len(), error.kind()), (1, kind), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        is_ours(&error);
    }
    let (told, error) = stream(Fake::new(503, r#"{"error":{"message":"busy"}}"#)).await;
    assert_eq!((told.len(), error.unwrap().kind()), (0, ErrorKind::Overloaded));
}

#[tokio::test]
async fn an_event_without_end_is_given_up() {
    let mebibyte = Bytes::from(vec![b'a'; 1 << 20]);
    let chunks =
        std::iter::once(Bytes::from_static(b"data: ")).chain(std::iter::repeat_n(mebibyte, 9)).map(Ok);
    let (_, error) = stream(Fake::chunked(200, chunks)).await;
    let error = error.unwrap();
    assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("8 MiB"), "{error}");
    is_ours(&error);
}
