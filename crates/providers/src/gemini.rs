//! Gemini, over its own API: `generateContent`.
//!
//! | | |
//! |---|---|
//! | chat, in one piece and streamed | yes |
//! | tools, several at once, forced, forbidden | yes; held to their schema where a tool is strict |
//! | images | as base64; an image at a URL is not fetched |
//! | JSON, JSON of a schema | yes |
//! | reasoning on request | yes, with the thoughts as the service sums them up |
//! | embeddings | yes, 100 texts at once |
//! | a file uploaded before (`Part::Upload`) | yes, by its URI or as `files/…` |
//! | going on from an earlier response (`previous`), one tool call at a time | no |
//!
//! # Settings
//!
//! | setting | variable | |
//! |---|---|---|
//! | `api_key` | `GOOGLE_API_KEY`, `GEMINI_API_KEY` | sent as `x-goog-api-key`; the first that is set; `"none"` sends none |
//! | `base_url` | `GOOGLE_GEMINI_BASE_URL` | what precedes the version; `https://generativelanguage.googleapis.com` |
//! | `api_version` | `GOOGLE_GENAI_API_VERSION` | `v1beta` |
//! | `connect` | | connect timeout, `"5s"` |
//! | `headers` | | a table of headers sent with every request |
//!
//! The variables belong together: they count if the settings state no base URL, or Gemini's own. A base URL that is stated
//! never gets the key of the environment. Without a key the provider can be built, and its targets are skipped with the
//! reason.
//!
//! ```
//! use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
//! use backstop_providers::gemini::{Gemini, GeminiConfig};
//!
//! async fn ask(gemini: &Gemini) -> Result<String, Error> {
//!     let request = ChatRequest::user("Why is the sky blue?");
//!     Ok(gemini.chat(Ask::new("gemini-3.5-flash"), &request).await?.text)
//! }
//!
//! let config = GeminiConfig::new("none").with_base_url("http://127.0.0.1:8080").with_name("mirror");
//! assert_eq!(Gemini::new(config)?.name(), "mirror");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Edges
//!
//! - A stream is whole once it has said why it ended, and has ended. Its errors may come as bare JSON.
//! - Every 429 speaks of plan and billing. Which quota it is about decides: one of a day, one of zero or one that opens hours
//!   later is a `Quota` error, every other a rate limit.
//! - A blocked prompt is a `ContentFilter` error, though it comes with status 200.
//! - Signatures of the model are kept as `Sealed`, bound to the call or the part of the text they were given for. They go back
//!   to the same model of the same provider. Calls that another model made carry the value that Google documents for
//!   that; older models, which want no signatures, get none.
//! - A call whose arguments come in pieces (`partialArgs`) is one call, told with its name at once and with its arguments when
//!   they are whole.
//! - An answer of nothing but an image or a sound says so; it cannot be passed on. `responseModalities` with anything but text
//!   are `Unsupported` before anything is sent.
//! - Calls without an id get one that is made of the answer's. Arguments that are no JSON object go back as `{"_raw": "…"}`.
//! - System messages are joined in front, wherever they stand. Messages of one role that follow each other are one turn.
//! - `Effort` is a level for Gemini 3 and later (`none` is `MINIMAL`, or `LOW` for a Pro: they cannot be told not to think), and a budget for Gemini 2.5
//!   (`none` is 0, for a Pro 128). Other models are taken for recent ones.
//! - Limits on output count what a model thinks.
//! - At most five stop texts, and a seed of 31 bits; more is `Unsupported` before anything is sent.
//! - Vectors of a size that was asked for are brought to unit length, which the service leaves to the caller.
//! - Extra body fields of a target replace those of the same name, but for `generationConfig`, to which they add.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{
    Ask, Capabilities, ChatStream, Env, Error, Kind, KindOption, Provider, Secret, Settings, Shape,
};

use crate::google::{Api, Surface, checked_version};
use crate::http::{Account, Home, KeyHeader, Place, Transport, account_setters};
use crate::options::Options;

/// The name of this kind.
pub const NAME: &str = "gemini";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "gemini-flash-latest";

