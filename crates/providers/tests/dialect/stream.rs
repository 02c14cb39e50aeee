//! What comes back in pieces, in each kind's own way.

use backstop_core::chat::{ChatCollector, ChatEvent, Sealed};
use backstop_core::{ErrorKind, Usage};
use serde_json::{Value, json};

use crate::speaker::{MODEL, data, events, stream};

fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)
}

fn stop(more: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"{more}}}]}}"#)
}

/// What these deltas come to: thoughts, text, sealed parts.
async fn collected(kind: &str, deltas: &[&str]) -> (Option<String>, String, Vec<Sealed>) {
    let chunks: Vec<_> = deltas.iter().map(|one| delta(one)).chain([stop("")]).collect();
    let (told, error) = stream(kind, data(&chunks.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert!(error.is_none(), "{error:?}");
    let sealed = told.iter().position(|event| matches!(event, ChatEvent::Sealed(_)));
    assert!(sealed.is_none_or(|at| at + 1 < told.len()), "nothing after the end");
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    let reply = collector.into_reply();
    (reply.reasoning, reply.text, reply.sealed)
}

#[tokio::test]
async fn thoughts_in_tags_are_told_apart_piece_by_piece() {
    let some = |thought: &str, text: &str| (Some(thought.to_owned()), text.to_owned(), Vec::new());
    for deltas in [
        &[r#"{"content":"<think>hm, ja</think>\n\nhi"}"#][..],
        &[
            r#"{"content":"<th"}"#,
            r#"{"content":"ink>hm, "}"#,
            r#"{"content":"ja</thi"}"#,
            r#"{"content":"nk>\n"}"#,
            r#"{"content":"\nhi"}"#,
        ],
    ] {
        assert_eq!(collected("perplexity", deltas).await, some("hm, ja", "hi"));
    }
    assert_eq!(
        collected("perplexity", &[r#"{"content":"<thin"}"#]).await,
        (None, "<thin".to_owned(), Vec::new()),
        "what is held is told in the end"
    );
    assert_eq!(collected("perplexity", &[r#"{"content":"<think>hm"}"#]).await, some("hm", ""));
}

#[tokio::test]
async fn thoughts_that_have_to_come_back_are_sealed_in_the_end() {
    let call = r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}"#;
    let thoughts = [r#"{"reasoning_content":"hm, "}"#, r#"{"reasoning_content":"ja"}"#];
    for (kind, expected) in [
        ("deepseek", vec![Sealed::new("deepseek", MODEL, json!("hm, ja"))]),
        ("moonshot", vec![Sealed::new("moonshot", MODEL, json!("hm, ja"))]),
        ("groq", vec![]),
    ] {
        let (thought, _, sealed) = collected(kind, &[thoughts[0], thoughts[1], call]).await;
        assert_eq!((thought.as_deref(), sealed), (Some("hm, ja"), expected), "{kind}");
        let (_, _, sealed) = collected(kind, &[thoughts[0], r#"{"content":"hi"}"#]).await;
        assert!(sealed.is_empty(), "{kind}");
    }
}

async fn details(deltas: &[Value]) -> Vec<Sealed> {
    let deltas: Vec<_> = deltas
        .iter()
        .map(|details| json!({ "content": "a", "reasoning_details": details }).to_string())
        .collect();
    collected("openrouter", &deltas.iter().map(String::as_str).collect::<Vec<_>>()).await.2
}

#[tokio::test]
async fn details_in_pieces_become_whole() {
    let sealed = details(&[
        json!([{ "type": "reasoning.text", "text": "hm, ", "index": 0, "format": "f", "signature": null }]),
        json!([{ "type": "reasoning.text", "text": "ja", "index": 0 }]),
        json!([{ "type": "reasoning.text", "index": 0, "signature": "sig" }]),
        json!([{ "type": "reasoning.encrypted", "data": "x", "index": 1 }, { "type": "reasoning.text", "text": "b" }]),
        json!([{ "type": "reasoning.text", "text": "c" }]),
    ])
    .await;
    let expected = json!([
        { "type": "reasoning.text", "text": "hm, ja", "index": 0, "format": "f", "signature": "sig" },
        { "type": "reasoning.encrypted", "data": "x", "index": 1 },
        { "type": "reasoning.text", "text": "b" },
        { "type": "reasoning.text", "text": "c" },
    ]);
    assert_eq!(sealed, [Sealed::new("openrouter", MODEL, expected)]);
    for odd in [json!("odd"), json!([1]), json!({ "a": 1 }), json!([]), Value::Null] {
        assert!(details(&[odd]).await.is_empty());
    }
}

#[tokio::test]
async fn endless_details_are_not_kept_in_part() {
    let piece = json!([{ "type": "reasoning.text", "text": "x".repeat(1 << 20), "index": 0 }]);
    assert!(details(&vec![piece; 9]).await.is_empty());
}

#[tokio::test]
async fn usage_is_found_wherever_a_kind_puts_it() {
    let usage = r#"{"prompt_tokens":5,"completion_tokens":2}"#;
    let hi = delta(r#"{"content":"hi"}"#);
    for (kind, end) in [
        (
            "groq",
            stop("")
                .replace(r#"{"choices"#, &format!(r#"{{"x_groq":{{"id":"req_2","usage":{usage}}},"choices"#)),
        ),
        ("moonshot", stop(&format!(r#","usage":{usage}"#))),
        ("openrouter", stop("").replace(r#"{"choices"#, &format!(r#"{{"usage":{usage},"choices"#))),
    ] {
        let (told, error) = stream(kind, data(&[&hi, &end])).await;
        assert!(error.is_none(), "{error:?}");
        assert!(told.contains(&ChatEvent::Usage(Usage::new(5, 2))), "{kind}: {told:?}");
    }
}

#[tokio::test]
async fn an_error_may_stand_anywhere_in_a_stream() {
    let hi = delta(r#"{"content":"hi"}"#);
    for (kind, chunk, failed) in [
        ("groq", r#"{"choices":[],"x_groq":{"error":"over capacity"}}"#.to_owned(), ErrorKind::Overloaded),
        (
            "openrouter",
            r#"{"id":"g","error":{"code":502,"message":"gone","metadata":{"error_type":"provider_unavailable"}},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#.to_owned(),
            ErrorKind::Server,
        ),
        (
            "openrouter",
            r#"{"choices":[{"delta":{},"error":{"code":400,"message":"m","metadata":{"error_type":"context_length_exceeded"}}}]}"#.to_owned(),
            ErrorKind::ContextLength,
        ),
        ("deepseek", stop("").replace("stop", "insufficient_system_resource"), ErrorKind::Overloaded),
        ("fireworks", stop("").replace("stop", "error"), ErrorKind::Server),
        ("cerebras", r#"{"error":{"message":"busy"},"status_code":429}"#.to_owned(), ErrorKind::RateLimited),
        (
            "vllm",
            r#"{"error":{"message":"This model's maximum context length is 10 tokens","type":"BadRequestError","code":400}}"#.to_owned(),
            ErrorKind::ContextLength,
        ),
    ] {
        for before in [&[][..], &[&*hi]] {
            let chunks: Vec<_> = before.iter().copied().chain([&*chunk]).collect();
            let (_, error) = stream(kind, data(&chunks)).await;
            let error = error.unwrap();
            assert_eq!((error.kind(), error.provider()), (failed, Some(kind)), "{error}");
        }
    }
    let (_, error) =
        stream("lmstudio", events("event: error\ndata: {\"error\":{\"message\":\"Model unloaded\"}}\n\n"))
            .await;
    assert_eq!(error.unwrap().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn an_error_in_place_of_a_stream_is_heard() {
    let body = r#"{"code":"The service is currently unavailable","error":"Service temporarily unavailable"}"#;
    for fake in [crate::speaker::Fake::new(200, body), events(body)] {
        let (_, error) = stream("xai", fake).await;
        assert_eq!(error.unwrap().kind(), ErrorKind::Overloaded);
    }
}

#[tokio::test]
async fn a_finished_stream_without_content_is_told_as_it_is() {
    let (told, error) = stream("lmstudio", data(&[])).await;
    assert_eq!((told.len(), error.unwrap().kind()), (1, ErrorKind::BadReply));
}
