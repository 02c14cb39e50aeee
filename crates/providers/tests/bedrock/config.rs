//! Settings, and what of them comes from the environment.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::bedrock::{Bedrock, BedrockConfig};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::scene::{MODEL, healthy, with};

type Vars = &'static [(&'static str, &'static str)];

const BEARER: Vars = &[("AWS_BEARER_TOKEN_BEDROCK", "env-key-1"), ("AWS_REGION", "eu-west-1")];
const SIGNED: Vars = &[
    ("AWS_ACCESS_KEY_ID", "AKIDENV"),
    ("AWS_SECRET_ACCESS_KEY", "env-secret"),
    ("AWS_SESSION_TOKEN", "env-token"),
    ("AWS_DEFAULT_REGION", "eu-west-1"),
];
const BOTH: Vars = &[
    ("AWS_BEARER_TOKEN_BEDROCK", "env-key-1"),
    ("AWS_ACCESS_KEY_ID", "AKIDENV"),
    ("AWS_SECRET_ACCESS_KEY", "env-secret"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_DEFAULT_REGION", "us-west-2"),
];

fn env(vars: Vars) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: Vars, options: Value) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings.options = options.as_object().unwrap().clone();
    settings
}

/// URL and headers of a request; `None` if nothing is sent for want of something.
async fn asked(config: BedrockConfig) -> Option<(String, HeaderMap)> {
    let fake = Arc::new(healthy());
    match with(config, &fake).chat(Ask::new(MODEL), &ChatRequest::user("x")).await {
        Ok(_) => Some(fake.head()),
        Err(error) => {
            assert_eq!((error.kind(), fake.count()), (ErrorKind::NotConfigured, 0), "{error}");
            None
        }
    }
}

/// Where a request goes, and how its authorization begins.
async fn sent(settings: Settings) -> Option<(String, String)> {
    let (url, headers) = asked(BedrockConfig::from_settings(settings).unwrap()).await?;
    let key = headers.get("authorization").map_or("-", |value| value.to_str().unwrap());
    let key = key.split('/').next().unwrap();
    Some((url.replace("/model/amazon.nova-lite-v1%3A0/converse", ""), key.to_owned()))
}

const EU: &str = "https://bedrock-runtime.eu-west-1.amazonaws.com";
const AKID: &str = "AWS4-HMAC-SHA256 Credential=AKIDENV";

#[tokio::test]
async fn keys_of_the_environment_go_to_aws_only() {
    let us = "https://bedrock-runtime.us-east-1.amazonaws.com";
    for (base_url, vars, expected) in [
        (None, BEARER, Some((EU, "Bearer env-key-1"))),
        (None, BOTH, Some((EU, "Bearer env-key-1"))),
        (None, SIGNED, Some((EU, AKID))),
        (Some(us), SIGNED, Some((us, AKID))),
        (Some(us), BEARER, Some((us, "Bearer env-key-1"))),
        (Some("https://mirror.example"), BOTH, None),
        (Some("http://bedrock-runtime.us-east-1.amazonaws.com"), BOTH, None),
        (Some("https://bedrock-runtime.us-east-1.amazonaws.com.evil.example"), BOTH, None),
        (Some("https://bedrock-runtime.s3.amazonaws.com"), BOTH, None),
        (None, &[("AWS_REGION", "eu-west-1")], None),
        (None, &[("AWS_BEARER_TOKEN_BEDROCK", "env-key-1")], None),
        (None, &[("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_REGION", "eu-west-1")], None),
    ] {
        let expected = expected.map(|(url, key)| (url.to_owned(), key.to_owned()));
        assert_eq!(sent(settings(base_url, vars, json!({}))).await, expected, "{base_url:?} {vars:?}");
    }
    let (url, headers) = asked(BedrockConfig::from_env(&env(SIGNED))).await.unwrap();
    assert!(url.starts_with(EU), "{url}");
    assert_eq!(headers["x-amz-security-token"], "env-token");
}

