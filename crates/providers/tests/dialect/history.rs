//! Conversations that were begun elsewhere.

use std::sync::Arc;

use backstop_core::chat::{ChatRequest, Message, Part, Sealed, Tool, ToolCall};
use backstop_core::{Ask, ErrorKind, Provider};
use serde_json::{Value, json};

use crate::speaker::{Fake, MODEL, answer, config, sent, speaker};

fn calling(id: &str, arguments: &str, sealed: &[Sealed]) -> Message {
    let Message::Assistant(mut message) = Message::assistant("") else { panic!("an assistant message") };
    message.tool_calls.push(ToolCall::new(id, "f", arguments));
    message.sealed.extend(sealed.iter().cloned());
    message.reasoning = Some("somebody thought".to_owned());
    Message::Assistant(message)
}

fn conversation(id: &str, arguments: &str, sealed: &[Sealed]) -> ChatRequest {
    ChatRequest::new([Message::user("x"), calling(id, arguments, sealed), Message::tool(id, "done")])
        .with_tool(Tool::new("f", "", json!({ "type": "object" })))
}

async fn messages(kind: &str, request: &ChatRequest) -> Vec<Value> {
    sent(kind, request).await.unwrap().get("messages").and_then(Value::as_array).cloned().unwrap()
}

#[tokio::test]
async fn ids_of_calls_are_mapped_to_what_every_server_takes() {
    for (id, stays) in [
        ("call_1", true),
        ("toolu_01AbC-d", true),
        ("functions.f:0", true),
        (&*"x".repeat(40), true),
        (&*"x".repeat(41), false),
        ("", false),
        ("a b", false),
        ("ü", false),
    ] {
        let messages = messages("groq", &conversation(id, "{}", &[])).await;
        let call = messages[1]["tool_calls"][0]["id"].as_str().unwrap();
        assert_eq!(messages[2]["tool_call_id"], call, "the result finds its call");
        assert_eq!(call == id, stays, "{id} became {call}");
        assert!((1..=40).contains(&call.len()) && call.is_ascii());
    }
}

#[tokio::test]
async fn arguments_are_the_text_of_an_object_whatever_the_model_wrote() {
    for (arguments, expected) in
        [(r#"{"a":1}"#, r#"{"a":1}"#), ("", "{}"), ("not json", r#"{"_raw":"not json"}"#)]
    {
        let messages = messages("vllm", &conversation("c", arguments, &[])).await;
        assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], expected);
    }
}

#[tokio::test]
async fn thoughts_of_others_stay_behind() {
    let foreign = [
        Sealed::new("anthropic", MODEL, json!("signed")),
        Sealed::new("openrouter", "another/model", json!([{ "type": "reasoning.text" }])),
    ];
    for kind in ["groq", "openrouter", "vllm"] {
        let messages = messages(kind, &conversation("c", "{}", &foreign)).await;
        let expected = json!({ "role": "assistant", "tool_calls": messages[1]["tool_calls"] });
        assert_eq!(messages[1], expected, "{kind}");
    }
}

#[tokio::test]
async fn deepseek_and_moonshot_get_their_thoughts_back_with_calls_of_tools() {
    for kind in ["deepseek", "moonshot"] {
        let body = r#"{"choices":[{"message":{"content":"","reasoning_content":"hm","tool_calls":[
            {"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
        let reply = answer(kind, Fake::new(200, body)).await.unwrap();
        assert_eq!(reply.sealed, [Sealed::new(kind, MODEL, json!("hm"))]);
        let again = messages(kind, &conversation("c", "{}", &reply.sealed)).await;
        assert_eq!(again[1]["reasoning_content"], "hm");
        // Whoever else called a tool is not known to have thought.
        let foreign = messages(kind, &conversation("c", "{}", &[])).await;
        assert_eq!(foreign[1]["reasoning_content"], "");

        // Without a call there is nothing to go on with.
        let body = r#"{"choices":[{"message":{"content":"hi","reasoning_content":"hm"}}]}"#;
        let reply = answer(kind, Fake::new(200, body)).await.unwrap();
        assert_eq!((reply.reasoning.as_deref(), reply.sealed.len()), (Some("hm"), 0));
        let request = ChatRequest::new([Message::user("x"), reply.into_message(), Message::user("y")]);
        assert_eq!(messages(kind, &request).await[1], json!({ "role": "assistant", "content": "hi" }));
    }
}

#[tokio::test]
async fn openrouter_gets_its_details_back_if_it_is_the_same_model() {
    let details = json!([{ "type": "reasoning.encrypted", "data": "s3cr3t", "index": 0 }]);
    let body = json!({ "choices": [{ "message": { "content": "hi", "reasoning": "hm", "reasoning_details": details } }] });
    let reply = answer("openrouter", Fake::new(200, body.to_string())).await.unwrap();
    assert_eq!(reply.sealed, [Sealed::new("openrouter", MODEL, details.clone())]);
    let request = ChatRequest::new([Message::user("x"), reply.into_message(), Message::user("y")]);
    let again = messages("openrouter", &request).await;
    assert_eq!(again[1], json!({ "role": "assistant", "content": "hi", "reasoning_details": details }));

    let fake = Arc::new(crate::speaker::healthy());
    speaker(config("openrouter"), &fake).chat(Ask::new("another/model"), &request).await.unwrap();
    assert_eq!(fake.body()["messages"][1], json!({ "role": "assistant", "content": "hi" }));
}

#[tokio::test]
async fn perplexity_hears_the_system_first_and_then_each_in_turn() {
    let request = ChatRequest::new([
        Message::user("a"),
        Message::user_parts([Part::text("b"), Part::image_url("https://a.example/b.png")]),
        Message::assistant("c"),
        Message::assistant("d"),
        Message::system("later"),
        Message::user("e"),
    ])
    .with_system("first");
    assert_eq!(
        messages("perplexity", &request).await,
        [
            json!({ "role": "system", "content": "first\n\nlater" }),
            json!({ "role": "user", "content": [
                { "type": "text", "text": "a" },
                { "type": "text", "text": "b" },
                { "type": "image_url", "image_url": { "url": "https://a.example/b.png" } },
            ] }),
            json!({ "role": "assistant", "content": "c\n\nd" }),
            json!({ "role": "user", "content": "e" }),
        ]
    );
    // Elsewhere everybody is heard as they spoke.
    assert_eq!(messages("groq", &request).await.len(), 7);
}

#[tokio::test]
async fn a_conversation_with_tools_does_not_go_where_there_are_none() {
    let mut request = conversation("c", "{}", &[]);
    request.tools.clear();
    let error = sent("perplexity", &request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("calls of tools"), "{error}");
    let orphan = ChatRequest::new([Message::user("x"), Message::tool("c", "done")]);
    assert_eq!(sent("perplexity", &orphan).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
