//! How the bytes of a stream are cut says nothing.

use backstop_core::chat::ChatEvent;
use bytes::Bytes;

use crate::fake::{Fake, stream};

/// One event a line; a `\n` in it is one between two `data:` lines.
const RECORDED: &[(&str, &[&str])] = &[
    (
        "text, usage, a comment",
        &[
            ": connected",
            r#"data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
            r#"data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Grüße, "}}]}"#,
            ": still here",
            r#"data: {"id":"c1","choices":[{"index":0,"delta":{"content":"🦊 \u2014 \"so\"\r\n"}}]}"#,
            r#"data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}"#,
            "data: [DONE]",
        ],
    ),
    (
        "data over several lines",
        &[
            "event: message\nid: 1\ndata: {\"model\":\"m\",\ndata:\"choices\":\ndata:  [{\"delta\":{\"content\":\ndata: \"Hi\"}}]}",
            "data:{\"choices\":[{\"finish_reason\":\"stop\"}]}",
            "data:[DONE]",
        ],
    ),
    (
        "thoughts and tools",
        &[
            r#"data: {"model":"m","choices":[{"delta":{"reasoning_content":"hm, "}}]}"#,
            r#"data: {"choices":[{"delta":{"reasoning":"ja ß"}}]}"#,
            r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"stadt\":\"Kö"}}]}}]}"#,
            r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ln\"}"}}]}}]}"#,
            r#"data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1}}"#,
            "data: [DONE]",
        ],
    ),
    (
        "an error in the middle",
        &[
            r#"data: {"model":"m","choices":[{"delta":{"content":"Hi"}}]}"#,
            "event: error\ndata: {\"error\":{\"message\":\"zu groß\",\"code\":\"server_error\"}}",
            r#"data: {"choices":[{"delta":{"content":"lost"}}]}"#,
        ],
    ),
    (
        "a refusal",
        &[
            r#"data: {"choices":[{"delta":{"refusal":"Nö."}}]}"#,
            r#"data: {"choices":[{"finish_reason":"stop"}]}"#,
        ],
    ),
    ("no end", &[r#"data: {"choices":[{"delta":{"content":"Hi"}}]}"#]),
    (
        "a whole reply",
        &[r#"{"model":"m","choices":[{"message":{"content":"Grüße"},"finish_reason":"stop"}]}"#],
    ),
    ("a whole error", &[r#"{"error":{"message":"zu groß","code":"server_error"}}"#]),
    ("nothing", &[]),
];

/// The recordings with each ending of lines, with and without a byte order mark.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, events) in RECORDED {
        for (ending, line) in [("LF", "\n"), ("CRLF", "\r\n"), ("CR", "\r")] {
            for bom in ["", "\u{feff}"] {
                let body: String =
                    events.iter().map(|event| event.replace('\n', line) + line + line).collect();
                all.push((format!("{name}, {ending} {}", bom.len()), format!("{bom}{body}").into_bytes()));
            }
        }
        let broken = events.join("\n\n").into_bytes();
        // Bytes that are no text in the place of some that are.
        let broken = broken.iter().map(|byte| if *byte == 0xc3 { 0xff } else { *byte }).collect();
        all.push((format!("{name}, no text"), broken));
    }
    all
}

type Told = (Vec<ChatEvent>, Option<String>);

async fn told(pieces: Vec<&[u8]>) -> Told {
    let chunks = pieces.into_iter().map(|piece| Ok(Bytes::copy_from_slice(piece)));
    let (events, error) =
        stream(Fake::chunked(200, chunks).header("content-type", "text/event-stream")).await;
    (events, error.map(|error| format!("{error:?}")))
}

#[tokio::test]
async fn a_recorded_stream_cut_anywhere_is_the_same_stream() {
    for (name, body) in recordings() {
        let whole = told(vec![&body]).await;
        for at in 0..=body.len() {
            let (head, tail) = body.split_at(at);
            assert_eq!(told(vec![head, tail]).await, whole, "{name}, cut at {at}");
        }
        assert_eq!(told(body.chunks(1).collect()).await, whole, "{name}, byte by byte");
    }
}

#[tokio::test]
async fn the_ending_of_lines_and_a_byte_order_mark_say_nothing() {
    for (name, events) in RECORDED {
        let mut first: Option<Vec<ChatEvent>> = None;
        for (variant, body) in recordings() {
            if !variant.starts_with(&format!("{name}, ")) || variant.ends_with("no text") {
                continue;
            }
            let (told, _) = told(vec![&body]).await;
            assert_eq!(*first.get_or_insert_with(|| told.clone()), told, "{variant}");
        }
        assert!(first.is_some(), "{events:?}");
    }
}

#[tokio::test]
async fn random_pieces_are_the_same_stream() {
    let mut random = fastrand::Rng::with_seed(3);
    for (name, body) in recordings() {
        let whole = told(vec![&body]).await;
        for _ in 0..50 {
            let most = random.usize(1..=40);
            let mut pieces = Vec::new();
            let mut rest = &body[..];
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.usize(0..=rest.len().min(most)));
                pieces.push(piece);
                rest = left;
            }
            assert_eq!(told(pieces).await, whole, "{name}");
        }
    }
}

#[tokio::test]
async fn whatever_comes_a_stream_ends_and_says_how() {
    let mut random = fastrand::Rng::with_seed(4);
    let recordings = recordings();
    for round in 0..20_000 {
        let mut body = if round % 4 == 0 {
            (0..random.usize(0..200)).map(|_| random.u8(..)).collect()
        } else {
            let (_, body) = &recordings[random.usize(0..recordings.len())];
            body.clone()
        };
        // Bytes changed, left out and doubled.
        for _ in 0..random.usize(0..6) {
            if body.is_empty() {
                break;
            }
            let at = random.usize(0..body.len());
            match random.u8(0..4) {
                0 => body[at] = random.u8(..),
                1 => drop(body.remove(at)),
                2 => body.insert(at, random.choice(*b"{}[]\",:\r\n dx\xff").unwrap()),
                _ => body.truncate(at),
            }
        }
        let pieces: Vec<_> = body.chunks(random.usize(1..100)).collect();
        let (events, error) = told(pieces).await;
        let ends = events.iter().filter(|event| matches!(event, ChatEvent::End(_))).count();
        assert_eq!(ends + usize::from(error.is_some()), 1, "{events:?} {error:?}");
        assert!(ends == 0 || matches!(events.last(), Some(ChatEvent::End(_))), "{events:?}");
    }
}
