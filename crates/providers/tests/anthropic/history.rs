//! Conversations that began elsewhere.

use backstop_core::chat::{AssistantMessage, ChatRequest, Message, Sealed, ToolCall, ToolResult};
use serde_json::{Value, json};

use crate::scene::sent;

fn calling(calls: &[(&str, &str)]) -> Message {
    let calls = calls.iter().map(|(id, arguments)| ToolCall::new(*id, "f", *arguments));
    Message::Assistant(AssistantMessage::default().with_tool_calls(calls))
}

async fn turns(messages: impl IntoIterator<Item = Message>) -> Value {
    sent(&ChatRequest::new(messages)).await["messages"].clone()
}

/// The ids of calls, and of results.
async fn ids(messages: Vec<Message>) -> (Vec<String>, Vec<String>) {
    let turns = turns(messages).await;
    let blocks = || turns.as_array().unwrap().iter().flat_map(|turn| turn["content"].as_array().unwrap());
    let all = |name| blocks().filter_map(|block| block.get(name)?.as_str().map(str::to_owned)).collect();
    (all("id"), all("tool_use_id"))
}

#[tokio::test]
async fn where_the_assistant_speaks_first_the_user_bids_it_to() {
    assert_eq!(
        turns([Message::system("Be brief."), Message::assistant("How can I help?"), Message::user("Why?")])
            .await,
        json!([
            { "role": "user", "content": [{ "type": "text", "text": "Begin." }] },
            { "role": "assistant", "content": [{ "type": "text", "text": "How can I help?" }] },
            { "role": "user", "content": [{ "type": "text", "text": "Why?" }] },
        ])
    );
}

#[tokio::test]
async fn whoever_speaks_twice_speaks_once() {
    assert_eq!(
        turns([
            Message::user("a"),
            Message::user("b"),
            Message::assistant("c"),
            Message::assistant("d"),
            calling(&[("t", "{}")]),
            Message::user("meanwhile"),
            Message::tool("t", "done"),
        ])
        .await,
        json!([
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "assistant", "content": [
                { "type": "text", "text": "c" },
                { "type": "text", "text": "d" },
                { "type": "tool_use", "id": "t", "name": "f", "input": {} },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "t", "content": "done" },
                { "type": "text", "text": "meanwhile" },
            ] },
        ])
    );
}

#[tokio::test]
async fn what_the_system_says_first_stands_above_and_the_rest_in_its_place() {
    let request = ChatRequest::new([
        Message::system("Be brief."),
        Message::system(" "),
        Message::system("Be kind."),
        Message::user("a"),
        Message::assistant("b"),
        Message::system("Now be long."),
        Message::user("c"),
    ]);
    let body = sent(&request).await;
    assert_eq!(body["system"], "Be brief.\n\nBe kind.");
    assert_eq!(
        body["messages"][2]["content"],
        json!([{ "type": "text", "text": "Now be long." }, { "type": "text", "text": "c" }])
    );
    let blank = ChatRequest::user("a").with_system("\n");
    assert!(sent(&blank).await.get("system").is_none());
}

#[tokio::test]
async fn what_is_empty_is_not_said() {
    let mut spoken = AssistantMessage::default();
    spoken.text = "\n\n".to_owned();
    let mut blank = ToolResult::default();
    blank.call_id = "t".to_owned();
    assert_eq!(
        turns([
            Message::user("a"),
            Message::assistant(""),
            Message::user(" "),
            Message::user_parts([]),
            Message::user("b"),
            Message::Assistant(spoken.with_tool_calls([ToolCall::new("t", "f", " ")])),
            Message::Tool(blank),
        ])
        .await,
        json!([
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": {} }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t" }] },
        ])
    );
}

#[tokio::test]
async fn what_others_thought_and_sealed_is_left_out() {
    let mut earlier = AssistantMessage::default();
    earlier.text = "It is blue.".to_owned();
    earlier.reasoning = Some("what-was-thought".to_owned());
    let block = json!({ "type": "thinking", "thinking": "what-was-sealed", "signature": "s" });
    for data in [block.clone(), json!({ "text": 0, "calls": 0, "block": block })] {
        earlier.sealed.push(Sealed::new("somebody-else", crate::scene::MODEL, data));
    }
    let turns = turns([Message::user("Is it?"), Message::Assistant(earlier), Message::user("Why?")]).await;
    assert_eq!(turns[1]["content"], json!([{ "type": "text", "text": "It is blue." }]));
}

