//! The five operations of the trait take one path: what a failure leads to does not depend on what was asked for.

use std::time::Duration;

use backstop::core::route::ModelFacts;
use backstop::{Answer, Backstop, Error, ErrorKind};
use backstop_testkit::server::openai::{Completion, continuation_events};
use backstop_testkit::server::{RawServer, Recipe, RetryHint, Script, SseEnding};
use backstop_tests::{LATE, Server, answers, builder, hits, last, policy, rows, timed};

const DEADLINE: Duration = Duration::from_millis(250);

#[derive(Copy, Clone, Debug)]
enum Operation {
    Chat,
    ChatStream,
    Complete,
    CompleteStream,
    Embed,
}

use Operation::{Chat, ChatStream, Complete, CompleteStream, Embed};

const ALL: [Operation; 5] = [Chat, ChatStream, Complete, CompleteStream, Embed];

impl Operation {
    async fn ask(self, client: &Backstop) -> (Vec<String>, Option<ErrorKind>) {
        match self {
            Chat => told(client.chat("hi").await),
            ChatStream => told(client.chat_stream("hi").unwrap().collect().await),
            Complete => told(client.complete("hi").await),
            CompleteStream => told(client.complete_stream("hi").unwrap().collect().await),
            Embed => told(client.embed("hi").await),
        }
    }

    /// How a server answers it.
    fn answered(self) -> Script {
        match self {
            Chat => Recipe::healthy("hello").into(),
            ChatStream => Script::sse(Completion::text("hello").events(), SseEnding::Clean),
            Complete => Recipe::continuation("hello").into(),
            CompleteStream => Script::sse(continuation_events("hello", 3, 2), SseEnding::Clean),
            Embed => Recipe::embeddings(&[vec![1.0, 0.0]]).into(),
        }
    }
}

/// What is left of an outcome without what makes it that of one operation.
fn told<T>(outcome: Result<Answer<T>, Error>) -> (Vec<String>, Option<ErrorKind>) {
    match outcome {
        Ok(answer) => (rows(answer.trail()), None),
        Err(error) => (rows(error.trail()), Some(error.kind())),
    }
}

/// A client of its own, so that what one operation learns of a target is not what the next one shows.
fn client(servers: &[&dyn Server]) -> Backstop {
    let mut facts = ModelFacts::default();
    facts.space = Some("one".to_owned());
    let builder = builder(servers).policy(policy(|policy| policy.backoff_base = Duration::from_millis(1)));
    let names = ["a/m", "b/m"].into_iter().take(servers.len());
    names.fold(builder, |builder, name| builder.target(name).facts(name, facts.clone())).build().unwrap()
}

#[tokio::test]
async fn a_failure_leads_all_five_the_same_way() {
    for recipe in [
        Recipe::server_error(),
        Recipe::overloaded(),
        Recipe::rate_limited(RetryHint::Millis(1)),
        Recipe::rate_limited(RetryHint::Seconds(60)),
        Recipe::unauthorized(),
        Recipe::forbidden(),
        Recipe::insufficient_quota(),
        Recipe::model_not_found("m"),
        Recipe::context_length_exceeded(10, 20),
        Recipe::bad_request(),
        Recipe::unsupported_parameter("p"),
        Recipe::redirect("http://127.0.0.1:9/"),
    ] {
        let mut outcomes = Vec::new();
        for operation in ALL {
            let (a, b) = (answers(recipe.clone()).await, answers(recipe.clone()).await);
            outcomes.push((operation.ask(&client(&[&a, &b])).await, hits(&[&a, &b])));
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{recipe:?}: {outcomes:#?}");
        assert!(outcomes[0].0.1.is_some() && outcomes[0].1[0] > 0, "{recipe:?}: {outcomes:?}");
    }
}

#[tokio::test]
async fn all_five_fall_over_and_come_back_alike() {
    for operation in ALL {
        let a = RawServer::start([Recipe::server_error()]);
        let b = RawServer::start([operation.answered()]);
        let (trail, error) = operation.ask(&client(&[&a, &b])).await;
        assert_eq!((error, hits(&[&a, &b])), (None, vec![1, 1]), "{operation:?}");
        assert_eq!(trail, ["a/m server 500 next_target", "b/m - 200 delivered"], "{operation:?}");

        let alone = RawServer::start([last(Recipe::server_error()).into(), operation.answered()]);
        let (trail, error) = operation.ask(&client(&[&alone])).await;
        assert_eq!((error, alone.hits()), (None, 2), "{operation:?}");
        assert_eq!(trail, ["a/m server 500 retry_same", "a/m - 200 delivered"], "{operation:?}");
    }
}

#[tokio::test]
async fn the_deadline_of_a_call_holds_for_all_five() {
    for operation in ALL {
        let (a, b) = (RawServer::start([Script::silent()]), RawServer::start([Script::silent()]));
        let client = client(&[&a, &b]).with_deadline(DEADLINE);
        let ((trail, error), took) = timed(operation.ask(&client)).await;
        assert_eq!((error, hits(&[&a, &b])), (Some(ErrorKind::Deadline), vec![1, 1]), "{operation:?}");
        assert!(trail[0].starts_with("a/m timeout(") && trail[0].ends_with("next_target"), "{trail:?}");
        assert!(trail[1].starts_with("b/m timeout(") && trail[1].ends_with("exhausted"), "{trail:?}");
        assert!(took >= DEADLINE && took < LATE, "{operation:?}: {took:?}");
        assert!(a.wait_until_closed(LATE).await && b.wait_until_closed(LATE).await, "{operation:?}");
    }
}

#[tokio::test]
async fn the_bound_on_requests_holds_for_all_five() {
    for operation in ALL {
        let a = answers(Recipe::server_error()).await;
        let (trail, error) = operation.ask(&client(&[&a]).with_attempts(1)).await;
        assert_eq!((error, a.hits()), (Some(ErrorKind::Exhausted), 1), "{operation:?}");
        assert_eq!(trail, ["a/m server 500 exhausted"], "{operation:?}");
        for bare in [client(&[&a]).with_attempts(0), client(&[&a]).with_deadline(Duration::ZERO)] {
            let refused = match operation {
                ChatStream => bare.chat_stream("hi").unwrap_err(),
                CompleteStream => bare.complete_stream("hi").unwrap_err(),
                Chat => bare.chat("hi").await.unwrap_err(),
                Complete => bare.complete("hi").await.unwrap_err(),
                // In parts too, where the first one is not yet asked for.
                Embed => bare.embed(vec!["hi"; 3000]).await.unwrap_err(),
            };
            assert_eq!((refused.kind(), a.hits()), (ErrorKind::Usage, 1), "{operation:?}: {refused}");
        }
    }
}
