//! From a refusal to an error: phrases of this server, then those that all wires share, then the status. It has no codes.

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited, Server,
    Unsupported,
};
use backstop_core::{Error, ErrorKind, Scope};

use super::config::is_cloud;
use crate::http::{Attempt, ErrorBody, Hint, Refusal, Source, needed_tokens};

/// What stands in the body if a model that Ollama's own servers run wants an account.
const SIGN_IN: &str = "signin_url";

/// What a refusal means. A request that is too large is too long, unless there are images in it.
pub(super) fn of_refusal(attempt: &Attempt<'_>, refusal: &Refusal<'_>, text_only: bool) -> Error {
    let body = ErrorBody::parse(refusal.body, &attempt.mask);
    let by_status = match refusal.status {
        413 if !text_only => BadRequest,
        status => ErrorKind::of_status(status),
    };
    let kind =
        of_phrase(refusal.status, &body).or_else(|| body.narrowed(Some(by_status))).unwrap_or(by_status);
    let sign_in = refusal.body.windows(SIGN_IN.len()).any(|window| window == SIGN_IN.as_bytes());
    let error = error(attempt, kind, &body.message, sign_in);
    let error = with_hint(error, Hint::of(refusal.headers, refusal.now));
    attempt.told(error.with_status(refusal.status), &body, refusal.headers)
}

/// What an error in place of an answer, or of the rest of one, means: the value of its `error`.
pub(super) fn in_reply(source: &Source<'_>, told: &str) -> Error {
    let body = ErrorBody::parse(told.as_bytes(), &source.attempt.mask);
    let kind = of_phrase(source.status, &body).or_else(|| body.narrowed(None)).unwrap_or(Server);
    let error = error(&source.attempt, kind, &body.message, false);
    source.attempt.told(error.with_status(source.status), &body, &source.headers)
}

fn with_hint(error: Error, hint: Hint) -> Error {
    let error = if hint.refuses_comeback { error.without_comeback() } else { error };
    match hint.wait.filter(|_| error.kind().reaction().comeback) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn error(attempt: &Attempt<'_>, kind: ErrorKind, message: &str, sign_in: bool) -> Error {
    let (provider, model, url) = (&attempt.provider, &attempt.model, &attempt.base_url);
    let own = !is_cloud(url);
    let told = match kind {
        ModelNotFound if message.contains("pull") || !own && message.contains("model") => message.to_owned(),
        ModelNotFound if message.contains("model") => {
            format!("{message}: install it with `ollama pull {model}`")
        }
        // A wrong base URL looks like a wrong model; whoever reads this needs both.
        ModelNotFound => format!("the model {model:?} or the base URL {url} is wrong: {message}"),
        ContextLength => format!("{message} (num_ctx of provider `{provider}` sets the window)"),
        Auth if sign_in => format!("{message}: this model runs at ollama.com, sign in with `ollama signin`"),
        _ => message.to_owned(),
    };
    let error = attempt.error(kind, &told);
    match kind {
        ContextLength => match needed_tokens(message) {
            Some(tokens) => error.with_needed_tokens(tokens),
            None => error,
        },
        // The next moment there is as little memory.
        Server if lacks_memory(message) => error.without_comeback(),
        // What Ollama's own servers refuse says nothing of the models on this one.
        Auth if sign_in => error.with_scope(Scope::Target),
        Quota if own => error.with_scope(Scope::Target),
        _ => error,
    }
}

/// What comes in a stream has the status of its beginning.
const STREAMED: u16 = 200;

/// Phrases count under the statuses they come with, and nowhere else.
const PHRASES: &[(&[u16], &[&str], ErrorKind)] = &[
    (
        &[400, STREAMED],
        &["only supports one image", "image generation models are not currently supported"],
        Unsupported,
    ),
    (&[400], &["cannot run this remote model"], Forbidden),
    (&[429, STREAMED], &["usage limit", "upgrade for higher limits", "upgrade to continue"], Quota),
    (&[429, 500, 503, STREAMED], &["concurrent request"], RateLimited),
    (&[500, 503, STREAMED], &["server busy"], Overloaded),
];

fn of_phrase(status: u16, body: &ErrorBody) -> Option<ErrorKind> {
    let words = body.words();
    let rule =
        PHRASES.iter().find(|(statuses, phrases, _)| statuses.contains(&status) && words.say(phrases))?;
    Some(rule.2)
}

fn lacks_memory(message: &str) -> bool {
    message.contains("requires more system memory")
}
