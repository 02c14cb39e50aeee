//! Where each kind is, and who asks there.

use std::sync::Arc;

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, ErrorKind, Needs, Provider, Secret, Settings};
use backstop_providers::dialect::DialectProvider;
use serde_json::json;

use crate::speaker::{Fake, KEY, MODEL, all, config, healthy, speaker};

/// Kind, base URL, variables of the key, default model, whether it is on this machine.
type Row = (&'static str, &'static str, &'static [&'static str], Option<&'static str>, bool);

const TABLE: &[Row] = &[
    ("cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"], Some("gpt-oss-120b"), false),
    ("deepseek", "https://api.deepseek.com", &["DEEPSEEK_API_KEY"], Some("deepseek-flash"), false),
    (
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        Some("accounts/fireworks/models/gpt-oss-120b"),
        false,
    ),
    ("groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], Some("openai/gpt-oss-120b"), false),
    ("huggingface", "https://router.huggingface.co/v1", &["HF_TOKEN"], None, false),
    ("llama_cpp", "http://127.0.0.1:8080/v1", &["LLAMA_API_KEY"], None, true),
    ("lmstudio", "http://127.0.0.1:1234/v1", &["LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY"], None, true),
    ("moonshot", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"], Some("kimi-k2.6"), false),
    (
        "nvidia",
        "https://integrate.api.nvidia.com/v1",
        &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
        Some("openai/gpt-oss-120b"),
        false,
    ),
    ("openrouter", "https://openrouter.ai/api/v1", &["OPENROUTER_API_KEY"], Some("openrouter/auto"), false),
    ("perplexity", "https://api.perplexity.ai", &["PERPLEXITY_API_KEY"], Some("sonar"), false),
    ("sambanova", "https://api.sambanova.ai/v1", &["SAMBANOVA_API_KEY"], Some("gpt-oss-120b"), false),
    ("together", "https://api.together.ai/v1", &["TOGETHER_API_KEY"], Some("openai/gpt-oss-120b"), false),
    ("vllm", "http://127.0.0.1:8000/v1", &["VLLM_API_KEY"], None, true),
    ("xai", "https://api.x.ai/v1", &["XAI_API_KEY"], Some("grok-4.3"), false),
];

fn env(variable: &'static str) -> Env {
    Env::new(move |name| (name == variable).then(|| "env-key-123".to_owned()))
}

#[tokio::test]
async fn every_kind_is_where_its_table_says_and_asks_with_its_key() {
    assert_eq!(all().len(), TABLE.len());
    for (kind, base_url, _, _, local) in TABLE {
        let fake = Arc::new(healthy());
        let provider = speaker(config(kind), &fake);
        assert_eq!(provider.name(), *kind);
        provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
        let (url, headers) = fake.head();
        assert_eq!(url, format!("{base_url}/chat/completions"));
        let sent = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(sent, (!local).then(|| format!("Bearer {KEY}")), "{kind}");
        assert_eq!(provider.capabilities(MODEL).local, *local, "{kind}");
    }
}

#[test]
fn the_registry_knows_every_kind_and_builds_it_from_nothing() {
    let registry = backstop_providers::registry();
    for (kind, _, variables, model, local) in TABLE {
        let known = registry.kind(kind).unwrap();
        assert_eq!((known.key_envs, known.default_model), (*variables, *model), "{kind}");
        let mut settings = Settings::new("mine", Env::empty());
        // Without TLS only this can be built.
        settings.base_url = Some("http://127.0.0.1:1/v1".to_owned());
        let missing = registry.build(kind, settings).unwrap().capabilities(MODEL).missing;
        assert_eq!(missing.is_none(), *local, "{kind}: {missing:?}");
    }
}

#[cfg(feature = "rustls")]
#[test]
fn without_a_key_the_targets_of_a_service_are_skipped_with_the_variable_that_is_missing() {
    let registry = backstop_providers::registry();
    for (kind, _, variables, _, local) in TABLE.iter().filter(|row| !row.4) {
        let provider = registry.build(kind, Settings::new("mine", Env::empty())).unwrap();
        let able = provider.capabilities(MODEL);
        let unmet = Needs::of(&ChatRequest::user("x")).unmet_by(&able, "mine").unwrap();
        assert_eq!((unmet.kind, *local), (ErrorKind::NotConfigured, false));
        assert_eq!(unmet.reason, format!("no key: set {} or api_key of provider `mine`", variables[0]));
        for variable in *variables {
            let provider = registry.build(kind, Settings::new("mine", env(variable))).unwrap();
            assert_eq!(provider.capabilities(MODEL).missing, None, "{kind}: {variable}");
        }
    }
}

#[test]
fn a_stated_base_url_never_gets_the_key_of_the_environment() {
    let registry = backstop_providers::registry();
    for (kind, base_url, variables, _, _) in TABLE.iter().filter(|row| !row.4) {
        let host = base_url.trim_start_matches("https://");
        for stated in ["http://127.0.0.1:1/v1".to_owned(), format!("http://{host}")] {
            let mut settings = Settings::new("mine", env(variables[0]));
            settings.base_url = Some(stated);
            let missing = registry.build(kind, settings).unwrap().capabilities(MODEL).missing.unwrap();
            assert!(missing.starts_with("no key: set api_key of provider `mine`"), "{kind}: {missing}");
        }
    }
}

#[tokio::test]
async fn a_server_on_this_machine_gets_a_key_if_there_is_one() {
    for kind in ["vllm", "llama_cpp", "lmstudio"] {
        let fake = Arc::new(healthy());
        let provider = speaker(config(kind).with_api_key(KEY).with_base_url("http://gpu:9/v1"), &fake);
        provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap();
        let (url, headers) = fake.head();
        assert_eq!(url, "http://gpu:9/v1/chat/completions");
        assert_eq!(headers["authorization"], format!("Bearer {KEY}"));
        assert!(headers["authorization"].is_sensitive());
    }
}

#[tokio::test]
async fn settings_of_openrouter_are_headers() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("openrouter").unwrap();
    let names: Vec<_> = kind.options.iter().map(|option| option.name).collect();
    assert_eq!(names, ["referer", "title", "headers", "stream_usage"]);
    let mut settings = Settings::new("mine", Env::empty());
    settings.base_url = Some("http://127.0.0.1:1/v1".to_owned());
    settings.api_key = Some(Secret::new(KEY));
    settings.options = json!({ "title": 7 }).as_object().unwrap().clone();
    let error = kind.build(settings.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    settings.options = json!({ "tilte": "x" }).as_object().unwrap().clone();
    assert!(kind.build(settings.clone()).unwrap_err().to_string().contains("did you mean `title`?"));
    settings.options =
        json!({ "title": "Mine", "referer": "https://mine.example" }).as_object().unwrap().clone();
    assert!(kind.build(settings).is_ok());
}

#[tokio::test]
async fn no_key_is_shown_whatever_is_said() {
    for (kind, config) in all() {
        let config = config.with_api_key(KEY).with_header("x-api-key", "hunter2-hunter2");
        let mut shown = format!("{config:?} {:?}", speaker(config.clone(), &Arc::new(Fake::new(200, ""))));
        for (status, body) in [
            (401, format!(r#"{{"error":{{"message":"Incorrect API key provided: {KEY}"}}}}"#)),
            (400, format!(r#"{{"code":"{KEY}","error":"{KEY} hunter2-hunter2"}}"#)),
            (200, format!(r#"{{"error":"{KEY}"}}"#)),
            (500, format!("<title>{KEY}</title>")),
        ] {
            let fake = Arc::new(Fake::new(status, body).header("x-request-id", KEY));
            let provider = speaker(config.clone(), &fake);
            let error = provider.chat(Ask::new(MODEL), &ChatRequest::user("hello")).await.unwrap_err();
            shown.push_str(&format!("{error} {error:?} {:?}", error.request_id()));
        }
        assert!(shown.contains("[redacted]"), "{kind}: {shown}");
        assert!(!shown.contains(KEY) && !shown.contains("hunter2"), "{kind}: {shown}");
    }
}

#[test]
fn a_setting_that_cannot_work_fails_when_the_provider_is_built() {
    for (kind, config) in all() {
        for (config, words) in [
            (config.clone().with_base_url("http://127.0.0.1:1/v1/chat/completions"), "appended by itself"),
            (config.clone().with_base_url("127.0.0.1:1"), "https://"),
            (config.clone().with_base_url("http://127.0.0.1:1").with_api_key("a b"), "space"),
            (config.with_base_url("http://127.0.0.1:1").with_header("x y", "z"), "header"),
        ] {
            let error = DialectProvider::new(config).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(words) && error.to_string().contains(kind), "{error}");
        }
    }
}
