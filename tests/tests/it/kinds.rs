//! Each row of the table of failures: what the caller got, what each server saw, and what the trail says.

use std::error::Error as _;
use std::time::Duration;

use backstop::core::Env;
use backstop::core::chat::{Message, Part, ProviderRef};
use backstop::core::route::{ModelFacts, Route, RouteRule};
use backstop::{Backstop, ChatRequest, Error, ErrorKind};
use backstop_testkit::server::{RawServer, Recipe, RetryHint, Script, Step};
use backstop_tests::{
    Closed, LATE, SOON, Server, answers, builder, healthy, hits, key_of, models, over, over_with, provider,
    rows, timed,
};

#[tokio::test]
async fn a_healthy_first_target_costs_exactly_one_request() {
    let (a, b) = (healthy("a").await, healthy("b").await);
    let (answer, took) = timed(over(&[&a, &b]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("from a", "a/m"));
    assert_eq!(hits(&[&a, &b]), [1, 0]);
    assert_eq!(rows(answer.trail()), ["a/m - 200 delivered"]);
    assert_eq!(answer.trail().steps()[0].request_id.as_deref(), Some("req_testkit"));
    assert!(took < SOON, "{took:?}");
}

/// A call whose first target fails like this and whose second answers: at once, with one request each.
async fn reaches_the_second(first: &dyn Server, row: &str) {
    let b = healthy("b").await;
    let (answer, took) = timed(over(&[first, &b]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("from b", "b/m"));
    // Nobody counts at a port that refuses connections.
    let of_first = usize::from(!row.starts_with("connect"));
    assert_eq!(hits(&[first, &b]), [of_first, 1]);
    assert_eq!(rows(answer.trail()), [format!("a/m {row} next_target"), "b/m - 200 delivered".to_owned()]);
    let said = answer.trail().steps()[0].message.clone().unwrap_or_default();
    assert!(!said.is_empty() && !said.contains(&key_of("a")), "{said:?}");
    assert!(took < SOON, "{took:?}");
}

fn raw(script: Script) -> RawServer {
    RawServer::start([script])
}

fn whole_reply() -> Vec<u8> {
    Recipe::healthy("from a").body
}

macro_rules! reach_the_second_at_once {
    ($($name:ident: $first:expr => $row:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            reaches_the_second(&$first, $row).await;
        }
    )*};
}

mod reaches_the_second_at_once_after {
    use super::*;

    reach_the_second_at_once! {
        a_500: answers(Recipe::server_error()).await => "server 500";
        a_502_with_a_page: answers(Recipe::html(502)).await => "server 502";
        a_409: answers(Recipe::error(409, "conflict", None, None, "locked")).await => "server 409";
        a_424: answers(Recipe::error(424, "failed_dependency", None, None, "failed")).await => "server 424";
        an_error_object_in_a_200: answers(Recipe::error_in_200()).await => "server 200";
        a_503: answers(Recipe::overloaded()).await => "overloaded 503";
        a_529: answers(Recipe::error(529, "overloaded_error", None, None, "busy")).await => "overloaded 529";
        a_429: answers(Recipe::rate_limited(RetryHint::None)).await => "rate_limited 429";
        a_429_with_a_wait: answers(Recipe::rate_limited(RetryHint::Seconds(2))).await => "rate_limited 429";
        a_quota_sent_as_429: answers(Recipe::insufficient_quota()).await => "quota 429";
        a_402: answers(Recipe::error(402, "billing", None, None, "pay first")).await => "quota 402";
        a_401: answers(Recipe::unauthorized()).await => "auth 401";
        a_403: answers(Recipe::error(403, "denied", None, None, "not you")).await => "forbidden 403";
        a_404: answers(Recipe::model_not_found("m")).await => "model_not_found 404";
        a_404_with_a_page: answers(Recipe::html(404)).await => "model_not_found 404";
        a_408: answers(Recipe::error(408, "timeout", None, None, "too slow")).await => "timeout 408";
        a_504: answers(Recipe::html(504)).await => "timeout 504";
        a_context_length: answers(Recipe::context_length_exceeded(10, 20)).await => "context_length 400";
        a_413: answers(Recipe::error(413, "too_large", None, None, "too large")).await => "context_length 413";
        a_filtered_answer: answers(Recipe::content_filter("half of it")).await => "content_filter 200";
        a_refusal: answers(Recipe::refusal("I cannot help with that.")).await => "content_filter 200";
        a_parameter_it_lacks: answers(Recipe::unsupported_parameter("seed")).await => "unsupported 400";
        a_bad_request: answers(Recipe::bad_request()).await => "bad_request 400";
        a_422: answers(Recipe::error(422, "invalid", None, None, "no")).await => "bad_request 422";
        a_refused_connection: Closed::default() => "connect -";
        a_reset_instead_of_an_answer: raw(Script::resets_before_headers()) => "bad_reply -";
        a_reset_after_the_headers: raw(Script::resets_after_headers()) => "bad_reply 200";
        a_reset_in_the_body: raw(Script::resets_in_body(whole_reply(), 40)) => "bad_reply 200";
        a_hang_up_without_a_word: raw(Script::closes_before_headers()) => "bad_reply -";
        a_truncated_body: raw(Script::cut_body(whole_reply(), 40)) => "bad_reply 200";
        a_truncated_chunk: raw(Script::cut_chunked(whole_reply(), 40)) => "bad_reply 200";
        bytes_that_are_no_http: raw(Script::garbage()) => "bad_reply -";
        a_header_without_end: raw(Script::endless_header()) => "bad_reply -";
        half_a_json_text: answers(Recipe::garbage_200()).await => "bad_reply 200";
        a_page_in_a_200: answers(Recipe::html_200()).await => "bad_reply 200";
        bytes_that_are_no_utf8: answers(Recipe::not_utf8_200()).await => "bad_reply 200";
        an_empty_answer: answers(Recipe::empty_200()).await => "bad_reply 200";
        a_200_without_a_body: answers(Recipe::no_body_200()).await => "bad_reply 200";
        json_that_is_no_reply: answers(Recipe::status(200, "[1, 2]")).await => "bad_reply 200";
        a_redirect: answers(Recipe::redirect("http://127.0.0.1:9/v1")).await => "bad_reply 307";
    }
}

#[tokio::test]
async fn a_target_over_its_own_time_is_left_for_the_next() {
    let (a, b) = (RawServer::start([Script::silent()]), healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.timeout = Some(Duration::from_millis(250)));
    let (answer, took) = timed(client.chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!(answer.text, "from b");
    assert_eq!(hits(&[&a, &b]), [1, 1]);
    assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    assert!(took >= Duration::from_millis(250) && took < LATE, "{took:?}");
    assert!(a.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn an_answer_that_stalls_in_its_body_is_left_for_the_next() {
    let (a, b) = (raw(Script::stalls_in_body(whole_reply(), 40)), healthy("b").await);
    let client = over_with(&[&a, &b], |policy| policy.timeout = Some(Duration::from_millis(250)));
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m timeout(total) - next_target", "b/m - 200 delivered"]);
    assert!(a.wait_until_closed(SOON).await);
}

#[tokio::test]
async fn a_refusal_whose_body_stalls_keeps_its_status_and_its_wait() {
    let head = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 40\r\n\
                content-length: 999\r\n\r\n{\"error\":";
    let (a, b) = (
        raw(Script::default().then(Step::ReadRequest).then(Step::Send(head.into())).then(Step::Stall)),
        healthy("b").await,
    );
    let (answer, took) = timed(over(&[&a, &b]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m rate_limited 429 next_target", "b/m - 200 delivered"]);
    assert!(took < Duration::from_secs(4), "the second for the body, and no more: {took:?}");
    assert!(a.wait_until_closed(SOON).await);
    let error = over(&[&a]).chat("hi").await.unwrap_err();
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(30)), "{error}");
}

#[tokio::test]
async fn a_used_up_quota_rests_the_provider_and_with_it_its_other_models() {
    let (p, q) = (answers(Recipe::insufficient_quota()).await, healthy("q").await);
    let client = builder(&[&p, &q]).target("a/x").target("a/y").target("b/z").build().unwrap();
    for _ in 0..2 {
        assert_eq!(client.chat("hi").await.unwrap().text, "from q");
    }
    assert_eq!(hits(&[&p, &q]), [1, 2]);
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/x quota - skipped", "a/y quota - skipped", "b/z - 200 delivered"]);
}

#[tokio::test]
async fn a_bad_key_is_not_tried_twice_with_the_same_credential() {
    let p = answers(Recipe::unauthorized()).await;
    let client = builder(&[&p]).target("a/x").target("a/y").build().unwrap();
    let (error, took) = timed(client.chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), p.hits()), (ErrorKind::Exhausted, 1));
    assert_eq!(rows(error.trail()), ["a/x auth 401 exhausted", "a/y auth - skipped"]);
    assert!(took < SOON, "{took:?}");
    assert_eq!(models(&p), ["x"]);
}

#[tokio::test]
async fn denied_access_and_an_unknown_model_rest_that_model_alone() {
    for (recipe, kind) in [
        (Recipe::error(403, "denied", None, None, "this model is not for you"), "forbidden 403"),
        (Recipe::model_not_found("x"), "model_not_found 404"),
    ] {
        let p = backstop_testkit::server::FailingServer::sequence([recipe, Recipe::healthy("from p")]).await;
        let client = builder(&[&p]).target("a/x").target("a/y").build().unwrap();
        let answer = client.chat("hi").await.unwrap();
        assert_eq!(
            rows(answer.trail()),
            [format!("a/x {kind} next_target"), "a/y - 200 delivered".to_owned()]
        );
        let answer = client.chat("hi").await.unwrap();
        let name = kind.split(' ').next().unwrap();
        assert_eq!(rows(answer.trail()), [format!("a/x {name} - skipped"), "a/y - 200 delivered".to_owned()]);
        assert_eq!(models(&p), ["x", "y", "y"]);
    }
}

fn window(tokens: u32) -> ModelFacts {
    let mut facts = ModelFacts::default();
    facts.context_tokens = Some(tokens);
    facts
}

#[tokio::test]
async fn a_request_too_long_skips_the_windows_known_to_be_too_small() {
    let a = answers(Recipe::context_length_exceeded(8_000, 20_000)).await;
    let (b, c) = (healthy("b").await, healthy("c").await);
    let client = builder(&[&a, &b, &c])
        .target("a/m")
        .target("b/m")
        .target("c/m")
        .facts("a/m", window(8_000))
        .facts("b/m", window(16_000))
        .build()
        .unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!(answer.text, "from c");
    assert_eq!(hits(&[&a, &b, &c]), [1, 0, 1]);
    assert_eq!(
        rows(answer.trail()),
        ["a/m context_length 400 next_target", "b/m context_length - skipped", "c/m - 200 delivered"]
    );
    // It says nothing about health: the next request is asked of the first again.
    client.chat("hi").await.unwrap();
    assert_eq!(hits(&[&a, &b, &c]), [2, 0, 2]);
}

#[tokio::test]
async fn a_window_no_larger_than_the_refusing_one_is_skipped_where_no_number_is_stated() {
    let a = answers(Recipe::error(413, "too_large", None, None, "too large")).await;
    let (b, c) = (healthy("b").await, healthy("c").await);
    let client = builder(&[&a, &b, &c])
        .target("a/m")
        .target("b/m")
        .target("c/m")
        .facts("a/m", window(8_000))
        .facts("b/m", window(8_000))
        .facts("c/m", window(8_001))
        .build()
        .unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b, &c])), ("from c", vec![1, 0, 1]));
    assert_eq!(rows(answer.trail())[1], "b/m context_length - skipped");
}

