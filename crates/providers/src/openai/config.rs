//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::time::Duration;

use backstop_core::{Env, Error, ErrorKind, Secret, Settings};

use super::{DIALECT, ORGANIZATION, PROJECT};
use crate::dialect::DialectConfig;
use crate::options::Options;

/// What an [`OpenAi`](super::OpenAi) provider is built from.
///
/// ```
/// use backstop_providers::openai::OpenAiConfig;
/// let config = OpenAiConfig::keyless("http://127.0.0.1:8080/v1").with_name("mirror");
/// assert!(!format!("{:?}", OpenAiConfig::new("sk-very-private")).contains("private"));
/// ```
#[derive(Clone)]
pub struct OpenAiConfig {
    pub(super) dialect: DialectConfig,
    /// Whether chats go to the Responses API.
    pub(super) responses: bool,
}

impl OpenAiConfig {
    /// OpenAI itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { dialect: DialectConfig::new(&DIALECT, Some(api_key.into())), responses: false }
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
        Self { dialect: DialectConfig::from_env(&DIALECT, env), responses: false }
    }

    /// What a config file says, completed by the environment.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to
    /// OpenAI itself, and never to a base URL that the settings state. The same goes for organization and project.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, DIALECT.options)?;
        let responses = match options.text("api")?.as_deref() {
            None | Some("chat_completions") => false,
            Some("responses") => true,
            Some(_) => {
                let name = &settings.name;
                let message = format!(
                    "the setting `api` of provider `{name}` is neither \"chat_completions\" nor \"responses\""
                );
                return Err(Error::new(ErrorKind::Config, message));
            }
        };
        let dialect = DialectConfig::from_options(&DIALECT, &settings, options)?;
        Ok(Self { dialect, responses })
    }

    /// Replaces the name used in routes, `openai`.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { dialect: self.dialect.with_name(name), ..self }
    }

    /// Replaces the base URL: what precedes `/chat/completions`.
    #[must_use]
    pub fn with_base_url(self, base_url: impl Into<String>) -> Self {
        Self { dialect: self.dialect.with_base_url(base_url), ..self }
    }

    /// Bills this organization.
    #[must_use]
    pub fn with_organization(mut self, id: impl Into<String>) -> Self {
        self.dialect.set_scope(ORGANIZATION, id.into());
        self
    }

    /// Bills this project.
    #[must_use]
    pub fn with_project(mut self, id: impl Into<String>) -> Self {
        self.dialect.set_scope(PROJECT, id.into());
        self
    }

    /// Replaces the connect timeout of 5 seconds.
    #[must_use]
    pub fn with_connect(self, timeout: Duration) -> Self {
        Self { dialect: self.dialect.with_connect(timeout), ..self }
    }

    /// Sends this header with every request.
    #[must_use]
    pub fn with_header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { dialect: self.dialect.with_header(name, value), ..self }
    }

    /// Does not ask streams for their usage: for servers that refuse `stream_options`.
    #[must_use]
    pub fn without_stream_usage(self) -> Self {
        Self { dialect: self.dialect.without_stream_usage(), ..self }
    }

    /// Chats over the Responses API instead of chat completions.
    #[must_use]
    pub fn with_responses(mut self) -> Self {
        self.responses = true;
        self
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dialect.fmt("OpenAiConfig", f)
    }
}
