//! From the bytes of tokens to text that may be shown.

/// Text as it grows. What may still become something else is held back: the beginning of a character, and the
/// beginning of a stop text.
#[derive(Debug)]
pub(super) struct Text {
    stops: Vec<String>,
    /// Bytes of a character that is still to end.
    bytes: Vec<u8>,
    /// Text that may be the beginning of a stop text.
    held: String,
}

/// What more there is to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// This, which may be empty.
    More(String),
    /// This, and then a stop text came.
    Stopped(String),
}

impl Text {
    /// Text that ends in front of any of these.
    pub(super) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, bytes: Vec::new(), held: String::new() }
    }

    /// The bytes of one more token.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Shown {
        self.bytes.extend_from_slice(bytes);
        let whole = whole_characters(&self.bytes);
        let rest = self.bytes.split_off(whole);
        self.held.push_str(&String::from_utf8_lossy(&self.bytes));
        self.bytes = rest;
        if let Some(start) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(start);
            return Shown::Stopped(std::mem::take(&mut self.held));
        }
        let held = self.held.split_off(self.held.len() - self.undecided());
        Shown::More(std::mem::replace(&mut self.held, held))
    }

    /// What was held back and has become nothing else.
    pub(super) fn end(self) -> String {
        self.held + &String::from_utf8_lossy(&self.bytes)
    }

    /// How many bytes at the end may begin a stop text.
    fn undecided(&self) -> usize {
        let begins = |stop: &String| {
            let ends = stop.char_indices().map(|(end, _)| end).rev();
            ends.into_iter()
                .find(|end| stop.get(..*end).is_some_and(|head| self.held.ends_with(head)))
                .unwrap_or_default()
        };
        self.stops.iter().map(begins).max().unwrap_or_default()
    }
}

/// How many bytes there are before a character that has begun and may still end well.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(_) => return bytes.len(),
            Err(error) => match error.error_len() {
                // Bytes that are no character, whatever follows.
                Some(length) => rest = rest.get(error.valid_up_to() + length..).unwrap_or_default(),
                None => return bytes.len() - rest.len() + error.valid_up_to(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(stops: &[&str], tokens: &[&[u8]]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(ToString::to_string).collect();
        let mut text = Text::new(&stops);
        let mut shown = Vec::new();
        for token in tokens {
            match text.push(token) {
                Shown::More(more) => shown.push(more),
                Shown::Stopped(more) => {
                    shown.push(more);
                    return (shown, true);
                }
            }
        }
        shown.push(text.end());
        (shown, false)
    }

    #[test]
    fn a_character_is_shown_once_it_is_whole() {
        let (shown, _) = written(&[], &[b"a\xe2", b"\x82", b"\xacb", b"\xe2"]);
        assert_eq!(shown, ["a", "", "€b", "", "\u{fffd}"]);
    }

    #[test]
    fn bytes_that_are_no_character_do_not_hold_up_what_follows() {
        let (shown, _) = written(&[], &[b"a\xff\xffb\xc3", b"\xa9"]);
        assert_eq!(shown, ["a\u{fffd}\u{fffd}b", "é", ""]);
    }

    #[test]
    fn a_stop_text_is_never_shown_however_its_tokens_are_cut() {
        let whole = b"one END two";
        for cut in 0..whole.len() {
            let (head, tail) = whole.split_at(cut);
            let (shown, stopped) = written(&["END", ""], &[head, tail]);
            assert_eq!((shown.concat().as_str(), stopped), ("one ", true), "{cut}");
        }
    }

    #[test]
    fn the_beginning_of_a_stop_text_is_shown_once_it_is_something_else() {
        let (shown, stopped) = written(&["END", "ENOUGH"], &[b"an E", b"N", b"D", b"!"]);
        assert_eq!((shown.concat().as_str(), stopped), ("an ", true));
        let (shown, stopped) = written(&["END"], &[b"an E", b"N", b"T", b"E"]);
        assert_eq!(
            (shown, stopped),
            (vec!["an ".into(), "".into(), "ENT".into(), "".into(), "E".into()], false)
        );
    }

    #[test]
    fn the_first_of_several_stop_texts_counts() {
        let (shown, _) = written(&["later", "x"], &[b"ax later"]);
        assert_eq!(shown.concat(), "a");
    }
}
