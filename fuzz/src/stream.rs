//! Answers in pieces.

use backstop_core::chat::{ChatCollector, ChatEvent, ChatRequest};
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::door::{Door, Told, now, told};
use crate::{Family, sound, with_key};

/// Longer bodies are not cut into single bytes as well.
const SHORT: usize = 1024;

/// A body, given to a provider in pieces and to its end: the letter of the provider, the letter of the cuts, and what
/// stands for the body. However it is cut, the same comes of it; what breaks off tells nothing that the whole would not have told.
pub fn stream(family: &Family, input: &[u8]) {
    let Some((&[letter, cuts], input)) = input.split_first_chunk() else { return };
    let door = Door::new(family.pick(letter));
    let body = (family.body)(&with_key(input));
    same_however_cut(&body, cuts, |pieces| chat(&door, pieces, input));
    // A reason that is null is none.
    let text = String::from_utf8_lossy(&body).replace("\"finish_reason\":null", "");
    // Escaped, a marker looks different, and what is one value is whole at the end of the body.
    if is_framed(family, &body) && !text.contains("\\u") && !door.ends.iter().any(|end| text.contains(end)) {
        let told = chat(&door, &[&body], input);
        assert!(told.failed.is_some(), "it is whole, though nobody has said so: {told:?}");
    }
    if door.provider.capabilities(door.ask.model()).complete_stream {
        same_however_cut(&body, cuts, |pieces| complete(&door, pieces, input));
    }
    if let Some(short) = beginning(family, &body, cuts) {
        let (whole, short) = (content(chat(&door, &[&body], input)), content(chat(&door, &[short], input)));
        assert!(whole.starts_with(&short), "what broke off tells {short}, the whole {whole}");
    }
}

fn chat(door: &Door, pieces: &[&[u8]], input: &[u8]) -> Told<ChatEvent> {
    let most = most(pieces);
    door.says(200, event_stream(), pieces.iter().copied());
    let begun = now(door.provider.chat_stream(door.ask, &ChatRequest::user("hello")));
    let told =
        told(begun, |event| matches!(event, ChatEvent::End(_)), most, |error| sound::error(error, input));
    assert!(door.was_asked(), "nothing was asked");
    let mut whole = ChatCollector::default();
    let fits = told.pieces.iter().all(|event| whole.push(event).is_ok());
    let said = whole.into_reply();
    let calls = said.tool_calls.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len());
    let length = said.text.len() + said.reasoning.map_or(0, |text| text.len()) + calls.sum::<usize>();
    // A byte that is no text becomes three that say so.
    assert!(!fits || length <= 3 * most, "more is told than came: {length}");
    told
}

fn complete(door: &Door, pieces: &[&[u8]], input: &[u8]) -> Told<CompletionEvent> {
    door.says(200, event_stream(), pieces.iter().copied());
    let begun = now(door.provider.complete_stream(door.ask, &CompletionRequest::new("hello")));
    let is_end = |event: &CompletionEvent| matches!(event, CompletionEvent::End(_));
    told(begun, is_end, most(pieces), |error| sound::error(error, input))
}

fn event_stream() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))])
}

/// More pieces than a body of this length tells.
fn most(pieces: &[&[u8]]) -> usize {
    64 + pieces.iter().map(|piece| piece.len()).sum::<usize>()
}

/// The text and the calls of an answer, without what the end of the body ended.
fn content(told: Told<ChatEvent>) -> String {
    let pieces = told.pieces.into_iter().map(|event| match event {
        ChatEvent::Text(text) => text,
        ChatEvent::ToolCall(delta) => format!("{delta:?}"),
        _ => String::new(),
    });
    pieces.collect()
}

/// Whether a body is made of frames.
fn is_framed(family: &Family, body: &[u8]) -> bool {
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    start.first().is_some_and(|first| !(family.is_whole)(*first))
}

/// The beginning of a body, up to where one of its frames has ended, and nothing is held back.
fn beginning<'b>(family: &Family, body: &'b [u8], place: u8) -> Option<&'b [u8]> {
    let ending = family.ending;
    // Tags of thoughts may be held back, and values between events.
    let is_plain =
        !body.contains(&b'<') && !body.windows(2).any(|two| matches!(two, [b'\n' | b'\r', b'{' | b'[']));
    if !is_framed(family, body) || !is_plain {
        return None;
    }
    if ending.is_empty() {
        return body.get(..body.len() * usize::from(place) / 256);
    }
    let ends = body.windows(ending.len()).enumerate().filter(|(_, bytes)| *bytes == ending);
    let ends: Vec<usize> = ends.map(|(at, _)| at + ending.len()).collect();
    body.get(..*ends.get(usize::from(place) % ends.len().max(1))?)
}

/// Whether the same comes of a body in one piece, in pieces as `cuts` has it, and in single bytes.
pub(crate) fn same_however_cut<T: PartialEq + std::fmt::Debug>(
    body: &[u8],
    cuts: u8,
    of: impl Fn(&[&[u8]]) -> T,
) {
    let whole = of(&[body]);
    assert_eq!(of(&cut(body, cuts)), whole, "cut by {cuts}");
    if body.len() <= SHORT {
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(of(&bytes), whole, "in single bytes");
    }
}

/// Pieces of up to 32 bytes, none of which may be empty, at places that `cuts` decides.
fn cut(mut body: &[u8], cuts: u8) -> Vec<&[u8]> {
    let mut random = u32::from(cuts).wrapping_mul(0x9e37_79b9) | 1;
    let mut pieces = Vec::new();
    while !body.is_empty() {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let (piece, rest) = body.split_at((random as usize % 33).min(body.len()));
        pieces.push(piece);
        body = rest;
    }
    pieces
}
