//! SentencePiece's merging: of two neighbours that make a token, those of the best score first.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// What a space is written as.
pub(super) const SPACE: char = '\u{2581}';

/// A part of the text that is one token so far, or part of one.
#[derive(Copy, Clone)]
struct Part {
    begin: usize,
    end: usize,
    /// Its neighbours; past the ends there is none.
    before: Option<usize>,
    after: Option<usize>,
}

/// Two neighbours that make a token.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// How long they are together: of what has grown since, nothing holds any more.
    length: usize,
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

/// Cuts a text whose spaces are written as [`SPACE`]: the parts that are tokens once nothing more can be merged, and
/// single characters that are none.
pub(super) fn cut<'t>(text: &'t str, scores: &HashMap<String, (u32, f32)>) -> Vec<&'t str> {
    let mut parts: Vec<Part> = Vec::new();
    for (begin, letter) in text.char_indices() {
        let index = parts.len();
        let before = index.checked_sub(1);
        parts.push(Part { begin, end: begin + letter.len_utf8(), before, after: Some(index + 1) });
    }
    if let Some(last) = parts.last_mut() {
        last.after = None;
    }
    let part = |parts: &[Part], index: usize| parts.get(index).copied().filter(|part| part.begin < part.end);
    let pair = |parts: &[Part], left: usize, right: usize| {
        let (a, b) = (part(parts, left)?, part(parts, right)?);
        let (_, score) = scores.get(text.get(a.begin..b.end)?)?;
        Some(Pair { score: *score, left, right, length: b.end - a.begin })
    };
    let mut best: BinaryHeap<Pair> =
        (1..parts.len()).filter_map(|right| pair(&parts, right - 1, right)).collect();
    while let Some(Pair { left, right, length, .. }) = best.pop() {
        let (Some(a), Some(b)) = (part(&parts, left), part(&parts, right)) else { continue };
        if a.after != Some(right) || b.end - a.begin != length {
            continue;
        }
        if let Some(a) = parts.get_mut(left) {
            (a.end, a.after) = (b.end, b.after);
        }
        if let Some(b) = parts.get_mut(right) {
            b.end = b.begin;
        }
        if let Some(next) = b.after.and_then(|next| parts.get_mut(next)) {
            next.before = Some(left);
        }
        best.extend(a.before.and_then(|before| pair(&parts, before, left)));
        best.extend(b.after.and_then(|after| pair(&parts, left, after)));
    }
    parts
        .iter()
        .filter(|part| part.begin < part.end)
        .filter_map(|part| text.get(part.begin..part.end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(tokens: &[(&str, f32)]) -> HashMap<String, (u32, f32)> {
        (0..).zip(tokens).map(|(id, (text, score))| ((*text).to_owned(), (id, *score))).collect()
    }

    #[test]
    fn the_best_score_is_merged_first_and_of_equals_the_leftmost() {
        let all = scores(&[("ab", -1.0), ("bc", -0.5), ("abc", -2.0), ("aa", -1.0)]);
        assert_eq!(cut("abc", &all), ["abc"]);
        let no_whole = scores(&[("ab", -1.0), ("bc", -0.5)]);
        assert_eq!(cut("abc", &no_whole), ["a", "bc"]);
        assert_eq!(cut("aaa", &all), ["aa", "a"]);
        assert_eq!(cut("", &all), Vec::<&str>::new());
        assert_eq!(cut("xé€", &all), ["x", "é", "€"]);
    }

    #[test]
    fn a_long_text_takes_no_time_to_speak_of() {
        let text = "ab".repeat(200_000);
        assert_eq!(cut(&text, &scores(&[("ab", 0.0), ("abab", -1.0)])).len(), 100_000);
    }
}
