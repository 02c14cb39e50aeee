//! The network: Llama's, in plain Rust.

use backstop_core::Error;

use super::gguf::{Damaged, Gguf};
use super::tokens::{Mark, Tokens};
use crate::in_process::Session;

/// The model, read once and used by every answer.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) tokens: Tokens,
    sizes: Sizes,
    /// How fast each pair of a head turns with the place.
    turns: Vec<f32>,
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    /// `None` if it is the embedding.
    output: Option<Matrix>,
}

#[derive(Copy, Clone, Debug)]
struct Sizes {
    window: usize,
    width: usize,
    heads: usize,
    /// Heads that keys and values have; several of the others may share one.
    kv_heads: usize,
    head: usize,
    inner: usize,
    epsilon: f32,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    query: Matrix,
    key: Matrix,
    value: Matrix,
    attention_output: Matrix,
    inner_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

impl Model {
    /// The model in a file.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, Damaged> {
        let file = Gguf::read(bytes)?;
        let architecture = file.text("general.architecture")?;
        if architecture != "llama" {
            return Err(Damaged(format!("its architecture is {architecture}, and not llama")));
        }
        let heads = file.whole("llama.attention.head_count")?;
        let width = file.whole("llama.embedding_length")?;
        let sizes = Sizes {
            window: file.whole("llama.context_length")?,
            width,
            heads,
            kv_heads: file.whole("llama.attention.head_count_kv").unwrap_or(heads),
            head: width.checked_div(heads).unwrap_or_default(),
            inner: file.whole("llama.feed_forward_length")?,
            epsilon: file.real("llama.attention.layer_norm_rms_epsilon")?,
        };
        let pairs = sizes.head / 2;
        let fits = sizes.heads * sizes.head == width && sizes.head == pairs * 2 && sizes.kv_heads > 0;
        if !fits || !sizes.heads.is_multiple_of(sizes.kv_heads) {
            return Err(Damaged("its heads do not fit its width".to_owned()));
        }
        if file.whole("llama.rope.dimension_count").is_ok_and(|turning: usize| turning != sizes.head) {
            return Err(Damaged("its heads turn in part only".to_owned()));
        }
        let base = file.real("llama.rope.freq_base").unwrap_or(10_000.0);
        let turns = (0..pairs).map(|pair| base.powf(-ratio(pair, pairs))).collect();
        let tokens = Tokens::of(&file)?;
        let embedding = Matrix::of(&file, "token_embd.weight", width, tokens.len())?;
        let output = match file.has("output.weight") {
            true => Some(Matrix::of(&file, "output.weight", width, tokens.len())?),
            false => None,
        };
        let count: usize = file.whole("llama.block_count")?;
        let layers = (0..count).map(|index| Layer::of(&file, index, &sizes)).collect::<Result<_, _>>()?;
        let norm = file.table("output_norm.weight", width, 1)?;
        Ok(Self { tokens, sizes, turns, embedding, layers, norm, output })
    }

    /// How many tokens it can look back on.
    pub(super) fn window(&self) -> usize {
        self.sizes.window
    }
}

impl Layer {
    fn of(file: &Gguf<'_>, index: usize, sizes: &Sizes) -> Result<Self, Damaged> {
        let Sizes { width, inner, .. } = *sizes;
        let kv = sizes.kv_heads * sizes.head;
        let matrix =
            |name, columns, rows| Matrix::of(file, &format!("blk.{index}.{name}.weight"), columns, rows);
        let norm = |name| file.table(&format!("blk.{index}.{name}.weight"), width, 1);
        Ok(Self {
            attention_norm: norm("attn_norm")?,
            query: matrix("attn_q", width, width)?,
            key: matrix("attn_k", width, kv)?,
            value: matrix("attn_v", width, kv)?,
            attention_output: matrix("attn_output", width, width)?,
            inner_norm: norm("ffn_norm")?,
            gate: matrix("ffn_gate", width, inner)?,
            up: matrix("ffn_up", width, inner)?,
            down: matrix("ffn_down", inner, width)?,
        })
    }
}

/// One answer's state: what has been read, as keys and values of every layer.
#[derive(Debug)]
pub(super) struct Reading<M> {
    model: M,
    /// How many tokens have been read.
    place: usize,
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
    scores: Vec<f32>,
}

impl<M: AsRef<Model>> Reading<M> {
    pub(super) fn new(model: M) -> Self {
        let layers = model.as_ref().layers.len();
        let empty = || vec![Vec::new(); layers];
        Self { place: 0, keys: empty(), values: empty(), scores: Vec::new(), model }
    }

