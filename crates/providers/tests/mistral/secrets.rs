//! The key is sent, and shown nowhere.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Overrides, Provider};
use backstop_providers::mistral::MistralConfig;

use crate::common::fake::Fake;
use crate::common::told::told;
use crate::scene::with;

/// Unlike any known service's key, so that only knowing it helps.
const KEY: &str = "Zq7-unusual.key_value";
const TARGET_KEY: &str = "target/own+key=";

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_bring_it_into_an_error() {
    let echo = format!("got {KEY} and {TARGET_KEY}");
    let bodies = [
        format!(r#"{{"object":"error","message":"{echo}","type":"{KEY}","param":"x","code":"{KEY}"}}"#),
        format!(r#"{{"object":"error","message":"m","param":"{KEY}"}}"#),
        format!(r#"{{"detail":[{{"msg":"{echo}","loc":["body","{KEY}"]}}]}}"#),
        format!(r#"{{"message":"{{\"detail\":[{{\"msg\":\"{echo}\"}}]}}"}}"#),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!(r#"{{"choices":[{{"message":{{"content":""}},"{KEY}":1}}],"model":"{KEY}"}}"#),
        format!(r#"{{"choices":{{"{KEY}":"{KEY}"}}}}"#),
        echo,
    ];
    for status in [200, 301, 400, 401, 404, 422, 429, 500, 503] {
        for body in &bodies {
            let fake = Arc::new(
                Fake::new(status, body.clone())
                    .header("mistral-correlation-id", &format!("req-{KEY}"))
                    .header("location", &format!("https://{KEY}@elsewhere.example/?key={KEY}"))
                    .header("content-type", &format!("text/{KEY}")),
            );
            let provider = with(MistralConfig::new(KEY), &fake);
            let mut overrides = Overrides::default();
            overrides.headers.push(("api-key".to_owned(), TARGET_KEY.to_owned()));
            let ask = Ask::new("m").with_overrides(&overrides);
            let request = ChatRequest::user("x");
            let error = provider.chat(ask, &request).await.unwrap_err();
            let (_, headers) = fake.head();
            assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
            assert!(headers["authorization"].is_sensitive() && headers["api-key"].is_sensitive());
            let (_, streamed) = told(provider.chat_stream(ask, &request).await).await;
            for error in [Some(error), streamed].into_iter().flatten() {
                let shown = format!("{error} {error:?} {:?}", error.request_id());
                assert!(!shown.contains(KEY) && !shown.contains(TARGET_KEY), "{status} {body}: {shown}");
            }
        }
    }
}

#[test]
fn debug_shows_no_key() {
    let config = MistralConfig::new(KEY).with_header("x-api-key", TARGET_KEY);
    let mut shown = format!("{config:?}");
    let provider = with(config, &Arc::new(Fake::new(200, "")));
    shown.push_str(&format!("{provider:?} {provider:#?}"));
    assert!(shown.contains("x-api-key") && shown.contains("api.mistral.ai"), "{shown}");
    assert!(!shown.contains("unusual") && !shown.contains(TARGET_KEY), "{shown}");
}
