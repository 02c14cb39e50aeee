//! What the end-to-end scenarios share: clients over a row of servers, and a call as a few lines that can be compared.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod log;

use std::future::Future;
use std::time::{Duration, Instant};

use backstop::core::fallback::Policy;
use backstop::core::{Env, Registry};
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Backstop, BackstopBuilder, Step, Trail};
use backstop_testkit::server::{FailingServer, RawServer, Recipe, SeenRequest};
use tokio::net::{TcpListener, TcpSocket};

pub use log::{Capture, Line};

/// "Well under a second", as the slowest machine that runs these tests has it.
pub const SOON: Duration = Duration::from_millis(800);

/// More than any event that is waited for may take. Only a test that fails waits as long.
pub const LATE: Duration = Duration::from_secs(10);

/// A place on loopback that counts what it is asked.
pub trait Server {
    /// Its base URL, with `/v1`.
    fn uri(&self) -> String;
    /// How many requests it got.
    fn hits(&self) -> usize;
    /// What it was asked.
    fn requests(&self) -> Vec<SeenRequest>;
}

impl Server for FailingServer {
    fn uri(&self) -> String {
        self.uri()
    }
    fn hits(&self) -> usize {
        self.hits()
    }
    fn requests(&self) -> Vec<SeenRequest> {
        self.requests()
    }
}

impl Server for RawServer {
    fn uri(&self) -> String {
        self.uri()
    }
    fn hits(&self) -> usize {
        self.hits()
    }
    fn requests(&self) -> Vec<SeenRequest> {
        self.requests()
    }
}

/// A port that is taken and refuses every connection, until somebody listens after all.
#[derive(Debug)]
pub struct Closed(TcpSocket);

impl Default for Closed {
    fn default() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }
}

impl Closed {
    /// From now on connections are taken.
    #[must_use]
    pub fn open(self) -> TcpListener {
        self.0.listen(64).unwrap()
    }
}

impl Server for Closed {
    fn uri(&self) -> String {
        format!("http://{}/v1", self.0.local_addr().unwrap())
    }
    fn hits(&self) -> usize {
        0
    }
    fn requests(&self) -> Vec<SeenRequest> {
        Vec::new()
    }
}

/// The same answer, and then the connection is closed: a [`RawServer`] plays the next script for the next request then,
/// and not for a connection that the client has opened to spare.
#[must_use]
pub fn last(recipe: Recipe) -> Recipe {
    recipe.header("connection", "close")
}

/// A server that gives this answer to everything.
pub async fn answers(recipe: Recipe) -> FailingServer {
    FailingServer::start(recipe).await
}

/// A server that answers "from NAME".
pub async fn healthy(name: &str) -> FailingServer {
    answers(Recipe::healthy(format!("from {name}"))).await
}

/// The key that [`provider`] sends for this name.
#[must_use]
pub fn key_of(name: &str) -> String {
    format!("key-of-{name}-7f3a91")
}

/// The provider of this name: OpenAI's wire, spoken with this server, with a key of its own.
#[must_use]
pub fn provider(name: &str, server: &dyn Server) -> OpenAi {
    OpenAi::new(OpenAiConfig::new(key_of(name)).with_base_url(server.uri()).with_name(name)).unwrap()
}

/// A builder that takes nothing from the environment and knows no kind of provider.
pub fn bare() -> BackstopBuilder {
    Backstop::builder().env(Env::empty()).registry(Registry::default())
}

/// A builder with the providers `a`, `b`, `c` … at these servers, and no target.
pub fn builder(servers: &[&dyn Server]) -> BackstopBuilder {
    named(servers).fold(bare(), |builder, (name, server)| builder.provider(provider(&name, server)))
}

/// A client that asks `a/m`, `b/m`, `c/m` … in this order.
#[must_use]
pub fn over(servers: &[&dyn Server]) -> Backstop {
    over_with(servers, |_| {})
}

/// As [`over`], with a policy of its own.
#[must_use]
pub fn over_with(servers: &[&dyn Server], change: impl FnOnce(&mut Policy)) -> Backstop {
    let builder = builder(servers).policy(policy(change));
    named(servers).fold(builder, |builder, (name, _)| builder.target(format!("{name}/m"))).build().unwrap()
}

fn named<'s>(servers: &[&'s dyn Server]) -> impl Iterator<Item = (String, &'s dyn Server)> {
    ('a'..='z').map(String::from).zip(servers.iter().copied())
}

/// The default policy with a change.
#[must_use]
pub fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

/// How many requests each of these servers got.
#[must_use]
pub fn hits(servers: &[&dyn Server]) -> Vec<usize> {
    servers.iter().map(|server| server.hits()).collect()
}

/// The models that a server was asked for, in order.
#[must_use]
pub fn models(server: &dyn Server) -> Vec<String> {
    server
        .requests()
        .iter()
        .map(|request| request.json().get("model").unwrap().as_str().unwrap().to_owned())
        .collect()
}

/// A trail as lines of `target kind(phase) status verdict`, with a dash for what there is none of.
#[must_use]
pub fn rows(trail: &Trail) -> Vec<String> {
    trail.steps().iter().map(row).collect()
}

fn row(step: &Step) -> String {
    let kind = step.kind.map_or("-", backstop::ErrorKind::name);
    let phase = step.phase.map(|phase| format!("({phase})")).unwrap_or_default();
    let status = step.status.map_or("-".to_owned(), |status| status.to_string());
    format!("{} {kind}{phase} {status} {}", step.target, step.verdict)
}

/// What a future comes to, and how long that took.
pub async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let result = future.await;
    (result, began.elapsed())
}

/// What the page on writing providers shows is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/PROVIDERS.md")]
struct ProvidersPage;
