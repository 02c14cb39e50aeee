//! Embeddings: parts, spaces, sizes.

use std::time::Duration;

use backstop::blocking;
use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop::core::route::{ModelFacts, Route};
use backstop::core::{Env, Overrides, Registry};
use backstop::{Answer, Backstop, BackstopBuilder, Error, ErrorKind, Trail};
use backstop_config::Config;
use backstop_testkit::server::{FailingServer, RawServer, Recipe, Script};
use backstop_tests::{LATE, SOON, Server, answers, bare, builder, hits, last, policy, provider, rows, timed};
use serde_json::{Value, json};

const SMALL: &str = "text-embedding-3-small";
const SMALL_SIZE: usize = 1536;

/// The vectors of the texts "0", "1" …, each of which says which text it is of.
fn vectors(numbers: std::ops::Range<u16>) -> Vec<Vec<f32>> {
    numbers.map(|number| vec![f32::from(number), 0.5]).collect()
}

/// A vector of this size.
fn sized(size: usize) -> Recipe {
    Recipe::embeddings(&[vec![0.5; size]])
}

fn texts(count: usize) -> EmbeddingRequest {
    EmbeddingRequest::new((0..count).map(|number| number.to_string()))
}

fn facts(space: &str, dimensions: Option<u32>) -> ModelFacts {
    let mut facts = ModelFacts::default();
    (facts.space, facts.dimensions) = (Some(space.to_owned()), dimensions);
    facts
}

/// `a/m`, `b/m` … all in one space, which come back soon.
fn twins(servers: &[&dyn Server]) -> Backstop {
    let names = ["a/m", "b/m", "c/m"].into_iter().take(servers.len());
    let start = builder(servers).policy(policy(|policy| policy.backoff_base = Duration::from_millis(1)));
    names.fold(start, |builder, name| builder.target(name).facts(name, facts("s", None))).build().unwrap()
}

/// A route of these targets, that does not come back to any.
fn route<'t>(servers: &[&dyn Server], targets: impl IntoIterator<Item = &'t str>) -> BackstopBuilder {
    let start = builder(servers).policy(policy(|policy| policy.comebacks = Some(0)));
    targets.into_iter().fold(start, BackstopBuilder::target)
}

fn parts(trail: &Trail) -> Vec<(u32, String)> {
    trail.steps().iter().zip(rows(trail)).map(|(step, row)| (step.part.unwrap(), row)).collect()
}

fn inputs(server: &dyn Server) -> Vec<Vec<String>> {
    let texts = |body: Value| serde_json::from_value(body["input"].clone()).unwrap();
    server.requests().iter().map(|request| texts(request.json())).collect()
}

/// What 5,000 texts in requests of at most 2,048 are in full, whoever calls.
#[track_caller]
fn is_whole(answer: &Answer<EmbeddingReply>) {
    let numbers: Vec<usize> = answer.embeddings.iter().map(|vector| vector[0] as usize).collect();
    assert!(numbers.iter().copied().eq(0..5000), "{} vectors, or out of order", numbers.len());
    assert_eq!((answer.usage.input_tokens, answer.space.as_deref()), (Some(5000), Some("s")));
}

/// A server of the three parts of 5,000 texts, that fails once when it is asked for the second.
fn fails_in_the_middle() -> [Recipe; 4] {
    [
        Recipe::embeddings(&vectors(0..2048)),
        Recipe::server_error(),
        Recipe::embeddings(&vectors(2048..4096)),
        Recipe::embeddings(&vectors(4096..5000)),
    ]
}

#[tokio::test]
async fn five_thousand_texts_arrive_whole_and_in_order_and_the_failed_part_alone_is_asked_again() {
    let a = FailingServer::sequence(fails_in_the_middle()).await;
    let answer = twins(&[&a]).embed(texts(5000)).await.unwrap();
    is_whole(&answer);
    let inputs = inputs(&a);
    assert_eq!(inputs.iter().map(Vec::len).collect::<Vec<_>>(), [2048, 2048, 2048, 904]);
    assert_eq!(inputs[1], inputs[2]);
    let asked: Vec<String> = [&inputs[0], &inputs[2], &inputs[3]].into_iter().flatten().cloned().collect();
    assert_eq!(asked, texts(5000).input);
    let row = |part, row: &str| (part, row.to_owned());
    assert_eq!(
        parts(answer.trail()),
        [
            row(0, "a/m - 200 delivered"),
            row(1, "a/m server 500 retry_same"),
            row(1, "a/m - 200 delivered"),
            row(2, "a/m - 200 delivered"),
        ]
    );
    let told = answer.trail().to_string();
    let second = told.lines().nth(1).unwrap();
    assert!(second.starts_with("a/m  part 2: server error (500) after "), "{told}");
}

