//! The networks, as candle has them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use backstop_core::{Error, ErrorKind};
use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Result as Done, Tensor};
use candle_transformers::models::{
    quantized_llama, quantized_phi, quantized_phi3, quantized_qwen2, quantized_qwen3,
};

use super::file::wrong;
use super::gemma3::Gemma3;

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
    /// Reads the weights of a file whose head has been checked.
    pub(super) fn load(path: &Path, architecture: Architecture) -> Result<Self, Error> {
        let file = File::open(path).map_err(|cause| wrong(path, &format!("cannot be read: {cause}")))?;
        let mut file = BufReader::new(file);
        let mut load = || {
            let content = Content::read(&mut file)?;
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

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

/// An error without the backtrace that may hang on it.
fn first_line(cause: &candle_core::Error) -> String {
    cause.to_string().lines().next().unwrap_or_default().to_owned()
}
