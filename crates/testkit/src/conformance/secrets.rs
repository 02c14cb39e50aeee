//! The key is sent, and shown nowhere.

use std::error::Error as _;

use backstop_core::{Error, Overrides};
use serde_json::json;

use super::say::Reply;
use super::stage::{Case, Heard, KEY, Stage, Verdict, case, ensure, hear, in_time, question, serves};

pub(super) const CASES: &[Case] = &[
    case!("a server that repeats the key does not bring it into an error", repeated),
    case!("the key is in no URL and no Debug", shown),
];

/// A key that a target sends in a header of its own.
const TARGET_KEY: &str = "target/own+key=";

async fn repeated(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat", |able| able.chat || able.chat_stream)?;
    let echo = format!("got {KEY} and {TARGET_KEY}");
    let bodies = [
        json!({ "error": { "message": echo, "type": KEY, "code": KEY, "status": KEY } }).to_string(),
        json!({ "message": echo }).to_string(),
        json!({ "error": echo }).to_string(),
        format!("<html><title>{echo}</title>{echo}</html>"),
        format!("data: {{\"error\":{{\"message\":\"{echo}\"}}}}\n\n"),
        echo,
    ];
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-api-key-of-target".to_owned(), TARGET_KEY.to_owned()));
    let ask = stage.ask().with_overrides(&overrides);
    for status in [200, 302, 400, 401, 403, 404, 429, 500, 503] {
        for body in &bodies {
            let reply = Reply::json(status, body)
                .header("x-request-id", format!("req-{KEY}"))
                .header("location", format!("http://{KEY}@127.0.0.1:9/?key={KEY}"));
            let server = serves(&reply);
            let provider = stage.provider(&server);
            if stage.able().chat
                && let Err(error) = in_time(provider.chat(ask, &question())).await
            {
                silent(&error, status, body)?;
            }
            if stage.able().chat_stream
                && let Err(error) = hear(provider.as_ref(), ask, &question()).await.and_then(Heard::whole)
            {
                silent(&error, status, body)?;
            }
        }
    }
    Ok(())
}

fn silent(error: &Error, status: u16, body: &str) -> Result<(), String> {
    let mut shown = format!("{error} {error:?} {:?} {:?}", error.request_id(), error.message());
    let mut cause = error.source();
    while let Some(inner) = cause {
        shown.push_str(&format!(" {inner} {inner:?}"));
        cause = inner.source();
    }
    if shown.contains(KEY) || shown.contains(TARGET_KEY) {
        return Err(format!("{status} {body}: a key is shown: {shown}"));
    }
    Ok(())
}

async fn shown(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = serves(&Reply::json(500, "{}"));
    let provider = stage.provider(&server);
    let debug = format!("{provider:?} {provider:#?}");
    ensure!(!debug.contains(KEY), "the key is in the Debug of the provider: {debug}");
    // What comes back does not matter here.
    let _ = in_time(provider.chat(stage.ask(), &question())).await;
    let requests = server.requests();
    ensure!(!requests.is_empty(), "nothing was sent");
    for request in requests {
        ensure!(!request.path.contains(KEY), "the key is in the URL: {}", request.path);
    }
    Ok(())
}
