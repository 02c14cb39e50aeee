//! What comes back in one piece.

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Message};
use backstop_core::{Error, ErrorKind, Usage};
use backstop_providers::http::{Fault, TransportError};
use bytes::Bytes;

use crate::asked::{Fake, answer, answer_to, piece};

async fn reply(body: &str) -> Result<ChatReply, Error> {
    answer(Fake::new(200, body)).await
}

async fn ended(parts: &str, finish: &str) -> Result<ChatReply, Error> {
    reply(&piece(parts, finish)).await
}

#[tokio::test]
async fn a_whole_reply_is_read() {
    let reply = reply(
        r#"{"candidates":[{"content":{"parts":[{"text":"hm, ","thought":true},{"text":"Rayleigh","thought":true},
        {"text":"Because "},{"text":"of it.","thought":false}],"role":"model"},"finishReason":"STOP","index":0,
        "safetyRatings":[],"avgLogprobs":-0.1,"citationMetadata":{}},
        {"content":{"parts":[{"text":"another"}]},"index":1,"finishReason":"SAFETY"}],
        "usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":4,"candidatesTokenCount":12,"thoughtsTokenCount":30,
        "toolUsePromptTokenCount":2,"totalTokenCount":53,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}]},
        "modelVersion":"gemini-x-001","responseId":"resp-1","createTime":"2026-01-01T00:00:00Z"}"#,
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Because of it.", &FinishReason::Stop));
    assert_eq!(reply.reasoning.as_deref(), Some("hm, Rayleigh"));
    assert_eq!((reply.model.as_deref(), reply.id.as_deref()), (Some("gemini-x-001"), Some("resp-1")));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    let mut usage = Usage::new(11, 42);
    usage.cached_input_tokens = Some(4);
    usage.reasoning_tokens = Some(30);
    assert_eq!(reply.usage, usage);
}

#[tokio::test]
async fn counts_that_are_left_out_are_zero_once_there_are_any() {
    let unknown = Usage::UNKNOWN;
    let mut input = unknown;
    input.input_tokens = Some(9);
    let mut thought = Usage::new(9, 5);
    thought.reasoning_tokens = Some(5);
    for (usage, expected) in [
        ("null", unknown),
        ("{}", unknown),
        (r#""none""#, unknown),
        (r#"{"promptTokenCount":-1}"#, unknown),
        ("[]", unknown),
        (r#"{"promptTokenCount":9}"#, input),
        (r#"{"promptTokenCount":9,"totalTokenCount":9}"#, Usage::new(9, 0)),
        (r#"{"promptTokenCount":9,"totalTokenCount":8}"#, input),
        (r#"{"promptTokenCount":9,"candidatesTokenCount":3}"#, Usage::new(9, 3)),
        (r#"{"promptTokenCount":9,"thoughtsTokenCount":5,"totalTokenCount":14}"#, thought),
    ] {
        let body = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"hi"}}]}},"finishReason":"STOP"}}],"usageMetadata":{usage}}}"#
        );
        assert_eq!(reply(&body).await.unwrap().usage, expected, "{usage}");
    }
}

