//! Which provider's answers come in which frames. An input names its provider by a letter, so new ones go to the end of
//! a list: the first inputs in `seeds/` count on the order.

use std::sync::Arc;

use backstop_core::{Error, Provider};
use backstop_providers::anthropic::{Anthropic, AnthropicConfig};
use backstop_providers::bedrock::{Bedrock, BedrockConfig};
use backstop_providers::cohere::{Cohere, CohereConfig};
use backstop_providers::dialect::{DialectConfig, DialectProvider};
use backstop_providers::gemini::{Gemini, GeminiConfig};
use backstop_providers::http::Transport;
use backstop_providers::mistral::{Mistral, MistralConfig};
use backstop_providers::ollama::{Ollama, OllamaConfig};
use backstop_providers::openai::{OpenAi, OpenAiConfig};
use backstop_providers::vertex::{Vertex, VertexConfig};
use backstop_providers::{
    azure, cerebras, deepseek, fireworks, groq, huggingface, llama_cpp, lmstudio, moonshot, nvidia,
    openrouter, perplexity, sambanova, together, vllm, xai,
};

use crate::{KEY, frames};

/// A provider over this transport.
pub type Build = fn(Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error>;

/// The model that is asked, what is nowhere in a stream that has not been ended, and the provider.
pub type Row = (&'static str, &'static [&'static str], Build);

/// How chat completions say that an answer is whole; not everybody does so twice.
const DONE: &[&str] = &["finish_reason", "[DONE]"];

/// The same of Google's wire.
const REASON: &[&str] = &["finishReason"];

/// The same of Bedrock's.
const STOP: &[&str] = &["messageStop"];

const REGION: &str = "us-east-1";

/// Providers whose streams are framed alike.
#[derive(Debug)]
pub struct Family {
    /// The providers.
    pub providers: &'static [Row],
    /// The bytes that an input stands for.
    pub body: fn(&[u8]) -> Vec<u8>,
    /// The bytes behind which a frame has certainly ended. None, if one that has not ended tells nothing.
    pub ending: &'static [u8],
    /// Whether what begins so is one value or a page, and no frames.
    pub is_whole: fn(u8) -> bool,
}

impl Family {
    /// The one that this byte names.
    pub(crate) fn pick(&self, letter: u8) -> Row {
        self.providers[usize::from(letter.wrapping_sub(b'a')) % self.providers.len()]
    }
}

/// Server-sent events.
pub const SSE: Family = Family {
    providers: &[
        ("gpt-x", DONE, |to| Ok(Arc::new(OpenAi::with_transport(OpenAiConfig::new(KEY), to)?))),
        ("gpt-x", &["response.completed", "response.incomplete"], |to| {
            Ok(Arc::new(OpenAi::with_transport(OpenAiConfig::new(KEY).with_responses(), to)?))
        }),
        ("claude-x", &["message_stop"], |to| {
            Ok(Arc::new(Anthropic::with_transport(AnthropicConfig::new(KEY), to)?))
        }),
        ("gemini-x", REASON, |to| Ok(Arc::new(Gemini::with_transport(GeminiConfig::new(KEY), to)?))),
        ("gemini-x", REASON, |to| Ok(Arc::new(Vertex::with_transport(VertexConfig::express(KEY), to)?))),
        ("model-x", DONE, |to| Ok(Arc::new(Mistral::with_transport(MistralConfig::new(KEY), to)?))),
        ("model-x", &["message-end"], |to| Ok(Arc::new(Cohere::with_transport(CohereConfig::new(KEY), to)?))),
        ("model-x", DONE, |to| speaker(azure::config("https://fuzz.openai.azure.com", KEY), to)),
        ("model-x", DONE, |to| speaker(cerebras::config(KEY), to)),
        ("model-x", DONE, |to| speaker(deepseek::config(KEY), to)),
        ("model-x", DONE, |to| speaker(fireworks::config(KEY), to)),
        ("model-x", DONE, |to| speaker(groq::config(KEY), to)),
        ("model-x", DONE, |to| speaker(huggingface::config(KEY), to)),
        ("model-x", DONE, |to| speaker(llama_cpp::config().with_api_key(KEY), to)),
        ("model-x", DONE, |to| speaker(lmstudio::config().with_api_key(KEY), to)),
        ("model-x", DONE, |to| speaker(moonshot::config(KEY), to)),
        ("model-x", DONE, |to| speaker(nvidia::config(KEY), to)),
        ("model-x", DONE, |to| speaker(openrouter::config(KEY), to)),
        ("model-x", DONE, |to| speaker(perplexity::config(KEY), to)),
        ("model-x", DONE, |to| speaker(sambanova::config(KEY), to)),
        ("model-x", DONE, |to| speaker(together::config(KEY), to)),
        ("model-x", DONE, |to| speaker(vllm::config().with_api_key(KEY), to)),
        ("model-x", DONE, |to| speaker(xai::config(KEY), to)),
    ],
    body: <[u8]>::to_vec,
    ending: b"\n\n",
    is_whole: |first| matches!(first, b'{' | b'[' | b'<'),
};

/// Lines of JSON.
pub const LINES: Family = Family {
    providers: &[("model-x", &["done"], |to| {
        Ok(Arc::new(Ollama::with_transport(OllamaConfig::cloud(KEY), to)?))
    })],
    body: <[u8]>::to_vec,
    ending: b"\n",
    is_whole: |first| first != b'{',
};

/// Binary messages with checksums, out of lines of text.
pub const FRAMES: Family = Family {
    providers: &[
        ("us.anthropic.claude-x", STOP, |to| bedrock(BedrockConfig::new(REGION, KEY), to)),
        ("amazon.nova-x", STOP, |to| bedrock(BedrockConfig::signed(REGION, "AKIDEXAMPLE", KEY), to)),
    ],
    body: frames::built,
    ending: b"",
    is_whole: |first| first != 0,
};

/// Models that make vectors, at providers that have others for chats.
pub const VECTORS: &[Row] = &[
    ("amazon.titan-embed-text-v2:0", &[], |to| bedrock(BedrockConfig::new(REGION, KEY), to)),
    ("cohere.embed-v4:0", &[], |to| bedrock(BedrockConfig::new(REGION, KEY), to)),
];

/// Every family: what is asked of every provider goes through these.
pub const ALL: &[&Family] = &[&SSE, &LINES, &FRAMES];

fn bedrock(config: BedrockConfig, to: Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error> {
    Ok(Arc::new(Bedrock::with_transport(config, to)?))
}

fn speaker(config: DialectConfig, to: Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error> {
    Ok(Arc::new(DialectProvider::with_transport(config, to)?))
}
