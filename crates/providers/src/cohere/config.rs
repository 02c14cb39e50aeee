//! The settings of the kind, and what of them comes from the environment.

use std::fmt;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};

use super::NAME;
use crate::http::{Account, Home, KeyHeader, Place, account_setters};
use crate::options::Options;

/// Where Cohere itself is, and its earlier name, which still answers.
pub(super) const HOME: Home = Home {
    kind: NAME,
    base_url: "https://api.cohere.com",
    place: Place::Shared(&["https://api.cohere.ai"]),
    base_url_variable: Some("CO_API_URL"),
    key_variables: &["CO_API_KEY", "COHERE_API_KEY"],
    key_header: KeyHeader::Bearer,
    key_needed: true,
    appended: &[CHAT, EMBED, "/v2/rerank", "/v2"],
};

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/v2/chat";
pub(super) const EMBED: &str = "/v2/embed";

pub(super) const OPTIONS: &[KindOption] = &[
    KindOption::new("truncate", Shape::Flag, "Whether texts too long for a vector are cut; else false."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// What a [`Cohere`](super::Cohere) provider is built from.
///
/// ```
/// use backstop_providers::cohere::CohereConfig;
/// let config = CohereConfig::new("very-private").with_name("vectors");
/// assert!(!format!("{config:?}").contains("private"));
/// ```
#[derive(Clone)]
pub struct CohereConfig {
    pub(super) account: Account,
    pub(super) truncate: bool,
}

impl CohereConfig {
    /// Cohere itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { account: Account::new(HOME, Some(api_key.into())), truncate: false }
    }

    /// What the environment says: `CO_API_KEY`, else `COHERE_API_KEY`; `CO_API_URL`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        Self { account: Account::from_env(HOME, env), truncate: false }
    }

    /// What a config file says, completed by the environment.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to Cohere
    /// itself, and never to a base URL that the settings state.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let truncate = options.flag("truncate")?.unwrap_or(false);
        let headers = options.texts("headers")?;
        Ok(Self { account: Account::from_settings(HOME, &settings, headers), truncate })
    }

    account_setters!("`/v2/chat`");

    /// Lets texts that are too long for a vector be cut, instead of being refused.
    #[must_use]
    pub fn with_truncation(mut self) -> Self {
        self.truncate = true;
        self
    }
}

impl fmt::Debug for CohereConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("CohereConfig");
        self.account.show(&mut shown);
        shown.field("truncate", &self.truncate).finish_non_exhaustive()
    }
}
