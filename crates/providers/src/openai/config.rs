//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::time::Duration;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};
use http::{HeaderMap, HeaderName};

use super::NAME;
use crate::http::{BaseUrl, Credential, Mask, bearer, set};
use crate::options::Options;

/// Where OpenAI itself is.
const BASE_URL: &str = "https://api.openai.com/v1";

/// The variable the key is conventionally in.
pub(super) const KEY_VARIABLE: &str = "OPENAI_API_KEY";
const BASE_URL_VARIABLE: &str = "OPENAI_BASE_URL";
const ORGANIZATION_VARIABLE: &str = "OPENAI_ORG_ID";
const PROJECT_VARIABLE: &str = "OPENAI_PROJECT_ID";

/// The connect timeout, unless stated.
const CONNECT: Duration = Duration::from_secs(5);

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/chat/completions";
const PATHS: &[&str] = &[CHAT, "/completions", "/embeddings", "/responses", "/models"];

pub(super) const OPTIONS: &[KindOption] = &[
    KindOption::new("organization", Shape::Text, "Bills this organization; else OPENAI_ORG_ID."),
    KindOption::new("project", Shape::Text, "Bills this project; else OPENAI_PROJECT_ID."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
    KindOption::new("stream_usage", Shape::Flag, "Whether streams ask for their usage; else true."),
];

/// What an [`OpenAi`](super::OpenAi) provider is built from.
///
/// ```
/// use backstop_providers::openai::OpenAiConfig;
/// let config = OpenAiConfig::keyless("http://127.0.0.1:8080/v1").with_name("mirror");
/// assert!(!format!("{:?}", OpenAiConfig::new("sk-very-private")).contains("private"));
/// ```
#[derive(Clone)]
pub struct OpenAiConfig {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) api_key: Option<Secret>,
    pub(super) organization: Option<String>,
    pub(super) project: Option<String>,
    pub(super) connect: Duration,
    pub(super) headers: Vec<(String, String)>,
    pub(super) stream_usage: bool,
    missing: Option<String>,
    /// Whether the conventional variable would have been the place for the key.
    reads_variable: bool,
}

impl OpenAiConfig {
    /// OpenAI itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: BASE_URL.to_owned(),
            api_key: Some(api_key.into()),
            organization: None,
            project: None,
            connect: CONNECT,
            headers: Vec::new(),
            stream_usage: true,
            missing: None,
            reads_variable: false,
        }
    }

    /// A server that speaks OpenAI's wire and wants no key, at this base URL: with `/v1`, without
    /// `/chat/completions`.
    #[must_use]
    pub fn keyless(base_url: impl Into<String>) -> Self {
        Self::new("none").with_base_url(base_url)
    }

    /// What the environment says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let base_url = env.var(BASE_URL_VARIABLE).unwrap_or_else(|| BASE_URL.to_owned());
        Self {
            api_key: env.var(KEY_VARIABLE).map(Secret::new),
            organization: env.var(ORGANIZATION_VARIABLE),
            project: env.var(PROJECT_VARIABLE),
            base_url,
            reads_variable: true,
            ..Self::new("")
        }
    }

    /// What a config file says, completed by the environment.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to
    /// OpenAI itself, and never to a base URL that the settings state. The same goes for organization and project.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let organization = options.text("organization")?;
        let project = options.text("project")?;
        let headers = options.texts("headers")?;
        let stream_usage = options.flag("stream_usage")?.unwrap_or(true);
        let env_base = settings.env.var(BASE_URL_VARIABLE);
        let environment = Self::from_env(&settings.env);
        let own = match &settings.base_url {
            None => settings.missing.is_none(),
            Some(stated) => is_own(stated) && env_base.as_deref().is_none_or(is_own),
        };
        let base = if own { environment } else { Self::from_env(&Env::empty()) };
        Ok(Self {
            name: settings.name.clone(),
            base_url: settings.base_url.clone().unwrap_or(base.base_url),
            api_key: settings.api_key.clone().or(base.api_key),
            organization: organization.or(base.organization),
            project: project.or(base.project),
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            stream_usage,
            missing: settings.missing.clone(),
            reads_variable: own,
        })
    }

    /// Replaces the name used in routes, `openai`.
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

    /// Bills this organization.
    #[must_use]
    pub fn with_organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// Bills this project.
    #[must_use]
    pub fn with_project(mut self, id: impl Into<String>) -> Self {
        self.project = Some(id.into());
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

    /// Does not ask streams for their usage: for servers that refuse `stream_options`.
    #[must_use]
    pub fn without_stream_usage(mut self) -> Self {
        self.stream_usage = false;
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
        let text = |name: &HeaderName, value: &Option<String>| {
            value.clone().map(|value| (name.as_str().to_owned(), value))
        };
        let scopes = [
            text(&HeaderName::from_static("openai-organization"), &self.organization),
            text(&HeaderName::from_static("openai-project"), &self.project),
        ];
        let more: Vec<_> = scopes.into_iter().flatten().chain(self.headers.iter().cloned()).collect();
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

fn is_own(base_url: &str) -> bool {
    let parse = |url| BaseUrl::parse(NAME, url, BASE_URL, PATHS).ok();
    parse(base_url).is_some_and(|url| Some(url) == parse(BASE_URL))
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        f.debug_struct("OpenAiConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("api_key", &self.api_key)
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("stream_usage", &self.stream_usage)
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}
