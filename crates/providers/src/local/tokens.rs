//! From text to tokens and back, as the file says: byte-level BPE or SentencePiece.

use std::collections::{BTreeSet, HashMap};

use backstop_core::Error;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use super::marks::{Marks, Part};
use super::pieces::{self, SPACE};
use crate::in_process::{Damaged, Gguf, too_long};

/// How Qwen's and Llama 3's texts are cut before they are merged.
const QWEN: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA_3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Marks that end an answer, whatever the file calls its end.
const ENDS: [&str; 8] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
    "<|end|>",
    "</s>",
    "<|eom_id|>",
];

/// The vocabulary of a file.
pub(super) struct Tokens {
    /// What each token stands for; marks stand for nothing.
    bytes: Vec<Vec<u8>>,
    cut: Cut,
    /// How many bytes the longest token stands for.
    longest: usize,
    /// Texts that stand for one token where the template writes them.
    marks: Marks,
    /// Those that do so in any text.
    everywhere: Marks,
    ends: BTreeSet<u32>,
    /// What every prompt begins with.
    begin: Option<u32>,
    /// The texts of the tokens that begin and end, for the template.
    pub(super) begin_text: String,
    pub(super) end_text: String,
}

enum Cut {
    /// Byte-level BPE.
    Merges(Box<Tokenizer>),
    /// SentencePiece: each text's token and score, and the tokens of bytes.
    Scores {
        scores: HashMap<String, (u32, f32)>,
        single: Vec<Option<u32>>,
        unknown: u32,
        space_in_front: bool,
    },
}

impl Tokens {
    /// The vocabulary of a file.
    pub(super) fn of(file: &Gguf<'_>) -> Result<Self, Damaged> {
        let names = file.texts("tokenizer.ggml.tokens")?;
        let sorts = match file.has_value("tokenizer.ggml.token_type") {
            true => file.wholes("tokenizer.ggml.token_type", names.len())?,
            false => vec![1; names.len()],
        };
        let model = file.text("tokenizer.ggml.model")?;
        let sentences = match model {
            "gpt2" => false,
            "llama" => true,
            other => {
                return Err(Damaged(format!(
                    "its tokens are of the kind {other:?}; known are gpt2 and llama"
                )));
            }
        };
        let pre = file.text("tokenizer.ggml.pre").unwrap_or("gpt-2");
        let cut = if sentences { sentence_pieces(file, &names, &sorts)? } else { merges(file, &names, pre)? };
        let id_of = |name: &str| file.whole::<u32>(&format!("tokenizer.ggml.{name}_token_id")).ok();
        let named = |text: &&str| ENDS.contains(text);
        let mut ends: BTreeSet<u32> = ["eos", "eot", "eom"].into_iter().filter_map(id_of).collect();
        ends.extend((0..).zip(&names).filter(|(_, name)| named(name)).map(|(id, _)| id));
        let of_sort = |wanted: &[i128]| {
            let all = (0..).zip(names.iter().zip(&sorts)).filter(|(_, (_, sort))| wanted.contains(sort));
            Marks::new(all.map(|(id, (name, _))| (*name, id)))
        };
        // Control, and those that users added.
        let (marks, everywhere) = (of_sort(&[3, 4]), of_sort(&[4]));
        let letters: HashMap<char, u8> = (0..=255).map(|byte| (letter(byte), byte)).collect();
        let bytes = names.iter().zip(&sorts).map(|(name, sort)| bytes_of(name, *sort, sentences, &letters));
        let bytes: Vec<Vec<u8>> = bytes.collect();
        let begins = sentences || matches!(pre, "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe");
        let begin =
            file.flag("tokenizer.ggml.add_bos_token").unwrap_or(begins).then(|| id_of("bos")).flatten();
        let text_of = |id: Option<u32>| {
            let name = id.and_then(|id| names.get(usize::try_from(id).ok()?));
            name.map(|name| (*name).to_owned()).unwrap_or_default()
        };
        Ok(Self {
            longest: names.iter().map(|name| name.len()).max().unwrap_or_default(),
            bytes,
            cut,
            marks,
            everywhere,
            ends,
            begin,
            begin_text: text_of(id_of("bos")),
            end_text: text_of(id_of("eos")),
        })
    }

    /// The bytes a token stands for; `None` if it ends the answer.
    pub(super) fn bytes(&self, token: u32) -> Option<&[u8]> {
        if self.ends.contains(&token) {
            return None;
        }
        Some(usize::try_from(token).ok().and_then(|token| self.bytes.get(token)).map_or(&[], Vec::as_slice))
    }

    /// Whether a text has something in it that would be a mark if the template had written it.
    pub(super) fn has_mark(&self, text: &str) -> bool {
        self.marks.stand_in(text)
    }

    /// Refuses a text of so many bytes if it is too long whatever it says, before any work is put into it.
    pub(super) fn can_fit(&self, bytes: usize, window: usize) -> Result<(), Error> {
        let fewest = bytes.div_ceil(self.longest.max(1));
        if fewest < window { Ok(()) } else { Err(too_long(fewest, window)) }
    }

    /// What every prompt begins with.
    pub(super) fn begin(&self) -> Vec<u32> {
        self.begin.into_iter().collect()
    }

