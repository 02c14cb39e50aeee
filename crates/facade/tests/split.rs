//! Embeddings of more texts than one request may hold.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop::core::fallback::Policy;
use backstop::core::route::{ModelFacts, Route};
use backstop::core::{Env, Registry, Usage};
use backstop::{
    Ask, Backstop, BackstopBuilder, Capabilities, Error, ErrorKind, Provider, Trail, async_trait,
};

/// Embeds the text "17" as [17.0, 0.0 …], and does what the script says of certain requests.
#[derive(Debug)]
struct Embedder {
    name: &'static str,
    batch: Option<u32>,
    /// The most tokens of a request, as it is stated.
    tokens: Option<u32>,
    /// The longest text, and the most of them, that it really takes.
    longest: usize,
    most: usize,
    size: usize,
    /// What happens at the request of this number.
    script: Vec<(usize, ErrorKind)>,
    count: AtomicUsize,
}

impl Embedder {
    fn new(name: &'static str, batch: Option<u32>) -> Self {
        Self {
            name,
            batch,
            tokens: None,
            longest: usize::MAX,
            most: usize::MAX,
            size: 2,
            script: Vec::new(),
            count: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl Provider for Embedder {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        let mut able = Capabilities::default();
        (able.embed, able.embed_batch, able.embed_tokens) = (true, self.batch, self.tokens);
        able
    }

    async fn embed(&self, _: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        if let Some((_, kind)) = self.script.iter().find(|(at, _)| *at == number) {
            return Err(Error::new(*kind, "as scripted"));
        }
        let EmbeddingRequest { input, .. } = request;
        if input.len() > self.most || input.iter().any(|text| text.len() > self.longest) {
            return Err(Error::new(
                ErrorKind::ContextLength,
                "Requested 404384 tokens, max 300000 tokens per request",
            ));
        }
        if self.name == "slow" {
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
        let vector = |text: &String| {
            let mut vector = vec![0.0; self.size];
            vector[0] = text.parse().unwrap();
            vector
        };
        let mut reply = EmbeddingReply::new(request.input.iter().map(vector).collect());
        reply.usage = Usage::new(request.input.len() as u64, 0);
        Ok(reply)
    }
}

fn texts(count: usize) -> EmbeddingRequest {
    EmbeddingRequest::new((0..count).map(|number| number.to_string()))
}

fn builder() -> BackstopBuilder {
    let mut facts = ModelFacts::default();
    facts.space = Some("s".to_owned());
    let builder = Backstop::builder().env(Env::empty()).registry(Registry::default());
    ["a/m", "b/m", "slow/m"].into_iter().fold(builder, |builder, name| builder.facts(name, facts.clone()))
}

fn in_order(vectors: &[Vec<f32>]) -> bool {
    vectors.iter().enumerate().all(|(place, vector)| vector[0] as usize == place)
}

#[tokio::test]
async fn a_failed_part_alone_is_asked_again_and_all_arrive_in_order() {
    let first = Embedder { script: vec![(1, ErrorKind::Server)], ..Embedder::new("a", Some(2048)) };
    let client = builder().provider(first).provider(Embedder::new("b", None)).target("a/m").target("b/m");
    let answer = client.build().unwrap().embed(texts(5000)).await.unwrap();
    assert_eq!((answer.embeddings.len(), in_order(&answer.embeddings)), (5000, true));
    assert_eq!((answer.usage.input_tokens, answer.space.as_deref()), (Some(5000), Some("s")));
    let steps: Vec<_> =
        answer.trail().steps().iter().map(|step| (step.part, &*step.target, step.kind)).collect();
    assert_eq!(
        steps,
        [
            (Some(0), "a/m", None),
            (Some(1), "a/m", Some(ErrorKind::Server)),
            (Some(1), "b/m", None),
            (Some(2), "a/m", None)
        ]
    );
    assert!(answer.trail().to_string().contains("part 2: server error"), "{}", answer.trail());
}

#[tokio::test]
async fn the_smallest_limit_of_those_that_may_answer_counts_and_no_other() {
    let (a, b) = (Embedder::new("a", Some(10)), Embedder::new("b", Some(4)));
    let elsewhere = Embedder::new("c", Some(1));
    let client = builder().provider(a).provider(b).provider(elsewhere);
    let client = client.target("a/m").target("b/m").target("c/m").build().unwrap();
    let answer = client.embed(texts(9)).await.unwrap();
    assert!(in_order(&answer.embeddings));
    assert_eq!(answer.trail().steps().len(), 3);
    let one = client.embed(texts(4)).await.unwrap();
    assert_eq!((one.trail().steps().len(), one.trail().steps()[0].part), (1, None));
}

#[tokio::test]
async fn the_error_of_a_part_carries_the_parts_that_are_done() {
    let a = Embedder { script: vec![(2, ErrorKind::Auth)], ..Embedder::new("a", Some(3)) };
    let client = builder().provider(a).target("a/m").build().unwrap();
    let error = client.embed(texts(10)).await.unwrap_err();
    let partial = error.partial().unwrap();
    assert_eq!((partial.embeddings.len(), in_order(&partial.embeddings)), (6, true));
    assert_eq!((error.kind(), error.trail().steps().len()), (ErrorKind::Exhausted, 3));
}

#[tokio::test]
async fn a_part_whose_vectors_have_another_size_is_a_bad_reply_and_falls_over() {
    let a = Embedder { script: vec![(1, ErrorKind::Auth)], ..Embedder::new("a", Some(3)) };
    let wrong = Embedder { size: 5, ..Embedder::new("b", None) };
    let client = builder().provider(a).provider(wrong).target("a/m").target("b/m").build().unwrap();
    let error = client.embed(texts(6)).await.unwrap_err();
    let bad = error.trail().steps().iter().find(|step| &*step.target == "b/m").unwrap();
    assert_eq!(bad.kind, Some(ErrorKind::BadReply));
    assert!(bad.message.as_deref().unwrap().contains("5 dimensions instead of 2"), "{bad:?}");
}

#[tokio::test(start_paused = true)]
async fn all_parts_share_one_deadline() {
    let client = builder().provider(Embedder::new("slow", Some(1))).target("slow/m").build().unwrap();
    let begun = tokio::time::Instant::now();
    let error = client.clone().with_deadline(Duration::from_secs(10)).embed(texts(9)).await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (ErrorKind::Deadline, Duration::from_secs(10)));
    assert_eq!(error.partial().unwrap().embeddings.len(), 2);
    let mut policy = Policy::default();
    policy.deadline = Some(Duration::from_secs(6));
    let route = Route::of("short", ["slow/m"]).unwrap().with_policy(policy);
    let client = builder().provider(Embedder::new("slow", Some(1))).route(route).build().unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(client.embed(texts(3)).await.unwrap_err().kind(), ErrorKind::Deadline);
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_gets_what_is_done() {
    let client = builder().provider(Embedder::new("slow", Some(1))).target("slow/m").build().unwrap();
    let stop = tokio::time::sleep(Duration::from_secs(9));
    let error = client.embed_until(texts(9), stop).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.partial().unwrap().embeddings.len(), 2);
}

/// How many requests there were of each part, and how they ended.
fn told(trail: &Trail) -> Vec<(u32, Option<ErrorKind>)> {
    trail.steps().iter().map(|step| (step.part.unwrap(), step.kind)).collect()
}

#[tokio::test]
async fn texts_are_split_by_their_tokens_as_well_and_nothing_too_long_is_sent() {
    let a = Embedder { tokens: Some(8), most: 4, ..Embedder::new("a", Some(2048)) };
    let client = builder().provider(a).target("a/m").build().unwrap();
    // Four letters are two tokens at most, and four such texts are eight.
    let answer =
        client.embed(EmbeddingRequest::new((0..9).map(|number| format!("{number:04}")))).await.unwrap();
    assert!(in_order(&answer.embeddings));
    assert_eq!(told(answer.trail()), [(0, None), (1, None), (2, None)]);
}

#[tokio::test]
async fn a_part_that_is_refused_as_too_long_is_asked_again_in_halves_and_no_later_one_is_larger() {
    const TOO_LONG: Option<ErrorKind> = Some(ErrorKind::ContextLength);
    let a = Embedder { most: 3, ..Embedder::new("a", Some(8)) };
    let client = builder().provider(a).target("a/m").build().unwrap();
    let answer = client.embed(texts(10)).await.unwrap();
    assert_eq!((answer.embeddings.len(), in_order(&answer.embeddings)), (10, true));
    assert_eq!(answer.usage.input_tokens, Some(10));
    // Eight, four, and then two at a time.
    let halves = (2..7).map(|part| (part, None));
    let expected: Vec<_> = [(0, TOO_LONG), (1, TOO_LONG)].into_iter().chain(halves).collect();
    assert_eq!(told(answer.trail()), expected);
}

#[tokio::test]
async fn a_call_that_would_fit_in_one_request_is_halved_as_well() {
    let (a, b) = (
        Embedder { most: 1, ..Embedder::new("a", None) },
        Embedder { script: vec![(0, ErrorKind::Auth)], ..Embedder::new("b", None) },
    );
    let client = builder().provider(a).provider(b).target("a/m").target("b/m").build().unwrap();
    let answer = client.embed(texts(2)).await.unwrap();
    assert!(in_order(&answer.embeddings));
    let delivered: Vec<_> = told(answer.trail()).into_iter().filter(|(_, kind)| kind.is_none()).collect();
    assert_eq!(delivered, [(1, None), (2, None)]);
}

#[tokio::test]
async fn a_single_text_that_is_too_long_is_named_and_the_vectors_before_it_are_kept() {
    let a = Embedder { longest: 4, ..Embedder::new("a", Some(4)) };
    let client = builder().provider(a).target("a/m").build().unwrap();
    let mut request = texts(9);
    request.input[6] = "0000006".to_owned();
    let error = client.embed(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exhausted);
    assert_eq!(
        error.to_string(),
        "input[6] is too long: shorten or split it; the only target failed: a/m request too long for the model"
    );
    let partial = error.partial().unwrap();
    assert_eq!((partial.embeddings.len(), in_order(&partial.embeddings)), (6, true));
    assert_eq!(partial.usage.input_tokens, Some(6));
}

#[tokio::test]
async fn a_refusal_for_any_other_reason_is_not_asked_again_in_halves() {
    let a = Embedder { script: vec![(0, ErrorKind::BadRequest)], ..Embedder::new("a", None) };
    let client = builder().provider(a).target("a/m").build().unwrap();
    let error = client.embed(texts(4)).await.unwrap_err();
    assert_eq!((error.trail().steps().len(), error.trail().steps()[0].part), (1, None));
}

#[test]
fn the_blocking_client_splits_too() {
    let client = builder().provider(Embedder::new("a", Some(2))).target("a/m").build().unwrap();
    let client = backstop::blocking::Backstop::new(client).unwrap();
    assert!(in_order(&client.embed(texts(7)).unwrap().embeddings));
}
