//! Settings, and what of them comes from the environment.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, Error, ErrorKind, Needs, Overrides, Provider, Secret, Settings};
use backstop_providers::ollama::{Ollama, OllamaConfig, base_url};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::common::fake::Fake;
use crate::scene::{MODEL, healthy, with};

type Vars = &'static [(&'static str, &'static str)];

fn env(vars: Vars) -> Env {
    Env::new(move |name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

fn settings(base_url: Option<&str>, vars: Vars) -> Settings {
    let mut settings = Settings::new("mirror", env(vars));
    settings.base_url = base_url.map(str::to_owned);
    settings
}

fn options(value: Value) -> Result<OllamaConfig, Error> {
    let mut settings = settings(None, &[]);
    settings.options = value.as_object().unwrap().clone();
    OllamaConfig::from_settings(settings)
}

/// URL and headers of a request; `None` if nothing is sent for want of a key.
async fn asked(config: OllamaConfig) -> Option<(String, HeaderMap)> {
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
    let (url, headers) = asked(OllamaConfig::from_settings(settings).unwrap()).await?;
    let key = headers.get("authorization").map_or("-", |value| value.to_str().unwrap());
    Some((url.replace("/api/chat", ""), key.to_owned()))
}

#[test]
fn the_host_may_have_every_form_that_ollama_takes() {
    for (host, url) in [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:8080", "http://gpu-box:8080"),
        ("gpu-box:", "http://gpu-box:11434"),
        (":8080", "http://127.0.0.1:8080"),
        (":", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("2001:db8::7", "http://[2001:db8::7]:11434"),
        ("http://gpu-box", "http://gpu-box:80"),
        ("https://gpu-box", "https://gpu-box:443"),
        ("http://gpu-box:11434/", "http://gpu-box:11434"),
        ("https://a.example/ollama", "https://a.example:443/ollama"),
        ("gpu-box:8080/ollama", "http://gpu-box:8080/ollama"),
        ("gpu-box:99999", "http://gpu-box:11434"),
        ("gpu-box:-1", "http://gpu-box:11434"),
        ("http://gpu-box:x", "http://gpu-box:80"),
        ("ollama.com", "https://ollama.com:443"),
        ("http://ollama.com", "http://ollama.com:80"),
        (" \"gpu-box\" ", "http://gpu-box:11434"),
        ("'gpu-box:1'", "http://gpu-box:1"),
    ] {
        let env = Env::new(move |name| (name == "OLLAMA_HOST").then(|| host.to_owned()));
        assert_eq!(base_url(&env), url, "{host:?}");
        let fake = Arc::new(healthy());
        Ollama::with_transport(OllamaConfig::from_env(&env), fake.transport()).unwrap();
    }
}

#[test]
fn a_host_that_is_none_is_told_without_its_secrets() {
    for host in ["tcp://gpu-box", "a:b:c", "user:hunter2@gpu-box:80", "gpu box", "gpu-box/?key=hunter2"] {
        let env = Env::new(move |_| Some(host.to_owned()));
        let config = OllamaConfig::from_env(&env);
        let shown = format!("{config:?}");
        let fake = Arc::new(healthy());
        let error = Ollama::with_transport(config, fake.transport()).unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Config, "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn the_key_of_the_environment_goes_to_ollamas_own_servers_only() {
    const KEY: Vars = &[("OLLAMA_API_KEY", "env-key-1")];
    const CLOUD: Vars = &[("OLLAMA_API_KEY", "env-key-1"), ("OLLAMA_HOST", "ollama.com")];
    const BOX: Vars = &[("OLLAMA_API_KEY", "env-key-1"), ("OLLAMA_HOST", "gpu-box")];
    let key = "Bearer env-key-1";
    for (base_url, vars, sent) in [
        (None, KEY, Some(("http://127.0.0.1:11434", "-"))),
        (None, BOX, Some(("http://gpu-box:11434", "-"))),
        (None, CLOUD, Some(("https://ollama.com", key))),
        (Some("https://ollama.com"), KEY, Some(("https://ollama.com", key))),
        (Some("https://OLLAMA.com:443/"), KEY, Some(("https://ollama.com", key))),
        (Some("https://ollama.com"), &[], None),
        (Some("http://ollama.com"), KEY, Some(("http://ollama.com", "-"))),
        (Some("https://ollama.com.evil.example"), KEY, Some(("https://ollama.com.evil.example", "-"))),
        (Some("https://ollama.com:8443"), KEY, Some(("https://ollama.com:8443", "-"))),
        // A stated base URL goes before the variable.
        (Some("http://other:1"), BOX, Some(("http://other:1", "-"))),
    ] {
        let sent = sent.map(|(url, key)| (url.to_owned(), key.to_owned()));
        assert_eq!(key_sent(settings(base_url, vars)).await, sent, "{base_url:?} {vars:?}");
    }
}

#[tokio::test]
async fn a_stated_key_goes_anywhere_and_none_is_no_key() {
    for (base_url, stated, sent) in [
        (Some("https://proxy.example"), "stated-key", "Bearer stated-key"),
        (None, "stated-key", "Bearer stated-key"),
        (Some("https://ollama.com"), "none", "-"),
        (None, "none", "-"),
    ] {
        let mut settings = settings(base_url, &[("OLLAMA_API_KEY", "env-key-1")]);
        settings.api_key = Some(Secret::new(stated));
        assert_eq!(key_sent(settings).await.unwrap().1, sent);
    }
}

#[test]
fn without_a_key_targets_of_ollamas_own_servers_are_skipped() {
    let fake = Arc::new(Fake::new(200, ""));
    let cloud = with(OllamaConfig::from_settings(settings(Some("https://ollama.com"), &[])).unwrap(), &fake);
    let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&cloud.capabilities(MODEL), "mirror").unwrap();
    assert_eq!(unmet.kind, ErrorKind::NotConfigured);
    assert_eq!(unmet.reason, "no key: set OLLAMA_API_KEY or api_key of provider `mirror`");
    let own = with(OllamaConfig::from_settings(settings(None, &[])).unwrap(), &fake);
    assert_eq!(own.capabilities(MODEL).missing, None, "a server of one's own wants no key");
}

#[tokio::test]
async fn what_the_reader_of_the_settings_missed_is_passed_on_and_nothing_is_sent() {
    let vars: Vars = &[("OLLAMA_API_KEY", "env-key-1"), ("OLLAMA_HOST", "ollama.com")];
    let mut settings = settings(None, vars);
    settings.missing = Some("base_url: BOX_URL is not set".to_owned());
    let config = OllamaConfig::from_settings(settings.clone()).unwrap();
    assert!(asked(config).await.is_none());
    let fake = Arc::new(healthy());
    let able = with(OllamaConfig::from_settings(settings).unwrap(), &fake).capabilities(MODEL);
    assert_eq!(able.missing.as_deref(), Some("base_url: BOX_URL is not set"));
}

#[tokio::test]
async fn options_of_the_settings_and_headers_of_the_target_are_sent() {
    let fake = Arc::new(healthy());
    let options = json!({
        "num_ctx": 8192, "keep_alive": "1h", "truncate": true, "headers": { "X-Team": "red", "X-Env": "test" },
    });
    let mut settings = settings(None, &[]);
    settings.options = options.as_object().unwrap().clone();
    let provider = with(OllamaConfig::from_settings(settings).unwrap(), &fake);
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-team".to_owned(), "blue".to_owned()));
    provider.chat(Ask::new(MODEL).with_overrides(&overrides), &ChatRequest::user("x")).await.unwrap();
    let (body, (_, headers)) = (fake.body(), fake.head());
    assert_eq!(
        (&body["options"]["num_ctx"], &body["keep_alive"], &body["truncate"]),
        (&json!(8192), &json!("1h"), &json!(true))
    );
    assert_eq!((&headers["x-team"], &headers["x-env"]), (&"blue".parse().unwrap(), &"test".parse().unwrap()));
    assert_eq!(headers["content-type"], "application/json");
}

#[test]
fn a_setting_that_does_not_exist_names_the_one_that_was_meant() {
    for (value, words) in [
        (json!({ "num_ctxt": 1 }), "did you mean `num_ctx`?"),
        (
            json!({ "colour": "x" }),
            "there are kind, base_url, api_key, connect, num_ctx, keep_alive, truncate, headers",
        ),
        (json!({ "num_ctx": "many" }), "`num_ctx` of provider `mirror` is not a whole number"),
        (json!({ "num_ctx": 0 }), "is not a whole number"),
        (json!({ "num_ctx": 4294967296u64 }), "is not a whole number"),
        (json!({ "keep_alive": 5 }), "is not a text"),
        (json!({ "truncate": "no" }), "is neither true nor false"),
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
        (OllamaConfig::new().with_api_key("k\n"), "line break"),
        (OllamaConfig::new().with_base_url("localhost:11434"), "https://"),
        (OllamaConfig::new().with_base_url("http://localhost:11434/api"), "appended by itself"),
        (OllamaConfig::new().with_base_url("http://localhost:11434/api/chat"), "appended by itself"),
        (OllamaConfig::new().with_base_url("http://u:hunter2@localhost"), "user name"),
        (OllamaConfig::new().with_header("x y", "z"), "header"),
    ] {
        let shown_config = format!("{config:?}");
        let error = Ollama::new(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = format!("{shown_config} {error} {error:?}");
        assert!(shown.contains(word) && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_registry_builds_it() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("ollama").unwrap();
    assert_eq!((kind.key_envs, kind.default_model), (&[][..], Some("gemma4")));
    assert_eq!(registry.build("ollama", settings(None, &[])).unwrap().name(), "mirror");
}
