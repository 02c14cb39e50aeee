//! A thousand callers at once. On its own, so that it disturbs no test that looks at the clock.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use backstop::core::chat::ChatReply;
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Ask, Capabilities, ChatRequest, Error, Provider, async_trait};
use backstop_testkit::server::{FailingServer, Recipe};
use backstop_tests::{LATE, bare, healthy, provider, rows, timed};
use tokio::sync::Semaphore;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const CALLERS: usize = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// Answers 429 with `retry-after: 1` for one second from the first request on, and then with a reply.
struct LimitedForASecond(OnceLock<Instant>);

impl Respond for LimitedForASecond {
    fn respond(&self, _request: &Request) -> ResponseTemplate {
        if self.0.get_or_init(Instant::now).elapsed() < SECOND {
            return ResponseTemplate::new(429).append_header("retry-after", "1");
        }
        ResponseTemplate::new(200).set_body_bytes(Recipe::healthy("from a").body)
    }
}

/// A provider that holds a provider and lets so many requests through at a time: a thousand sockets are more than some
/// machines give to a process.
#[derive(Debug)]
struct Narrow<P>(P, Semaphore);

#[async_trait]
impl<P: Provider> Provider for Narrow<P> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.0.capabilities(model)
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let _permit = self.1.acquire().await.unwrap();
        self.0.chat(ask, request).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_waiting_on_a_one_second_hint_all_get_through_and_none_is_benched_for_minutes() {
    let server = MockServer::start().await;
    server.register(Mock::given(any()).respond_with(LimitedForASecond(OnceLock::new()))).await;
    let config = OpenAiConfig::keyless(format!("{}/v1", server.uri())).with_name("a");
    let narrow = Narrow(OpenAi::new(config).unwrap(), Semaphore::new(100));
    let client = bare().provider(narrow).target("a/m").build().unwrap();

    let call = |late: Duration| {
        let client = client.clone();
        tokio::spawn(async move {
            tokio::time::sleep(late).await;
            timed(client.chat("hi")).await
        })
    };
    // Half of them meet the limit, the other half find the target resting.
    let calls: Vec<_> =
        (0..CALLERS).map(|n| call(Duration::from_millis(300) * u32::from(n % 2 == 1))).collect();
    let mut waited = 0;
    for call in calls {
        let (answer, took) = call.await.unwrap();
        let answer = answer.unwrap();
        assert_eq!(answer.text, "from a");
        assert!(took < LATE, "{took:?}");
        let rows = rows(answer.trail());
        assert!(rows.len() <= 2 && rows.last().unwrap() == "a/m - 200 delivered", "{rows:?}");
        waited += usize::from(rows.len() == 2);
        for step in answer.trail().steps() {
            assert!(step.cooling.unwrap_or_default() <= 2 * SECOND, "benched: {step:?}");
        }
    }
    assert!(waited > CALLERS / 2, "only {waited} callers had to wait");
    let requests = server.received_requests().await.unwrap().len();
    assert!((CALLERS..=2 * CALLERS).contains(&requests), "{requests} requests");

    // Nothing is left of it.
    let (answer, took) = timed(client.chat("hi")).await;
    assert_eq!(rows(answer.unwrap().trail()), ["a/m - 200 delivered"]);
    assert!(took < SECOND, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_at_once_over_a_failing_first_target_are_all_answered() {
    let a = FailingServer::start(Recipe::server_error()).await;
    let b = healthy("b").await;
    let client = bare()
        .provider(Narrow(provider("a", &a), Semaphore::new(50)))
        .provider(Narrow(provider("b", &b), Semaphore::new(50)))
        .target("a/m")
        .target("b/m")
        .build()
        .unwrap();
    let calls: Vec<_> = (0..200)
        .map(|_| client.clone())
        .map(|client| tokio::spawn(async move { client.chat("hi").await }))
        .collect();
    let mut tried = 0;
    for call in calls {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.text, "from b");
        tried += answer.trail().attempts() - 1;
    }
    // One request to each server for every attempt in a trail, and no other.
    assert_eq!((a.hits(), b.hits()), (tried, 200));
}
