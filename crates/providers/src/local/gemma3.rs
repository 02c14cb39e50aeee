//! Gemma 3, over candle's operations. Candle's own reader of such files puts another curve between the halves of a layer than
//! the model was trained with, does not stretch the angles of large models, and keeps angles of every place in every layer.

use std::io::{Read, Seek};

use candle_core::quantized::QMatMul;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Device, Module, Result, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::rope;
use candle_transformers::quantized_nn::RmsNorm;
use candle_transformers::utils::repeat_kv;

/// Of so many layers the last sees everything, the others what is near.
const PATTERN: u32 = 6;

/// The base of the angles, where a file does not state it.
const BASE_FAR: f32 = 1_000_000.0;
const BASE_NEAR: f32 = 10_000.0;

/// How many layers the one size has that scales its attention by another number than that of a head's values.
const LAYERS_OF_27B: usize = 62;

/// A model with its weights, and what it has read.
pub(super) struct Gemma3 {
    vectors: Tensor,
    layers: Vec<Layer>,
    norm: RmsNorm,
    output: QMatMul,
    near: Angles,
    far: Angles,
}

impl Gemma3 {
    pub(super) fn load<R: Read + Seek>(content: &Content, file: &mut R) -> Result<Self> {
        let weights = &mut Weights { content, file, epsilon: 0.0 };
        weights.epsilon = weights.need("attention.layer_norm_rms_epsilon", Value::to_f32)?.into();
        let [heads, shared, size, count] =
            ["attention.head_count", "attention.head_count_kv", "attention.key_length", "block_count"]
                .map(|name| weights.need(name, Value::to_u32).map(|count| count as usize));
        let (heads, shared, size, count) = (heads?, shared?, size?, count?);
        if shared == 0 || heads == 0 || size == 0 || heads % shared != 0 || size % 2 != 0 {
            candle_core::bail!("{heads} heads of {size}, {shared} of them of keys, do not fit together");
        }
        let vectors = weights.tensor("token_embd.weight")?.dequantize(&Device::Cpu)?;
        let scale_of = if count == LAYERS_OF_27B { vectors.dim(1)? / heads } else { size };
        let window = weights.need("attention.sliding_window", Value::to_u32)? as usize;
        let pattern = weights.may("attention.sliding_window_pattern", Value::to_u32)?.unwrap_or(PATTERN);
        let layers = (1..=count).map(|number| {
            let is_near = !u32::try_from(number).unwrap_or(u32::MAX).is_multiple_of(pattern.max(1));
            let form = Form { heads, shared, size, scale: (scale_of as f64).powf(-0.5) };
            Layer::load(weights, number - 1, form, is_near.then_some(window))
        });
        let layers = layers.collect::<Result<_>>()?;
        let stretch = weights.may("rope.scaling.factor", Value::to_f32)?.unwrap_or(1.0);
        let near = weights.may("rope.freq_base_swa", Value::to_f32)?.unwrap_or(BASE_NEAR);
        let far = weights.may("rope.freq_base", Value::to_f32)?.unwrap_or(BASE_FAR);
        let tied = if content.tensor_infos.contains_key("output.weight") { "output" } else { "token_embd" };
        Ok(Self {
            vectors,
            layers,
            norm: weights.norm("output_norm")?,
            output: weights.table(tied)?,
            near: Angles { size, base: near, stretch: 1.0 },
            far: Angles { size, base: far, stretch },
        })
    }

    /// Scores for what may follow these tokens, which stand behind `place` others.
    pub(super) fn forward(&mut self, tokens: &Tensor, place: usize) -> Result<Tensor> {
        let (_, count) = tokens.dims2()?;
        let width = self.vectors.dim(1)?;
        let vectors = self.vectors.index_select(&tokens.flatten_all()?, 0)?.reshape((1, count, width))?;
        let mut state = (vectors * (width as f64).sqrt())?;
        let (near, far) = (self.near.of(place, count)?, self.far.of(place, count)?);
        for layer in &mut self.layers {
            let angles = if layer.window.is_some() { &near } else { &far };
            state = layer.forward(&state, place, angles)?;
        }
        let last = state.narrow(1, count - 1, 1)?.squeeze(1)?;
        self.output.forward(&self.norm.forward(&last)?)
    }
}

/// What the layers have in common.
#[derive(Copy, Clone)]
struct Form {
    heads: usize,
    /// Heads of keys and values, each shared by some of the others.
    shared: usize,
    size: usize,
    scale: f64,
}

struct Layer {
    form: Form,
    /// How far back it sees, if not to the beginning.
    window: Option<usize>,
    before_attention: RmsNorm,
    queries: QMatMul,
    keys: QMatMul,
    values: QMatMul,
    query_norm: RmsNorm,
    key_norm: RmsNorm,
    attended: QMatMul,
    after_attention: RmsNorm,
    before_inner: RmsNorm,
    gate: QMatMul,
    up: QMatMul,
    down: QMatMul,
    after_inner: RmsNorm,
    /// The keys and values of all it has read.
    read: Option<(Tensor, Tensor)>,
}

