//! AWS's event streams: binary messages of headers and a payload, with checksums.

use crate::http::{BadFrame, FRAME_MAX, Frames};

/// Two lengths and the checksum of both.
const PRELUDE: usize = 12;

/// The checksum of the whole message, at its end.
const TRAILER: usize = 4;

/// The most bytes the headers of a message may have.
const HEADERS_MAX: usize = 128 << 10;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AwsFrame {
    /// `event`, `exception` or `error`.
    pub(super) sort: String,
    /// Which event, exception or error.
    pub(super) name: String,
    /// What an `error` says of itself.
    pub(super) told: String,
    pub(super) payload: Vec<u8>,
}

/// Finds messages in bytes.
#[derive(Debug, Default)]
pub(super) struct AwsFrames {
    /// The beginning of a message whose end is still to come.
    message: Vec<u8>,
    /// How long it is, once its prelude has come.
    length: Option<usize>,
}

impl Frames for AwsFrames {
    type Frame = AwsFrame;

    /// A message shorter than 16 MiB, and none may be longer, begins with a zero. Anything else is JSON or a page.
    fn is_whole(start: u8) -> bool {
        start != 0
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<AwsFrame>, BadFrame> {
        loop {
            let wanted = self.length.unwrap_or(PRELUDE);
            let (head, rest) = input.split_at(input.len().min(wanted - self.message.len()));
            self.message.extend_from_slice(head);
            *input = rest;
            if self.message.len() < wanted {
                return Ok(None);
            }
            if self.length.is_none() {
                self.length = Some(length(&self.message)?);
                continue;
            }
            self.length = None;
            return read(&std::mem::take(&mut self.message)).map(Some);
        }
    }

    fn end(self) -> Result<Option<AwsFrame>, BadFrame> {
        if self.message.is_empty() { Ok(None) } else { Err(BadFrame::Damaged("it breaks off")) }
    }
}

/// How long the message with this prelude is.
fn length(prelude: &[u8]) -> Result<usize, BadFrame> {
    let mut rest = prelude;
    let (length, headers) = (size(&mut rest), size(&mut rest));
    if number(&mut rest) != Some(crc32(prelude.iter().take(8))) {
        return Err(BadFrame::Damaged("the checksum of its beginning is another"));
    }
    match length.zip(headers) {
        Some((length, _)) if length > FRAME_MAX => Err(BadFrame::TooLong),
        Some((_, headers)) if headers > HEADERS_MAX => Err(BadFrame::TooLong),
        Some((length, headers)) if length >= PRELUDE + headers + TRAILER => Ok(length),
        _ => Err(BadFrame::Damaged("its headers are longer than itself")),
    }
}

/// Reads a whole message.
fn read(message: &[u8]) -> Result<AwsFrame, BadFrame> {
    let (body, mut sum) = message.split_at(message.len() - TRAILER);
    if number(&mut sum) != Some(crc32(body)) {
        return Err(BadFrame::Damaged("its checksum is another"));
    }
    let mut lengths = body.get(4..).unwrap_or_default();
    let headers = size(&mut lengths).unwrap_or_default();
    let (headers, payload) = body.get(PRELUDE..).unwrap_or_default().split_at(headers);
    let mut frame = AwsFrame { payload: payload.to_vec(), ..AwsFrame::default() };
    let mut rest = headers;
    while !rest.is_empty() {
        header(&mut rest, &mut frame).ok_or(BadFrame::Damaged("its headers cannot be read"))?;
    }
    Ok(frame)
}

/// Reads one header, and keeps it if it is one of interest. `None` if it is none, or comes a second time.
fn header(rest: &mut &[u8], frame: &mut AwsFrame) -> Option<()> {
    let [length] = *take(rest, 1)? else { return None };
    let name = take(rest, length.into())?;
    let [form] = *take(rest, 1)? else { return None };
    let length = match form {
        // True and false are no more than their form.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        // A long number, or a moment.
        5 | 8 => 8,
        // Bytes, or a text.
        6 | 7 => usize::from(u16::from_be_bytes(*take(rest, 2)?.first_chunk()?)),
        9 => 16,
        _ => return None,
    };
    let value = take(rest, length)?;
    let place = match name {
        b":message-type" => &mut frame.sort,
        b":event-type" | b":exception-type" | b":error-code" => &mut frame.name,
        b":error-message" => &mut frame.told,
        _ => return Some(()),
    };
    if !place.is_empty() || form != 7 {
        return None;
    }
    std::str::from_utf8(value).ok()?.clone_into(place);
    Some(())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*take(rest, 4)?.first_chunk()?))
}

