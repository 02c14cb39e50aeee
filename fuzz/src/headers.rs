//! Answers of any status, with any headers.

use backstop_core::Error;
use backstop_core::chat::{ChatEvent, ChatRequest};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::door::{Door, now, told};
use crate::whole::{Asked, answer, pick};
use crate::{sound, with_key};

/// A response, given to a provider: its letter, that of what is asked, the status, a line per header, a blank line, and
/// the body. A stream is asked for as well.
pub fn refusal(input: &[u8]) {
    let Some((&[letter, asked], input)) = input.split_first_chunk() else { return };
    let (door, asked) = (Door::new(pick(letter)), Asked::pick(asked));
    let (head, body) = match input.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.trim().parse().ok());
    let status = status.filter(|status| (100..=999).contains(status)).unwrap_or(400);
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = with_key(value.get(1..).unwrap_or_default().trim_ascii());
        let known = HeaderName::from_bytes(name).ok().zip(HeaderValue::from_bytes(&value).ok());
        headers.extend(known.map(|(name, value)| (Some(name), value)));
    }
    let body = with_key(body);
    let check = |error: &Error| {
        let told = sound::error(error, input);
        if !(200..300).contains(&status) {
            sound::hides_key(&format!("{error:?} {told}"), input);
        }
    };
    door.says(status, headers.clone(), [&*body]);
    match answer(&door, asked) {
        Err(error) => check(&error),
        Ok(reply) => assert!((200..300).contains(&status), "{status} passes for a success: {reply}"),
    }
    door.says(status, headers, [&*body]);
    let begun = now(door.provider.chat_stream(door.ask, &ChatRequest::user("hello")));
    assert!(begun.is_err() || (200..300).contains(&status), "{status} passes for a success");
    told(
        begun,
        |event| matches!(event, ChatEvent::End(_)),
        64 + body.len(),
        |error| {
            check(error);
            String::new()
        },
    );
}
