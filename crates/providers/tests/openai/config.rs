//! Settings, and what of them comes from the environment.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::openai::{OpenAi, OpenAiConfig};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::fake::{Fake, KEY, healthy, with};

const OWN: &str = "https://api.openai.com/v1";

fn env(vars: &'static [(&'static str, &'static str)]) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: &'static [(&'static str, &'static str)]) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings
}

fn options(value: Value) -> Result<OpenAiConfig, Error> {
    let mut settings = settings(None, &[]);
    settings.options = value.as_object().unwrap().clone();
    OpenAiConfig::from_settings(settings)
}

/// What a request of this provider looks like; `None` if nothing is sent for want of a key.
async fn asked(config: OpenAiConfig) -> Option<(String, HeaderMap)> {
    let fake = Arc::new(healthy());
    let provider = with(config, &fake);
    match provider.chat(Ask::new("gpt-x"), &ChatRequest::user("x")).await {
        Ok(_) => Some(fake.head()),
        Err(error) => {
            assert_eq!((error.kind(), fake.count()), (ErrorKind::NotConfigured, 0), "{error}");
            None
        }
    }
}

async fn key_sent(settings: Settings) -> Option<(String, String)> {
    let (url, headers) = asked(OpenAiConfig::from_settings(settings).unwrap()).await?;
    let key = headers.get("authorization").map_or("-", |value| value.to_str().unwrap());
    Some((url, key.to_owned()))
}

#[tokio::test]
async fn the_key_of_the_environment_goes_where_the_environment_says() {
    let vars: &[(&str, &str)] = &[("OPENAI_API_KEY", "env-key-1")];
    let based: &[(&str, &str)] =
        &[("OPENAI_API_KEY", "env-key-1"), ("OPENAI_BASE_URL", "https://proxy.example/v1")];
    for (base_url, vars, url) in [
        (None, vars, Some("https://api.openai.com/v1/chat/completions")),
        (Some(OWN), vars, Some("https://api.openai.com/v1/chat/completions")),
        (Some("https://API.openai.com:443/v1/"), vars, Some("https://api.openai.com/v1/chat/completions")),
        (None, based, Some("https://proxy.example/v1/chat/completions")),
        // A stated base URL that is not OpenAI's own never gets it.
        (Some("https://mirror.example/v1"), vars, None),
        (Some("http://api.openai.com/v1"), vars, None),
        (Some("https://api.openai.com.evil.example/v1"), vars, None),
        (Some("https://api.openai.com/v2"), vars, None),
        (Some("https://proxy.example/v1"), based, None),
        // The key belongs to the proxy the environment names, and not to OpenAI.
        (Some(OWN), based, None),
        (None, &[], None),
    ] {
        let sent = key_sent(settings(base_url, vars)).await;
        let expected = url.map(|url| (url.to_owned(), "Bearer env-key-1".to_owned()));
        assert_eq!(sent, expected, "{base_url:?}");
    }
}

#[tokio::test]
async fn a_stated_key_goes_anywhere_and_none_is_no_key() {
    let mut mirror = settings(Some("https://mirror.example/v1"), &[("OPENAI_API_KEY", "env-key-1")]);
    mirror.api_key = Some(Secret::new("stated-key"));
    let sent = key_sent(mirror.clone()).await.unwrap();
    assert_eq!(
        sent,
        ("https://mirror.example/v1/chat/completions".to_owned(), "Bearer stated-key".to_owned())
    );

    for base_url in [None, Some("https://mirror.example/v1".to_owned())] {
        mirror.base_url = base_url;
        mirror.api_key = Some(Secret::new("none"));
        assert_eq!(key_sent(mirror.clone()).await.unwrap().1, "-");
    }
}

#[tokio::test]
async fn organization_and_project_belong_to_the_environment_too() {
    let vars: &[(&str, &str)] =
        &[("OPENAI_API_KEY", "k-1234"), ("OPENAI_ORG_ID", "org-1"), ("OPENAI_PROJECT_ID", "proj_1")];
    let (_, headers) = asked(OpenAiConfig::from_settings(settings(None, vars)).unwrap()).await.unwrap();
    assert_eq!(
        (&headers["openai-organization"], &headers["openai-project"]),
        (&"org-1".parse().unwrap(), &"proj_1".parse().unwrap())
    );

    let mut foreign = settings(Some("https://mirror.example/v1"), vars);
    foreign.api_key = Some(Secret::new("stated"));
    let (_, headers) = asked(OpenAiConfig::from_settings(foreign).unwrap()).await.unwrap();
    assert!(!headers.contains_key("openai-organization") && !headers.contains_key("openai-project"));
}

