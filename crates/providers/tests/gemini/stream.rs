//! What comes back in pieces.

use backstop_core::chat::{ChatCollector, ChatEvent};
use backstop_core::{Error, ErrorKind};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::asked::{Fake, data, events, piece, shown, stream};

/// The error says who was asked, and which request it was.
fn is_ours(error: &Error) {
    assert_eq!((error.provider(), error.model()), (Some("gemini"), Some("gemini-x")), "{error:?}");
    assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")), "{error:?}");
}

async fn whole(pieces: &[&str]) -> String {
    let (told, error) = stream(data(pieces)).await;
    assert!(error.is_none(), "{error:?}");
    shown(&told)
}

#[tokio::test]
async fn a_stream_is_told_piece_by_piece() {
    let told = whole(&[
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true}]},"index":0}],"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4},"modelVersion":"m","responseId":"r1"}"#,
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"He"}]},"index":0}],"usageMetadata":{"promptTokenCount":4,"thoughtsTokenCount":2,"totalTokenCount":6},"modelVersion":"m","responseId":"r1"}"#,
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"llo"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":2,"totalTokenCount":8},"modelVersion":"m","responseId":"r1"}"#,
    ]).await;
    assert_eq!(told, r#"start:m:r1 (hm) "He" 4+2 "llo" 4+4 end:stop"#);
}

