//! The key is sent, and shown nowhere.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Overrides, Provider};
use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
use backstop_providers::http::Transport;

use crate::scene::{MODEL, with};
use crate::transport::Fake;

/// Unlike any known service's key, so that only knowing it helps.
const KEY: &str = "Zq7-unusual.key_value";
const TARGET_KEY: &str = "target/own+key=";

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_bring_it_into_an_error() {
    let echo = format!("got {KEY} and {TARGET_KEY} and sk-ant-somebody-elses-0123456789");
    let bodies = [
        format!(
            r#"{{"type":"error","error":{{"type":"{KEY}","message":"{echo}","details":{{"error_code":"{KEY}"}}}},"request_id":"{KEY}"}}"#
        ),
        format!(r#"{{"error":"{echo}"}}"#),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!(
            r#"{{"content":[],"stop_reason":"refusal","stop_details":{{"category":"{KEY}","explanation":"{echo}"}}}}"#
        ),
        format!(r#"{{"content":[],"stop_reason":"{KEY}","model":"{KEY}","{KEY}":{{}}}}"#),
        format!(r#"{{"content":{{"{KEY}":"{KEY}"}}}}"#),
        format!(r#"{{"content":[{{"type":"text","text":{{"{KEY}":"{KEY}"}}}}]}}"#),
        echo,
    ];
    for (bearer, status) in [200, 301, 400, 401, 403, 404, 413, 429, 500, 529].into_iter().enumerate() {
        for body in &bodies {
            let fake = Fake::new(status, body.clone())
                .header("x-request-id", &format!("req-{KEY}"))
                .header("location", &format!("https://{KEY}@elsewhere.example/?key={KEY}"))
                .header("content-type", &format!("text/{KEY}"));
            let fake = Arc::new(fake);
            let mut config = AnthropicConfig::new(KEY);
            if bearer % 2 == 1 {
                config = config.with_bearer();
            }
            let provider = with(config, &fake);
            let mut overrides = Overrides::default();
            overrides.headers.push(("x-key-of-target".to_owned(), TARGET_KEY.to_owned()));
            let ask = Ask::new(MODEL).with_overrides(&overrides);
            let error = provider.chat(ask, &ChatRequest::user("x")).await.unwrap_err();
            let (_, headers) = fake.head();
            let key = headers.get("x-api-key").or(headers.get("authorization")).unwrap();
            assert!(key.to_str().unwrap().ends_with(KEY) && key.is_sensitive());

            let mut shown = format!("{error} {error:?} {:?}", error.request_id());
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                shown.push_str(&format!("{inner} {inner:?}"));
                cause = inner.source();
            }
            for secret in [KEY, TARGET_KEY, "somebody"] {
                assert!(!shown.contains(secret), "{status} {body}: {shown}");
            }
        }
    }
}

#[test]
fn debug_shows_no_key() {
    for config in [AnthropicConfig::new(KEY), AnthropicConfig::new(KEY).with_bearer()] {
        let config = config.with_header("x-team-key", TARGET_KEY);
        let mut shown = format!("{config:?}");
        let transport: Arc<dyn Transport> = Arc::new(Fake::new(200, ""));
        let provider = Anthropic::with_transport(config, transport).unwrap();
        shown.push_str(&format!("{provider:?} {provider:#?}"));
        assert!(shown.contains("x-team-key") && shown.contains("api.anthropic.com"), "{shown}");
        assert!(!shown.contains("unusual") && !shown.contains(TARGET_KEY), "{shown}");
    }
}