#[tokio::test]
async fn arguments_become_objects() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let nested = format!(r#"{{"a":{deep}}}"#);
    for (arguments, input) in [
        (r#"{"a": 1}"#, json!({ "a": 1 })),
        ("  {\n}", json!({})),
        ("", json!({})),
        ("{\"city\": broken", json!({ "_raw": "{\"city\": broken" })),
        ("[1]", json!({ "_raw": "[1]" })),
        ("\"x\"", json!({ "_raw": "\"x\"" })),
        ("null", json!({ "_raw": "null" })),
        ("{} {}", json!({ "_raw": "{} {}" })),
        (&nested, json!({ "_raw": nested })),
    ] {
        let turns = turns([Message::user("x"), calling(&[("t", arguments)])]).await;
        assert_eq!(turns[1]["content"][0]["input"], input, "{arguments}");
    }
}

#[tokio::test]
async fn ids_that_are_fine_stay_and_odd_ones_are_written_in_other_letters() {
    let odd = ["call_Ab3/x.y", "fc:1", "ü", "", "a b"];
    let fine = ["toolu_01A09q90qw90lq917835lq9", "fc-0", "call_1"];
    for id in fine {
        let (calls, results) =
            ids(vec![Message::user("x"), calling(&[(id, "{}")]), Message::tool(id, "1")]).await;
        assert_eq!((&*calls, &*results), (&[id.to_owned()][..], &[id.to_owned()][..]));
    }
    let all: Vec<_> = odd.iter().map(|id| (*id, "{}")).collect();
    let mut messages = vec![Message::user("x"), calling(&all)];
    messages.extend(odd.iter().rev().map(|id| Message::tool(*id, "1")));
    let (calls, mut results) = ids(messages).await;
    assert_eq!(calls, ["call_Ab3_x_y", "fc_1", "_", "call", "a_b"]);
    results.reverse();
    assert_eq!(results, calls);
}

#[tokio::test]
async fn no_two_calls_have_one_id_and_every_result_finds_its_call() {
    // Three that look alike in plain letters, one of which has them anyway.
    let messages = vec![
        Message::user("x"),
        calling(&[("a.b", "{}"), ("a:b", "{}"), ("a_b", "{}")]),
        Message::tool("a_b", "3"),
        Message::tool("a:b", "2"),
        Message::tool("a.b", "1"),
    ];
    let (calls, results) = ids(messages).await;
    assert_eq!(calls, ["a_b_2", "a_b_3", "a_b"]);
    assert_eq!(results, ["a_b", "a_b_3", "a_b_2"]);

    // Calls without ids, which the providers they came from numbered anew in every answer.
    let round = |text: &str| {
        vec![
            calling(&[("call_0", "{}"), ("call_1", "{}")]),
            Message::tool("call_1", text),
            Message::tool("call_0", text),
        ]
    };
    let messages: Vec<_> =
        [Message::user("x")].into_iter().chain(round("1")).chain(round("2")).chain(round("3")).collect();
    let (calls, results) = ids(messages.clone()).await;
    assert_eq!(calls, ["call_0", "call_1", "call_0_2", "call_1_2", "call_0_3", "call_1_3"]);
    assert_eq!(results, ["call_1", "call_0", "call_1_2", "call_0_2", "call_1_3", "call_0_3"]);

    // The same beginning gets the same ids, however the conversation goes on.
    let (shorter, _) = ids(messages[..7].to_vec()).await;
    assert_eq!(shorter, calls[..4]);

    // One id for two calls of one answer: results come in the order of the calls.
    let twins = vec![
        Message::user("x"),
        calling(&[("", "{}"), ("", "{}")]),
        Message::tool("", "1"),
        Message::tool("", "2"),
    ];
    let (calls, results) = ids(twins).await;
    assert_eq!((&calls[..], &results[..]), (&["call".to_owned(), "call_2".to_owned()][..], &calls[..]));
}

#[tokio::test]
async fn a_result_that_answers_nothing_is_sent_all_the_same() {
    let (_, results) =
        ids(vec![Message::user("x"), Message::tool("lost", "1"), Message::tool("lo.st", "1")]).await;
    assert_eq!(results, ["lost", "lo_st"]);
}

#[tokio::test]
async fn no_conversation_gets_an_id_twice_or_a_result_without_its_call() {
    let mut random = fastrand::Rng::with_seed(7);
    let names = ["a", "a_2", "a.2", "a:2", "", "call", "call_2", "ü", "é", "_", "_2"];
    for _ in 0..300 {
        let mut messages = vec![Message::user("x")];
        for _ in 0..random.usize(1..5) {
            let mut chosen: Vec<&str> =
                (0..random.usize(1..5)).map(|_| random.choice(names).unwrap()).collect();
            messages.push(calling(&chosen.iter().map(|id| (*id, "{}")).collect::<Vec<_>>()));
            random.shuffle(&mut chosen);
            messages.extend(chosen.into_iter().map(|id| Message::tool(id, "1")));
        }
        let (calls, results) = ids(messages.clone()).await;
        assert_eq!(ids(messages).await.0, calls, "the same every time");
        let sorted = |mut ids: Vec<String>| {
            ids.sort();
            ids
        };
        let mut once = sorted(calls.clone());
        once.dedup();
        assert_eq!(once.len(), calls.len(), "{calls:?}");
        assert_eq!(sorted(results), sorted(calls.clone()));
        assert!(
            calls
                .iter()
                .all(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        );
    }
}
