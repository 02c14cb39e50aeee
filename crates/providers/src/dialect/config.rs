//! The settings of a dialect, and what of them comes from the environment.

use std::fmt;
use std::time::Duration;

use backstop_core::{Env, Error, Secret, Settings};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::dialect::{Dialect, KeyHeader, Paths, Place};
use crate::http::{BaseUrl, Credential, Mask, bare, bearer, set};
use crate::options::Options;

/// The connect timeout, unless stated.
const CONNECT: Duration = Duration::from_secs(5);

/// What a [`DialectProvider`](super::DialectProvider) is built from. Each kind has functions that begin one.
#[derive(Clone)]
pub struct DialectConfig {
    pub(super) dialect: &'static Dialect,
    pub(super) name: String,
    /// `None` where everybody has a place of their own, and it has not been stated.
    base_url: Option<String>,
    api_key: Option<Secret>,
    pub(crate) key_header: KeyHeader,
    pub(crate) paths: Paths,
    /// What stands behind the question mark of every URL.
    pub(crate) query: Option<String>,
    pub(super) connect: Duration,
    /// Settings that are headers, by the name of the header.
    scopes: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
    pub(super) stream_usage: bool,
    missing: Option<String>,
    /// Whether the conventional variable would have been the place for the key.
    reads_variables: bool,
}

impl DialectConfig {
    /// The service itself, with this key. The environment plays no part.
    pub(crate) fn new(dialect: &'static Dialect, api_key: Option<Secret>) -> Self {
        Self {
            dialect,
            name: dialect.name.to_owned(),
            base_url: (dialect.place == Place::Shared).then(|| dialect.base_url.to_owned()),
            api_key,
            key_header: dialect.key_header,
            paths: dialect.paths,
            query: None,
            connect: CONNECT,
            scopes: Vec::new(),
            headers: Vec::new(),
            stream_usage: dialect.takes.stream_usage,
            missing: None,
            reads_variables: false,
        }
    }

    /// What the environment says.
    pub(crate) fn from_env(dialect: &'static Dialect, env: &Env) -> Self {
        let key = dialect.key_variables.iter().find_map(|name| env.var(name));
        let mut config = Self::new(dialect, key.map(Secret::new));
        config.base_url = dialect.base_url_variable.and_then(|name| env.var(name)).or(config.base_url);
        config.scopes = dialect
            .headers
            .iter()
            .filter_map(|option| Some((option.header, env.var(option.variable?)?)))
            .collect();
        config.reads_variables = true;
        config
    }

    /// What a config file says, completed by the environment.
    pub(crate) fn from_settings(dialect: &'static Dialect, settings: &Settings) -> Result<Self, Error> {
        Self::from_options(dialect, settings, Options::of(settings, dialect.options)?)
    }

    /// As [`from_settings`](Self::from_settings); options that only this kind has may have been taken out already.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to the
    /// service itself, and never to a base URL that the settings state. The same goes for settings that are headers.
    pub(crate) fn from_options(
        dialect: &'static Dialect,
        settings: &Settings,
        mut options: Options<'_>,
    ) -> Result<Self, Error> {
        let mut scopes = Vec::new();
        for option in dialect.headers {
            scopes.extend(options.text(option.option)?.map(|text| (option.header, text)));
        }
        let headers = options.texts("headers")?;
        let stream_usage = options.flag("stream_usage")?;
        let own = Self::is_for_variables(dialect, settings);
        let mut config = if own { Self::from_env(dialect, &settings.env) } else { Self::new(dialect, None) };
        for (header, text) in scopes {
            config.set_scope(header, text);
        }
        config.name.clone_from(&settings.name);
        config.base_url = settings.base_url.clone().or(config.base_url);
        config.api_key = settings.api_key.clone().or(config.api_key);
        config.connect = settings.connect.unwrap_or(config.connect);
        config.headers = headers;
        config.stream_usage = stream_usage.unwrap_or(config.stream_usage);
        config.missing.clone_from(&settings.missing);
        Ok(config)
    }

