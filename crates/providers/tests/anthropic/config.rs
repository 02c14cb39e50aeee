//! Settings, and what of them comes from the environment.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Capabilities, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::scene::{KEY, MODEL, healthy, with};
use crate::transport::Fake;

const OWN: &str = "https://api.anthropic.com";
const URL: &str = "https://api.anthropic.com/v1/messages";

fn env(vars: &'static [(&'static str, &'static str)]) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: &'static [(&'static str, &'static str)]) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings
}

fn options(value: Value) -> Result<AnthropicConfig, Error> {
    let mut settings = settings(None, &[]);
    settings.api_key = Some(Secret::new("stated-key"));
    settings.options = value.as_object().unwrap().clone();
    AnthropicConfig::from_settings(settings)
}

/// What a request of this provider looks like; `None` if nothing is sent for want of a key.
async fn asked(config: AnthropicConfig) -> Option<(String, HeaderMap)> {
    asked_with(config, &Overrides::default()).await
}

async fn asked_with(config: AnthropicConfig, overrides: &Overrides) -> Option<(String, HeaderMap)> {
    let fake = Arc::new(healthy());
    let provider = with(config, &fake);
    match provider.chat(Ask::new(MODEL).with_overrides(overrides), &ChatRequest::user("x")).await {
        Ok(_) => Some(fake.head()),
        Err(error) => {
            assert_eq!((error.kind(), fake.count()), (ErrorKind::NotConfigured, 0), "{error}");
            None
        }
    }
}

/// Where a request goes, with which key and which token.
async fn sent(settings: Settings) -> Option<(String, String, String)> {
    let (url, headers) = asked(AnthropicConfig::from_settings(settings).unwrap()).await?;
    let text = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
    Some((url, text("x-api-key"), text("authorization")))
}

#[tokio::test]
async fn the_key_of_the_environment_goes_where_the_environment_says() {
    let vars: &[(&str, &str)] =
        &[("ANTHROPIC_API_KEY", "env-key-1"), ("ANTHROPIC_AUTH_TOKEN", "env-token-1")];
    let based: &[(&str, &str)] =
        &[("ANTHROPIC_API_KEY", "env-key-1"), ("ANTHROPIC_BASE_URL", "https://proxy.example/claude/")];
    for (base_url, vars, url) in [
        (None, vars, Some(URL)),
        (Some(OWN), vars, Some(URL)),
        (Some("https://API.anthropic.com:443/"), vars, Some(URL)),
        (None, based, Some("https://proxy.example/claude/v1/messages")),
        // A stated base URL that is not Anthropic's own never gets it.
        (Some("https://mirror.example"), vars, None),
        (Some("http://api.anthropic.com"), vars, None),
        (Some("https://api.anthropic.com.evil.example"), vars, None),
        (Some("https://api.anthropic.com/v2"), vars, None),
        (Some("https://proxy.example/claude"), based, None),
        // The key belongs to the proxy the environment names, and not to Anthropic.
        (Some(OWN), based, None),
        (None, &[], None),
    ] {
        let expected = url.map(|url| (url.to_owned(), "env-key-1".to_owned(), "-".to_owned()));
        assert_eq!(sent(settings(base_url, vars)).await, expected, "{base_url:?}");
    }
}

#[tokio::test]
async fn a_token_of_the_environment_is_sent_as_one() {
    let token: &[(&str, &str)] = &[("ANTHROPIC_AUTH_TOKEN", "env-token-1")];
    let expected = |key: &str, token: &str| Some((URL.to_owned(), key.to_owned(), token.to_owned()));
    assert_eq!(sent(settings(None, token)).await, expected("-", "Bearer env-token-1"));
    // A key that is stated is one.
    let mut stated = settings(None, token);
    stated.api_key = Some(Secret::new("stated-key"));
    assert_eq!(sent(stated.clone()).await, expected("stated-key", "-"));
    stated.options = json!({ "bearer": true }).as_object().unwrap().clone();
    assert_eq!(sent(stated).await, expected("-", "Bearer stated-key"));
    let config = AnthropicConfig::new("new-key").with_bearer();
    assert_eq!(asked(config).await.unwrap().1["authorization"], "Bearer new-key");
}

