//! Gemini on Vertex AI, in a project of Google's cloud: `generateContent` there.
//!
//! What can be asked for is what the kind `gemini` has, with these differences: images may also be at public or `gs://` URLs; embeddings go one text at a time for Gemini's own models, 250 for the
//! others; a model may be named as `gemini-3.5-flash`, `publisher/model`, `endpoints/ID`, or by a whole resource name.
//! Claude and other publishers' models speak other wires, and are no models of this kind.
//!
//! # Settings
//!
//! | setting | variable | |
//! |---|---|---|
//! | `project` | `GOOGLE_CLOUD_PROJECT` | else that of the service account |
//! | `location` | `GOOGLE_CLOUD_LOCATION` | `global`; a region, or `us` and `eu` |
//! | `api_key` | | a key of express mode, which needs no project; `"none"` sends no credential |
//! | `token` | | whether `api_key` is a token of OAuth, sent as `Authorization: Bearer` |
//! | | `GOOGLE_OAUTH_ACCESS_TOKEN` | such a token |
//! | `credentials` | `GOOGLE_APPLICATION_CREDENTIALS` | a file with credentials; `"metadata"`: those of the machine this runs on |
//! | `base_url` | | what precedes the version; else it follows from the location |
//! | `api_version` | | `v1beta1` |
//! | `connect` | | connect timeout, `"5s"` |
//! | `headers` | | a table of headers sent with every request |
//!
//! The first of these counts: `api_key`, `credentials`, the token of the environment, the file it names, the file that
//! `gcloud auth application-default login` writes. A base URL that is stated and is not Google's own never gets credentials of
//! the environment. What is missing is told by the capabilities, and the targets are skipped.
//!
//! # Credentials
//!
//! Files of a user (`authorized_user`) and of a service account (`service_account`, with the feature `rustls`, whose
//! library signs) are understood. For others, federated identities say, bring a [`TokenSource`].
//!
//! A token is asked for when a call needs one, by one call for all that wait, and kept until five minutes before its end.
//! That request, beside the one to the model, is dropped with the call that makes it, and is made once at most in a call.
//! Where it fails, the error is of the kind `Auth`, or `Connect` if there was no usable answer. A token that the service
//! refuses is forgotten.
//!
//! ```
//! use backstop_core::{Ask, Error, Provider, chat::ChatRequest};
//! use backstop_providers::vertex::{Vertex, VertexConfig};
//!
//! async fn ask(vertex: &Vertex) -> Result<String, Error> {
//!     let request = ChatRequest::user("Why is the sky blue?");
//!     Ok(vertex.chat(Ask::new("gemini-3.5-flash"), &request).await?.text)
//! }
//!
//! let config = VertexConfig::new("my-project").with_token("ya29.short-lived").with_base_url("http://127.0.0.1:8080");
//! assert_eq!(Vertex::new(config)?.name(), "vertex");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Edges
//!
//! As of the kind `gemini`, and:
//!
//! - A 429 without a quota is a lack of shared capacity, and an `Overloaded` error: another location may have some.
//! - Texts to be embedded that are too long are refused, and not cut in silence.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstop_core::chat::{ChatReply, ChatRequest};
use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{
    Ask, Capabilities, ChatStream, Env, Error, ErrorKind, Kind, KindOption, Provider, Secret, Settings, Shape,
};
use http::HeaderMap;

use crate::google::access::{Access, is_of_cloud};
use crate::google::credentials::Credentials;
use crate::google::{Api, Surface, checked_version, escaped};
use crate::http::{BaseUrl, CONNECT, Mask, ReqwestTransport, Service, Transport, set};
use crate::options::Options;

pub use crate::google::token::{Token, TokenSource};

/// The name of this kind.
pub const NAME: &str = "vertex";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "gemini-3.5-flash";

const BASE_URL: &str = "https://aiplatform.googleapis.com";
const VERSION: &str = "v1beta1";
const LOCATION: &str = "global";

const PROJECT_VARIABLE: &str = "GOOGLE_CLOUD_PROJECT";
const LOCATION_VARIABLE: &str = "GOOGLE_CLOUD_LOCATION";

/// The paths this provider appends to its base URL.
const PATHS: &[&str] = &["/v1", "/v1beta1", "/models"];

