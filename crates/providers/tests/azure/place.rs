//! Where requests go, and with which credential.

use std::sync::Arc;

use backstop_core::{Ask, Env, ErrorKind, Provider, Secret, Settings};
use backstop_providers::azure;
use backstop_providers::dialect::{DialectConfig, DialectProvider};
use serde_json::{Value, json};

use crate::server::{Act, Server, response};
use crate::{ENDPOINT, Fake, KEY, config, healthy, provider};

const V1: &str = "https://mine.openai.azure.com/openai/v1";
const CLASSIC: &str = "https://mine.openai.azure.com/openai/deployments";

/// URL, key and token of a chat.
async fn asked(config: DialectConfig, model: &str) -> (String, Option<String>, Option<String>) {
    let fake = Arc::new(healthy());
    provider(config, &fake).chat(Ask::new(model), &"hello".into()).await.unwrap();
    assert_eq!(fake.body().get("model"), Some(&json!(model)));
    let (url, headers) = fake.head();
    let text = |name: &str| {
        headers.get(name).map(|value| {
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        })
    };
    (url, text("api-key"), text("authorization"))
}

#[tokio::test]
async fn both_forms_of_urls_are_known() {
    for (version, model, url) in [
        (None, "gpt", format!("{V1}/chat/completions")),
        (Some("v1"), "gpt", format!("{V1}/chat/completions")),
        (Some("preview"), "gpt", format!("{V1}/chat/completions?api-version=preview")),
        (Some("2024-10-21"), "gpt", format!("{CLASSIC}/gpt/chat/completions?api-version=2024-10-21")),
        (
            Some("2025-04-01-preview"),
            "a/b c",
            format!("{CLASSIC}/a%2Fb%20c/chat/completions?api-version=2025-04-01-preview"),
        ),
    ] {
        let config = match version {
            Some(version) => azure::at_version(config(), version).unwrap(),
            None => config(),
        };
        assert_eq!(asked(config, model).await, (url, Some(KEY.to_owned()), None));
    }
    for version in ["", "2024/10", "v1&x=y", "ü"] {
        assert_eq!(azure::at_version(config(), version).unwrap_err().kind(), ErrorKind::Config, "{version}");
    }
}

#[tokio::test]
async fn a_model_whose_name_climbs_out_of_a_classic_url_is_not_sent() {
    for model in ["", ".", ".."] {
        let fake = Arc::new(healthy());
        let config = azure::at_version(config(), "2024-10-21").unwrap();
        let error = provider(config, &fake).chat(Ask::new(model), &"hello".into()).await.unwrap_err();
        assert_eq!((error.kind(), error.model(), fake.count()), (ErrorKind::ModelNotFound, Some(model), 0));
    }
}