#[tokio::test]
async fn withheld_text_is_kept_in_the_error_and_rests_nobody() {
    let a = answers(Recipe::content_filter("half of it")).await;
    let client = over(&[&a]);
    for n in 1..=4 {
        let error = client.chat("hi").await.unwrap_err();
        assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, n));
        assert_eq!(rows(error.trail()), ["a/m content_filter 200 exhausted"]);
        let cause = error.source().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(cause.partial().unwrap().text, "half of it");
        assert!(!error.to_string().contains("half of it"));
    }
}

#[tokio::test]
async fn what_a_target_is_known_not_to_do_is_skipped_without_a_request() {
    let (a, b) = (healthy("a").await, healthy("b").await);
    let upload =
        Message::user_parts([Part::text("read this"), Part::Upload(ProviderRef::new("b", "file-1"))]);
    let answer = over(&[&a, &b]).chat(ChatRequest::new([upload])).await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![0, 1]));
    assert_eq!(rows(answer.trail()), ["a/m unsupported - skipped", "b/m - 200 delivered"]);
}

#[tokio::test]
async fn what_the_wire_cannot_say_is_no_request() {
    let (a, b) = (healthy("a").await, healthy("b").await);
    let request =
        ["1", "2", "3", "4", "5"].iter().fold(ChatRequest::user("hi"), |r, stop| r.with_stop(*stop));
    let error = over(&[&a, &b]).chat(request).await.unwrap_err();
    assert_eq!(hits(&[&a, &b]), [0, 0]);
    assert_eq!(rows(error.trail()), ["a/m unsupported - next_target", "b/m unsupported - exhausted"]);
}

