//! The provider: files, each loaded once, and a thread for each model that is in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Error, ErrorKind, Needs, Provider};

use super::config::LocalConfig;
use super::file::{self, Head, Stamp};
use super::network::Network;
use super::seen::{Known, Seen};
use super::template;
use super::tokens::Tokens;
use crate::in_process::{Gguf, Session, Wanted, Workers, Writing, bare, too_long};

/// How adventurous an answer is unless the request says: not at all.
const TEMPERATURE: f64 = 0.0;

/// How long a provider waits, when it is built, for the first look at its files.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Models in files on this machine.
///
/// ```no_run
/// use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
/// use backstop_providers::local::{Local, LocalConfig};
///
/// # async fn example() -> Result<(), Error> {
/// let local = Local::new(LocalConfig::default().with_model("qwen", "models/qwen3-0.6b.gguf"));
/// let reply = local.chat(Ask::new("qwen"), &ChatRequest::user("Why is the sky blue?")).await?;
/// println!("{}", reply.text);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Local {
    name: String,
    models: BTreeMap<String, Arc<Model>>,
}

/// A model, loaded or not.
#[derive(Debug)]
struct Model {
    path: PathBuf,
    /// One answer at a time: a network holds what it has read.
    workers: Workers,
    seen: Seen,
    loaded: Mutex<Option<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    window: usize,
    network: Network,
    tokens: Tokens,
    template: Option<String>,
}

impl Local {
    fn unknown(&self, model: &str) -> Capabilities {
        let name = &self.name;
        Capabilities::missing(format!(
            "there is no model {model:?}: name its file in [providers.{name}] models = {{ {model} = \"….gguf\" }}"
        ))
    }

