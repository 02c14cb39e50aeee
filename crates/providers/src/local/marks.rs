//! Texts that stand for one token: where they stand in another text, in one pass over it.

use std::collections::BTreeSet;

/// The longest text, in bytes, that is taken for a mark. Those that models are trained with have a tenth of it; it bounds
/// how often any byte of a text is looked at.
const LENGTH_MAX: usize = 256;

/// The marks of a vocabulary.
#[derive(Debug)]
pub(super) struct Marks {
    /// In the order of their bytes.
    sorted: Vec<(String, u32)>,
    ids: BTreeSet<u32>,
    /// Which bytes one can begin with: most places of a text are none.
    begins: Box<[bool; 256]>,
}

/// A stretch of a text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// Text between marks; never empty.
    Plain(&'t str),
    /// A mark, by its token.
    Mark(u32),
}

impl Marks {
    /// Marks by their texts. Of two with the same text the first counts.
    pub(super) fn new<'t>(marks: impl Iterator<Item = (&'t str, u32)>) -> Self {
        let usable = marks.filter(|(text, _)| !text.is_empty() && text.len() <= LENGTH_MAX);
        let mut sorted: Vec<(String, u32)> = usable.map(|(text, id)| (text.to_owned(), id)).collect();
        let ids = sorted.iter().map(|(_, id)| *id).collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        sorted.dedup_by(|(later, _), (first, _)| later == first);
        let mut begins = Box::new([false; 256]);
        for first in sorted.iter().filter_map(|(text, _)| text.bytes().next()) {
            if let Some(begins) = begins.get_mut(usize::from(first)) {
                *begins = true;
            }
        }
        Self { sorted, ids, begins }
    }

    /// Whether a token is a mark.
    pub(super) fn has(&self, id: u32) -> bool {
        self.ids.contains(&id)
    }

    /// Whether a mark stands in a text.
    pub(super) fn stand_in(&self, text: &str) -> bool {
        (0..text.len())
            .any(|at| self.longest(text.as_bytes().get(at..).unwrap_or_default(), &mut 0).is_some())
    }

    /// A text in parts: at each place the longest mark that begins there, and what stands between.
    pub(super) fn parts<'t>(&self, text: &'t str) -> Vec<Part<'t>> {
        self.parts_counted(text, &mut 0)
    }

    /// The same; adds to `looks` how often a byte was looked at.
    fn parts_counted<'t>(&self, text: &'t str, looks: &mut usize) -> Vec<Part<'t>> {
        let mut parts = Vec::new();
        let (mut plain, mut at) = (0, 0);
        let between = |from, to| text.get(from..to).filter(|text| !text.is_empty()).map(Part::Plain);
        while at < text.len() {
            match self.longest(text.as_bytes().get(at..).unwrap_or_default(), looks) {
                // Marks are text, so one can only begin where a character does.
                Some((length, id)) => {
                    parts.extend(between(plain, at));
                    parts.push(Part::Mark(id));
                    at += length;
                    plain = at;
                }
                None => at += 1,
            }
        }
        parts.extend(between(plain, at));
        parts
    }

    /// The longest mark that these bytes begin with: its length and its token.
    fn longest(&self, bytes: &[u8], looks: &mut usize) -> Option<(usize, u32)> {
        *looks += 1;
        let first = usize::from(*bytes.first()?);
        if !self.begins.get(first).copied().unwrap_or(false) {
            return None;
        }
        let (mut left, mut longest) = (self.sorted.as_slice(), None);
        for (depth, byte) in bytes.iter().enumerate() {
            *looks += 1;
            // Of those that have agreed so far, in their order: the one that ends here, and those that go on with this byte.
            let at = |text: &String| text.as_bytes().get(depth).copied();
            let begin = left.partition_point(|(text, _)| at(text) < Some(*byte));
            let end = left.partition_point(|(text, _)| at(text) <= Some(*byte));
            left = left.get(begin..end).unwrap_or_default();
            match left.first() {
                Some((text, id)) if text.len() == depth + 1 => longest = Some((text.len(), *id)),
                Some(_) => {}
                None => break,
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::Part::{Mark, Plain};
    use super::*;

    fn marks(texts: &[&'static str]) -> Marks {
        Marks::new(texts.iter().copied().zip(0..))
    }

    #[test]
    fn at_each_place_the_longest_mark_counts_and_the_rest_is_text() {
        let marks = marks(&["<a>", "<a><b>", "é", "<a>", "aa", ""]);
        for (text, expected) in [
            ("x<a>y", vec![Plain("x"), Mark(0), Plain("y")]),
            ("<a><b><a><", vec![Mark(1), Mark(0), Plain("<")]),
            ("<a><a><b>é", vec![Mark(0), Mark(1), Mark(2)]),
            ("日é本", vec![Plain("日"), Mark(2), Plain("本")]),
            ("aaa", vec![Mark(4), Plain("a")]),
            ("", vec![]),
        ] {
            assert_eq!(marks.parts(text), expected, "{text:?}");
            assert_eq!(marks.stand_in(text), expected.iter().any(|part| matches!(part, Mark(_))), "{text:?}");
        }
        assert!(marks.has(4) && !marks.has(9));
    }

    /// Where each mark was searched for from each mark on, twice the chat took four times as long.
    #[test]
    fn the_work_grows_as_the_text_does_however_many_marks_there_are() {
        let names: Vec<String> = (0..6000).map(|number| format!("<unused{number}>")).collect();
        let marks =
            Marks::new(names.iter().map(String::as_str).chain(["<|im_start|>", "<|im_end|>"]).zip(0..));
        let turn = "<|im_start|>user\nHow much is 7 < 9 and <unused7 or <|im_x?<|im_end|>\n";
        let looks = |turns: usize| {
            let (text, mut looks) = (turn.repeat(turns), 0);
            assert_eq!(marks.parts_counted(&text, &mut looks).len(), turns * 4);
            looks
        };
        let one = looks(1);
        assert!(one < turn.len() * 2, "{one} looks at {} bytes", turn.len());
        for turns in [10, 100, 1000, 10_000] {
            assert_eq!(looks(turns), one * turns);
        }
    }

    #[test]
    fn marks_of_a_file_that_wants_to_take_for_ever_take_a_bounded_time() {
        let long = "a".repeat(LENGTH_MAX - 1) + "b";
        let too_long = "a".repeat(LENGTH_MAX + 1);
        let marks = Marks::new([long.as_str(), &too_long].into_iter().zip(0..));
        let (text, mut looks) = ("a".repeat(100_000), 0);
        assert_eq!(marks.parts_counted(&text, &mut looks), [Plain(&text)]);
        assert!(looks <= text.len() * (LENGTH_MAX + 1), "{looks}");
    }
}
