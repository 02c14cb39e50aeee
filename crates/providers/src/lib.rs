//! The providers of backstop: one module per service, each behind a feature of its name.
//!
//! | feature | module | what it asks |
//! |---|---|---|
//! | `openai` | `openai` | OpenAI, and any server that speaks its wire |
//! | `anthropic` | `anthropic` | Anthropic (Claude), and any server that speaks its wire |
//! | `azure` | `azure` | Azure OpenAI |
//! | `bedrock` | `bedrock` | Amazon Bedrock |
//! | `cerebras` | `cerebras` | Cerebras |
//! | `cohere` | `cohere` | Cohere |
//! | `deepseek` | `deepseek` | DeepSeek |
//! | `fireworks` | `fireworks` | Fireworks AI |
//! | `gemini` | `gemini` | Gemini, over its own API |
//! | `groq` | `groq` | Groq |
//! | `huggingface` | `huggingface` | the router of Hugging Face |
//! | `llama_cpp` | `llama_cpp` | the server of llama.cpp |
//! | `lmstudio` | `lmstudio` | LM Studio's server |
//! | `mistral` | `mistral` | Mistral |
//! | `moonshot` | `moonshot` | Moonshot AI (Kimi) |
//! | `nvidia` | `nvidia` | NVIDIA NIM |
//! | `ollama` | `ollama` | an Ollama server, on this machine or elsewhere |
//! | `openrouter` | `openrouter` | OpenRouter |
//! | `perplexity` | `perplexity` | Perplexity |
//! | `sambanova` | `sambanova` | SambaNova |
//! | `together` | `together` | Together AI |
//! | `vertex` | `vertex` | Gemini on Vertex AI |
//! | `vllm` | `vllm` | a vLLM server |
//! | `xai` | `xai` | xAI (Grok) |
//! | `local` | `local` | any GGUF file, in this process; heavy |
//! | `tiny` | `tiny` | a very small model that is compiled in: no key, no file, no network |
//!
//! | feature | what it adds |
//! |---|---|
//! | `rustls` | `https` base URLs |
//! | `http`, `in_process` | what providers over HTTP, or in this process, share; they switch it on by themselves |
//! | `dialect` | what kinds that speak OpenAI's wire share; they switch it on by themselves |
//! | `google` | what Google's two kinds share; they switch it on by themselves |
//!
//! Without `rustls` only `http` base URLs work, as those of servers on this machine.
//!
//! [`registry`] holds every kind that is compiled in. Nothing registers itself: what a program uses is what it passed
//! on.
//!
//! ```
//! let registry = backstop_providers::registry();
//! for kind in backstop_providers::kinds() {
//!     assert!(registry.kind(kind.name).is_some());
//! }
//! ```

#[cfg(feature = "anthropic")]
pub mod anthropic;
#[cfg(feature = "azure")]
pub mod azure;
#[cfg(feature = "bedrock")]
pub mod bedrock;
#[cfg(feature = "cerebras")]
pub mod cerebras;
#[cfg(feature = "cohere")]
pub mod cohere;
#[cfg(feature = "deepseek")]
pub mod deepseek;
#[cfg(feature = "dialect")]
#[allow(dead_code, unused_imports, reason = "each kind uses its part of what they share")]
pub mod dialect;
#[cfg(feature = "fireworks")]
pub mod fireworks;
#[cfg(feature = "gemini")]
pub mod gemini;
#[cfg(feature = "google")]
#[allow(dead_code, unused_imports, reason = "each kind uses its part of what they share")]
mod google;
#[cfg(feature = "groq")]
pub mod groq;
#[cfg(feature = "http")]
#[allow(dead_code, unused_imports, reason = "each provider uses its part of what they share")]
pub mod http;
#[cfg(feature = "huggingface")]
pub mod huggingface;
#[cfg(feature = "in_process")]
#[allow(dead_code, unused_imports, reason = "each provider uses its part of what they share")]
mod in_process;
#[cfg(feature = "llama_cpp")]
pub mod llama_cpp;
#[cfg(feature = "lmstudio")]
pub mod lmstudio;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "mistral")]
pub mod mistral;
#[cfg(feature = "moonshot")]
pub mod moonshot;
#[cfg(feature = "nvidia")]
pub mod nvidia;
#[cfg(feature = "ollama")]
pub mod ollama;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openrouter")]
pub mod openrouter;
#[allow(dead_code, reason = "each provider has its own options")]
mod options;
#[cfg(feature = "perplexity")]
pub mod perplexity;
#[cfg(feature = "sambanova")]
pub mod sambanova;
#[cfg(feature = "tiny")]
pub mod tiny;
#[cfg(feature = "together")]
pub mod together;
#[cfg(feature = "vertex")]
pub mod vertex;
#[cfg(feature = "vllm")]
pub mod vllm;
#[cfg(feature = "xai")]
pub mod xai;

use backstop_core::{Kind, Registry};

/// Makes the list of kinds: each the name of its module and of its feature.
macro_rules! kinds {
    ($($module:ident $name:literal,)+) => {
        /// Every kind there is, compiled in or not. Each is a feature of this name.
        pub const KNOWN_KINDS: &[&str] = &[$($name),+];

        /// The kinds that are compiled in, in the order of [`KNOWN_KINDS`]: name, variable of the key, default model,
        /// settings, and how to build one.
        #[must_use]
        pub fn kinds() -> Vec<Kind> {
            vec![$(#[cfg(feature = $name)] $module::kind()),+]
        }
    };
}

kinds! {
    openai "openai",
    anthropic "anthropic",
    azure "azure",
    bedrock "bedrock",
    cerebras "cerebras",
    cohere "cohere",
    deepseek "deepseek",
    fireworks "fireworks",
    gemini "gemini",
    groq "groq",
    huggingface "huggingface",
    llama_cpp "llama_cpp",
    lmstudio "lmstudio",
    mistral "mistral",
    moonshot "moonshot",
    nvidia "nvidia",
    ollama "ollama",
    openrouter "openrouter",
    perplexity "perplexity",
    sambanova "sambanova",
    together "together",
    vertex "vertex",
    vllm "vllm",
    xai "xai",
    local "local",
    tiny "tiny",
}

/// A registry of the kinds that are compiled in.
#[must_use]
pub fn registry() -> Registry {
    kinds().into_iter().fold(Registry::default().with_known(KNOWN_KINDS), Registry::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiled_kind_is_a_known_one_in_that_order() {
        let places: Vec<_> = kinds()
            .iter()
            .map(|kind| KNOWN_KINDS.iter().position(|name| *name == kind.name).expect("known"))
            .collect();
        assert!(places.is_sorted());
        assert_eq!(registry().kinds().count(), places.len());
    }

    #[test]
    fn every_kind_over_http_says_which_of_its_models_think_unasked() {
        for kind in kinds().iter().filter(|kind| !["local", "tiny"].contains(&kind.name)) {
            let mut settings = backstop_core::Settings::new(kind.name, backstop_core::Env::empty());
            settings.base_url = Some("http://127.0.0.1:9".to_owned());
            let provider = kind.build(settings).expect(kind.name);
            for (model, thinks) in [("gpt-oss-120b", true), ("magistral-medium", true), ("model-x", false)] {
                assert_eq!(provider.capabilities(model).thinks, thinks, "{} {model}", kind.name);
            }
        }
    }
}