#[tokio::test]
async fn a_stated_key_goes_anywhere_and_none_is_no_key() {
    let mut mirror = settings(Some("https://mirror.example"), &[("ANTHROPIC_API_KEY", "env-key-1")]);
    mirror.api_key = Some(Secret::new("stated-key"));
    let url = "https://mirror.example/v1/messages".to_owned();
    assert_eq!(sent(mirror.clone()).await, Some((url.clone(), "stated-key".to_owned(), "-".to_owned())));
    for (base_url, url) in [(None, URL.to_owned()), (Some("https://mirror.example".to_owned()), url)] {
        mirror.base_url = base_url;
        mirror.api_key = Some(Secret::new("none"));
        assert_eq!(sent(mirror.clone()).await, Some((url, "-".to_owned(), "-".to_owned())));
    }
}

#[tokio::test]
async fn version_and_beta_features_are_headers_that_a_target_may_replace() {
    let text =
        |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (_, headers) = asked(AnthropicConfig::new(KEY)).await.unwrap();
    assert_eq!(text(&headers, "anthropic-version").as_deref(), Some("2023-06-01"));
    assert_eq!(text(&headers, "anthropic-beta"), None);
    assert!(headers["x-api-key"].is_sensitive());
    assert_eq!(headers["content-type"], "application/json");

    let stated = options(json!({ "version": "2026-10-21", "beta": "a-1,b-2" })).unwrap();
    let (_, headers) = asked(stated.clone()).await.unwrap();
    assert_eq!(text(&headers, "anthropic-version").as_deref(), Some("2026-10-21"));
    assert_eq!(text(&headers, "anthropic-beta").as_deref(), Some("a-1,b-2"));

    let mut overrides = Overrides::default();
    for (name, value) in [("Anthropic-Version", "2023-06-01"), ("anthropic-beta", "c-3"), ("x-team", "blue")]
    {
        overrides.headers.push((name.to_owned(), value.to_owned()));
    }
    let (_, headers) =
        asked_with(stated.with_header("X-Team", "red").with_header("x-env", "test"), &overrides)
            .await
            .unwrap();
    assert_eq!(text(&headers, "anthropic-version").as_deref(), Some("2023-06-01"));
    assert_eq!(text(&headers, "anthropic-beta").as_deref(), Some("c-3"));
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
}

#[tokio::test]
async fn the_limit_of_the_settings_is_sent() {
    let fake = Arc::new(healthy());
    let config = options(json!({ "max_output_tokens": 77 })).unwrap();
    with(config, &fake).chat(Ask::new(MODEL), &ChatRequest::user("x")).await.unwrap();
    assert_eq!(fake.body()["max_tokens"], 77);
}

#[test]
fn without_a_key_the_provider_is_there_and_its_targets_are_skipped() {
    let cases = [
        (settings(None, &[]), "no key: set ANTHROPIC_API_KEY or api_key of provider `mirror`"),
        (settings(None, &[("ANTHROPIC_API_KEY", "")]), "no key: set ANTHROPIC_API_KEY"),
        (
            settings(Some("https://m.example"), &[("ANTHROPIC_API_KEY", "k")]),
            "no key: set api_key of provider `mirror`, to \"none\"",
        ),
    ];
    for (settings, told) in cases {
        let fake = Arc::new(Fake::new(200, ""));
        let able = with(AnthropicConfig::from_settings(settings).unwrap(), &fake).capabilities(MODEL);
        let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&able, "mirror").unwrap();
        assert_eq!(unmet.kind, ErrorKind::NotConfigured);
        assert!(unmet.reason.starts_with(told), "{}", unmet.reason);
    }
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let mut settings = settings(None, &[("ANTHROPIC_API_KEY", "env-key-1")]);
    settings.missing = Some("base_url: MIRROR_URL is not set".to_owned());
    let config = AnthropicConfig::from_settings(settings.clone()).unwrap();
    assert!(asked(config).await.is_none(), "the key must not go to where the base URL was not meant");
    let fake = Arc::new(healthy());
    let able = with(AnthropicConfig::from_settings(settings).unwrap(), &fake).capabilities(MODEL);
    assert_eq!(able.missing.as_deref(), Some("base_url: MIRROR_URL is not set"));
}

