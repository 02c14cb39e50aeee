//! Settings, and what of them comes from the environment.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::cohere::{Cohere, CohereConfig};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::common::fake::Fake;
use crate::scene::{MODEL, healthy, with};

type Vars = &'static [(&'static str, &'static str)];

const OWN: &str = "https://api.cohere.com";
const SET: Vars = &[("CO_API_KEY", "env-key-1")];
const BASED: Vars = &[("CO_API_KEY", "env-key-1"), ("CO_API_URL", "https://proxy.example")];

fn env(vars: Vars) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: Vars) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings
}

fn options(value: Value) -> Result<CohereConfig, Error> {
    let mut settings = settings(None, &[]);
    settings.options = value.as_object().unwrap().clone();
    CohereConfig::from_settings(settings)
}

/// URL and headers of a request; `None` if nothing is sent for want of a key.
async fn asked(config: CohereConfig) -> Option<(String, HeaderMap)> {
    let fake = Arc::new(healthy());
    match with(config, &fake).chat(Ask::new(MODEL), &ChatRequest::user("x")).await {
        Ok(_) => Some(fake.head()),
        Err(error) => {
            assert_eq!((error.kind(), fake.count()), (ErrorKind::NotConfigured, 0), "{error}");
            None
        }
    }
}

async fn key_sent(settings: Settings) -> Option<(String, String)> {
    let (url, headers) = asked(CohereConfig::from_settings(settings).unwrap()).await?;
    let key = headers.get("authorization").map_or("-", |value| value.to_str().unwrap());
    Some((url.replace("/v2/chat", ""), key.to_owned()))
}

#[tokio::test]
async fn the_key_of_the_environment_goes_where_the_environment_says() {
    for (base_url, vars, url) in [
        (None, SET, Some(OWN)),
        (Some(OWN), SET, Some(OWN)),
        (Some("https://API.cohere.com:443/"), SET, Some(OWN)),
        (Some("https://api.cohere.ai"), SET, Some("https://api.cohere.ai")),
        (None, BASED, Some("https://proxy.example")),
        // A stated base URL that is not Cohere's own never gets it.
        (Some("http://api.cohere.com"), SET, None),
        (Some("https://api.cohere.com.evil.example"), SET, None),
        (Some("https://proxy.example"), BASED, None),
        // The key belongs to the proxy the environment names, and not to Cohere.
        (Some(OWN), BASED, None),
        (None, &[], None),
    ] {
        let sent = key_sent(settings(base_url, vars)).await;
        assert_eq!(sent, url.map(|url| (url.to_owned(), "Bearer env-key-1".to_owned())), "{base_url:?}");
    }
}

#[tokio::test]
async fn the_key_has_two_names_and_the_first_that_is_set_counts() {
    for (vars, key) in [
        (&[("CO_API_KEY", "key-one-1"), ("COHERE_API_KEY", "key-two-2")][..], "Bearer key-one-1"),
        (&[("COHERE_API_KEY", "key-two-2")], "Bearer key-two-2"),
        (&[("CO_API_KEY", ""), ("COHERE_API_KEY", "key-two-2")], "Bearer key-two-2"),
    ] {
        let (_, headers) = asked(CohereConfig::from_env(&env(vars))).await.unwrap();
        assert_eq!(headers["authorization"], key);
    }
}

#[tokio::test]
async fn a_stated_key_goes_anywhere_and_none_is_no_key() {
    for (base_url, stated, sent) in [
        (Some("https://mirror.example"), "stated-key", "Bearer stated-key"),
        (None, "stated-key", "Bearer stated-key"),
        (Some("http://127.0.0.1:8080"), "none", "-"),
        (None, "none", "-"),
    ] {
        let mut settings = settings(base_url, SET);
        settings.api_key = Some(Secret::new(stated));
        assert_eq!(key_sent(settings).await.unwrap().1, sent);
    }
}

#[test]
fn without_a_key_the_provider_is_there_and_its_targets_are_skipped() {
    for (settings, told) in [
        (settings(None, &[]), "no key: set CO_API_KEY or api_key of provider `mirror`"),
        (settings(Some("https://m.example"), SET), "no key: set api_key of provider `mirror`, to \"none\""),
    ] {
        let provider = with(CohereConfig::from_settings(settings).unwrap(), &Arc::new(Fake::new(200, "")));
        let able = provider.capabilities(MODEL);
        let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&able, "mirror").unwrap();
        assert_eq!(unmet.kind, ErrorKind::NotConfigured);
        assert!(unmet.reason.starts_with(told), "{}", unmet.reason);
    }
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let mut settings = settings(None, SET);
    settings.missing = Some("base_url: MIRROR_URL is not set".to_owned());
    assert!(asked(CohereConfig::from_settings(settings.clone()).unwrap()).await.is_none());
    let able = with(CohereConfig::from_settings(settings).unwrap(), &Arc::new(healthy())).capabilities(MODEL);
    assert_eq!(able.missing.as_deref(), Some("base_url: MIRROR_URL is not set"));
}

#[tokio::test]
async fn headers_of_the_settings_and_of_the_target_are_sent() {
    let fake = Arc::new(healthy());
    let config = options(json!({ "headers": { "X-Team": "red", "X-Env": "test" } })).unwrap();
    let provider = with(config.with_header("x-more", "1").with_name("other"), &fake);
    assert_eq!(provider.name(), "other");
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    let error =
        provider.chat(Ask::new(MODEL).with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap_err();
    assert_eq!((error.kind(), fake.count()), (ErrorKind::NotConfigured, 0));

    let mut settings = settings(None, SET);
    settings.options =
        json!({ "headers": { "X-Team": "red", "X-Env": "test" } }).as_object().unwrap().clone();
    let provider = with(CohereConfig::from_settings(settings).unwrap(), &fake);
    provider.chat(Ask::new(MODEL).with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap();
    let (_, headers) = fake.head();
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
}

#[test]
fn settings_that_cannot_work_are_told() {
    for (value, words) in [
        (json!({ "header": {} }), "did you mean `headers`?"),
        (json!({ "colour": "x" }), "there are kind, base_url, api_key, connect, truncate, headers"),
        (json!({ "headers": { "x": 1 } }), "is not a text"),
        (json!({ "truncate": "END" }), "is neither true nor false"),
    ] {
        let error = options(value).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(words), "{error}");
    }
    for (config, word) in [
        (CohereConfig::new("k\n").with_base_url("http://localhost"), "line break"),
        (CohereConfig::new("k").with_base_url("http://localhost/v2/chat"), "appended by itself"),
        (CohereConfig::new("k").with_base_url("http://localhost/v2"), "appended by itself"),
        (CohereConfig::new("k").with_base_url("http://u:hunter2@localhost"), "user name"),
    ] {
        let shown_config = format!("{config:?}");
        let error = Cohere::new(config).unwrap_err();
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(
            error.kind() == ErrorKind::Config && shown.contains(word) && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("cohere").unwrap();
    assert_eq!(
        (kind.key_envs, kind.default_model),
        (&["CO_API_KEY", "COHERE_API_KEY"][..], Some("command-a-03-2025"))
    );
    let mut settings = settings(Some("http://127.0.0.1:1"), &[]);
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("cohere", settings).unwrap().name(), "mirror");
}
