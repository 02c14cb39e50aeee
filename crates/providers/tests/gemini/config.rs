//! Settings, and what of them comes from the environment.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::gemini::{Gemini, GeminiConfig};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::asked::{Fake, MODEL, healthy, with};

const OWN: &str = "https://generativelanguage.googleapis.com";
const PATH: &str = "/v1beta/models/gemini-x:generateContent";

type Vars = &'static [(&'static str, &'static str)];

fn env(vars: Vars) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: Vars) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings
}

fn options(value: Value) -> Result<GeminiConfig, Error> {
    let mut settings = settings(None, &[]);
    settings.options = value.as_object().unwrap().clone();
    GeminiConfig::from_settings(settings)
}

/// What a request of this provider looks like; `None` if nothing is sent for want of a key.
async fn asked(config: GeminiConfig) -> Option<(String, HeaderMap)> {
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
    let (url, headers) = asked(GeminiConfig::from_settings(settings).unwrap()).await?;
    let key = headers.get("x-goog-api-key").map_or("-", |value| value.to_str().unwrap());
    Some((url, key.to_owned()))
}

#[tokio::test]
async fn the_key_of_the_environment_goes_where_the_environment_says() {
    let vars: Vars = &[("GEMINI_API_KEY", "env-key-1")];
    let both: Vars = &[("GEMINI_API_KEY", "env-key-2"), ("GOOGLE_API_KEY", "env-key-1")];
    let based: Vars = &[("GOOGLE_API_KEY", "env-key-1"), ("GOOGLE_GEMINI_BASE_URL", "https://proxy.example")];
    for (base_url, vars, base) in [
        (None, vars, Some(OWN)),
        (None, both, Some(OWN)),
        (Some(OWN), vars, Some(OWN)),
        (Some("https://GENERATIVELANGUAGE.googleapis.com:443/"), vars, Some(OWN)),
        (None, based, Some("https://proxy.example")),
        // A stated base URL that is not Gemini's own never gets it.
        (Some("https://mirror.example"), vars, None),
        (Some("http://generativelanguage.googleapis.com"), vars, None),
        (Some("https://generativelanguage.googleapis.com.evil.example"), vars, None),
        (Some("https://proxy.example"), based, None),
        // The key belongs to the proxy the environment names, and not to Gemini.
        (Some(OWN), based, None),
        (None, &[], None),
    ] {
        let sent = key_sent(settings(base_url, vars)).await;
        let expected = base.map(|base| (format!("{base}{PATH}"), "env-key-1".to_owned()));
        assert_eq!(sent, expected, "{base_url:?}");
    }
}

#[tokio::test]
async fn a_stated_key_goes_anywhere_and_none_is_no_key() {
    let mut mirror = settings(Some("https://mirror.example/g"), &[("GOOGLE_API_KEY", "env-key-1")]);
    mirror.api_key = Some(Secret::new("stated-key"));
    let sent = key_sent(mirror.clone()).await.unwrap();
    assert_eq!(sent, (format!("https://mirror.example/g{PATH}"), "stated-key".to_owned()));
    for base_url in [None, Some("https://mirror.example".to_owned())] {
        mirror.base_url = base_url;
        mirror.api_key = Some(Secret::new("none"));
        assert_eq!(key_sent(mirror.clone()).await.unwrap().1, "-");
    }
}

#[tokio::test]
async fn the_version_is_a_setting_and_a_variable() {
    let vars: Vars = &[("GOOGLE_API_KEY", "k-1234"), ("GOOGLE_GENAI_API_VERSION", "v1alpha")];
    let (url, _) = asked(GeminiConfig::from_settings(settings(None, vars)).unwrap()).await.unwrap();
    assert_eq!(url, format!("{OWN}/v1alpha/models/gemini-x:generateContent"));
    let mut stated = settings(None, vars);
    stated.options.insert("api_version".to_owned(), json!("v1"));
    let (url, _) = asked(GeminiConfig::from_settings(stated).unwrap()).await.unwrap();
    assert_eq!(url, format!("{OWN}/v1/models/gemini-x:generateContent"));
}

