//! Azure OpenAI: OpenAI's models at a resource of your own.
//!
//! The model of a target is the name of your deployment, so there is no default one. Chat in one piece and streamed, text
//! completion, embeddings; tools, images, JSON, JSON of a schema and reasoning, as far as the model behind it goes.
//!
//! | setting | variable | |
//! |---|---|---|
//! | `base_url` | `AZURE_OPENAI_ENDPOINT` | the resource, `https://NAME.openai.azure.com`; `/openai/…` is appended |
//! | `api_key` | `AZURE_OPENAI_API_KEY` | sent as `api-key` |
//! | `token` | | whether `api_key` is a token of Entra ID, sent as `Authorization: Bearer`; such a token ends after an hour or so |
//! | | `AZURE_OPENAI_AD_TOKEN` | a token of Entra ID, before the key of the environment |
//! | `api_version` | `OPENAI_API_VERSION` | left out, `v1` or `preview`: the v1 API; a date such as `2024-10-21`: URLs with the deployment in them |
//! | `headers`, `stream_usage`, `connect` | | as of all kinds of this wire |
//!
//! The variables belong together: they count if the settings state no base URL, that of the environment, or one of Azure's
//! own hosts while the environment states none.
//!
//! A prompt that the filter refuses is a `ContentFilter` error (400), an answer that it cuts, too; in a stream that is its
//! finish reason. The id for support is `apim-request-id`.

use std::sync::Arc;

use backstop_core::ErrorKind::{ContentFilter, Forbidden, ModelNotFound, Overloaded, Quota, Unsupported};
use backstop_core::{Error, ErrorKind, Kind, KindOption, Secret, Settings, Shape};

use crate::dialect::{
    Dialect, DialectConfig, DialectProvider, HEADERS, Limit, Paths, Quirks, STREAM_USAGE, Takes, Thinking,
    Words,
};
use crate::http::{KeyHeader, Place};
use crate::options::Options;

/// The name of this kind.
pub const NAME: &str = "azure";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://your-resource.openai.azure.com",
    place: Place::Own(&[".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"]),
    base_url_variable: Some("AZURE_OPENAI_ENDPOINT"),
    key_variables: &["AZURE_OPENAI_API_KEY", TOKEN_VARIABLE],
    key_header: KeyHeader::Named("api-key"),
    paths: V1,
    appended: &["/openai", "/openai/v1", "/openai/deployments", "/chat/completions"],
    options: &[
        KindOption::new(
            "api_version",
            Shape::Text,
            "A date for URLs with the deployment in them, \"preview\" or \"v1\"; else OPENAI_API_VERSION, else v1.",
        ),
        KindOption::new("token", Shape::Flag, "Whether api_key is a token of Entra ID; else false."),
        HEADERS,
        STREAM_USAGE,
    ],
    takes: Takes {
        argument_objects: false,
        limit: Limit::MaxCompletionTokens,
        thinking: Thinking::Effort(Words::ALL),
        suffix: true,
        base64: true,
        embed_batch: Some(2048),
        embed_tokens: Some(300_000),
        ..Takes::COMMON
    },
    errors: Quirks {
        words_at: &["/error/innererror/code", "/error/inner_error/code"],
        words: &[
            (&[], &["ResponsibleAIPolicyViolation"], ContentFilter),
            (&[], &["DeploymentNotFound", "DeploymentNotAvailable", "ModelDeprecated"], ModelNotFound),
            (&[], &["OperationNotSupported"], Unsupported),
            (&[], &["PermissionDenied"], Forbidden),
            (&[], &["NoCapacity"], Overloaded),
        ],
        phrases: &[
            (&[400], &["operation does not work with the specified model"], Unsupported),
            (&[401], &["principal lacks"], Forbidden),
            (&[429], &["high demand", "is overloaded"], Overloaded),
            (&[429], &["exceeded your quota"], Quota),
        ],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

const TOKEN_VARIABLE: &str = "AZURE_OPENAI_AD_TOKEN";
const VERSION_VARIABLES: [&str; 2] = ["OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"];

const V1: Paths = Paths {
    chat: "/openai/v1/chat/completions",
    complete: Some("/openai/v1/completions"),
    embed: Some("/openai/v1/embeddings"),
};

const CLASSIC: Paths = Paths {
    chat: "/openai/deployments/{model}/chat/completions",
    complete: Some("/openai/deployments/{model}/completions"),
    embed: Some("/openai/deployments/{model}/embeddings"),
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    Kind::new(NAME, |settings| Ok(Arc::new(DialectProvider::new(from_settings(&settings)?)?)))
        .with_key_envs(DIALECT.key_variables)
        .with_options(DIALECT.options)
}

/// The resource at this endpoint with this key, for a [`DialectProvider`].
#[must_use]
pub fn config(endpoint: impl Into<String>, api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into())).with_base_url(endpoint)
}

/// As [`config`], with a token of Entra ID in place of a key.
#[must_use]
pub fn config_with_token(endpoint: impl Into<String>, token: impl Into<Secret>) -> DialectConfig {
    let mut config = config(endpoint, token);
    config.account.key_header = KeyHeader::Bearer;
    config
}

/// The same at another version of the API than v1.
///
/// # Errors
/// `Config` if no version can be called so.
pub fn at_version(mut config: DialectConfig, api_version: &str) -> Result<DialectConfig, Error> {
    if api_version.is_empty() || !api_version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        let message = format!("{api_version:?} is no api_version; a good one is 2024-10-21");
        return Err(Error::new(ErrorKind::Config, message));
    }
    let is_date = api_version.starts_with(|c: char| c.is_ascii_digit());
    config.paths = if is_date { CLASSIC } else { V1 };
    config.query = (api_version != "v1").then(|| format!("api-version={api_version}"));
    Ok(config)
}

fn from_settings(settings: &Settings) -> Result<DialectConfig, Error> {
    let mut options = Options::of(settings, DIALECT.options)?;
    let version = options.text("api_version")?;
    let is_token = options.flag("token")?.unwrap_or(false);
    let own = DIALECT.home().is_for_variables(settings);
    let mut config = DialectConfig::from_options(&DIALECT, settings, options)?;
    let variable = |name: &str| settings.env.var(name).filter(|_| own);
    if is_token {
        config.account.key_header = KeyHeader::Bearer;
    } else if let (None, Some(token)) = (&settings.api_key, variable(TOKEN_VARIABLE)) {
        config = config.with_api_key(token);
        config.account.key_header = KeyHeader::Bearer;
    }
    match version.or_else(|| VERSION_VARIABLES.iter().find_map(|name| variable(name))) {
        Some(version) => at_version(config, &version),
        None => Ok(config),
    }
}
