//! The settings of the kind, and what of them comes from the environment.

use std::fmt;

use backstop_core::{Env, Error, ErrorKind, KindOption, Secret, Settings, Shape};
use http::HeaderName;

use super::NAME;
use super::thinking::Mode;
use crate::http::{Account, Home, KeyHeader, Place, account_setters};
use crate::options::Options;

/// The variable that holds a token in place of a key.
pub(super) const TOKEN_VARIABLE: &str = "ANTHROPIC_AUTH_TOKEN";

/// Where Anthropic itself is.
pub(super) const HOME: Home = Home {
    kind: NAME,
    base_url: "https://api.anthropic.com",
    place: Place::Shared(&[]),
    base_url_variable: Some("ANTHROPIC_BASE_URL"),
    key_variables: &["ANTHROPIC_API_KEY"],
    key_header: KeyHeader::Named("x-api-key"),
    key_needed: true,
    appended: &[MESSAGES, "/v1/models", "/v1"],
};

/// The version of the API that every model and every server of this wire knows.
const VERSION: &str = "2023-06-01";

/// In which header the version stands.
pub(super) const VERSION_HEADER: HeaderName = HeaderName::from_static("anthropic-version");
const BETA_HEADER: HeaderName = HeaderName::from_static("anthropic-beta");

/// The most tokens of an answer where nobody says how many, which the wire does not allow.
const OUTPUT_MAX: u32 = 8192;

/// The paths this provider appends to its base URL.
pub(super) const MESSAGES: &str = "/v1/messages";

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
    pub(super) account: Account,
    pub(super) beta: Option<String>,
    pub(super) max_output_tokens: u32,
    pub(super) thinking: Option<Mode>,
    version: String,
}

impl AnthropicConfig {
    /// Anthropic itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self::of(Account::new(HOME, Some(api_key.into())))
    }

    fn of(account: Account) -> Self {
        Self {
            account,
            beta: None,
            max_output_tokens: OUTPUT_MAX,
            thinking: None,
            version: VERSION.to_owned(),
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
        Self::of(or_token(Account::from_env(HOME, env), env))
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
        let mut account = Account::from_settings(HOME, &settings, headers);
        if HOME.is_for_variables(&settings) {
            account = or_token(account, &settings.env);
        }
        // How a key is sent goes with the key, unless it is stated.
        account.key_header = match bearer {
            Some(true) => KeyHeader::Bearer,
            Some(false) => HOME.key_header,
            None => account.key_header,
        };
        Ok(Self { account, beta, max_output_tokens, thinking, version })
    }

    account_setters!("`/v1/messages`");

    /// Sends the key as `Authorization: Bearer`.
    #[must_use]
    pub fn with_bearer(mut self) -> Self {
        self.account.key_header = KeyHeader::Bearer;
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

    /// The headers that the wire has beside the key.
    pub(super) fn headers_of_kind(&self) -> Vec<(String, String)> {
        let text = |name: HeaderName, value: &str| (name.as_str().to_owned(), value.to_owned());
        let beta = self.beta.as_deref().map(|beta| text(BETA_HEADER, beta));
        [text(VERSION_HEADER, &self.version)].into_iter().chain(beta).collect()
    }
}

/// Who has no key may have a token, which is sent in another header.
fn or_token(mut account: Account, env: &Env) -> Account {
    if account.api_key.is_none()
        && let Some(token) = env.var(TOKEN_VARIABLE)
    {
        (account.api_key, account.key_header) = (Some(Secret::new(token)), KeyHeader::Bearer);
    }
    account
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

impl fmt::Debug for AnthropicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AnthropicConfig");
        self.account.show(&mut shown);
        shown
            .field("key_header", &self.account.key_header)
            .field("version", &self.version)
            .field("beta", &self.beta)
            .field("max_output_tokens", &self.max_output_tokens)
            .field("thinking", &self.thinking)
            .finish_non_exhaustive()
    }
}