#[tokio::test]
async fn what_is_stated_goes_before_the_environment_and_anywhere() {
    let pair = json!({ "access_key_id": "AKIDOWN", "secret_access_key": "own", "region": "us-west-2" });
    let west = "https://bedrock-runtime.us-west-2.amazonaws.com";
    for (base_url, key, options, expected) in [
        (None, Some("own-key"), json!({}), (EU, "Bearer own-key")),
        (None, Some("own-key"), pair.clone(), (west, "Bearer own-key")),
        (None, None, pair.clone(), (west, "AWS4-HMAC-SHA256 Credential=AKIDOWN")),
        (
            Some("http://127.0.0.1:1/x"),
            Some("own-key"),
            json!({}),
            ("http://127.0.0.1:1/x", "Bearer own-key"),
        ),
        (
            Some("http://127.0.0.1:1"),
            None,
            pair,
            ("http://127.0.0.1:1", "AWS4-HMAC-SHA256 Credential=AKIDOWN"),
        ),
        (Some("http://127.0.0.1:1"), Some("none"), json!({}), ("http://127.0.0.1:1", "-")),
        (
            None,
            None,
            json!({ "region": "cn-north-1" }),
            ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "Bearer env-key-1"),
        ),
    ] {
        let mut settings = settings(base_url, BOTH, options);
        settings.api_key = key.map(Secret::new);
        assert_eq!(sent(settings).await, Some((expected.0.to_owned(), expected.1.to_owned())));
    }
}

#[tokio::test]
async fn a_signature_is_made_for_the_region_asked_and_at_the_moment_told() {
    let clock = || UNIX_EPOCH + Duration::from_secs(1_767_323_045);
    for (base_url, options, scope) in [
        (None, json!({}), "/20260102/eu-west-1/bedrock/aws4_request,"),
        (None, json!({ "region": "us-west-2" }), "/20260102/us-west-2/bedrock/aws4_request,"),
        (
            Some("https://bedrock-runtime.ap-south-1.amazonaws.com"),
            json!({}),
            "/20260102/ap-south-1/bedrock/aws4_request,",
        ),
    ] {
        let config = BedrockConfig::from_settings(settings(base_url, SIGNED, options)).unwrap();
        let (_, headers) = asked(config.with_clock(clock)).await.unwrap();
        let signed = headers["authorization"].to_str().unwrap();
        assert!(signed.contains(scope), "{signed}");
        assert_eq!(headers["x-amz-date"], "20260102T030405Z");
    }
    let config = BedrockConfig::signed("us-east-1", "AKID", "secret").with_session_token("token");
    let (_, headers) = asked(config).await.unwrap();
    assert_eq!(headers["x-amz-security-token"], "token");
    assert!(headers["authorization"].is_sensitive() && headers["x-amz-security-token"].is_sensitive());
}

#[tokio::test]
async fn a_target_that_brings_its_own_authorization_is_not_signed() {
    let fake = Arc::new(healthy());
    let provider = with(BedrockConfig::signed("us-east-1", "AKID", "secret"), &fake);
    let mut overrides = Overrides::default();
    overrides.headers.push(("Authorization".to_owned(), "Bearer of-target".to_owned()));
    let ask = Ask::new(MODEL).with_overrides(&overrides);
    provider.chat(ask, &ChatRequest::user("x")).await.unwrap();
    let (_, headers) = fake.head();
    assert_eq!(headers["authorization"], "Bearer of-target");
    assert!(!headers.contains_key("x-amz-date"));
}