#[tokio::test]
async fn two_providers_that_agree_on_a_bad_request_stop_the_chain() {
    let (a, b) = (answers(Recipe::bad_request()).await, answers(Recipe::bad_request()).await);
    let c = healthy("c").await;
    let (error, took) = timed(over(&[&a, &b, &c]).chat("hi")).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadRequest, Some(400)));
    assert_eq!(hits(&[&a, &b, &c]), [1, 1, 0]);
    assert_eq!(rows(error.trail()), ["a/m bad_request 400 next_target", "b/m bad_request 400 stopped"]);
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn one_provider_that_disagrees_on_a_bad_request_does_not_stop_the_chain() {
    let (a, b) = (answers(Recipe::bad_request()).await, answers(Recipe::server_error()).await);
    let c = healthy("c").await;
    let answer = over(&[&a, &b, &c]).chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b, &c])), ("from c", vec![1, 1, 1]));
    assert_eq!(
        rows(answer.trail()),
        ["a/m bad_request 400 next_target", "b/m server 500 next_target", "c/m - 200 delivered"]
    );
}

#[tokio::test]
async fn a_second_opinion_is_another_providers_before_it_is_another_models() {
    let (p, q) = (answers(Recipe::bad_request()).await, healthy("q").await);
    let client = builder(&[&p, &q]).target("a/x").target("a/y").target("b/z").build().unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&p, &q])), ("from q", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/x bad_request 400 next_target", "b/z - 200 delivered"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_does_not_travel() {
    let b = healthy("b").await;
    let a = answers(Recipe::redirect(&format!("{}/chat/completions", b.uri()))).await;
    let answer = over(&[&a, &b]).chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(b.header_of(0, "authorization"), Some(format!("Bearer {}", key_of("b"))));
    let said = answer.trail().steps()[0].message.clone().unwrap();
    assert!(said.contains("redirects to") && said.contains("not followed"), "{said}");
    // It would point elsewhere again: a lone target is not asked twice.
    let error = over(&[&a]).chat("hi").await.unwrap_err();
    assert_eq!((rows(error.trail()), a.hits()), (vec!["a/m bad_reply 307 exhausted".to_owned()], 2));
}

