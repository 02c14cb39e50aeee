//! The settings of the kind, and what of them comes from the environment.

use std::fmt;

use backstop_core::{Env, Error, KindOption, Secret, Settings, Shape};

use super::NAME;
use crate::http::{Account, Home, KeyHeader, Place, account_setters};
use crate::options::Options;

/// Where Mistral itself is, and where else for the same keys.
pub(super) const HOME: Home = Home {
    kind: NAME,
    base_url: "https://api.mistral.ai/v1",
    place: Place::Shared(&["https://api.eu.mistral.ai/v1", "https://api.us.mistral.ai/v1"]),
    base_url_variable: None,
    key_variables: &["MISTRAL_API_KEY"],
    key_header: KeyHeader::Bearer,
    key_needed: true,
    appended: &[CHAT, FILL, EMBED, "/models"],
};

/// The paths this provider appends to its base URL.
pub(super) const CHAT: &str = "/chat/completions";
pub(super) const FILL: &str = "/fim/completions";
pub(super) const EMBED: &str = "/embeddings";

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
    pub(super) account: Account,
}

impl MistralConfig {
    /// Mistral itself, with this key. The environment plays no part.
    #[must_use]
    pub fn new(api_key: impl Into<Secret>) -> Self {
        Self { account: Account::new(HOME, Some(api_key.into())) }
    }

    /// What the environment says: `MISTRAL_API_KEY`.
    ///
    /// Without a key the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        Self { account: Account::from_env(HOME, env) }
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
        Ok(Self { account: Account::from_settings(HOME, &settings, headers) })
    }

    account_setters!("`/chat/completions`");
}

impl fmt::Debug for MistralConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MistralConfig");
        self.account.show(&mut shown);
        shown.finish_non_exhaustive()
    }
}
