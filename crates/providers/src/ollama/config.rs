//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::net::IpAddr;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};

use super::NAME;
use crate::http::{Account, BaseUrl, Home, KeyHeader, Place, account_setters};
use crate::options::Options;

/// Where a server on this machine is.
const BASE_URL: &str = "http://127.0.0.1:11434";
const PORT: u16 = 11434;

/// Ollama's own servers.
const CLOUD: &str = "ollama.com";
const CLOUD_URL: &str = "https://ollama.com";

const HOST_VARIABLE: &str = "OLLAMA_HOST";
const KEY_VARIABLE: &str = "OLLAMA_API_KEY";

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/api/chat";
pub(super) const GENERATE: &str = "/api/generate";
pub(super) const EMBED: &str = "/api/embed";
pub(super) const INSTALLED: &str = "/api/tags";

/// Where a server of one's own is. What the environment says is read by rules of its own.
const HOME: Home = Home {
    kind: NAME,
    base_url: BASE_URL,
    place: Place::Shared(&[]),
    base_url_variable: None,
    key_variables: &[],
    key_header: KeyHeader::Bearer,
    key_needed: false,
    appended: &[CHAT, GENERATE, EMBED, INSTALLED, "/api"],
};

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
    pub(super) account: Account,
    pub(super) num_ctx: Option<u32>,
    pub(super) keep_alive: Option<String>,
    pub(super) truncate: bool,
}

impl OllamaConfig {
    /// A server on this machine, at its usual port. The environment plays no part.
    #[must_use]
    pub fn new() -> Self {
        Self { account: Account::new(HOME, None), num_ctx: None, keep_alive: None, truncate: false }
    }

    /// Ollama's own servers, with this key. The environment plays no part.
    #[must_use]
    pub fn cloud(api_key: impl Into<Secret>) -> Self {
        Self::new().with_base_url(CLOUD_URL).with_api_key(api_key)
    }

    /// What the environment says: `OLLAMA_HOST`, and `OLLAMA_API_KEY` if that is Ollama's own servers.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let mut config = Self::new().with_base_url(base_url(env));
        config.account.api_key = env.var(KEY_VARIABLE).filter(|_| config.is_cloud()).map(Secret::new);
        config
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
        let mut account = Account::from_settings(HOME, &settings, headers);
        if settings.base_url.is_none() {
            account.set_base_url(base_url(&settings.env));
        }
        let mut config = Self { account, num_ctx, keep_alive, truncate };
        if config.account.api_key.is_none() && settings.missing.is_none() && config.is_cloud() {
            config.account.api_key = settings.env.var(KEY_VARIABLE).map(Secret::new);
        }
        Ok(config)
    }

    account_setters!("`/api/chat`");

    /// Sends this key: to Ollama's own servers, or to a proxy in front of one's own.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.account.api_key = Some(api_key.into());
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

    /// What has to be done before this provider can be asked.
    pub(super) fn missing(&self) -> Option<String> {
        let needs_key = self.is_cloud() && !self.account.has_key();
        let no_key = || format!("no key: set {KEY_VARIABLE} or api_key of provider `{}`", self.account.name);
        self.account.missing().or_else(|| needs_key.then(no_key))
    }

    /// Whether it is Ollama's own servers that are asked.
    pub(super) fn is_cloud(&self) -> bool {
        self.account.base_url().is_ok_and(|url| is_cloud(&url))
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
        let mut shown = f.debug_struct("OllamaConfig");
        self.account.clone().with_missing(self.missing()).show(&mut shown);
        shown
            .field("num_ctx", &self.num_ctx)
            .field("keep_alive", &self.keep_alive)
            .field("truncate", &self.truncate)
            .finish_non_exhaustive()
    }
}
