//! Refusals: of which kind each is, and what it says about coming back.

use std::time::{Duration, SystemTime};

use backstop_core::ErrorKind::{
    Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited,
    Server, Unsupported,
};
use backstop_core::{Error, ErrorKind};

use super::say::{HintForm, Reply, Say};
use super::stage::{Case, Stage, Verdict, case, ensure, question, serves};
use super::{Place, stage};
use crate::server::refused_url;

pub(super) const CASES: &[Case] = &[
    case!("a rate limit", rate_limited),
    case!("a quota that is used up", quota),
    case!("an overload", overloaded),
    case!("a server error", server_error),
    case!("a key that is refused", auth),
    case!("access that is denied", forbidden),
    case!("a model that does not exist", model_not_found),
    case!("a prompt that is too long", context_length),
    case!("a prompt that a filter refuses", content_filter),
    case!("a request that is wrong", bad_request),
    case!("a parameter that is not supported", unsupported),
    case!("a hint in seconds", seconds),
    case!("a hint in fractions of a second", float),
    case!("a hint in milliseconds", millis),
    case!("a hint as a date", date),
    case!("a hint in the provider's own way", own),
    case!("an answer that a filter withheld", filtered),
    case!("an error under the status 200", in_chat),
    case!("an error at the beginning of a stream", in_stream),
    case!("an error in mid-stream", after_content),
    case!("statuses without a body to read", bare_statuses),
    case!("a redirect is not followed", redirect),
    case!("nobody listens", nobody_listens),
    case!("a missing key costs no request", missing_key),
];

async fn rate_limited(stage: &Stage<'_>) -> Verdict {
    refused(stage, RateLimited).await
}

async fn quota(stage: &Stage<'_>) -> Verdict {
    refused(stage, Quota).await
}

async fn overloaded(stage: &Stage<'_>) -> Verdict {
    refused(stage, Overloaded).await
}

async fn server_error(stage: &Stage<'_>) -> Verdict {
    refused(stage, Server).await
}

async fn auth(stage: &Stage<'_>) -> Verdict {
    refused(stage, Auth).await
}

async fn forbidden(stage: &Stage<'_>) -> Verdict {
    refused(stage, Forbidden).await
}

async fn model_not_found(stage: &Stage<'_>) -> Verdict {
    refused(stage, ModelNotFound).await
}

async fn context_length(stage: &Stage<'_>) -> Verdict {
    refused(stage, ContextLength).await
}

async fn content_filter(stage: &Stage<'_>) -> Verdict {
    refused(stage, ContentFilter).await
}

async fn bad_request(stage: &Stage<'_>) -> Verdict {
    refused(stage, BadRequest).await
}

async fn unsupported(stage: &Stage<'_>) -> Verdict {
    refused(stage, Unsupported).await
}

/// A refusal of this kind is an error of this kind, in one piece and as a stream, and asked for once.
async fn refused(stage: &Stage<'_>, kind: ErrorKind) -> Verdict {
    stage.needs("chat", |able| able.chat || able.chat_stream)?;
    let reply = stage.spell(&Say::Error(kind))?;
    for error in both(stage, &reply).await? {
        ensure!(error.kind() == kind, "told as {:?}: {error}", error.kind());
        ensure!(error.status() == Some(reply.status), "the status is told as {:?}", error.status());
    }
    Ok(())
}

/// The errors that this response comes to in each way to ask for a chat; each after one request.
async fn both(stage: &Stage<'_>, reply: &Reply) -> Result<Vec<Error>, stage::Unkept> {
    let able = stage.able();
    let mut errors = Vec::new();
    if able.chat {
        let server = serves(reply);
        match stage.chat(&server, &question()).await {
            Err(error) => errors.push(error),
            Ok(answer) => return Err(format!("in one piece it passed as an answer: {answer:?}").into()),
        }
        ensure!(server.hits() == 1, "{} requests were sent", server.hits());
    }
    if able.chat_stream {
        let server = serves(reply);
        match stage.stream(&server, &question()).await.and_then(stage::Heard::whole) {
            Err(error) => errors.push(error),
            Ok(heard) => return Err(format!("streamed, it passed as an answer: {:?}", heard.reply).into()),
        }
        ensure!(server.hits() == 1, "{} requests were sent for a stream", server.hits());
    }
    for error in &errors {
        let provider = stage.provider(&serves(reply));
        ensure!(error.provider() == Some(provider.name()), "the provider is told as {:?}", error.provider());
        ensure!(error.model() == Some(stage.subject.model()), "the model is told as {:?}", error.model());
        ensure!(!error.to_string().contains('\n'), "the error has several lines: {error}");
    }
    Ok(errors)
}

async fn seconds(stage: &Stage<'_>) -> Verdict {
    hinted(stage, HintForm::Seconds(7), 7.0..=7.0).await
}

async fn float(stage: &Stage<'_>) -> Verdict {
    hinted(stage, HintForm::Float(1.5), 1.49..=1.51).await
}

async fn millis(stage: &Stage<'_>) -> Verdict {
    hinted(stage, HintForm::Millis(1500), 1.49..=1.51).await
}

