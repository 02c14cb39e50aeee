//! Moonshot AI: Kimi. Key in `MOONSHOT_API_KEY`; the platform in China has a base URL and keys of its own,
//! `https://api.moonshot.cn/v1`.
//!
//! Chat in one piece and streamed, tools, images in base64, JSON, JSON of a schema, reasoning. There are neither text
//! completion nor embeddings. The seed is not sent. After a call of tools a thinking model wants its thoughts back: they
//! travel as sealed parts of the answer; calls that somebody else made go with blank ones.

use backstop_core::ErrorKind::{Auth, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Unsupported};
use backstop_core::{Kind, Secret};

use crate::dialect::{self, Dialect, DialectConfig, Limit, Quirks, Resent, Takes, Thinking, Words};

/// The name of this kind.
pub const NAME: &str = "moonshot";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "kimi-k2.6";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://api.moonshot.ai/v1",
    key_variables: &["MOONSHOT_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    takes: Takes {
        strict_tools: false,
        parallel_tool_calls: false,
        image_urls: false,
        limit: Limit::MaxCompletionTokens,
        // There is nothing between little and much.
        thinking: Thinking::Switch(Words { medium: "high", ..Words::FROM_LOW }),
        seed: false,
        resent: Resent::Thoughts,
        ..Takes::COMMON
    },
    errors: Quirks {
        words: &[
            (&[], &["exceeded_current_quota_error"], Quota),
            (&[], &["engine_overloaded_error"], Overloaded),
            (&[], &["rate_limit_reached_error"], RateLimited),
            (&[], &["invalid_authentication_error"], Auth),
            (&[], &["permission_denied_error"], Forbidden),
            (&[], &["resource_not_found_error"], ModelNotFound),
        ],
        phrases: &[
            // Some models cannot be made to call tools while they think, or take one temperature only.
            (&[400], &["tool_choice", "is allowed for this model"], Unsupported),
        ],
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// Moonshot AI with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
