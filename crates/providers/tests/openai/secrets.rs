//! The key is sent, and shown nowhere.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Overrides, Provider};
use backstop_providers::http::{HttpRequest, HttpResponse, Transport, TransportError};
use backstop_providers::openai::{OpenAi, OpenAiConfig};

use crate::fake::Fake;

/// Unlike any known service's key, so that only knowing it helps.
const KEY: &str = "Zq7-unusual.key_value";
const TARGET_KEY: &str = "target/own+key=";

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_bring_it_into_an_error() {
    let echo = format!("got {KEY} and {TARGET_KEY} and sk-somebody-elses-0123456789");
    let bodies = [
        format!(r#"{{"error":{{"message":"{echo}","type":"{KEY}","param":"{KEY}","code":"{KEY}"}}}}"#),
        format!(r#"{{"error":"{echo}"}}"#),
        format!(r#"{{"detail":[{{"msg":"{echo}"}}]}}"#),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!(r#"{{"choices":[{{"message":{{"content":null}},"{KEY}":{{}}}}],"model":"{KEY}"}}"#),
        format!(r#"{{"choices":{{"{KEY}":"{KEY}"}}}}"#),
        format!(r#"{{"choices":[{{"message":{{"refusal":"{KEY}"}}}}]}}"#),
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
            let provider = OpenAi::with_transport(OpenAiConfig::new(KEY), transport).unwrap();
            let mut overrides = Overrides::default();
            overrides.headers.push(("api-key".to_owned(), TARGET_KEY.to_owned()));
            let ask = Ask::new("gpt-x").with_overrides(&overrides);
            let error = provider.chat(ask, &ChatRequest::user("x")).await.unwrap_err();
            let (_, headers) = fake.head();
            assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
            assert!(headers["authorization"].is_sensitive() && headers["api-key"].is_sensitive());

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
    let config = OpenAiConfig::new(KEY).with_header("x-api-key", TARGET_KEY);
    let mut shown = format!("{config:?}");
    let transport: Arc<dyn Transport> = Arc::new(Fake::new(200, ""));
    let provider = OpenAi::with_transport(config, transport).unwrap();
    shown.push_str(&format!("{provider:?} {provider:#?}"));
    assert!(shown.contains("x-api-key") && shown.contains("api.openai.com"), "{shown}");
    assert!(!shown.contains("unusual") && !shown.contains(TARGET_KEY), "{shown}");
}

#[tokio::test]
async fn debug_of_what_travels_shows_neither_key_nor_prompt() {
    /// Keeps what a transport could log.
    #[derive(Debug, Default)]
    struct Logs(std::sync::Mutex<String>);

    #[backstop_core::async_trait]
    impl Transport for Logs {
        async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            *self.0.lock().unwrap() = format!("{request:?} {:?}", request.headers);
            Err(TransportError::new(backstop_providers::http::Fault::Reset)
                .with_detail(format!("https://a.example/?key={KEY}")))
        }
    }

    let logs = Arc::new(Logs::default());
    let transport: Arc<dyn Transport> = logs.clone();
    let provider = OpenAi::with_transport(OpenAiConfig::new(KEY), transport).unwrap();
    let error = provider.chat(Ask::new("gpt-x"), &ChatRequest::user("a private prompt")).await.unwrap_err();
    let shown = format!("{} {error} {error:?}", logs.0.lock().unwrap());
    assert!(shown.contains("authorization") && shown.contains("Sensitive"), "{shown}");
    assert!(!shown.contains("unusual") && !shown.contains("private"), "{shown}");
}
