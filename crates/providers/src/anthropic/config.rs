//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::time::Duration;

use backstop_core::{Env, Error, ErrorKind, KindOption, Secret, Settings, Shape};
use http::{HeaderMap, HeaderName};

use super::NAME;
use super::thinking::Mode;
use crate::http::{BaseUrl, Credential, Mask, bare, bearer, set};
use crate::options::Options;

/// Where Anthropic itself is.
const BASE_URL: &str = "https://api.anthropic.com";

/// The variables a key, or a token in its place, is conventionally in.
pub(super) const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";
pub(super) const TOKEN_VARIABLE: &str = "ANTHROPIC_AUTH_TOKEN";
const BASE_URL_VARIABLE: &str = "ANTHROPIC_BASE_URL";

/// The version of the API that every model and every server of this wire knows.
const VERSION: &str = "2023-06-01";

/// In which header the version stands.
pub(super) const VERSION_HEADER: HeaderName = HeaderName::from_static("anthropic-version");
const BETA_HEADER: HeaderName = HeaderName::from_static("anthropic-beta");
const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// The most tokens of an answer where nobody says how many, which the wire does not allow.
const OUTPUT_MAX: u32 = 8192;

/// The connect timeout, unless stated.
const CONNECT: Duration = Duration::from_secs(5);

/// The paths this provider appends to its base URL.
pub(super) const MESSAGES: &str = "/v1/messages";
const PATHS: &[&str] = &[MESSAGES, "/v1/models", "/v1"];