#[tokio::test]
async fn a_part_falls_over_by_itself_and_the_next_one_begins_at_the_top_again() {
    let a = FailingServer::sequence([
        Recipe::embeddings(&vectors(0..2048)),
        Recipe::bad_request(),
        Recipe::embeddings(&vectors(4096..5000)),
    ]);
    let (a, b) = (a.await, answers(Recipe::embeddings(&vectors(2048..4096))).await);
    let answer = twins(&[&a, &b]).embed(texts(5000)).await.unwrap();
    is_whole(&answer);
    assert_eq!((hits(&[&a, &b]), inputs(&b)[0].len()), (vec![3, 1], 2048));
    let verdicts: Vec<_> = parts(answer.trail());
    assert_eq!(verdicts[1], (1, "a/m bad_request 400 next_target".to_owned()));
    assert_eq!(verdicts[2], (1, "b/m - 200 delivered".to_owned()));
    assert_eq!(verdicts[3], (2, "a/m - 200 delivered".to_owned()));
}

#[test]
fn a_blocking_call_splits_falls_over_and_joins_too() {
    let a = RawServer::start(fails_in_the_middle().map(last));
    let client = blocking::Backstop::new(twins(&[&a])).unwrap();
    is_whole(&client.embed(texts(5000)).unwrap());
    assert_eq!(inputs(&a).iter().map(Vec::len).collect::<Vec<_>>(), [2048, 2048, 2048, 904]);

    let (bad, good) = (RawServer::start([Recipe::unauthorized()]), RawServer::start([sized(2)]));
    let client = blocking::Backstop::new(twins(&[&bad, &good])).unwrap();
    let answer = client.embed("one").unwrap();
    assert_eq!(rows(answer.trail()), ["a/m auth 401 next_target", "b/m - 200 delivered"]);
    assert_eq!((answer.space.as_deref(), hits(&[&bad, &good])), (Some("s"), vec![1, 1]));
}

#[tokio::test]
async fn texts_that_fit_are_one_request_and_one_more_is_two() {
    let a = FailingServer::sequence([
        Recipe::embeddings(&vectors(0..2048)),
        Recipe::embeddings(&vectors(0..2048)),
        Recipe::embeddings(&vectors(2048..2049)),
    ])
    .await;
    let client = twins(&[&a]);
    let fits = client.embed(texts(2048)).await.unwrap();
    assert_eq!((fits.trail().steps()[0].part, a.hits()), (None, 1));
    assert!(!fits.trail().to_string().contains("part"), "{}", fits.trail());
    let more = client.embed(texts(2049)).await.unwrap();
    assert_eq!((more.embeddings.len(), a.hits()), (2049, 3));
    assert_eq!(inputs(&a)[2], ["2048"]);
}

#[tokio::test]
async fn a_part_that_fails_for_good_ends_the_call_with_the_vectors_of_those_before_it() {
    let a = FailingServer::sequence([Recipe::embeddings(&vectors(0..2048)), Recipe::unauthorized()]).await;
    let error = twins(&[&a]).embed(texts(5000)).await.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, 2));
    let partial = error.partial().unwrap();
    assert_eq!((&partial.embeddings, partial.space.as_deref()), (&vectors(0..2048), Some("s")));
    assert_eq!(partial.usage.input_tokens, Some(2048));
    let row = |part, row: &str| (part, row.to_owned());
    assert_eq!(parts(error.trail()), [row(0, "a/m - 200 delivered"), row(1, "a/m auth 401 exhausted")]);
}

