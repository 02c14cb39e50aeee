//! Which targets a call asks, in which order, and how often.

use std::time::Duration;

use backstop::core::Overrides;
use backstop::core::fallback::Pick;
use backstop::core::route::{Route, RouteRule, RouteStep, Target};
use backstop::{ChatRequest, ErrorKind};
use backstop_testkit::server::{FailingServer, Recipe};
use backstop_tests::{
    Closed, SOON, Server, answers, builder, healthy, hits, models, over, over_with, policy, rows, timed,
};
use serde_json::json;

#[tokio::test]
async fn seven_listed_models_are_all_tried() {
    let mut recipes = vec![Recipe::server_error(); 6];
    recipes.push(Recipe::healthy("from the seventh"));
    let p = FailingServer::sequence(recipes).await;
    let names = ["m1", "m2", "m3", "m4", "m5", "m6", "m7"];
    let builder = names.iter().fold(builder(&[&p]), |builder, name| builder.target(format!("a/{name}")));
    let (answer, took) = timed(builder.build().unwrap().chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("from the seventh", "a/m7"));
    assert_eq!(models(&p), names);
    assert_eq!(answer.trail().attempts(), 7);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn seven_providers_that_all_fail_were_all_tried() {
    let mut servers = Vec::new();
    for _ in 0..7 {
        servers.push(answers(Recipe::unauthorized()).await);
    }
    let servers: Vec<&dyn Server> = servers.iter().map(|server| server as &dyn Server).collect();
    let error = over(&servers).chat("hi").await.unwrap_err();
    assert_eq!((error.kind(), hits(&servers)), (ErrorKind::Exhausted, vec![1; 7]));
    assert!(
        error.to_string().starts_with("all 7 targets failed: a/m key refused (cooling 60 s); b/m "),
        "{error}"
    );
}

#[tokio::test]
async fn a_duplicate_is_tried_once() {
    let (a, b) = (answers(Recipe::server_error()).await, healthy("b").await);
    let client = builder(&[&a, &b]).target("a/m").target("a/m").target("b/m").target("a/m").build().unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
}

#[tokio::test]
async fn when_all_fail_one_line_names_every_target_and_its_reason() {
    let a = answers(Recipe::unauthorized()).await;
    let b = answers(Recipe::server_error()).await;
    let c = answers(Recipe::model_not_found("m")).await;
    let d = Closed::default();
    let client = over_with(&[&a, &b, &c, &d], |policy| policy.comebacks = Some(0));
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b, &c])), (ErrorKind::Exhausted, vec![1, 1, 1]));
    let line = error.to_string();
    let start = "all 4 targets failed: a/m key refused (cooling 60 s); b/m server error; \
                 c/m model not found (cooling 60 s); d/m 127.0.0.1:";
    assert!(line.starts_with(start) && line.contains(" refused the connection (cooling "), "{line}");
    assert!(!line.contains('\n') && !line.contains("7f3a91"), "{line}");
    assert_eq!(
        rows(error.trail()),
        [
            "a/m auth 401 next_target",
            "b/m server 500 next_target",
            "c/m model_not_found 404 next_target",
            "d/m connect - exhausted"
        ]
    );
    // What heals soonest is worth asking soonest.
    let wait = error.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(6), "{wait:?}");
    assert!(took < SOON, "{took:?}");
}

fn one(target: &str) -> RouteStep {
    RouteStep::One(Target::from(target.parse::<backstop::core::TargetName>().unwrap()))
}

#[tokio::test]
async fn a_list_for_one_kind_of_failure_replaces_the_rest_of_the_route() {
    let a = answers(Recipe::context_length_exceeded(10, 20)).await;
    let (b, c) = (healthy("b").await, answers(Recipe::unauthorized()).await);
    let route = Route::of("default", ["a/m", "b/m"])
        .unwrap()
        .with_rule(ErrorKind::ContextLength, RouteRule::Instead(vec![one("c/long"), one("a/m")]));
    let error = builder(&[&a, &b, &c]).route(route).build().unwrap().chat("hi").await.unwrap_err();
    // When the list ends, the call ends: the healthy rest of the route is not asked, and the first not again.
    assert_eq!((error.kind(), hits(&[&a, &b, &c])), (ErrorKind::Exhausted, vec![1, 0, 1]));
    assert_eq!(rows(error.trail()), ["a/m context_length 400 next_target", "c/long auth 401 exhausted"]);
    assert_eq!(models(&c), ["long"]);
}

