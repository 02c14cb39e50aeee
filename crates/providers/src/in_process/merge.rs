//! How words become tokens: of all neighbours that can be one, the best become one, until none can.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A part of a word, and its neighbours; past the ends there is none. One that was merged into the part before it is `None`.
#[derive(Copy, Clone)]
struct Part<T> {
    is: Option<T>,
    before: Option<usize>,
    after: Option<usize>,
}

/// Merges the parts of a word. `pair` says what two neighbours become, and how good that is: the smaller the better, and of
/// equals the leftmost counts.
///
/// Each merge looks at its two new neighbours alone, so a long word takes little more than its length.
pub(crate) fn merge<T, R>(word: impl Iterator<Item = T>, pair: impl Fn(T, T) -> Option<(R, T)>) -> Vec<T>
where
    T: Copy + Ord,
    R: Ord,
{
    let part =
        |(index, is): (usize, T)| Part { is: Some(is), before: index.checked_sub(1), after: Some(index + 1) };
    let mut parts: Vec<Part<T>> = word.enumerate().map(part).collect();
    if let Some(last) = parts.last_mut() {
        last.after = None;
    }
    // The best first; what two parts were is kept, since of what has changed since nothing holds any more.
    let mut best = BinaryHeap::new();
    let is = |parts: &[Part<T>], index: usize| parts.get(index).and_then(|part| part.is);
    let look = |parts: &[Part<T>], left: usize, right: usize| {
        let (a, b) = (is(parts, left)?, is(parts, right)?);
        let (rank, into) = pair(a, b)?;
        Some(Reverse((rank, left, right, a, b, into)))
    };
    best.extend((1..parts.len()).filter_map(|right| look(&parts, right - 1, right)));
    while let Some(Reverse((_, left, right, a, b, into))) = best.pop() {
        let Some(Part { before, after, .. }) = parts.get(left).copied() else { continue };
        if after != Some(right) || is(&parts, left) != Some(a) || is(&parts, right) != Some(b) {
            continue;
        }
        let next = parts.get_mut(right).and_then(|part| {
            part.is = None;
            part.after
        });
        if let Some(part) = parts.get_mut(left) {
            (part.is, part.after) = (Some(into), next);
        }
        if let Some(part) = next.and_then(|next| parts.get_mut(next)) {
            part.before = Some(left);
        }
        best.extend(before.and_then(|before| look(&parts, before, left)));
        best.extend(next.and_then(|next| look(&parts, left, next)));
    }
    parts.into_iter().filter_map(|part| part.is).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Letters become words: of two that stand here, the earlier is the better.
    fn merged<'t>(word: &'t str, words: &[&'static str]) -> Vec<&'t str> {
        let pair = |(a, _): (usize, usize), (_, b): (usize, usize)| {
            let into = word.get(a..b)?;
            Some((words.iter().position(|known| *known == into)?, (a, b)))
        };
        let letters = word.char_indices().map(|(at, c)| (at, at + c.len_utf8()));
        merge(letters, pair).into_iter().map(|(a, b)| &word[a..b]).collect()
    }

    #[test]
    fn the_best_are_merged_first_and_of_equals_the_leftmost() {
        assert_eq!(merged("abc", &["bc", "ab", "abc"]), ["abc"]);
        assert_eq!(merged("abc", &["bc", "ab"]), ["a", "bc"]);
        assert_eq!(merged("aaaaa", &["aa", "aaaa"]), ["aaaa", "a"]);
        assert_eq!(merged("xé€", &["aa"]), ["x", "é", "€"]);
        assert_eq!(merged("", &["aa"]), Vec::<&str>::new());
    }

    /// Where the whole word was searched for its best pair after each merge, a word of twice the length took four times as long.
    #[test]
    fn the_work_grows_as_the_word_does() {
        let looks = |length: usize| {
            let looked = Cell::new(0);
            let pair = |a: u32, b: u32| {
                looked.set(looked.get() + 1);
                (a == b && a < 3).then_some((a, a + 1))
            };
            assert_eq!(merge(std::iter::repeat_n(0, length), pair).len(), length / 8);
            looked.get()
        };
        for length in [80, 800, 8000, 80_000] {
            assert!(looks(length) <= length * 4, "{} looks at {length} letters", looks(length));
        }
    }
}