#[test]
fn what_it_can_do_is_said() {
    let able = with(AnthropicConfig::new(KEY), &Arc::new(healthy())).capabilities(MODEL);
    let mut expected = Capabilities::default().with_chat().with_chat_stream();
    (expected.tools, expected.images, expected.image_urls) = (true, true, true);
    (expected.json_schema, expected.reasoning) = (true, true);
    assert_eq!(able, expected);
}

#[test]
fn a_setting_that_does_not_exist_names_the_one_that_was_meant() {
    for (value, words) in [
        (json!({ "versoin": "x" }), "did you mean `version`?"),
        (json!({ "baseurl": "x" }), "did you mean `base_url`?"),
        (
            json!({ "colour": "x" }),
            "there are kind, base_url, api_key, connect, version, beta, bearer, max_output_tokens, thinking, headers",
        ),
        (json!({ "version": 7 }), "`version` of provider `mirror` is not a text"),
        (json!({ "beta": [] }), "`beta` of provider `mirror` is not a text"),
        (json!({ "bearer": "yes" }), "is neither true nor false"),
        (json!({ "max_output_tokens": 0 }), "is not a whole number from 1 on"),
        (json!({ "max_output_tokens": "many" }), "is not a whole number from 1 on"),
        (json!({ "thinking": "deeply" }), "`thinking` of provider `mirror` is neither adaptive nor budget"),
        (json!({ "headers": "x" }), "is not a table"),
    ] {
        let error = options(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_fail_when_the_provider_is_built() {
    for (config, word) in [
        (AnthropicConfig::new("k\n").with_base_url("http://localhost"), "line break"),
        (AnthropicConfig::new("k k").with_base_url("http://localhost").with_bearer(), "space"),
        (AnthropicConfig::keyless("localhost:8080"), "https://"),
        (AnthropicConfig::keyless("http://localhost/v1/messages"), "ends with /v1/messages"),
        (AnthropicConfig::keyless("http://localhost/v1/"), "ends with /v1, which is appended by itself"),
        (AnthropicConfig::keyless("http://u:hunter2@localhost"), "user name"),
        (AnthropicConfig::keyless("http://localhost").with_header("x y", "z"), "header"),
        (AnthropicConfig::keyless("http://localhost").with_version("a\nb"), "anthropic-version"),
        (AnthropicConfig::keyless("http://localhost").with_beta("a\nb"), "anthropic-beta"),
    ] {
        let shown_config = format!("{config:?}");
        let error = Anthropic::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(shown.contains(word) && !shown.contains("hunter2"), "{shown}");
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_without_tls_names_the_feature() {
    let error = Anthropic::new(AnthropicConfig::new(KEY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("feature rustls"), "{error}");
}

#[cfg(feature = "rustls")]
#[test]
fn https_with_tls_can_be_built() {
    assert_eq!(Anthropic::new(AnthropicConfig::new(KEY)).unwrap().name(), "anthropic");
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("anthropic").unwrap();
    assert_eq!(kind.key_envs, ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]);
    assert_eq!(kind.default_model, Some("claude-haiku-5-5"));
    let mut settings = settings(Some("http://127.0.0.1:1"), &[]);
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("anthropic", settings).unwrap().name(), "mirror");
}