impl Layer {
    fn load<R: Read + Seek>(
        weights: &mut Weights<'_, R>,
        index: usize,
        form: Form,
        window: Option<usize>,
    ) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}");
        Ok(Self {
            form,
            window,
            before_attention: weights.norm(&name("attn_norm"))?,
            queries: weights.table(&name("attn_q"))?,
            keys: weights.table(&name("attn_k"))?,
            values: weights.table(&name("attn_v"))?,
            query_norm: weights.norm(&name("attn_q_norm"))?,
            key_norm: weights.norm(&name("attn_k_norm"))?,
            attended: weights.table(&name("attn_output"))?,
            after_attention: weights.norm(&name("post_attention_norm"))?,
            before_inner: weights.norm(&name("ffn_norm"))?,
            gate: weights.table(&name("ffn_gate"))?,
            up: weights.table(&name("ffn_up"))?,
            down: weights.table(&name("ffn_down"))?,
            after_inner: weights.norm(&name("post_ffw_norm"))?,
            read: None,
        })
    }

    fn forward(&mut self, state: &Tensor, place: usize, angles: &(Tensor, Tensor)) -> Result<Tensor> {
        let attended = self.attention(&self.before_attention.forward(state)?, place, angles)?;
        let state = (state + self.after_attention.forward(&attended)?)?;
        let inner = self.before_inner.forward(&state)?;
        let inner = (self.gate.forward(&inner)?.gelu()? * self.up.forward(&inner)?)?;
        &state + self.after_inner.forward(&self.down.forward(&inner)?)?
    }

    fn attention(&mut self, state: &Tensor, place: usize, (cos, sin): &(Tensor, Tensor)) -> Result<Tensor> {
        let Form { heads, shared, size, scale } = self.form;
        let (_, count, _) = state.dims3()?;
        let by_head =
            |all: Tensor, heads| all.reshape((1, count, heads, size))?.transpose(1, 2)?.contiguous();
        let queries = self.query_norm.forward(&by_head(self.queries.forward(state)?, heads)?)?;
        let keys = self.key_norm.forward(&by_head(self.keys.forward(state)?, shared)?)?;
        let values = by_head(self.values.forward(state)?, shared)?;
        let (queries, keys) = (rope(&queries, cos, sin)?, rope(&keys, cos, sin)?);
        let (keys, values) = match self.read.take() {
            Some((earlier, values_then)) if place > 0 => {
                (Tensor::cat(&[&earlier, &keys], 2)?, Tensor::cat(&[&values_then, &values], 2)?)
            }
            _ => (keys, values),
        };
        self.read = Some((keys.clone(), values.clone()));
        let keys = repeat_kv(keys, heads / shared)?;
        let values = repeat_kv(values, heads / shared)?;
        let mut weights = (queries.matmul(&keys.transpose(2, 3)?)? * scale)?;
        if let Some(hidden) = self.hidden(place, count)? {
            weights = weights.broadcast_add(&hidden)?;
        }
        let seen = softmax_last_dim(&weights)?.matmul(&values)?;
        self.attended.forward(&seen.transpose(1, 2)?.reshape((1, count, heads * size))?)
    }

    /// What takes from each token's sight what follows it and what is out of its window; `None` if nothing is.
    fn hidden(&self, place: usize, count: usize) -> Result<Option<Tensor>> {
        let all = place + count;
        let window = self.window.unwrap_or(usize::MAX);
        if count == 1 && all <= window {
            return Ok(None);
        }
        let seen = |from: usize, to: usize| to <= from && from - to < window;
        let hidden = (place..all)
            .flat_map(|from| (0..all).map(move |to| if seen(from, to) { 0.0 } else { f32::NEG_INFINITY }));
        Tensor::from_iter(hidden, &Device::Cpu)?.reshape((count, all)).map(Some)
    }
}

/// By which angles tokens are turned, by their place.
struct Angles {
    size: usize,
    base: f32,
    stretch: f32,
}

impl Angles {
    /// The cosines and sines of these places.
    fn of(&self, place: usize, count: usize) -> Result<(Tensor, Tensor)> {
        let half = self.size / 2;
        let angles = (place..place + count).flat_map(|place| {
            (0..half).map(move |index| {
                place as f32 / self.stretch / self.base.powf(2.0 * index as f32 / self.size as f32)
            })
        });
        let angles = Tensor::from_iter(angles, &Device::Cpu)?.reshape((count, half))?;
        Ok((angles.cos()?, angles.sin()?))
    }
}

/// A file as it is read.
struct Weights<'a, R> {
    content: &'a Content,
    file: &'a mut R,
    epsilon: f64,
}

impl<R: Read + Seek> Weights<'_, R> {
    fn may<T>(&self, name: &str, read: fn(&Value) -> Result<T>) -> Result<Option<T>> {
        self.content.metadata.get(&format!("gemma3.{name}")).map(read).transpose()
    }

    fn need<T>(&self, name: &str, read: fn(&Value) -> Result<T>) -> Result<T> {
        match self.may(name, read)? {
            Some(value) => Ok(value),
            None => candle_core::bail!("it does not state gemma3.{name}"),
        }
    }

    fn tensor(&mut self, name: &str) -> Result<candle_core::quantized::QTensor> {
        self.content.tensor(self.file, name, &Device::Cpu)
    }

    fn table(&mut self, name: &str) -> Result<QMatMul> {
        QMatMul::from_qtensor(self.tensor(&format!("{name}.weight"))?)
    }

    fn norm(&mut self, name: &str) -> Result<RmsNorm> {
        RmsNorm::from_qtensor(self.tensor(&format!("{name}.weight"))?, self.epsilon)
    }
}
