//! Answers: whole, streamed, with tools, and however the bytes of a stream are cut.

use backstop_core::chat::{
    ChatEvent, ChatReply, ChatRequest, FinishReason, Format, Message, Part, ReasoningRequest, Tool, ToolCall,
};
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Error, ErrorKind, Overrides};
use serde_json::{Value, json};

use super::say::{Said, Say};
use super::stage::{
    Case, Heard, Stage, Verdict, case, ensure, hear, in_time, question, serves, serves_in, serves_pieces,
    unexpected,
};
use crate::server::{RawServer, SseEnding};

pub(super) const CASES: &[Case] = &[
    case!("an answer in one piece", whole),
    case!("an answer cut by the limit says so", cut_by_the_limit),
    case!("tool calls in one piece", tools),
    case!("a streamed answer", streamed),
    case!("streamed tool calls", streamed_tools),
    case!("thoughts are told apart from the answer", thoughts),
    case!("a stream that only begins shows no sign of work", begins_silently),
    case!("thoughts that are not shown are signs of work", hidden_thoughts),
    case!("a stream cut at every byte is the same", cut_at_every_byte),
    case!("a text completion", completion),
    case!("a streamed text completion", streamed_completion),
    case!("one call is one request, which holds what was asked", one_request),
    case!("headers and body fields of a target are sent", additions),
    case!("what is not declared is refused without a request", undeclared),
];

const TEXT: &str = "Because of \"Rayleigh\" scattering —\nblue is scattered most. 🌈";

fn said() -> Said {
    Said { text: TEXT.to_owned(), usage: (21, 13), ..Said::default() }
}

