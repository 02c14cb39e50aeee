//! Signatures of a model: kept with what they were given for, and sent back there alone.

use backstop_core::Overrides;
use backstop_core::chat::{ChatCollector, ChatReply, ChatRequest, Message, Sealed};
use serde_json::{Value, json};

use crate::asked::{Fake, answer, data, piece, sent_by, stream};

const PARTS: &str = r#"{"text":"Let me","thoughtSignature":"sig-t"},{"text":" see. ü"},
    {"functionCall":{"name":"a","args":{"x":1}},"thoughtSignature":"sig-a"},{"functionCall":{"id":"own","name":"b"}},
    {"text":"","thoughtSignature":"sig-end"}"#;

/// The model's turn, as it goes back with the conversation.
async fn back(reply: ChatReply, model: &str) -> Value {
    let request = ChatRequest::new([Message::user("x"), reply.into_message(), Message::user("y")]);
    sent_by(model, &request, &Overrides::default()).await.unwrap()["contents"][1]["parts"].clone()
}

fn signed() -> Value {
    json!([
        { "text": "Let me", "thoughtSignature": "sig-t" },
        { "text": " see. ü" },
        { "text": "", "thoughtSignature": "sig-end" },
        { "functionCall": { "id": "call_r1_0", "name": "a", "args": { "x": 1 } }, "thoughtSignature": "sig-a" },
        { "functionCall": { "id": "own", "name": "b", "args": {} } },
    ])
}

async fn reply() -> ChatReply {
    answer(Fake::new(200, piece(PARTS, "STOP"))).await.unwrap()
}

#[tokio::test]
async fn signatures_go_back_where_they_were_given() {
    let reply = reply().await;
    assert!(reply.sealed.iter().all(|sealed| (&*sealed.provider, &*sealed.model) == ("gemini", "gemini-x")));
    assert_eq!(back(reply, "gemini-x").await, signed());
}

#[tokio::test]
async fn a_streamed_answer_keeps_the_same() {
    let pieces = [
        piece(r#"{"text":"Let "}"#, ""),
        piece(r#"{"text":"me"},{"text":"","thoughtSignature":"sig-t"}"#, ""),
        piece(r#"{"functionCall":{"name":"a","args":{"x":1}},"thoughtSignature":"sig-a"}"#, "STOP"),
    ];
    let (told, error) = stream(data(&pieces.each_ref().map(String::as_str))).await;
    assert!(error.is_none());
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    assert_eq!(
        back(collector.into_reply(), "gemini-x").await,
        json!([
            { "text": "Let me" },
            { "text": "", "thoughtSignature": "sig-t" },
            { "functionCall": { "id": "call_r1_0", "name": "a", "args": { "x": 1 } }, "thoughtSignature": "sig-a" },
        ])
    );
}

#[tokio::test]
async fn another_model_gets_none_of_them_and_what_stands_in_for_them() {
    let parts = back(reply().await, "gemini-y").await;
    assert_eq!(
        parts,
        json!([
            { "text": "Let me see. ü" },
            {
                "functionCall": { "id": "call_r1_0", "name": "a", "args": { "x": 1 } },
                "thoughtSignature": "skip_thought_signature_validator",
            },
            { "functionCall": { "id": "own", "name": "b", "args": {} } },
        ])
    );
    let plain = back(reply().await, "gemini-2.5-flash").await;
    assert!(!plain.to_string().contains("thoughtSignature"), "{plain}");
}

#[tokio::test]
async fn what_others_sealed_stays_here() {
    let mut reply = ChatReply::text("hi");
    reply.sealed = vec![
        Sealed::new("anthropic", "gemini-x", json!({ "text": [0, 2], "signature": "theirs" })),
        Sealed::new("vertex", "gemini-x", json!({ "text": [0, 2], "signature": "theirs" })),
    ];
    assert_eq!(back(reply, "gemini-x").await, json!([{ "text": "hi" }]));
}

#[tokio::test]
async fn a_text_that_was_changed_since_is_not_signed() {
    let seal = |data| Sealed::new("gemini", "gemini-x", data);
    for (text, data, parts) in [
        ("short", json!({ "text": [0, 9], "signature": "s" }), json!([{ "text": "short" }])),
        // Not at a letter's border, backwards, or of no known form.
        ("üü", json!({ "text": [1, 2], "signature": "s" }), json!([{ "text": "üü" }])),
        ("abc", json!({ "text": [2, 1], "signature": "s" }), json!([{ "text": "abc" }])),
        ("abc", json!({ "text": "all", "signature": "s" }), json!([{ "text": "abc" }])),
        ("abc", json!({ "text": [0, 3] }), json!([{ "text": "abc" }])),
        ("abc", json!(["odd"]), json!([{ "text": "abc" }])),
    ] {
        let mut reply = ChatReply::text(text);
        reply.sealed.push(seal(data.clone()));
        assert_eq!(back(reply, "gemini-x").await, parts, "{data}");
    }
}

#[tokio::test]
async fn thoughts_do_not_go_back() {
    let parts = r#"{"text":"hm","thought":true,"thoughtSignature":"s"},{"text":"hi"}"#;
    let reply = answer(Fake::new(200, piece(parts, "STOP"))).await.unwrap();
    assert_eq!((reply.reasoning.as_deref(), reply.sealed.len()), (Some("hm"), 0));
    assert_eq!(back(reply, "gemini-x").await, json!([{ "text": "hi" }]));
}
