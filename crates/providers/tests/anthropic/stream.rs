//! What a stream's events mean.

use backstop_core::chat::{ChatEvent, FinishReason};

use crate::scene::{END, START, begin, collect, delta, of, reason, shown, stop, stream, whole};
use crate::transport::{Fake, events};

const TEXT: &str = r#"{"type":"text","text":""}"#;

fn say(index: u32, text: &str) -> String {
    delta(index, &format!(r#"{{"type":"text_delta","text":"{text}"}}"#))
}

fn json(index: u32, part: &str) -> String {
    delta(index, &format!(r#"{{"type":"input_json_delta","partial_json":{part:?}}}"#))
}

/// What these events come to, whose stream ends well.
async fn told(data: &[String], word: &str) -> String {
    let (told, error) = stream(whole(data, word)).await;
    assert!(error.is_none(), "{error:?}");
    shown(&told)
}

#[tokio::test]
async fn a_documented_stream_is_read() {
    let (told, error) = stream(events(
        r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":1,"cache_read_input_tokens":4,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

"#,
    ))
    .await;
    assert!(error.is_none());
    assert_eq!(shown(&told), r#"start:m 14+1 "Hi" 14+3 end:stop"#);
    let reply = collect(&told);
    assert_eq!((reply.status, reply.request_id.as_deref()), (Some(200), Some("req_1")));
    assert_eq!((reply.id.as_deref(), reply.usage.cached_input_tokens), (Some("msg_1"), Some(4)));
}

#[tokio::test]
async fn tool_calls_are_told_piece_by_piece() {
    let call = |index, id: &str, name: &str| {
        begin(index, &format!(r#"{{"type":"tool_use","id":"{id}","name":"{name}","input":{{}}}}"#))
    };
    let data = [
        begin(0, TEXT),
        say(0, "Let me look."),
        stop(0),
        call(1, "a", "f"),
        json(1, ""),
        json(1, r#"{"x":"#),
        json(1, "1}"),
        stop(1),
        call(2, "b", "g"),
        json(2, ""),
        stop(2),
    ];
    assert_eq!(
        told(&data, "tool_use").await,
        r#"start:m 9+1 "Let me look." 0:a:f: 0:-:-:{"x": 0:-:-:1} 1:b:g: 1:-:-:{} 9+3 end:tool_calls"#
    );
}

#[tokio::test]
async fn tool_calls_of_other_servers_are_read() {
    for (data, expected) in [
        // No id and no input.
        (vec![begin(0, r#"{"type":"tool_use","name":"f"}"#), stop(0)], "0:call_0:f: 0:-:-:{}"),
        // All of the input at once.
        (
            vec![begin(0, r#"{"type":"tool_use","id":"a","name":"f","input":{"x": 1}}"#), stop(0)],
            r#"0:a:f: 0:-:-:{"x": 1}"#,
        ),
        // At once, and in pieces all the same.
        (
            vec![
                begin(0, r#"{"type":"tool_use","id":"a","name":"f","input":{"x":1}}"#),
                json(0, "{}"),
                stop(0),
            ],
            "0:a:f: 0:-:-:{}",
        ),
        // Two in one place, without an end between them.
        (
            vec![
                begin(0, r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#),
                begin(0, r#"{"type":"tool_use","id":"b","name":"g","input":{}}"#),
                json(0, "{}"),
            ],
            "0:a:f: 0:-:-:{} 1:b:g: 1:-:-:{}",
        ),
        // One whose beginning is told twice.
        (
            vec![
                begin(0, r#"{"type":"tool_use","id":"a","name":"f"}"#),
                json(0, "{"),
                begin(0, r#"{"type":"tool_use","id":"a","name":"f"}"#),
                json(0, "}"),
            ],
            "0:a:f: 0:-:-:{ 0:-:-:}",
        ),
        // Pieces of two in turn.
        (
            vec![
                begin(3, r#"{"type":"tool_use","id":"a","name":"f"}"#),
                begin(5, r#"{"type":"tool_use","id":"b","name":"g"}"#),
                json(5, "{}"),
                json(3, "{}"),
            ],
            "0:a:f: 1:b:g: 1:-:-:{} 0:-:-:{}",
        ),
    ] {
        assert_eq!(told(&data, "tool_use").await, format!("start:m 9+1 {expected} 9+3 end:tool_calls"));
    }
    // Without an end of its own it ends with the message.
    let open = [begin(0, r#"{"type":"tool_use","id":"a","name":"f"}"#)];
    assert_eq!(told(&open, "tool_use").await, "start:m 9+1 0:a:f: 9+3 0:-:-:{} end:tool_calls");
}

#[tokio::test]
async fn what_llama_cpp_streams_is_read() {
    // All blocks end at the end, and the last piece may tell their beginning again.
    let data = [
        r#"{"type":"message_start","message":{"id":"chatcmpl-1","type":"message","role":"assistant","content":[],"model":"qwen3","stop_reason":null,"stop_sequence":null,"usage":{"cache_read_input_tokens":30,"input_tokens":5,"output_tokens":0}}}"#.to_owned(),
        begin(0, r#"{"type":"thinking","thinking":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"Okay."}"#),
        begin(1, TEXT),
        say(1, "Hel"),
        begin(1, TEXT),
        say(1, "lo"),
        begin(2, r#"{"type":"tool_use","id":"Xk2","name":"get_weather"}"#),
        json(2, r#"{"city":"Oslo"}"#),
        delta(0, r#"{"type":"signature_delta","signature":""}"#),
        stop(0),
        stop(1),
        stop(2),
        reason("tool_use"),
        END.to_owned(),
    ];
    let (told, error) = stream(of(&data.iter().map(String::as_str).collect::<Vec<_>>())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        shown(&told),
        r#"start:qwen3 35+0 … (Okay.) "Hel" "lo" 0:Xk2:get_weather: 0:-:-:{"city":"Oslo"} … 35+3 end:tool_calls"#
    );
}

#[tokio::test]
async fn thoughts_are_told_and_sealed_once_they_are_whole() {
    let data = [
        begin(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"hm, "}"#),
        delta(0, r#"{"type":"thinking_delta","thinking":"ja"}"#),
        delta(0, r#"{"type":"signature_delta","signature":"EqQB"}"#),
        stop(0),
        begin(1, r#"{"type":"redacted_thinking","data":"x"}"#),
        stop(1),
        begin(2, TEXT),
        say(2, "a"),
    ];
    assert_eq!(
        told(&data, "end_turn").await,
        r#"start:m 9+1 … (hm, ) (ja) … sealed:thinking … sealed:redacted_thinking "a" 9+3 end:stop"#
    );
}

#[tokio::test]
async fn counts_are_of_all_so_far_and_the_last_one_is_right() {
    let usage = |usage: &str| format!(r#"{{"type":"message_delta","delta":{{}},"usage":{usage}}}"#);
    let data = [
        begin(0, TEXT),
        say(0, "a"),
        usage(r#"{"output_tokens":2}"#),
        usage(
            r#"{"input_tokens":61,"cache_read_input_tokens":100,"output_tokens":5,"output_tokens_details":{"thinking_tokens":2}}"#,
        ),
        usage(r#""odd""#),
        usage("null"),
    ];
    assert_eq!(told(&data, "end_turn").await, r#"start:m 9+1 "a" 9+2 161+5 161+5 161+3 end:stop"#);
    let reply = collect(&stream(whole(&data, "end_turn")).await.0);
    assert_eq!((reply.usage.reasoning_tokens, reply.usage.cached_input_tokens), (Some(2), Some(100)));
}

#[tokio::test]
async fn what_is_unknown_is_passed_over() {
    let hi = say(0, "Hi");
    let body = format!(
        ": hello\n\nevent: ping\ndata: {{}}\n\nevent: later\ndata: not even JSON\n\nevent: vertex_event\ndata: x\n\n\
         id: 7\nretry: 10\n\ndata:\n\ndata: {{\"later\":[1]}}\n\ndata: {START}\n\ndata: {}\n\n\
         data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"citations_delta\",\"citation\":{{}}}}}}\n\n\
         event: message_later\ndata: {{\"type\":\"message_later\"}}\n\nevent: message\ndata: {hi}\n\n\
         event: content_block_stop\ndata: {{\"index\":0}}\n\ndata: [DONE]\n\ndata: {}\n\ndata: {END}\n\ndata: {hi}\n\n",
        begin(0, TEXT),
        reason("end_turn"),
    );
    let (told, error) = stream(events(body)).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(shown(&told), r#"start:m 9+1 "Hi" 9+3 end:stop"#);
}

#[tokio::test]
async fn pieces_of_blocks_without_a_beginning_are_told() {
    let data = [delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#), say(1, "Hi")];
    assert_eq!(told(&data, "end_turn").await, r#"start:m 9+1 (hm) "Hi" 9+3 end:stop"#);
}

#[tokio::test]
async fn every_end_has_its_reason() {
    for (word, end) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "pause_turn"),
        ("refusal", "content_filter"),
        ("", "stop"),
    ] {
        let told = told(&[begin(0, TEXT), say(0, "Hi"), stop(0)], word).await;
        assert!(told.ends_with(&format!("end:{end}")), "{told}");
    }
    let (told, error) = stream(of(&[START, &reason("max_tokens"), END])).await;
    assert_eq!((shown(&told), error.is_none()), ("start:m 9+1 9+3 end:length".to_owned(), true));
}

#[tokio::test]
async fn a_whole_reply_in_place_of_a_stream_is_told_as_if_streamed() {
    let body = r#"{"id":"msg_1","model":"m","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hi"},{"type":"tool_use","id":"a","name":"f","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":1}}"#;
    for fake in [
        Fake::new(200, body),
        events(format!("\u{feff}\r\n {body}")),
        Fake::new(200, body).header("content-type", "text/plain"),
    ] {
        let (told, error) = stream(fake).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(shown(&told), r#"start:m (hm) "Hi" 0:a:f:{} sealed:thinking 5+1 end:tool_calls"#);
        assert_eq!(collect(&told).id.as_deref(), Some("msg_1"));
    }
    let (told, _) = stream(Fake::new(200, r#"{"content":[]}"#)).await;
    let last = ChatEvent::End(FinishReason::Stop);
    assert_eq!(told.last(), Some(&last), "whether that is an answer is not judged here");
}

#[tokio::test]
async fn what_the_first_event_holds_already_counts() {
    let started = |content: &str| START.replace(r#""content":[]"#, &format!(r#""content":{content}"#));
    let call = r#"{"type":"tool_use","id":"t1","name":"roll","input":{"dice":2},"caller":{"type":"code"}}"#;
    let end = reason("tool_use");
    for (content, more, expected) in [
        (format!("[{call}]"), vec![], r#"0:t1:roll: 0:-:-:{"dice":2}"#),
        // Told again, it is the same call, and another one is another.
        (format!("[{call}]"), vec![begin(0, call), stop(0)], r#"0:t1:roll: 0:-:-:{"dice":2}"#),
        (
            format!("[{call}]"),
            vec![begin(0, r#"{"type":"tool_use","id":"t2","name":"f","input":{}}"#), stop(0)],
            r#"0:t1:roll: 0:-:-:{"dice":2} 1:t2:f: 1:-:-:{}"#,
        ),
        (r#"[{"type":"text","text":"Hi"}]"#.to_owned(), vec![say(0, " you")], r#""Hi" " you""#),
    ] {
        let first = started(&content);
        let data: Vec<&str> =
            [&*first].into_iter().chain(more.iter().map(String::as_str)).chain([&*end, END]).collect();
        let (told, error) = stream(of(&data)).await;
        assert!(error.is_none(), "{error:?}");
        let shown = shown(&told).replace(" 9+3", "");
        assert_eq!(shown, format!("start:m 9+1 {expected} end:tool_calls"), "{content} {more:?}");
    }
}

#[tokio::test]
async fn what_tells_of_thinking_is_progress_and_a_ping_is_not() {
    let ping = r#"{"type":"ping"}"#.to_owned();
    for (data, expected) in [
        (vec![ping.clone(), begin(0, TEXT), ping], ""),
        (vec![begin(0, r#"{"type":"thinking","thinking":""}"#)], "… "),
        (vec![delta(0, r#"{"type":"thinking_delta","thinking":""}"#)], "… "),
        (vec![delta(0, r#"{"type":"thinking_delta","thinking":"hm"}"#)], "(hm) "),
        (vec![begin(0, r#"{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}"#)], "… "),
    ] {
        let told = told(&[data.clone(), vec![begin(7, TEXT), say(7, "a")]].concat(), "end_turn").await;
        let told = told.replace(" sealed:server_tool_use", "");
        assert_eq!(told, format!(r#"start:m 9+1 {expected}"a" 9+3 end:stop"#), "{data:?}");
    }
}
