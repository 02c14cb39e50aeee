//! The settings of a dialect, and what of them comes from the environment.

use std::fmt;

use backstop_core::{Env, Error, Secret, Settings};

use super::dialect::{Dialect, Paths};
use crate::http::{Account, account_setters};
use crate::options::Options;

/// What a [`DialectProvider`](super::DialectProvider) is built from. Each kind has functions that begin one.
#[derive(Clone)]
pub struct DialectConfig {
    pub(super) dialect: &'static Dialect,
    pub(crate) account: Account,
    pub(crate) paths: Paths,
    /// What stands behind the question mark of every URL.
    pub(crate) query: Option<String>,
    /// Settings that are headers, by the name of the header.
    scopes: Vec<(&'static str, String)>,
    pub(super) stream_usage: bool,
}

impl DialectConfig {
    /// The service itself, with this key. The environment plays no part.
    pub(crate) fn new(dialect: &'static Dialect, api_key: Option<Secret>) -> Self {
        Self::of(dialect, Account::new(dialect.home(), api_key))
    }

    fn of(dialect: &'static Dialect, account: Account) -> Self {
        Self {
            dialect,
            account,
            paths: dialect.paths,
            query: None,
            scopes: Vec::new(),
            stream_usage: dialect.takes.stream_usage,
        }
    }

    /// What the environment says.
    pub(crate) fn from_env(dialect: &'static Dialect, env: &Env) -> Self {
        let scopes = Self::scopes_in(dialect, env);
        Self { scopes, ..Self::of(dialect, Account::from_env(dialect.home(), env)) }
    }

    fn scopes_in(dialect: &'static Dialect, env: &Env) -> Vec<(&'static str, String)> {
        let stated =
            |option: &super::dialect::HeaderOption| Some((option.header, env.var(option.variable?)?));
        dialect.headers.iter().filter_map(stated).collect()
    }

    /// What a config file says, completed by the environment.
    pub(crate) fn from_settings(dialect: &'static Dialect, settings: &Settings) -> Result<Self, Error> {
        Self::from_options(dialect, settings, Options::of(settings, dialect.options)?)
    }

    /// As [`from_settings`](Self::from_settings); options that only this kind has may have been taken out already.
    ///
    /// Settings that are headers count as a key from the environment does.
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
        let account = Account::from_settings(dialect.home(), settings, headers);
        let mut config = Self::of(dialect, account);
        if dialect.home().is_for_variables(settings) {
            config.scopes = Self::scopes_in(dialect, &settings.env);
        }
        for (header, text) in scopes {
            config.set_scope(header, text);
        }
        config.stream_usage = stream_usage.unwrap_or(config.stream_usage);
        Ok(config)
    }

    account_setters!("the paths of the wire");

    /// Replaces the key; `"none"` sends none.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.account.api_key = Some(api_key.into());
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

    /// The settings that are headers.
    pub(super) fn headers_of_kind(&self) -> Vec<(String, String)> {
        self.scopes.iter().map(|(header, text)| ((*header).to_owned(), text.clone())).collect()
    }

    pub(crate) fn fmt(&self, type_name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(type_name);
        self.account.show(&mut shown);
        shown.field("scopes", &self.scopes).field("stream_usage", &self.stream_usage).finish_non_exhaustive()
    }
}

impl fmt::Debug for DialectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt("DialectConfig", f)
    }
}
