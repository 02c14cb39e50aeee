//! Answers that break off, say nothing, or are something else.

use backstop_core::ErrorKind;

use super::say::{Reply, Said, Say};
use super::stage::{
    Case, Heard, Stage, Verdict, case, ensure, hear, question, serves, serves_in, serves_pieces,
};
use crate::server::{RawServer, Script, SseEnding};

pub(super) const CASES: &[Case] = &[
    case!("a stream that ends early is never a short answer", ends_early),
    case!("a stream that is reset is never a short answer", reset),
    case!("a stream without a word", empty_stream),
    case!("an answer cut off in one piece", cut_off),
    case!("an empty body, a page, garbage in place of an answer", something_else),
    case!("an answer without text", empty_answer),
    case!("a server that hangs up", hangs_up),
];

fn said() -> Said {
    Said { text: "one two three four five six".to_owned(), usage: (9, 6), ..Said::default() }
}

async fn ends_early(stage: &Stage<'_>) -> Verdict {
    broken_off(stage, SseEnding::Clean).await
}

async fn reset(stage: &Stage<'_>) -> Verdict {
    broken_off(stage, SseEnding::Reset).await
}

/// Sends a part of a stream: an end may only be told where all of the text has come.
async fn broken_off(stage: &Stage<'_>, ending: SseEnding) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let reply = stage.spell(&Say::ChatStream(said()))?;
    let length = reply.body.len();
    // A reset takes its time, so only some places of many.
    let step = if ending == SseEnding::Clean { 1 } else { (length / 16).max(1) };
    let server = serves_pieces(&reply, ending, move |number, body| {
        vec![body.iter().take(number * step).copied().collect()]
    });
    // One provider for all: a connection that ends well is kept.
    let provider = stage.provider(&server);
    for sent in (0..length).step_by(step) {
        match hear(provider.as_ref(), stage.ask(), &question()).await.and_then(Heard::whole) {
            Ok(heard) if !heard.ended => {
                return Err(format!("after {sent} of {length} bytes the stream ended without a word").into());
            }
            Ok(heard) if heard.reply.text != said().text => {
                return Err(
                    format!("after {sent} of {length} bytes it passed as {:?}", heard.reply.text).into()
                );
            }
            Ok(_) => {}
            Err(error) => ensure!(
                matches!(error.kind(), ErrorKind::BadReply | ErrorKind::Server | ErrorKind::Connect),
                "after {sent} of {length} bytes it is told as {:?}: {error}",
                error.kind()
            ),
        }
    }
    let half = reply.body.get(..length / 2).unwrap_or_default();
    let heard = stage.stream(&serves_in(&reply, [half], ending), &question()).await.and_then(Heard::whole);
    ensure!(heard.is_err(), "half a stream passed as an answer");
    Ok(())
}

async fn empty_stream(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let reply = stage.spell(&Say::ChatStream(said()))?;
    for body in ["", "\n", ": hello\n\n"] {
        let server = serves_in(&reply, [body.as_bytes()], SseEnding::Clean);
        let heard = stage.stream(&server, &question()).await.and_then(Heard::whole);
        let Err(error) = heard else { return Err(format!("{body:?} passed as an answer").into()) };
        ensure!(error.kind() == ErrorKind::BadReply, "{body:?} is told as {:?}: {error}", error.kind());
    }
    Ok(())
}

async fn cut_off(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let reply = stage.spell(&Say::Chat(said()))?;
    for sent in [0, 1, reply.body.len() / 2, reply.body.len() - 1] {
        for script in [Script::cut_body(&reply.body, sent), Script::cut_chunked(&reply.body, sent)] {
            let server = RawServer::start([script]);
            match stage.chat(&server, &question()).await {
                Err(error) if error.kind() == ErrorKind::BadReply => {}
                Err(error) => {
                    return Err(format!("{sent} bytes are told as {:?}: {error}", error.kind()).into());
                }
                Ok(_) => return Err(format!("{sent} bytes passed as an answer").into()),
            }
            ensure!(server.hits() == 1, "{} requests were sent", server.hits());
        }
    }
    Ok(())
}

async fn something_else(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    for body in
        ["", "null", "[]", "{}", "42", "\"text\"", "<html>hello</html>", "{\"choices\":[", "\u{0}\u{1}"]
    {
        for error in both(stage, &Reply::json(200, body)).await? {
            let kind = error.kind();
            ensure!(
                matches!(kind, ErrorKind::BadReply | ErrorKind::Server),
                "{body:?} is told as {kind:?}: {error}"
            );
        }
    }
    Ok(())
}

async fn both(stage: &Stage<'_>, reply: &Reply) -> Result<Vec<backstop_core::Error>, String> {
    let passed = || format!("{:?} passed as an answer", String::from_utf8_lossy(&reply.body));
    let mut errors = Vec::new();
    errors.extend(Some(stage.chat(&serves(reply), &question()).await.map(drop).err().ok_or_else(passed)?));
    if stage.able().chat_stream {
        let heard = stage.stream(&serves(reply), &question()).await.and_then(Heard::whole);
        errors.extend(Some(heard.map(drop).err().ok_or_else(passed)?));
    }
    Ok(errors)
}

async fn empty_answer(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Chat(Said { text: String::new(), ..said() }))?;
    match stage.chat(&server, &question()).await {
        Err(error) if error.kind() == ErrorKind::BadReply => Ok(()),
        Err(error) => Err(format!("told as {:?}: {error}", error.kind()).into()),
        Ok(reply) => Err(format!("it passed as an answer: {reply:?}").into()),
    }
}

async fn hangs_up(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    for script in [
        Script::closes_before_headers(),
        Script::resets_before_headers(),
        Script::resets_after_headers(),
        Script::garbage(),
    ] {
        let server = RawServer::start([script.clone()]);
        match stage.chat(&server, &question()).await {
            Err(error) if matches!(error.kind(), ErrorKind::BadReply | ErrorKind::Connect) => {}
            Err(error) => return Err(format!("{script:?} is told as {:?}: {error}", error.kind()).into()),
            Ok(_) => return Err(format!("{script:?} passed as an answer").into()),
        }
        ensure!(server.hits() == 1, "{} requests were sent", server.hits());
    }
    Ok(())
}
