//! Conversations that were begun elsewhere.

use std::sync::Arc;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Message, Part, ReasoningRequest, Sealed, ToolCall, ToolResult,
};
use backstop_core::{Ask, Overrides, Provider};
use serde_json::{Value, json};

use crate::scene::{CLAUDE, MODEL, OLDER_CLAUDE, healthy, provider, sent, sent_to};

fn calling(text: &str, calls: &[(&str, &str)]) -> Message {
    let mut message = AssistantMessage::default();
    message.text = text.to_owned();
    Message::Assistant(message.with_tool_calls(calls.iter().map(|(id, args)| ToolCall::new(*id, "f", *args))))
}

async fn messages(messages: Vec<Message>) -> Value {
    sent(&ChatRequest::new(messages)).await.get_mut("messages").unwrap().take()
}

#[tokio::test]
async fn calls_and_their_results_take_turns() {
    let mut failed = ToolResult::default();
    (failed.call_id, failed.text, failed.is_error) = ("c2".to_owned(), "no".to_owned(), true);
    let sent = messages(vec![
        Message::user("go"),
        calling("I will.", &[("c1", r#"{"x": 1.50}"#), ("c2", "")]),
        Message::tool("c1", "one"),
        Message::Tool(failed),
        Message::user("and?"),
        Message::assistant("Well."),
        Message::assistant("Done."),
    ])
    .await;
    assert_eq!(
        sent,
        json!([
            { "role": "user", "content": [{ "text": "go" }] },
            { "role": "assistant", "content": [
                { "text": "I will." },
                { "toolUse": { "toolUseId": "c1", "name": "f", "input": { "x": 1.50 } } },
                { "toolUse": { "toolUseId": "c2", "name": "f", "input": {} } },
            ] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "c1", "content": [{ "text": "one" }] } },
                { "toolResult": { "toolUseId": "c2", "content": [{ "text": "no" }], "status": "error" } },
                { "text": "and?" },
            ] },
            { "role": "assistant", "content": [{ "text": "Well." }, { "text": "Done." }] },
        ])
    );
}

