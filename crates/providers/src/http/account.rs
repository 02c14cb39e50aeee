//! Everything a provider over HTTP is told, once: its name, where it is, with which key, and the one rule about what the
//! environment holds. A kind adds its own fields beside it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backstop_core::{Env, Error, Secret, Settings};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::base_url::BaseUrl;
use super::headers::set;
use super::key::{Credential, bare, bearer};
use super::redact::Mask;
use super::service::Service;
use super::transport::Transport;

/// The connect timeout, unless stated.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// What a kind knows of its own place: data.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Home {
    /// The name of the kind.
    pub(crate) kind: &'static str,
    /// Where it is. Where everybody has a place of their own, an example of one.
    pub(crate) base_url: &'static str,
    /// Whose base URL that is.
    pub(crate) place: Place,
    /// The variable that may state another base URL.
    pub(crate) base_url_variable: Option<&'static str>,
    /// The variables the key is conventionally in, the first that is set counting.
    pub(crate) key_variables: &'static [&'static str],
    /// Where the key stands in a request.
    pub(crate) key_header: KeyHeader,
    /// Whether nothing works without a key.
    pub(crate) key_needed: bool,
    /// What a base URL is mistakenly stated with, though it is appended.
    pub(crate) appended: &'static [&'static str],
}

/// Whose base URL it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One for all, and other names of the same place.
    Shared(&'static [&'static str]),
    /// Each account has its own, on a host whose name ends with one of these. It has to be stated.
    Own(&'static [&'static str]),
}

/// The header with the key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone, in a header of this name.
    Named(&'static str),
}

impl Home {
    /// The key from the conventional variables.
    pub(crate) fn key_in(&self, env: &Env) -> Option<Secret> {
        self.key_variables.iter().find_map(|name| env.var(name)).map(Secret::new)
    }

    fn base_url_in(&self, env: &Env) -> Option<String> {
        env.var(self.base_url_variable?)
    }

    /// Whether what the environment holds is meant for the place the settings state.
    ///
    /// The variables belong together: a key from the environment goes to the base URL from the environment, or to the
    /// service itself, and never to a base URL that the settings state.
    pub(crate) fn is_for_variables(&self, settings: &Settings) -> bool {
        match &settings.base_url {
            None => settings.missing.is_none(),
            Some(stated) => {
                let same_place = |url: String| {
                    self.is_same(&url, stated) || matches!(self.place, Place::Shared(_)) && self.is_own(&url)
                };
                self.is_own(stated) && self.base_url_in(&settings.env).is_none_or(same_place)
            }
        }
    }

    fn is_own(&self, base_url: &str) -> bool {
        match self.place {
            Place::Shared(others) => {
                others.iter().chain([&self.base_url]).any(|own| self.is_same(base_url, own))
            }
            Place::Own(hosts) => self
                .parse(self.kind, base_url)
                .is_ok_and(|url| url.is_https() && hosts.iter().any(|host| url.authority().ends_with(host))),
        }
    }

    fn is_same(&self, one: &str, other: &str) -> bool {
        let parse = |url| self.parse(self.kind, url).ok();
        parse(one).is_some_and(|url| Some(url) == parse(other))
    }

    fn parse(&self, provider: &str, base_url: &str) -> Result<BaseUrl, Error> {
        BaseUrl::parse(provider, base_url, self.base_url, self.appended)
    }
}

/// Who asks, and where.
#[derive(Clone)]
pub(crate) struct Account {
    home: Home,
    pub(crate) name: String,
    /// `None` where everybody has a place of their own, and it has not been stated.
    base_url: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) key_header: KeyHeader,
    connect: Duration,
    headers: Vec<(String, String)>,
    missing: Option<String>,
    /// Whether the conventional variables would have been the place for what is missing.
    reads_variables: bool,
}

impl Account {
    /// The service itself, with this key. The environment plays no part.
    pub(crate) fn new(home: Home, api_key: Option<Secret>) -> Self {
        Self {
            home,
            name: home.kind.to_owned(),
            base_url: matches!(home.place, Place::Shared(_)).then(|| home.base_url.to_owned()),
            api_key,
            key_header: home.key_header,
            connect: CONNECT,
            headers: Vec::new(),
            missing: None,
            reads_variables: false,
        }
    }

    /// What the environment says.
    pub(crate) fn from_env(home: Home, env: &Env) -> Self {
        let new = Self::new(home, home.key_in(env));
        Self { base_url: home.base_url_in(env).or(new.base_url), reads_variables: true, ..new }
    }

