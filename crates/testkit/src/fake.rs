//! A provider without a network: it plays a script, and remembers what it was asked.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::{Ask, Capabilities, Error, ErrorKind, Provider, async_trait};

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
    Fail(Arc<dyn Fn() -> Error + Send + Sync>),
    Hang,
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
            capabilities: Capabilities::default().with_chat(),
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

    /// Never answers.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.then(Act::Hang)
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
        }
    }
}

/// Counts a call for as long as it is under way, however it ends.
struct Live<'a>(&'a Memory);

impl<'a> Live<'a> {
    fn enter(memory: &'a Memory) -> Self {
        memory.live.fetch_add(1, Ordering::SeqCst);
        Self(memory)
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}
