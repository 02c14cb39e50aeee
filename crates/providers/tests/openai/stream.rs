//! What a stream's events mean.

use std::sync::Arc;

use backstop_core::chat::{ChatEvent, FinishReason};
use backstop_core::{Ask, Env, Provider, Settings};
use backstop_providers::openai::OpenAiConfig;

use crate::fake::{Fake, KEY, events, provider, stream, with};
use crate::streamed::{collect, delta, finish, of, shown};

/// What these deltas come to, whose stream ends well.
async fn deltas(all: &[&str], reason: &str) -> String {
    let data: Vec<_> =
        all.iter().map(|one| delta(one)).chain([finish(reason), "[DONE]".to_owned()]).collect();
    let (told, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert!(error.is_none(), "{error:?}");
    shown(&told)
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) = stream(of(&[
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"prompt_tokens_details":{"cached_tokens":4}}}"#,
        "[DONE]",
    ]))
    .await;
    assert!(error.is_none());
    assert_eq!(shown(&told), r#"start:m "Hi" 5+1 end:stop"#);
    let reply = collect(&told);
    assert_eq!((reply.status, reply.request_id.as_deref()), (Some(200), Some("req_1")));
    assert_eq!((reply.id.as_deref(), reply.usage.cached_input_tokens), (Some("c1"), Some(4)));
}

