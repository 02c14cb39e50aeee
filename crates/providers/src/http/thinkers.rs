//! Which models think before they answer though nobody asks them to, by what their names say.
//!
//! A model that thinks may be silent for minutes, so whoever waits for it has to know. One model has many names, at many
//! services, so the rules stand here once. A model they do not know is taken for one that does not think.

/// A name with one of these is that of a variant that answers at once, or does not chat at all.
const NEVER: &[&str] = &[
    "non-reasoning",
    "non-think",
    "no-think",
    "no_think",
    "nothink",
    "instruct",
    "coder",
    "-chat",
    "-image",
    "-tts",
    "-audio",
    "-realtime",
    "-transcribe",
    "embed",
    "rerank",
];

/// A name with one of these words says it by itself.
const WORDS: &[&str] = &["thinking", "think", "reasoning", "reasoner"];

/// Members of a family below that think only where their names say so.
const EXCEPT: &[&str] = &["flash-lite", "qwen3-max", "qwen3-vl", "qwen3-next", "qwen3-omni"];

/// Families that think unasked. A name belongs to one if it begins so and goes on with neither letter nor digit.
const FAMILIES: &[&str] = &[
    // OpenAI
    "o1",
    "o3",
    "o4",
    "gpt-5",
    "gpt-6",
    "gpt-oss",
    "codex-mini",
    // Anthropic: those that cannot be told not to
    "claude-mythos",
    "claude-fable",
    // Google
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-3",
    "gemini-pro-latest",
    "gemini-flash-latest",
    // DeepSeek; the bare name is Bedrock's and Perplexity's
    "deepseek-r1",
    "r1",
    // xAI
    "grok-3-mini",
    "grok-4",
    "grok-code",
    // Mistral
    "magistral",
    // Alibaba
    "qwq",
    "qvq",
    "qwen3",
    // Perplexity
    "sonar-deep-research",
    // Moonshot
    "kimi-k2.5",
    "kimi-k2.6",
    // Z.ai
    "glm-4.5",
    "glm-4.5v",
    "glm-4.6",
    "glm-4.6v",
    "glm-4.7",
    "glm-5",
    "glm-z1",
    // MiniMax
    "minimax-m1",
    "minimax-m2",
    "minimax-m3",
    // NVIDIA
    "nemotron-3",
    "nvidia-nemotron-3",
    "nemotron-nano-9b-v2",
    "nvidia-nemotron-nano-9b-v2",
    "nemotron-nano-12b-v2",
    "nvidia-nemotron-nano-12b-v2",
    "llama-3.3-nemotron-super-49b-v1.5",
    "llama-3_3-nemotron-super-49b-v1_5",
    // Others
    "ernie-x1",
    "exaone-deep",
    "hunyuan-a13b",
    "hunyuan-t1",
    "seed-oss",
    "smollm3",
];

/// Whether the model of this name is known to think unasked.
pub(crate) fn thinks(model: &str) -> bool {
    let name = model.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if has(NEVER) {
        return false;
    }
    if name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| WORDS.contains(&word)) {
        return true;
    }
    !has(EXCEPT) && beginnings(&name).any(|name| FAMILIES.iter().any(|family| belongs(name, family)))
}

/// Where the model's own name may begin: behind whose it is, `openai/…`, and behind a region and a maker, `us.deepseek.…`.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    let own = name.rsplit('/').next().unwrap_or(name);
    std::iter::once(own).chain(own.match_indices('.').filter_map(|(at, _)| own.get(at + 1..)))
}

fn belongs(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_think_unasked_are_known_under_all_their_names() {
        for model in [
            "o1",
            "o3-pro-2025-06-10",
            "openai/o4-mini",
            "gpt-5-mini",
            "gpt-5.2",
            "gpt-5-codex",
            "gpt-6-luna",
            "gpt-oss:20b",
            "openai.gpt-oss-120b-1:0",
            "accounts/fireworks/models/gpt-oss-120b",
            "deepseek-reasoner",
            "deepseek/deepseek-r1-0528:free",
            "deepseek-r1:7b",
            "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
            "us.deepseek.r1-v1:0",
            "r1-1776",
            "gemini-2.5-pro",
            "gemini-2.5-flash-preview-09-2025",
            "models/gemini-3-pro-preview",
            "google/gemini-3.1-pro-preview",
            "gemini-flash-latest",
            "grok-4.3",
            "grok-4-0709",
            "x-ai/grok-4-1-fast-reasoning",
            "grok-3-mini-fast",
            "magistral-medium-latest",
            "qwq-32b",
            "qwen3:8b",
            "Qwen/Qwen3-235B-A22B",
            "qwen3-vl-235b-a22b-thinking",
            "qwen3.5-plus",
            "sonar-reasoning-pro",
            "sonar-deep-research",
            "kimi-k2-thinking",
            "moonshotai/kimi-k2.6",
            "glm-4.5-air",
            "zai-org/GLM-4.6",
            "glm-4.5v",
            "MiniMaxAI/MiniMax-M2.1",
            "nvidia/nvidia-nemotron-nano-9b-v2",
            "nvidia/llama-3.3-nemotron-super-49b-v1.5",
            "microsoft/phi-4-reasoning-plus",
            "command-a-reasoning-08-2025",
            "anthropic/claude-3.7-sonnet:thinking",
            "claude-mythos-5",
        ] {
            assert!(thinks(model), "{model}");
        }
    }

    #[test]
    fn models_that_answer_at_once_or_that_nobody_knows_do_not_think() {
        for model in [
            "",
            "m",
            "gpt-4o",
            "gpt-50",
            "gpt-5-chat-latest",
            "openai/gpt-5.1-chat",
            "foo1",
            "o1000",
            "my-o3",
            "deepseek-chat",
            "deepseek-v3.1",
            "gemini-2.0-flash",
            "gemini-2.5-flash-lite",
            "gemini-2.5-flash-image",
            "gemini-embedding-001",
            "gemma-3-27b-it",
            "grok-3",
            "grok-4-fast-non-reasoning",
            "grok-4.20-0309-non-reasoning",
            "mistral-large-latest",
            "qwen2.5:7b",
            "qwen3-max",
            "qwen3-coder-480b-a35b",
            "qwen3-235b-a22b-instruct-2507",
            "qwen3-embedding-8b",
            "qwen3-vl-8b",
            "sonar-pro",
            "kimi-k2-0905-preview",
            "glm-4-32b",
            "nvidia/llama-3.1-nemotron-70b-instruct",
            "nvidia/nemotron-4-340b",
            "claude-opus-4-8",
            "anthropic.claude-3-7-sonnet-20250219-v1:0",
            "llama-3.3-70b-versatile",
            "command-a-03-2025",
            "openrouter/auto",
        ] {
            assert!(!thinks(model), "{model}");
        }
    }
}