pub(super) const OPTIONS: &[KindOption] = &[
    KindOption::new("version", Shape::Text, "The version of the API; else 2023-06-01."),
    KindOption::new("beta", Shape::Text, "Beta features to switch on, with commas between them."),
    KindOption::new("bearer", Shape::Flag, "Sends the key as Authorization: Bearer; else as x-api-key."),
    KindOption::new("max_output_tokens", Shape::Count, "The limit where a request states none; else 8192."),
    KindOption::new("thinking", Shape::Text, "adaptive or budget; else as the model's name suggests."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// What an [`Anthropic`](super::Anthropic) provider is built from.
///
/// ```
/// use backstop_providers::anthropic::AnthropicConfig;
/// let config = AnthropicConfig::keyless("http://127.0.0.1:8080").with_name("mirror");
/// assert!(!format!("{:?}", AnthropicConfig::new("sk-ant-very-private")).contains("private"));
/// ```
#[derive(Clone)]
pub struct AnthropicConfig {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: Option<Secret>,
    pub(super) bearer: bool,
    pub(super) beta: Option<String>,
    pub(super) connect: Duration,
    pub(super) headers: Vec<(String, String)>,
    pub(super) max_output_tokens: u32,
    pub(super) thinking: Option<Mode>,
    version: String,
    missing: Option<String>,
    /// Whether the conventional variables would have been the place for the key.
    reads_variable: bool,
}

impl AnthropicConfig {
    /// Anthropic itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: BASE_URL.to_owned(),
            api_key: Some(api_key.into()),
            bearer: false,
            beta: None,
            connect: CONNECT,
            headers: Vec::new(),
            max_output_tokens: OUTPUT_MAX,
            thinking: None,
            version: VERSION.to_owned(),
            missing: None,
            reads_variable: false,
        }
    }

    /// A server that speaks Anthropic's wire and wants no key, at this base URL: without `/v1`.
    #[must_use]
    pub fn keyless(base_url: impl Into<String>) -> Self {
        Self::new("none").with_base_url(base_url)
    }

    /// What the environment says: `ANTHROPIC_API_KEY`, else `ANTHROPIC_AUTH_TOKEN`, and `ANTHROPIC_BASE_URL`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let key = env.var(KEY_VARIABLE);
        let bearer = key.is_none();
        Self {
            api_key: key.or_else(|| env.var(TOKEN_VARIABLE)).map(Secret::new),
            bearer,
            base_url: env.var(BASE_URL_VARIABLE).unwrap_or_else(|| BASE_URL.to_owned()),
            reads_variable: true,
            ..Self::new("")
        }
    }

    /// What a config file says, completed by the environment.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to
    /// Anthropic itself, and never to a base URL that the settings state.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let version = options.text("version")?.unwrap_or_else(|| VERSION.to_owned());
        let beta = options.text("beta")?;
        let bearer = options.flag("bearer")?;
        let max_output_tokens = options.count("max_output_tokens")?.unwrap_or(OUTPUT_MAX);
        let thinking = options.text("thinking")?.map(|word| mode(&settings.name, &word)).transpose()?;
        let headers = options.texts("headers")?;
        let env_base = settings.env.var(BASE_URL_VARIABLE);
        let environment = Self::from_env(&settings.env);
        let own = match &settings.base_url {
            None => settings.missing.is_none(),
            Some(stated) => is_own(stated) && env_base.as_deref().is_none_or(is_own),
        };
        let base = if own { environment } else { Self::from_env(&Env::empty()) };
        // How a key is sent goes with the key.
        let sent_as = if settings.api_key.is_some() { false } else { base.bearer };
        Ok(Self {
            name: settings.name.clone(),
            base_url: settings.base_url.clone().unwrap_or(base.base_url),
            api_key: settings.api_key.clone().or(base.api_key),
            bearer: bearer.unwrap_or(sent_as),
            beta,
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            max_output_tokens,
            thinking,
            version,
            missing: settings.missing.clone(),
            reads_variable: own,
        })
    }

    /// Replaces the name used in routes, `anthropic`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes `/v1/messages`.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sends the key as `Authorization: Bearer`.
    #[must_use]
    pub fn with_bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Replaces the version of the API, `2023-06-01`.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Switches beta features on, with commas between them.
    #[must_use]
    pub fn with_beta(mut self, features: impl Into<String>) -> Self {
        self.beta = Some(features.into());
        self
    }

    /// Replaces the most tokens of an answer where a request states none, 8192.
    #[must_use]
    pub fn with_max_output_tokens(mut self, tokens: u32) -> Self {
        self.max_output_tokens = tokens;
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
            if self.bearer {
                headers.insert(http::header::AUTHORIZATION, bearer(&self.name, &key)?);
            } else {
                headers.insert(KEY_HEADER, bare(&self.name, &key)?);
            }
            secrets.push(key);
        }
        let text = |name: HeaderName, value: &str| (name.as_str().to_owned(), value.to_owned());
        let mut more = vec![text(VERSION_HEADER, &self.version)];
        more.extend(self.beta.as_deref().map(|beta| text(BETA_HEADER, beta)));
        more.extend(self.headers.iter().cloned());
        set(&mut headers, &self.name, &more)?;
        let mask = Mask::new(secrets).with_headers(&self.headers).into_owned();
        Ok((headers, mask))
    }

    /// What has to be done before this provider can be asked.
    pub(super) fn missing(&self) -> Option<String> {
        if self.missing.is_some() || Credential::of(self.api_key.as_ref()).is_some() {
            return self.missing.clone();
        }
        let name = &self.name;
        Some(if self.reads_variable {
            format!("no key: set {KEY_VARIABLE} or api_key of provider `{name}`")
        } else {
            format!("no key: set api_key of provider `{name}`, to \"none\" if its server wants none")
        })
    }
}

fn mode(provider: &str, word: &str) -> Result<Mode, Error> {
    match word {
        "adaptive" => Ok(Mode::Adaptive),
        "budget" => Ok(Mode::Budget),
        _ => {
            let message =
                format!("the setting `thinking` of provider `{provider}` is neither adaptive nor budget");
            Err(Error::new(ErrorKind::Config, message))
        }
    }
}

fn is_own(base_url: &str) -> bool {
    let parse = |url| BaseUrl::parse(NAME, url, BASE_URL, PATHS).ok();
    parse(base_url).is_some_and(|url| Some(url) == parse(BASE_URL))
}

impl fmt::Debug for AnthropicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        f.debug_struct("AnthropicConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("api_key", &self.api_key)
            .field("bearer", &self.bearer)
            .field("version", &self.version)
            .field("beta", &self.beta)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("max_output_tokens", &self.max_output_tokens)
            .field("thinking", &self.thinking)
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}
