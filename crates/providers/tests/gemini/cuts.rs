//! How the bytes of a stream are cut says nothing.

use backstop_core::chat::ChatEvent;
use bytes::Bytes;

use crate::asked::{Fake, stream};

/// One event a line; a `\n` in it is one in the stream.
const RECORDED: &[(&str, &[&str])] = &[
    (
        "text, thoughts, usage, a comment",
        &[
            ": connected",
            r#"data: {"candidates":[{"content":{"parts":[{"text":"hm ß","thought":true}]}}],"responseId":"r1","usageMetadata":{"promptTokenCount":4}}"#,
            r#"data: {"candidates":[{"content":{"parts":[{"text":"Grüße, "},{"text":"🦊 \u2014 \"so\"\r\n","thoughtSignature":"s+/="}]}}]}"#,
            r#"data: {"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2}}"#,
        ],
    ),
    (
        "tools, data over several lines",
        &[
            "data: {\"candidates\":\ndata:[{\"content\":{\"parts\":[{\ndata: \"functionCall\":{\"name\":\"f\",\"args\":{\"stadt\":\"Köln\"}}}]}}]}",
            r#"data:{"candidates":[{"finishReason":"STOP"}]}"#,
        ],
    ),
    (
        "a bare error in the middle",
        &[
            r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
            "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"zu groß }] \\\" \",\n    \"status\": \"UNAVAILABLE\"\n  }\n}",
            r#"data: {"candidates":[{"content":{"parts":[{"text":"lost"}]}}]}"#,
        ],
    ),
    (
        "an error in a list",
        &[
            r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#,
            "[{\n  \"error\": {\"code\": 500, \"message\": \"ü\"}\n}\n]",
        ],
    ),
    ("no end", &[r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}"#]),
    (
        "a blocked prompt",
        &[r#"data: {"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"Nö."}}"#],
    ),
    (
        "a whole reply",
        &[r#"{"candidates":[{"content":{"parts":[{"text":"Grüße"}]},"finishReason":"STOP"}]}"#],
    ),
    (
        "a list",
        &[
            "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Grü\"}]}}]}\n,",
            "{\"candidates\":[{\"finishReason\":\"STOP\"}]}]",
        ],
    ),
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
    for (name, _) in RECORDED {
        let mut first: Option<Told> = None;
        for (variant, body) in recordings() {
            if !variant.starts_with(&format!("{name}, ")) || variant.ends_with("no text") {
                continue;
            }
            let told = told(vec![&body]).await;
            assert_eq!(*first.get_or_insert_with(|| told.clone()), told, "{variant}");
        }
        assert!(first.is_some());
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