#[tokio::test]
async fn arguments_are_an_object_whatever_the_model_wrote() {
    for (written, input) in [
        (r#"{"b":1,"a":[12345678901234567890123]}"#, r#"{"b":1,"a":[12345678901234567890123]}"#),
        ("", "{}"),
        (" \n", "{}"),
        ("[1]", r#"{"_raw":"[1]"}"#),
        ("\"x\"", r#"{"_raw":"\"x\""}"#),
        ("{\"x\": Atl", r#"{"_raw":"{\"x\": Atl"}"#),
    ] {
        // The text itself: reading it would round numbers.
        let request = ChatRequest::new([Message::user("x"), calling("", &[("c1", written)])]);
        let fake = Arc::new(healthy());
        provider(&fake).chat(Ask::new(MODEL), &request).await.unwrap();
        let body = fake.text();
        assert!(body.contains(&format!("\"input\":{input}")), "{body}");
    }
}

#[tokio::test]
async fn ids_that_would_be_refused_are_replaced_and_still_match() {
    let long = "x".repeat(65);
    let ids = ["call_Ab3/x.y", "toolu_01A09q", "fc-0", "", "ü", &*long, &long[1..]];
    let calls: Vec<_> = ids.iter().map(|id| (*id, "{}")).collect();
    let mut all = vec![Message::user("x"), calling("", &calls)];
    all.extend(ids.iter().rev().map(|id| Message::tool(*id, format!("of {id}"))));
    let sent = messages(all.clone()).await;
    let given: Vec<_> = (0..ids.len())
        .map(|place| sent[1]["content"][place]["toolUse"]["toolUseId"].as_str().unwrap())
        .collect();
    for (place, id) in given.iter().enumerate() {
        let result = &sent[2]["content"][ids.len() - 1 - place]["toolResult"];
        assert_eq!(
            (&result["toolUseId"], &result["content"][0]["text"]),
            (&json!(id), &json!(format!("of {}", ids[place])))
        );
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        assert!((1..=64).contains(&id.len()) && id.bytes().all(fits), "{id}");
    }
    let kept: Vec<_> = given.iter().zip(ids).map(|(given, id)| **given == *id).collect();
    assert_eq!(kept, [false, true, true, false, false, false, true]);
    let mut different = given.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), ids.len());
    assert_eq!(messages(all).await, sent, "the same again");
    // Somebody has that very id already.
    let taken = messages(vec![Message::user("x"), calling("", &[("ü", "{}"), (given[4], "{}")])]).await;
    let first = &taken[1]["content"][0]["toolUse"]["toolUseId"];
    assert!(first != given[4] && taken[1]["content"][1]["toolUse"]["toolUseId"] == given[4], "{taken}");
}

/// Services that give no ids have them numbered anew in every answer.
#[tokio::test]
async fn an_id_stands_for_one_call_of_the_conversation() {
    let mut all = vec![Message::user("x")];
    for turn in 0..300 {
        all.push(calling("", &[("call_0", "{}"), ("ü", "{}"), ("call_0", "{}")]));
        all.extend(["call_0", "ü", "call_0"].map(|id| Message::tool(id, format!("{turn}: {id}"))));
    }
    let sent = messages(all.clone()).await;
    let mut ids = Vec::new();
    for turns in sent.as_array().unwrap()[1..].chunks(2) {
        let list = |turn: usize, sort: &str| -> Vec<String> {
            let blocks = turns[turn]["content"].as_array().unwrap();
            blocks.iter().map(|block| block[sort]["toolUseId"].as_str().unwrap().to_owned()).collect()
        };
        let called = list(0, "toolUse");
        assert_eq!(called, list(1, "toolResult"));
        ids.extend(called);
    }
    assert_eq!(ids[0], "call_0", "the first keeps it");
    assert!(ids.iter().all(|id| (1..=64).contains(&id.len())), "{ids:?}");
    // A conversation that has grown says the same of what was there: what is cached of it stays good.
    let shorter = messages(all[..5].to_vec()).await;
    assert_eq!(shorter.as_array().unwrap()[..], sent.as_array().unwrap()[..3]);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (900, 900));
}

#[tokio::test]
async fn results_come_before_whatever_else_the_user_says() {
    let sent = messages(vec![
        Message::user("x"),
        calling("", &[("c1", "{}"), ("c2", "{}")]),
        Message::user("Only today."),
        Message::tool("c2", "two"),
        Message::user("Please."),
        Message::tool("c1", "one"),
    ])
    .await;
    assert_eq!(
        sent[2]["content"],
        json!([
            { "toolResult": { "toolUseId": "c2", "content": [{ "text": "two" }] } },
            { "toolResult": { "toolUseId": "c1", "content": [{ "text": "one" }] } },
            { "text": "Only today." },
            { "text": "Please." },
        ])
    );
}

#[tokio::test]
async fn a_user_begins_and_what_says_nothing_is_left_out() {
    let sent = sent(&ChatRequest::new([
        Message::system("first"),
        Message::system(" "),
        Message::assistant("Hello!"),
        Message::user(""),
        Message::assistant("\n"),
        Message::user_parts([Part::text(" "), Part::text("Hi")]),
        Message::system("second"),
        Message::tool("c1", ""),
    ]))
    .await;
    assert_eq!(sent["system"], json!([{ "text": "first" }, { "text": "second" }]));
    assert_eq!(
        sent["messages"],
        json!([
            { "role": "user", "content": [{ "text": "Begin." }] },
            { "role": "assistant", "content": [{ "text": "Hello!" }] },
            { "role": "user", "content": [
                { "toolResult": { "toolUseId": "c1", "content": [{ "text": "(no output)" }] } },
                { "text": "Hi" },
            ] },
        ])
    );
}

#[tokio::test]
async fn thoughts_go_back_to_the_model_that_signed_them() {
    let block = json!({ "reasoningContent": { "reasoningText": { "text": "hm", "signature": "c2ln" } } });
    let hidden = json!({ "reasoningContent": { "redactedContent": "b3BhcXVl" } });
    let mut said = AssistantMessage::default();
    said.text = "It is.".to_owned();
    said.reasoning = Some("hm".to_owned());
    said.sealed = vec![
        Sealed::new("anthropic", CLAUDE, json!({ "type": "thinking", "signature": "theirs" })),
        Sealed::new("bedrock", "us.anthropic.claude-other", json!({ "reasoningContent": {} })),
        Sealed::new("bedrock", CLAUDE, block.clone()),
        Sealed::new("bedrock", CLAUDE, hidden.clone()),
    ];
    let said = said.with_tool_calls([ToolCall::new("c1", "f", "{}")]);
    let request = ChatRequest::new([Message::user("x"), Message::Assistant(said), Message::tool("c1", "1")]);
    let ours = sent_to(CLAUDE, &request, &Overrides::default()).await;
    let call = json!({ "toolUse": { "toolUseId": "c1", "name": "f", "input": {} } });
    assert_eq!(ours["messages"][1]["content"], json!([block, hidden, { "text": "It is." }, call]));
    let others = sent_to(MODEL, &request, &Overrides::default()).await;
    assert_eq!(others["messages"][1]["content"], json!([{ "text": "It is." }, call]));
}

#[tokio::test]
async fn a_thought_that_began_the_calls_goes_on() {
    let block = json!({ "reasoningContent": { "reasoningText": { "text": "hm", "signature": "c2ln" } } });
    let mut said = AssistantMessage::default();
    said.sealed = vec![Sealed::new("bedrock", OLDER_CLAUDE, block.clone())];
    let said = said.with_tool_calls([ToolCall::new("c1", "f", "{}")]);
    let request = ChatRequest::new([Message::user("x"), Message::Assistant(said), Message::tool("c1", "1")])
        .with_reasoning(ReasoningRequest::default());
    let body = sent_to(OLDER_CLAUDE, &request, &Overrides::default()).await;
    assert_eq!(body["messages"][1]["content"][0], block);
    assert_eq!(body["additionalModelRequestFields"]["thinking"]["budget_tokens"], 8_192);
}