fn calls() -> Vec<ToolCall> {
    vec![
        ToolCall::new("call_one", "get_weather", r#"{"city":"Oslo","days":3}"#),
        ToolCall::new("call_two", "get_time", r#"{"zone":"Europe/Oslo"}"#),
    ]
}

fn said_with_tools() -> Said {
    Said { calls: calls(), finish: FinishReason::ToolCalls, usage: (40, 18), ..Said::default() }
}

fn with_tools() -> ChatRequest {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    question()
        .with_tool(Tool::new("get_weather", "The weather of a city", schema.clone()))
        .with_tool(Tool::new("get_time", "The time of a zone", schema))
}

async fn whole(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Chat(said()))?;
    let reply = stage.chat(&server, &question()).await.map_err(unexpected)?;
    same(&reply, &said())?;
    ensure!(reply.status == Some(200), "the status is told as {:?}", reply.status);
    Ok(())
}

/// Whether a reply is what was said.
fn same(reply: &ChatReply, said: &Said) -> Result<(), String> {
    let usage = (reply.usage.input_tokens, reply.usage.output_tokens);
    if reply.text != said.text {
        return Err(format!("the text is {:?}", reply.text));
    }
    if reply.finish != said.finish {
        return Err(format!("the finish reason is {:?}", reply.finish));
    }
    if usage != (Some(said.usage.0), Some(said.usage.1)) {
        return Err(format!("the usage is {usage:?} instead of {:?}", said.usage));
    }
    same_calls(&reply.tool_calls, &said.calls)
}

/// Whether the calls are the same. Ids may be the provider's own, but each has one, and no two are alike.
fn same_calls(calls: &[ToolCall], said: &[ToolCall]) -> Result<(), String> {
    let plain = |call: &ToolCall| {
        let arguments: Option<Value> = serde_json::from_str(&call.arguments).ok();
        (call.name.clone(), arguments)
    };
    if calls.iter().map(plain).ne(said.iter().map(plain)) {
        return Err(format!("the tool calls are {calls:?}"));
    }
    let mut ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != calls.len() || ids.contains(&"") {
        return Err(format!("the ids of the tool calls are no names of theirs: {calls:?}"));
    }
    Ok(())
}

async fn cut_by_the_limit(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let said = Said { finish: FinishReason::Length, ..said() };
    let server = stage.server(&Say::Chat(said.clone()))?;
    let reply = stage.chat(&server, &question()).await.map_err(unexpected)?;
    Ok(same(&reply, &said)?)
}

async fn tools(stage: &Stage<'_>) -> Verdict {
    stage.needs("tools", |able| able.chat && able.tools)?;
    let server = stage.server(&Say::Chat(said_with_tools()))?;
    let reply = stage.chat(&server, &with_tools()).await.map_err(unexpected)?;
    same(&reply, &said_with_tools())?;
    let sent = sent(&server);
    ensure!(sent.contains("get_weather") && sent.contains("The time of a zone"), "the tools were not sent");
    Ok(())
}

async fn streamed(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    for said in [said(), Said { finish: FinishReason::Length, ..said() }] {
        let server = stage.server(&Say::ChatStream(said.clone()))?;
        let heard = stage.stream(&server, &question()).await.and_then(Heard::whole);
        let heard = heard.map_err(unexpected)?;
        ensure!(heard.ended, "the end of the stream was not told");
        let ends = heard.events.iter().filter(|event| matches!(event, ChatEvent::End(_))).count();
        ensure!(ends == 1, "the end was told {ends} times");
        same(&heard.reply, &said)?;
        ensure!(server.hits() == 1, "{} requests were sent", server.hits());
    }
    Ok(())
}

async fn streamed_tools(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed tools", |able| able.chat_stream && able.tools)?;
    let server = stage.server(&Say::ChatStream(said_with_tools()))?;
    let heard = stage.stream(&server, &with_tools()).await.and_then(Heard::whole);
    Ok(same(&heard.map_err(unexpected)?.reply, &said_with_tools())?)
}

async fn thoughts(stage: &Stage<'_>) -> Verdict {
    stage.needs("reasoning", |able| able.reasoning && able.chat && able.chat_stream)?;
    let said = Said { reasoning: Some("Light, air, colours.".to_owned()), ..said() };
    let mut asked = question();
    asked.reasoning = Some(ReasoningRequest::default().shown());
    let server = stage.server(&Say::Chat(said.clone()))?;
    let reply = stage.chat(&server, &asked).await.map_err(unexpected)?;
    ensure!(reply.text == said.text, "in one piece the text is {:?}", reply.text);
    ensure!(reply.reasoning == said.reasoning, "in one piece the thoughts are {:?}", reply.reasoning);
    let server = stage.server(&Say::ChatStream(said.clone()))?;
    let heard = stage.stream(&server, &asked).await.and_then(Heard::whole).map_err(unexpected)?;
    ensure!(heard.reply.text == said.text, "streamed, the text is {:?}", heard.reply.text);
    ensure!(
        heard.reply.reasoning == said.reasoning,
        "streamed, the thoughts are {:?}",
        heard.reply.reasoning
    );
    Ok(())
}

/// How often a stream showed that the model is at work before it said anything.
fn signs_of_work(heard: &Heard) -> usize {
    let before = heard.events.iter().take_while(|event| !event.is_content());
    let is_sign = |event: &&ChatEvent| {
        matches!(event, ChatEvent::Reasoning(_) | ChatEvent::Progress | ChatEvent::Sealed(_))
    };
    before.filter(is_sign).count()
}

async fn begins_silently(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let server = stage.server(&Say::ChatStream(said()))?;
    let heard = stage.stream(&server, &question()).await.and_then(Heard::whole).map_err(unexpected)?;
    let signs = signs_of_work(&heard);
    ensure!(signs == 0, "{signs} signs of work came before the first word of a model that does not think");
    Ok(())
}

async fn hidden_thoughts(stage: &Stage<'_>) -> Verdict {
    stage.needs("reasoning", |able| able.reasoning && able.chat_stream)?;
    let said = Said { reasoning: Some(String::new()), ..said() };
    let server = stage.server(&Say::ChatStream(said.clone()))?;
    let mut asked = question();
    asked.reasoning = Some(ReasoningRequest::default());
    let heard = stage.stream(&server, &asked).await.and_then(Heard::whole).map_err(unexpected)?;
    ensure!(signs_of_work(&heard) > 0, "the model thought, and nothing was told of it");
    Ok(same(&heard.reply, &said)?)
}

async fn cut_at_every_byte(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed chat", |able| able.chat_stream)?;
    let said = if stage.able().tools { Said { text: TEXT.to_owned(), ..said_with_tools() } } else { said() };
    let request = if stage.able().tools { with_tools() } else { question() };
    let reply = stage.spell(&Say::ChatStream(said.clone()))?;
    let bytes = &reply.body;
    // First every byte alone, then two pieces at each place.
    let single = serves_in(&reply, bytes.chunks(1), SseEnding::Clean);
    let heard = stage.stream(&single, &request).await.and_then(Heard::whole).map_err(unexpected)?;
    same(&heard.reply, &said).map_err(|problem| format!("byte by byte: {problem}"))?;
    let halves = serves_pieces(&reply, SseEnding::Clean, |place, body| {
        let (head, tail) = body.split_at(place.min(body.len()));
        vec![head.to_vec(), tail.to_vec()]
    });
    // One provider for all: its connection is kept.
    let provider = stage.provider(&halves);
    for place in 0..bytes.len() {
        let heard = hear(provider.as_ref(), stage.ask(), &request).await.and_then(Heard::whole);
        let heard = heard.map_err(|error| format!("cut at byte {place}: {error}"))?;
        same(&heard.reply, &said).map_err(|problem| format!("cut at byte {place}: {problem}"))?;
    }
    Ok(())
}

fn to_be_continued() -> CompletionRequest {
    let mut request = CompletionRequest::new("The sky is");
    request.max_output_tokens = Some(16);
    request
}

async fn completion(stage: &Stage<'_>) -> Verdict {
    stage.needs("text completion", |able| able.complete)?;
    let server = stage.server(&Say::Complete(said()))?;
    let reply = in_time(stage.provider(&server).complete(stage.ask(), &to_be_continued())).await;
    let reply = reply.map_err(unexpected)?;
    ensure!(reply.text == TEXT, "the text is {:?}", reply.text);
    ensure!(reply.finish == FinishReason::Stop, "the finish reason is {:?}", reply.finish);
    ensure!(sent(&server).contains("The sky is"), "the prompt was not sent");
    Ok(())
}

async fn streamed_completion(stage: &Stage<'_>) -> Verdict {
    stage.needs("streamed text completion", |able| able.complete_stream)?;
    let server = stage.server(&Say::CompleteStream(said()))?;
    let (mut text, mut end) = (String::new(), None);
    let provider = stage.provider(&server);
    let request = to_be_continued();
    let hearing = async {
        let mut stream = provider.complete_stream(stage.ask(), &request).await?;
        while let Some(event) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            match event? {
                CompletionEvent::Text(more) => text.push_str(&more),
                CompletionEvent::End(finish) => end = Some(finish),
                _ => {}
            }
        }
        Ok(())
    };
    in_time(hearing).await.map_err(unexpected)?;
    ensure!(text == TEXT, "the text is {text:?}");
    ensure!(end == Some(FinishReason::Stop), "the end is told as {end:?}");
    Ok(())
}

