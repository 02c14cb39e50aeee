//! AWS's messages out of lines of text: checksums are not found by chance.

/// Two lengths and the checksum of both.
const PRELUDE: usize = 12;

/// The checksum of the whole message, at its end.
const TRAILER: usize = 4;

/// The bytes that these lines stand for. Those without any tab stand for themselves. Otherwise a line is one of
///
/// - `name<TAB>payload`, `!name<TAB>payload`, `?code<TAB>message`: an event, an exception, an error
/// - `~PX`: in the message before, the byte at `P` is another, by the bits of `X`
/// - `^PX`: the same, and the checksums are put right
/// - `%P`: the message before ends at `P`
/// - anything else: bytes, as they are
pub(crate) fn built(input: &[u8]) -> Vec<u8> {
    if !input.contains(&b'\t') {
        return input.to_vec();
    }
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in input.split(|byte| *byte == b'\n') {
        match (line, messages.last_mut()) {
            (&[sort @ (b'~' | b'^'), place, bits, ..], Some(last)) if !last.is_empty() => {
                let place = usize::from(place) % last.len();
                last[place] ^= bits;
                if sort == b'^' {
                    sum(last);
                }
            }
            (&[b'%', place, ..], Some(last)) => last.truncate(usize::from(place)),
            _ => messages.push(one(line)),
        }
    }
    messages.concat()
}

/// The message that a line stands for.
fn one(line: &[u8]) -> Vec<u8> {
    let Some(tab) = line.iter().position(|byte| *byte == b'\t') else { return line.to_vec() };
    let (name, told) = (&line[..tab], &line[tab + 1..]);
    let json = (":content-type", &b"application/json"[..]);
    match name.split_first() {
        Some((b'!', name)) => {
            message(&[(":exception-type", name), json, (":message-type", b"exception")], told)
        }
        Some((b'?', code)) => {
            message(&[(":error-code", code), (":error-message", told), (":message-type", b"error")], b"")
        }
        _ => message(&[(":event-type", name), json, (":message-type", b"event")], told),
    }
}

/// A message of these headers, all of them texts.
fn message(headers: &[(&str, &[u8])], payload: &[u8]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in headers {
        list.push(u8::try_from(name.len()).expect("a short name"));
        list.extend(name.as_bytes());
        list.push(7);
        list.extend(u16::try_from(value.len()).expect("a short value").to_be_bytes());
        list.extend(*value);
    }
    let number = |length| u32::try_from(length).expect("a short message").to_be_bytes();
    let length = PRELUDE + list.len() + payload.len() + TRAILER;
    let prelude = [number(length), number(list.len()), [0; 4]].concat();
    let mut message = [&*prelude, &list, payload, &[0; TRAILER]].concat();
    sum(&mut message);
    message
}

/// Puts the checksums right, the second one where the message says that it ends, if it ends there.
fn sum(message: &mut [u8]) {
    let said = message.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let fits = PRELUDE + TRAILER..=message.len();
    let length = if fits.contains(&said) { said } else { message.len() };
    let Some(end) = length.checked_sub(TRAILER).filter(|end| *end >= PRELUDE) else { return };
    let prelude = crc32(&message[..8]);
    message[8..PRELUDE].copy_from_slice(&prelude.to_be_bytes());
    let whole = crc32(&message[..end]);
    message[end..length].copy_from_slice(&whole.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}