const OPTIONS: &[KindOption] = &[
    KindOption::new("project", Shape::Text, "The project; else GOOGLE_CLOUD_PROJECT."),
    KindOption::new("location", Shape::Text, "The location; else GOOGLE_CLOUD_LOCATION, else global."),
    KindOption::new("token", Shape::Flag, "Whether api_key is a token of OAuth; else false."),
    KindOption::new(
        "credentials",
        Shape::Text,
        "A file with credentials, or \"metadata\"; else GOOGLE_APPLICATION_CREDENTIALS, else those of gcloud.",
    ),
    KindOption::new("api_version", Shape::Text, "The version of the API; else v1beta1."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
///
/// No variable makes it be chosen unasked: that somebody uses this cloud does not say for what.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(Vertex::new(VertexConfig::from_settings(settings)?)?)))
        .with_default_model(DEFAULT_MODEL)
        .with_options(OPTIONS)
}

/// What a [`Vertex`] provider is built from.
///
/// ```
/// use backstop_providers::vertex::VertexConfig;
/// let config = VertexConfig::new("my-project").with_token("ya29.very-private").with_location("europe-west4");
/// assert!(!format!("{config:?}").contains("private"));
/// ```
#[derive(Clone)]
pub struct VertexConfig {
    name: String,
    base_url: Option<String>,
    project: Option<String>,
    location: Option<String>,
    access: Access,
    api_version: String,
    connect: Duration,
    headers: Vec<(String, String)>,
    missing: Option<String>,
}

impl VertexConfig {
    /// This project, without credentials so far. The environment plays no part.
    #[must_use]
    pub fn new(project: impl Into<String>) -> Self {
        Self { project: Some(project.into()), ..Self::bare(Access::Missing(None)) }
    }

    /// Express mode: a key and no project.
    #[must_use]
    pub fn express(api_key: impl Into<Secret>) -> Self {
        Self::bare(Access::Key(api_key.into()))
    }

    fn bare(access: Access) -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: None,
            project: None,
            location: None,
            access,
            api_version: VERSION.to_owned(),
            connect: CONNECT,
            headers: Vec::new(),
            missing: None,
        }
    }

    /// What the environment says: `GOOGLE_CLOUD_PROJECT`, `GOOGLE_CLOUD_LOCATION`, and credentials.
    ///
    /// Without these the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let access = Access::of_env(env);
        let project = env.var(PROJECT_VARIABLE).or_else(|| access.project());
        Self { project, location: env.var(LOCATION_VARIABLE), ..Self::bare(access) }
    }

    /// What a config file says, completed by the environment.
    ///
    /// Credentials from the environment go to Google's own hosts, and never to another base URL that the settings state.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let (project, location) = (options.text("project")?, options.text("location")?);
        let is_token = options.flag("token")?.unwrap_or(false);
        let credentials = options.text("credentials")?;
        let api_version = options.text("api_version")?;
        let headers = options.texts("headers")?;
        let own = settings.base_url.as_deref().map_or(settings.missing.is_none(), is_own);
        let env = if own { settings.env.clone() } else { Env::empty() };
        let stated =
            Access::stated(settings.api_key.as_ref(), is_token, credentials.as_deref(), &settings.env);
        let access = match stated {
            Some(stated) => stated,
            None if own => Access::of_env(&env),
            None => Access::none_for(&settings.name),
        };
        // A key needs neither, so it is not sent to a project or location that nobody stated.
        let of_env = || env.var(PROJECT_VARIABLE).filter(|_| access.needs_project());
        Ok(Self {
            name: settings.name.clone(),
            base_url: settings.base_url.clone(),
            project: project.or_else(of_env).or_else(|| access.project()),
            location: location.or_else(|| env.var(LOCATION_VARIABLE).filter(|_| access.needs_project())),
            api_version: api_version.unwrap_or_else(|| VERSION.to_owned()),
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            missing: settings.missing.clone(),
            ..Self::bare(access)
        })
    }

    /// Replaces the name used in routes, `vertex`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes the version.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Replaces the location, `global`.
    #[must_use]
    pub fn with_location(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Sends this token of OAuth, which ends after an hour or so.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<Secret>) -> Self {
        self.access = Access::Token(token.into());
        self
    }

    /// Sends tokens that the credentials in this file are good for. One that cannot be used is told by the capabilities.
    #[must_use]
    pub fn with_credentials(mut self, file: impl AsRef<Path>) -> Self {
        self.access = Access::of(Credentials::of_file(file.as_ref()));
        self
    }

    /// Sends tokens from here.
    #[must_use]
    pub fn with_token_source(mut self, source: Arc<dyn TokenSource>) -> Self {
        self.access = Access::Source(source);
        self
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn location(&self) -> Result<&str, Error> {
        let location = self.location.as_deref().unwrap_or(LOCATION);
        // It becomes a part of the host's name.
        if location.is_empty() || !location.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let message = format!("the location {location:?} of provider `{}` is none", self.name);
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(location)
    }

    fn parsed_base_url(&self) -> Result<BaseUrl, Error> {
        let url = match (&self.base_url, self.location()?) {
            (Some(stated), _) => stated.clone(),
            (None, LOCATION) => BASE_URL.to_owned(),
            (None, several @ ("us" | "eu")) => format!("https://aiplatform.{several}.rep.googleapis.com"),
            (None, region) => format!("https://{region}-aiplatform.googleapis.com"),
        };
        BaseUrl::parse(&self.name, &url, BASE_URL, PATHS)
    }

    /// The headers of every request, and what must never be shown of them.
    fn parsed_headers(&self) -> Result<(HeaderMap, Mask), Error> {
        let mut headers = HeaderMap::new();
        let secret = self.access.show(&self.name, &mut headers)?;
        set(&mut headers, &self.name, &self.headers)?;
        let mask = Mask::new(secret).with_headers(&self.headers).into_owned();
        Ok((headers, mask))
    }

    /// What has to be done before this provider can be asked.
    fn missing(&self) -> Option<String> {
        let name = &self.name;
        let no_project = || {
            let lacks = self.access.needs_project() && self.project.is_none();
            lacks.then(|| format!("no project: set {PROJECT_VARIABLE} or project of provider `{name}`"))
        };
        self.missing.clone().or_else(|| self.access.missing(name)).or_else(no_project)
    }
}

