//! The settings of the kind, and what of them comes from the environment.

use std::fmt;
use std::time::{Duration, SystemTime};

use backstop_core::{Env, Error, ErrorKind, KindOption, Secret, Settings, Shape};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::sign::{AccessKeys, Signer};
use super::{NAME, place};
use crate::http::{BaseUrl, CONNECT, Credential, Mask, bare, bearer, set};
use crate::options::Options;

const BEARER: &str = "AWS_BEARER_TOKEN_BEDROCK";
const KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The variables a key is conventionally in.
pub(super) const KEY_VARIABLES: &[&str] = &[BEARER, KEY_ID];

pub(super) const OPTIONS: &[KindOption] = &[
    KindOption::new(
        "region",
        Shape::Text,
        "The region, such as us-east-1; else AWS_REGION or AWS_DEFAULT_REGION.",
    ),
    KindOption::new(
        "access_key_id",
        Shape::Secret,
        "The id of an access key that signs requests, in place of api_key.",
    ),
    KindOption::new("secret_access_key", Shape::Secret, "The secret of that access key."),
    KindOption::new("session_token", Shape::Secret, "The token of an access key that ends after some hours."),
    KindOption::new("headers", Shape::Texts, "Headers sent with every request."),
];

/// What a [`Bedrock`](super::Bedrock) provider is built from.
///
/// ```
/// use backstop_providers::bedrock::BedrockConfig;
/// let config = BedrockConfig::new("eu-central-1", "very-private").with_name("frankfurt");
/// assert!(!format!("{config:?}").contains("private"));
/// ```
#[derive(Clone)]
pub struct BedrockConfig {
    pub(super) name: String,
    base_url: Option<String>,
    region: Option<String>,
    auth: Option<Auth>,
    pub(super) connect: Duration,
    headers: Vec<(String, String)>,
    clock: fn() -> SystemTime,
    missing: Option<String>,
    /// What the environment holds and is not enough.
    half: Option<&'static str>,
    /// Whether the conventional variables would have been the place for a key.
    reads_variables: bool,
}

/// Who asks.
#[derive(Clone)]
enum Auth {
    /// Whoever has this key, or nobody in particular.
    Bearer(Secret),
    /// Whoever can sign with these.
    Signed(AccessKeys),
}

impl BedrockConfig {
    /// Bedrock in this region, with an API key of Bedrock. The environment plays no part.
    #[must_use]
    pub fn new(region: impl Into<String>, api_key: impl Into<Secret>) -> Self {
        Self { auth: Some(Auth::Bearer(api_key.into())), ..Self::of(Some(region.into())) }
    }

    /// Bedrock in this region, with requests that are signed with an access key. The environment plays no part.
    #[must_use]
    pub fn signed(
        region: impl Into<String>,
        access_key_id: impl Into<Secret>,
        secret_access_key: impl Into<Secret>,
    ) -> Self {
        let keys =
            AccessKeys { id: access_key_id.into(), secret: secret_access_key.into(), session_token: None };
        Self { auth: Some(Auth::Signed(keys)), ..Self::of(Some(region.into())) }
    }

    fn of(region: Option<String>) -> Self {
        Self {
            name: NAME.to_owned(),
            base_url: None,
            region,
            auth: None,
            connect: CONNECT,
            headers: Vec::new(),
            // Signatures tell when they were made.
            clock: SystemTime::now,
            missing: None,
            half: None,
            reads_variables: false,
        }
    }