    /// A provider of these models. Threads of its own look whether the files are there and what their heads say; it waits for
    /// them, a second at most. While it is used they look again now and then, and what is missing is told to the next call.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        let model = |path: PathBuf| Model {
            path: path.clone(),
            workers: Workers::new(1),
            seen: Seen::new(move |known| look(&path, known)),
            loaded: Mutex::default(),
        };
        let models = config.models.into_iter().map(|(name, path)| (name, Arc::new(model(path))));
        let models: BTreeMap<String, Arc<Model>> = models.collect();
        let until = Instant::now() + FIRST_LOOK;
        models.values().for_each(|model| model.seen.wait(until));
        Self { name: config.name, models }
    }

    fn write(
        &self,
        ask: Ask<'_>,
        needs: &Needs,
        wanted: Result<Wanted, Error>,
        prompt: impl FnOnce(&Loaded) -> Result<Vec<u32>, Error> + Send + 'static,
    ) -> Result<Writing, Error> {
        let located = |error: Error| error.with_target(&*self.name, ask.model());
        // What is missing is found where the file is opened: it may have come since somebody looked.
        let able = if self.models.contains_key(ask.model()) { able() } else { self.unknown(ask.model()) };
        if let Some(unmet) = needs.unmet_by(&able, &self.name) {
            return Err(located(Error::new(unmet.kind, unmet.reason)));
        }
        let wanted = bare(ask).and(wanted).map_err(located)?;
        let Some(model) = self.models.get(ask.model()).map(Arc::clone) else {
            return Err(located(Error::new(ErrorKind::NotConfigured, "there is no such model")));
        };
        let writing = model.workers.clone().write(move |out| {
            let mut loaded = model.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let stamp = file::stamp(&model.path).inspect_err(|error| {
                model.seen.note(Known { stamp: None, window: Err(error.message().to_owned()) });
            })?;
            if loaded.as_ref().is_none_or(|loaded| loaded.stamp != stamp) {
                // What is there no longer is given back before something else is loaded.
                *loaded = None;
                let now = Loaded::load(&model.path)?;
                let window = u32::try_from(now.window).unwrap_or(u32::MAX);
                model.seen.note(Known { stamp: Some(now.stamp), window: Ok(window) });
                *loaded = Some(now);
            }
            let Some(loaded) = loaded.as_mut() else {
                return Err(Error::new(ErrorKind::Server, "the model is gone"));
            };
            let tokens = prompt(loaded)?;
            wanted.write(&mut Answer { loaded, place: 0, scores: Vec::new() }, &tokens, out)
        });
        Ok(writing.map_err(located)?.by(&self.name, ask.model()))
    }

    fn chat_writing(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<Writing, Error> {
        let asked = request.clone();
        let prompt = move |loaded: &Loaded| match &loaded.template {
            Some(source) => loaded.fitting(template::prompt(source, &loaded.tokens, &asked, loaded.window)?),
            None => Err(Error::unsupported("its file holds no chat template: it can continue texts only")),
        };
        self.write(ask, &Needs::of(request), Wanted::of(request, TEMPERATURE), prompt)
    }

    fn completion_writing(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<Writing, Error> {
        let text = request.prompt.clone();
        let prompt = move |loaded: &Loaded| {
            loaded.tokens.can_fit(text.len(), loaded.window)?;
            let mut prompt = loaded.tokens.begin();
            let added = loaded.tokens.add(&text, false, &mut prompt);
            added.map_err(|damaged| Error::new(ErrorKind::NotConfigured, damaged.to_string()))?;
            loaded.fitting(prompt)
        };
        self.write(ask, &Needs::of_completion(request), Wanted::of_completion(request, TEMPERATURE), prompt)
    }
}

/// Looks at a file: at its head only if it has changed since it was known.
fn look(path: &Path, known: Option<Known>) -> Known {
    let told = |error: Error| error.message().to_owned();
    let stamp = match file::stamp(path) {
        Ok(stamp) => stamp,
        Err(error) => return Known { stamp: None, window: Err(told(error)) },
    };
    known.filter(|known| known.stamp == Some(stamp)).unwrap_or_else(|| {
        let window = file::head(path).map(|head| head.window).map_err(told);
        Known { stamp: Some(stamp), window }
    })
}

/// What a model of any file can do.
fn able() -> Capabilities {
    let mut able = Capabilities::default().with_chat().with_chat_stream();
    (able.complete, able.complete_stream, able.local) = (true, true, true);
    able
}

impl Loaded {
    fn load(path: &Path) -> Result<Self, Error> {
        let Head { stamp, architecture, window, bytes } = file::head(path)?;
        file::fits(path, stamp)?;
        let damaged =
            |damaged: crate::in_process::Damaged| file::wrong(path, &format!("cannot be used: {damaged}"));
        // The weights lie behind the head, and are not here.
        let head = Gguf::read_head(&bytes, u64::MAX).map_err(crate::in_process::Damaged::from);
        let head = head.map_err(damaged)?;
        let tokens = Tokens::of(&head).map_err(damaged)?;
        let template = head.text("tokenizer.chat_template").ok().map(str::to_owned);
        let network = Network::load(path, &head, architecture, window)?;
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        Ok(Self { stamp, window, network, tokens, template })
    }

    fn fitting(&self, prompt: Vec<u32>) -> Result<Vec<u32>, Error> {
        if prompt.len() < self.window { Ok(prompt) } else { Err(too_long(prompt.len(), self.window)) }
    }
}

/// One answer of a model.
struct Answer<'a> {
    loaded: &'a mut Loaded,
    place: usize,
    scores: Vec<f32>,
}

impl Session for Answer<'_> {
    fn window(&self) -> usize {
        self.loaded.window
    }

    fn read(&mut self, tokens: &[u32]) -> Result<&[f32], Error> {
        self.scores = self.loaded.network.read(tokens, self.place)?;
        self.place += tokens.len();
        Ok(&self.scores)
    }

    fn bytes(&self, token: u32) -> Option<&[u8]> {
        self.loaded.tokens.bytes(token)
    }
}

#[async_trait]
impl Provider for Local {
    fn name(&self) -> &str {
        &self.name
    }

    /// What the file can do, as far as its head tells. No file is read for that: it is what was seen last.
    fn capabilities(&self, model: &str) -> Capabilities {
        let Some(known) = self.models.get(model) else { return self.unknown(model) };
        let mut able = able();
        match known.seen.known().map(|known| known.window) {
            Some(Err(missing)) => return Capabilities::missing(missing),
            Some(Ok(window)) => able.context_tokens = Some(window),
            // Nobody has seen it yet, so it may be there.
            None => {}
        }
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
