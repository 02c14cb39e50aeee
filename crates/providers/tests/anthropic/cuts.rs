//! How the bytes of a stream are cut says nothing.

use backstop_core::chat::ChatEvent;
use bytes::Bytes;

use crate::scene::{END, START, begin, delta, reason, stop, stream};
use crate::transport::Fake;

/// Streams, event by event; a `\n` in one is one between two of its lines.
fn recorded() -> Vec<(&'static str, Vec<String>)> {
    let named = |data: String| format!("data: {data}");
    let text = r#"{"type":"text","text":""}"#;
    let all = |data: Vec<String>| data.into_iter().map(named).collect::<Vec<_>>();
    vec![
        (
            "text, a ping, a comment",
            [
                vec![": connected".to_owned(), format!("event: message_start\ndata: {START}")],
                vec!["event: ping\ndata: {\"type\": \"ping\"}".to_owned()],
                all(vec![
                    begin(0, text),
                    delta(0, r#"{"type":"text_delta","text":"Grüße, 🦊 \u2014 \"so\"\r\n"}"#),
                    stop(0),
                    reason("end_turn"),
                    END.to_owned(),
                ]),
            ]
            .concat(),
        ),
        (
            "data over several lines",
            vec![
                format!("event: message_start\nid: 1\ndata: {}", START.replacen(',', ",\ndata:", 1)),
                "data:{\"type\":\"content_block_delta\",\ndata: \"delta\":\ndata:  {\"text\":\"Hi\"}}".to_owned(),
                format!("data:{END}"),
            ],
        ),
        (
            "thoughts and tools",
            all(vec![
                START.to_owned(),
                begin(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
                delta(0, r#"{"type":"thinking_delta","thinking":"hm ß"}"#),
                delta(0, r#"{"type":"signature_delta","signature":"EqQB"}"#),
                stop(0),
                begin(1, r#"{"type":"tool_use","id":"a","name":"f","input":{}}"#),
                delta(1, r#"{"type":"input_json_delta","partial_json":"{\"stadt\":\"Kö"}"#),
                delta(1, r#"{"type":"input_json_delta","partial_json":"ln\"}"}"#),
                stop(1),
                reason("tool_use"),
                END.to_owned(),
            ]),
        ),
        (
            "an error in the middle",
            vec![
                format!("data: {START}"),
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"zu groß\"}}".to_owned(),
                format!("data: {END}"),
            ],
        ),
        ("a refusal", all(vec![START.to_owned(), reason("refusal"), END.to_owned()])),
        ("no end", all(vec![START.to_owned(), begin(0, text), delta(0, r#"{"type":"text_delta","text":"Hi"}"#)])),
        ("a whole reply", vec![r#"{"model":"m","content":[{"type":"text","text":"Grüße"}]}"#.to_owned()]),
        ("a whole error", vec![r#"{"type":"error","error":{"type":"api_error","message":"zu groß"}}"#.to_owned()]),
        ("nothing", vec![]),
    ]
}

/// The recordings with each ending of lines, with and without a byte order mark.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, events) in recorded() {
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
    for (name, _) in recorded() {
        let mut first: Option<Vec<ChatEvent>> = None;
        for (variant, body) in recordings() {
            if !variant.starts_with(&format!("{name}, ")) || variant.ends_with("no text") {
                continue;
            }
            let (told, _) = told(vec![&body]).await;
            assert_eq!(*first.get_or_insert_with(|| told.clone()), told, "{variant}");
        }
        assert!(first.is_some(), "{name}");
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
