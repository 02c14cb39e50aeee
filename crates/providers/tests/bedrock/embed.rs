//! Vectors.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use serde_json::{Value, json};

use crate::common::fake::Fake;
use crate::scene::provider;

const TITAN_1: &str = "amazon.titan-embed-text-v1";
const TITAN_2: &str = "amazon.titan-embed-text-v2:0";
const COHERE_3: &str = "cohere.embed-english-v3";
const COHERE_4: &str = "us.cohere.embed-v4:0";

const ONE: &str =
    r#"{"embedding":[0.5,-0.25],"embeddingsByType":{"float":[0.5,-0.25]},"inputTextTokenCount":3}"#;
const TWO: &str = r#"{"id":"e1","texts":["a","b"],"embeddings":{"float":[[0.5,-0.25],[1,0]]},"response_type":"embeddings_by_type"}"#;
const PLAIN: &str = r#"{"embeddings":[[0.5,-0.25],[1,0]],"response_type":"embeddings_floats"}"#;

async fn embed(model: &str, fake: Fake, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
    let fake = Arc::new(fake);
    let result = provider(&fake).embed(Ask::new(model), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

async fn sent(model: &str, body: &str, request: &EmbeddingRequest) -> (String, Value) {
    let fake = Arc::new(Fake::new(200, body));
    provider(&fake).embed(Ask::new(model), request).await.unwrap();
    (fake.head().0, fake.body())
}

#[tokio::test]
async fn one_text_goes_to_titan() {
    let mut request = EmbeddingRequest::new(["a"]);
    request.input_type = Some(InputType::Query);
    let (url, body) = sent(TITAN_2, ONE, &request).await;
    assert_eq!(
        url,
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan-embed-text-v2%3A0/invoke"
    );
    assert_eq!(body, json!({ "inputText": "a" }));
    request.dimensions = Some(2);
    assert_eq!(sent(TITAN_2, ONE, &request).await.1, json!({ "inputText": "a", "dimensions": 2 }));
}

#[tokio::test]
async fn texts_go_to_cohere_at_once_and_say_what_they_are_for() {
    let mut request = EmbeddingRequest::new(["a", "b"]);
    for (input_type, word) in [
        (None, "search_document"),
        (Some(InputType::Document), "search_document"),
        (Some(InputType::Query), "search_query"),
    ] {
        request.input_type = input_type;
        let expected = json!({
            "texts": ["a", "b"], "input_type": word, "embedding_types": ["float"], "truncate": "NONE",
        });
        assert_eq!(sent(COHERE_3, TWO, &request).await.1, expected);
    }
    request.dimensions = Some(2);
    assert_eq!(sent(COHERE_4, TWO, &request).await.1["output_dimension"], 2);
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts() {
    let two = EmbeddingRequest::new(["a", "b"]);
    for body in [TWO, PLAIN] {
        let fake = Fake::new(200, body)
            .header("x-amzn-bedrock-input-token-count", "10")
            .header("x-amzn-requestid", "req_1");
        let reply = embed(COHERE_3, fake, &two).await.unwrap();
        assert_eq!(reply.embeddings, [[0.5, -0.25], [1.0, 0.0]]);
        assert_eq!((reply.usage.input_tokens, reply.status), (Some(10), Some(200)));
        assert_eq!((reply.request_id.as_deref(), reply.space), (Some("req_1"), None));
    }
    let reply = embed(TITAN_2, Fake::new(200, ONE), &EmbeddingRequest::from("a")).await.unwrap();
    assert_eq!((&*reply.embeddings, reply.usage.input_tokens), (&[vec![0.5, -0.25]][..], Some(3)));
}

#[tokio::test]
async fn what_is_no_vector_for_each_text_is_a_bad_reply() {
    let two = EmbeddingRequest::new(["a", "b"]);
    let mut sized = EmbeddingRequest::from("a");
    sized.dimensions = Some(3);
    for (model, body, request) in [
        (COHERE_3, r#"{"embeddings":{"float":[[1]]}}"#, &two),
        (COHERE_3, r#"{"embeddings":[[1],[2,3]]}"#, &two),
        (COHERE_3, r#"{"embeddings":[[1],[]]}"#, &two),
        (COHERE_3, r#"{"embeddings":{"int8":[[1],[2]]}}"#, &two),
        (COHERE_3, r#"{"embeddings":[[1],[1e99]]}"#, &two),
        (COHERE_3, "{}", &two),
        (COHERE_3, "", &two),
        (TITAN_2, r#"{"message":"m"}"#, &EmbeddingRequest::from("a")),
        (TITAN_2, r#"{"embedding":[1,null]}"#, &EmbeddingRequest::from("a")),
        (TITAN_2, ONE, &sized),
    ] {
        let error = embed(model, Fake::new(200, body), request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{body}: {error}");
        assert_eq!((error.provider(), error.model()), (Some("bedrock"), Some(model)));
    }
}

#[tokio::test]
async fn what_a_model_cannot_do_is_refused_and_not_sent() {
    let two = EmbeddingRequest::new(["a", "b"]);
    let sized = |size| {
        let mut request = EmbeddingRequest::from("a");
        request.dimensions = Some(size);
        request
    };
    let fake = Arc::new(Fake::new(200, ONE));
    let bedrock = provider(&fake);
    for (model, request, word) in [
        (TITAN_2, two.clone(), "one text"),
        (TITAN_2, EmbeddingRequest::default(), "one text"),
        (TITAN_1, sized(512), "1536 dimensions, not of 512"),
        (COHERE_3, sized(512), "1024 dimensions, not of 512"),
        ("amazon.nova-lite-v1:0", two, "no embeddings"),
    ] {
        let error = bedrock.embed(Ask::new(model), &request).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(word), "{error}");
        assert_eq!((error.provider(), error.model()), (Some("bedrock"), Some(model)));
    }
    assert_eq!(fake.count(), 0);
    assert_eq!(bedrock.capabilities(TITAN_1).embed_batch, Some(1));
    assert_eq!(bedrock.capabilities(COHERE_4).embed_batch, Some(96));
}

#[tokio::test]
async fn the_only_size_of_a_model_need_not_be_asked_for() {
    let mut request = EmbeddingRequest::from("a");
    request.dimensions = Some(1536);
    let body = json!({ "embedding": vec![0.5; 1536] }).to_string();
    assert_eq!(sent(TITAN_1, &body, &request).await.1, json!({ "inputText": "a" }));
}

#[tokio::test]
async fn extra_fields_come_last_and_the_form_and_the_texts_are_not_theirs() {
    let fake = Arc::new(Fake::new(200, ONE));
    let bedrock = provider(&fake);
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("normalize".to_owned(), json!(false));
    let ask = Ask::new(TITAN_2).with_overrides(&overrides);
    bedrock.embed(ask, &EmbeddingRequest::from("a")).await.unwrap();
    assert_eq!(fake.body(), json!({ "inputText": "a", "normalize": false }));
    for field in ["embedding_types", "embeddingTypes", "texts", "inputs", "images", "inputText"] {
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), json!(["binary"]));
        let ask = Ask::new(TITAN_2).with_overrides(&overrides);
        let error = bedrock.embed(ask, &EmbeddingRequest::from("a")).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 1));
    }
    let told = |model| bedrock.capabilities(model).embed_input_type;
    assert!(told("cohere.embed-v4:0") && !told(TITAN_2));
}

#[tokio::test]
async fn a_refusal_is_told_as_of_any_request() {
    let fake = Fake::new(429, r#"{"message":"Too many requests"}"#)
        .header("x-amzn-errortype", "ThrottlingException");
    let error = embed(TITAN_2, fake, &EmbeddingRequest::from("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.model()), (ErrorKind::RateLimited, Some(TITAN_2)));
}