    /// Whether what the environment holds is meant for the place the settings state.
    pub(crate) fn is_for_variables(dialect: &'static Dialect, settings: &Settings) -> bool {
        let of_env = || dialect.base_url_variable.and_then(|name| settings.env.var(name));
        match &settings.base_url {
            None => settings.missing.is_none(),
            Some(stated) => {
                is_own(dialect, stated) && of_env().is_none_or(|url| is_same(dialect, &url, stated))
            }
        }
    }

    /// Replaces the name used in routes, which is that of the kind.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces the base URL: what precedes the paths of the wire.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Replaces the key; `"none"` sends none.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.api_key = Some(api_key.into());
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

    /// Sets what is sent in this header of the dialect.
    pub(crate) fn set_scope(&mut self, header: &'static str, text: String) {
        self.scopes.retain(|(known, _)| *known != header);
        self.scopes.push((header, text));
    }

    pub(crate) fn parsed_base_url(&self) -> Result<BaseUrl, Error> {
        let example = self.dialect.base_url;
        // Nothing is sent there: what is missing is said first.
        let base_url = self.base_url.as_deref().unwrap_or(example);
        BaseUrl::parse(&self.name, base_url, example, self.dialect.appended)
    }

    /// The headers of every request, and what must never be shown of them.
    pub(super) fn parsed_headers(&self) -> Result<(HeaderMap, Mask), Error> {
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        if let Some(Credential::Key(key)) = Credential::of(self.api_key.as_ref()) {
            match self.key_header {
                KeyHeader::Bearer => headers.insert(AUTHORIZATION, bearer(&self.name, &key)?),
                KeyHeader::Named(name) => {
                    headers.insert(HeaderName::from_static(name), bare(&self.name, &key)?)
                }
            };
            secrets.push(key);
        }
        let scopes = self.scopes.iter().map(|(header, text)| ((*header).to_owned(), text.clone()));
        let more: Vec<_> = scopes.chain(self.headers.iter().cloned()).collect();
        set(&mut headers, &self.name, &more)?;
        let mask = Mask::new(secrets).with_headers(&self.headers).into_owned();
        Ok((headers, mask))
    }

    /// What has to be done before this provider can be asked.
    pub(super) fn missing(&self) -> Option<String> {
        if self.missing.is_some() {
            return self.missing.clone();
        }
        let name = &self.name;
        let variable = |variable: Option<&'static str>| variable.filter(|_| self.reads_variables);
        if self.base_url.is_none() {
            return Some(match variable(self.dialect.base_url_variable) {
                Some(variable) => format!("no base URL: set {variable} or base_url of provider `{name}`"),
                None => format!("no base URL: set base_url of provider `{name}`"),
            });
        }
        if !self.dialect.key_needed || Credential::of(self.api_key.as_ref()).is_some() {
            return None;
        }
        Some(match variable(self.dialect.key_variables.first().copied()) {
            Some(variable) => format!("no key: set {variable} or api_key of provider `{name}`"),
            None => format!("no key: set api_key of provider `{name}`, to \"none\" if its server wants none"),
        })
    }

    pub(crate) fn fmt(&self, type_name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.base_url.as_ref().map(|_| self.parsed_base_url());
        let base_url = base_url.as_ref().map(|url| url.as_ref().map_or("(unusable)", BaseUrl::as_str));
        f.debug_struct(type_name)
            .field("name", &self.name)
            .field("base_url", &base_url)
            .field("api_key", &self.api_key)
            .field("scopes", &self.scopes)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("stream_usage", &self.stream_usage)
            .field("missing", &self.missing())
            .finish_non_exhaustive()
    }
}

/// Whether this is a base URL of the service itself.
fn is_own(dialect: &Dialect, base_url: &str) -> bool {
    match dialect.place {
        Place::Shared => is_same(dialect, base_url, dialect.base_url),
        Place::Own(hosts) => parse(dialect, base_url)
            .is_some_and(|url| url.is_https() && hosts.iter().any(|host| url.authority().ends_with(host))),
    }
}

fn is_same(dialect: &Dialect, one: &str, other: &str) -> bool {
    parse(dialect, one).is_some_and(|url| Some(url) == parse(dialect, other))
}

fn parse(dialect: &Dialect, base_url: &str) -> Option<BaseUrl> {
    BaseUrl::parse(dialect.name, base_url, dialect.base_url, dialect.appended).ok()
}

impl fmt::Debug for DialectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt("DialectConfig", f)
    }
}