fn is_own(base_url: &str) -> bool {
    BaseUrl::parse(NAME, base_url, BASE_URL, PATHS).is_ok_and(|url| is_of_cloud(&url))
}

impl fmt::Debug for VertexConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        f.debug_struct("VertexConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("project", &self.project)
            .field("access", &self.access)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}

/// Gemini on Vertex AI.
#[derive(Debug)]
pub struct Vertex(Api);

impl Vertex {
    /// Vertex AI as the process's environment says: see [`VertexConfig::from_env`].
    ///
    /// # Errors
    /// As [`new`](Self::new). What is missing is no error here: its targets are skipped, with the reason.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(VertexConfig::from_env(&Env::new(|name| std::env::var(name).ok())))
    }

    /// A provider with a transport of its own.
    ///
    /// # Errors
    /// `Config` if a setting cannot work: a malformed base URL, a key that is no header, `https` in a build without
    /// TLS.
    pub fn new(config: VertexConfig) -> Result<Self, Error> {
        let transport = Service::transport(&config.name, &config.parsed_base_url()?, config.connect)?;
        let of_tokens: Arc<dyn Transport> = match &config.access {
            // No proxy could find it.
            Access::Credentials(own) if own.are_of_machine() => {
                Arc::new(ReqwestTransport::plain_direct(config.connect)?)
            }
            Access::Credentials(others) => Service::transport(&config.name, others.url(), config.connect)?,
            _ => Arc::clone(&transport),
        };
        Self::build(config, transport, of_tokens)
    }

    /// A provider over this transport, whose connect timeout is its own. Tokens are asked for over it as well.
    ///
    /// # Errors
    /// `Config` if a setting cannot work.
    pub fn with_transport(config: VertexConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        Self::build(config, Arc::clone(&transport), transport)
    }

    fn build(
        config: VertexConfig,
        transport: Arc<dyn Transport>,
        of_tokens: Arc<dyn Transport>,
    ) -> Result<Self, Error> {
        let base_url = config.parsed_base_url()?;
        let (headers, mask) = config.parsed_headers()?;
        let version = checked_version(&config.name, &config.api_version)?;
        let location = config.location()?;
        let scope = config
            .project
            .as_deref()
            .map_or(String::new(), |project| format!("/projects/{}/locations/{location}", escaped(project)));
        let tokens = config.access.tokens(of_tokens);
        let missing = config.missing();
        let service = Service::new(config.name.clone(), base_url.clone(), headers, mask, missing, transport);
        let api = Api::new(Surface::Vertex, service, base_url, version, &scope);
        Ok(Self(api.with_tokens(tokens)))
    }
}

#[async_trait]
impl Provider for Vertex {
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