async fn one_request(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Chat(said()))?;
    let request = question().with_system("Be brief.");
    stage.chat(&server, &request).await.map_err(unexpected)?;
    ensure!(server.hits() == 1, "{} requests were sent", server.hits());
    let sent = sent(&server);
    for part in ["Why is the sky blue?", "Be brief.", "64", stage.subject.model()] {
        ensure!(sent.contains(part), "{part:?} is not in the request: {sent}");
    }
    Ok(())
}

/// Path and body of the request, to be searched.
pub(super) fn sent(server: &RawServer) -> String {
    let requests = server.requests();
    let Some(last) = requests.last() else { return String::new() };
    format!("{} {}", last.path, String::from_utf8_lossy(&last.body))
}

async fn additions(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Chat(said()))?;
    let mut overrides = Overrides::default();
    overrides.headers.push(("x-conformance".to_owned(), "yes".to_owned()));
    overrides.extra_body.insert("conformance_field".to_owned(), json!("also"));
    let ask = stage.ask().with_overrides(&overrides);
    in_time(stage.provider(&server).chat(ask, &question())).await.map_err(unexpected)?;
    let header = server.requests().last().and_then(|seen| seen.header("x-conformance").map(str::to_owned));
    ensure!(header.as_deref() == Some("yes"), "the header of the target was not sent");
    ensure!(sent(&server).contains("conformance_field"), "the body field of the target was not sent");
    Ok(())
}

async fn undeclared(stage: &Stage<'_>) -> Verdict {
    let server = serves(&super::Reply::json(200, "{}"));
    let able = stage.able();
    let image = Part::image_base64("image/png", "iVBORw0KGgo=");
    let seen = |part| ChatRequest::new([Message::user_parts([Part::text("What is this?"), part])]);
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let denied = [
        ("tools", able.tools, with_tools()),
        ("images", able.images, seen(image)),
        ("image URLs", able.image_urls, seen(Part::image_url("http://example.com/a.png"))),
        ("JSON", able.json, question().with_format(Format::Json)),
        ("JSON of a schema", able.json_schema, question().with_format(Format::json_schema("s", schema))),
        ("chat", able.chat, question()),
    ];
    let provider = stage.provider(&server);
    for (what, has, request) in denied {
        if !has {
            unsupported(what, in_time(provider.chat(stage.ask(), &request)).await)?;
            let streamed = in_time(provider.chat_stream(stage.ask(), &request)).await;
            unsupported(what, streamed)?;
        }
    }
    if !able.chat_stream {
        unsupported("streamed chat", in_time(provider.chat_stream(stage.ask(), &question())).await)?;
    }
    if !able.complete {
        unsupported("completion", in_time(provider.complete(stage.ask(), &to_be_continued())).await)?;
    }
    if !able.complete_stream {
        let streamed = in_time(provider.complete_stream(stage.ask(), &to_be_continued())).await;
        unsupported("streamed completion", streamed)?;
    }
    if !able.suffix && able.complete {
        let mut request = to_be_continued();
        request.suffix = Some("and wide.".to_owned());
        unsupported("filling in", in_time(provider.complete(stage.ask(), &request)).await)?;
    }
    if !able.embed {
        let request = EmbeddingRequest::from("x");
        unsupported("embeddings", in_time(provider.embed(stage.ask(), &request)).await)?;
    }
    ensure!(server.hits() == 0, "{} requests were sent", server.hits());
    Ok(())
}

fn unsupported<T>(what: &str, outcome: Result<T, Error>) -> Result<(), String> {
    match outcome {
        Ok(_) => Err(format!("{what} is denied, and yet was answered")),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        Err(error) => Err(format!("{what} is denied, and refused as {:?}: {error}", error.kind())),
    }
}