#[tokio::test]
async fn the_other_operations_have_their_paths() {
    for (config, complete, embed) in [
        (config(), format!("{V1}/completions"), format!("{V1}/embeddings")),
        (
            azure::at_version(config(), "2024-10-21").unwrap(),
            format!("{CLASSIC}/gpt/completions?api-version=2024-10-21"),
            format!("{CLASSIC}/gpt/embeddings?api-version=2024-10-21"),
        ),
    ] {
        let fake = Arc::new(Fake::new(200, r#"{"choices":[{"text":"on"}]}"#));
        provider(config.clone(), &fake).complete(Ask::new("gpt"), &"once".into()).await.unwrap();
        assert_eq!(fake.head().0, complete);
        let fake = Arc::new(Fake::new(200, r#"{"data":[{"embedding":"AACAPw=="}]}"#));
        let provider = provider(config, &fake);
        assert_eq!(provider.embed(Ask::new("gpt"), &"once".into()).await.unwrap().embeddings, [[1.0]]);
        assert_eq!((fake.head().0, &fake.body()["encoding_format"]), (embed, &json!("base64")));
        let able = provider.capabilities("gpt");
        assert_eq!((able.embed_batch, able.embed_tokens), (Some(2048), Some(300_000)));
    }
}

#[tokio::test]
async fn a_token_is_sent_as_such() {
    let (_, key, token) = asked(azure::config_with_token(ENDPOINT, "eyJ.token"), "gpt").await;
    assert_eq!((key, token.as_deref()), (None, Some("Bearer eyJ.token")));
    let (_, key, token) = asked(azure::config(ENDPOINT, "none"), "gpt").await;
    assert_eq!((key, token), (None, None));
}

type Vars = &'static [(&'static str, &'static str)];

fn settings(base_url: Option<&str>, vars: Vars, options: Value) -> Settings {
    let env = Env::new(move |name| {
        vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    let mut settings = Settings::new("mine", env);
    settings.base_url = base_url.map(str::to_owned);
    settings.options = options.as_object().unwrap().clone();
    settings
}

/// What a provider built from these settings is missing.
fn missing(settings: Settings) -> Option<String> {
    let built = backstop_providers::registry().build("azure", settings).unwrap();
    built.capabilities("gpt").missing.map(Into::into)
}

const KEYED: Vars = &[("AZURE_OPENAI_API_KEY", "env-key-1")];
const TOKENED: Vars = &[("AZURE_OPENAI_AD_TOKEN", "env-token-1"), ("OPENAI_API_VERSION", "2024-10-21")];
const WHOLE: Vars = &[("AZURE_OPENAI_API_KEY", "env-key-1"), ("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:1")];

#[test]
fn what_is_missing_is_told_by_its_variable() {
    let no_place = "no base URL: set AZURE_OPENAI_ENDPOINT or base_url of provider `mine`";
    let no_key = "no key: set AZURE_OPENAI_API_KEY or api_key of provider `mine`";
    let elsewhere = "no key: set api_key of provider `mine`, to \"none\" if its server wants none";
    let endpoint: Vars = &[("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:1")];
    for (base_url, vars, expected) in [
        (None, WHOLE, None),
        (None, endpoint, Some(no_key)),
        // A stated base URL that is not Azure's never gets the key of the environment.
        (Some("http://127.0.0.1:2"), KEYED, Some(elsewhere)),
        (Some("http://127.0.0.1:2"), WHOLE, Some(elsewhere)),
        (Some("http://127.0.0.1:2"), TOKENED, Some(elsewhere)),
        (Some("http://mine.openai.azure.com"), KEYED, Some(elsewhere)),
        (Some("http://127.0.0.1:1/mine.openai.azure.com"), KEYED, Some(elsewhere)),
    ] {
        assert_eq!(
            missing(settings(base_url, vars, json!({}))).as_deref(),
            expected,
            "{base_url:?} {vars:?}"
        );
    }
    if cfg!(feature = "rustls") {
        for (base_url, vars, expected) in [
            (None, &[][..], Some(no_place)),
            (None, KEYED, Some(no_place)),
            (Some("https://mine.openai.azure.com"), KEYED, None),
            (Some("https://mine.services.ai.azure.com/"), KEYED, None),
            (Some("https://mine.cognitiveservices.azure.com"), KEYED, None),
            (Some("https://evil-openai.azure.com.example"), KEYED, Some(elsewhere)),
            // The key belongs to the resource the environment names.
            (Some("https://mine.openai.azure.com"), WHOLE, Some(elsewhere)),
        ] {
            assert_eq!(missing(settings(base_url, vars, json!({}))).as_deref(), expected, "{base_url:?}");
        }
    }
}

#[test]
fn settings_that_cannot_work_fail_when_the_provider_is_built() {
    for (base_url, options, words) in [
        ("http://127.0.0.1:1/openai/v1/", json!({}), "appended by itself"),
        ("http://127.0.0.1:1/openai", json!({}), "appended by itself"),
        ("http://127.0.0.1:1", json!({ "api_version": "?" }), "no api_version"),
        ("http://127.0.0.1:1", json!({ "api_version": 1 }), "is not a text"),
        ("http://127.0.0.1:1", json!({ "token": "yes" }), "neither true nor false"),
        ("http://127.0.0.1:1", json!({ "apiversion": "x" }), "did you mean `api_version`?"),
    ] {
        let error = backstop_providers::registry()
            .build("azure", settings(Some(base_url), &[], options))
            .unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(words), "{error}");
    }
}

/// What a server on this machine is asked by a provider built from these settings: the first line and the credential.
async fn request_of(vars: Vars, options: Value, key: Option<&str>) -> (String, Option<String>) {
    let mut server = Server::start(Act::Answer(response("503 Busy", "", ""))).await;
    let place = format!("http://127.0.0.1:{}", server.port);
    let mut stated = settings(None, vars, options);
    let env = stated.env.clone();
    stated.env = Env::new(
        move |name| {
            if name == "AZURE_OPENAI_ENDPOINT" { Some(place.clone()) } else { env.var(name) }
        },
    );
    stated.api_key = key.map(Secret::new);
    let built = backstop_providers::registry().build("azure", stated).unwrap();
    let error = built.chat(Ask::new("gpt"), &"hello".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    let request = server.wait_for_request().await;
    let line = request.lines().next().unwrap().to_owned();
    let credential =
        request.lines().find(|line| line.starts_with("api-key") || line.starts_with("authorization"));
    (line, credential.map(str::to_owned))
}

#[tokio::test]
async fn the_variables_are_those_of_the_service() {
    let v1 = "POST /openai/v1/chat/completions HTTP/1.1";
    let dated = "POST /openai/deployments/gpt/chat/completions?api-version=2024-10-21 HTTP/1.1";
    let both: Vars = &[("AZURE_OPENAI_API_KEY", "env-key-1"), ("AZURE_OPENAI_AD_TOKEN", "env-token-1")];
    let version: Vars = &[("AZURE_OPENAI_API_KEY", "env-key-1"), ("OPENAI_API_VERSION", "2024-10-21")];
    let other: Vars = &[("AZURE_OPENAI_API_KEY", "env-key-1"), ("AZURE_OPENAI_API_VERSION", "2024-10-21")];
    for (vars, options, key, line, credential) in [
        (KEYED, json!({}), None, v1, "api-key: env-key-1"),
        (both, json!({}), None, v1, "authorization: Bearer env-token-1"),
        (both, json!({}), Some("stated-1"), v1, "api-key: stated-1"),
        (KEYED, json!({ "token": true }), Some("stated-1"), v1, "authorization: Bearer stated-1"),
        (version, json!({}), None, dated, "api-key: env-key-1"),
        (other, json!({}), None, dated, "api-key: env-key-1"),
        (version, json!({ "api_version": "v1" }), None, v1, "api-key: env-key-1"),
        (KEYED, json!({ "api_version": "2024-10-21" }), None, dated, "api-key: env-key-1"),
    ] {
        let asked = request_of(vars, options.clone(), key).await;
        assert_eq!(asked, (line.to_owned(), Some(credential.to_owned())), "{vars:?} {options}");
    }
}

#[tokio::test]
async fn the_version_of_the_environment_is_for_its_resource_only() {
    let mut server = Server::start(Act::Answer(response("503 Busy", "", ""))).await;
    let mut stated = settings(Some(&format!("http://127.0.0.1:{}", server.port)), TOKENED, json!({}));
    stated.api_key = Some(Secret::new("stated-1"));
    let built = backstop_providers::registry().build("azure", stated).unwrap();
    assert!(built.chat(Ask::new("gpt"), &"hello".into()).await.is_err());
    let request = server.wait_for_request().await;
    assert!(request.starts_with("POST /openai/v1/chat/completions HTTP/1.1"), "{request}");
    assert!(request.contains("api-key: stated-1"), "{request}");
}

#[test]
fn there_is_no_default_model() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("azure").unwrap();
    assert_eq!((kind.default_model, kind.key_envs[0]), (None, "AZURE_OPENAI_API_KEY"));
}

#[tokio::test]
async fn no_credential_is_shown_whatever_is_said() {
    for config in [config(), azure::config_with_token(ENDPOINT, KEY)] {
        let mut shown = format!("{config:?}");
        for (status, body) in [(401, KEY.to_owned()), (200, format!(r#"{{"error":"{KEY}"}}"#))] {
            let fake = Arc::new(Fake::new(status, body).header("apim-request-id", KEY));
            let error =
                provider(config.clone(), &fake).chat(Ask::new("gpt"), &"hello".into()).await.unwrap_err();
            shown.push_str(&format!("{error} {error:?} {:?}", error.request_id()));
        }
        shown.push_str(&format!("{:?}", provider(config, &Arc::new(healthy()))));
        assert!(shown.contains("[redacted]") && !shown.contains(KEY), "{shown}");
    }
    let broken = azure::config(ENDPOINT, "priv ate");
    let error = DialectProvider::new(broken).unwrap_err();
    assert!(error.to_string().contains("space") && !format!("{error:?}").contains("ate\""), "{error:?}");
}
