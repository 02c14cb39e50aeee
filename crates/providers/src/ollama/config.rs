//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};
use http::HeaderMap;

use super::NAME;
use crate::http::{BaseUrl, Credential, Mask, bearer, set};
use crate::options::Options;

/// Where a server on this machine is.
const BASE_URL: &str = "http://127.0.0.1:11434";
const PORT: u16 = 11434;

/// Ollama's own servers.
const CLOUD: &str = "ollama.com";
const CLOUD_URL: &str = "https://ollama.com";

const HOST_VARIABLE: &str = "OLLAMA_HOST";
const KEY_VARIABLE: &str = "OLLAMA_API_KEY";

/// The connect timeout, unless stated.
const CONNECT: Duration = Duration::from_secs(5);

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/api/chat";
pub(super) const GENERATE: &str = "/api/generate";
pub(super) const EMBED: &str = "/api/embed";
pub(super) const INSTALLED: &str = "/api/tags";
const PATHS: &[&str] = &[CHAT, GENERATE, EMBED, INSTALLED, "/api"];

pub(super) const OPTIONS: &[KindOption] = &[
    KindOption::new("num_ctx", Shape::Count, "The window models are loaded with; else the server's."),
    KindOption::new("keep_alive", Shape::Text, "How long a model stays loaded: `5m`, `0`, `-1`; else `5m`."),
    KindOption::new("truncate", Shape::Flag, "Whether what does not fit the window is cut; else false."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// Where the server is, as the environment says: `OLLAMA_HOST` in every form that Ollama itself takes, or the usual
/// port of this machine.
///
/// A host, `host:port`, `:port` or a URL; without a scheme the port is 11434. An address that only a server can listen
/// on, as `0.0.0.0`, is this machine. Nothing is looked up and nothing is sent, so that whoever wants to know whether
/// a server runs can try to connect there.
///
/// ```
/// use backstop_core::Env;
/// use backstop_providers::ollama::base_url;
/// assert_eq!(base_url(&Env::empty()), "http://127.0.0.1:11434");
/// assert_eq!(base_url(&Env::new(|_| Some("gpu-box".into()))), "http://gpu-box:11434");
/// ```
#[must_use]
pub fn base_url(env: &Env) -> String {
    let host = env.var(HOST_VARIABLE).unwrap_or_default();
    let host = host.trim().trim_matches(['"', '\'']);
    let (scheme, rest, port) = match host.split_once("://") {
        None if host == CLOUD => ("https", host, 443),
        None => ("http", host, PORT),
        Some(("http", rest)) => ("http", rest, 80),
        Some(("https", rest)) => ("https", rest, 443),
        Some((scheme, rest)) => (scheme, rest, PORT),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let split = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => authority.rsplit_once(':').filter(|(host, _)| !host.contains(':')),
    };
    let (host, stated) = split.unwrap_or((authority.trim_matches(['[', ']']), ""));
    let port: u16 = stated.parse().unwrap_or(port);
    let host = match host.parse() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1",
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "::1",
        _ if host.is_empty() => "127.0.0.1",
        _ => host,
    };
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    if host.contains(':') {
        return format!("{scheme}://[{host}]:{port}{path}");
    }
    format!("{scheme}://{host}:{port}{path}")
}

/// What an [`Ollama`](super::Ollama) provider is built from.
///
/// ```
/// use backstop_providers::ollama::OllamaConfig;
/// let config = OllamaConfig::new().with_base_url("http://gpu-box:11434").with_num_ctx(32_768);
/// assert!(!format!("{:?}", OllamaConfig::cloud("very-private")).contains("private"));
/// ```
#[derive(Clone)]
pub struct OllamaConfig {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: Option<Secret>,
    pub(super) connect: Duration,
    pub(super) headers: Vec<(String, String)>,
    pub(super) num_ctx: Option<u32>,
    pub(super) keep_alive: Option<String>,
    pub(super) truncate: bool,
    missing: Option<String>,
}

impl OllamaConfig {
    /// A server on this machine, at its usual port. The environment plays no part.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: BASE_URL.to_owned(),
            api_key: None,
            connect: CONNECT,
            headers: Vec::new(),
            num_ctx: None,
            keep_alive: None,
            truncate: false,
            missing: None,
        }
    }

    /// Ollama's own servers, with this key. The environment plays no part.
    #[must_use]
    pub fn cloud(api_key: impl Into<Secret>) -> Self {
        Self::new().with_base_url(CLOUD_URL).with_api_key(api_key)
    }

    /// What the environment says: `OLLAMA_HOST`, and `OLLAMA_API_KEY` if that is Ollama's own servers.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let config = Self::new().with_base_url(base_url(env));
        let api_key = env.var(KEY_VARIABLE).filter(|_| config.is_cloud());
        Self { api_key: api_key.map(Secret::new), ..config }
    }

    /// What a config file says, completed by the environment.
    ///
    /// A key from the environment goes to Ollama's own servers and nowhere else: a server of one's own wants none.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let num_ctx = options.count("num_ctx")?;
        let keep_alive = options.text("keep_alive")?;
        let truncate = options.flag("truncate")?.unwrap_or(false);
        let headers = options.texts("headers")?;
        let stated = settings.base_url.clone().unwrap_or_else(|| base_url(&settings.env));
        let config = Self::new().with_base_url(stated);
        let reads_variable = settings.missing.is_none() && config.is_cloud();
        let variable = || settings.env.var(KEY_VARIABLE).filter(|_| reads_variable).map(Secret::new);
        Ok(Self {
            name: settings.name.clone(),
            api_key: settings.api_key.clone().or_else(variable),
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            num_ctx,
            keep_alive,
            truncate,
            missing: settings.missing.clone(),
            ..config
        })
    }

    /// Replaces the name used in routes, `ollama`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes `/api/chat`.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sends this key: to Ollama's own servers, or to a proxy in front of one's own.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.api_key = Some(api_key.into());
        self
    }

    /// Has models loaded with this window.
    #[must_use]
    pub fn with_num_ctx(mut self, tokens: u32) -> Self {
        self.num_ctx = Some(tokens);
        self
    }

    /// Keeps a model loaded for this long after a request: `5m`, `0`, or `-1` for ever.
    #[must_use]
    pub fn with_keep_alive(mut self, time: impl Into<String>) -> Self {
        self.keep_alive = Some(time.into());
        self
    }

    /// Lets the server cut what does not fit the window, instead of refusing it.
    #[must_use]
    pub fn with_truncation(mut self) -> Self {
        self.truncate = true;
        self
    }

    /// Replaces the connect timeout of 5 seconds.
    #[must_use]
    pub fn with_connect(mut self, timeout: Duration) -> Self {
        self.connect = timeout;
        self
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(super) fn parsed_base_url(&self) -> Result<BaseUrl, Error> {
        BaseUrl::parse(&self.name, &self.base_url, BASE_URL, PATHS)
    }

    /// The headers of every request, and what must never be shown of them.
    pub(super) fn parsed_headers(&self) -> Result<(HeaderMap, Mask), Error> {
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        if let Some(Credential::Key(key)) = Credential::of(self.api_key.as_ref()) {
            headers.insert(http::header::AUTHORIZATION, bearer(&self.name, &key)?);
            secrets.push(key);
        }
        set(&mut headers, &self.name, &self.headers)?;
        let mask = Mask::new(secrets).with_headers(&self.headers).into_owned();
        Ok((headers, mask))
    }

    /// What has to be done before this provider can be asked.
    pub(super) fn missing(&self) -> Option<String> {
        let needs_key = self.is_cloud() && Credential::of(self.api_key.as_ref()).is_none();
        let no_key = || format!("no key: set {KEY_VARIABLE} or api_key of provider `{}`", self.name);
        self.missing.clone().or_else(|| needs_key.then(no_key))
    }

    fn is_cloud(&self) -> bool {
        self.parsed_base_url().is_ok_and(|url| is_cloud(&url))
    }
}

impl Default for OllamaConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether these are Ollama's own servers.
pub(super) fn is_cloud(base_url: &BaseUrl) -> bool {
    base_url.is_https() && base_url.authority() == CLOUD
}

impl fmt::Debug for OllamaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        f.debug_struct("OllamaConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("api_key", &self.api_key)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("num_ctx", &self.num_ctx)
            .field("keep_alive", &self.keep_alive)
            .field("truncate", &self.truncate)
            .field("missing", &self.missing())
            .finish()
    }
}