#[tokio::test]
async fn all_parts_share_one_deadline() {
    const DEADLINE: Duration = Duration::from_millis(800);
    let pause = Duration::from_millis(200);
    let a = RawServer::start([
        Script::from(last(Recipe::embeddings(&vectors(0..2048)).after(pause))),
        Script::from(last(Recipe::embeddings(&vectors(2048..4096)).after(pause))),
        Script::silent(),
    ]);
    let client = twins(&[&a]).with_deadline(DEADLINE);
    let (error, took) = timed(client.embed(texts(9000))).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Deadline, 3));
    // With a deadline of its own, the third part would have had as long again after the other two.
    assert!(took >= DEADLINE && took < DEADLINE + 2 * pause, "{took:?}");
    assert_eq!(error.partial().unwrap().embeddings.len(), 4096);
    assert_eq!(parts(error.trail())[2], (2, "a/m timeout(total) - exhausted".to_owned()));
    assert!(a.wait_until_closed(LATE).await);
}

#[tokio::test]
async fn texts_of_more_tokens_than_a_request_may_have_go_in_several_and_a_refused_one_in_halves() {
    // Each may be 125,000 tokens, and a request to this wire may have 300,000.
    let large: Vec<String> = (0..4).map(|number| number.to_string().repeat(250_000)).collect();
    let too_many = Recipe::error(
        400,
        "max_tokens_per_request",
        Some("max_tokens_per_request"),
        None,
        "Requested 404384 tokens, max 300000 tokens per request",
    );
    let a = FailingServer::sequence([
        Recipe::embeddings(&vectors(0..2)),
        too_many,
        Recipe::embeddings(&vectors(2..3)),
        Recipe::embeddings(&vectors(3..4)),
    ])
    .await;
    let answer = twins(&[&a]).embed(EmbeddingRequest::new(large.clone())).await.unwrap();
    assert_eq!(answer.embeddings, vectors(0..4));
    let asked: Vec<_> = inputs(&a).iter().map(Vec::len).collect();
    assert_eq!((asked, inputs(&a)[2][0] == large[2]), (vec![2, 2, 1, 1], true));
    let row = |part, row: &str| (part, row.to_owned());
    assert_eq!(
        parts(answer.trail()),
        [
            row(0, "a/m - 200 delivered"),
            row(1, "a/m context_length 400 exhausted"),
            row(2, "a/m - 200 delivered"),
            row(3, "a/m - 200 delivered"),
        ]
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_between_parts_asks_for_no_more() {
    let a = RawServer::start([Script::from(last(Recipe::embeddings(&vectors(0..2048)))), Script::silent()]);
    let client = twins(&[&a]);
    let call = tokio::spawn(async move { client.embed(texts(9000)).await });
    assert!(a.wait_for_hits(2, LATE).await);
    call.abort();
    assert!(a.wait_until_closed(SOON).await);
    assert_eq!(a.hits(), 2);
}

#[tokio::test]
async fn one_model_under_two_names_is_one_space_and_the_reply_says_which() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(SMALL_SIZE)).await);
    let client = route(&[&a, &b], [&*format!("a/{SMALL}"), &*format!("b/openai/{SMALL}")]).build().unwrap();
    let answer = client.embed("one").await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), ("b/openai/text-embedding-3-small", Some(SMALL)));
    assert_eq!(hits(&[&a, &b]), [1, 1]);
    assert_eq!(b.bodies()[0]["model"], "openai/text-embedding-3-small");
}

#[tokio::test]
async fn a_target_of_another_space_is_sent_nothing_and_the_error_says_why_and_what_to_do() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(3072)).await);
    let targets = ["a/text-embedding-3-small", "b/text-embedding-3-large"];
    let error = route(&[&a, &b], targets).build().unwrap().embed("one").await.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 0]));
    assert_eq!(
        rows(error.trail()),
        ["a/text-embedding-3-small server 500 exhausted", "b/text-embedding-3-large unsupported - skipped"]
    );
    assert_eq!(
        error.trail().steps()[1].message.as_deref(),
        Some(
            "its vectors live in the space text-embedding-3-large (3072 dimensions), and those of this call in \
             text-embedding-3-small (1536 dimensions): they cannot be compared; if both are of one model, state one \
             `space` for both in their facts ([models] of a config file)"
        )
    );

    let mut mixed = Route::of("default", targets).unwrap();
    mixed.mixed_spaces = true;
    let answer = builder(&[&a, &b]).route(mixed).build().unwrap().embed("one").await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), (targets[1], Some("text-embedding-3-large")));
}

