//! Vectors.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Needs, Overrides, Provider};
use serde_json::json;

use crate::common::fake::Fake;
use crate::scene::provider;

async fn embed(status: u16, body: &str, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
    let fake = Arc::new(Fake::new(status, body));
    let result = provider(&fake).embed(Ask::new("mistral-embed"), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

#[tokio::test]
async fn texts_are_sent_at_once_and_vectors_come_back_in_their_order() {
    let body = r#"{"id":"e1","object":"list","model":"codestral-embed","usage":{"prompt_tokens":7,"total_tokens":7,"completion_tokens":0},
        "data":[{"object":"embedding","embedding":[1,0],"index":1},{"object":"embedding","embedding":[0.5,-0.25],"index":0}]}"#;
    let fake = Arc::new(Fake::new(200, body));
    let mut request = EmbeddingRequest::new(["a", "b"]);
    request.dimensions = Some(2);
    request.input_type = Some(InputType::Document);
    let reply = provider(&fake).embed(Ask::new("codestral-embed"), &request).await.unwrap();
    assert_eq!(reply.embeddings, [[0.5, -0.25], [1.0, 0.0]]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (Some(7), None));
    assert_eq!(
        (reply.model.as_deref(), reply.status, reply.space),
        (Some("codestral-embed"), Some(200), None)
    );
    assert_eq!(fake.head().0, "https://api.mistral.ai/v1/embeddings");
    assert_eq!(
        fake.body(),
        json!({ "model": "codestral-embed", "input": ["a", "b"], "output_dimension": 2 })
    );
    let able = provider(&fake).capabilities("mistral-embed");
    assert!(Needs::of_embedding(&request).unmet_by(&able, "mistral").is_none());
    // Without places they stand in their order.
    let plain = r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#;
    let reply = embed(200, plain, &EmbeddingRequest::new(["a", "b"])).await.unwrap();
    assert_eq!(reply.embeddings, [[1.0], [2.0]]);
}

#[tokio::test]
async fn vectors_that_are_none_are_a_bad_reply() {
    let two = EmbeddingRequest::new(["a", "b"]);
    let mut three = two.clone();
    three.dimensions = Some(3);
    for (body, request, words) in [
        (r#"{"data":[{"embedding":[1]}]}"#, &two, "1 vectors for 2 texts"),
        (r#"{"data":[{"embedding":[1]},{"embedding":null}]}"#, &two, "without numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1e39]}]}"#, &two, "no number"),
        (r#"{"data":[{"embedding":[1,2]},{"embedding":[1,2]}]}"#, &three, "2 numbers in place of 3"),
        (r#"{"data":[{"embedding":"AAAA"}]}"#, &two, "data[0].embedding"),
        ("{}", &two, "no vectors"),
        ("[]", &two, "another form"),
    ] {
        let error = embed(200, body, request).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::BadReply, Some("mistral")), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    for (status, body, kind) in [
        (200, r#"{"object":"error","message":"no","code":"3505"}"#, ErrorKind::Overloaded),
        (200, r#"{"error":{"message":"no"}}"#, ErrorKind::Server),
        (
            400,
            r#"{"object":"error","message":"Too many tokens in batch. Max is 16384 got 17555","type":"invalid_request_error","param":null,"code":null}"#,
            ErrorKind::ContextLength,
        ),
    ] {
        assert_eq!(embed(status, body, &two).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn whose_vectors_come_and_of_what_is_not_for_a_target_to_decide() {
    for (field, value) in [
        ("encoding_format", json!("base64")),
        ("output_dtype", json!("int8")),
        ("model", json!("m")),
        ("input", json!(["b"])),
    ] {
        let fake = Arc::new(Fake::new(200, "{}"));
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), value);
        let ask = Ask::new("mistral-embed").with_overrides(&overrides);
        let error = provider(&fake).embed(ask, &EmbeddingRequest::new(["a"])).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 0), "{field}");
    }
}
