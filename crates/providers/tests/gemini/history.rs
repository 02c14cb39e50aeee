//! Conversations that began elsewhere, or in another order.

use backstop_core::Overrides;
use backstop_core::chat::{AssistantMessage, ChatRequest, Message, Part, ToolCall, ToolResult};
use serde_json::{Value, json};

use crate::asked::{sent, sent_by};

fn calling(text: &str, calls: &[(&str, &str, &str)]) -> Message {
    let mut message = AssistantMessage::default();
    message.text = text.to_owned();
    let calls = calls.iter().map(|(id, name, arguments)| ToolCall::new(*id, *name, *arguments));
    Message::Assistant(message.with_tool_calls(calls))
}

async fn contents(messages: impl IntoIterator<Item = Message>) -> Vec<Value> {
    sent(&ChatRequest::new(messages)).await["contents"].as_array().unwrap().clone()
}

/// The turns in short.
async fn turns(messages: impl IntoIterator<Item = Message>) -> Vec<String> {
    let part = |part: &Value| {
        let of = |name: &str| part.get(name).cloned();
        match (of("text"), of("functionCall"), of("functionResponse")) {
            (Some(text), ..) => text.as_str().unwrap().to_owned(),
            (_, Some(call), _) => {
                format!("{}({})", call["name"].as_str().unwrap(), call["id"].as_str().unwrap_or("-"))
            }
            (.., Some(result)) => {
                let name = result["name"].as_str().unwrap();
                format!("{name}={}", result["response"]["result"].as_str().unwrap())
            }
            _ => panic!("{part}"),
        }
    };
    let turn = |turn: &Value| {
        let parts = turn["parts"].as_array().unwrap().iter().map(part).collect::<Vec<_>>().join(", ");
        format!("{}: {parts}", turn["role"].as_str().unwrap())
    };
    contents(messages).await.iter().map(turn).collect()
}

#[tokio::test]
async fn turns_of_one_role_are_one_turn_and_empty_ones_are_none() {
    let told = turns([
        Message::user("one"),
        Message::user_parts([Part::text(""), Part::text("two")]),
        Message::system("Somewhere in the middle."),
        Message::user_parts([]),
        Message::assistant("three"),
        Message::assistant(""),
        Message::assistant("four"),
        Message::user("five"),
    ]);
    assert_eq!(told.await, ["user: one, two", "model: three, four", "user: five"]);
}

#[tokio::test]
async fn system_messages_are_joined_in_front() {
    let request = ChatRequest::new([
        Message::system("First."),
        Message::user("hello"),
        Message::system(""),
        Message::system("Second."),
    ]);
    let body = sent(&request).await;
    assert_eq!(body["systemInstruction"], json!({ "parts": [{ "text": "First." }, { "text": "Second." }] }));
    assert_eq!(body["contents"], json!([{ "role": "user", "parts": [{ "text": "hello" }] }]));
}

#[tokio::test]
async fn results_follow_their_calls_in_one_turn_and_in_their_order() {
    let told = turns([
        Message::user("weather?"),
        calling("", &[("call_Ab3/x.y", "a", "{}"), ("toolu_01", "b", "{}"), ("", "c", "{}")]),
        Message::tool("", "third"),
        Message::tool("toolu_01", "second"),
        Message::tool("call_Ab3/x.y", "first"),
        Message::user("and?"),
    ]);
    assert_eq!(
        told.await,
        [
            "user: weather?",
            "model: a(call_Ab3/x.y), b(toolu_01), c(-)",
            "user: a=first, b=second, c=third, and?",
        ]
    );
}

#[tokio::test]
async fn ids_that_come_again_name_the_calls_of_their_own_turn() {
    let told = turns([
        Message::user("x"),
        calling("", &[("call_0", "a", "{}"), ("call_0", "b", "{}")]),
        Message::tool("call_0", "of a"),
        Message::tool("call_0", "of b"),
        calling("", &[("call_0", "c", "{}")]),
        Message::tool("call_0", "of c"),
        Message::tool("call_0", "again of c"),
    ]);
    assert_eq!(
        told.await,
        [
            "user: x",
            "model: a(call_0), b(call_0)",
            "user: a=of a, b=of b",
            "model: c(call_0)",
            "user: c=of c, c=again of c"
        ]
    );
}

#[tokio::test]
async fn a_call_that_nobody_answered_does_not_take_the_next_turns_result() {
    let told = turns([
        Message::user("x"),
        calling("", &[("call_0", "a", "{}")]),
        Message::user("never mind"),
        calling("", &[("call_0", "b", "{}")]),
        Message::tool("call_0", "of b"),
    ]);
    assert_eq!(told.await.last().unwrap(), "user: b=of b");
}

#[tokio::test]
async fn a_result_may_name_its_tool_itself_and_may_be_an_error() {
    let mut orphan = ToolResult::default();
    (orphan.call_id, orphan.name, orphan.text, orphan.is_error) =
        ("gone".to_owned(), Some("weather".to_owned()), "no such city".to_owned(), true);
    let contents = contents([Message::user("x"), Message::Tool(orphan)]).await;
    assert_eq!(
        contents[0]["parts"][1],
        json!({ "functionResponse": { "id": "gone", "name": "weather", "response": { "error": "no such city" } } })
    );
}

#[tokio::test]
async fn arguments_are_an_object_whatever_the_model_wrote() {
    for (arguments, args) in [
        (r#" {"b":1, "a":[1.50]} "#, json!({ "b": 1, "a": [1.5] })),
        ("", json!({})),
        (" ", json!({})),
        ("{}", json!({})),
        (r#"{"city": broken"#, json!({ "_raw": r#"{"city": broken"# })),
        ("[1]", json!({ "_raw": "[1]" })),
        (r#""text""#, json!({ "_raw": r#""text""# })),
        ("{} {}", json!({ "_raw": "{} {}" })),
    ] {
        let contents = contents([Message::user("x"), calling("", &[("c", "f", arguments)])]).await;
        assert_eq!(contents[1]["parts"][0]["functionCall"]["args"], args, "{arguments}");
    }
}

#[tokio::test]
async fn only_models_that_want_signatures_get_the_one_for_foreign_calls() {
    let request = ChatRequest::new([
        Message::user("x"),
        calling("", &[("c1", "f", "{}"), ("c2", "g", "{}")]),
        Message::tool("c1", "1"),
        Message::tool("c2", "2"),
    ]);
    for (model, signed) in [
        ("gemini-3.5-flash", true),
        ("gemini-flash-latest", true),
        ("gemini-2.5-flash", false),
        ("models/gemini-2.5-pro", false),
        ("gemini-2.0-flash", false),
        ("gemma-4-31b", false),
    ] {
        let body = sent_by(model, &request, &Overrides::default()).await.unwrap();
        let parts = &body["contents"][1]["parts"];
        let expected = if signed { json!("skip_thought_signature_validator") } else { Value::Null };
        assert_eq!(parts[0]["thoughtSignature"], expected, "{model}");
        assert_eq!(parts[1]["thoughtSignature"], Value::Null, "the first is signed for all");
        // Older ones find calls by name and order, and some services refuse to hear of ids.
        let results = &body["contents"][2]["parts"];
        let (call, result) = (&parts[1]["functionCall"]["id"], &results[1]["functionResponse"]["id"]);
        let id = if signed { json!("c2") } else { Value::Null };
        assert_eq!((call, result), (&id, &id), "{model}");
    }
}