#[tokio::test]
async fn a_provider_without_a_key_is_skipped_and_the_variable_named() {
    let b = healthy("b").await;
    let client = Backstop::builder()
        .env(Env::empty())
        .provider(provider("b", &b))
        .target("openai/gpt-5.2")
        .target("b/m")
        .build()
        .unwrap();
    let answer = client.chat("hi").await.unwrap();
    assert_eq!((answer.text.as_str(), b.hits()), ("from b", 1));
    assert_eq!(rows(answer.trail()), ["openai/gpt-5.2 not_configured - skipped", "b/m - 200 delivered"]);
    let said = answer.trail().steps()[0].message.clone().unwrap();
    assert!(said.contains("OPENAI_API_KEY"), "{said}");

    let alone = Backstop::builder().env(Env::empty()).target("openai/gpt-5.2").build().unwrap();
    let error = alone.chat("hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert!(error.to_string().contains("OPENAI_API_KEY"), "{error}");
}

#[tokio::test]
async fn a_route_can_stop_at_a_kind_of_failure_and_the_failure_is_the_answer() {
    let (a, b) = (answers(Recipe::content_filter("half")).await, healthy("b").await);
    let route = Route::of("default", ["a/m", "b/m"]).unwrap();
    let client =
        builder(&[&a, &b]).route(route.with_rule(ErrorKind::ContentFilter, RouteRule::Stop)).build().unwrap();
    let error = client.chat("hi").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.provider(), error.status()),
        (ErrorKind::ContentFilter, Some("a"), Some(200))
    );
    assert_eq!(error.partial().unwrap().text, "half");
    assert_eq!(hits(&[&a, &b]), [1, 0]);
    assert_eq!(rows(error.trail()), ["a/m content_filter 200 stopped"]);
}

#[tokio::test]
async fn a_failure_that_names_itself_in_the_body_beats_its_status() {
    let recipe = Recipe::error(400, "x", Some("rate_limit_exceeded"), None, "Please try again in 2s.");
    let (a, b) = (answers(recipe).await, healthy("b").await);
    let answer = over(&[&a, &b]).chat("hi").await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m rate_limited 400 next_target", "b/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [1, 1]);
}
