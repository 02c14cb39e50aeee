//! Settings, and what of them comes from the environment.

use std::sync::Arc;

use backstop_core::{Env, Error, ErrorKind, Provider, Secret, Settings};
use backstop_providers::vertex::{Vertex, VertexConfig};
use serde_json::{Value, json};

use crate::cloud::{Cloud, File, MODEL, USER, chat, env, vertex};

const OWN: &str = "https://europe-west4-aiplatform.googleapis.com";

fn settings(base_url: Option<&str>, env: Env, options: Value) -> Settings {
    let mut settings = Settings::new("mirror", env);
    settings.base_url = base_url.map(str::to_owned);
    settings.options = options.as_object().unwrap().clone();
    settings
}

fn read(settings: Settings) -> Result<VertexConfig, Error> {
    VertexConfig::from_settings(settings)
}

/// URL and credential of a request, or what is missing.
async fn sent(settings: Settings) -> Result<(String, String), String> {
    let cloud = Cloud::healthy();
    let vertex = vertex(read(settings).unwrap(), &cloud);
    let missing = vertex.capabilities(MODEL).missing.map(|missing| missing.into_owned());
    match chat(&vertex).await {
        Ok(_) => {
            assert_eq!(missing, None);
            let credential = cloud.headers("authorization").remove(0);
            let key = cloud.headers("x-goog-api-key").remove(0);
            Ok((cloud.urls().remove(0), if credential == "-" { key } else { credential }))
        }
        Err(error) => {
            assert_eq!((error.kind(), cloud.count()), (ErrorKind::NotConfigured, 0), "{error}");
            assert!(cloud.token_requests().is_empty(), "no token is asked for in vain");
            Err(missing.unwrap())
        }
    }
}

#[tokio::test]
async fn the_environment_says_who_asks_and_where() {
    let file = File::new(USER);
    let whole = env(&[
        ("GOOGLE_CLOUD_PROJECT", "env-p"),
        ("GOOGLE_CLOUD_LOCATION", "europe-west4"),
        ("GOOGLE_APPLICATION_CREDENTIALS", file.path()),
    ]);
    let path =
        "/v1beta1/projects/env-p/locations/europe-west4/publishers/google/models/gemini-x:generateContent";
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(
        sent(settings(None, whole.clone(), json!({}))).await,
        Ok((format!("{OWN}{path}"), bearer("ya29.token-1")))
    );
    // A token that somebody has fetched goes before credentials.
    let token = env(&[
        ("GOOGLE_CLOUD_PROJECT", "env-p"),
        ("GOOGLE_CLOUD_LOCATION", "europe-west4"),
        ("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.env"),
        ("GOOGLE_APPLICATION_CREDENTIALS", file.path()),
    ]);
    assert_eq!(sent(settings(None, token, json!({}))).await.unwrap().1, bearer("ya29.env"));
    // What is stated goes before the environment.
    let stated = json!({ "project": "my-p", "location": "us", "api_version": "v1" });
    assert_eq!(
        sent(settings(None, whole.clone(), stated)).await.unwrap().0,
        "https://aiplatform.us.rep.googleapis.com/v1/projects/my-p/locations/us/publishers/google/models/gemini-x:generateContent"
    );
    // Without Google's hosts, nothing of it counts.
    for base_url in [
        "https://mirror.example",
        "http://europe-west4-aiplatform.googleapis.com",
        "https://aiplatform.googleapis.com.evil.example",
        "https://evil.example/x-aiplatform.googleapis.com",
        "https://aiplatform.googleapis.com:444",
        "https://evil.com.-aiplatform.googleapis.com",
    ] {
        let missing =
            sent(settings(Some(base_url), whole.clone(), json!({ "project": "p" }))).await.unwrap_err();
        assert!(
            missing.starts_with("no credentials: set credentials or api_key of provider `mirror`"),
            "{missing}"
        );
    }
    for base_url in [OWN, "https://aiplatform.googleapis.com/", "https://aiplatform.eu.rep.googleapis.com"] {
        assert!(sent(settings(Some(base_url), whole.clone(), json!({}))).await.is_ok(), "{base_url}");
    }
}

#[tokio::test]
async fn what_is_stated_goes_anywhere() {
    let file = File::new(USER);
    let none = Env::empty;
    let at = Some("https://mirror.example/g");
    let express = "https://mirror.example/g/v1beta1/publishers/google/models/gemini-x:generateContent";
    let project = "https://mirror.example/g/v1beta1/projects/p/locations/global/publishers/google/models/gemini-x:generateContent";
    for (key, options, url, credential) in [
        (Some("AIza-stated"), json!({}), express, "AIza-stated"),
        (Some("AIza-stated"), json!({ "project": "p" }), project, "AIza-stated"),
        (Some("none"), json!({}), express, "-"),
        (Some("none"), json!({ "project": "p" }), project, "-"),
        (Some("ya29.stated"), json!({ "project": "p", "token": true }), project, "Bearer ya29.stated"),
        (None, json!({ "project": "p", "credentials": file.path() }), project, "Bearer ya29.token-1"),
        (None, json!({ "project": "p", "credentials": "metadata" }), project, "Bearer ya29.token-1"),
    ] {
        let mut settings = settings(at, none(), options.clone());
        settings.api_key = key.map(Secret::new);
        assert_eq!(sent(settings).await, Ok((url.to_owned(), credential.to_owned())), "{options}");
    }
    // A key goes to no project that only the environment names.
    let mut keyed = settings(None, env(&[("GOOGLE_CLOUD_PROJECT", "env-p")]), json!({}));
    keyed.api_key = Some(Secret::new("AIza-stated"));
    assert!(!sent(keyed).await.unwrap().0.contains("env-p"));
}

