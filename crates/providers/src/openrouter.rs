//! OpenRouter: many services behind one key, in `OPENROUTER_API_KEY`.
//!
//! Chat in one piece and streamed, tools, images, JSON, JSON of a schema, reasoning, embeddings. What a service behind it
//! would drop in silence is refused instead: every chat says `"provider": {"require_parameters": true}`, unless `extra_body`
//! of the target says otherwise. Sealed thoughts go back to the model they are from.
//!
//! The settings `referer` and `title` tell which program asks. Errors of the services behind it come with the status 200.

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, Overloaded, Quota, RateLimited, Server,
    Timeout, Unsupported,
};
use backstop_core::{Kind, KindOption, Secret, Shape};

use crate::dialect::{
    self, Dialect, DialectConfig, Gives, HEADERS, HeaderOption, Paths, Quirks, Resent, STREAM_USAGE, Takes,
    Thinking, Words,
};

/// The name of this kind.
pub const NAME: &str = "openrouter";

/// The model to ask when the user names none.
pub const DEFAULT_MODEL: &str = "openrouter/auto";

static DIALECT: Dialect = Dialect {
    name: NAME,
    base_url: "https://openrouter.ai/api/v1",
    key_variables: &["OPENROUTER_API_KEY"],
    default_model: Some(DEFAULT_MODEL),
    paths: Paths::CHAT_AND_EMBED,
    options: &[
        KindOption::new(
            "referer",
            Shape::Text,
            "The address of the program that asks, for OpenRouter's lists.",
        ),
        KindOption::new("title", Shape::Text, "The name of the program that asks, for OpenRouter's lists."),
        HEADERS,
        STREAM_USAGE,
    ],
    headers: &[
        HeaderOption { option: "referer", header: "http-referer", variable: None },
        HeaderOption { option: "title", header: "x-title", variable: None },
    ],
    takes: Takes {
        thinking: Thinking::Object(Words::ALL),
        stream_usage: false,
        resent: Resent::Details,
        always: &[("provider", r#"{"require_parameters":true}"#)],
        ..Takes::COMMON
    },
    gives: Gives { failures: &[("error", Server)], ..Gives::COMMON },
    errors: Quirks {
        words_at: &["/error/metadata/error_type"],
        words: &[
            (&[], &["max_tokens_exceeded", "token_limit_exceeded", "string_too_long"], ContextLength),
            (&[], &["context_length_exceeded"], ContextLength),
            (&[], &["authentication"], Auth),
            (&[], &["permission_denied"], Forbidden),
            (&[], &["payment_required"], Quota),
            (&[], &["rate_limit_exceeded"], RateLimited),
            (&[], &["provider_overloaded"], Overloaded),
            (&[], &["provider_unavailable", "server", "unmapped"], Server),
            (&[], &["timeout"], Timeout),
            (&[], &["payload_too_large", "precondition_failed", "unprocessable"], BadRequest),
            (&[], &["content_policy_violation", "refusal"], ContentFilter),
        ],
        phrases: &[
            (&[403], &["flagged", "moderation"], ContentFilter),
            (&[404], &["no endpoints found that"], Unsupported),
        ],
        reset_header: Some("x-ratelimit-reset"),
        hinted_quota_passes: true,
        ..Quirks::NONE
    },
    ..Dialect::COMMON
};

/// The kind, for a [`Registry`](backstop_core::Registry) of your own.
#[must_use]
pub fn kind() -> Kind {
    dialect::kind(&DIALECT)
}

/// OpenRouter with this key, for a [`DialectProvider`](crate::dialect::DialectProvider).
#[must_use]
pub fn config(api_key: impl Into<Secret>) -> DialectConfig {
    DialectConfig::new(&DIALECT, Some(api_key.into()))
}