#[tokio::test]
async fn headers_of_the_settings_and_of_the_target_are_sent() {
    let fake = Arc::new(healthy());
    let mut settings = settings(None, &[]);
    settings.api_key = Some(Secret::new("none"));
    settings.options.insert("headers".to_owned(), json!({ "X-Team": "red", "X-Env": "test" }));
    let provider = with(GeminiConfig::from_settings(settings).unwrap(), &fake);
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    provider.chat(Ask::new(MODEL).with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap();
    let (_, headers) = fake.head();
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
    assert_eq!(headers["content-type"], "application/json");
}

#[test]
fn without_a_key_the_provider_is_there_and_its_targets_are_skipped() {
    for (settings, told) in [
        (settings(None, &[]), "no key: set GOOGLE_API_KEY or api_key of provider `mirror`"),
        (settings(None, &[("GOOGLE_API_KEY", "")]), "no key: set GOOGLE_API_KEY"),
        (
            settings(Some("https://m.example"), &[("GOOGLE_API_KEY", "k")]),
            "no key: set api_key of provider `mirror`",
        ),
    ] {
        let fake = Arc::new(Fake::new(200, ""));
        let provider = with(GeminiConfig::from_settings(settings).unwrap(), &fake);
        let unmet =
            Needs::of(&ChatRequest::user("x")).unmet_by(&provider.capabilities(MODEL), "mirror").unwrap();
        assert_eq!(unmet.kind, ErrorKind::NotConfigured);
        assert!(unmet.reason.starts_with(told), "{}", unmet.reason);
    }
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let mut settings = settings(None, &[("GOOGLE_API_KEY", "env-key-1")]);
    settings.missing = Some("base_url: MIRROR_URL is not set".to_owned());
    let config = GeminiConfig::from_settings(settings.clone()).unwrap();
    assert!(asked(config).await.is_none(), "the key must not go to where the base URL was not meant");
    let able = with(GeminiConfig::from_settings(settings).unwrap(), &Arc::new(healthy())).capabilities(MODEL);
    assert_eq!(able.missing.as_deref(), Some("base_url: MIRROR_URL is not set"));
}

#[test]
fn a_setting_that_does_not_exist_names_the_one_that_was_meant() {
    for (value, words) in [
        (json!({ "api_vesion": "x" }), "did you mean `api_version`?"),
        (json!({ "colour": "x" }), "there are kind, base_url, api_key, connect, api_version, headers"),
        (json!({ "api_version": 7 }), "`api_version` of provider `mirror` is not a text"),
        (json!({ "headers": "x" }), "is not a table"),
    ] {
        let error = options(value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn settings_that_cannot_work_fail_when_the_provider_is_built() {
    let at = |base_url| GeminiConfig::new("none").with_base_url(base_url);
    for (config, word) in [
        (GeminiConfig::new("k\n").with_base_url("http://localhost"), "line break"),
        (at("localhost:8080"), "https://"),
        (at("http://localhost/v1beta"), "appended by itself"),
        (at("http://localhost/v1beta/models"), "appended by itself"),
        (at("http://u:hunter2@localhost"), "user name"),
        (at("http://localhost").with_header("x y", "z"), "header"),
        (at("http://localhost").with_api_version("v1/../x"), "api_version"),
        (at("http://localhost").with_api_version(""), "api_version"),
    ] {
        let shown_config = format!("{config:?}");
        let error = Gemini::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(shown.contains(word) && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("gemini").unwrap();
    assert_eq!(
        (kind.key_envs, kind.default_model),
        (&["GOOGLE_API_KEY", "GEMINI_API_KEY"][..], Some("gemini-flash-latest"))
    );
    let mut settings = settings(Some("http://127.0.0.1:1"), &[]);
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("gemini", settings).unwrap().name(), "mirror");
}
