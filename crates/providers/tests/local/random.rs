//! Small model files of random numbers, the same for the same seed: they know nothing, and are run like any other.

use std::path::{Path, PathBuf};

/// Numbers a token has. A multiple of what every form of table needs.
const WIDTH: usize = 64;
const INNER: usize = 96;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = WIDTH / HEADS;
const LAYERS: usize = 2;

/// The window of every random model.
pub(crate) const WINDOW: u32 = 128;

const TEMPLATE: &str = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% if m['role'] == 'assistant' %}<|end|>\
    {% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

const MARKS: [&str; 4] = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"];
const MERGES: [&str; 8] = ["Ġ t", "h e", "Ġt he", "i n", "Ġ a", "r e", "o n", "Ġ Ġ"];

/// A file in the making.
#[derive(Default)]
struct Writer {
    values: Vec<u8>,
    count: u64,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    random: u64,
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl Writer {
    fn value(&mut self, name: &str, form: u32, value: &[u8]) {
        self.values.extend(text(name));
        self.values.extend(form.to_le_bytes());
        self.values.extend(value);
        self.count += 1;
    }

    fn whole(&mut self, name: &str, value: u32) {
        self.value(name, 4, &value.to_le_bytes());
    }

    fn real(&mut self, name: &str, value: f32) {
        self.value(name, 6, &value.to_le_bytes());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.value(name, 8, &text(value));
    }

    fn texts<'t>(&mut self, name: &str, values: impl ExactSizeIterator<Item = &'t str>) {
        let mut bytes = 8u32.to_le_bytes().to_vec();
        bytes.extend((values.len() as u64).to_le_bytes());
        values.for_each(|value| bytes.extend(text(value)));
        self.value(name, 9, &bytes);
    }

    fn random(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits >> 40) as f32 / (1 << 24) as f32 - 0.5) * 2.0
    }

    /// A table of numbers around 0, of this width.
    fn table(&mut self, name: &str, columns: usize, rows: usize, scale: f32) {
        let numbers = (0..columns * rows).map(|_| self.random() * scale).collect();
        self.tensors.push((name.to_owned(), vec![columns, rows], numbers));
    }

    /// A list of numbers around this one.
    fn list(&mut self, name: &str, length: usize, around: f32) {
        let numbers = (0..length).map(|_| around + self.random() * 0.2).collect();
        self.tensors.push((name.to_owned(), vec![length], numbers));
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(&self.values);
        let mut offset = 0u64;
        for (name, sizes, numbers) in &self.tensors {
            bytes.extend(text(name));
            bytes.extend((sizes.len() as u32).to_le_bytes());
            sizes.iter().for_each(|size| bytes.extend((*size as u64).to_le_bytes()));
            bytes.extend(0u32.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
            offset += (numbers.len() as u64 * 4).next_multiple_of(32);
        }
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        for (_, _, numbers) in &self.tensors {
            numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
            bytes.resize(bytes.len().next_multiple_of(32), 0);
        }
        bytes
    }
}

/// The letter that byte-level BPE writes for a byte.
fn letter(byte: u8) -> char {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let unseen = (0..byte).filter(|other| !seen(*other)).count() as u32;
    if seen(byte) { char::from(byte) } else { char::from_u32(0x100 + unseen).unwrap() }
}

