//! Tokens that many calls want: asked for once, by whoever comes first and stays.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use backstop_core::{Error, ErrorKind, async_trait};
use backstop_providers::vertex::{Token, TokenSource, Vertex, VertexConfig};
use tokio::sync::Semaphore;

use crate::cloud::{Cloud, chat, vertex};

/// A source that gives out numbered tokens, each once it is let to.
#[derive(Debug)]
struct Source {
    asked: AtomicUsize,
    gate: Semaphore,
    lifetime: Option<Duration>,
    fails: Mutex<Option<ErrorKind>>,
}

impl Source {
    fn new(lifetime: Option<Duration>, open: usize) -> Arc<Self> {
        Arc::new(Self {
            asked: AtomicUsize::new(0),
            gate: Semaphore::new(open),
            lifetime,
            fails: Mutex::default(),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn fails(&self, kind: Option<ErrorKind>) {
        *self.fails.lock().unwrap() = kind;
    }
}

#[async_trait]
impl TokenSource for Source {
    async fn token(&self) -> Result<Token, Error> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.gate.acquire().await.unwrap().forget();
        if let Some(kind) = *self.fails.lock().unwrap() {
            return Err(Error::new(kind, "the vault is shut"));
        }
        let token = Token::new(format!("token-{number}"));
        Ok(match self.lifetime {
            Some(lifetime) => token.with_lifetime(lifetime),
            None => token,
        })
    }
}

const HOUR: Option<Duration> = Some(Duration::from_secs(3600));

fn of(source: &Arc<Source>, cloud: &Arc<Cloud>) -> Vertex {
    let source: Arc<dyn TokenSource> = source.clone();
    vertex(VertexConfig::new("p").with_token_source(source), cloud)
}

type Calls<'a> = Vec<Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>>;

fn calls(vertex: &Vertex, count: usize) -> Calls<'_> {
    (0..count).map(|_| Box::pin(async { chat(vertex).await.map(drop) }) as Pin<Box<_>>).collect()
}

/// Polls each once; how many are done.
async fn poll(calls: &mut Calls<'_>) -> usize {
    let mut done = 0;
    poll_fn(|cx| {
        calls.retain_mut(|call| {
            let over = call.as_mut().poll(cx).is_ready();
            done += usize::from(over);
            !over
        });
        Poll::Ready(())
    })
    .await;
    done
}

#[tokio::test]
async fn calls_at_once_share_one_token() {
    let (cloud, source) = (Cloud::healthy(), Source::new(HOUR, 0));
    let vertex = of(&source, &cloud);
    let tasks: Vec<_> = (0..50)
        .map({
            let vertex = Arc::new(vertex);
            move |_| {
                tokio::spawn({
                    let vertex = vertex.clone();
                    async move { chat(&vertex).await }
                })
            }
        })
        .collect();
    tokio::task::yield_now().await;
    source.gate.add_permits(1);
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((source.asked(), cloud.count()), (1, 50));
    assert!(cloud.headers("authorization").iter().all(|header| header == "Bearer token-1"));
}

#[tokio::test]
async fn who_leaves_while_asking_passes_it_on() {
    let (cloud, source) = (Cloud::healthy(), Source::new(HOUR, 0));
    let vertex = of(&source, &cloud);
    let mut waiting = calls(&vertex, 3);
    assert_eq!((poll(&mut waiting).await, source.asked()), (0, 1));
    // The first, who asks, and then one who only waits.
    drop(waiting.remove(0));
    drop(waiting.pop());
    source.gate.add_permits(1);
    let mut last = waiting.pop().unwrap();
    last.as_mut().await.unwrap();
    assert_eq!((source.asked(), cloud.count()), (2, 1));
}

#[tokio::test]
async fn who_waits_is_woken_when_the_asker_leaves() {
    let (cloud, source) = (Cloud::healthy(), Source::new(HOUR, 0));
    let vertex = Arc::new(of(&source, &cloud));
    let asker = tokio::spawn({
        let vertex = vertex.clone();
        async move { chat(&vertex).await }
    });
    while source.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let waiter = tokio::spawn({
        let vertex = vertex.clone();
        async move { chat(&vertex).await }
    });
    tokio::task::yield_now().await;
    source.gate.add_permits(1);
    // Both the permit and the abort are there before either task runs again.
    asker.abort();
    let waited = tokio::time::timeout(Duration::from_secs(5), waiter).await.unwrap().unwrap();
    waited.unwrap();
    assert!(source.asked() <= 2);
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_waited_and_the_next_asks_anew() {
    for (kind, told) in [
        (ErrorKind::Auth, ErrorKind::Auth),
        (ErrorKind::Connect, ErrorKind::Connect),
        (ErrorKind::Server, ErrorKind::Auth),
    ] {
        let (cloud, source) = (Cloud::healthy(), Source::new(HOUR, 0));
        source.fails(Some(kind));
        let vertex = Arc::new(of(&source, &cloud));
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let vertex = vertex.clone();
                tokio::spawn(async move { chat(&vertex).await })
            })
            .collect();
        tokio::task::yield_now().await;
        source.gate.add_permits(1);
        for task in tasks {
            let error = task.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), told, "{error}");
            assert!(error.to_string().ends_with("no token: the vault is shut"), "{error}");
        }
        assert_eq!((source.asked(), cloud.count()), (1, 0));
        source.fails(None);
        source.gate.add_permits(1);
        chat(&vertex).await.unwrap();
        assert_eq!((source.asked(), cloud.count()), (2, 1));
    }
}

#[tokio::test]
async fn a_token_without_a_lifetime_is_for_those_who_wait_and_not_kept() {
    let (cloud, source) = (Cloud::healthy(), Source::new(None, 100));
    let vertex = of(&source, &cloud);
    chat(&vertex).await.unwrap();
    chat(&vertex).await.unwrap();
    assert_eq!(cloud.headers("authorization"), ["Bearer token-1", "Bearer token-2"]);

    let (cloud, source) = (Cloud::healthy(), Source::new(None, 0));
    let vertex = of(&source, &cloud);
    let mut waiting = calls(&vertex, 5);
    poll(&mut waiting).await;
    source.gate.add_permits(1);
    while !waiting.is_empty() {
        poll(&mut waiting).await;
    }
    assert_eq!((source.asked(), cloud.count()), (1, 5));
}

#[tokio::test]
async fn a_token_is_replaced_before_its_end() {
    let (cloud, source) = (Cloud::healthy(), Source::new(Some(Duration::from_millis(400)), 100));
    let vertex = of(&source, &cloud);
    chat(&vertex).await.unwrap();
    chat(&vertex).await.unwrap();
    // One that lives so short is replaced halfway.
    tokio::time::sleep(Duration::from_millis(250)).await;
    chat(&vertex).await.unwrap();
    let sent = cloud.headers("authorization");
    assert_eq!(sent.last().unwrap(), "Bearer token-2");
    assert!(source.asked() >= 2 && sent[0] == "Bearer token-1");
}

#[tokio::test]
async fn lifetimes_that_no_clock_can_count_are_survived() {
    for lifetime in [Duration::MAX, Duration::ZERO] {
        let (cloud, source) = (Cloud::healthy(), Source::new(Some(lifetime), 10));
        let vertex = of(&source, &cloud);
        chat(&vertex).await.unwrap();
        chat(&vertex).await.unwrap();
        assert_eq!((source.asked(), cloud.count()), (2, 2));
    }
}
