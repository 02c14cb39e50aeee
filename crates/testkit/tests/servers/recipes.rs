//! The recipes: what each looks like on the wire, and how a server gives them out.

use std::time::{Duration, Instant, UNIX_EPOCH};

use backstop_testkit::server::{FailingServer, RawServer, Recipe, RetryHint};
use serde_json::{Value, json};

use crate::client::{Client, Reply, address, ask, request};

async fn serve(recipe: Recipe) -> Reply {
    let server = FailingServer::start(recipe).await;
    ask(address(&server.uri()), "{}").await
}

fn at<'a>(body: &'a Value, pointer: &str) -> &'a Value {
    body.pointer(pointer).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn every_failure_has_the_status_type_code_and_words_of_the_wire() {
    let none = Value::Null;
    let invalid = "invalid_request_error";
    for (recipe, status, kind, code, words) in [
        (
            Recipe::rate_limited(RetryHint::None),
            429,
            "tokens",
            json!("rate_limit_exceeded"),
            "Rate limit reached for",
        ),
        (
            Recipe::insufficient_quota(),
            429,
            "insufficient_quota",
            json!("insufficient_quota"),
            "exceeded your current quota",
        ),
        (
            Recipe::overloaded(),
            503,
            "service_unavailable_error",
            json!("server_is_overloaded"),
            "currently overloaded",
        ),
        (Recipe::server_error(), 500, "server_error", none.clone(), "had an error while processing"),
        (Recipe::unauthorized(), 401, invalid, json!("invalid_api_key"), "Incorrect API key provided"),
        (
            Recipe::forbidden(),
            403,
            "request_forbidden",
            json!("unsupported_country_region_territory"),
            "not supported",
        ),
        (
            Recipe::model_not_found("gpt-9"),
            404,
            invalid,
            json!("model_not_found"),
            "The model `gpt-9` does not exist",
        ),
        (
            Recipe::context_length_exceeded(8192, 9000),
            400,
            invalid,
            json!("context_length_exceeded"),
            "maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        ),
        (Recipe::bad_request(), 400, invalid, none.clone(), "Invalid value"),
        (
            Recipe::unsupported_parameter("stop"),
            400,
            invalid,
            json!("unsupported_parameter"),
            "Unsupported parameter: 'stop' is not supported",
        ),
        (Recipe::error_in_200(), 200, "server_error", none, "had an error while processing"),
    ] {
        let reply = serve(recipe).await;
        let body = reply.json();
        assert_eq!(reply.status, status);
        assert_eq!((at(&body, "/error/type"), at(&body, "/error/code")), (&json!(kind), &code));
        assert!(at(&body, "/error/message").as_str().unwrap().contains(words), "{body}");
        assert!(body.pointer("/error/param").is_some(), "{body}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("x-request-id"), Some("req_testkit"));
        assert_eq!((reply.header("retry-after"), reply.header("retry-after-ms")), (None, None));
    }
}

#[tokio::test]
async fn a_rate_limit_hints_in_the_way_it_is_told_to() {
    let date = |seconds| RetryHint::Date(UNIX_EPOCH + Duration::from_secs(seconds));
    for (hint, name, value) in [
        (RetryHint::Seconds(7), "retry-after", "7"),
        (RetryHint::Fraction(1.5), "retry-after", "1.5"),
        (RetryHint::Millis(1800), "retry-after-ms", "1800"),
        (date(0), "retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (date(951_827_696), "retry-after", "Tue, 29 Feb 2000 12:34:56 GMT"),
        (date(1_445_412_480), "retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
        (date(1_735_689_599), "retry-after", "Tue, 31 Dec 2024 23:59:59 GMT"),
        (date(4_107_542_400), "retry-after", "Mon, 01 Mar 2100 00:00:00 GMT"),
    ] {
        let reply = serve(Recipe::rate_limited(hint)).await;
        assert_eq!(reply.header(name), Some(value));
        assert!(!String::from_utf8(reply.body).unwrap().contains("try again"));
    }
    let reply = serve(Recipe::rate_limited(RetryHint::Message("1.8s".to_owned()))).await;
    assert_eq!((reply.header("retry-after"), reply.header("retry-after-ms")), (None, None));
    assert!(at(&reply.json(), "/error/message").as_str().unwrap().contains(" Please try again in 1.8s. "));
}

#[tokio::test]
async fn every_completion_says_what_it_is_named_after() {
    let content = "/choices/0/message/content";
    for (recipe, pointer, value) in [
        (Recipe::healthy("Hello."), content, json!("Hello.")),
        (Recipe::healthy("Hello."), "/choices/0/finish_reason", json!("stop")),
        (Recipe::content_filter("So"), "/choices/0/finish_reason", json!("content_filter")),
        (Recipe::content_filter("So"), content, json!("So")),
        (Recipe::refusal("I cannot."), "/choices/0/message/refusal", json!("I cannot.")),
        (Recipe::refusal("I cannot."), content, json!(null)),
        (Recipe::empty_200(), content, json!("")),
        (Recipe::empty_200(), "/usage/completion_tokens", json!(0)),
    ] {
        let reply = serve(recipe).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.json().pointer(pointer), Some(&value), "{pointer}");
    }
}

#[tokio::test]
async fn broken_200s_are_broken() {
    let garbage = serve(Recipe::garbage_200()).await;
    assert!(serde_json::from_slice::<Value>(&garbage.body).unwrap_err().is_eof());

    let html = serve(Recipe::html_200()).await;
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(html.body.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(serve(Recipe::html(502)).await.status, 502);

    let not_utf8 = serve(Recipe::not_utf8_200()).await;
    let text = String::from_utf8(not_utf8.body.clone()).unwrap_err();
    assert!(text.utf8_error().valid_up_to() > 20);
    let repaired: Value = serde_json::from_str(&String::from_utf8_lossy(&not_utf8.body)).unwrap();
    assert_eq!(at(&repaired, "/choices/0/finish_reason"), "stop", "but for its text it is a reply");

    let empty = serve(Recipe::no_body_200()).await;
    assert!(empty.body.is_empty());
    for reply in [garbage, html, not_utf8, empty] {
        assert_eq!(reply.status, 200);
    }
}

#[tokio::test]
async fn a_redirect_points_elsewhere() {
    let reply = serve(Recipe::redirect("http://127.0.0.1:1/v1")).await;
    assert_eq!((reply.status, reply.header("location")), (307, Some("http://127.0.0.1:1/v1")));
}

#[tokio::test]
async fn any_status_and_body_can_be_served_and_headers_replaced() {
    let reply =
        serve(Recipe::status(529, "busy").header("Content-Type", "text/plain").header("x-a", "b")).await;
    assert_eq!((reply.status, reply.body.as_slice()), (529, b"busy".as_slice()));
    assert_eq!((reply.header("content-type"), reply.header("x-a")), (Some("text/plain"), Some("b")));
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "content-type").count(), 1);
}

#[tokio::test]
async fn a_slow_recipe_is_slow_on_either_server() {
    let delay = Duration::from_millis(30);
    let recipe = Recipe::slow_headers(delay, Recipe::overloaded());
    let (failing, raw) = (FailingServer::start(recipe.clone()).await, RawServer::start([recipe]));
    for address in [address(&failing.uri()), raw.address()] {
        let begun = Instant::now();
        assert_eq!(ask(address, "").await.status, 503);
        assert!(begun.elapsed() >= delay);
    }
}

#[tokio::test]
async fn a_recipe_is_the_same_on_either_server() {
    for recipe in
        [Recipe::healthy("Hello."), Recipe::rate_limited(RetryHint::Seconds(1)), Recipe::not_utf8_200()]
    {
        let raw = RawServer::start([recipe.clone()]);
        let (mocked, scripted) = (serve(recipe.clone()).await, ask(raw.address(), "").await);
        assert_eq!((mocked.status, &mocked.body), (scripted.status, &scripted.body));
        for (name, value) in recipe.headers {
            assert_eq!(mocked.header(&name), Some(value.as_str()));
            assert_eq!(scripted.header(&name), Some(value.as_str()));
        }
    }
}

#[tokio::test]
async fn a_sequence_is_given_in_order_and_its_last_answer_repeats() {
    let server = FailingServer::sequence([
        Recipe::server_error(),
        Recipe::rate_limited(RetryHint::None),
        Recipe::healthy("Hello."),
    ])
    .await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask(address(&server.uri()), "{}").await.status);
    }
    assert_eq!(statuses, [500, 429, 200, 200]);

    server.now_answers([Recipe::overloaded()]);
    assert_eq!(ask(address(&server.uri()), "{}").await.status, 503);
    assert_eq!(server.hits(), 5, "what was recorded stays");
}