    /// What the environment says: `AWS_BEARER_TOKEN_BEDROCK`, else `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and
    /// perhaps `AWS_SESSION_TOKEN`; `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    ///
    /// Without a key or a region the provider can be built, and its capabilities say what is missing.
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let secret = |name: &str| env.var(name).map(Secret::new);
        let (id, key) = (secret(KEY_ID), secret(SECRET_KEY));
        let half = match (&id, &key) {
            (Some(_), None) => Some(SECRET_KEY),
            (None, Some(_)) => Some(KEY_ID),
            _ => None,
        };
        let signed = id.zip(key).map(|(id, secret_key)| {
            Auth::Signed(AccessKeys { id, secret: secret_key, session_token: secret(SESSION_TOKEN) })
        });
        Self {
            auth: secret(BEARER).map(Auth::Bearer).or(signed),
            half,
            reads_variables: true,
            ..Self::of(region(env))
        }
    }

    /// What a config file says, completed by the environment.
    ///
    /// A key from the environment goes to AWS itself, and never to another base URL that the settings state.
    ///
    /// # Errors
    /// `Config` for an option that does not exist or is of the wrong type, and for a half of an access key.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        let mut options = Options::of(&settings, OPTIONS)?;
        let stated_region = options.text("region")?;
        let mut secret = |name: &str| options.text(name).map(|text| text.map(Secret::new));
        let (id, key) = (secret("access_key_id")?, secret("secret_access_key")?);
        let session_token = secret("session_token")?;
        let headers = options.texts("headers")?;
        let is_half = id.is_some() != key.is_some() || session_token.is_some() && id.is_none();
        if is_half && settings.missing.is_none() {
            let message = format!(
                "access_key_id, secret_access_key and, if there is one, session_token of provider `{}` belong \
                 together: set them all",
                settings.name
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        let signed = id.zip(key).map(|(id, secret)| Auth::Signed(AccessKeys { id, secret, session_token }));
        let stated = settings.api_key.clone().filter(|key| !key.is_empty()).map(Auth::Bearer).or(signed);
        let of_url = settings.base_url.as_deref().and_then(place::region_of);
        let own = settings.missing.is_none() && (settings.base_url.is_none() || of_url.is_some());
        let base = Self::from_env(&if own { settings.env.clone() } else { Env::empty() });
        Ok(Self {
            name: settings.name,
            // No secret, so it counts wherever requests go.
            region: stated_region.or(of_url).or_else(|| region(&settings.env)),
            base_url: settings.base_url,
            auth: stated.or(base.auth),
            connect: settings.connect.unwrap_or(CONNECT),
            headers,
            missing: settings.missing,
            reads_variables: own,
            ..base
        })
    }

    /// Replaces the name used in routes, `bedrock`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes `/model`.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Adds the token of an access key that ends after some hours. An API key has none.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<Secret>) -> Self {
        if let Some(Auth::Signed(keys)) = &mut self.auth {
            keys.session_token = Some(token.into());
        }
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

    /// Replaces the clock that signatures are dated by, the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }

    pub(super) fn parsed_base_url(&self) -> Result<BaseUrl, Error> {
        let region = self.region.as_ref().filter(|_| self.needs_region());
        if let Some(region) = region.filter(|region| !place::is_region(region)) {
            let name = &self.name;
            let message = format!("{region:?}, of provider `{name}`, is no region; a good one is us-east-1");
            return Err(Error::new(ErrorKind::Config, message));
        }
        place::base_url(&self.name, self.base_url.as_deref(), self.region.as_deref())
    }

    /// The headers of every request, what signs them, and what must never be shown of either.
    pub(super) fn parsed_auth(&self) -> Result<(HeaderMap, Option<Signer>, Mask), Error> {
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        let mut signer = None;
        match &self.auth {
            Some(Auth::Bearer(key)) => {
                if let Some(Credential::Key(key)) = Credential::of(Some(key)) {
                    headers.insert(AUTHORIZATION, bearer(&self.name, &key)?);
                    secrets.push(key);
                }
            }
            Some(Auth::Signed(keys)) => {
                for secret in [&keys.id, &keys.secret].into_iter().chain(&keys.session_token) {
                    // Also one that is not sent: what no header can hold was not copied well.
                    bare(&self.name, secret)?;
                    secrets.push(secret.clone());
                }
                let (keys, region) = (keys.clone(), self.region.clone().unwrap_or_default());
                signer = Some(Signer { keys, region, clock: self.clock });
            }
            None => {}
        }
        set(&mut headers, &self.name, &self.headers)?;
        let mask = Mask::new(secrets).with_headers(&self.headers).into_owned();
        Ok((headers, signer, mask))
    }

    /// A host is one region's, and so is a signature.
    fn needs_region(&self) -> bool {
        self.base_url.is_none() || matches!(self.auth, Some(Auth::Signed(_)))
    }

    /// What has to be done before this provider can be asked.
    pub(super) fn missing(&self) -> Option<String> {
        if self.missing.is_some() {
            return self.missing.clone();
        }
        let name = &self.name;
        let is_there = match &self.auth {
            Some(Auth::Bearer(key)) => Credential::of(Some(key)).is_some(),
            Some(Auth::Signed(keys)) => !keys.id.is_empty() && !keys.secret.is_empty(),
            None => false,
        };
        let key = (!is_there).then(|| match self.half {
            Some(other) => format!("half a key: set {other} too"),
            None if self.reads_variables => {
                format!("no key: set {BEARER}, {KEY_ID} and {SECRET_KEY}, or api_key of provider `{name}`")
            }
            None => format!("no key: set api_key of provider `{name}`, to \"none\" if its server wants none"),
        });
        let region = (self.needs_region() && self.region.is_none())
            .then(|| format!("no region: set {} or region of provider `{name}`", REGIONS.join(" or ")));
        let missing: Vec<_> = [key, region].into_iter().flatten().collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

fn region(env: &Env) -> Option<String> {
    REGIONS.iter().find_map(|name| env.var(name))
}

impl fmt::Debug for BedrockConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.parsed_base_url();
        let auth = self.auth.as_ref().map(|auth| match auth {
            Auth::Bearer(_) => "key",
            Auth::Signed(_) => "signature",
        });
        f.debug_struct("BedrockConfig")
            .field("name", &self.name)
            .field("base_url", &base_url.as_ref().map_or("(unusable)", BaseUrl::as_str))
            .field("region", &self.region)
            .field("auth", &auth)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}
