//! The key is sent, and shown nowhere.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Overrides, Provider};
use backstop_providers::gemini::{Gemini, GeminiConfig};
use backstop_providers::http::Transport;

use crate::asked::{Fake, MODEL};

/// Unlike any known service's key, so that only knowing it helps.
const KEY: &str = "Zq7-unusual.key_value";
const TARGET_KEY: &str = "target/own+key=";

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_bring_it_into_an_error() {
    let echo = format!("got {KEY} and {TARGET_KEY} and AIzaSomebodyElses0123456789");
    let bodies = [
        format!(
            r#"{{"error":{{"message":"{echo}","status":"{KEY}","code":"{KEY}","details":[{{"@type":"x.ErrorInfo","reason":"{KEY}"}}]}}}}"#
        ),
        format!(r#"[{{"error":{{"message":"{echo}"}}}}]"#),
        format!(r#"{{"error":"{echo}"}}"#),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!(r#"{{"promptFeedback":{{"blockReason":"{KEY}","blockReasonMessage":"{echo}"}}}}"#),
        format!(
            r#"{{"candidates":[{{"finishReason":"{KEY}","finishMessage":"{echo}"}}],"responseId":"{KEY}"}}"#
        ),
        format!(r#"{{"candidates":{{"{KEY}":"{KEY}"}}}}"#),
        echo,
    ];
    for status in [200, 301, 400, 401, 403, 404, 413, 429, 500, 503] {
        for body in &bodies {
            let fake = Fake::new(status, body.clone())
                .header("x-request-id", &format!("req-{KEY}"))
                .header("location", &format!("https://{KEY}@elsewhere.example/?key={KEY}"))
                .header("content-type", &format!("text/{KEY}"));
            let fake = Arc::new(fake);
            let transport: Arc<dyn Transport> = fake.clone();
            let provider = Gemini::with_transport(GeminiConfig::new(KEY), transport).unwrap();
            let mut overrides = Overrides::default();
            overrides.headers.push(("x-key-of-target".to_owned(), TARGET_KEY.to_owned()));
            let ask = Ask::new(MODEL).with_overrides(&overrides);
            let error = provider.chat(ask, &ChatRequest::user("x")).await.unwrap_err();
            let (url, headers) = fake.head();
            assert_eq!(headers["x-goog-api-key"], KEY);
            assert!(headers["x-goog-api-key"].is_sensitive() && !url.contains("unusual"));

            let mut shown = format!("{error} {error:?} {:?}", error.request_id());
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                shown.push_str(&format!("{inner} {inner:?}"));
                cause = inner.source();
            }
            for secret in [KEY, TARGET_KEY, "Somebody"] {
                assert!(!shown.contains(secret), "{status} {body}: {shown}");
            }
        }
    }
}

#[test]
fn debug_shows_no_key() {
    let config = GeminiConfig::new(KEY).with_header("x-api-key", TARGET_KEY);
    let mut shown = format!("{config:?}");
    let transport: Arc<dyn Transport> = Arc::new(Fake::new(200, ""));
    let provider = Gemini::with_transport(config, transport).unwrap();
    shown.push_str(&format!("{provider:?} {provider:#?}"));
    assert!(shown.contains("x-api-key") && shown.contains("generativelanguage"), "{shown}");
    assert!(!shown.contains("unusual") && !shown.contains(TARGET_KEY), "{shown}");
}