#[tokio::test]
async fn the_same_model_at_another_size_is_another_space() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(512)).await);
    let mut short = ModelFacts::default();
    short.dimensions = Some(512);
    let targets = ["a/text-embedding-3-small", "b/text-embedding-3-small"];
    let client = route(&[&a, &b], targets).facts(targets[1], short).build().unwrap();
    let error = client.embed("one").await.unwrap_err();
    let said = error.trail().steps()[1].message.clone().unwrap();
    assert!(said.contains("text-embedding-3-small@512") && said.contains("(1536 dimensions)"), "{said}");
    // Asked for in one size, both are one space again, and every target is asked for that size.
    let mut request = EmbeddingRequest::from("one");
    request.dimensions = Some(512);
    let answer = client.embed(request).await.unwrap();
    assert_eq!(answer.space.as_deref(), Some("text-embedding-3-small@512"));
    assert_eq!((&a.bodies()[1]["dimensions"], &b.bodies()[0]["dimensions"]), (&json!(512), &json!(512)));
}

#[tokio::test]
async fn a_space_has_one_name_in_a_route_whoever_answers_and_however_much_is_known_of_it() {
    let a = FailingServer::sequence([sized(512), Recipe::server_error()]).await;
    let b = answers(sized(512)).await;
    let client = route(&[&a, &b], ["a/m", "b/m"])
        .facts("a/m", facts("mine", None))
        .facts("b/m", facts("mine", Some(512)))
        .build()
        .unwrap();
    let mut request = EmbeddingRequest::from("one");
    request.dimensions = Some(512);
    let first = client.embed(request.clone()).await.unwrap();
    let second = client.embed(request).await.unwrap();
    assert_eq!((first.target(), second.target()), ("a/m", "b/m"));
    assert_eq!((first.space.as_deref(), &second.space), (Some("mine@512"), &first.space));
}

#[tokio::test]
async fn a_size_that_a_model_does_not_have_is_refused_before_anything_is_sent() {
    let a = answers(sized(SMALL_SIZE)).await;
    let mut request = EmbeddingRequest::from("one");
    request.dimensions = Some(4096);
    let error = route(&[&a], ["a/text-embedding-3-small"]).build().unwrap().embed(request).await.unwrap_err();
    assert_eq!((error.kind(), a.hits()), (ErrorKind::Exhausted, 0));
    assert_eq!(
        error.to_string(),
        "the only target failed: a/text-embedding-3-small has no vectors of 4096 dimensions: 1 to 1536"
    );
}

#[tokio::test]
async fn vectors_of_a_wrong_size_or_number_are_a_bad_reply_and_fall_over() {
    let b = answers(sized(SMALL_SIZE)).await;
    let two = Recipe::embeddings(&[vec![0.5; SMALL_SIZE], vec![0.5; SMALL_SIZE]]);
    for (recipe, words) in [
        (sized(768), "a vector has 768 dimensions instead of 1536"),
        (two, "2 embeddings came for 1 texts"),
        (Recipe::embeddings(&[]), "0 embeddings came for 1 texts"),
        (Recipe::embeddings(&[Vec::new()]), "embedding 0 is no list of numbers"),
    ] {
        let a = answers(recipe.header("x-request-id", "req-1")).await;
        let targets = ["a/text-embedding-3-small", "b/text-embedding-3-small"];
        let answer = route(&[&a, &b], targets).build().unwrap().embed("one").await.unwrap();
        assert_eq!(
            rows(answer.trail()),
            [
                "a/text-embedding-3-small bad_reply 200 next_target",
                "b/text-embedding-3-small - 200 delivered"
            ]
        );
        let step = &answer.trail().steps()[0];
        assert!(step.message.as_deref().unwrap().contains(words), "{step:?}");
        assert_eq!(step.request_id.as_deref(), Some("req-1"), "{words}");
    }
}

