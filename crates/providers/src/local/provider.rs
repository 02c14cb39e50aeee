//! The provider: files, each loaded once, and a thread for each model that is in use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::completion::{CompletionReply, CompletionRequest};
use backstop_core::{Ask, Capabilities, ChatStream, CompletionStream, Error, ErrorKind, Needs, Provider};

use super::config::LocalConfig;
use super::file::{self, Head, Stamp};
use super::network::Network;
use super::template;
use super::tokens::Tokens;
use crate::in_process::{Gguf, Session, Wanted, Workers, Writing, bare, too_long};

/// How adventurous an answer is unless the request says: not at all.
const TEMPERATURE: f64 = 0.0;

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
    known: Mutex<Option<Known>>,
    loaded: Mutex<Option<Loaded>>,
}

/// What is known of a file without loading it.
#[derive(Clone, Debug)]
struct Known {
    stamp: Stamp,
    window: Result<u32, String>,
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
    /// A provider of these models. Whether their files are there is looked at before every call, and told as what is
    /// missing.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        let model = |path| Model {
            path,
            workers: Workers::new(1),
            known: Mutex::default(),
            loaded: Mutex::default(),
        };
        let models = config.models.into_iter().map(|(name, path)| (name, Arc::new(model(path)))).collect();
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
        if let Some(unmet) = needs.unmet_by(&self.capabilities(ask.model()), &self.name) {
            return Err(located(Error::new(unmet.kind, unmet.reason)));
        }
        let wanted = bare(ask).and(wanted).map_err(located)?;
        let Some(model) = self.models.get(ask.model()).map(Arc::clone) else {
            return Err(located(Error::new(ErrorKind::NotConfigured, "there is no such model")));
        };
        let writing = model.workers.clone().write(move |out| {
            let mut loaded = model.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            let stamp = file::stamp(&model.path)?;
            if loaded.as_ref().is_none_or(|loaded| loaded.stamp != stamp) {
                // What is there no longer is given back before something else is loaded.
                *loaded = None;
                *loaded = Some(Loaded::load(&model.path)?);
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
            Some(source) => loaded.fitting(template::prompt(source, &loaded.tokens, &asked)?),
            None => Err(Error::unsupported("its file holds no chat template: it can continue texts only")),
        };
        self.write(ask, &Needs::of(request), Wanted::of(request, TEMPERATURE), prompt)
    }

    fn completion_writing(&self, ask: Ask<'_>, request: &CompletionRequest) -> Result<Writing, Error> {
        let text = request.prompt.clone();
        let prompt = move |loaded: &Loaded| {
            let mut prompt = loaded.tokens.begin();
            let added = loaded.tokens.add(&text, false, &mut prompt);
            added.map_err(|damaged| Error::new(ErrorKind::NotConfigured, damaged.to_string()))?;
            loaded.fitting(prompt)
        };
        self.write(ask, &Needs::of_completion(request), Wanted::of_completion(request, TEMPERATURE), prompt)
    }
}

impl Model {
    /// The window, as far as the head of the file tells it; read again once the file has changed.
    fn window(&self) -> Result<u32, String> {
        let told = |error: Error| error.message().to_owned();
        let stamp = file::stamp(&self.path).map_err(told)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if known.stamp == stamp => known.window.clone(),
            _ => {
                let window = file::head(&self.path).map(|head| head.window).map_err(told);
                *known = Some(Known { stamp, window: window.clone() });
                window
            }
        }
    }
}

impl Loaded {
    fn load(path: &Path) -> Result<Self, Error> {
        let Head { stamp, architecture, window, bytes } = file::head(path)?;
        file::fits(path, stamp)?;
        let damaged =
            |damaged: crate::in_process::Damaged| file::wrong(path, &format!("cannot be used: {damaged}"));
        let head = Gguf::read(&bytes).or_else(|_| {
            // The weights lie behind the head, and are not here.
            Gguf::read_head(&bytes, u64::MAX).map_err(crate::in_process::Damaged::from)
        });
        let head = head.map_err(damaged)?;
        let tokens = Tokens::of(&head).map_err(damaged)?;
        let template = head.text("tokenizer.chat_template").ok().map(str::to_owned);
        let network = Network::load(path, architecture)?;
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

    /// What the file can do, as far as its head tells. The head is read once, and again when the file has changed.
    fn capabilities(&self, model: &str) -> Capabilities {
        let Some(known) = self.models.get(model) else {
            let name = &self.name;
            return Capabilities::missing(format!(
                "there is no model {model:?}: name its file in [providers.{name}] models = {{ {model} = \"….gguf\" }}"
            ));
        };
        match known.window() {
            Err(missing) => Capabilities::missing(missing),
            Ok(window) => {
                let mut able = Capabilities::default().with_chat().with_chat_stream();
                (able.complete, able.complete_stream) = (true, true);
                (able.context_tokens, able.local) = (Some(window), true);
                able
            }
        }
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