#[tokio::test]
async fn the_last_word_of_another_wire_changes_nothing() {
    assert_eq!(
        whole(&[&piece(r#"{"text":"hi"}"#, "STOP"), "[DONE]"]).await,
        whole(&[&piece(r#"{"text":"hi"}"#, "STOP")]).await
    );
}

#[tokio::test]
async fn the_last_piece_may_hold_nothing_but_the_reason() {
    let told = whole(&[
        &piece(r#"{"text":"hi"}"#, ""),
        r#"{"candidates":[{"finishReason":"MAX_TOKENS","index":0}]}"#,
    ])
    .await;
    assert_eq!(told, r#"start:m:r1 "hi" 4+0 end:length"#);
    let told = whole(&[
        &piece(r#"{"text":"hi"}"#, "STOP"),
        r#"{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1}}"#,
    ])
    .await;
    assert_eq!(told, r#"start:m:r1 "hi" 4+0 4+1 end:stop"#, "and may come before the counts");
}

#[tokio::test]
async fn a_reason_that_comes_with_every_piece_ends_nothing() {
    let told = whole(&[&piece(r#"{"text":"He"}"#, "STOP"), &piece(r#"{"text":"llo"}"#, "STOP")]).await;
    assert_eq!(told, r#"start:m:r1 "He" 4+0 "llo" 4+0 end:stop"#);
}

#[tokio::test]
async fn calls_come_whole_and_at_once() {
    let told = whole(&[
        &piece(
            r#"{"functionCall":{"name":"a","args":{"x":1}},"thoughtSignature":"s"},{"functionCall":{"name":"b"}}"#,
            "",
        ),
        &piece(r#"{"functionCall":{"id":"own","name":"c","args":{}}}"#, "STOP"),
    ]).await;
    assert_eq!(
        told,
        r#"start:m:r1 0:call_r1_0:a:{"x":1} sealed:{"call":"call_r1_0","signature":"s"} 1:call_r1_1:b:{} 4+0 2:own:c:{} 4+0 end:tool_calls"#
    );
}

#[tokio::test]
async fn other_candidates_and_parts_nobody_asked_for_are_left_out() {
    let told = whole(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"second"}]},"index":1,"finishReason":"SAFETY"}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"executableCode":{"code":"1"}},{"text":"hi"},{"inlineData":{"data":""}}]},"finishReason":"STOP"}]}"#,
    ]).await;
    assert_eq!(told, r#"start:?:? … "hi" other:a file end:stop"#);
}

#[tokio::test]
async fn pieces_of_arguments_are_pieces_of_one_call() {
    let piece_of = |call: &str, finish: &str| piece(&format!(r#"{{"functionCall":{call}}}"#), finish);
    let told = whole(&[
        &piece(r#"{"functionCall":{"name":"f","willContinue":true},"thoughtSignature":"s"}"#, ""),
        &piece_of(r#"{"partialArgs":[{"jsonPath":"$.a[0].city","stringValue":"Bos","willContinue":true}],"willContinue":true}"#, ""),
        &piece_of(r#"{"partialArgs":[{"jsonPath":"$.a[0].city","stringValue":"ton"}],"willContinue":true}"#, ""),
        &piece_of("{}", ""),
        // The next call ends the one before it, and the end of the answer the last.
        &piece_of(r#"{"id":"own","name":"g","willContinue":true}"#, ""),
        &piece_of(r#"{"name":"h","partialArgs":[{"jsonPath":"$.n","numberValue":1.5}],"willContinue":true}"#, ""),
        &piece_of(r#"{"partialArgs":[{"jsonPath":"$.none","nullValue":null}],"willContinue":true}"#, "STOP"),
    ])
    .await;
    assert_eq!(
        told.replace(" 4+0", ""),
        r#"start:m:r1 0:call_r1_0:f: sealed:{"call":"call_r1_0","signature":"s"} … … 0:-:-:{"a":[{"city":"Boston"}]} 1:own:g: 1:-:-:{} 2:call_r1_2:h: … 2:-:-:{"n":1.5,"none":null} end:tool_calls"#
    );
}

#[tokio::test]
async fn pieces_of_arguments_that_belong_nowhere_are_a_bad_reply() {
    for call in [
        r#"{"partialArgs":[{"jsonPath":"$.n","numberValue":1}]}"#,
        r#"{"name":"f","partialArgs":[{"jsonPath":"$.a[7]","numberValue":1}],"willContinue":true}"#,
    ] {
        let (_, error) = stream(data(&[&piece(&format!(r#"{{"functionCall":{call}}}"#), "STOP")])).await;
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{error}");
        is_ours(&error);
    }
}

#[tokio::test]
async fn what_tells_of_thinking_is_progress_and_what_repeats_itself_is_not() {
    let counted = |thought: u32| {
        format!(r#"{{"usageMetadata":{{"promptTokenCount":4,"thoughtsTokenCount":{thought}}}}}"#)
    };
    let told = whole(&[
        &counted(0),
        &counted(7),
        &counted(7),
        r#"{"candidates":[{"content":{"parts":[{"text":"","thought":true}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":""}]}}]}"#,
        &counted(9),
        &piece(r#"{"text":"hi"}"#, "STOP"),
    ])
    .await;
    assert_eq!(told, r#"start:?:? … … … "hi" 4+0 end:stop"#);
}

#[tokio::test]
async fn an_answer_that_a_filter_cut_is_told_with_its_reason() {
    let told = whole(&[&piece(r#"{"text":"half"}"#, ""), &piece("", "SAFETY")]).await;
    assert_eq!(told, r#"start:m:r1 "half" 4+0 4+0 end:content_filter"#);
    for word in ["SAFETY", "PROHIBITED_CONTENT"] {
        let (told, error) = stream(data(&[&piece("", word)])).await;
        let error = error.unwrap();
        assert_eq!((shown(&told), error.kind()), ("start:m:r1 4+0".to_owned(), ErrorKind::ContentFilter));
        is_ours(&error);
    }
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},"responseId":"r1"}"#;
    let (told, error) = stream(data(&[blocked])).await;
    assert_eq!(shown(&told), "start:?:r1");
    assert_eq!(error.as_ref().map(Error::kind), Some(ErrorKind::ContentFilter));
    is_ours(&error.unwrap());
}

#[tokio::test]
async fn an_answer_is_not_whole_before_that_is_said() {
    let hi = piece(r#"{"text":"private"}"#, "");
    for (pieces, words) in [
        (vec![], "ended before its first event"),
        (vec!["{}"], "ended before its first event"),
        (vec![&*hi], "in mid-answer"),
        (vec![&*hi, r#"{"candidates":[{"content":{"parts":[{"text":"private"#], "breaks off"),
        (vec![&*hi, r#"{"candidates":"private"}"#], "another form than documented at `candidates`"),
        (vec![&*hi, "private"], "is not JSON"),
        (vec![&*hi, "null"], "another form"),
        (vec![&*hi, "[1]"], "another form"),
        (vec![r#"{"candidates":[{"content":{"parts":[]},"finishReason":"OTHER"}]}"#], "OTHER"),
    ] {
        let (_, error) = stream(data(&pieces)).await;
        let error = error.unwrap();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
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
        // Though the reason for the end has come, its end has not.
        let body = format!("data: {}\r\n\r\n", piece(r#"{"text":"Hi"}"#, "STOP"));
        let (told, error) =
            stream(Fake::chunked(200, [Ok(Bytes::from(body)), Err(TransportError::new(fault))])).await;
        assert_eq!(shown(&told), r#"start:m:r1 "Hi" 4+0"#);
        let error = error.unwrap();
        assert_eq!(error.kind(), kind);
        is_ours(&error);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_what_it_says_in_each_of_its_forms() {
    let error = |code: u16, status: &str| {
        format!(
            r#"{{"error":{{"code":{code},"message":"m","status":"{status}","details":[{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3s"}}]}}}}"#
        )
    };
    let hi = format!("data: {}\r\n\r\n", piece(r#"{"text":"Hi"}"#, ""));
    for (code, status, kind) in [
        (503, "UNAVAILABLE", ErrorKind::Overloaded),
        (429, "RESOURCE_EXHAUSTED", ErrorKind::RateLimited),
        (500, "INTERNAL", ErrorKind::Server),
        (504, "DEADLINE_EXCEEDED", ErrorKind::Timeout),
        (499, "CANCELLED", ErrorKind::Server),
        (400, "INVALID_ARGUMENT", ErrorKind::BadRequest),
    ] {
        let told = error(code, status);
        let pretty =
            serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&told).unwrap()).unwrap();
        for form in [
            format!("data: {told}\r\n\r\n"),
            format!("data: [{told}]\r\n\r\n"),
            // Bare, over several lines, in a list.
            format!("{told}\n"),
            format!("{pretty}\r\n"),
            format!("[{pretty}\n]\n"),
            told.clone(),
        ] {
            for before in ["", &*hi] {
                let (events, error) = stream(events(format!("{before}{form}"))).await;
                let error = error.unwrap();
                assert_eq!((error.kind(), error.message()), (kind, "m"), "{form}");
                assert_eq!(events.len(), if before.is_empty() { 1 } else { 4 }, "{events:?}");
                let hinted = kind.reaction().comeback;
                assert_eq!(error.retry_after().is_some(), hinted, "{form}");
                is_ours(&error);
            }
        }
    }
    // Without a number the word of gRPC says it.
    let (_, error) = stream(data(&[r#"{"error":{"message":"m","status":"UNAVAILABLE"}}"#])).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::Overloaded);
    let (_, error) = stream(data(&[r#"{"error":"out of memory"}"#])).await;
    assert_eq!(error.unwrap().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn something_else_in_place_of_a_stream_is_told_as_such() {
    for (fake, kind, words) in [
        (
            Fake::new(200, r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#),
            ErrorKind::Overloaded,
            "busy",
        ),
        (
            events(r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#),
            ErrorKind::Overloaded,
            "busy",
        ),
        (
            Fake::new(200, "<html><title>Welcome</title>").header("content-type", "text/html"),
            ErrorKind::BadReply,
            "is https://generativelanguage.googleapis.com the base URL?",
        ),
        (
            Fake::new(200, "Welcome").header("content-type", "text/plain"),
            ErrorKind::BadReply,
            "called text/plain",
        ),
        (Fake::new(200, "[1]"), ErrorKind::BadReply, "another form"),
        (Fake::new(200, "[]"), ErrorKind::BadReply, "no candidate"),
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
async fn a_whole_answer_and_a_list_of_pieces_are_streams_as_well() {
    let list = format!("[{},\r\n{}]", piece(r#"{"text":"He"}"#, ""), piece(r#"{"text":"llo"}"#, "STOP"));
    for body in [piece(r#"{"text":"Hello"}"#, "STOP"), list] {
        let (told, error) = stream(Fake::new(200, body)).await;
        assert!(error.is_none() && matches!(told.last(), Some(ChatEvent::End(_))));
        let mut collector = ChatCollector::default();
        told.iter().for_each(|event| collector.push(event).unwrap());
        assert_eq!(collector.into_reply().text, "Hello");
    }
}

#[tokio::test]
async fn an_event_without_end_is_given_up() {
    for start in ["data: ", "data: x\n\n{\"error\":\""] {
        let mebibyte = Bytes::from(vec![b'a'; 1 << 20]);
        let start = if start.len() > 6 {
            format!("data: {}\n\n{{\"error\":\"", piece("", ""))
        } else {
            start.to_owned()
        };
        let chunks = std::iter::once(Bytes::from(start)).chain(std::iter::repeat_n(mebibyte, 9)).map(Ok);
        let (_, error) = stream(Fake::chunked(200, chunks)).await;
        let error = error.unwrap();
        assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("8 MiB"), "{error}");
        is_ours(&error);
    }
}
