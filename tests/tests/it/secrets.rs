//! What belongs to one target and must reach no other: keys, addresses, headers, body fields, prompts of its own.

use backstop::BackstopBuilder;
use backstop::core::Overrides;
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop_testkit::server::{FailingServer, Recipe, SeenRequest};
use backstop_tests::{answers, bare, healthy, hits, key_of, over, rows};
use serde_json::json;

/// All that is said of a target in its settings and overrides, each with the target's name in it.
fn marks(name: &str) -> Vec<String> {
    ["key", "organization", "project", "provider-header", "target-header", "extra", "system"]
        .map(|what| format!("{what}-of-{name}-7f3a91"))
        .into()
}

fn add(builder: BackstopBuilder, name: &str, server: &FailingServer) -> BackstopBuilder {
    let [key, organization, project, header, target_header, extra, system]: [String; 7] =
        marks(name).try_into().unwrap();
    let config = OpenAiConfig::new(key)
        .with_name(name)
        .with_base_url(server.uri())
        .with_organization(organization)
        .with_project(project)
        .with_header("x-of-provider", header);
    let mut overrides = Overrides::default();
    overrides.headers = vec![("x-of-target".to_owned(), target_header)];
    overrides.extra_body.insert("extra".to_owned(), json!(extra));
    overrides.system = Some(system);
    builder.provider(OpenAi::new(config).unwrap()).target_with(format!("{name}/model-of-{name}"), overrides)
}

fn everything(request: &SeenRequest) -> String {
    format!("{} {:?} {}", request.path, request.headers, String::from_utf8_lossy(&request.body))
}

#[tokio::test]
async fn keys_addresses_and_overrides_never_reach_another_target() {
    let servers = [
        ("a", answers(Recipe::unauthorized()).await),
        ("b", answers(Recipe::garbage_200()).await),
        ("c", answers(Recipe::redirect("http://127.0.0.1:9/v1")).await),
        ("d", healthy("d").await),
    ];
    let client =
        servers.iter().fold(bare(), |builder, (name, server)| add(builder, name, server)).build().unwrap();
    let answer = client.chat("the prompt of all").await.unwrap();
    assert_eq!(answer.text, "from d");
    assert_eq!(
        rows(answer.trail()),
        [
            "a/model-of-a auth 401 next_target",
            "b/model-of-b bad_reply 200 next_target",
            "c/model-of-c bad_reply 307 next_target",
            "d/model-of-d - 200 delivered"
        ]
    );
    for (name, server) in &servers {
        assert_eq!(server.hits(), 1, "{name}");
        let seen = everything(&server.requests()[0]);
        for (other, elsewhere) in &servers {
            let own = other == name;
            for mark in marks(other).into_iter().chain([format!("model-of-{other}")]) {
                assert_eq!(seen.contains(&mark), own, "{mark} at {name}: {seen}");
            }
            let address = elsewhere.origin().replace("http://", "");
            assert_eq!(seen.contains(&address), own, "the address of {other} at {name}: {seen}");
        }
        assert!(seen.contains("the prompt of all"));
    }
}

#[tokio::test]
async fn a_provider_without_a_key_gets_nobody_elses() {
    let (a, b) = (answers(Recipe::unauthorized()).await, healthy("b").await);
    let keyless = OpenAiConfig::keyless(b.uri()).with_name("mirror");
    let client = backstop_tests::builder(&[&a])
        .provider(OpenAi::new(keyless).unwrap())
        .target("a/m")
        .target("mirror/m")
        .build()
        .unwrap();
    assert_eq!(client.chat("hi").await.unwrap().text, "from b");
    assert_eq!(a.header_of(0, "authorization"), Some(format!("Bearer {}", key_of("a"))));
    assert_eq!(b.header_of(0, "authorization"), None);
    assert!(!everything(&b.requests()[0]).contains(&key_of("a")));
    assert_eq!(hits(&[&a, &b]), [1, 1]);
}

#[tokio::test]
async fn a_key_that_a_server_repeats_is_in_no_error_and_no_trail() {
    let key = key_of("a");
    let message = format!("Incorrect API key provided: {key}. Find yours in your settings.");
    let a =
        answers(Recipe::error(401, "invalid_request_error", Some("invalid_api_key"), None, &message)).await;
    let error = over(&[&a]).chat("hi").await.unwrap_err();
    let shown = format!("{error} {error:?} {} {:?}", error.trail(), error.trail());
    assert!(shown.contains("Incorrect API key provided") && !shown.contains(&key), "{shown}");
}