async fn date(stage: &Stage<'_>) -> Verdict {
    let soon = SystemTime::now() + Duration::from_secs(90);
    hinted(stage, HintForm::Date(soon), 60.0..=90.0).await
}

async fn own(stage: &Stage<'_>) -> Verdict {
    hinted(stage, HintForm::Own(11), 11.0..=11.0).await
}

async fn hinted(stage: &Stage<'_>, form: HintForm, within: std::ops::RangeInclusive<f64>) -> Verdict {
    stage.needs("chat", |able| able.chat || able.chat_stream)?;
    let reply = stage.spell(&Say::Limited(form))?;
    for error in both(stage, &reply).await? {
        ensure!(error.kind() == RateLimited, "told as {:?}: {error}", error.kind());
        let told = error.retry_after().map(|wait| wait.as_secs_f64());
        ensure!(told.is_some_and(|wait| within.contains(&wait)), "{form:?} is read as {told:?}");
    }
    Ok(())
}

async fn filtered(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Filtered)?;
    match stage.chat(&server, &question()).await {
        Err(error) if error.kind() == ContentFilter => Ok(()),
        Err(error) => Err(format!("told as {:?}: {error}", error.kind()).into()),
        Ok(reply) => Err(format!("it passed as an answer: {reply:?}").into()),
    }
}

async fn in_chat(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::ErrorInChat)?;
    match stage.chat(&server, &question()).await {
        Err(error) => {
            ensure!(
                error.kind() != RateLimited,
                "a status of 200 and no word of it is no rate limit: {error}"
            );
            Ok(())
        }
        Ok(reply) => Err(format!("it passed as an answer: {reply:?}").into()),
    }
}

async fn in_stream(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let server = stage.server(&Say::ErrorInStream)?;
    let Ok(told) = stage.stream(&server, &question()).await else { return Ok(()) };
    ensure!(
        !told.events.iter().any(backstop_core::chat::ChatEvent::is_content),
        "there was content before it"
    );
    ensure!(told.error.is_some() && !told.ended, "it passed as an answer: {:?}", told.reply);
    Ok(())
}

async fn after_content(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let server = stage.server(&Say::ErrorAfter("Because of".to_owned()))?;
    let told = stage.stream(&server, &question()).await.map_err(stage::unexpected)?;
    ensure!(told.reply.text == "Because of", "the text before the error is {:?}", told.reply.text);
    ensure!(told.error.is_some() && !told.ended, "the error was not told: {:?}", told.events);
    Ok(())
}

async fn bare_statuses(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat", |able| able.chat || able.chat_stream)?;
    for (status, kinds) in [
        (401, &[Auth][..]),
        (404, &[ModelNotFound]),
        (429, &[RateLimited]),
        (500, &[Server]),
        (502, &[Server]),
        (503, &[Overloaded]),
        (504, &[ErrorKind::Timeout]),
    ] {
        for body in ["", "<html><head><title>nginx</title></head></html>", "null", "{\"error\":"] {
            let reply = Reply::new(status, "text/html", body);
            for error in both(stage, &reply).await? {
                ensure!(
                    kinds.contains(&error.kind()),
                    "{status} {body:?} is told as {:?}: {error}",
                    error.kind()
                );
            }
        }
    }
    Ok(())
}

async fn redirect(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat", |able| able.chat || able.chat_stream)?;
    let elsewhere = serves(&Reply::json(200, "{}"));
    let reply = Reply::json(307, "{}").header("location", elsewhere.origin());
    for error in both(stage, &reply).await? {
        ensure!(error.kind() == ErrorKind::BadReply, "told as {:?}: {error}", error.kind());
    }
    ensure!(elsewhere.hits() == 0, "it was followed, with the key");
    Ok(())
}

async fn nobody_listens(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let nowhere = refused_url();
    let place = Place { origin: nowhere.trim_end_matches("/v1"), key: Some(stage::KEY) };
    let provider = stage.subject.provider(&place);
    match stage::in_time(provider.chat(stage.ask(), &question())).await {
        Err(error) if error.kind() == ErrorKind::Connect => Ok(()),
        Err(error) => Err(format!("told as {:?}: {error}", error.kind()).into()),
        Ok(_) => Err("nobody answered, and yet there is an answer".to_owned().into()),
    }
}

async fn missing_key(stage: &Stage<'_>) -> Verdict {
    let server = serves(&Reply::json(200, "{}"));
    let provider = stage.subject.provider(&Place { origin: &server.origin(), key: None });
    let able = provider.capabilities(stage.subject.model());
    let Some(missing) = able.missing else {
        return Err(stage::Unkept::Skip("it works without a key, as it declares".to_owned()));
    };
    match stage::in_time(provider.chat(stage.ask(), &question())).await {
        Err(error) if matches!(error.kind(), ErrorKind::NotConfigured | Unsupported) => {}
        Err(error) => return Err(format!("told as {:?}: {error}", error.kind()).into()),
        Ok(_) => return Err("it was answered without a key".to_owned().into()),
    }
    ensure!(server.hits() == 0, "a request was sent without a key");
    ensure!(missing.len() > 5, "what is missing is told as {missing:?}");
    Ok(())
}
