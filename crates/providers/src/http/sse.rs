//! Server-sent events, from bytes in whatever pieces they come.
//!
//! Pure: bytes go in, events come out, and how the bytes were cut makes no difference. Only what belongs to an event
//! that is still to end is held, within a bound.

/// A larger buffer is given back once its event is out.
const KEPT: usize = 64 << 10;

use super::frames::{BadFrame, FRAME_MAX, Frames};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event. Ids and reconnection times are for clients that reconnect, which would repeat a paid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Its name; empty if it has none.
    pub(crate) name: String,
    /// Its data, the lines joined by `\n`.
    pub(crate) data: String,
}

/// Finds events in bytes, as the WHATWG's "Interpreting an event stream" says, but for one thing: the end of the stream
/// ends an event as well, since servers forget the blank line behind their last one.
#[derive(Debug)]
pub(crate) struct SseParser {
    /// The beginning of a line whose end is still to come.
    line: Vec<u8>,
    name: Vec<u8>,
    /// The data so far, each line with `\n` behind it.
    data: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// No line has ended yet: a byte order mark may stand in front.
    first_line: bool,
    max: usize,
}

impl Default for SseParser {
    fn default() -> Self {
        Self {
            line: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            after_cr: false,
            first_line: true,
            max: FRAME_MAX,
        }
    }
}

impl Frames for SseParser {
    type Frame = SseEvent;

