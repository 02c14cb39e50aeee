//! From text to tokens and back: byte-level BPE, as GPT-2 has it.

use std::collections::HashMap;

use crate::in_process::{Damaged, Gguf, merge};

/// The vocabulary.
#[derive(Debug)]
pub(super) struct Tokens {
    /// What each token stands for; empty for marks.
    bytes: Vec<Vec<u8>>,
    /// The tokens of single bytes.
    single: Vec<u32>,
    /// Which two tokens become which, the earlier merge first.
    merges: HashMap<(u32, u32), Merge>,
    system: u32,
    user: u32,
    assistant: u32,
    end: u32,
}

#[derive(Copy, Clone, Debug)]
struct Merge {
    rank: u32,
    into: u32,
}

/// Who speaks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Whoever set the model up.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// Nobody: the answer is whole.
    End,
}

impl Tokens {
    /// The vocabulary of a file.
    pub(super) fn of(file: &Gguf<'_>) -> Result<Self, Damaged> {
        let (model, pre) = (file.text("tokenizer.ggml.model")?, file.text("tokenizer.ggml.pre")?);
        if (model, pre) != ("gpt2", "gpt-2") {
            return Err(Damaged(format!("its tokens are of the form {model} {pre}, and not gpt2 gpt-2")));
        }
        let names = file.texts("tokenizer.ggml.tokens")?;
        let ids: HashMap<&str, u32> = names.iter().copied().zip(0..).collect();
        let id =
            |name: &str| ids.get(name).copied().ok_or_else(|| Damaged(format!("it has no token {name}")));
        let letters: HashMap<char, u8> = (0..=255).map(|byte| (letter(byte), byte)).collect();
        let marks = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"];
        let bytes_of = |name: &&str| match marks.contains(name) {
            true => Some(Vec::new()),
            false => name.chars().map(|letter| letters.get(&letter).copied()).collect(),
        };
        let bytes = names.iter().map(bytes_of).collect::<Option<_>>();
        let bytes = bytes.ok_or_else(|| Damaged("a token of it stands for no bytes".to_owned()))?;
        let mut buffer = [0; 4];
        let single =
            (0..=255).map(|byte| id(letter(byte).encode_utf8(&mut buffer))).collect::<Result<_, _>>()?;
        let mut merges = HashMap::new();
        for (rank, merge) in (0..).zip(file.texts("tokenizer.ggml.merges")?) {
            let (left, right) =
                merge.split_once(' ').ok_or_else(|| Damaged(format!("{merge:?} merges nothing")))?;
            let into = id(&[left, right].concat())?;
            merges.entry((id(left)?, id(right)?)).or_insert(Merge { rank, into });
        }
        let [system, user, assistant, end] = marks.map(id);
        Ok(Self { bytes, single, merges, system: system?, user: user?, assistant: assistant?, end: end? })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The longest, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.bytes.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// The token of a mark.
    pub(super) fn mark(&self, mark: Mark) -> u32 {
        match mark {
            Mark::System => self.system,
            Mark::User => self.user,
            Mark::Assistant => self.assistant,
            Mark::End => self.end,
        }
    }

    /// The bytes a token stands for; `None` if it is a mark.
    pub(super) fn bytes(&self, token: u32) -> Option<&[u8]> {
        let bytes = self.bytes.get(usize::try_from(token).ok()?)?;
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Adds the tokens of a text. Marks that are written in it are text like any other.
    pub(super) fn add(&self, text: &str, to: &mut Vec<u32>) {
        for piece in pieces(text) {
            let word = piece.bytes().filter_map(|byte| self.single.get(usize::from(byte)).copied());
            to.extend(merge(word, |a, b| self.merges.get(&(a, b)).map(|merge| (merge.rank, merge.into))));
        }
    }
}

/// The letter that GPT-2 writes for a byte: itself, or for what cannot be seen one from U+0100 on.
fn letter(byte: u8) -> char {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if seen(byte) {
        return char::from(byte);
    }
    let unseen = (0..byte).filter(|other| !seen(*other)).count();
    u32::try_from(unseen).ok().and_then(|unseen| char::from_u32(0x100 + unseen)).unwrap_or_default()
}

/// What a run of characters consists of.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Sort {
    Letter,
    Number,
    Space,
    Other,
}

fn sort(c: char) -> Sort {
    if c.is_whitespace() {
        Sort::Space
    } else if c.is_numeric() {
        Sort::Number
    } else if c.is_alphabetic() {
        Sort::Letter
    } else {
        Sort::Other
    }
}

/// Cuts a text as GPT-2 does before it merges: endings after an apostrophe; runs of letters, of numbers or of other
/// signs, each with one space in front; white space, but for the space that belongs to what follows.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, tail) =
            rest.split_at_checked(piece_length(rest)).filter(|(piece, _)| !piece.is_empty())?;
        rest = tail;
        Some(piece)
    })
}

fn piece_length(text: &str) -> usize {
    const ENDINGS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    if let Some(ending) = ENDINGS.iter().find(|ending| text.starts_with(**ending)) {
        return ending.len();
    }
    let run = |text: &str, of: Sort| text.find(|c| sort(c) != of).unwrap_or(text.len());
    let after_space = text.strip_prefix(' ').unwrap_or(text);
    match after_space.chars().next().map(sort) {
        Some(first) if first != Sort::Space => text.len() - after_space.len() + run(after_space, first),
        _ => {
            let spaces = run(text, Sort::Space);
            let last = text.get(..spaces).and_then(|spaces| spaces.chars().next_back());
            match last.map(char::len_utf8) {
                // The last one is left to what follows, if there is more than one and something follows.
                Some(last) if spaces < text.len() && spaces > last => spaces - last,
                _ => spaces,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_where_gpt_2_cuts_it() {
        for (text, expected) in [
            ("Hello world", &["Hello", " world"][..]),
            ("I'm sure it's 42%", &["I", "'m", " sure", " it", "'s", " 42", "%"]),
            ("a  b\n\n c ", &["a", " ", " b", "\n\n", " c", " "]),
            ("don't 'tis x'", &["don", "'t", " '", "tis", " x", "'"]),
            ("GPT4 now", &["GPT", "4", " now"]),
            ("über €5\t\tend", &["über", " €", "5", "\t", "\t", "end"]),
            ("   ", &["   "]),
            ("", &[]),
        ] {
            assert_eq!(pieces(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn every_byte_has_a_letter_of_its_own_that_can_be_seen() {
        let letters: std::collections::BTreeSet<char> = (0..=255).map(letter).collect();
        assert_eq!(letters.len(), 256);
        assert_eq!((letter(b' '), letter(b'\n'), letter(b'a'), letter(0xad)), ('Ġ', 'Ċ', 'a', 'Ń'));
    }
}