    /// Reads one token; what the network makes of it.
    fn step(&mut self, token: u32) -> Vec<f32> {
        let model = self.model.as_ref();
        let sizes = &model.sizes;
        let mut x = model.embedding.row(token);
        let memory = self.keys.iter_mut().zip(&mut self.values);
        for (layer, (keys, values)) in model.layers.iter().zip(memory) {
            let y = normed(&x, &layer.attention_norm, sizes.epsilon);
            let (mut query, mut key) = (layer.query.times(&y), layer.key.times(&y));
            turn(&mut query, self.place, &model.turns);
            turn(&mut key, self.place, &model.turns);
            keys.append(&mut key);
            values.append(&mut layer.value.times(&y));
            let seen = attend(&query, keys, values, sizes);
            add(&mut x, &layer.attention_output.times(&seen));
            let y = normed(&x, &layer.inner_norm, sizes.epsilon);
            let mut inner = layer.gate.times(&y);
            for (gate, up) in inner.iter_mut().zip(layer.up.times(&y)) {
                *gate = *gate / (1.0 + (-*gate).exp()) * up;
            }
            add(&mut x, &layer.down.times(&inner));
        }
        self.place += 1;
        x
    }
}

impl<M: AsRef<Model>> Session for Reading<M> {
    fn window(&self) -> usize {
        self.model.as_ref().window()
    }

    fn read(&mut self, tokens: &[u32]) -> Result<&[f32], Error> {
        let last = tokens.iter().fold(Vec::new(), |_, token| self.step(*token));
        let model = self.model.as_ref();
        let last = normed(&last, &model.norm, model.sizes.epsilon);
        self.scores = model.output.as_ref().unwrap_or(&model.embedding).times(&last);
        Ok(&self.scores)
    }

    fn bytes(&self, token: u32) -> Option<&[u8]> {
        self.model.as_ref().tokens.bytes(token)
    }
}

impl Model {
    /// The token of a mark.
    pub(super) fn mark(&self, mark: Mark) -> u32 {
        self.tokens.mark(mark)
    }
}

/// What each head sees of all places up to this one.
fn attend(query: &[f32], keys: &[f32], values: &[f32], sizes: &Sizes) -> Vec<f32> {
    let Sizes { heads, kv_heads, head, .. } = *sizes;
    let scale = 1.0 / ratio(head, 1).sqrt();
    let mut seen = vec![0.0; query.len()];
    for (index, (query, seen)) in query.chunks_exact(head).zip(seen.chunks_exact_mut(head)).enumerate() {
        let shared = index / (heads / kv_heads);
        // Every head's part of every place, this head's alone.
        let mine = |all| <[f32]>::chunks_exact(all, head).skip(shared).step_by(kv_heads);
        let mut weights: Vec<f32> = mine(keys).map(|key| dot(query, key) * scale).collect();
        let most = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        weights.iter_mut().for_each(|weight| *weight = (*weight - most).exp());
        let total: f32 = weights.iter().sum();
        for (weight, value) in weights.iter().zip(mine(values)) {
            seen.iter_mut().zip(value).for_each(|(seen, value)| *seen += weight / total * value);
        }
    }
    seen
}

/// Turns each pair of numbers of every head by an angle that grows with the place.
fn turn(heads: &mut [f32], place: usize, turns: &[f32]) {
    let place = ratio(place, 1);
    let (pairs, _) = heads.as_chunks_mut::<2>();
    for ([a, b], speed) in pairs.iter_mut().zip(turns.iter().cycle()) {
        let (sin, cos) = (place * speed).sin_cos();
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}

fn normed(x: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let scale = 1.0 / (dot(x, x) / ratio(x.len(), 1) + epsilon).sqrt();
    x.iter().zip(weights).map(|(x, weight)| x * scale * weight).collect()
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// A table of numbers that a row of numbers can be multiplied by.
#[derive(Debug)]
struct Matrix {
    columns: usize,
    numbers: Vec<f32>,
}

impl Matrix {
    fn of(file: &Gguf<'_>, name: &str, columns: usize, rows: usize) -> Result<Self, Damaged> {
        Ok(Self { columns, numbers: file.table(name, columns, rows)? })
    }

    fn times(&self, x: &[f32]) -> Vec<f32> {
        self.numbers.chunks_exact(self.columns).map(|row| dot(row, x)).collect()
    }

    /// The row of a token; zeros if there is none.
    fn row(&self, index: u32) -> Vec<f32> {
        let row =
            usize::try_from(index).ok().and_then(|index| self.numbers.chunks_exact(self.columns).nth(index));
        row.map_or_else(|| vec![0.0; self.columns], <[f32]>::to_vec)
    }
}

/// The sum of products, in sixteen lanes so that the compiler can do several at a time.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[expect(clippy::cast_precision_loss, reason = "sizes of a model are far below what f32 counts exactly")]
fn ratio(a: usize, b: usize) -> f32 {
    a as f32 / b as f32
}
