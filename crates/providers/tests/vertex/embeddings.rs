//! Texts that become vectors, by whichever method the model has.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use backstop_providers::vertex::{Vertex, VertexConfig};
use serde_json::json;

use crate::cloud::{Cloud, vertex};

fn provider(cloud: &Arc<Cloud>) -> Vertex {
    vertex(VertexConfig::new("p").with_token("ya29.token-0"), cloud)
}

async fn embed(cloud: &Arc<Cloud>, model: &str, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
    provider(cloud).embed(Ask::new(model), request).await
}

const AT: &str =
    "https://aiplatform.googleapis.com/v1beta1/projects/p/locations/global/publishers/google/models";

#[tokio::test]
async fn older_models_predict() {
    let cloud = Cloud::says(
        200,
        r#"{"predictions":[{"embeddings":{"values":[1,2],"statistics":{"token_count":3.0,"truncated":false}}},
            {"embeddings":{"values":[3,4],"statistics":{"token_count":4}}}],"metadata":{"billableCharacterCount":6}}"#,
    );
    let mut request = EmbeddingRequest::new(["one", "two"]);
    request.input_type = Some(InputType::Query);
    let reply = embed(&cloud, "text-embedding-005", &request).await.unwrap();
    assert_eq!((reply.embeddings, reply.usage.input_tokens), (vec![vec![1.0, 2.0], vec![3.0, 4.0]], Some(7)));
    assert_eq!(cloud.urls(), [format!("{AT}/text-embedding-005:predict")]);
    assert_eq!(
        cloud.bodies(),
        [json!({
            "instances": [
                { "content": "one", "task_type": "RETRIEVAL_QUERY" },
                { "content": "two", "task_type": "RETRIEVAL_QUERY" },
            ],
            "parameters": { "autoTruncate": false },
        })]
    );
}

#[tokio::test]
async fn a_target_may_have_texts_cut_after_all() {
    let cloud = Cloud::says(200, r#"{"predictions":[{"embeddings":{"values":[3,4]}}]}"#);
    let mut request = EmbeddingRequest::new(["one"]);
    request.dimensions = Some(2);
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("parameters".to_owned(), json!({ "autoTruncate": true }));
    let ask = Ask::new("gemini-embedding-001").with_overrides(&overrides);
    let reply = provider(&cloud).embed(ask, &request).await.unwrap();
    assert_eq!((reply.embeddings, reply.usage.input_tokens), (vec![vec![0.6, 0.8]], None));
    assert_eq!(cloud.bodies()[0]["parameters"], json!({ "autoTruncate": true, "outputDimensionality": 2 }));
}

#[tokio::test]
async fn newer_models_embed_one_text() {
    let cloud = Cloud::says(
        200,
        r#"{"embedding":{"values":[0.6,0.8]},"usageMetadata":{"promptTokenCount":3},"truncated":false}"#,
    );
    let mut request = EmbeddingRequest::new(["one"]);
    (request.dimensions, request.input_type) = (Some(2), Some(InputType::Document));
    let reply = embed(&cloud, "gemini-embedding-2", &request).await.unwrap();
    assert_eq!((reply.embeddings.len(), reply.usage.input_tokens), (1, Some(3)));
    assert_eq!(cloud.urls(), [format!("{AT}/gemini-embedding-2:embedContent")]);
    assert_eq!(
        cloud.bodies(),
        [json!({
            "content": { "parts": [{ "text": "one" }] },
            "embedContentConfig": {
                "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 2, "autoTruncate": false,
            },
        })]
    );
}

#[tokio::test]
async fn how_many_texts_go_at_once_is_the_models_business() {
    for (model, batch) in [
        ("gemini-embedding-001", 1),
        ("gemini-embedding-2", 1),
        ("text-embedding-005", 250),
        ("text-multilingual-embedding-002", 250),
    ] {
        let cloud = Cloud::healthy();
        assert_eq!(provider(&cloud).capabilities(model).embed_batch, Some(batch), "{model}");
        let many = EmbeddingRequest::new(vec!["x"; usize::try_from(batch).unwrap() + 1]);
        let error = embed(&cloud, model, &many).await.unwrap_err();
        assert_eq!((error.kind(), cloud.count()), (ErrorKind::Unsupported, 0));
    }
}