    fn is_whole(start: u8) -> bool {
        matches!(start, b'{' | b'[' | b'<')
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<SseEvent>, BadFrame> {
        loop {
            if self.after_cr && !input.is_empty() {
                self.after_cr = false;
                *input = input.strip_prefix(b"\n").unwrap_or(input);
            }
            let end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (head, tail) = input.split_at(end.unwrap_or(input.len()));
            if self.line.len() + head.len() > self.max {
                return Err(BadFrame::TooLong);
            }
            let Some((ending, rest)) = tail.split_first() else {
                self.line.extend_from_slice(head);
                *input = &[];
                return Ok(None);
            };
            self.after_cr = *ending == b'\r';
            *input = rest;
            let event = if self.line.is_empty() {
                self.end_line(head)?
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                let event = self.end_line(&line)?;
                self.line = emptied(line);
                event
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn end(mut self) -> Result<Option<SseEvent>, BadFrame> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line)?;
        }
        Ok(self.dispatch())
    }
}

impl SseParser {
    fn end_line(&mut self, mut line: &[u8]) -> Result<Option<SseEvent>, BadFrame> {
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" if self.data.len() + value.len() >= self.max => return Err(BadFrame::TooLong),
            b"data" => {
                self.data.extend_from_slice(value);
                self.data.push(b'\n');
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // Ids, reconnection times, comments, whose field is empty, and what nobody knows.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let data = self.data.strip_suffix(b"\n")?;
        // Bytes that are no text cost their characters and not the stream. An event is whole here, so that no
        // character is torn.
        let event = SseEvent { name: text(&name), data: text(data) };
        self.data = emptied(std::mem::take(&mut self.data));
        Some(event)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn emptied(mut buffer: Vec<u8>) -> Vec<u8> {
    buffer.clear();
    buffer.shrink_to(KEPT);
    buffer
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use futures_core::Stream;
    use sse_stream::SseStream;

    use super::*;
    use crate::http::Body;

    /// All events of these pieces.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<SseEvent> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for mut piece in pieces {
            while let Some(event) = parser.next(&mut piece).unwrap() {
                events.push(event);
            }
            assert!(piece.is_empty());
        }
        events.extend(parser.end().unwrap());
        events
    }

    fn shown(events: &[SseEvent]) -> Vec<(&str, &str)> {
        events.iter().map(|event| (&*event.name, &*event.data)).collect()
    }

    type Row = (&'static [u8], &'static [(&'static str, &'static str)]);

    const TABLE: &[Row] = &[
        (b"data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]),
        (b"data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]),
        (b"data: a\r\n\ndata: b\n\r\n", &[("", "a"), ("", "b")]),
        (b"\xef\xbb\xbfdata: a\n\n", &[("", "a")]),
        (b"\xef\xbb\xbf\ndata: a\n\n", &[("", "a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", &[("", "a")]),
        (b"data: a\ndata: b\ndata:\ndata: c\n\n", &[("", "a\nb\n\nc")]),
        (b"data: a\r\ndata: b\r\n\r\n", &[("", "a\nb")]),
        (b"data: a\rdata: b\r\r", &[("", "a\nb")]),
        (b"data:a\ndata:  b\ndata\n\n", &[("", "a\n b\n")]),
        (b"data:[DONE]\n\n", &[("", "[DONE]")]),
        (b"data: [DONE]", &[("", "[DONE]")]),
        (b"data: a\n\ndata: b\n", &[("", "a"), ("", "b")]),
        (b": hello\n\n:\n\n: data: no\ndata: a\n: no\n\n", &[("", "a")]),
        (b"event: error\ndata: a\n\ndata: b\n\n", &[("error", "a"), ("", "b")]),
        (b"event: one\nevent: two\ndata: a\n\n", &[("two", "a")]),
        (b"event: lost\n\ndata: a\n\n", &[("", "a")]),
        (b"id: 1\nretry: 5\nnonsense\nDATA: no\ndata : no\ndata: a\n\n", &[("", "a")]),
        (b"data: {\"a\":1}\n\n", &[("", "{\"a\":1}")]),
        (b"data:\n\n", &[("", "")]),
        ("data: gr\u{fc}\u{df}e \u{1f98a}\n\n".as_bytes(), &[("", "gr\u{fc}\u{df}e \u{1f98a}")]),
        (b"data: a\xffb\xe2\x82\ndata: \xf0\x9f\n\n", &[("", "a\u{fffd}b\u{fffd}\n\u{fffd}")]),
        (b"data: a\xe2\n\ndata: \x82\xac\n\n", &[("", "a\u{fffd}"), ("", "\u{fffd}\u{fffd}")]),
        (b"event: \xff\ndata: a\n\n", &[("\u{fffd}", "a")]),
        (b"data: a\0b\n\n", &[("", "a\0b")]),
        (b"{\"error\":\"no event stream\"}\n\n<html>\n\n", &[]),
        (b"\n\r\n\r\r\n", &[]),
        (b"", &[]),
    ];

    #[test]
    fn every_form_is_read_however_it_is_cut() {
        for (bytes, expected) in TABLE {
            let told = String::from_utf8_lossy(bytes);
            assert_eq!(shown(&read([*bytes])), *expected, "{told:?}");
            for at in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(at);
                assert_eq!(shown(&read([head, tail])), *expected, "{told:?} cut at {at}");
            }
            for size in 1..=bytes.len() {
                assert_eq!(shown(&read(bytes.chunks(size))), *expected, "{told:?} by {size}");
            }
        }
    }

    #[test]
    fn what_never_ends_is_given_up_at_its_bound_and_holds_no_more() {
        let endings: [(&[u8], &[u8]); 4] =
            [(b"data: ", b"aaaa"), (b"", b": comment"), (b"", b"data: aaaa\n"), (b"event: x\n", b"data:\r")];
        for (start, piece) in endings {
            let mut parser = SseParser { max: 1000, ..SseParser::default() };
            assert_eq!(parser.next(&mut &*start), Ok(None));
            let mut given = 0;
            while parser.next(&mut &*piece).is_ok() {
                given += piece.len();
                assert!(given <= 6_100, "{piece:?}");
                assert!(parser.line.len() + parser.data.len() <= 2_000);
            }
        }
    }

    #[test]
    fn long_events_one_after_the_other_are_no_long_event() {
        let mut parser = SseParser { max: 1000, ..SseParser::default() };
        let event = [b"event: x\ndata: ".as_slice(), &[b'a'; 900], b"\n\n"].concat();
        for _ in 0..10 {
            let mut input = event.as_slice();
            assert_eq!(parser.next(&mut input).unwrap().unwrap().data.len(), 900);
            assert_eq!(parser.next(&mut input), Ok(None));
        }
    }

    #[test]
    fn a_large_event_does_not_keep_its_memory() {
        let mut parser = SseParser::default();
        let event = [b"data: ".as_slice(), &vec![b'a'; 1 << 20], b"\n\n"].concat();
        for mut piece in event.chunks(1000) {
            parser.next(&mut piece).unwrap();
        }
        assert!(parser.line.capacity() <= KEPT && parser.data.capacity() <= KEPT);
    }

    /// Bytes that look like a stream of events, and like it gone wrong.
    fn noise(random: &mut fastrand::Rng, parts: &[&[u8]]) -> Vec<u8> {
        let count = random.usize(0..40);
        let pick = |_| parts.get(random.usize(0..parts.len())).copied().unwrap_or_default();
        (0..count).map(pick).collect::<Vec<_>>().concat()
    }

    fn cut<'a>(random: &mut fastrand::Rng, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(random.usize(0..=bytes.len().min(12)));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }

    const PARTS: &[&[u8]] = &[
        b"data:",
        b"data: ",
        b"data",
        b"event: ",
        b"event:x",
        b"id: 1",
        b"retry: 7",
        b"retry: x",
        b":",
        b": c",
        b" ",
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\r",
        b"{\"a\":1}",
        b"[DONE]",
        b"x",
        b"\xef\xbb\xbf",
        b"\0",
        "\u{20ac}".as_bytes(),
        "\u{1f98a}".as_bytes(),
    ];

    #[test]
    fn random_bytes_in_random_pieces_are_the_same_events() {
        let mut random = fastrand::Rng::with_seed(7);
        let broken: &[&[u8]] = &[b"\xff", b"\xe2\x82", b"\xf0\x9f", b"\xc3", b"\xef\xbb"];
        let parts = [PARTS, broken].concat();
        for _ in 0..20_000 {
            let bytes = noise(&mut random, &parts);
            let whole = read([&*bytes]);
            assert_eq!(read(cut(&mut random, &bytes)), whole, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    /// The parser that the official SDK of another protocol rests on, as a second opinion.
    async fn second_opinion(bytes: &[u8]) -> Vec<SseEvent> {
        // It forgets the last event without a blank line behind it.
        let bytes = [bytes, b"\n\n"].concat();
        let mut stream = SseStream::new(Body::from(bytes::Bytes::from(bytes)));
        let mut events = Vec::new();
        while let Some(event) = std::future::poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
            let event = event.unwrap();
            let name = event.event.unwrap_or_default();
            // It tells of blocks without data, which are no events.
            events.extend(event.data.map(|data| SseEvent { name, data }));
        }
        events
    }

    #[tokio::test]
    async fn another_parser_reads_the_same() {
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..20_000 {
            let bytes = noise(&mut random, PARTS);
            assert_eq!(
                read([&*bytes]),
                second_opinion(&bytes).await,
                "{:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}
