//! A provider without a network: it plays a script, and remembers what it was asked.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, ChatRequest, FinishReason};
use backstop_core::{Ask, Capabilities, ChatStream, Error, ErrorKind, Provider, async_trait};
use futures_core::Stream;
use tokio::time::Sleep;

/// A scripted provider. Each call plays the next step; the last one is played again and again.
///
/// Clones share script and memory, so that a test can keep one and give away the other.
///
/// ```
/// use backstop_core::ErrorKind;
/// use backstop_testkit::FakeProvider;
/// let flaky = FakeProvider::new("flaky").fails(ErrorKind::Server).replies("hello");
/// assert_eq!(flaky.calls(), 0);
/// ```
#[derive(Clone)]
pub struct FakeProvider {
    name: String,
    capabilities: Capabilities,
    script: Vec<Step>,
    memory: Arc<Memory>,
}

#[derive(Clone)]
struct Step {
    after: Duration,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Reply(Box<ChatReply>),
    Fail(Fail),
    Hang,
    Stream(Vec<Beat>),
    Answer(Answer),
}

/// A beat of a scripted stream.
#[derive(Clone)]
enum Beat {
    Event(ChatEvent),
    Fail(Fail),
    Sleep(Duration),
    Hang,
}

type Fail = Arc<dyn Fn() -> Error + Send + Sync>;

type Answer = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<ChatReply, Error>> + Send>> + Send + Sync>;

/// What a scripted stream does, beat by beat. Without an end it was cut.
///
/// ```
/// use backstop_core::ErrorKind;
/// use backstop_testkit::{FakeProvider, FakeStream};
/// let dies = FakeStream::new().text("The sky").fails(ErrorKind::Server);
/// let provider = FakeProvider::new("a").streams(dies);
/// # let _ = provider;
/// ```
#[derive(Clone, Default)]
pub struct FakeStream {
    beats: Vec<Beat>,
}

impl FakeStream {
    /// A stream of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends an event.
    #[must_use]
    pub fn event(mut self, event: ChatEvent) -> Self {
        self.beats.push(Beat::Event(event));
        self
    }

    /// Sends text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.event(ChatEvent::Text(text.into()))
    }

    /// Thinks.
    #[must_use]
    pub fn thinks(self, text: impl Into<String>) -> Self {
        self.event(ChatEvent::Reasoning(text.into()))
    }

    /// Sends the terminal marker.
    #[must_use]
    pub fn ends(self) -> Self {
        self.event(ChatEvent::End(FinishReason::Stop))
    }

    /// Lets time pass.
    #[must_use]
    pub fn sleeps(mut self, time: Duration) -> Self {
        self.beats.push(Beat::Sleep(time));
        self
    }

    /// Falls silent.
    #[must_use]
    pub fn hangs(mut self) -> Self {
        self.beats.push(Beat::Hang);
        self
    }

    /// Fails.
    #[must_use]
    pub fn fails(mut self, kind: ErrorKind) -> Self {
        self.beats.push(Beat::Fail(Arc::new(move || Error::new(kind, "as the script says"))));
        self
    }

    /// Fails with an error of your own.
    #[must_use]
    pub fn fails_with(mut self, error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        self.beats.push(Beat::Fail(Arc::new(error)));
        self
    }

    /// The same beats so many times.
    #[must_use]
    pub fn times(mut self, n: usize) -> Self {
        self.beats = std::iter::repeat_n(self.beats, n).flatten().collect();
        self
    }

    /// These beats, then those.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.beats.extend(other.beats);
        self
    }
}

impl fmt::Debug for FakeStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeStream").field("beats", &self.beats.len()).finish()
    }
}

#[derive(Default)]
struct Memory {
    seen: Mutex<Vec<Seen>>,
    live: AtomicUsize,
}

/// One call as the provider saw it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The model asked for.
    pub model: String,
    /// The request.
    pub request: ChatRequest,
    /// The headers its target adds.
    pub headers: Vec<(String, String)>,
}