#[tokio::test]
async fn an_empty_sequence_answers_500() {
    let server = FailingServer::sequence([]).await;
    assert_eq!(ask(address(&server.uri()), "{}").await.status, 500);
}

#[tokio::test]
async fn requests_are_kept_as_they_were_sent() {
    let server = FailingServer::start(Recipe::healthy("Hello.")).await;
    assert_eq!(server.uri(), format!("{}/v1", server.origin()));
    let mut client = Client::connect(address(&server.uri())).await;
    client.send(request(&[("Authorization", "Bearer sk-test")], "{\"n\":1}")).await;
    client.reply().await;
    client.send("GET /v1/models?limit=2 HTTP/1.1\r\nHost: test\r\n\r\n").await;
    client.reply().await;

    assert_eq!(server.hits(), 2);
    assert_eq!(server.bodies(), [json!({ "n": 1 }), Value::Null]);
    assert_eq!(server.header_of(0, "authorization").as_deref(), Some("Bearer sk-test"));
    assert_eq!((server.header_of(1, "authorization"), server.header_of(2, "host")), (None, None));
    let lines: Vec<_> =
        server.requests().into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert_eq!(lines, ["POST /v1/chat/completions", "GET /v1/models?limit=2"]);
}

#[tokio::test]
#[should_panic(expected = "header value")]
async fn a_header_that_cannot_be_sent_panics_in_the_test() {
    FailingServer::start(Recipe::healthy("").header("x-a", "two\nlines")).await;
}
