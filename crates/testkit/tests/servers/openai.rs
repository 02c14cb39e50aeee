//! The JSON of the OpenAI wire.

use backstop_testkit::server::openai::{Completion, MODEL, error};
use serde_json::{Value, json};

#[test]
fn a_whole_reply_has_every_field_of_the_wire() {
    let reply = Completion::text("Hi.").model("gpt-x").finish_reason("length").usage(3, 4).json();
    assert_eq!(
        reply,
        json!({
            "id": "chatcmpl-test",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-x",
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": "Hi.", "refusal": null },
                "finish_reason": "length",
                "logprobs": null,
            }],
            "service_tier": "default",
            "usage": { "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7 },
        })
    );
}

#[test]
fn usage_can_be_left_out() {
    let silent = Completion::silent().without_usage();
    assert_eq!(silent.json().get("usage"), None);
    assert!(silent.chunks().iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
}

#[test]
fn tool_calls_carry_their_arguments_as_a_string() {
    let reply = Completion::silent().tool_call("call_1", "weather", "{\"city\":").json();
    let call = json!({ "id": "call_1", "type": "function",
        "function": { "name": "weather", "arguments": "{\"city\":" } });
    assert_eq!(reply.pointer("/choices/0/message/tool_calls"), Some(&json!([call])));
    assert_eq!(reply.pointer("/choices/0/finish_reason"), Some(&json!("tool_calls")));
    assert_eq!(Completion::text("a").json().pointer("/choices/0/message/tool_calls"), None);
}

#[test]
fn chunks_say_the_same_as_the_whole() {
    let whole =
        Completion::text("It is sunny.").refusal("No.").tool_call("call_1", "weather", "{}").usage(3, 4);
    let chunks = whole.chunks();
    let all = |pointer: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk.pointer(pointer)).filter_map(Value::as_str).collect()
    };
    assert_eq!(all("/choices/0/delta/content"), "It is sunny.");
    assert_eq!(all("/choices/0/delta/refusal"), "No.");
    assert_eq!(all("/choices/0/delta/tool_calls/0/id"), "call_1");
    assert_eq!(all("/choices/0/delta/tool_calls/0/function/name"), "weather");
    assert_eq!(all("/choices/0/delta/tool_calls/0/function/arguments"), "{}");
    assert_eq!(all("/choices/0/finish_reason"), "tool_calls");
    assert_eq!(all("/choices/0/delta/role"), "assistant");
    assert!(chunks.iter().all(|chunk| chunk.get("object") == Some(&json!("chat.completion.chunk"))));
    assert!(chunks.iter().all(|chunk| chunk.get("model") == Some(&json!(MODEL))));

    let last = chunks.last().unwrap();
    assert_eq!(
        (last.get("choices"), last.pointer("/usage/total_tokens")),
        (Some(&json!([])), Some(&json!(7)))
    );
    let finished = chunks.iter().rev().nth(1).unwrap();
    assert_eq!(finished.pointer("/choices/0/finish_reason"), Some(&json!("tool_calls")));
}

#[test]
fn events_are_the_chunks_and_then_done() {
    let completion = Completion::text("Hi there");
    let events = completion.events();
    assert_eq!(events.len(), completion.chunks().len() + 1);
    assert_eq!(events.last().unwrap().bytes(), b"data: [DONE]\n\n");
    let first = format!("data: {}\n\n", completion.chunks().first().unwrap());
    assert_eq!(events.first().unwrap().bytes(), first.as_bytes());
}

#[test]
fn an_error_has_four_fields_whatever_is_known() {
    assert_eq!(
        error("Slow down.", "tokens", None, Some("input")),
        json!({ "error": { "message": "Slow down.", "type": "tokens", "param": "input", "code": null } })
    );
}
