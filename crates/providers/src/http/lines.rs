//! Lines of JSON, one value each, from bytes in whatever pieces they come.

use super::frames::{BadFrame, FRAME_MAX, Frames};

/// Finds lines in bytes. A line is told without its ending; blank ones are passed over.
#[derive(Debug)]
pub(crate) struct Lines {
    /// The beginning of a line whose end is still to come.
    line: Vec<u8>,
    max: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { line: Vec::new(), max: FRAME_MAX }
    }
}

impl Frames for Lines {
    type Frame = Vec<u8>;

    /// Each line is an object. What begins otherwise is something else altogether, a page say.
    fn is_whole(start: u8) -> bool {
        start != b'{'
    }

    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, BadFrame> {
        loop {
            let end = input.iter().position(|byte| *byte == b'\n');
            let (head, tail) = input.split_at(end.unwrap_or(input.len()));
            if self.line.len() + head.len() > self.max {
                return Err(BadFrame::TooLong);
            }
            self.line.extend_from_slice(head);
            let Some((_, rest)) = tail.split_first() else {
                *input = &[];
                return Ok(None);
            };
            *input = rest;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    fn end(self) -> Result<Option<Vec<u8>>, BadFrame> {
        Ok(Some(self.line).filter(|line| !line.trim_ascii().is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of these pieces.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut frames = Lines::default();
        let mut lines = Vec::new();
        for mut piece in pieces {
            while let Some(line) = frames.next(&mut piece).unwrap() {
                lines.push(line);
            }
            assert!(piece.is_empty());
        }
        lines.extend(frames.end().unwrap());
        lines.into_iter().map(|line| String::from_utf8_lossy(line.trim_ascii()).into_owned()).collect()
    }

    #[test]
    fn every_form_is_read_however_it_is_cut() {
        let table: &[(&str, &[&str])] = &[
            ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1}\r\n{\"b\":2}\r\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1}\n{\"b\":2}", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":\"gr\u{fc}\u{df}e \u{1f98a}\"}\n", &["{\"a\":\"gr\u{fc}\u{df}e \u{1f98a}\"}"]),
            ("\n\n \n{}\n\r\n\t\n{}\n \n", &["{}", "{}"]),
            ("{\"a\":\n1}\n", &["{\"a\":", "1}"]),
            ("\n", &[]),
            ("", &[]),
        ];
        for (text, expected) in table {
            let bytes = text.as_bytes();
            for at in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(at);
                assert_eq!(read([head, tail]), *expected, "{text:?} cut at {at}");
            }
            for size in 1..=bytes.len() {
                assert_eq!(read(bytes.chunks(size)), *expected, "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn random_bytes_in_random_pieces_are_the_same_lines() {
        let mut random = fastrand::Rng::with_seed(5);
        let parts: &[&[u8]] =
            &[b"{", b"}", b"\n", b"\n", b"\r", b" ", b"\xff", b"\xe2\x82", b"\"a\":1", b"\0"];
        for _ in 0..20_000 {
            let count = random.usize(0..40);
            let bytes: Vec<u8> =
                (0..count).flat_map(|_| parts[random.usize(0..parts.len())].to_vec()).collect();
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
    fn a_line_without_end_is_given_up_and_long_lines_one_after_the_other_are_not() {
        let mut frames = Lines { max: 1000, ..Lines::default() };
        let line = [&[b'a'; 900][..], b"\n"].concat();
        for _ in 0..10 {
            let mut input = line.as_slice();
            assert_eq!(frames.next(&mut input).unwrap().unwrap().len(), 900);
        }
        let mut given = 0;
        while frames.next(&mut &b"aaaa"[..]).is_ok() {
            given += 4;
            assert!(given <= 1000 && frames.line.len() <= 1000);
        }
        assert_eq!(given, 1000);
    }
}
