//! The command line, read by hand: a dozen flags need no library.

use crate::failure::{Failure, Result};

/// The words after the command's name. What a command does not take out is an error in [`Args::finish`].
#[derive(Debug)]
pub(crate) struct Args {
    words: Vec<String>,
    /// Every option asked for so far, so that a misspelt one can be told its neighbour.
    known: Vec<&'static str>,
}

impl Args {
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self { words, known: Vec::new() }
    }

    /// Takes out a switch such as `--check`.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// Takes out an option with a value, written `--calls 5` or `--calls=5`.
    pub(crate) fn value(&mut self, name: &'static str) -> Result<Option<String>> {
        self.known.push(name);
        let mut found = None;
        let mut left = Vec::new();
        let mut words = std::mem::take(&mut self.words).into_iter();
        while let Some(word) = words.next() {
            if word == name {
                let value = words.next().filter(|value| !value.starts_with("--"));
                found = Some(value.ok_or_else(|| Failure::Usage(format!("error: {name} needs a value")))?);
            } else if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                found = Some(value.to_owned());
            } else {
                left.push(word);
            }
        }
        self.words = left;
        Ok(found)
    }

    /// Like [`Args::value`], for a number; underscores are welcome in `1_000_000`.
    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<u64>> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        match text.replace('_', "").parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Failure::Usage(format!("error: {name} takes a whole number, not `{text}`"))),
        }
    }

    /// Everything that is left, to be passed on as it is.
    pub(crate) fn rest(self) -> Vec<String> {
        self.words
    }

    /// Ends the reading: a word nobody took out is an error.
    pub(crate) fn finish(self) -> Result {
        let Some(word) = self.words.first() else { return Ok(()) };
        let near = nearest(word, self.known.iter().copied());
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Err(Failure::Usage(format!("error: unexpected `{word}`{hint}")))
    }
}

/// The candidate closest to a misspelt word, if one is close enough to be meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.chars().count().div_ceil(3);
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(steps, _)| *steps <= limit)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((b, above_left), above) in right.iter().zip(&row).zip(row.iter().skip(1)) {
            let before = next.last().copied().unwrap_or(0);
            next.push((above_left + usize::from(a != *b)).min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned).collect())
    }

    fn message(result: Result) -> String {
        result.unwrap_err().message().unwrap().to_owned()
    }

    #[test]
    fn flags_and_values_are_taken_out() {
        let mut line = args("--mutants --calls 1_000 --seed=7 more");
        assert!(line.flag("--mutants"));
        assert!(!line.flag("--mutants"));
        assert_eq!(line.number("--calls").unwrap(), Some(1000));
        assert_eq!(line.number("--seed").unwrap(), Some(7));
        assert_eq!(line.rest(), ["more"]);
    }

    #[test]
    fn a_misspelt_option_names_its_neighbour() {
        let mut line = args("--checks");
        line.flag("--check");
        assert_eq!(message(line.finish()), "error: unexpected `--checks`; did you mean `--check`?");
    }

    #[test]
    fn a_missing_or_wrong_value_is_an_error() {
        assert!(args("--calls").number("--calls").is_err());
        assert!(args("--calls --seed 3").number("--calls").is_err());
        assert!(args("--calls many").number("--calls").is_err());
    }

    #[test]
    fn distances_are_edit_distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("zzzzz", ["ci", "deps"].into_iter()), None);
    }
}