#[test]
fn what_is_missing_is_told_with_what_to_set() {
    let keys = "no key: set AWS_BEARER_TOKEN_BEDROCK, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or api_key of provider `mirror`";
    let regions = "no region: set AWS_REGION or AWS_DEFAULT_REGION or region of provider `mirror`";
    for (settings, told) in [
        (settings(None, &[], json!({})), format!("{keys}; {regions}")),
        (settings(None, &[], json!({ "region": "eu-west-1" })), keys.to_owned()),
        (settings(None, &[("AWS_BEARER_TOKEN_BEDROCK", "k")], json!({})), regions.to_owned()),
        (
            settings(None, &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_REGION", "r")], json!({})),
            "half a key: set AWS_SECRET_ACCESS_KEY too".to_owned(),
        ),
        (
            settings(None, &[("AWS_SECRET_ACCESS_KEY", "k"), ("AWS_REGION", "r")], json!({})),
            "half a key: set AWS_ACCESS_KEY_ID too".to_owned(),
        ),
        (
            settings(Some("https://m.example"), BOTH, json!({})),
            "no key: set api_key of provider `mirror`, to \"none\" if its server wants none".to_owned(),
        ),
        (
            settings(
                Some("https://m.example"),
                &[],
                json!({ "access_key_id": "a", "secret_access_key": "b" }),
            ),
            regions.to_owned(),
        ),
    ] {
        let provider = with(BedrockConfig::from_settings(settings).unwrap(), &Arc::new(healthy()));
        let able = provider.capabilities(MODEL);
        let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&able, "mirror").unwrap();
        assert_eq!((unmet.kind, &*unmet.reason), (ErrorKind::NotConfigured, &*told));
    }
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let mut settings = settings(None, BOTH, json!({ "access_key_id": "a" }));
    settings.missing = Some("set MY_SECRET".to_owned());
    assert!(asked(BedrockConfig::from_settings(settings.clone()).unwrap()).await.is_none());
    let able =
        with(BedrockConfig::from_settings(settings).unwrap(), &Arc::new(healthy())).capabilities(MODEL);
    assert_eq!(able.missing.as_deref(), Some("set MY_SECRET"));
}

#[tokio::test]
async fn headers_of_the_settings_and_of_the_target_are_sent() {
    let fake = Arc::new(healthy());
    let settings = settings(None, BEARER, json!({ "headers": { "X-Team": "red", "X-Env": "test" } }));
    let provider = with(BedrockConfig::from_settings(settings).unwrap(), &fake);
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    provider.chat(Ask::new(MODEL).with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap();
    let (_, headers) = fake.head();
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
}

#[test]
fn settings_that_cannot_work_are_told() {
    for (options, words) in [
        (json!({ "regin": "x" }), "did you mean `region`?"),
        (json!({ "region": 7 }), "is not a text"),
        (json!({ "access_key_id": "a" }), "belong together"),
        (json!({ "secret_access_key": "hunter2" }), "belong together"),
        (json!({ "session_token": "hunter2" }), "belong together"),
        (json!({ "headers": { "x": 1 } }), "is not a text"),
    ] {
        let error = BedrockConfig::from_settings(settings(None, BEARER, options)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(error.kind() == ErrorKind::Config && shown.contains(words), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    for (config, word) in [
        (BedrockConfig::new("us-east-1", "k\n"), "line break"),
        (BedrockConfig::signed("us-east-1", "AKID", "hunter2 "), "space"),
        (BedrockConfig::signed("us-east-1", "AKID", "s").with_session_token("hunter2\n"), "line break"),
        (BedrockConfig::new("us-east-1.evil.example/", "k"), "is no region"),
        (BedrockConfig::new("", "k"), "is no region"),
        (BedrockConfig::new("us-east-1", "k").with_base_url("http://localhost/model"), "appended by itself"),
        (BedrockConfig::new("us-east-1", "k").with_base_url("http://u:hunter2@localhost"), "user name"),
    ] {
        let shown_config = format!("{config:?}");
        let result: Result<Bedrock, Error> = Bedrock::with_transport(config, Arc::new(healthy()).transport());
        let error = result.unwrap_err();
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(error.kind() == ErrorKind::Config && shown.contains(word), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn a_region_that_plays_no_part_may_be_anything() {
    const ODD: Vars = &[("AWS_REGION", "no region")];
    let mut settings = settings(Some("http://127.0.0.1:1"), ODD, json!({}));
    settings.api_key = Some(Secret::new("own-key"));
    assert!(asked(BedrockConfig::from_settings(settings.clone()).unwrap()).await.is_some());
    settings.base_url = None;
    let config = BedrockConfig::from_settings(settings).unwrap();
    let error = Bedrock::with_transport(config, Arc::new(healthy()).transport()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("bedrock").unwrap();
    assert_eq!(
        (kind.key_envs, kind.default_model),
        (&["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"][..], None)
    );
    let mut settings = settings(Some("http://127.0.0.1:1"), &[], json!({}));
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("bedrock", settings).unwrap().name(), "mirror");
}
