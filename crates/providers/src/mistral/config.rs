//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::time::Duration;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};
use http::HeaderMap;

use super::NAME;
use crate::http::{BaseUrl, Credential, Mask, bearer, set};
use crate::options::Options;

/// Where Mistral itself is.
const BASE_URL: &str = "https://api.mistral.ai/v1";

/// Where else Mistral itself is, for the same keys.
const REGIONS: [&str; 2] = ["https://api.eu.mistral.ai/v1", "https://api.us.mistral.ai/v1"];

/// The variable the key is conventionally in.
pub(super) const KEY_VARIABLE: &str = "MISTRAL_API_KEY";

/// The connect timeout, unless stated.
const CONNECT: Duration = Duration::from_secs(5);

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/chat/completions";
pub(super) const FILL: &str = "/fim/completions";
pub(super) const EMBED: &str = "/embeddings";
const PATHS: &[&str] = &[CHAT, FILL, EMBED, "/models"];

pub(super) const OPTIONS: &[KindOption] =
    &[KindOption::new("headers", Shape::Texts, "Headers sent with every request.")];

/// What a [`Mistral`](super::Mistral) provider is built from.
///
/// ```
/// use backstop_providers::mistral::MistralConfig;
/// let config = MistralConfig::new("very-private").with_base_url("https://api.eu.mistral.ai/v1");
/// assert!(!format!("{config:?}").contains("private"));
/// ```
#[derive(Clone)]
pub struct MistralConfig {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: Option<Secret>,
    pub(super) connect: Duration,
    pub(super) headers: Vec<(String, String)>,
    missing: Option<String>,
    /// Whether the conventional variable would have been the place for the key.
    reads_variable: bool,
}

impl MistralConfig {
    /// Mistral itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: BASE_URL.to_owned(),
            api_key: Some(api_key.into()),
            connect: CONNECT,
            headers: Vec::new(),
            missing: None,
            reads_variable: false,
        }
    }

    /// What the environment says: `MISTRAL_API_KEY`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        Self { api_key: env.var(KEY_VARIABLE).map(Secret::new), reads_variable: true, ..Self::new("") }
    }

    /// What a config file says, completed by the environment.
    ///
    /// A key from the environment goes to Mistral itself, in any region, and never to another base URL.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let headers = options.texts("headers")?;
        let own = settings.base_url.as_deref().map_or(settings.missing.is_none(), is_own);
        let env = if own { settings.env.clone() } else { Env::empty() };
        let base = Self::from_env(&env);
        Ok(Self {
            name: settings.name.clone(),
            base_url: settings.base_url.clone().unwrap_or(base.base_url),
            api_key: settings.api_key.clone().or(base.api_key),
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            missing: settings.missing.clone(),
            reads_variable: own,
        })
    }

    /// Replaces the name used in routes, `mistral`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes `/chat/completions`.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
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

fn is_own(base_url: &str) -> bool {
    let parse = |url| BaseUrl::parse(NAME, url, BASE_URL, PATHS).ok();
    let own = || REGIONS.into_iter().chain([BASE_URL]);
    parse(base_url).is_some_and(|url| own().any(|one| parse(one).as_ref() == Some(&url)))
}

impl fmt::Debug for MistralConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        f.debug_struct("MistralConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("api_key", &self.api_key)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}
