//! Keys are sent or signed with, and shown nowhere.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Overrides, Provider};
use backstop_providers::bedrock::BedrockConfig;

use crate::common::fake::Fake;
use crate::common::told::told;
use crate::scene::{exception, with};

/// Unlike any known service's key, so that only knowing it helps.
const KEY: &str = "Zq7-unusual.key_value";
const TOKEN: &str = "Zq8/unusual+token=";
const ID: &str = "AKIDUNUSUAL";
const TARGET_KEY: &str = "target/own+key=";

fn configs() -> [BedrockConfig; 2] {
    [
        BedrockConfig::new("us-east-1", KEY),
        BedrockConfig::signed("us-east-1", ID, KEY).with_session_token(TOKEN),
    ]
}

#[tokio::test]
async fn a_server_that_echoes_the_keys_does_not_bring_them_into_an_error() {
    let echo = format!("got {KEY}, and {TARGET_KEY}");
    let mut bodies: Vec<Vec<u8>> = [
        format!(r#"{{"message":"{echo}","__type":"{KEY}"}}"#),
        format!(r#"{{"Message":"{echo}","originalMessage":"{echo}"}}"#),
        format!(r#"{{"message":"{{\"message\":\"{echo}\"}}"}}"#),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!(r#"{{"output":{{"message":{{"{KEY}":"{KEY}"}}}},"stopReason":"malformed_tool_use"}}"#),
        format!(r#"{{"output":{{"message":{{"content":{{"{KEY}":"{KEY}"}}}}}}}}"#),
        echo.clone(),
    ]
    .map(String::into_bytes)
    .into();
    bodies.push(exception(KEY, &format!(r#"{{"message":"{echo}"}}"#)));
    for config in configs() {
        for status in [200, 301, 400, 403, 404, 429, 500, 503] {
            for body in &bodies {
                let fake = Arc::new(
                    Fake::new(status, body.clone())
                        .header("x-amzn-requestid", &format!("req-{KEY}"))
                        .header("x-amzn-errortype", KEY)
                        .header("location", &format!("https://{KEY}@elsewhere.example/?key={KEY}"))
                        .header("content-type", &format!("text/{KEY}")),
                );
                let provider = with(config.clone(), &fake);
                let mut overrides = Overrides::default();
                overrides.headers.push(("x-key-of-target".to_owned(), TARGET_KEY.to_owned()));
                let ask = Ask::new("m").with_overrides(&overrides);
                let request = ChatRequest::user("x");
                let error = provider.chat(ask, &request).await.err();
                let (url, headers) = fake.head();
                assert!(headers["authorization"].is_sensitive() && headers["x-key-of-target"].is_sensitive());
                assert!(!url.contains(KEY) && !url.contains(ID));
                let (_, streamed) = told(provider.chat_stream(ask, &request).await).await;
                assert!(error.is_some() && streamed.is_some());
                for error in [error, streamed].into_iter().flatten() {
                    let shown = format!("{error} {error:?} {:?}", error.request_id());
                    assert!(!shown.contains(KEY) && !shown.contains(TARGET_KEY), "{status}: {shown}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_secret_of_an_access_key_is_not_sent() {
    let fake = Arc::new(crate::scene::healthy());
    let [_, signed] = configs();
    with(signed, &fake).chat(Ask::new("m"), &ChatRequest::user("x")).await.unwrap();
    let (url, headers) = fake.head();
    assert!(!format!("{url} {headers:?}").contains("unusual"), "{headers:?}");
    for value in headers.values() {
        assert!(!value.to_str().unwrap().contains(KEY));
    }
}

#[test]
fn debug_shows_no_key() {
    for config in configs() {
        let config = config.with_header("x-api-key", TARGET_KEY);
        let mut shown = format!("{config:?}");
        let provider = with(config, &Arc::new(Fake::new(200, "")));
        shown.push_str(&format!("{provider:?} {provider:#?}"));
        assert!(shown.contains("x-api-key") && shown.contains("us-east-1"), "{shown}");
        for secret in ["unusual", "UNUSUAL", TARGET_KEY] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
