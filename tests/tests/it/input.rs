//! Bad input: each a specific error, at build time where it can be known then.

use std::time::Duration;

use backstop::core::chat::{Message, Part};
use backstop::core::route::Route;
use backstop::core::{Env, Registry};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Backstop, BackstopBuilder, ChatRequest, Error, ErrorKind};
use backstop_testkit::server::{RawServer, Recipe, Script, Step};
use backstop_tests::{LATE, SOON, answers, bare, builder, healthy, hits, over, over_with, rows, timed};

/// What is wrong with a client that cannot be built.
fn complaint<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[track_caller]
fn complains<T: std::fmt::Debug>(result: Result<T, Error>, words: &[&str]) {
    let said = complaint(result);
    assert!(words.iter().all(|word| said.contains(word)) && !said.contains('\n'), "{said}");
}

/// A builder with the kind `openai`, in this environment.
fn in_env(vars: &'static [(&'static str, &'static str)]) -> BackstopBuilder {
    let find = |name: &str| vars.iter().find(|(known, _)| *known == name);
    Backstop::builder().env(Env::new(move |name| find(name).map(|(_, value)| (*value).to_owned())))
}

#[test]
fn a_malformed_model_string_is_an_error_that_shows_how_to_write_it() {
    for (text, problem) in [
        ("gpt-5.2", "no slash"),
        ("/gpt-5.2", "the provider is missing"),
        ("openai/", "the model is missing"),
        ("openai/gpt 5", "white space"),
        ("openai/gpt\n5", "white space"),
        ("", "no slash"),
    ] {
        complains(Backstop::models([text]), &[problem, "write provider/model", "openai/gpt-5.2"]);
        complains(Route::of("r", [text]), &[problem, "write provider/model"]);
    }
}

#[test]
fn an_empty_list_is_an_error() {
    let none: [&str; 0] = [];
    complains(Backstop::models(none), &["has no target", "list at least one", "openai/gpt-5.2"]);
    complains(bare().build(), &["\"default\"", "has no target"]);
}

#[test]
fn an_unknown_provider_is_an_error_that_names_the_known_ones() {
    complains(in_env(&[]).target("opnai/gpt-5.2").build(), &["no provider \"opnai\"", "openai"]);
    complains(
        bare().target("opnai/gpt-5.2").build(),
        &["no provider \"opnai\"", "switch one on by its feature"],
    );
}

#[test]
fn a_kind_of_provider_that_is_not_compiled_in_is_an_error_that_names_its_feature() {
    let registry = Registry::default().with_known(&["openai"]);
    complains(bare().registry(registry).target("openai/m").build(), &["switch on the feature \"openai\""]);
}

#[test]
fn a_deadline_of_zero_is_an_error() {
    let word = &["deadline of zero", "leave it out"];
    complains(in_env(&[]).target("openai/m").deadline(Duration::ZERO).build(), word);
}

#[tokio::test]
async fn a_deadline_of_zero_on_a_call_is_an_error_before_anything_is_sent() {
    let a = healthy("a").await;
    let error = over(&[&a]).with_deadline(Duration::ZERO).chat("hi").await.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Usage, 0));
    assert!(error.to_string().contains("deadline of zero"), "{error}");
}

#[test]
fn a_key_with_a_newline_is_an_error_that_does_not_show_it() {
    let words = &["the key of provider `openai`", "line break"];
    let built = OpenAi::new(OpenAiConfig::new("sk-very-private\n"));
    let error = built.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("private"));
    complains(Err::<(), _>(error), words);
    // From the environment too, and when the client is built, not when it is used.
    complains(in_env(&[("OPENAI_API_KEY", "sk-very-private\n")]).target("openai/m").build(), words);
}

#[test]
fn a_base_url_that_is_none_is_an_error_when_the_provider_is_built() {
    for (url, problem) in [
        ("api.openai.com/v1", "does not begin with https:// or http://"),
        ("127.0.0.1:8080/v1", "does not begin with https:// or http://"),
        ("ftp://127.0.0.1/v1", "begins with something else"),
        ("", "is empty"),
        ("http://127.0.0.1/v1/chat/completions", "appended by itself"),
    ] {
        complains(OpenAi::new(OpenAiConfig::keyless(url)), &["base_url", problem]);
    }
    let vars = &[("OPENAI_API_KEY", "fine"), ("OPENAI_BASE_URL", "localhost:8080/v1")];
    complains(in_env(vars).target("openai/m").build(), &["base_url", "does not begin"]);
}

#[tokio::test]
async fn a_missing_key_is_no_error_of_the_build_and_names_the_variable_when_asked() {
    let error =
        in_env(&[("OPENAI_API_KEY", "")]).target("openai/m").build().unwrap().chat("hi").await.unwrap_err();
    assert_eq!(rows(error.trail()), ["openai/m not_configured - skipped"]);
    assert!(error.to_string().contains("set OPENAI_API_KEY"), "{error}");
}

#[tokio::test]
async fn a_request_too_large_for_one_target_goes_to_the_next() {
    let a = answers(Recipe::html(413)).await;
    let b = healthy("b").await;
    let answer = over(&[&a, &b]).chat("long ".repeat(400_000)).await.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m context_length 413 next_target", "b/m - 200 delivered"]);
}

