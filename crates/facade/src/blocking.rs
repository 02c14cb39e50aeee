//! The same client for programs without an async runtime.
//!
//! ```no_run
//! let backstop = backstop::blocking::Backstop::models(["openai/gpt-5.2", "openai/gpt-6-luna"])?;
//! println!("{}", backstop.chat("Why is the sky blue?")?.text);
//! # Ok::<(), backstop::Error>(())
//! ```

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};

use crate::answer::Answer;
use crate::stream::StreamEvent;

/// A client whose calls block. Cloning is cheap; clones share one background thread and the health of all targets.
///
/// Its calls run on a runtime of their own, on a thread of their own, which ends with the last clone. It may be made,
/// used and dropped anywhere but inside an async runtime, where blocking would stall other tasks: there every call
/// returns a `Usage` error instead.
#[derive(Clone, Debug)]
pub struct Backstop {
    client: crate::Backstop,
    worker: Arc<Worker>,
}

impl Backstop {
    /// A client that tries these models in order. See [`crate::Backstop::models`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn models<T: AsRef<str>>(models: impl IntoIterator<Item = T>) -> Result<Self, Error> {
        Self::new(crate::Backstop::models(models)?)
    }

    /// Makes the calls of this client block.
    ///
    /// # Errors
    /// `Usage` inside an async runtime, `Config` if the operating system gives no thread.
    pub fn new(client: crate::Backstop) -> Result<Self, Error> {
        refuse_inside_a_runtime()?;
        Ok(Self { client, worker: Arc::new(Worker::start()?) })
    }

    /// The same client, calling this route.
    #[must_use]
    pub fn with_route(self, route: impl AsRef<str>) -> Self {
        Self { client: self.client.with_route(route), ..self }
    }

    /// The same client; a call may take this long, whatever its route says.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { client: self.client.with_deadline(deadline), ..self }
    }

    /// The same client; a call may make this many upstream requests, whatever its route says.
    #[must_use]
    pub fn with_attempts(self, attempts: u8) -> Self {
        Self { client: self.client.with_attempts(attempts), ..self }
    }

    /// Asks for an answer in one piece. See [`crate::Backstop::chat`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn chat(&self, request: impl Into<ChatRequest>) -> Result<Answer<ChatReply>, Error> {
        let (client, request) = (self.client.clone(), request.into());
        self.worker.run(async move { client.chat(request).await })?
    }

    /// Continues a text. See [`crate::Backstop::complete`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn complete(&self, request: impl Into<CompletionRequest>) -> Result<Answer<CompletionReply>, Error> {
        let (client, request) = (self.client.clone(), request.into());
        self.worker.run(async move { client.complete(request).await })?
    }

    /// Turns texts into vectors. See [`crate::Backstop::embed`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn embed(&self, request: impl Into<EmbeddingRequest>) -> Result<Answer<EmbeddingReply>, Error> {
        let (client, request) = (self.client.clone(), request.into());
        self.worker.run(async move { client.embed(request).await })?
    }

    /// Asks for an answer in pieces. See [`crate::Backstop::chat_stream`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn chat_stream(&self, request: impl Into<ChatRequest>) -> Result<AnswerStream, Error> {
        self.stream(|client| client.chat_stream(request))
    }

    /// Continues a text in pieces. See [`crate::Backstop::complete_stream`].
    ///
    /// # Errors
    /// As there; and `Usage` inside an async runtime.
    pub fn complete_stream(&self, request: impl Into<CompletionRequest>) -> Result<AnswerStream, Error> {
        self.stream(|client| client.complete_stream(request))
    }

    fn stream(
        &self,
        ask: impl FnOnce(&crate::Backstop) -> Result<crate::AnswerStream, Error>,
    ) -> Result<AnswerStream, Error> {
        refuse_inside_a_runtime()?;
        let stream = ask(&self.client)?;
        let (give, take) = channel(1);
        self.worker.spawn(Box::pin(pump(stream, give)))?;
        Ok(AnswerStream { take, worker: Arc::clone(&self.worker), over: false })
    }
}

/// A streamed answer as an iterator. Dropping it closes its connections.
///
/// It ends with [`StreamEvent::End`] or with an error, never just so. A slow reader holds one piece and no more.
#[derive(Debug)]
#[must_use = "a stream does nothing until it is read"]
pub struct AnswerStream {
    take: Receiver<Result<StreamEvent, Error>>,
    /// Keeps the thread that fills it.
    worker: Arc<Worker>,
    over: bool,
}

impl Iterator for AnswerStream {
    type Item = Result<StreamEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = match refuse_inside_a_runtime() {
            Ok(()) => self.take.blocking_recv().unwrap_or_else(|| Err(self.worker.panicked())),
            Err(error) => Err(error),
        };
        self.over = !matches!(&item, Ok(event) if !matches!(event, StreamEvent::End(_)));
        Some(item)
    }
}

/// Hands pieces over as they are taken, and drops the stream as soon as nobody takes them.
async fn pump(mut stream: crate::AnswerStream, give: Sender<Result<StreamEvent, Error>>) {
    loop {
        let item = {
            let mut closed = pin!(give.closed());
            let mut next = pin!(stream.next());
            poll_fn(|cx| match closed.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => next.as_mut().poll(cx),
            })
            .await
        };
        let Some(item) = item else { return };
        if give.send(item).await.is_err() {
            return;
        }
    }
}

fn refuse_inside_a_runtime() -> Result<(), Error> {
    match Handle::try_current() {
        Err(_) => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::Usage,
            "the blocking client was used inside an async runtime, where it would stall other tasks; \
             use backstop::Backstop there, or a plain thread",
        )),
    }
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One thread with one runtime. It ends when the last sender is gone.
#[derive(Debug)]
struct Worker {
    jobs: UnboundedSender<Job>,
}

impl Worker {
    fn start() -> Result<Self, Error> {
        let no_thread = |error: std::io::Error| {
            Error::new(ErrorKind::Config, format!("no thread for the blocking client: {error}"))
                .with_source(error)
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let (jobs, inbox) = unbounded_channel();
        thread::Builder::new()
            .name("backstop-blocking".to_owned())
            .spawn(move || {
                runtime.block_on(serve(inbox));
                // Connections that are kept alive must not keep the thread.
                runtime.shutdown_background();
            })
            .map_err(no_thread)?;
        Ok(Self { jobs })
    }

    /// Runs the future over there and waits for its result here.
    fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
        refuse_inside_a_runtime()?;
        let (give, take) = mpsc::sync_channel(1);
        let job: Job = Box::pin(async move {
            // Nobody is left to take it only if the caller's thread died while it waited.
            let _ = give.send(future.await);
        });
        self.spawn(job)?;
        take.recv().map_err(|_| self.panicked())
    }

    fn spawn(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).map_err(|_| self.panicked())
    }

    fn panicked(&self) -> Error {
        Error::new(ErrorKind::Usage, "the call panicked on the thread of the blocking client")
    }
}

async fn serve(mut inbox: UnboundedReceiver<Job>) {
    while let Some(job) = inbox.recv().await {
        tokio::spawn(job);
    }
}
