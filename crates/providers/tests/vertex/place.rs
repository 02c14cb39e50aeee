//! Where it asks.

use std::sync::Arc;

use backstop_core::chat::{ChatRequest, Message, Part, ProviderRef};
use backstop_core::{Ask, ErrorKind, Needs, Provider};
use backstop_providers::vertex::{Vertex, VertexConfig};
use serde_json::{Value, json};

use crate::cloud::{Cloud, MODEL, chat, vertex};

fn config() -> VertexConfig {
    VertexConfig::new("p-1").with_token("ya29.token-0")
}

async fn url(config: VertexConfig, model: &str) -> String {
    let cloud = Cloud::healthy();
    vertex(config, &cloud).chat(Ask::new(model), &"x".into()).await.unwrap();
    cloud.urls().remove(0)
}

#[tokio::test]
async fn a_location_has_its_host_and_its_path() {
    for (location, host) in [
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
    ] {
        assert_eq!(
            url(config().with_location(location), MODEL).await,
            format!(
                "{host}/v1beta1/projects/p-1/locations/{location}/publishers/google/models/gemini-x:generateContent"
            )
        );
    }
    assert!(
        url(config(), MODEL)
            .await
            .contains("//aiplatform.googleapis.com/v1beta1/projects/p-1/locations/global/")
    );
    let odd = VertexConfig::new("dom.example:p/1").with_token("t-1234");
    assert!(url(odd, MODEL).await.contains("/projects/dom.example%3Ap%2F1/locations/"));
}

#[tokio::test]
async fn a_model_may_be_named_in_several_ways() {
    let at = "https://aiplatform.googleapis.com/v1beta1/";
    let here = "projects/p-1/locations/global/";
    for (model, path) in [
        ("publishers/meta/models/llama", format!("{here}publishers/meta/models/llama")),
        ("meta/llama", format!("{here}publishers/meta/models/llama")),
        ("endpoints/123", format!("{here}endpoints/123")),
        ("projects/o/locations/l/endpoints/7", "projects/o/locations/l/endpoints/7".to_owned()),
    ] {
        assert_eq!(url(config(), model).await, format!("{at}{path}:generateContent"));
    }
}

#[tokio::test]
async fn express_mode_has_a_key_and_no_project() {
    let cloud = Cloud::healthy();
    chat(&vertex(VertexConfig::express("AIza-express-key"), &cloud)).await.unwrap();
    assert_eq!(
        cloud.urls(),
        ["https://aiplatform.googleapis.com/v1beta1/publishers/google/models/gemini-x:generateContent"]
    );
    assert_eq!(cloud.headers("x-goog-api-key"), ["AIza-express-key"]);
    assert_eq!(cloud.headers("authorization"), ["-"]);
}

#[tokio::test]
async fn a_stream_is_asked_for_as_events() {
    let cloud = Cloud::healthy();
    drop(vertex(config(), &cloud).chat_stream(Ask::new(MODEL), &"x".into()).await.unwrap());
    assert!(cloud.urls()[0].ends_with(":streamGenerateContent?alt=sse"), "{:?}", cloud.urls());
    assert_eq!(cloud.headers("authorization"), ["Bearer ya29.token-0"]);
}

#[tokio::test]
async fn images_and_files_may_be_at_urls() {
    let cloud = Cloud::healthy();
    let vertex = vertex(config(), &cloud);
    let request = ChatRequest::new([Message::user_parts([
        Part::image_url("https://a.example/x/cat.JPG?size=1.png#a"),
        Part::image_url("gs://bucket/cat"),
        Part::Upload(ProviderRef::new("vertex", "gs://bucket/cat.webp")),
        Part::Upload(ProviderRef::new("vertex", "files/abc")),
    ])]);
    assert_eq!(Needs::of(&request).unmet_by(&vertex.capabilities(MODEL), "vertex"), None);
    vertex.chat(Ask::new(MODEL), &request).await.unwrap();
    let file = |media_type: Option<&str>, uri: &str| {
        let mut data = json!({ "fileUri": uri });
        if let Some(media_type) = media_type {
            data["mimeType"] = media_type.into();
        }
        json!({ "fileData": data })
    };
    assert_eq!(
        cloud.bodies()[0]["contents"][0]["parts"],
        json!([
            file(Some("image/jpeg"), "https://a.example/x/cat.JPG?size=1.png#a"),
            file(None, "gs://bucket/cat"),
            file(Some("image/webp"), "gs://bucket/cat.webp"),
            file(None, "files/abc"),
        ])
    );
}

#[tokio::test]
async fn signatures_of_geminis_own_api_are_those_of_another() {
    let cloud = Cloud::says(
        200,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"},"thoughtSignature":"s"}]},"finishReason":"STOP"}],"responseId":"r"}"#,
    );
    let reply = chat(&vertex(config(), &cloud)).await.unwrap();
    assert_eq!((&*reply.sealed[0].provider, &*reply.tool_calls[0].id), ("vertex", "call_r_0"));
    let request =
        ChatRequest::new([Message::user("x"), reply.into_message(), Message::tool("call_r_0", "y")]);
    for (name, signature) in [("vertex", "s"), ("mirror", "skip_thought_signature_validator")] {
        let cloud = Cloud::healthy();
        vertex(config().with_name(name), &cloud).chat(Ask::new(MODEL), &request).await.unwrap();
        assert_eq!(cloud.bodies()[0]["contents"][1]["parts"][0]["thoughtSignature"], json!(signature));
        assert_eq!(
            cloud.bodies()[0]["contents"][1]["parts"][0]["functionCall"]["args"],
            Value::Object(serde_json::Map::new())
        );
    }
}

#[test]
fn what_is_no_location_or_version_cannot_be_built() {
    let base = || config().with_base_url("http://localhost");
    for (config, word) in [
        (config().with_location("evil.example/"), "location"),
        (config().with_location(""), "location"),
        (base().with_location("a b"), "location"),
        (config().with_base_url("http://localhost/v1"), "appended by itself"),
        (base().with_token("a\nb"), "line break"),
        (base().with_header("x y", "z"), "header"),
    ] {
        let error = Vertex::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(word), "{error}");
    }
    let provider = Vertex::new(base()).unwrap();
    assert!(Arc::new(provider).capabilities(MODEL).missing.is_none());
}
