//! Who asks Google's cloud, and how that is shown.

use std::path::Path;
use std::sync::Arc;

use backstop_core::{Env, Error, Secret};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::credentials::{Credentials, FILE_VARIABLE};
use super::token::{TokenSource, Tokens};
use crate::http::{BaseUrl, Credential, Transport, bare, bearer, set};

/// Where a token that somebody else has fetched is found.
const TOKEN_VARIABLE: &str = "GOOGLE_OAUTH_ACCESS_TOKEN";

/// The word for the credentials of the machine this runs on.
const MACHINE: &str = "metadata";

/// How a provider shows who asks.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// Nobody has said, or what was said cannot be used.
    Missing(Option<String>),
    /// Not at all: the server wants no credential.
    Anonymous,
    /// With a key of express mode.
    Key(Secret),
    /// With this token.
    Token(Secret),
    /// With tokens that these credentials are good for.
    Credentials(Arc<Credentials>),
    /// With tokens from the caller.
    Source(Arc<dyn TokenSource>),
}

impl Access {
    /// What the environment says.
    pub(crate) fn of_env(env: &Env) -> Self {
        match env.var(TOKEN_VARIABLE) {
            Some(token) => Self::Token(token.into()),
            None => Credentials::of_env(env).map_or(Self::Missing(None), Self::of),
        }
    }

    /// What the settings state, if they do.
    pub(crate) fn stated(
        key: Option<&Secret>,
        is_token: bool,
        credentials: Option<&str>,
        env: &Env,
    ) -> Option<Self> {
        match (Credential::of(key), credentials) {
            (Some(Credential::Anonymous), _) => Some(Self::Anonymous),
            (Some(Credential::Key(token)), _) if is_token => Some(Self::Token(token)),
            (Some(Credential::Key(key)), _) => Some(Self::Key(key)),
            (None, Some(MACHINE)) => Some(Self::of(Credentials::of_machine(env))),
            (None, Some(file)) => Some(Self::of(Credentials::of_file(Path::new(file)))),
            (None, None) => None,
        }
    }

    /// What is left where the environment plays no part.
    pub(crate) fn none_for(provider: &str) -> Self {
        Self::Missing(Some(format!(
            "no credentials: set credentials or api_key of provider `{provider}`, the latter to \"none\" if its \
             server wants none"
        )))
    }

    /// What these credentials are good for.
    pub(crate) fn of(credentials: Result<Credentials, String>) -> Self {
        match credentials {
            Ok(credentials) => Self::Credentials(Arc::new(credentials)),
            Err(why) => Self::Missing(Some(why)),
        }
    }

    /// Whether it is a project that is asked.
    pub(crate) fn needs_project(&self) -> bool {
        !matches!(self, Self::Key(_) | Self::Anonymous)
    }

    /// The project that the credentials belong to.
    pub(crate) fn project(&self) -> Option<String> {
        match self {
            Self::Credentials(credentials) => credentials.project.clone(),
            _ => None,
        }
    }

    /// What has to be done before this provider can be asked.
    pub(crate) fn missing(&self, provider: &str) -> Option<String> {
        match self {
            Self::Missing(Some(why)) => Some(why.clone()),
            Self::Missing(None) => Some(format!(
                "no credentials: set {FILE_VARIABLE}, or credentials or api_key of provider `{provider}`"
            )),
            _ => None,
        }
    }

    /// Adds what every request shows, and returns what of it must never be told.
    pub(crate) fn show(&self, provider: &str, headers: &mut HeaderMap) -> Result<Option<Secret>, Error> {
        match self {
            Self::Key(key) => {
                // The wire would take it in the URL as well, where every proxy writes it down.
                headers.insert(HeaderName::from_static("x-goog-api-key"), bare(provider, key)?);
                Ok(Some(key.clone()))
            }
            Self::Token(token) => {
                headers.insert(AUTHORIZATION, bearer(provider, token)?);
                Ok(Some(token.clone()))
            }
            Self::Credentials(credentials) => {
                let billed = credentials.quota_project.iter();
                let billed: Vec<_> =
                    billed.map(|project| ("x-goog-user-project".to_owned(), project.clone())).collect();
                set(headers, provider, &billed)?;
                Ok(None)
            }
            Self::Missing(_) | Self::Anonymous | Self::Source(_) => Ok(None),
        }
    }

    /// Where the token of each request comes from, if from anywhere.
    pub(crate) fn tokens(&self, transport: Arc<dyn Transport>) -> Option<Tokens> {
        match self {
            Self::Source(source) => Some(Tokens::new(Arc::clone(source))),
            Self::Credentials(credentials) => Some(Tokens::new(Credentials::source(credentials, transport))),
            _ => None,
        }
    }
}

/// Whether this is one of the hosts of Google's cloud: the one for all locations, of several, or of a region.
pub(crate) fn is_of_cloud(url: &BaseUrl) -> bool {
    let host = url.as_str().strip_prefix("https://").unwrap_or_default();
    let several = ["aiplatform.us.rep.googleapis.com", "aiplatform.eu.rep.googleapis.com"];
    let is_region = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    host == "aiplatform.googleapis.com"
        || several.contains(&host)
        || host.strip_suffix("-aiplatform.googleapis.com").is_some_and(is_region)
}