#[tokio::test]
async fn tool_calls_have_ids_whether_the_service_gives_them_or_not() {
    let reply = ended(
        r#"{"text":"Let me see."},{"functionCall":{"name":"weather","args":{ "city": "Rome" , "n":1.50}}},
        {"functionCall":{"id":"fc-1","name":"time"}},{"functionCall":{"id":"","name":"now","args":null}},{"functionCall":{}}"#,
        "STOP",
    )
    .await
    .unwrap();
    assert_eq!((&*reply.text, &reply.finish), ("Let me see.", &FinishReason::ToolCalls));
    let calls: Vec<_> = reply.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(
        calls,
        [
            ("call_r1_0", "weather", r#"{ "city": "Rome" , "n":1.50}"#),
            ("fc-1", "time", "{}"),
            ("call_r1_2", "now", "{}"),
        ]
    );
}

#[tokio::test]
async fn an_id_that_is_made_holds_what_other_services_take() {
    let with_id = |id: &str| {
        piece(r#"{"functionCall":{"name":"f"}}"#, "STOP")
            .replace(r#""responseId":"r1""#, &format!(r#""responseId":"{id}""#))
    };
    let long = "x".repeat(500);
    for (id, made) in [
        ("a/b+c=.é-_9", "call_abc-_9_0".to_owned()),
        ("", "call_0".to_owned()),
        (&*long, format!("call_{}_0", "x".repeat(40))),
    ] {
        let reply = reply(&with_id(id)).await.unwrap();
        assert_eq!(reply.tool_calls[0].id, made);
        assert!(made.len() <= 64);
    }
}

#[tokio::test]
async fn every_finish_has_its_reason() {
    for (word, finish) in [
        ("STOP", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("", FinishReason::Stop),
        ("OTHER", FinishReason::Other("OTHER".to_owned())),
        ("LANGUAGE", FinishReason::Other("LANGUAGE".to_owned())),
        ("MALFORMED_FUNCTION_CALL", FinishReason::Other("MALFORMED_FUNCTION_CALL".to_owned())),
        ("ESCALATION", FinishReason::Other("ESCALATION".to_owned())),
        ("SOMETHING_NEW", FinishReason::Other("SOMETHING_NEW".to_owned())),
    ] {
        assert_eq!(ended(r#"{"text":"hi"}"#, word).await.unwrap().finish, finish, "{word}");
    }
    let called = r#"{"functionCall":{"name":"f","args":{}}}"#;
    assert_eq!(ended(called, "MAX_TOKENS").await.unwrap().finish, FinishReason::Length);
}

#[tokio::test]
async fn a_filter_is_an_error_that_keeps_the_text() {
    for word in [
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    ] {
        let error = ended(r#"{"text":"The first"}"#, word).await.unwrap_err();
        assert_eq!((error.kind(), &*error.partial().unwrap().text), (ErrorKind::ContentFilter, "The first"));
        assert!(!format!("{error} {error:?}").contains("The first"), "{error:?}");
        let error = ended("", word).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContentFilter, "{word}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(error.partial().unwrap().usage.input_tokens, Some(4));
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_an_error_though_it_comes_as_a_success() {
    for reason in
        ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"]
    {
        for candidates in ["", r#""candidates":[],"#, r#""candidates":null,"#] {
            let body = format!(
                r#"{{{candidates}"promptFeedback":{{"blockReason":"{reason}","blockReasonMessage":"no, really","safetyRatings":[]}},"usageMetadata":{{"promptTokenCount":4,"totalTokenCount":4}}}}"#
            );
            let error = reply(&body).await.unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::ContentFilter, Some(200)));
            assert!(error.message().contains(reason) && error.message().contains("no, really"), "{error}");
            assert_eq!(error.partial().unwrap().usage.input_tokens, Some(4));
        }
    }
    let rated = r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}],"promptFeedback":{"safetyRatings":[]}}"#;
    assert_eq!(reply(rated).await.unwrap().text, "hi");
}

#[tokio::test]
async fn what_the_model_could_not_write_is_a_failure_that_counts_for_nothing() {
    for (word, kind, comeback) in [
        ("MALFORMED_FUNCTION_CALL", ErrorKind::Server, true),
        ("UNEXPECTED_TOOL_CALL", ErrorKind::Server, true),
        ("TOO_MANY_TOOL_CALLS", ErrorKind::Server, true),
        ("MALFORMED_RESPONSE", ErrorKind::Server, true),
        ("MISSING_THOUGHT_SIGNATURE", ErrorKind::Server, false),
        ("LANGUAGE", ErrorKind::Unsupported, true),
        ("OTHER", ErrorKind::BadReply, true),
        ("IMAGE_OTHER", ErrorKind::BadReply, true),
        ("NO_IMAGE", ErrorKind::BadReply, true),
        ("FINISH_REASON_UNSPECIFIED", ErrorKind::BadReply, true),
        ("SOMETHING_NEW", ErrorKind::BadReply, true),
    ] {
        let error = ended("", word).await.unwrap_err();
        let facts = error.facts();
        assert_eq!((error.kind(), facts.comeback), (kind, comeback), "{word}: {error}");
        assert!(!facts.counted || kind == ErrorKind::Unsupported, "{word}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
    let said = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"Malformed function call: f("}]}"#;
    assert!(reply(said).await.unwrap_err().message().contains("Malformed function call: f("));
}

#[tokio::test]
async fn an_empty_answer_is_a_failure_that_counts_for_nothing() {
    for body in [
        piece("", "STOP"),
        piece(r#"{"text":""}"#, "STOP"),
        piece(r#"{"text":"hm","thought":true}"#, "STOP"),
        r#"{"candidates":[{"finishReason":"STOP"}]}"#.to_owned(),
        r#"{"candidates":[{"content":{"role":"model"},"finishReason":"STOP"}]}"#.to_owned(),
    ] {
        let error = reply(&body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{body}");
        assert!(!error.facts().counted && error.facts().comeback);
    }
    let request = ChatRequest::new([Message::user("x"), Message::assistant("y"), Message::user("z")]);
    assert!(answer_to(Fake::new(200, piece("", "STOP")), &request).await.is_err());
}

#[tokio::test]
async fn an_empty_answer_to_results_of_tools_is_an_answer() {
    let mut result = backstop_core::chat::ToolResult::default();
    (result.call_id, result.name) = ("c".to_owned(), Some("f".to_owned()));
    let request = ChatRequest::user("x").with_message(Message::Tool(result));
    assert_eq!(answer_to(Fake::new(200, piece("", "STOP")), &request).await.unwrap().text, "");
}

#[tokio::test]
async fn a_budget_spent_on_thinking_says_so() {
    let body = r#"{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}],
        "usageMetadata":{"promptTokenCount":9,"thoughtsTokenCount":64,"totalTokenCount":73}}"#;
    let error = reply(body).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.to_string().contains("64 tokens) went into reasoning"), "{error}");
    assert!(!error.facts().counted && !error.facts().comeback);
}

#[tokio::test]
async fn a_reply_that_is_none_says_where_and_not_what() {
    for (body, word) in [
        (&b"\xff\xfe private"[..], "is not UTF-8"),
        (b"", "is empty"),
        (b"private", "is not JSON"),
        (
            br#"{"candidates":[{"content":{"parts":[{"text":{"private":1}}]}}]}"#,
            "candidates[0].content.parts[0].text",
        ),
        (br#"{"candidates":[{"content":{"parts":[{"text":"private"#, "breaks off"),
        (br#"{"candidates":[]}"#, "no candidate"),
        (br#"{"candidates":null,"usageMetadata":{"promptTokenCount":1}}"#, "no candidate"),
        (br#"{"promptFeedback":{}}"#, "no candidate"),
        (b"{}", "no candidate"),
        (b"[]", "no candidate"),
        (b"[1]", "another form"),
        (b"null", "another form"),
        (b"17", "another form"),
    ] {
        let error = answer(Fake::new(200, body)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::BadReply, "{shown}");
        assert!(shown.contains(word) && !shown.contains("private"), "{shown}");
        assert_eq!((error.status(), error.request_id()), (Some(200), Some("req_1")));
    }
}

#[tokio::test]
async fn a_list_of_pieces_is_a_reply_in_pieces() {
    let list = format!("[{},\n{}]", piece(r#"{"text":"He"}"#, ""), piece(r#"{"text":"llo"}"#, "STOP"));
    assert_eq!(reply(&list).await.unwrap().text, "Hello");
    let cut = format!("[{}]", piece(r#"{"text":"He"}"#, ""));
    let error = reply(&cut).await.unwrap_err();
    assert!(error.kind() == ErrorKind::BadReply && error.to_string().contains("mid-answer"), "{error}");
    assert_eq!(error.partial().unwrap().text, "He");
}

#[tokio::test]
async fn a_page_in_place_of_a_reply_hints_at_the_base_url() {
    let fake = Fake::new(200, "<html>Welcome</html>").header("content-type", "text/html; charset=utf-8");
    let error = answer(fake).await.unwrap_err().to_string();
    assert!(
        error.contains("text/html") && error.contains("https://generativelanguage.googleapis.com"),
        "{error}"
    );
}

#[tokio::test]
async fn blank_lines_and_a_byte_order_mark_in_front_are_skipped() {
    let body = format!("\u{feff}\n\n\n{}", piece(r#"{"text":" hi"}"#, "STOP"));
    assert_eq!(reply(&body).await.unwrap().text, " hi", "the text itself stays as it came");
}

#[tokio::test]
async fn a_reply_without_end_is_given_up() {
    let mebibyte = Bytes::from(vec![b' '; 1 << 20]);
    let error = answer(Fake::chunked(200, vec![Ok(mebibyte); 65])).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::BadReply && error.to_string().contains("longer than 64 MiB"),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply_and_still_an_error() {
    let broken =
        || [Ok(Bytes::from_static(b"{\"error\":{\"message\":\"")), Err(TransportError::new(Fault::Reset))];
    let error = answer(Fake::chunked(200, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadReply, Some(200)));
    let error = answer(Fake::chunked(503, broken())).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Overloaded, Some(503)));
}

#[tokio::test]
async fn an_answer_without_text_says_what_it_held() {
    let error = ended(r#"{"inlineData":{"mimeType":"image/png","data":"aGk="}},{"fileData":{}}"#, "STOP")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
    assert!(error.message().ends_with("pass on: image, a file") && !error.facts().comeback, "{error}");
}
