//! Texts that become vectors.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use serde_json::{Value, json};

use crate::asked::{Fake, provider};

const MODEL: &str = "gemini-embedding-001";

fn two() -> Fake {
    Fake::new(
        200,
        r#"{"embeddings":[{"values":[0.5,-1.0,0.25]},{"values":[0,1,2]}],"usageMetadata":{"promptTokenCount":7}}"#,
    )
}

async fn embed(fake: Fake, request: &EmbeddingRequest) -> (Result<EmbeddingReply, Error>, Arc<Fake>) {
    let fake = Arc::new(fake);
    (provider(&fake).embed(Ask::new(MODEL), request).await, fake)
}

#[tokio::test]
async fn all_texts_go_out_at_once_and_their_vectors_come_back_in_order() {
    let (reply, fake) = embed(two(), &EmbeddingRequest::new(["one", "two"])).await;
    let reply = reply.unwrap();
    assert_eq!(reply.embeddings, [vec![0.5, -1.0, 0.25], vec![0.0, 1.0, 2.0]]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (Some(7), None));
    assert_eq!((reply.model.as_deref(), reply.space), (Some(MODEL), None));
    assert_eq!((reply.request_id.as_deref(), reply.status), (Some("req_1"), Some(200)));
    let (url, _) = fake.head();
    assert_eq!(
        url,
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001:batchEmbedContents"
    );
    let one = |text: &str| json!({ "model": "models/gemini-embedding-001", "content": { "parts": [{ "text": text }] } });
    assert_eq!(fake.body(), json!({ "requests": [one("one"), one("two")] }));
}

#[tokio::test]
async fn size_and_purpose_are_asked_for_text_by_text() {
    for (purpose, task) in [
        (Some(InputType::Document), json!("RETRIEVAL_DOCUMENT")),
        (Some(InputType::Query), json!("RETRIEVAL_QUERY")),
        (None, Value::Null),
    ] {
        let mut request = EmbeddingRequest::new(["one"]);
        (request.dimensions, request.input_type) = (Some(2), purpose);
        let fake = Fake::new(200, r#"{"embeddings":[{"values":[3.0,-4.0]}]}"#);
        let (reply, fake) = embed(fake, &request).await;
        assert_eq!(reply.unwrap().embeddings, [vec![0.6, -0.8]], "a shortened vector has unit length");
        let sent = &fake.body()["requests"][0];
        assert_eq!((&sent["outputDimensionality"], &sent["taskType"]), (&json!(2), &task));
    }
    let mut request = EmbeddingRequest::new(["one"]);
    request.dimensions = Some(2);
    let (reply, _) = embed(Fake::new(200, r#"{"embeddings":[{"values":[0,0]}]}"#), &request).await;
    assert_eq!(reply.unwrap().embeddings, [vec![0.0, 0.0]], "nothing has no direction");
}

#[tokio::test]
async fn what_are_no_vectors_of_these_texts_is_a_bad_reply() {
    let mut sized = EmbeddingRequest::new(["one"]);
    sized.dimensions = Some(4);
    let two = EmbeddingRequest::new(["one", "two"]);
    let one = EmbeddingRequest::new(["one"]);
    for (request, body, words) in [
        (&two, r#"{"embeddings":[{"values":[1,2]}]}"#, "1 vectors for 2 texts"),
        (&one, r#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#, "2 vectors for 1 texts"),
        (&one, "{}", "0 vectors"),
        (&one, r#"{"embeddings":[{"values":[]}]}"#, "without numbers"),
        (&sized, r#"{"embeddings":[{"values":[1,2]}]}"#, "2 numbers in place of 4"),
        (&one, r#"{"embeddings":[{"values":[1e39]}]}"#, "no number"),
        (&one, r#"{"embeddings":[{"values":[null]}]}"#, "embeddings[0].values[0]"),
        (&one, r#"{"embeddings":[{"values":["private"]}]}"#, "another form"),
        (&one, "private", "not JSON"),
        (&one, "", "is empty"),
    ] {
        let (reply, fake) = embed(Fake::new(200, body), request).await;
        let error = reply.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!((error.kind(), fake.count()), (ErrorKind::BadReply, 1), "{shown}");
        assert!(shown.contains(words) && !shown.contains("private"), "{shown}");
    }
}

#[tokio::test]
async fn refusals_are_those_of_chat() {
    let body = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}"#;
    for status in [200, 400] {
        let (reply, _) = embed(Fake::new(status, body), &EmbeddingRequest::new(["one"])).await;
        let error = reply.unwrap_err();
        assert_eq!(
            (error.kind(), error.provider(), error.model()),
            (ErrorKind::Auth, Some("gemini"), Some(MODEL))
        );
    }
}

#[tokio::test]
async fn more_texts_than_a_request_may_hold_are_not_sent() {
    for (texts, words) in [(101, "1 to 100 texts"), (0, "1 to 100 texts")] {
        let request = EmbeddingRequest::new(vec!["x"; texts]);
        let (reply, fake) = embed(two(), &request).await;
        let error = reply.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Unsupported, 0));
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((error.provider(), error.model()), (Some("gemini"), Some(MODEL)));
    }
}

#[tokio::test]
async fn what_a_target_adds_is_sent() {
    let fake = Arc::new(two());
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("extra".to_owned(), json!(1));
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    let ask = Ask::new(MODEL).with_overrides(&overrides);
    provider(&fake).embed(ask, &EmbeddingRequest::new(["one", "two"])).await.unwrap();
    assert_eq!(fake.body()["extra"], 1);
    assert_eq!(fake.head().1["x-team"], "blue");
}

#[tokio::test]
async fn whose_vectors_come_and_of_what_is_not_for_a_target_to_decide() {
    for field in ["model", "requests", "instances", "content"] {
        let fake = Arc::new(two());
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), json!([]));
        let ask = Ask::new(MODEL).with_overrides(&overrides);
        let error = provider(&fake).embed(ask, &EmbeddingRequest::new(["one", "two"])).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 0), "{field}");
    }
}
