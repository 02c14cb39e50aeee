//! Server-sent events with a bare JSON value among them: how some services tell an error in mid-stream.

use super::frames::{BadFrame, FRAME_MAX, Frames};
use super::sse::{SseEvent, SseParser};

/// Finds events in bytes, and values that stand where a line of an event should: from a `{` or `[` that begins a line
/// to the bracket that closes it, over as many lines as it takes. A value is told as an event without a name.
#[derive(Debug)]
pub(crate) struct SseOrJson {
    events: SseParser,
    /// The last byte ended a line, or there was none.
    at_line_start: bool,
    /// A value whose end is still to come.
    value: Option<Value>,
    max: usize,
}

impl Default for SseOrJson {
    fn default() -> Self {
        Self { events: SseParser::default(), at_line_start: true, value: None, max: FRAME_MAX }
    }
}

impl Frames for SseOrJson {
    type Frame = SseEvent;

    fn is_whole(start: u8) -> bool {
        SseParser::is_whole(start)
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<SseEvent>, BadFrame> {
        while let Some(first) = input.first() {
            if let Some(value) = &mut self.value {
                let whole = value.take(input);
                if value.bytes.len() > self.max {
                    return Err(BadFrame::TooLong);
                }
                if whole {
                    return Ok(self.value.take().map(Value::into_event));
                }
                continue;
            }
            if self.at_line_start && matches!(first, b'{' | b'[') {
                self.value = Some(Value::default());
                // An event that nobody has ended yet ends here.
                let mut blank_lines: &[u8] = b"\n\n";
                let event = self.events.next(&mut blank_lines)?;
                if event.is_some() {
                    return Ok(event);
                }
                continue;
            }
            let end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (mut line, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
            (*input, self.at_line_start) = (rest, end.is_some());
            let event = self.events.next(&mut line)?;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn end(self) -> Result<Option<SseEvent>, BadFrame> {
        match self.value {
            Some(value) => Ok(Some(value.into_event())),
            None => self.events.end(),
        }
    }
}

/// A JSON value in the making.
#[derive(Debug, Default)]
struct Value {
    bytes: Vec<u8>,
    /// How many brackets are open.
    depth: u32,
    in_text: bool,
    /// The last byte was a backslash in a text.
    escaped: bool,
}

impl Value {
    /// Takes bytes up to the end of the value. True if it has come.
    fn take(&mut self, input: &mut &[u8]) -> bool {
        let end = input.iter().position(|byte| self.closes(*byte));
        let (head, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        self.bytes.extend_from_slice(head);
        *input = rest;
        end.is_some()
    }

    /// Whether this byte closes the outermost bracket.
    fn closes(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn into_event(self) -> SseEvent {
        SseEvent { name: String::new(), data: String::from_utf8_lossy(&self.bytes).into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of all frames of these pieces.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut frames = SseOrJson::default();
        let mut told = Vec::new();
        for mut piece in pieces {
            while let Some(event) = frames.next(&mut piece).unwrap() {
                told.push(event.data);
            }
            assert!(piece.is_empty());
        }
        told.extend(frames.end().unwrap().map(|event| event.data));
        told
    }

    const TABLE: &[(&[u8], &[&str])] = &[
        (b"data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        (b"data: {\"a\":\ndata: 1}\n\n", &["{\"a\":\n1}"]),
        (
            b"data: a\n\n{\"error\": {\n  \"code\": 503\n}\n}\n",
            &["a", "{\"error\": {\n  \"code\": 503\n}\n}"],
        ),
        (b"data: a\r\n\r\n{\r\n}\r\n", &["a", "{\r\n}"]),
        (b"data: a\n\n[{\"error\":{}}]data: b\n\n", &["a", "[{\"error\":{}}]", "b"]),
        // An event in front of it that nobody ended.
        (b"data: a\n{}\n\n", &["a", "{}"]),
        (b"data: a\r{}\n\n", &["a", "{}"]),
        (b"data: a\r\n{}", &["a", "{}"]),
        // Brackets and quotes in texts do not count.
        (b"data: a\n\n{\"m\":\"}]\\\"}\\\\\"}\ndata: b\n\n", &["a", "{\"m\":\"}]\\\"}\\\\\"}", "b"]),
        ("data: a\n\n{\"m\":\"gr\u{fc}\u{df}e\"}\n".as_bytes(), &["a", "{\"m\":\"gr\u{fc}\u{df}e\"}"]),
        // One that breaks off is told as far as it came.
        (b"data: a\n\n{\"error\":{\"message\":\"brok", &["a", "{\"error\":{\"message\":\"brok"]),
        (b"data: a\n\n{}{}\n", &["a", "{}", "{}"]),
        (b"id: {\n: [\ndata: a\n\n", &["a"]),
        (b"data: a", &["a"]),
        (b"", &[]),
    ];

    #[test]
    fn events_and_values_are_told_apart_however_they_are_cut() {
        for (bytes, expected) in TABLE {
            let told = String::from_utf8_lossy(bytes);
            assert_eq!(read([*bytes]), *expected, "{told:?}");
            for at in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(at);
                assert_eq!(read([head, tail]), *expected, "{told:?} cut at {at}");
            }
            for size in 1..=bytes.len() {
                assert_eq!(read(bytes.chunks(size)), *expected, "{told:?} by {size}");
            }
        }
    }

    #[test]
    fn random_bytes_in_random_pieces_are_the_same_frames() {
        let mut random = fastrand::Rng::with_seed(9);
        let parts: [&[u8]; 16] = [
            b"data: ",
            b"\n",
            b"\r",
            b"\r\n",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b"\\",
            b"x",
            b" ",
            b"event: e",
            b":",
            b"\xff",
            b"\xef\xbb\xbf",
        ];
        for _ in 0..20_000 {
            let count = random.usize(0..40);
            let bytes: Vec<u8> = (0..count).flat_map(|_| random.choice(parts).unwrap().to_vec()).collect();
            let whole = read([&*bytes]);
            let mut pieces = Vec::new();
            let mut rest = &*bytes;
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.usize(0..=rest.len().min(9)));
                pieces.push(piece);
                rest = left;
            }
            assert_eq!(read(pieces), whole, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_value_without_end_is_given_up_at_its_bound() {
        let mut frames = SseOrJson { max: 1000, ..SseOrJson::default() };
        assert_eq!(frames.next(&mut &b"{\"m\":\""[..]), Ok(None));
        let mut given = 0;
        while frames.next(&mut &b"aaaa"[..]).is_ok() {
            given += 4;
            assert!(given <= 1000);
        }
        let mut endless = SseOrJson::default();
        assert_eq!(endless.next(&mut &b"data: "[..]), Ok(None));
        let line = vec![b'a'; 1 << 20];
        assert!((0..9).any(|_| endless.next(&mut &*line).is_err()));
    }
}
