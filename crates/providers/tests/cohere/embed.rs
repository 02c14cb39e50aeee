//! Vectors.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Needs, Overrides, Provider};
use backstop_providers::cohere::CohereConfig;
use serde_json::{Value, json};

use crate::common::fake::Fake;
use crate::scene::{KEY, provider, with};

const TWO: &str = r#"{"id":"e1","texts":["a","b"],"embeddings":{"float":[[0.5,-0.25],[1,0]]},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":10.0}},"response_type":"embeddings_by_type"}"#;

async fn embed(status: u16, body: &str, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
    let fake = Arc::new(Fake::new(status, body));
    let result = provider(&fake).embed(Ask::new("embed-v4.0"), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

async fn sent(config: CohereConfig, request: &EmbeddingRequest) -> (String, Value) {
    let fake = Arc::new(Fake::new(200, TWO));
    with(config, &fake).embed(Ask::new("embed-v4.0"), request).await.unwrap();
    (fake.head().0, fake.body())
}

#[tokio::test]
async fn texts_are_sent_at_once_and_say_what_they_are_for() {
    let mut request = EmbeddingRequest::new(["a", "b"]);
    for (input_type, word) in [
        (None, "search_document"),
        (Some(InputType::Document), "search_document"),
        (Some(InputType::Query), "search_query"),
    ] {
        request.input_type = input_type;
        let (url, body) = sent(CohereConfig::new(KEY), &request).await;
        assert_eq!(url, "https://api.cohere.com/v2/embed");
        assert_eq!(
            body,
            json!({
                "model": "embed-v4.0", "texts": ["a", "b"], "input_type": word, "embedding_types": ["float"],
                "truncate": "NONE",
            })
        );
    }
    request.dimensions = Some(2);
    let (_, body) = sent(CohereConfig::new(KEY).with_truncation(), &request).await;
    assert_eq!((&body["output_dimension"], &body["truncate"]), (&json!(2), &json!("END")));
}

#[tokio::test]
async fn vectors_come_back_in_their_order() {
    let request = EmbeddingRequest::new(["a", "b"]);
    let reply = embed(200, TWO, &request).await.unwrap();
    assert_eq!(reply.embeddings, [[0.5, -0.25], [1.0, 0.0]]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (Some(10), None));
    assert_eq!((reply.model, reply.status, reply.space), (None, Some(200), None));
    let told = r#"{"embeddings":{"float":[[1],[2]]},"meta":{"tokens":{"input_tokens":4},"billed_units":{"input_tokens":3}}}"#;
    assert_eq!(embed(200, told, &request).await.unwrap().usage.input_tokens, Some(4));
    for meta in ["null", "{}", r#""odd""#] {
        let body = format!(r#"{{"embeddings":{{"float":[[1],[2]]}},"meta":{meta}}}"#);
        assert_eq!(embed(200, &body, &request).await.unwrap().usage.input_tokens, None);
    }
    let able = provider(&Arc::new(Fake::new(200, TWO))).capabilities("embed-v4.0");
    assert!(Needs::of_embedding(&request).unmet_by(&able, "cohere").is_none());
}

#[tokio::test]
async fn vectors_that_are_none_are_a_bad_reply() {
    let two = EmbeddingRequest::new(["a", "b"]);
    let mut three = two.clone();
    three.dimensions = Some(3);
    for (body, request, words) in [
        (r#"{"embeddings":{"float":[[1]]}}"#, &two, "1 vectors for 2 texts"),
        (r#"{"embeddings":{"float":[[1],[]]}}"#, &two, "without numbers"),
        (r#"{"embeddings":{"float":[[1],[1e39]]}}"#, &two, "no number"),
        (TWO, &three, "2 numbers in place of 3"),
        (r#"{"embeddings":{"int8":[[1],[2]]}}"#, &two, "no vectors"),
        (r#"{"embeddings":[[1],[2]]}"#, &two, "embeddings"),
        ("{}", &two, "no vectors"),
        ("[]", &two, "another form"),
    ] {
        let error = embed(200, body, request).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::BadReply, Some("cohere")), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let long = r#"{"message":"too many tokens: total number of tokens in the prompt cannot exceed 512 - received 900."}"#;
    let error = embed(400, long, &two).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().needed_tokens), (ErrorKind::ContextLength, Some(900)));
}

#[tokio::test]
async fn a_target_cannot_ask_for_vectors_that_nobody_reads() {
    for (field, value) in [
        ("embedding_types", json!(["int8"])),
        ("model", json!("embed-english-v3.0")),
        ("texts", json!(["b"])),
        ("inputs", json!([])),
        ("images", json!([])),
    ] {
        let fake = Arc::new(Fake::new(200, TWO));
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), value);
        let ask = Ask::new("embed-v4.0").with_overrides(&overrides);
        let error = provider(&fake).embed(ask, &EmbeddingRequest::new(["a"])).await.unwrap_err();
        assert_eq!((error.kind(), error.provider(), fake.count()), (ErrorKind::Config, Some("cohere"), 0));
    }
}
