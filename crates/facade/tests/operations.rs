//! Text completion and embeddings over providers that have them and providers that have not.

use backstop::core::completion::{CompletionEvent, CompletionReply, CompletionRequest};
use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop::core::route::{ModelFacts, Route};
use backstop::core::{CompletionStream, Env, Registry};
use backstop::{
    Ask, Backstop, BackstopBuilder, Capabilities, Error, ErrorKind, FinishReason, Provider, Verdict,
    async_trait,
};
use backstop_testkit::FakeProvider;
use futures_core::Stream;

/// Continues with its name, and embeds every text as vectors of one size. One called `told` tells its models what
/// vectors are for; one called `filter` withholds what it would say.
#[derive(Debug)]
struct Machine {
    name: &'static str,
    size: usize,
}

#[async_trait]
impl Provider for Machine {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        let mut able = Capabilities::default();
        (able.complete, able.complete_stream, able.embed) = (true, true, true);
        able.embed_input_type = self.name == "told";
        able
    }

    async fn complete(&self, _ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        let mut reply = CompletionReply::text(format!("{} {}", request.prompt, self.name));
        if self.name == "filter" {
            reply.finish = FinishReason::ContentFilter;
        }
        Ok(reply)
    }

    async fn complete_stream(&self, _: Ask<'_>, _: &CompletionRequest) -> Result<CompletionStream, Error> {
        let pieces =
            vec![CompletionEvent::Text(self.name.to_owned()), CompletionEvent::End(FinishReason::Stop)];
        Ok(Box::pin(Pieces(pieces.into_iter())))
    }

    async fn embed(&self, _: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        Ok(EmbeddingReply::new(vec![vec![0.5; self.size]; request.input.len()]))
    }
}

struct Pieces(std::vec::IntoIter<CompletionEvent>);

impl Stream for Pieces {
    type Item = Result<CompletionEvent, Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next().map(Ok))
    }
}

fn builder() -> BackstopBuilder {
    Backstop::builder().env(Env::empty()).registry(Registry::default())
}

fn in_space(space: &str, dimensions: Option<u32>) -> ModelFacts {
    let mut facts = ModelFacts::default();
    facts.space = Some(space.to_owned());
    facts.dimensions = dimensions;
    facts
}

#[tokio::test]
async fn a_completion_skips_targets_that_have_none() {
    let chat = FakeProvider::new("chat");
    let client = builder()
        .provider(chat.clone())
        .provider(Machine { name: "base", size: 2 })
        .target("chat/m")
        .target("base/m")
        .build()
        .unwrap();
    let answer = client.complete("once upon").await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target(), chat.calls()), ("once upon base", "base/m", 0));
    assert_eq!(answer.trail().steps()[0].message.as_deref(), Some("has no text completion"));
    let streamed = client.complete_stream("once upon").unwrap().collect().await.unwrap();
    assert_eq!((streamed.text.as_str(), streamed.target()), ("base", "base/m"));
}

#[tokio::test]
async fn embeddings_fall_over_inside_their_space_only() {
    let providers = || {
        builder()
            .provider(
                FakeProvider::new("down").with_capabilities(Machine { name: "", size: 0 }.capabilities("")),
            )
            .provider(Machine { name: "other", size: 2 })
            .provider(Machine { name: "twin", size: 2 })
            .facts("down/small", in_space("small", None))
            .facts("twin/renamed", in_space("small", Some(2)))
    };
    let targets = ["down/small", "other/large", "twin/renamed"];
    let client = providers().route(Route::of("r", targets).unwrap()).build().unwrap();
    let answer = client.embed("hello").await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), ("twin/renamed", Some("small")));
    let skipped = &answer.trail().steps()[1];
    assert_eq!((skipped.verdict, skipped.kind), (Verdict::Skipped, Some(ErrorKind::Unsupported)));
    assert!(skipped.message.as_deref().unwrap().contains("other/large"), "{skipped:?}");

    let mut mixed = Route::of("r", targets).unwrap();
    mixed.mixed_spaces = true;
    let answer = providers().route(mixed).build().unwrap().embed("hello").await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), ("other/large", Some("other/large")));
}

#[tokio::test]
async fn a_vector_of_the_wrong_size_is_a_bad_reply() {
    let client = builder()
        .provider(Machine { name: "a", size: 3 })
        .target("a/m")
        .facts("a/m", in_space("s", Some(4)))
        .build()
        .unwrap();
    let error = client.embed("hello").await.unwrap_err();
    assert_eq!(error.trail().steps()[0].kind, Some(ErrorKind::BadReply));
    assert!(error.trail().to_string().contains("3 dimensions instead of 4"), "{}", error.trail());
    let none: Vec<String> = Vec::new();
    assert_eq!(client.embed(none).await.unwrap_err().kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn a_completion_that_a_filter_ended_is_no_answer_and_is_kept_in_the_error() {
    let filter = || Machine { name: "filter", size: 2 };
    let client = builder().provider(filter()).provider(Machine { name: "base", size: 2 });
    let answer = client.target("filter/m").target("base/m").build().unwrap().complete("once").await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target()), ("once base", "base/m"));
    assert_eq!(answer.trail().steps()[0].kind, Some(ErrorKind::ContentFilter));
    let client = builder().provider(filter()).target("filter/m").build().unwrap();
    let error = client.complete("once").await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().downcast_ref::<Error>().unwrap();
    assert_eq!(cause.partial().unwrap().text, "once filter");
}

#[tokio::test]
async fn a_model_that_knows_what_its_vectors_are_for_shares_no_space_with_one_that_does_not() {
    const MODEL: &str = "gemini-embedding-001";
    let client = |first: &str, second: &str| {
        let fails = FakeProvider::new("fails");
        let told = || Machine { name: "told", size: 3072 };
        let mute = || Machine { name: "mute", size: 3072 };
        let able = if first == "told" { told().capabilities("") } else { mute().capabilities("") };
        let builder = builder().provider(fails.with_capabilities(able)).provider(told()).provider(mute());
        builder.target(format!("fails/{MODEL}")).target(format!("{second}/{MODEL}"))
    };
    let mut purposeful = EmbeddingRequest::from("hello");
    purposeful.input_type = Some(InputType::Query);
    for (first, second, words) in [
        (
            "told",
            "mute",
            "does not tell the model what the vectors are for, and the first target of this space does",
        ),
        (
            "mute",
            "told",
            "tells the model what the vectors are for, and the first target of this space does not",
        ),
    ] {
        let error = client(first, second).build().unwrap().embed(purposeful.clone()).await.unwrap_err();
        let skipped = &error.trail().steps()[1];
        assert_eq!((skipped.verdict, skipped.kind), (Verdict::Skipped, Some(ErrorKind::Unsupported)));
        let said = skipped.message.as_deref().unwrap();
        assert!(said.starts_with(words) && said.contains("leave `input_type` out"), "{said}");
        // Without a purpose there is none to be told, and whoever states the space has thought of it.
        let answer = client(first, second).build().unwrap().embed("hello").await.unwrap();
        assert_eq!(answer.space.as_deref(), Some(MODEL));
        let stated = client(first, second).facts(format!("{second}/{MODEL}"), in_space(MODEL, None));
        let answer = stated.build().unwrap().embed(purposeful.clone()).await.unwrap();
        assert_eq!(answer.target(), format!("{second}/{MODEL}"));
    }
    let answer = client("told", "told").build().unwrap().embed(purposeful).await.unwrap();
    assert_eq!((answer.target(), answer.space.as_deref()), ("told/gemini-embedding-001", Some(MODEL)));
}