#[tokio::test]
async fn a_later_part_of_another_size_is_caught_where_the_size_was_not_known_before() {
    let odd: Vec<Vec<f32>> = (0..2).map(|_| vec![0.5; 3]).collect();
    let a = FailingServer::sequence([Recipe::embeddings(&vectors(0..2048)), Recipe::embeddings(&odd)]).await;
    let error = twins(&[&a]).embed(texts(2050)).await.unwrap_err();
    let said = parts(error.trail());
    assert_eq!(said.last().unwrap().1, "a/m bad_reply 200 exhausted");
    let message = error.trail().steps().last().unwrap().message.clone().unwrap();
    assert!(message.contains("a vector has 3 dimensions instead of 2"), "{message}");
    assert_eq!(error.partial().unwrap().embeddings.len(), 2048);
}

#[tokio::test]
async fn the_vectors_of_one_reply_are_of_one_space_even_where_a_route_mixes_them() {
    // As large as those of the other model: only the space tells them apart.
    let a = FailingServer::sequence([Recipe::embeddings(&vectors(0..2048)), Recipe::unauthorized()]).await;
    let b = answers(Recipe::embeddings(&vectors(2048..2050))).await;
    let mut mixed = Route::of("default", ["a/mine", "b/other"]).unwrap();
    mixed.mixed_spaces = true;
    let error = builder(&[&a, &b]).route(mixed).build().unwrap().embed(texts(2050)).await.unwrap_err();
    assert_eq!((hits(&[&a, &b]), error.partial().unwrap().embeddings.len()), (vec![2, 0], 2048));
    let said = error.trail().steps().last().unwrap().message.clone().unwrap();
    assert_eq!(
        said,
        "its vectors live in the space b/other, and those of the texts before these in a/mine, with 2 dimensions"
    );
}

#[tokio::test]
async fn the_caller_may_state_the_space_of_its_index() {
    let (a, b) = (answers(sized(3072)).await, answers(sized(SMALL_SIZE)).await);
    let client = route(&[&a, &b], ["a/text-embedding-3-large", "b/text-embedding-3-small"]).build().unwrap();
    let mut request = EmbeddingRequest::from("one");
    request.space = Some(SMALL.to_owned());
    let answer = client.embed(request.clone()).await.unwrap();
    assert_eq!((answer.target(), hits(&[&a, &b])), ("b/text-embedding-3-small", vec![0, 1]));
    request.space = Some("nobody's".to_owned());
    let error = client.embed(request).await.unwrap_err();
    assert_eq!(hits(&[&a, &b]), [0, 1]);
    assert!(error.to_string().contains("those of this call in nobody's: they cannot be compared"), "{error}");
}

fn with(field: &str, value: Value) -> Overrides {
    let mut overrides = Overrides::default();
    overrides.extra_body.insert(field.to_owned(), value);
    overrides
}

#[tokio::test]
async fn a_target_that_adds_a_task_shares_no_space_with_one_that_does_not() {
    let (a, b) = (answers(Recipe::unauthorized()).await, answers(sized(SMALL_SIZE)).await);
    let (first, second) = ("a/text-embedding-3-small", "b/text-embedding-3-small");
    let task = || with("task", json!("private-classification"));
    let client = builder(&[&a, &b]).target(first).target_with(second, task()).build().unwrap();
    let error = client.embed("one").await.unwrap_err();
    assert_eq!(hits(&[&a, &b]), [1, 0]);
    let said = error.trail().steps()[1].message.clone().unwrap();
    assert!(said.contains("text-embedding-3-small+task~") && !said.contains("private"), "{said}");
    // Those that add the same are asked the same.
    let client = builder(&[&a, &b]).target_with(first, task()).target_with(second, task()).build().unwrap();
    let answer = client.embed("one").await.unwrap();
    assert!(answer.space.as_deref().unwrap().starts_with("text-embedding-3-small+task~"), "{answer:?}");
    assert_eq!(b.bodies()[0]["task"], "private-classification");
}

#[tokio::test]
async fn a_target_can_neither_name_another_model_nor_other_texts() {
    for (field, value) in [("model", json!("text-embedding-3-large")), ("input", json!(["other"]))] {
        let a = answers(sized(SMALL_SIZE)).await;
        let client = builder(&[&a]).target_with("a/text-embedding-3-small", with(field, value)).build();
        let error = client.unwrap().embed("one").await.unwrap_err();
        assert_eq!((a.hits(), error.trail().steps()[0].kind), (0, Some(ErrorKind::Config)), "{field}");
        let said = error.to_string();
        assert!(said.contains(&format!("extra_body holds `{field}`, which is for the library")), "{said}");
    }
}