#[tokio::test]
async fn what_is_missing_is_told() {
    let file = File::new(USER);
    let odd = File::new(r#"{"type":"external_account","audience":"x"}"#);
    let broken = File::new(r#"{"type":"authorized_user","refresh_token":"very-private"#);
    let empty = File::new(r#"{"type":"authorized_user"}"#);
    let plain =
        File::new(r#"{"type":"authorized_user","refresh_token":"x","token_uri":"http://a.example/token"}"#);
    let nowhere = "/nowhere/credentials.json";
    let named = |path: &str| env(&[("GOOGLE_CLOUD_PROJECT", "p"), ("GOOGLE_APPLICATION_CREDENTIALS", path)]);
    for (env, words) in [
        (
            Env::empty(),
            "no credentials: set GOOGLE_APPLICATION_CREDENTIALS, or credentials or api_key of provider `mirror`",
        ),
        (
            env(&[("GOOGLE_APPLICATION_CREDENTIALS", file.path())]),
            "no project: set GOOGLE_CLOUD_PROJECT or project",
        ),
        (named(nowhere), "/nowhere/credentials.json cannot be read"),
        (named(odd.path()), "\"external_account\", for which a TokenSource is needed"),
        (named(broken.path()), "no JSON of that form"),
        (named(empty.path()), "no refresh_token"),
        (named(plain.path()), "token_uri is not https"),
    ] {
        let missing = sent(settings(None, env, json!({}))).await.unwrap_err();
        assert!(missing.contains(words) && !missing.contains("very-private"), "{missing}");
    }
    let mut unread =
        settings(None, env(&[("GOOGLE_APPLICATION_CREDENTIALS", file.path())]), json!({ "project": "p" }));
    unread.missing = Some("base_url: MIRROR_URL is not set".to_owned());
    assert_eq!(sent(unread).await.unwrap_err(), "base_url: MIRROR_URL is not set");
}

#[tokio::test]
async fn the_file_of_gcloud_is_found_and_one_that_is_named_goes_before_it() {
    let folder = std::env::temp_dir().join(format!("backstop-gcloud-{}", std::process::id()));
    let config = folder.join(".config/gcloud");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("application_default_credentials.json"), USER).unwrap();
    let (home, own) = (folder.to_str().unwrap(), config.to_str().unwrap());
    for vars in [[("HOME", home)], [("CLOUDSDK_CONFIG", own)]] {
        let found = env(&[("GOOGLE_CLOUD_PROJECT", "p"), vars[0]]);
        assert!(sent(settings(None, found, json!({}))).await.is_ok(), "{vars:?}");
    }
    let elsewhere = env(&[("GOOGLE_CLOUD_PROJECT", "p"), ("HOME", own)]);
    assert!(sent(settings(None, elsewhere, json!({}))).await.unwrap_err().contains("no credentials"));
    let named =
        env(&[("GOOGLE_CLOUD_PROJECT", "p"), ("HOME", home), ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")]);
    assert!(sent(settings(None, named, json!({}))).await.unwrap_err().contains("cannot be read"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_setting_that_does_not_exist_names_the_one_that_was_meant() {
    for (options, words) in [
        (json!({ "projekt": "x" }), "did you mean `project`?"),
        (json!({ "token": "yes" }), "is neither true nor false"),
        (json!({ "location": 1 }), "`location` of provider `mirror` is not a text"),
    ] {
        let error = read(settings(None, Env::empty(), options)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn the_registry_builds_it_and_nothing_chooses_it_unasked() {
    let registry = backstop_providers::registry();
    let kind = registry.kind("vertex").unwrap();
    assert!(kind.key_envs.is_empty());
    let mut settings = settings(Some("http://127.0.0.1:1"), Env::empty(), json!({}));
    settings.api_key = Some(Secret::new("none"));
    assert_eq!(registry.build("vertex", settings).unwrap().name(), "mirror");
}

#[test]
fn debug_shows_no_secret() {
    let file = File::new(USER);
    let cloud = Cloud::healthy();
    for config in [
        VertexConfig::new("p").with_credentials(&file.0).with_header("x-api-key", "very-private"),
        VertexConfig::new("p").with_token("very-private"),
        VertexConfig::express("very-private"),
    ] {
        let shown = format!("{config:?} {:#?}", vertex(config.clone(), &cloud));
        for secret in ["very-private", "s3cret", "refresh="] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let bad = VertexConfig::new("p").with_base_url("http://u:hunter2@localhost");
    let shown = format!("{bad:?} {:?}", Vertex::new(bad.clone()).unwrap_err());
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(Arc::new(cloud).token_requests().is_empty());
}
