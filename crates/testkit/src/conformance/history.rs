//! Conversations that began elsewhere.

use backstop_core::chat::{AssistantMessage, ChatRequest, Message, Sealed, Tool, ToolCall};
use serde_json::json;

use super::answers::sent;
use super::say::{Said, Say};
use super::stage::{Case, Stage, Verdict, case, ensure, unexpected};

pub(super) const CASES: &[Case] = &[
    case!("a conversation with tools begun elsewhere goes on", tools_from_elsewhere),
    case!("what another provider sealed is left out", sealed_elsewhere),
];

/// Ids as several services write them; one has letters that others refuse.
const IDS: [&str; 3] = ["call_Ab3/x.y", "toolu_01A09q90qw90lq917835lq9", "fc-0"];

async fn tools_from_elsewhere(stage: &Stage<'_>) -> Verdict {
    stage.needs("tools", |able| able.chat && able.tools)?;
    let server = stage.server(&Say::Chat(answer()))?;
    let reply = stage.chat(&server, &conversation()).await.map_err(unexpected)?;
    ensure!(reply.text == answer().text, "the text is {:?}", reply.text);
    let sent = sent(&server);
    for part in ["get_weather", "Oslo", "Bergen", "minus four", "plus two", "no such city", "And tomorrow?"] {
        ensure!(sent.contains(part), "{part:?} is not in the request: {sent}");
    }
    Ok(())
}

async fn sealed_elsewhere(stage: &Stage<'_>) -> Verdict {
    stage.needs("chat in one piece", |able| able.chat)?;
    let server = stage.server(&Say::Chat(answer()))?;
    let mut earlier = AssistantMessage::default();
    earlier.text = "It is blue.".to_owned();
    earlier.reasoning = Some("what-was-thought".to_owned());
    let secret = json!({ "type": "thinking", "thinking": "what-was-sealed", "signature": "what-was-signed" });
    earlier.sealed.push(Sealed::new("somebody-else", "their-model", secret));
    let request =
        ChatRequest::new([Message::user("Is it blue?"), Message::Assistant(earlier), Message::user("Why?")]);
    stage.chat(&server, &request).await.map_err(unexpected)?;
    let sent = sent(&server);
    ensure!(sent.contains("It is blue."), "the earlier answer is not in the request: {sent}");
    for part in ["what-was-sealed", "what-was-signed"] {
        ensure!(!sent.contains(part), "{part:?} went to a provider that did not write it");
    }
    Ok(())
}

fn answer() -> Said {
    Said { text: "Rain.".to_owned(), usage: (50, 2), ..Said::default() }
}

fn conversation() -> ChatRequest {
    let [first, second, third] = IDS;
    let calls = AssistantMessage::default().with_tool_calls([
        ToolCall::new(first, "get_weather", r#"{"city":"Oslo"}"#),
        ToolCall::new(second, "get_weather", r#"{"city":"Bergen"}"#),
        // What a model wrote need not be JSON.
        ToolCall::new(third, "get_weather", "{\"city\": Atlantis"),
    ]);
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    ChatRequest::new([
        Message::system("Be brief."),
        Message::user("How is the weather?"),
        Message::Assistant(calls),
        Message::tool(first, "minus four"),
        Message::tool(second, "plus two"),
        Message::tool(third, "no such city"),
        Message::assistant("Cold in Oslo."),
        Message::user("And tomorrow?"),
        Message::user("In Oslo, I mean."),
    ])
    .with_tool(Tool::new("get_weather", "The weather of a city", schema))
    .with_max_output_tokens(64)
}