impl FakeProvider {
    /// A provider of this name that answers `ok`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            capabilities: Capabilities::default().with_chat().with_chat_stream(),
            script: Vec::new(),
            memory: Arc::default(),
        }
    }

    /// Answers with this text.
    #[must_use]
    pub fn replies(self, text: impl Into<String>) -> Self {
        self.then(Act::Reply(Box::new(ChatReply::text(text))))
    }

    /// Fails with this kind.
    #[must_use]
    pub fn fails(self, kind: ErrorKind) -> Self {
        self.fails_with(move || Error::new(kind, "as the script says"))
    }

    /// Fails with what the function makes.
    #[must_use]
    pub fn fails_with(self, error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        self.then(Act::Fail(Arc::new(error)))
    }

    /// Does what the function does: a server with a state of its own.
    #[must_use]
    pub fn answers<F>(self, answer: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ChatReply, Error>> + Send + 'static,
    {
        self.then(Act::Answer(Arc::new(move || Box::pin(answer()))))
    }

    /// Never answers.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.then(Act::Hang)
    }

    /// Streams this.
    #[must_use]
    pub fn streams(self, stream: FakeStream) -> Self {
        self.then(Act::Stream(stream.beats))
    }

    /// Lets the step before take this long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        if let Some(step) = self.script.last_mut() {
            step.after = delay;
        }
        self
    }

    /// What its models can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.seen().len()
    }

    /// What it was asked, in order.
    pub fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.memory.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls are under way.
    #[must_use]
    pub fn live(&self) -> usize {
        self.memory.live.load(Ordering::SeqCst)
    }

    fn then(mut self, act: Act) -> Self {
        self.script.push(Step { after: Duration::ZERO, act });
        self
    }

    fn next(&self, ask: Ask<'_>, request: &ChatRequest) -> Option<Step> {
        let mut seen = self.seen();
        let step = self.script.get(seen.len()).or_else(|| self.script.last()).cloned();
        seen.push(Seen {
            model: ask.model().to_owned(),
            request: request.clone(),
            headers: ask.headers().to_vec(),
        });
        step
    }
}

impl fmt::Debug for FakeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for FakeProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        self.capabilities.clone()
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        let step = self.next(ask, request);
        let _live = Live::enter(&self.memory);
        let Some(step) = step else { return Ok(ChatReply::text("ok")) };
        if !step.after.is_zero() {
            tokio::time::sleep(step.after).await;
        }
        match step.act {
            Act::Reply(reply) => Ok(*reply),
            Act::Fail(error) => Err(error().with_target(&self.name, ask.model())),
            Act::Hang => std::future::pending().await,
            Act::Answer(answer) => answer().await.map_err(|error| error.with_target(&self.name, ask.model())),
            Act::Stream(beats) => {
                let mut stream = pin!(Playing::new(beats, None));
                let mut collector = ChatCollector::default();
                while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
                    collector.push(&event?)?;
                }
                Ok(collector.into_reply())
            }
        }
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        let step = self.next(ask, request);
        let live = Live::enter(&self.memory);
        let Step { after, act } = step.unwrap_or_else(|| Step {
            after: Duration::ZERO,
            act: Act::Reply(Box::new(ChatReply::text("ok"))),
        });
        if !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        let beats = match act {
            Act::Reply(reply) => FakeStream::new().text(reply.text).ends().beats,
            Act::Fail(error) => return Err(error().with_target(&self.name, ask.model())),
            Act::Hang => std::future::pending().await,
            Act::Answer(answer) => {
                let reply = answer().await.map_err(|error| error.with_target(&self.name, ask.model()))?;
                FakeStream::new().text(reply.text).ends().beats
            }
            Act::Stream(beats) => beats,
        };
        Ok(Box::pin(Playing::new(beats, Some(live))))
    }
}

/// A scripted stream under way.
struct Playing {
    beats: std::vec::IntoIter<Beat>,
    sleep: Option<Pin<Box<Sleep>>>,
    _live: Option<Live>,
}

impl Playing {
    fn new(beats: Vec<Beat>, live: Option<Live>) -> Self {
        Self { beats: beats.into_iter(), sleep: None, _live: live }
    }
}

impl Stream for Playing {
    type Item = Result<ChatEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                match sleep.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => self.sleep = None,
                }
            }
            match self.beats.next() {
                None => return Poll::Ready(None),
                Some(Beat::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Some(Beat::Fail(error)) => return Poll::Ready(Some(Err(error()))),
                Some(Beat::Sleep(time)) => self.sleep = Some(Box::pin(tokio::time::sleep(time))),
                Some(Beat::Hang) => {
                    self.beats = vec![Beat::Hang].into_iter();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Counts a call for as long as it is under way, however it ends.
struct Live(Arc<Memory>);

impl Live {
    fn enter(memory: &Arc<Memory>) -> Self {
        memory.live.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(memory))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}