#[tokio::test]
async fn deltas_of_every_form_are_read() {
    for (all, expected) in [
        (&[r#"{"content":"a"}"#, r#"{"content":" b"}"#][..], r#"start:m "a" " b" end:stop"#),
        (&[r#"{"role":"assistant","content":""}"#, r#"{"content":null}"#, "{}", "null"], "start:m end:stop"),
        (&[r#"{"reasoning_content":"hm"}"#, r#"{"content":"a"}"#], r#"start:m (hm) "a" end:stop"#),
        (&[r#"{"reasoning":"hm","content":""}"#, r#"{"content":"a"}"#], r#"start:m (hm) "a" end:stop"#),
        (&[r#"{"reasoning_content":"hm","reasoning":"hm"}"#], "start:m (hm) end:stop"),
        (&[r#"{"reasoning":{"odd":1},"reasoning_content":""}"#], "start:m … end:stop"),
        (&[r#"{"content":[{"type":"text","text":"a"}]}"#, r#"{"content":[]}"#], r#"start:m "a" end:stop"#),
        (&[r#"{"audio":{"id":"audio_1"}}"#, r#"{"audio":{"data":""}}"#], "start:m other:audio end:stop"),
        // The old form of a call, and a tool that takes a plain text.
        (
            &[r#"{"function_call":{"name":"f","arguments":""}}"#, r#"{"function_call":{"arguments":"{}"}}"#],
            "start:m 0:call_0:f: 0:-:-:{} end:stop",
        ),
        (&[r#"{"content":"a","function_call":{"name":"","arguments":""}}"#], r#"start:m "a" end:stop"#),
        (
            &[
                r#"{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"sql","input":""}}]}"#,
                r#"{"tool_calls":[{"index":0,"custom":{"input":"SELECT 1"}}]}"#,
            ],
            "start:m 0:c:sql: 0:-:-:SELECT 1 end:stop",
        ),
        (&[r#"{"content":"a","refusal":""}"#], r#"start:m "a" end:stop"#),
        (&[r#"{"content":"a"}"#, r#"{"refusal":"No."}"#], r#"start:m "a" "No." end:content_filter"#),
        (&[r#"{"refusal":"No"}"#, r#"{"content":"a"}"#], r#"start:m "No" "a" end:content_filter"#),
    ] {
        assert_eq!(deltas(all, "stop").await, expected, "{all:?}");
    }
}

#[tokio::test]
async fn tool_calls_of_every_form_are_read() {
    for (all, expected) in [
        (
            &[
                r#"{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}"#,
                r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}"#,
                r#"{"tool_calls":[{"index":0,"id":"","function":{"name":"","arguments":"1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}"#,
            ][..],
            r#"start:m 0:a:f: 0:-:-:{"x": 0:-:-:1} 1:b:g:{}"#,
        ),
        // Whole calls without an index, and one that comes in pieces all the same.
        (
            &[
                r#"{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":"{"}}]}"#,
                r#"{"tool_calls":[{"function":{"arguments":"}"}}]}"#,
                r#"{"tool_calls":[{"id":"b","function":{"arguments":" "}}]}"#,
            ],
            "start:m 0:a:f:{} 1:b:g:{ 1:-:-:} 1:b:-: ",
        ),
        // No id, and arguments that are no text.
        (
            &[
                r#"{"tool_calls":[{"index":2,"function":{"name":"f","arguments":{"x":1}}},{"index":2,"function":{"arguments":null}}]}"#,
            ],
            r#"start:m 2:call_2:f:{"x":1} 2:-:-:"#,
        ),
    ] {
        assert_eq!(deltas(all, "tool_calls").await, format!("{expected} end:tool_calls"), "{all:?}");
    }
}

#[tokio::test]
async fn usage_is_told_wherever_it_stands_and_only_when_it_is_news() {
    let counted = |n: u32, delta: &str| {
        format!(
            r#"{{"choices":[{{"delta":{delta}}}],"usage":{{"prompt_tokens":5,"completion_tokens":{n}}}}}"#
        )
    };
    let mut data: Vec<_> = (0..100).map(|n| counted(n, r#"{"reasoning":"."}"#)).collect();
    data.extend([
        counted(100, r#"{"content":"a"}"#),
        counted(101, r#"{"content":"b"}"#),
        delta(r#"{"content":"c"}"#),
    ]);
    data.extend([finish("stop"), "[DONE]".to_owned()]);
    let (told, _) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert_eq!(shown(&told).replace("(.) ", ""), r#"start:? "a" 5+100 "b" 5+101 "c" end:stop"#);
    let apart = [
        r#"{"choices":[],"usage":{"prompt_tokens":5}}"#,
        r#"{"choices":[],"usage":{"completion_tokens":2}}"#,
    ];
    let (told, _) = stream(of(&[apart[0], apart[1], &finish("stop"), "[DONE]"])).await;
    assert_eq!(shown(&told), "start:? 5+2 end:stop");
    for odd in [r#""many""#, "[]", r#"{"prompt_tokens":-1}"#, "{}"] {
        let data =
            [delta(r#"{"content":"a"}"#), format!(r#"{{"choices":[],"usage":{odd}}}"#), finish("stop")];
        let (told, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
        assert_eq!((shown(&told), error.is_none()), (r#"start:m "a" end:stop"#.to_owned(), true), "{odd}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_passed_over() {
    let hi = delta(r#"{"content":"Hi"}"#);
    let body = format!(
        ": OPENROUTER PROCESSING\n\nevent: ping\ndata: {{}}\n\nid: 7\nretry: 10\n\ndata:\n\ndata: {{\"later\":[1]}}\n\n\
         event: message\ndata: {hi}\n\ndata: {{\"choices\":[{{\"index\":1,\"delta\":{{\"content\":\"other\"}}}}]}}\n\n\
         data: {}\n\ndata: {{\"choices\":[],\"expires_at\":5}}\n\ndata:[DONE]\n\ndata: {hi}\n\n",
        finish("stop")
    );
    let (told, error) = stream(events(body)).await;
    assert_eq!((shown(&told), error.is_none()), (r#"start:m "Hi" end:stop"#.to_owned(), true));
}

#[tokio::test]
async fn an_answer_is_whole_once_that_is_said() {
    let hi = delta(r#"{"content":"Hi"}"#);
    let call = delta(r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]}"#);
    let (stop, done) = (finish("length"), "[DONE]".to_owned());
    for (data, end) in [
        (vec![hi.clone(), stop.clone(), done.clone()], "length"),
        (vec![hi.clone(), stop.clone()], "length"),
        (vec![hi.clone(), done.clone()], "stop"),
        (vec![call.clone(), done.clone()], "tool_calls"),
        (vec![stop.clone(), done.clone()], "length"),
        (vec![hi.clone(), finish("eos"), done.clone()], "eos"),
        (vec![hi.clone(), finish("function_call"), done.clone()], "tool_calls"),
        (vec![hi.clone(), finish("content_filter"), done.clone()], "content_filter"),
        (vec![finish("content_filter"), done.clone()], "content_filter"),
    ] {
        let (told, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
        assert!(error.is_none(), "{data:?} {error:?}");
        assert!(shown(&told).ends_with(&format!("end:{end}")), "{data:?} {told:?}");
    }
}

#[tokio::test]
async fn a_whole_reply_in_place_of_a_stream_is_told_as_if_streamed() {
    let body = r#"{"id":"c1","model":"m","choices":[{"message":{"content":"Hi","reasoning":"hm","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#;
    for fake in [
        Fake::new(200, body),
        events(format!("\u{feff}\r\n {body}")),
        Fake::new(200, body).header("content-type", "text/plain"),
    ] {
        let (told, error) = stream(fake).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shown(&told), r#"start:m (hm) "Hi" 0:a:f:{} 5+1 end:tool_calls"#);
        assert_eq!(collect(&told).id.as_deref(), Some("c1"));
    }
    let (told, _) = stream(Fake::new(200, r#"{"choices":[{"message":{"content":""}}]}"#)).await;
    assert_eq!(
        told.last(),
        Some(&ChatEvent::End(FinishReason::Stop)),
        "whether that is an answer is not judged here"
    );
}

#[tokio::test]
async fn a_stream_is_asked_for_as_documented() {
    let fake = Arc::new(of(&["[DONE]"]));
    drop(provider(&fake).chat_stream(Ask::new("gpt-x"), &"hello".into()).await.unwrap());
    let (body, (_, headers)) = (fake.body(), fake.head());
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"], serde_json::json!({ "include_usage": true }));
    assert_eq!(headers["accept"], "text/event-stream");

    let mut settings = Settings::new("mirror", Env::empty());
    settings.api_key = Some(KEY.into());
    settings.options = serde_json::from_str(r#"{"stream_usage":false}"#).unwrap();
    for config in
        [OpenAiConfig::new(KEY).without_stream_usage(), OpenAiConfig::from_settings(settings).unwrap()]
    {
        let fake = Arc::new(of(&["[DONE]"]));
        let plain = with(config, &fake);
        assert!(plain.capabilities("gpt-x").chat_stream);
        drop(plain.chat_stream(Ask::new("gpt-x"), &"hello".into()).await.unwrap());
        let body = fake.body();
        assert_eq!((&body["stream"], body.get("stream_options")), (&true.into(), None));
    }
}

#[tokio::test]
async fn what_tells_of_thinking_is_progress_and_what_keeps_the_connection_is_not() {
    let counted = |thought: u32| {
        format!(
            r#"{{"choices":[],"usage":{{"completion_tokens":0,"completion_tokens_details":{{"reasoning_tokens":{thought}}}}}}}"#
        )
    };
    for (data, expected) in [
        (delta(r#"{"role":"assistant","content":"","reasoning":null,"reasoning_details":[]}"#), ""),
        (delta(r#"{"role":"assistant","content":null,"reasoning_content":""}"#), ""),
        (delta("{}"), ""),
        (counted(0), ""),
        (counted(7), "… "),
        (delta(r#"{"reasoning_content":"hm"}"#), "(hm) "),
        (delta(r#"{"reasoning":"hm"}"#), "(hm) "),
        (delta(r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#), "(hm) "),
        (delta(r#"{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}"#), "… "),
        (delta(r#"{"reasoning_steps":[{"type":"web_search"}]}"#), "… "),
        (delta(r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#), "(hm) "),
    ] {
        let first = r#"{"model":"m","choices":[]}"#;
        let (told, error) = stream(of(&[first, &data, &data, &finish("stop"), "[DONE]"])).await;
        assert!(error.is_none(), "{error:?}");
        // What is counted again is no news, and the cost is told in the end.
        let times = if data.contains("reasoning_tokens") { 1 } else { 2 };
        let shown = shown(&told).replace("0+0 ", "");
        assert_eq!(shown, format!("start:m {}end:stop", expected.repeat(times)), "{data}");
    }
}