/// The model to ask for vectors when the user names none.
pub const DEFAULT_EMBEDDER: &str = "gemini-embedding-001";

const VERSION: &str = "v1beta";
const VERSION_VARIABLE: &str = "GOOGLE_GENAI_API_VERSION";

/// Where Gemini itself is. The wire would take the key in the URL as well, where every proxy writes it down.
const HOME: Home = Home {
    kind: NAME,
    base_url: "https://generativelanguage.googleapis.com",
    place: Place::Shared(&[]),
    base_url_variable: Some("GOOGLE_GEMINI_BASE_URL"),
    key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
    key_header: KeyHeader::Named("x-goog-api-key"),
    key_needed: true,
    appended: &["/v1", "/v1beta", "/v1alpha", "/models"],
};

const OPTIONS: &[KindOption] = &[
    KindOption::new(
        "api_version",
        Shape::Text,
        "The version of the API; else GOOGLE_GENAI_API_VERSION, else v1beta.",
    ),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Gemini::new(GeminiConfig::from_settings(settings)?)?)))
        .with_key_envs(HOME.key_variables)
        .with_default_model(DEFAULT_MODEL)
        .with_default_embedder(DEFAULT_EMBEDDER)
        .with_options(OPTIONS)
}

/// What a [`Gemini`] provider is built from.
///
/// ```
/// use backstop_providers::gemini::GeminiConfig;
/// assert!(!format!("{:?}", GeminiConfig::new("AIza-very-private")).contains("private"));
/// ```
#[derive(Clone)]
pub struct GeminiConfig {
    account: Account,
    api_version: String,
}

impl GeminiConfig {
    /// Gemini itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { account: Account::new(HOME, Some(api_key.into())), api_version: VERSION.to_owned() }
    }

    /// What the environment says: `GOOGLE_API_KEY` or else `GEMINI_API_KEY`, `GOOGLE_GEMINI_BASE_URL`,
    /// `GOOGLE_GENAI_API_VERSION`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        Self { account: Account::from_env(HOME, env), api_version: version_in(env) }
    }

    /// What a config file says, completed by the environment.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to Gemini
    /// itself, and never to a base URL that the settings state.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let api_version = options.text("api_version")?;
        let headers = options.texts("headers")?;
        let meant = HOME.is_for_variables(&settings);
        let env = if meant { settings.env.clone() } else { Env::empty() };
        let account = Account::from_settings(HOME, &settings, headers);
        Ok(Self { account, api_version: api_version.unwrap_or_else(|| version_in(&env)) })
    }

    account_setters!("the version");

    /// Replaces the version of the API, `v1beta`.
    #[must_use]
    pub fn with_api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }
}

fn version_in(env: &Env) -> String {
    env.var(VERSION_VARIABLE).unwrap_or_else(|| VERSION.to_owned())
}

impl fmt::Debug for GeminiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("GeminiConfig");
        self.account.show(&mut shown);
        shown.field("api_version", &self.api_version).finish_non_exhaustive()
    }
}

/// Gemini, over its own API.
#[derive(Debug)]
pub struct Gemini(Api);

impl Gemini {
    /// Gemini as the process's environment says: see [`GeminiConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). A missing key is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(GeminiConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: GeminiConfig) -> Result<Self, Error> {
        let transport = config.account.transport()?;
        Self::with_transport(config, transport)
    }

    /// A provider over this transport, whose connect timeout is its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: GeminiConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let version = checked_version(&config.account.name, &config.api_version)?;
        let (base_url, service) = (config.account.base_url()?, config.account.service(&[], transport)?);
        Ok(Self(Api::new(Surface::Gemini, service, base_url, version, "")))
    }
}

#[async_trait]
impl Provider for Gemini {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.0.capabilities(model)
    }

    async fn chat(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatReply, Error> {
        self.0.chat(ask, request).await
    }

    async fn chat_stream(&self, ask: Ask<'_>, request: &ChatRequest) -> Result<ChatStream, Error> {
        self.0.chat_stream(ask, request).await
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        self.0.embed(ask, request).await
    }
}