#[tokio::test]
async fn a_list_for_one_kind_of_failure_is_no_list_for_another() {
    let (a, b, c) = (answers(Recipe::unauthorized()).await, healthy("b").await, healthy("c").await);
    let route = Route::of("default", ["a/m", "b/m"])
        .unwrap()
        .with_rule(ErrorKind::ContextLength, RouteRule::Instead(vec![one("c/long")]));
    let answer = builder(&[&a, &b, &c]).route(route).build().unwrap().chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b, &c])), ("from b", vec![1, 1, 0]));
}

#[tokio::test]
async fn a_pool_is_tried_member_by_member_before_the_next_step() {
    let (a, b, c) =
        (answers(Recipe::server_error()).await, answers(Recipe::overloaded()).await, healthy("c").await);
    let member = |name: &str| (Target::from(name.parse::<backstop::core::TargetName>().unwrap()), 1);
    let steps = vec![RouteStep::pool(Pick::Order, vec![member("a/m"), member("b/m")]), one("c/m")];
    let client = builder(&[&a, &b, &c]).route(Route::new("default", steps)).build().unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b, &c])), ("from c", vec![1, 1, 1]));
}

#[tokio::test]
async fn overrides_arrive_at_their_target_and_at_no_other() {
    let (a, b) = (answers(Recipe::server_error()).await, healthy("b").await);
    let mut overrides = Overrides::default();
    overrides.temperature = Some(0.25);
    overrides.system = Some("Speak like a pirate.".to_owned());
    overrides.max_output_tokens = Some(77);
    overrides.stop = Some(vec!["END".to_owned()]);
    overrides.headers = vec![("x-only".to_owned(), "for a".to_owned())];
    overrides.extra_body.insert("top_k".to_owned(), json!(40));
    let client = builder(&[&a, &b]).target_with("a/m", overrides).target("b/m").build().unwrap();
    let request = ChatRequest::user("hi").with_system("Be brief.").with_temperature(1.0);
    assert_eq!(client.chat(request).await.unwrap().text, "from b");

    let (first, second) = (&a.bodies()[0], &b.bodies()[0]);
    assert_eq!(first["temperature"], 0.25);
    assert_eq!(first["max_completion_tokens"], 77);
    assert_eq!(first["stop"], json!(["END"]));
    assert_eq!(first["top_k"], 40);
    assert_eq!(
        first["messages"],
        json!([{ "role": "system", "content": "Speak like a pirate." }, { "role": "user", "content": "hi" }])
    );
    assert_eq!(a.header_of(0, "x-only").as_deref(), Some("for a"));

    assert_eq!(second["temperature"], 1.0);
    assert_eq!(
        second["messages"],
        json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "hi" }])
    );
    for field in ["max_completion_tokens", "stop", "top_k"] {
        assert_eq!(second.get(field), None, "{field}");
    }
    assert_eq!(b.header_of(0, "x-only"), None);
}

#[tokio::test]
async fn a_target_may_have_less_time_than_its_route() {
    let a = answers(Recipe::healthy("from a").after(Duration::from_secs(3))).await;
    let b = answers(Recipe::healthy("from b").after(Duration::from_millis(250))).await;
    let mut hurried = Overrides::default();
    hurried.timeout = Some(Duration::from_millis(100));
    let client = builder(&[&a, &b])
        .policy(policy(|policy| policy.timeout = Some(Duration::from_secs(5))))
        .target_with("a/m", hurried)
        .target("b/m")
        .build()
        .unwrap();
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn the_same_model_with_other_overrides_is_another_target() {
    let a = FailingServer::sequence([Recipe::empty_200(), Recipe::healthy("warmer")]).await;
    let mut warm = Overrides::default();
    warm.temperature = Some(1.5);
    let client = builder(&[&a]).target("a/m").target_with("a/m", warm).build().unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), a.hits()), ("warmer", 2));
    assert_eq!(a.bodies()[1]["temperature"], 1.5);
}