#[tokio::test]
async fn a_request_too_large_for_every_target_says_so() {
    let (a, b) = (answers(Recipe::html(413)).await, answers(Recipe::context_length_exceeded(10, 20)).await);
    let (error, took) = timed(over(&[&a, &b]).chat("long ".repeat(400_000))).await;
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "all 2 targets failed: a/m request too long for the model; b/m request too long for the model"
    );
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 1]));
    assert!(took < 3 * SOON, "{took:?}");
}

#[tokio::test]
async fn a_request_refused_before_it_was_read_to_its_end_goes_to_the_next() {
    let refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // By then the head is there, and more of the body than the sockets hold is not.
    let script = Script::default().then(Step::Sleep(Duration::from_millis(200)));
    let a = RawServer::start([script.then(Step::Send(refusal.to_vec())).then(Step::Close)]);
    let b = healthy("b").await;
    let answer = over(&[&a, &b]).chat("long ".repeat(2_400_000)).await.unwrap();
    assert_eq!((answer.text.as_str(), a.connections(), b.hits()), ("from b", 1, 1));
    assert_eq!(rows(answer.trail()), ["a/m context_length 413 next_target", "b/m - 200 delivered"]);
}

#[tokio::test]
async fn images_that_are_too_large_are_a_bad_request_and_no_matter_of_windows() {
    let (a, b) = (answers(Recipe::html(413)).await, healthy("b").await);
    let message = Message::user_parts([Part::text("what is it?"), Part::image_base64("image/png", "AAAA")]);
    let answer = over(&[&a, &b]).chat(ChatRequest::new([message])).await.unwrap();
    assert_eq!(rows(answer.trail()), ["a/m bad_request 413 next_target", "b/m - 200 delivered"]);
    assert_eq!(hits(&[&a, &b]), [1, 1]);
}

/// The error of a lone target that is asked once.
async fn alone(server: &dyn backstop_tests::Server) -> Error {
    over_with(&[server], |policy| policy.comebacks = Some(0)).chat("hi").await.unwrap_err()
}

fn message_of(error: &Error) -> String {
    error.trail().steps()[0].message.clone().unwrap()
}

#[tokio::test]
async fn a_reply_that_is_not_json_says_where_and_shows_nothing_of_it() {
    let a = answers(Recipe::status(200, "{\"choices\": [{\"secret words\"")).await;
    let error = alone(&a).await;
    assert_eq!((rows(error.trail()), a.hits()), (vec!["a/m bad_reply 200 exhausted".to_owned()], 1));
    assert!(message_of(&error).starts_with("the reply "), "{error:?}");
    assert!(!format!("{error:?}").contains("secret words"), "{error:?}");
}

#[tokio::test]
async fn a_page_in_place_of_a_reply_asks_whether_the_base_url_is_right() {
    let a = answers(Recipe::html_200()).await;
    let error = alone(&a).await;
    let said = message_of(&error);
    assert!(said.contains("text/html") && said.contains(&a.uri()), "{said}");
    assert_eq!((rows(error.trail()), a.hits()), (vec!["a/m bad_reply 200 exhausted".to_owned()], 1));
}

#[tokio::test]
async fn a_reply_that_is_not_utf8_is_an_unusable_reply() {
    let a = answers(Recipe::not_utf8_200()).await;
    let error = alone(&a).await;
    assert_eq!((rows(error.trail()), a.hits()), (vec!["a/m bad_reply 200 exhausted".to_owned()], 1));
    assert!(message_of(&error).starts_with("the reply "), "{error:?}");
}

#[tokio::test]
async fn an_endless_reply_is_cut_at_its_bound_and_the_connection_closed() {
    const MIB: u64 = 1 << 20;
    let a = RawServer::start([Script::endless_body(200)]);
    let b = healthy("b").await;
    let (answer, took) = timed(over(&[&a, &b]).chat("hi")).await;
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), hits(&[&a, &b])), ("from b", vec![1, 1]));
    assert_eq!(rows(answer.trail()), ["a/m bad_reply 200 next_target", "b/m - 200 delivered"]);
    assert_eq!(answer.trail().steps()[0].message.as_deref(), Some("the reply is longer than 64 MiB"));
    assert!(a.wait_until_closed(LATE).await);
    let sent = a.bytes_sent();
    assert!((64 * MIB..72 * MIB).contains(&sent), "{sent} bytes");
    assert!(took < LATE, "{took:?}");
}

#[tokio::test]
async fn an_endless_refusal_is_read_no_further_than_it_takes() {
    let a = RawServer::start([Script::endless_body(500)]);
    let b = healthy("b").await;
    let (answer, took) = timed(over(&[&a, &b]).chat("hi")).await;
    assert_eq!(rows(answer.unwrap().trail()), ["a/m server 500 next_target", "b/m - 200 delivered"]);
    assert!(a.wait_until_closed(LATE).await);
    assert!(a.bytes_sent() < 8 << 20, "{} bytes", a.bytes_sent());
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_route_that_does_not_exist_is_an_error_that_lists_those_that_do() {
    let a = healthy("a").await;
    let client = builder(&[&a]).route(Route::of("cheap", ["a/m"]).unwrap()).build().unwrap();
    let error = client.with_route("fast").chat("hi").await.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Usage, 0));
    assert!(error.to_string().contains("\"fast\"") && error.to_string().contains("cheap"), "{error}");
}
