//! Vectors.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Needs, Overrides, Provider};
use backstop_providers::ollama::OllamaConfig;
use serde_json::json;

use crate::common::fake::Fake;
use crate::scene::{provider, with};

const TWO: &str = r#"{"model":"nomic-embed-text","embeddings":[[0.5,-0.25],[1,0]],"total_duration":9,"prompt_eval_count":7}"#;

async fn embed(body: &str, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
    let fake = Arc::new(Fake::new(200, body));
    let result = provider(&fake).embed(Ask::new("nomic-embed-text"), request).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

#[tokio::test]
async fn texts_are_sent_at_once_and_come_back_in_their_order() {
    let fake = Arc::new(Fake::new(200, TWO));
    let mut request = EmbeddingRequest::new(["a", "b"]);
    request.dimensions = Some(2);
    request.input_type = Some(InputType::Query);
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("options".to_owned(), json!({ "num_gpu": 0 }));
    let ask = Ask::new("nomic-embed-text").with_overrides(&overrides);
    let config = OllamaConfig::new().with_num_ctx(512).with_keep_alive("-1");
    let reply = with(config, &fake).embed(ask, &request).await.unwrap();
    assert_eq!(reply.embeddings, [[0.5, -0.25], [1.0, 0.0]]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (Some(7), None));
    assert_eq!(
        (reply.model.as_deref(), reply.status, reply.space),
        (Some("nomic-embed-text"), Some(200), None)
    );
    assert_eq!(fake.head().0, "http://127.0.0.1:11434/api/embed");
    assert_eq!(
        fake.body(),
        json!({
            "model": "nomic-embed-text", "input": ["a", "b"], "dimensions": 2,
            "options": { "num_ctx": 512, "num_gpu": 0 }, "keep_alive": -1, "truncate": false,
        })
    );
    let able = provider(&fake).capabilities("nomic-embed-text");
    assert!(Needs::of_embedding(&request).unmet_by(&able, "ollama").is_none());
}

#[tokio::test]
async fn vectors_that_are_none_are_a_bad_reply() {
    let two = EmbeddingRequest::new(["a", "b"]);
    let mut three = two.clone();
    three.dimensions = Some(3);
    for (body, request, words) in [
        (r#"{"embeddings":[[1]]}"#, &two, "1 vectors for 2 texts"),
        (r#"{"embeddings":[]}"#, &two, "0 vectors for 2 texts"),
        (r#"{"embeddings":[[1],[2],[3]]}"#, &two, "3 vectors for 2 texts"),
        (r#"{"embeddings":[[1],[]]}"#, &two, "without numbers"),
        (r#"{"embeddings":[[1],[1e39]]}"#, &two, "no number"),
        (r#"{"embeddings":[[1],[null]]}"#, &two, "embeddings[1][0]"),
        (TWO, &three, "2 numbers in place of 3"),
        ("{}", &two, "no vectors"),
        ("[]", &two, "another form"),
    ] {
        let error = embed(body, request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadReply, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((error.provider(), error.status()), (Some("ollama"), Some(200)));
    }
    let error = embed(r#"{"error":"oops"}"#, &two).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(embed(r#"{"embeddings":[]}"#, &EmbeddingRequest::default()).await.unwrap().embeddings.is_empty());
}

#[tokio::test]
async fn whose_vectors_come_and_of_what_is_not_for_a_target_to_decide() {
    for (field, value) in [("model", json!("m")), ("input", json!(["b"]))] {
        let fake = Arc::new(Fake::new(200, TWO));
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), value);
        let ask = Ask::new("nomic-embed-text").with_overrides(&overrides);
        let error = provider(&fake).embed(ask, &EmbeddingRequest::new(["a"])).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 0), "{field}");
    }
}