#[tokio::test]
async fn headers_of_the_settings_and_of_the_target_are_sent() {
    let fake = Arc::new(healthy());
    let mut settings = settings(None, &[]);
    settings.api_key = Some(Secret::new("none"));
    let options = json!({ "organization": "org-2", "headers": { "X-Team": "red", "X-Env": "test" } });
    settings.options = options.as_object().unwrap().clone();
    let provider = with(OpenAiConfig::from_settings(settings).unwrap(), &fake);
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    provider.chat(Ask::new("gpt-x").with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap();
    let (_, headers) = fake.head();
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
    assert_eq!(headers["openai-organization"], "org-2");
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("authorization"));
}

#[test]
fn without_a_key_the_provider_is_there_and_its_targets_are_skipped() {
    let cases = [
        (settings(None, &[]), "no key: set OPENAI_API_KEY or api_key of provider `mirror`"),
        (settings(None, &[("OPENAI_API_KEY", "")]), "no key: set OPENAI_API_KEY"),
        (
            settings(Some("https://m.example/v1"), &[("OPENAI_API_KEY", "k")]),
            "no key: set api_key of provider `mirror`",
        ),
    ];
    for (settings, told) in cases {
        let fake = Arc::new(Fake::new(200, ""));
        let provider = with(OpenAiConfig::from_settings(settings).unwrap(), &fake);
        let able = provider.capabilities("gpt-x");
        let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&able, "mirror").unwrap();
        assert_eq!(unmet.kind, ErrorKind::NotConfigured);
        assert!(unmet.reason.starts_with(told), "{}", unmet.reason);
    }
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let mut settings = settings(None, &[("OPENAI_API_KEY", "env-key-1")]);
    settings.missing = Some("base_url: MIRROR_URL is not set".to_owned());
    let config = OpenAiConfig::from_settings(settings.clone()).unwrap();
    assert!(asked(config).await.is_none(), "the key must not go to where the base URL was not meant");
    let fake = Arc::new(healthy());
    let able = with(OpenAiConfig::from_settings(settings).unwrap(), &fake).capabilities("gpt-x");
    assert_eq!(able.missing.as_deref(), Some("base_url: MIRROR_URL is not set"));
}

#[test]
fn a_setting_that_does_not_exist_names_the_one_that_was_meant() {
    for (value, words) in [
        (json!({ "organisation": "x" }), "did you mean `organization`?"),
        (json!({ "baseurl": "x" }), "did you mean `base_url`?"),
        (
            json!({ "colour": "x" }),
            "there are kind, base_url, api_key, connect, organization, project, headers, stream_usage",
        ),
        (json!({ "project": 7 }), "`project` of provider `mirror` is not a text"),
        (json!({ "headers": "x" }), "is not a table"),
        (json!({ "stream_usage": "no" }), "is neither true nor false"),
        (json!({ "headers": { "x": 1 } }), "is not a text"),
    ] {
        let error = options(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_fail_when_the_provider_is_built() {
    for (config, word) in [
        (OpenAiConfig::new("k\n").with_base_url("http://localhost"), "line break"),
        (OpenAiConfig::keyless("localhost:8080/v1"), "https://"),
        (OpenAiConfig::keyless("http://localhost/v1/chat/completions"), "appended by itself"),
        (OpenAiConfig::keyless("http://u:hunter2@localhost/v1"), "user name"),
        (OpenAiConfig::keyless("http://localhost").with_header("x y", "z"), "header"),
        (OpenAiConfig::keyless("http://localhost").with_project("a\nb"), "openai-project"),
    ] {
        let shown_config = format!("{config:?}");
        let error = OpenAi::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(shown.contains(word) && !shown.contains("hunter2"), "{shown}");
    }
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_without_tls_names_the_feature() {
    let error = OpenAi::new(OpenAiConfig::new(KEY)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("feature rustls"), "{error}");
}

#[cfg(feature = "rustls")]
#[test]
fn https_with_tls_can_be_built() {
    assert_eq!(OpenAi::new(OpenAiConfig::new(KEY)).unwrap().name(), "openai");
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("openai").unwrap();
    assert_eq!((kind.key_envs, kind.default_model), (&["OPENAI_API_KEY"][..], Some("gpt-6-luna")));
    let mut settings = settings(Some("http://127.0.0.1:1/v1"), &[]);
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("openai", settings).unwrap().name(), "mirror");
}

#[test]
fn how_long_connecting_takes_is_told_where_it_is_known() {
    let told = |config| OpenAi::new(config).unwrap().capabilities("m").connect;
    let config = || OpenAiConfig::keyless("http://127.0.0.1:1/v1");
    assert_eq!(told(config()), Some(Duration::from_secs(5)));
    assert_eq!(told(config().with_connect(Duration::from_secs(20))), Some(Duration::from_secs(20)));
    // Of a transport of one's own nobody knows.
    let own = OpenAi::with_transport(config(), Arc::new(healthy())).unwrap();
    assert_eq!(own.capabilities("m").connect, None);
}
