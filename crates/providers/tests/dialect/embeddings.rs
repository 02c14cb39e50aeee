//! Embeddings: what is sent, and what comes back.

use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, ErrorKind, Overrides, Provider};
use serde_json::{Value, json};

use crate::speaker::{Fake, MODEL, config, speaker};

async fn embed(kind: &str, request: &EmbeddingRequest, body: &str) -> (Result<EmbeddingReply, Error>, Value) {
    let fake = Arc::new(Fake::new(200, body));
    let result = speaker(config(kind), &fake).embed(Ask::new(MODEL), request).await;
    (result, fake.body())
}

async fn vectors(texts: usize, body: &str) -> Result<EmbeddingReply, Error> {
    let request = EmbeddingRequest::new(vec!["a"; texts]);
    embed("vllm", &request, body).await.0
}

#[tokio::test]
async fn everything_a_request_can_hold_has_its_place() {
    let mut request = EmbeddingRequest::new(["a", "b"]);
    (request.dimensions, request.input_type) = (Some(2), Some(InputType::Query));
    let body = r#"{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}"#;
    let common = json!({ "model": MODEL, "input": ["a", "b"], "dimensions": 2 });
    let with = |name: &str, value: &str| {
        let mut body = common.clone();
        body[name] = json!(value);
        body
    };
    for (kind, expected) in [
        ("together", common.clone()),
        ("vllm", with("encoding_format", "base64")),
        ("nvidia", with("input_type", "query")),
    ] {
        let (reply, sent) = embed(kind, &request, body).await;
        assert_eq!(reply.unwrap().embeddings, [[1.0, 2.0], [3.0, 4.0]], "{kind}");
        assert_eq!(sent, expected, "{kind}");
    }
    request.input_type = Some(InputType::Document);
    assert_eq!(embed("nvidia", &request, body).await.1["input_type"], "passage");
    request.input_type = None;
    assert_eq!(embed("nvidia", &request, body).await.1.get("input_type"), None);
}

#[tokio::test]
async fn vectors_are_read_in_either_form_and_put_in_order() {
    let reply = vectors(
        3,
        r#"{"object":"list","model":"m-1","data":[
            {"object":"embedding","index":2,"embedding":[0.5,1e-3]},
            {"object":"embedding","index":0,"embedding":"AACAPwAAAMA="},
            {"object":"embedding","index":1,"embedding":"AACAPwAAAD8"}],
            "usage":{"prompt_tokens":7,"total_tokens":7}}"#,
    )
    .await
    .unwrap();
    assert_eq!(reply.embeddings, [[1.0, -2.0], [1.0, 0.5], [0.5, 0.001]]);
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (Some(7), None));
    assert_eq!((reply.model.as_deref(), reply.space), (Some("m-1"), None));
    assert_eq!((reply.status, reply.request_id.as_deref()), (Some(200), Some("req_1")));

    let unnumbered = vectors(2, r#"{"data":[{"embedding":[1]},{"embedding":[2]}]}"#).await.unwrap();
    assert_eq!(unnumbered.embeddings, [[1.0], [2.0]]);
    // A slash may be written with another in front of it.
    let escaped = vectors(1, r#"{"data":[{"embedding":"AACAPwAAAMAAAAA\/"}]}"#).await.unwrap();
    assert_eq!(escaped.embeddings, [[1.0, -2.0, 0.5]]);
}

#[tokio::test]
async fn what_are_no_vectors_for_these_texts_is_no_reply() {
    for (body, words) in [
        ("{}", "no embeddings"),
        (r#"{"data":null}"#, "no embeddings"),
        ("[]", "another form"),
        (r#"{"data":[]}"#, "0 embeddings came for 2 texts"),
        (r#"{"data":[{"embedding":[1]}]}"#, "1 embeddings came for 2 texts"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}]}"#, "3 embeddings"),
        (r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, "0 came twice"),
        (
            r#"{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}"#,
            "7 came twice or for no text",
        ),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#, "2 dimensions, not 1"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[]}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[null]}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":["1"]}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1e39]}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":"AADAfw=="}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":"AACAP"}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{"embedding":{"a":1}}]}"#, "1 is no list of numbers"),
        (r#"{"data":[{"embedding":[1]},{}]}"#, "another form"),
    ] {
        let error = vectors(2, body).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::BadReply, Some("vllm")), "{body}");
        assert!(error.to_string().contains(words), "{body}: {error}");
    }
    let mut request = EmbeddingRequest::new(["a"]);
    request.dimensions = Some(3);
    let (result, _) = embed("vllm", &request, r#"{"data":[{"embedding":[1,2]}]}"#).await;
    let error = result.unwrap_err();
    assert!(
        error.kind() == ErrorKind::BadReply && error.to_string().contains("2 dimensions, not 3"),
        "{error}"
    );
}

#[tokio::test]
async fn errors_are_read_like_any_other() {
    let error = vectors(1, r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, Some(200)));
    let fake = Arc::new(Fake::new(
        400,
        r#"{"error":{"message":"Requested 404384 tokens, max 300000 tokens per request","type":"max_tokens_per_request","code":"max_tokens_per_request"}}"#,
    ));
    let error = speaker(config("vllm"), &fake).embed(Ask::new(MODEL), &"a".into()).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().needed_tokens), (ErrorKind::ContextLength, Some(404_384)));
}

#[tokio::test]
async fn the_form_of_vectors_and_whose_they_are_is_not_for_a_target_to_decide() {
    for (field, value) in
        [("encoding_format", json!("base64_int8")), ("model", json!("other")), ("input", json!(["b"]))]
    {
        let mut overrides = Overrides::default();
        overrides.extra_body.insert(field.to_owned(), value);
        let fake = Arc::new(Fake::new(200, ""));
        let ask = Ask::new(MODEL).with_overrides(&overrides);
        let error = speaker(config("vllm"), &fake).embed(ask, &"a".into()).await.unwrap_err();
        assert_eq!((error.kind(), fake.count()), (ErrorKind::Config, 0), "{field}");
    }
}
