//! Whoever leaves is gone, and nobody's answer fills the memory.

use std::future::poll_fn;

use backstop_core::ErrorKind;
use backstop_core::chat::ChatEvent;

use super::say::{Said, Say};
use super::stage::{
    Case, Heard, LATE, Stage, Verdict, case, ensure, in_time, question, serves_in, unexpected,
};
use crate::server::{RawServer, Script, SseEnding};

pub(super) const CASES: &[Case] = &[
    case!("dropping a call closes its connection", dropped_call),
    case!("dropping a stream closes its connection", dropped_stream),
    case!("an answer without end is given up", endless_answer),
    case!("a line of a stream without end is given up", endless_line),
    case!("an error without end is told by its status", endless_error),
];

/// More than any bound, and what the kernel holds beside.
const MOST: u64 = 96 << 20;

async fn dropped_call(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    for script in [Script::silent(), Script::silent_after_headers()] {
        let server = RawServer::start([script]);
        let provider = stage.provider(&server);
        let request = question();
        {
            let call = provider.chat(stage.ask(), &request);
            tokio::select! {
                outcome = call => return Err(format!("there was no answer, and yet {outcome:?}").into()),
                asked = server.wait_for_hits(1, LATE) => ensure!(asked, "nothing was sent"),
            }
        }
        ensure!(server.wait_until_closed(LATE).await, "the connection stays open");
    }
    Ok(())
}

async fn dropped_stream(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let said = Said { text: "one two three four five six".to_owned(), usage: (9, 6), ..Said::default() };
    let reply = stage.spell(&Say::ChatStream(said))?;
    let half = reply.body.get(..reply.body.len() * 3 / 4).unwrap_or_default();
    let server = serves_in(&reply, [half], SseEnding::Stall);
    let provider = stage.provider(&server);
    let request = question();
    let first = async {
        let mut stream = provider.chat_stream(stage.ask(), &request).await?;
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            if matches!(event?, ChatEvent::Text(text) if !text.is_empty()) {
                break;
            }
        }
        Ok(stream)
    };
    let stream = in_time(first).await.map_err(unexpected)?;
    ensure!(server.open_connections() == 1, "the connection was closed in mid-stream");
    drop(stream);
    ensure!(server.wait_until_closed(LATE).await, "the connection stays open");
    Ok(())
}

async fn endless_answer(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = RawServer::start([Script::endless_body(200)]);
    match stage.chat(&server, &question()).await {
        Err(error) if error.kind() == ErrorKind::BadReply => {}
        Err(error) => return Err(format!("told as {:?}: {error}", error.kind()).into()),
        Ok(_) => return Err("it passed as an answer".to_owned().into()),
    }
    ensure!(server.bytes_sent() < MOST, "{} bytes were read", server.bytes_sent());
    Ok(())
}

async fn endless_line(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let server = RawServer::start([Script::endless_line()]);
    let Err(error) = stage.stream(&server, &question()).await.and_then(Heard::whole) else {
        return Err("it passed as an answer".to_owned().into());
    };
    ensure!(error.kind() == ErrorKind::BadReply, "told as {:?}: {error}", error.kind());
    ensure!(server.bytes_sent() < MOST, "{} bytes were read", server.bytes_sent());
    Ok(())
}

async fn endless_error(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = RawServer::start([Script::endless_body(500)]);
    let Err(error) = stage.chat(&server, &question()).await else {
        return Err("it passed as an answer".to_owned().into());
    };
    ensure!(error.kind() == ErrorKind::Server, "told as {:?}: {error}", error.kind());
    ensure!(server.bytes_sent() < MOST, "{} bytes were read", server.bytes_sent());
    Ok(())
}