/// The bytes of a model file.
pub(crate) fn model(architecture: &str, pre: &str) -> Vec<u8> {
    let mut file = Writer { random: architecture.bytes().map(u64::from).sum(), ..Writer::default() };
    let mut names: Vec<String> = MARKS.map(str::to_owned).to_vec();
    names.extend((0..=255).map(|byte| letter(byte).to_string()));
    names.extend(MERGES.map(|merge| merge.replace(' ', "")));
    let a = architecture;
    file.text("general.architecture", a);
    file.text("general.name", "random");
    for (name, value) in [
        ("context_length", WINDOW as usize),
        ("embedding_length", WIDTH),
        ("block_count", LAYERS),
        ("feed_forward_length", INNER),
        ("attention.head_count", HEADS),
        ("attention.head_count_kv", KV_HEADS),
        ("attention.key_length", HEAD),
        ("attention.value_length", HEAD),
        ("rope.dimension_count", HEAD),
        ("attention.sliding_window", 1 << 20),
        ("vocab_size", names.len()),
    ] {
        file.whole(&format!("{a}.{name}"), u32::try_from(value).unwrap());
    }
    file.real(&format!("{a}.attention.layer_norm_rms_epsilon"), 1e-5);
    file.real(&format!("{a}.rope.freq_base"), 10_000.0);
    file.text("tokenizer.ggml.model", "gpt2");
    file.text("tokenizer.ggml.pre", pre);
    file.texts("tokenizer.ggml.tokens", names.iter().map(String::as_str));
    let mut sorts = 5u32.to_le_bytes().to_vec();
    sorts.extend((names.len() as u64).to_le_bytes());
    (0..names.len()).for_each(|id| sorts.extend(if id < MARKS.len() { 3i32 } else { 1 }.to_le_bytes()));
    file.value("tokenizer.ggml.token_type", 9, &sorts);
    file.texts("tokenizer.ggml.merges", MERGES.into_iter());
    file.whole("tokenizer.ggml.bos_token_id", 0);
    file.whole("tokenizer.ggml.eos_token_id", 0);
    file.value("tokenizer.ggml.add_bos_token", 7, &[0]);
    file.text("tokenizer.chat_template", TEMPLATE);
    weights(&mut file, architecture, names.len());
    file.bytes()
}

fn weights(file: &mut Writer, architecture: &str, tokens: usize) {
    let kv = KV_HEADS * HEAD;
    file.table("token_embd.weight", WIDTH, tokens, 1.0);
    // Large, so that the likeliest token is so by far.
    file.table("output.weight", WIDTH, tokens, 2.0);
    // Bytes that are no text by themselves are read, and never written: llama.cpp's server ends such an answer in an error.
    if let Some((_, _, numbers)) = file.tensors.last_mut() {
        let row = |byte: usize| (MARKS.len() + byte) * WIDTH;
        numbers.get_mut(row(0x80)..row(0x100)).unwrap().fill(0.0);
    }
    file.list("output_norm.weight", WIDTH, 1.0);
    for index in 0..LAYERS {
        let blk = |name: &str| format!("blk.{index}.{name}");
        file.list(&blk("attn_norm.weight"), WIDTH, 1.0);
        file.list(&blk("ffn_norm.weight"), WIDTH, 1.0);
        if architecture == "phi3" {
            file.table(&blk("attn_qkv.weight"), WIDTH, WIDTH + 2 * kv, 0.3);
            file.table(&blk("ffn_up.weight"), WIDTH, 2 * INNER, 0.3);
        } else {
            file.table(&blk("attn_q.weight"), WIDTH, WIDTH, 0.3);
            file.table(&blk("attn_k.weight"), WIDTH, kv, 0.3);
            file.table(&blk("attn_v.weight"), WIDTH, kv, 0.3);
            file.table(&blk("ffn_gate.weight"), WIDTH, INNER, 0.3);
            file.table(&blk("ffn_up.weight"), WIDTH, INNER, 0.3);
        }
        file.table(&blk("attn_output.weight"), WIDTH, WIDTH, 0.3);
        file.table(&blk("ffn_down.weight"), INNER, WIDTH, 0.3);
        match architecture {
            "qwen2" => {
                file.list(&blk("attn_q.bias"), WIDTH, 0.0);
                file.list(&blk("attn_k.bias"), kv, 0.0);
                file.list(&blk("attn_v.bias"), kv, 0.0);
            }
            "qwen3" | "gemma3" => {
                file.list(&blk("attn_q_norm.weight"), HEAD, 1.0);
                file.list(&blk("attn_k_norm.weight"), HEAD, 1.0);
            }
            _ => {}
        }
        if architecture == "gemma3" {
            file.list(&blk("post_attention_norm.weight"), WIDTH, 1.0);
            file.list(&blk("post_ffw_norm.weight"), WIDTH, 1.0);
        }
    }
}

/// Writes a model into a folder; where it is.
pub(crate) fn write(folder: &Path, architecture: &str, pre: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(format!("{architecture}-{pre}.gguf"));
    std::fs::write(&path, model(architecture, pre)).unwrap();
    path
}