    /// What a config file says, completed by the environment where that is [meant](Home::is_for_variables).
    pub(crate) fn from_settings(home: Home, settings: &Settings, headers: Vec<(String, String)>) -> Self {
        let meant = home.is_for_variables(settings);
        let base = if meant { Self::from_env(home, &settings.env) } else { Self::new(home, None) };
        Self {
            name: settings.name.clone(),
            base_url: settings.base_url.clone().or(base.base_url),
            api_key: settings.api_key.clone().or(base.api_key),
            connect: settings.connect.unwrap_or(base.connect),
            headers,
            missing: settings.missing.clone(),
            ..base
        }
    }

    pub(crate) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    pub(crate) fn set_base_url(&mut self, base_url: String) {
        self.base_url = Some(base_url);
    }

    pub(crate) fn set_connect(&mut self, timeout: Duration) {
        self.connect = timeout;
    }

    pub(crate) fn add_header(&mut self, name: String, value: String) {
        self.headers.push((name, value));
    }

    pub(crate) fn base_url(&self) -> Result<BaseUrl, Error> {
        // Without one nothing is sent there: what is missing is said first.
        self.home.parse(&self.name, self.base_url.as_deref().unwrap_or(self.home.base_url))
    }

    /// The headers of every request, those of the kind among them, and what must never be shown of them.
    pub(crate) fn headers(&self, of_kind: &[(String, String)]) -> Result<(HeaderMap, Mask), Error> {
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
        set(&mut headers, &self.name, of_kind)?;
        set(&mut headers, &self.name, &self.headers)?;
        let mask = Mask::new(secrets).with_headers(&self.headers).into_owned();
        Ok((headers, mask))
    }

    /// What has to be done before this provider can be asked.
    pub(crate) fn missing(&self) -> Option<String> {
        if self.missing.is_some() {
            return self.missing.clone();
        }
        let name = &self.name;
        if self.base_url.is_none() {
            return Some(match self.home.base_url_variable.filter(|_| self.reads_variables) {
                Some(variable) => format!("no base URL: set {variable} or base_url of provider `{name}`"),
                None => format!("no base URL: set base_url of provider `{name}`"),
            });
        }
        if !self.home.key_needed || self.has_key() {
            return None;
        }
        Some(match self.home.key_variables.first().filter(|_| self.reads_variables) {
            Some(variable) => format!("no key: set {variable} or api_key of provider `{name}`"),
            None => format!("no key: set api_key of provider `{name}`, to \"none\" if its server wants none"),
        })
    }

    /// The same account, of which a kind knows what else is missing.
    pub(crate) fn with_missing(self, missing: Option<String>) -> Self {
        Self { missing, ..self }
    }

    /// Whether it is known how to identify oneself, if only as nobody.
    pub(crate) fn has_key(&self) -> bool {
        Credential::of(self.api_key.as_ref()).is_some()
    }

    /// A transport of its own.
    pub(crate) fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        Service::transport(&self.name, &self.base_url()?, self.connect)
    }

    /// The exchange with this account, over this transport.
    pub(crate) fn service(
        &self,
        of_kind: &[(String, String)],
        transport: Arc<dyn Transport>,
    ) -> Result<Service, Error> {
        let (headers, mask) = self.headers(of_kind)?;
        Ok(Service::new(self.name.clone(), self.base_url()?, headers, mask, self.missing(), transport))
    }

    /// What may be shown of it.
    pub(crate) fn show(&self, shown: &mut fmt::DebugStruct<'_, '_>) {
        // A base URL that is still to be checked may hold a password.
        let base_url = self.base_url.as_ref().map(|_| self.base_url());
        let base_url = base_url.as_ref().map(|url| url.as_ref().map_or("(unusable)", BaseUrl::as_str));
        shown
            .field("name", &self.name)
            .field("base_url", &base_url)
            .field("api_key", &self.api_key)
            .field("connect", &self.connect)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("missing", &self.missing());
    }
}

/// The setters that every settings type over HTTP has, on its field `account`.
#[allow(unused_macros, reason = "kinds with accounts of their own have setters of their own")]
macro_rules! account_setters {
    ($precedes:literal) => {
        /// Replaces the name used in routes, which is that of the kind.
        #[must_use]
        pub fn with_name(mut self, name: impl Into<String>) -> Self {
            self.account.set_name(name.into());
            self
        }

        #[doc = concat!("Replaces the base URL: what precedes ", $precedes, ".")]
        #[must_use]
        pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
            self.account.set_base_url(base_url.into());
            self
        }

        /// Replaces the connect timeout of 5 seconds.
        #[must_use]
        pub fn with_connect(mut self, timeout: std::time::Duration) -> Self {
            self.account.set_connect(timeout);
            self
        }

        /// Sends this header with every request.
        #[must_use]
        pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.account.add_header(name.into(), value.into());
            self
        }
    };
}
pub(crate) use account_setters;
