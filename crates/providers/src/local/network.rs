//! The networks, as candle has them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use backstop_core::{Error, ErrorKind};
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::{Content, TensorInfo, Value, VersionedMagic};
use candle_core::{Device, Result as Done, Shape, Tensor};
use candle_transformers::models::{
    quantized_llama, quantized_phi, quantized_phi3, quantized_qwen2, quantized_qwen3,
};

use super::file::wrong;
use super::gemma3::Gemma3;
use crate::in_process::{Gguf, Single};

/// Which network a file holds the weights of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    Llama,
    Qwen2,
    Qwen3,
    Gemma3,
    Phi2,
    Phi3,
}

impl Architecture {
    /// Their names in files. Mistral's models call themselves `llama`.
    pub(super) const NAMES: [&str; 6] = ["llama", "qwen2", "qwen3", "gemma3", "phi2", "phi3"];

    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "llama" => Self::Llama,
            "qwen2" => Self::Qwen2,
            "qwen3" => Self::Qwen3,
            "gemma3" => Self::Gemma3,
            "phi2" => Self::Phi2,
            "phi3" => Self::Phi3,
            _ => return None,
        })
    }

    /// The farthest place that candle has angles for.
    pub(super) const fn most_tokens(self) -> u32 {
        match self {
            Self::Llama | Self::Phi2 => 4096,
            Self::Gemma3 | Self::Qwen2 | Self::Qwen3 | Self::Phi3 => u32::MAX,
        }
    }
}

/// A network with its weights, and what it has read.
pub(super) enum Network {
    Llama(quantized_llama::ModelWeights),
    Qwen2(quantized_qwen2::ModelWeights),
    Qwen3(quantized_qwen3::ModelWeights),
    Gemma3(Gemma3),
    Phi2(quantized_phi::ModelWeights),
    Phi3(quantized_phi3::ModelWeights),
}

impl Network {
    /// Reads the weights of a file whose head has been checked, for so many tokens.
    pub(super) fn load(
        path: &Path,
        head: &Gguf<'_>,
        architecture: Architecture,
        window: u32,
    ) -> Result<Self, Error> {
        let file = File::open(path).map_err(|cause| wrong(path, &format!("cannot be read: {cause}")))?;
        let mut file = BufReader::new(file);
        let mut load = || {
            let content = content(head, window)?;
            let cpu = &Device::Cpu;
            Ok(match architecture {
                Architecture::Llama => {
                    Self::Llama(quantized_llama::ModelWeights::from_gguf(content, &mut file, cpu)?)
                }
                Architecture::Qwen2 => {
                    Self::Qwen2(quantized_qwen2::ModelWeights::from_gguf(content, &mut file, cpu)?)
                }
                Architecture::Qwen3 => {
                    Self::Qwen3(quantized_qwen3::ModelWeights::from_gguf(content, &mut file, cpu)?)
                }
                Architecture::Gemma3 => Self::Gemma3(Gemma3::load(&content, &mut file)?),
                Architecture::Phi2 => {
                    Self::Phi2(quantized_phi::ModelWeights::from_gguf(content, &mut file, cpu)?)
                }
                Architecture::Phi3 => {
                    Self::Phi3(quantized_phi3::ModelWeights::from_gguf(false, content, &mut file, cpu)?)
                }
            })
        };
        let loaded: Done<Self> = load();
        loaded.map_err(|cause| wrong(path, &format!("cannot be loaded: {}", first_line(&cause))))
    }

    /// Reads these tokens behind `place` others, of which it has read all; scores for what may come next. At place 0
    /// it forgets what it has read.
    pub(super) fn read(&mut self, tokens: &[u32], place: usize) -> Result<Vec<f32>, Error> {
        let scores = self.forward(tokens, place).and_then(|scores| scores.flatten_all()?.to_vec1());
        scores.map_err(|cause| {
            let message = format!("the model cannot be run: {}", first_line(&cause));
            Error::new(ErrorKind::Server, message).with_source(cause)
        })
    }

    fn forward(&mut self, tokens: &[u32], place: usize) -> Done<Tensor> {
        let tokens = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        match self {
            Self::Llama(network) => network.forward(&tokens, place),
            Self::Qwen2(network) => {
                if place == 0 {
                    network.clear_kv_cache();
                }
                network.forward(&tokens, place)
            }
            Self::Qwen3(network) => {
                if place == 0 {
                    network.clear_kv_cache();
                }
                network.forward(&tokens, place)
            }
            Self::Gemma3(network) => network.forward(&tokens, place),
            Self::Phi2(network) => network.forward(&tokens, place),
            Self::Phi3(network) => network.forward(&tokens, place),
        }
    }
}

/// A head as candle has it. Its own reader would take thirty times the memory of a list, and the networks want no lists.
fn content(head: &Gguf<'_>, window: u32) -> Done<Content> {
    let value = |(name, value): (&str, Single<'_>)| {
        let value = match value {
            _ if name.ends_with(".context_length") => Value::U32(window),
            Single::Whole(number) => match (u32::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => Value::U32(number),
                (_, Ok(number)) => Value::U64(number),
                _ => Value::I64(i64::try_from(number).unwrap_or(i64::MIN)),
            },
            #[expect(clippy::cast_possible_truncation, reason = "models count in f32")]
            Single::Real(number) => Value::F32(number as f32),
            Single::Flag(flag) => Value::Bool(flag),
            Single::Text(text) => Value::String(text.to_owned()),
        };
        (name.to_owned(), value)
    };
    let table = |(name, sizes, form, place): (&str, &[u64], u32, u64)| {
        // Candle has the length of a row last.
        let sizes: Vec<usize> =
            sizes.iter().rev().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
        let info = TensorInfo { ggml_dtype: type_of(form)?, shape: Shape::from(sizes), offset: place };
        Ok((name.to_owned(), info))
    };
    Ok(Content {
        magic: VersionedMagic::GgufV3,
        metadata: head.singles().map(value).collect(),
        tensor_infos: head.tables().map(table).collect::<Done<_>>()?,
        // Places are counted from the beginning of the file.
        tensor_data_offset: 0,
    })
}

/// The form of a table by its number in the file.
fn type_of(form: u32) -> Done<GgmlDType> {
    Ok(match form {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        9 => GgmlDType::Q8_1,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        15 => GgmlDType::Q8K,
        30 => GgmlDType::BF16,
        _ => candle_core::bail!("a table is of the unknown form {form}"),
    })
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

/// An error without the backtrace that may hang on it.
fn first_line(cause: &candle_core::Error) -> String {
    cause.to_string().lines().next().unwrap_or_default().to_owned()
}
