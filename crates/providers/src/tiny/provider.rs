//! The provider: one model, and threads to run it on.

use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Error, ErrorKind, Needs, Provider};

use super::model::{Model, Reading};
use super::{DEFAULT_MODEL, NAME, prompt};
use crate::in_process::{Wanted, Workers, Writing, bare};

/// The model itself. `guide/README.md` beside it says what it is and how it was made.
const FILE: &[u8] = include_bytes!("../../guide/guide.gguf");

/// How adventurous an answer is unless the request says: not at all.
const TEMPERATURE: f64 = 0.0;

/// The model that is built in.
///
/// ```
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::tiny::Tiny;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let reply = Tiny::default().chat(Ask::new("guide"), &ChatRequest::user("What is backstop?")).await?;
/// assert!(reply.text.contains("backstop"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tiny {
    name: String,
    workers: Workers,
    /// Read when it is first asked.
    model: Arc<OnceLock<Result<Arc<Model>, String>>>,
}

impl Default for Tiny {
    fn default() -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self { name: NAME.to_owned(), workers: Workers::new(threads), model: Arc::default() }
    }
}

impl Tiny {
    /// Replaces the name used in routes, `tiny`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Has the model answer, if it can take the request.
    fn write(
        &self,
        ask: Ask<'_>,
        needs: &Needs,
        wanted: Result<Wanted, Error>,
        prompt: impl FnOnce(&Model) -> Result<Vec<u32>, Error> + Send + 'static,
    ) -> Result<Writing, Error> {
        let located = |error: Error| error.with_target(&*self.name, ask.model());
        if let Some(unmet) = needs.unmet_by(&self.capabilities(ask.model()), &self.name) {
            return Err(located(Error::new(unmet.kind, unmet.reason)));
        }
        let wanted = bare(ask).and(wanted).map_err(located)?;
        let model = Arc::clone(&self.model);
        let writing = self.workers.write(move |out| {
            let read = || Model::of(FILE).map(Arc::new).map_err(|damaged| damaged.to_string());
            let model = model.get_or_init(read).as_ref().map_err(|damaged| {
                Error::new(ErrorKind::NotConfigured, format!("the built-in model is damaged: {damaged}"))
            })?;
            let tokens = prompt(model)?;
            wanted.write(&mut Reading::new(Arc::clone(model)), &tokens, out)
        });
        Ok(writing.map_err(located)?.by(&self.name, ask.model()))
    }

    fn chat_writing(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<Writing, Error> {
        let asked = request.clone();
        let prompt = move |model: &Model| prompt::of_chat(model, &asked);
        self.write(ask, &Needs::of(request), Wanted::of(request, TEMPERATURE), prompt)
    }

    fn completion_writing(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<Writing, Error> {
        let text = request.prompt.clone();
        let prompt = move |model: &Model| prompt::of_text(model, &text);
        self.write(ask, &Needs::of_completion(request), Wanted::of_completion(request, TEMPERATURE), prompt)
    }
}

#[async_trait]
impl Provider for Tiny {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        if model != DEFAULT_MODEL {
            return Capabilities::missing(format!(
                "there is one built-in model: {}/{DEFAULT_MODEL}",
                self.name
            ));
        }
        let mut able = Capabilities::default().with_chat().with_chat_stream();
        able.complete = true;
        able.complete_stream = true;
        able.context_tokens = Some(WINDOW);
        able.local = true;
        able
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        self.chat_writing(ask, request)?.into_chat(request).await
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        Ok(self.chat_writing(ask, request)?.into_chat_stream())
    }

    async fn complete(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<CompletionReply, Error> {
        self.completion_writing(ask, request)?.into_completion().await
    }

    async fn complete_stream(
        &self,
        ask: Ask<'_>,
        request: &CompletionRequest,
    ) -> Result<CompletionStream, Error> {
        Ok(self.completion_writing(ask, request)?.into_completion_stream())
    }
}

/// The window of the model; a test holds it against the file.
const WINDOW: u32 = 512;
