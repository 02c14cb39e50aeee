//! Conversations that were begun elsewhere.

use backstop_core::Overrides;
use backstop_core::chat::{AssistantMessage, ChatRequest, Message, Sealed, ToolCall, ToolResult};
use serde_json::{Value, json};

use crate::scene::{MODEL, sent, sent_to};

fn calling(ids: &[&str]) -> Message {
    let calls = ids.iter().map(|id| ToolCall::new(*id, format!("tool_{}", id.len()), "{}"));
    Message::Assistant(AssistantMessage::default().with_tool_calls(calls))
}

async fn messages(messages: Vec<Message>) -> Vec<Value> {
    sent(&ChatRequest::new(messages)).await.get("messages").unwrap().as_array().unwrap().clone()
}

/// The roles that are sent, in their order.
fn roles(messages: &[Value]) -> String {
    messages.iter().map(|message| message["role"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

fn is_nine(id: &Value) -> bool {
    let id = id.as_str().unwrap();
    id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[tokio::test]
async fn ids_of_others_become_nine_letters_and_still_match() {
    let ids = ["call_abcdefghijklmnop", "toolu_01ABC", "a1B2c3D4e", "call_0", "ümlaut-id", ""];
    let mut all = vec![Message::user("x"), calling(&ids)];
    all.extend(ids.iter().rev().map(|id| Message::tool(*id, format!("of {id}"))));
    let sent = messages(all.clone()).await;
    let calls = sent[1]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), ids.len());
    for (place, (call, id)) in calls.iter().zip(ids).enumerate() {
        assert!(is_nine(&call["id"]), "{call}");
        let result = &sent[2 + ids.len() - 1 - place];
        assert_eq!(result["content"], format!("of {id}"));
        assert_eq!((&result["tool_call_id"], &result["name"]), (&call["id"], &call["function"]["name"]));
    }
    assert_eq!(calls[2]["id"], "a1B2c3D4e", "what fits stays as it is");
    let mut different: Vec<_> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), ids.len());

    // The same id is the same one tomorrow, and in another conversation.
    assert_eq!(messages(all).await, sent);
    let other =
        messages(vec![Message::user("y"), calling(&["toolu_01ABC"]), Message::tool("toolu_01ABC", "1")])
            .await;
    assert_eq!(other[1]["tool_calls"][0]["id"], calls[1]["id"]);
    assert_eq!(other[2]["tool_call_id"], calls[1]["id"]);
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_given_twice() {
    let given = messages(vec![calling(&["call_0"]), Message::tool("call_0", "1")]).await;
    let given = given[0]["tool_calls"][0]["id"].as_str().unwrap().to_owned();
    // Somebody has that very id already.
    let sent = messages(vec![
        calling(&["call_0", &given]),
        Message::tool("call_0", "1"),
        Message::tool(&given, "2"),
    ])
    .await;
    let ids: Vec<_> = sent[0]["tool_calls"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
    assert_eq!(*ids[1], given);
    assert!(is_nine(ids[0]) && ids[0] != ids[1]);
    assert_eq!((&sent[1]["tool_call_id"], &sent[2]["tool_call_id"]), (ids[0], ids[1]));
}

#[tokio::test]
async fn many_ids_stay_apart() {
    let ids: Vec<_> = (0..1000).map(|n| format!("call_{n}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let sent = messages(vec![calling(&ids)]).await;
    let mut given: Vec<_> =
        sent[0]["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].to_string()).collect();
    given.sort_unstable();
    given.dedup();
    assert_eq!(given.len(), 1000);
}

#[tokio::test]
async fn messages_stand_where_the_wire_wants_them() {
    let (system, user, said) = (|| Message::system("s"), || Message::user("u"), || Message::assistant("a"));
    let tool = || Message::tool("a1B2c3D4e", "t");
    for (all, expected) in [
        (vec![system(), system(), user()], "system system user"),
        (vec![user(), system(), user()], "user system user"),
        (vec![user(), said(), system(), user()], "system user assistant user"),
        (vec![said(), system(), user()], "system assistant user"),
        (
            vec![user(), calling(&["a1B2c3D4e"]), tool(), system(), user()],
            "system user assistant tool assistant user",
        ),
        (vec![user(), calling(&["a1B2c3D4e"]), tool(), said(), user()], "user assistant tool assistant user"),
        (vec![user(), calling(&["a1B2c3D4e"]), tool()], "user assistant tool"),
        (vec![user(), Message::assistant(""), user()], "user user"),
        (
            vec![user(), calling(&["a1B2c3D4e"]), tool(), Message::assistant(""), user()],
            "user assistant tool assistant user",
        ),
        (vec![user(), user(), said(), said(), user()], "user user assistant assistant user"),
    ] {
        assert_eq!(roles(&messages(all).await), expected);
    }
    let bridged = messages(vec![user(), calling(&["a1B2c3D4e"]), tool(), user()]).await;
    assert_eq!(bridged[3], json!({ "role": "assistant", "content": "OK." }));
}

#[tokio::test]
async fn an_answer_at_the_end_is_what_the_next_begins_with() {
    let ends = messages(vec![
        Message::user("u"),
        Message::assistant("one"),
        Message::user("u"),
        Message::assistant("two"),
    ])
    .await;
    assert_eq!(ends[1], json!({ "role": "assistant", "content": "one" }));
    assert_eq!(ends[3], json!({ "role": "assistant", "content": "two", "prefix": true }));
    // A system message behind it goes to the front, and what says nothing counts for nothing.
    let moved = messages(vec![
        Message::user("u"),
        Message::assistant("two"),
        Message::system("s"),
        Message::assistant(""),
    ])
    .await;
    assert_eq!(roles(&moved), "system user assistant");
    assert_eq!(moved[2]["prefix"], true);
    let called = messages(vec![Message::user("u"), calling(&["a1B2c3D4e"])]).await;
    assert!(called[1].get("prefix").is_none());
}

#[tokio::test]
async fn a_call_without_arguments_and_one_with_broken_ones_are_sent_as_texts() {
    let call = |arguments: &str| ToolCall::new("a1B2c3D4e", "f", arguments);
    let said = AssistantMessage::default().with_tool_calls([call(""), call("{\"a\": broken"), call("null")]);
    let sent = messages(vec![Message::user("x"), Message::Assistant(said)]).await;
    let arguments: Vec<_> =
        sent[1]["tool_calls"].as_array().unwrap().iter().map(|c| &c["function"]["arguments"]).collect();
    assert_eq!(arguments, ["{}", "{\"a\": broken", "null"]);
}

#[tokio::test]
async fn a_stated_name_of_a_tool_goes_before_that_of_its_call() {
    let mut result = ToolResult::default();
    (result.call_id, result.text, result.name) =
        ("a1B2c3D4e".to_owned(), "1".to_owned(), Some("own".to_owned()));
    let sent =
        messages(vec![calling(&["a1B2c3D4e"]), Message::Tool(result), Message::tool("lost", "2")]).await;
    assert_eq!((&sent[1]["name"], sent[2].get("name")), (&json!("own"), None));
}

#[tokio::test]
async fn only_thoughts_that_this_model_signed_go_back() {
    let signed =
        json!({ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }], "signature": "s" });
    let said = |provider: &str, model: &str| {
        let mut said = AssistantMessage::default();
        said.text = "So.".to_owned();
        said.reasoning = Some("private".to_owned());
        said.sealed = vec![Sealed::new(provider, model, signed.clone())];
        ChatRequest::new([Message::user("u"), Message::Assistant(said), Message::user("u")])
    };
    let ours = sent(&said("mistral", MODEL)).await;
    assert_eq!(ours["messages"][1]["content"], json!([signed, { "type": "text", "text": "So." }]));
    for (provider, model) in [("mistral", "magistral-medium-latest"), ("anthropic", MODEL), ("mirror", MODEL)]
    {
        assert_eq!(sent(&said(provider, model)).await["messages"][1]["content"], "So.");
    }
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("safe_prompt".to_owned(), json!(true));
    let with_more = sent_to(MODEL, &said("mistral", MODEL), &overrides).await;
    assert_eq!(with_more["messages"], ours["messages"]);
}
