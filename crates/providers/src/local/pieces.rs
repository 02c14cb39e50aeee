//! SentencePiece's merging: of two neighbours that make a token, those of the best score first.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use crate::in_process::merge;

/// What a space is written as.
pub(super) const SPACE: char = '\u{2581}';

/// A score, in the total order of floats.
struct Score(f32);

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Cuts a text whose spaces are written as [`SPACE`]: the parts that are tokens once nothing more can be merged, and
/// single characters that are none.
pub(super) fn cut<'t>(text: &'t str, scores: &HashMap<String, (u32, f32)>) -> Vec<&'t str> {
    let letters = text.char_indices().map(|(begin, letter)| (begin, begin + letter.len_utf8()));
    let pair = |(begin, _): (usize, usize), (_, end): (usize, usize)| {
        let (_, score) = scores.get(text.get(begin..end)?)?;
        Some((Reverse(Score(*score)), (begin, end)))
    };
    merge(letters, pair).into_iter().filter_map(|(begin, end)| text.get(begin..end)).collect()
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
