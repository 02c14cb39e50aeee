//! Whether the sizes that a head states can be true of the tables in its file.
//!
//! A network reserves memory by what the head says: so many layers, heads so large, angles for so many places. A head that
//! lies could have it reserve more than there is, and a program that gets no memory ends. So nothing is reserved that the
//! tables, which have to be there, do not bear out.

use crate::in_process::{Damaged, Gguf};

/// The most numbers of a head; the largest there are have 256.
const HEAD_MAX: u64 = 1024;

/// How many bytes the angles of one place take for each number of a head, while they are made.
const ANGLE_BYTES: u64 = 16;

/// Checks the sizes of a file of this length. How many tokens question and answer may have together: as the file says, as
/// long as the angles of all places together are no larger than the file.
pub(super) fn window(file: &Gguf<'_>, architecture: &str, length: u64) -> Result<u32, Damaged> {
    let named = |key: &str| format!("{architecture}.{key}");
    let stated = |key: &str| file.whole::<u64>(&named(key));
    let lies = |key: &str, count: u64| {
        Damaged(format!("it says that {} is {count}, and its tables say otherwise", named(key)))
    };
    let tables = u64::try_from(file.tables().count()).unwrap_or(u64::MAX);
    stated("block_count")?;
    for key in ["block_count", "expert_count", "expert_used_count"] {
        match stated(key) {
            Ok(count) if count > tables => return Err(lies(key, count)),
            _ => {}
        }
    }
    let width = stated("embedding_length")?;
    let vectors = file.sizes("token_embd.weight")?;
    if vectors.first() != Some(&width) {
        return Err(lies("embedding_length", width));
    }
    let tokens = file.length_of("tokenizer.ggml.tokens")?;
    if vectors.get(1) != Some(&tokens) {
        return Err(Damaged(format!("it has {tokens} tokens, and vectors for another number of them")));
    }
    let heads = stated("attention.head_count")?;
    let shared = stated("attention.head_count_kv").unwrap_or(heads);
    if heads == 0 || heads > width || shared == 0 || shared > heads {
        return Err(lies("attention.head_count", heads));
    }
    let size = stated("attention.key_length").unwrap_or(width / heads);
    let turned = stated("rope.dimension_count").unwrap_or(size);
    for (key, size) in [("attention.key_length", size), ("rope.dimension_count", turned)] {
        if !(1..=HEAD_MAX).contains(&size) {
            return Err(lies(key, size));
        }
    }
    let places = length / (ANGLE_BYTES * size.max(turned));
    let window = stated("context_length")?.min(places);
    if window == 0 {
        return Err(lies("context_length", stated("context_length")?));
    }
    Ok(u32::try_from(window).unwrap_or(u32::MAX))
}