    /// Adds the tokens of a text; `trusted` if what is written as a mark is one.
    pub(super) fn add(&self, text: &str, trusted: bool, to: &mut Vec<u32>) -> Result<(), Damaged> {
        let marks = if trusted { &self.marks } else { &self.everywhere };
        for part in marks.parts(text) {
            match part {
                Part::Plain(text) => self.add_plain(text, to)?,
                // A template that writes the beginning does not begin twice.
                Part::Mark(id) if Some(id) == self.begin && *to == [id] => {}
                Part::Mark(id) => to.push(id),
            }
        }
        Ok(())
    }

    fn add_plain(&self, text: &str, to: &mut Vec<u32>) -> Result<(), Damaged> {
        if text.is_empty() {
            return Ok(());
        }
        match &self.cut {
            Cut::Merges(tokenizer) => {
                let encoded = tokenizer.encode_fast(text, false);
                let encoded =
                    encoded.map_err(|cause| Damaged(format!("its tokens do not fit a text: {cause}")))?;
                to.extend(encoded.get_ids());
            }
            Cut::Scores { scores, single, unknown, space_in_front } => {
                // Behind a mark, as at the beginning, a word has its space.
                let marked = to.last().is_none_or(|last| self.marks.has(*last));
                let space = if *space_in_front && marked { " " } else { "" };
                let text = format!("{space}{text}").replace(' ', SPACE.encode_utf8(&mut [0; 4]));
                for part in pieces::cut(&text, scores) {
                    match scores.get(part) {
                        Some((id, _)) => to.push(*id),
                        None => to.extend(part.bytes().map(|byte| {
                            single.get(usize::from(byte)).copied().flatten().unwrap_or(*unknown)
                        })),
                    }
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("count", &self.bytes.len()).finish_non_exhaustive()
    }
}

fn merges(file: &Gguf<'_>, names: &[&str], pre: &str) -> Result<Cut, Damaged> {
    let pattern = match pre {
        "gpt-2" | "phi-2" => None,
        "qwen2" => Some(QWEN),
        "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe" => Some(LLAMA_3),
        other => return Err(Damaged(format!("its texts are cut in the unknown way {other:?}"))),
    };
    let broken = |cause: tokenizers::Error| Damaged(format!("its vocabulary cannot be used: {cause}"));
    let vocabulary: Vocab = (0..).zip(names).map(|(id, name)| ((*name).to_owned(), id)).collect();
    let pair = |merge: &str| merge.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()));
    let merges: Option<Vec<_>> = file.texts("tokenizer.ggml.merges")?.into_iter().map(pair).collect();
    let merges = merges.ok_or_else(|| Damaged("a merge of it merges nothing".to_owned()))?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges);
    let mut tokenizer = Tokenizer::new(model.build().map_err(broken)?);
    let by_byte: PreTokenizerWrapper = ByteLevel::new(false, true, pattern.is_none()).into();
    tokenizer.with_pre_tokenizer(Some(match pattern {
        None => by_byte,
        Some(pattern) => {
            let pattern = SplitPattern::Regex(pattern.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(broken)?;
            PreTokenizerWrapper::from(Sequence::new(vec![split.into(), by_byte]))
        }
    }));
    Ok(Cut::Merges(Box::new(tokenizer)))
}

fn sentence_pieces(file: &Gguf<'_>, names: &[&str], sorts: &[i128]) -> Result<Cut, Damaged> {
    let scored = file.reals("tokenizer.ggml.scores", names.len())?;
    let mut scores = HashMap::new();
    let mut single = vec![None; 256];
    for ((id, name), (sort, score)) in (0..).zip(names).zip(sorts.iter().zip(scored)) {
        match (sort, byte_of(name)) {
            (6, Some(byte)) => {
                if let Some(place) = single.get_mut(usize::from(byte)) {
                    *place = Some(id);
                }
            }
            // Plain tokens, and those that users added.
            (1 | 4, _) => drop(scores.insert((*name).to_owned(), (id, score))),
            _ => {}
        }
    }
    let unknown = file.whole("tokenizer.ggml.unknown_token_id").unwrap_or(0);
    let space_in_front = file.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true);
    Ok(Cut::Scores { scores, single, unknown, space_in_front })
}

/// The byte of `<0x0A>`.
fn byte_of(name: &str) -> Option<u8> {
    u8::from_str_radix(name.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

fn bytes_of(name: &str, sort: i128, sentences: bool, letters: &HashMap<char, u8>) -> Vec<u8> {
    match (sort, sentences) {
        (2 | 3 | 5, _) => Vec::new(),
        (6, _) => byte_of(name).into_iter().collect(),
        (4, _) => name.as_bytes().to_vec(),
        (_, true) => name.replace(SPACE, " ").into_bytes(),
        (_, false) => {
            let bytes: Option<Vec<u8>> = name.chars().map(|letter| letters.get(&letter).copied()).collect();
            bytes.unwrap_or_else(|| name.as_bytes().to_vec())
        }
    }
}

/// The letter that byte-level BPE writes for a byte.
fn letter(byte: u8) -> char {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if seen(byte) {
        return char::from(byte);
    }
    let unseen = (0..byte).filter(|other| !seen(*other)).count();
    u32::try_from(unseen).ok().and_then(|unseen| char::from_u32(0x100 + unseen)).unwrap_or_default()
}