/// A client of this config file, whose providers `a` and `b` are these servers.
fn of_file(servers: &[&dyn Server], text: &str) -> Result<Backstop, Error> {
    let mut file = text.to_owned();
    for (name, server) in ["a", "b"].iter().zip(servers) {
        file.push_str(&format!(
            "[providers.{name}]\nkind = \"openai\"\nbase_url = \"{}\"\napi_key = \"none\"\n",
            server.uri()
        ));
    }
    let registry = backstop::providers::registry();
    let config = Config::parse("backstop.toml", &file, &registry, &Env::empty())?;
    let mut builder = Backstop::builder().registry(registry).env(Env::empty());
    for setup in &config.providers {
        builder = builder.settings(setup.kind.as_str(), setup.settings.clone());
    }
    for (target, facts) in &config.facts {
        builder = builder.facts(target.as_str(), facts.clone());
    }
    config.routes.into_iter().fold(builder, BackstopBuilder::route).build()
}

const TWO_NAMES: &str = "[routes.default]\nretry = { comebacks = 0 }\n\
    targets = [\"a/text-embedding-3-small\", \"b/my-own-name\"]\n";

#[tokio::test]
async fn a_config_file_states_the_space_of_a_model_under_a_name_of_ones_own() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(SMALL_SIZE)).await);
    let error = of_file(&[&a, &b], TWO_NAMES).unwrap().embed("one").await.unwrap_err();
    assert_eq!((error.kind(), hits(&[&a, &b])), (ErrorKind::Exhausted, vec![1, 0]));

    let stated = format!("{TWO_NAMES}[models.\"b/my-own-name\"]\nspace = \"text-embedding-3-small\"\n");
    let client = of_file(&[&a, &b], &stated).unwrap();
    let answer = client.embed("one").await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), ("b/my-own-name", Some(SMALL)));
    // The size comes with the space: it is checked, and at its usual size a space has its usual name.
    b.now_answers([sized(768), sized(SMALL_SIZE)]);
    let error = client.embed("one").await.unwrap_err();
    assert_eq!(rows(error.trail())[1], "b/my-own-name bad_reply 200 exhausted");
    let mut request = EmbeddingRequest::from("one");
    request.dimensions = Some(1536);
    assert_eq!(client.embed(request.clone()).await.unwrap().space.as_deref(), Some(SMALL));
    request.dimensions = Some(4096);
    let error = client.embed(request).await.unwrap_err();
    let said = error.trail().steps()[1].message.as_deref();
    assert_eq!((said, b.hits()), (Some("has no vectors of 4096 dimensions: 1 to 1536"), 3));
}

#[tokio::test]
async fn a_config_file_overrides_what_is_known_of_a_model() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(7)).await);
    let file = "[routes.default]\nretry = { comebacks = 0 }\n\
        targets = [\"a/text-embedding-3-small\", \"b/text-embedding-3-small\"]\n\
        [models.\"b/text-embedding-3-small\"]\nspace = \"tuned\"\ndimensions = 7\n";
    let client = of_file(&[&a, &b], file).unwrap();
    let error = client.embed("one").await.unwrap_err();
    let said = error.trail().steps()[1].message.clone().unwrap();
    assert!(said.starts_with("its vectors live in the space tuned (7 dimensions), and"), "{said}");
    let mut request = EmbeddingRequest::from("one");
    request.space = Some("tuned".to_owned());
    let answer = client.embed(request).await.unwrap();
    assert_eq!((answer.embeddings[0].len(), answer.space.as_deref()), (7, Some("tuned")));
}

#[tokio::test]
async fn what_vectors_are_for_makes_no_difference_where_models_make_none() {
    let (a, b) = (answers(Recipe::server_error()).await, answers(sized(SMALL_SIZE)).await);
    let client = bare()
        .registry(Registry::default())
        .provider(provider("a", &a))
        .provider(provider("b", &b))
        .target("a/text-embedding-3-small")
        .target("b/text-embedding-3-small");
    let mut request = EmbeddingRequest::from("one");
    request.input_type = Some(InputType::Query);
    let answer = client.build().unwrap().embed(request).await.unwrap();
    assert_eq!((answer.target(), b.bodies()[0].get("input_type")), ("b/text-embedding-3-small", None));
}