fn size(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(number(rest)?).ok()
}

/// The checksum of zip and Ethernet. Messages are short: a table would be larger than most.
fn crc32<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u32 {
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !bytes.into_iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e\
        74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070005\
        6576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a22\
        4869227d7d1f944657";
    const EXCEPTION: &str = "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074\
        696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373616765\
        2d74797065070009657863657074696f6e7b226d657373616765223a22546f6f206d616e792072657175657374\
        73227de67f8005";

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    /// A message of these headers, each a name, a form and the bytes of its value.
    fn message(headers: &[(&str, u8, &[u8])], payload: &[u8]) -> Vec<u8> {
        let mut list = Vec::new();
        for (name, form, value) in headers {
            list.push(u8::try_from(name.len()).unwrap());
            list.extend(name.as_bytes());
            list.push(*form);
            if matches!(form, 6 | 7) {
                list.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            }
            list.extend(*value);
        }
        framed(&list, payload)
    }

    fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let length = PRELUDE + headers.len() + payload.len() + TRAILER;
        let mut bytes = u32::try_from(length).unwrap().to_be_bytes().to_vec();
        bytes.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        bytes.extend(crc32(&bytes).to_be_bytes());
        bytes.extend(headers);
        bytes.extend(payload);
        bytes.extend(crc32(&bytes).to_be_bytes());
        bytes
    }

    type Told = (Vec<AwsFrame>, Option<BadFrame>);

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
        let mut frames = AwsFrames::default();
        let mut found = Vec::new();
        for mut piece in pieces {
            loop {
                match frames.next(&mut piece) {
                    Ok(Some(frame)) => found.push(frame),
                    Ok(None) => break,
                    Err(bad) => return (found, Some(bad)),
                }
            }
            assert!(piece.is_empty() && frames.message.len() < FRAME_MAX);
        }
        match frames.end() {
            Ok(last) => {
                found.extend(last);
                (found, None)
            }
            Err(bad) => (found, Some(bad)),
        }
    }

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn messages_as_the_service_writes_them_are_read() {
        let (frames, bad) = read([&*bytes(EVENT), &*bytes(EXCEPTION)]);
        assert_eq!(bad, None);
        let plain = |frame: &AwsFrame| {
            (frame.sort.clone(), frame.name.clone(), String::from_utf8(frame.payload.clone()).unwrap())
        };
        let of =
            |sort: &str, name: &str, payload: &str| (sort.to_owned(), name.to_owned(), payload.to_owned());
        assert_eq!(
            frames.iter().map(plain).collect::<Vec<_>>(),
            [
                of("event", "contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#),
                of("exception", "throttlingException", r#"{"message":"Too many requests"}"#),
            ]
        );
    }

    #[test]
    fn however_the_bytes_are_cut_the_messages_are_the_same() {
        let all: Vec<u8> = [EVENT, EXCEPTION, EVENT].into_iter().flat_map(bytes).collect();
        let whole = read([&*all]);
        assert_eq!(whole.0.len(), 3);
        for at in 0..=all.len() {
            let (head, tail) = all.split_at(at);
            assert_eq!(read([head, tail]), whole, "cut at {at}");
        }
        for size in 1..=all.len() {
            assert_eq!(read(all.chunks(size)), whole, "by {size}");
        }
    }

    #[test]
    fn random_damage_in_random_pieces_is_told_the_same_way_and_never_passes() {
        let mut random = fastrand::Rng::with_seed(6);
        let sound: Vec<u8> = [EVENT, EXCEPTION].into_iter().flat_map(bytes).collect();
        for _ in 0..20_000 {
            let mut all = sound.clone();
            let at = random.usize(..all.len());
            match random.u8(..3) {
                0 => all[at] ^= 1 << random.u8(..8),
                1 => drop(all.remove(at)),
                _ => all.truncate(at),
            }
            let whole = read([&*all]);
            // Cut between the two, nothing is damaged.
            let is_sound = all.is_empty() || all == bytes(EVENT);
            assert_eq!(whole.1.is_none(), is_sound, "{at}: {whole:?}");
            let mut pieces = Vec::new();
            let mut rest = &*all;
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.usize(0..=rest.len().min(40)));
                pieces.push(piece);
                rest = left;
            }
            assert_eq!(read(pieces), whole);
        }
    }

    #[test]
    fn headers_of_every_form_are_passed_over() {
        let sixteen = [7; 16];
        let headers: &[(&str, u8, &[u8])] = &[
            ("a", 0, &[]),
            ("b", 1, &[]),
            ("c", 2, &[1]),
            ("d", 3, &[1, 2]),
            ("e", 4, &[1, 2, 3, 4]),
            ("f", 5, &[1; 8]),
            ("g", 6, b"bytes"),
            ("h", 7, b"text"),
            ("i", 8, &[1; 8]),
            ("j", 9, &sixteen),
            (":message-type", 7, b"error"),
            (":error-code", 7, b"throttled"),
            (":error-message", 7, b"too fast"),
        ];
        let (frames, bad) = read([&*message(headers, b"")]);
        assert_eq!(bad, None);
        let expected = AwsFrame {
            sort: "error".to_owned(),
            name: "throttled".to_owned(),
            told: "too fast".to_owned(),
            payload: Vec::new(),
        };
        assert_eq!(frames, [expected]);
    }

    #[test]
    fn headers_that_lie_are_damage() {
        for headers in [
            &b"\x01"[..],
            b"\x01a",
            b"\x01a\x0a",
            b"\x01a\x07\x00\x05text",
            b"\x01a\x09\x00",
            b"\x05ab",
            b"\x0d:message-type\x02\x01",
            b"\x0d:message-type\x07\x00\x01\xff",
        ] {
            let told = read([&*framed(headers, b"{}")]);
            assert_eq!(
                told,
                (Vec::new(), Some(BadFrame::Damaged("its headers cannot be read"))),
                "{headers:?}"
            );
        }
        let twice: &[(&str, u8, &[u8])] = &[(":event-type", 7, b"a"), (":event-type", 7, b"b")];
        assert!(read([&*message(twice, b"")]).1.is_some());
    }

    #[test]
    fn what_is_too_long_is_given_up_at_its_beginning() {
        let prelude = |length: usize, headers: usize| {
            let mut bytes = u32::try_from(length).unwrap().to_be_bytes().to_vec();
            bytes.extend(u32::try_from(headers).unwrap().to_be_bytes());
            bytes.extend(crc32(&bytes).to_be_bytes());
            bytes
        };
        for (length, headers, bad) in [
            (FRAME_MAX + 1, 0, BadFrame::TooLong),
            (FRAME_MAX, HEADERS_MAX + 1, BadFrame::TooLong),
            (16, 1, BadFrame::Damaged("its headers are longer than itself")),
            (15, 0, BadFrame::Damaged("its headers are longer than itself")),
            (0, 0, BadFrame::Damaged("its headers are longer than itself")),
            (FRAME_MAX, HEADERS_MAX, BadFrame::Damaged("it breaks off")),
            (16, 0, BadFrame::Damaged("it breaks off")),
        ] {
            assert_eq!(read([&*prelude(length, headers)]), (Vec::new(), Some(bad)), "{length} {headers}");
        }
    }
}
