//! Models in files: what candle makes of them here is what llama.cpp makes of them there.

use std::future::poll_fn;
use std::path::Path;

use backstop::Provider;
use backstop::core::Ask;
use backstop::core::chat::{ChatEvent, ChatRequest};
use backstop::providers::local::{Local, LocalConfig};
use serde_json::json;

use crate::peer::{Peer, guide};
use crate::random;

/// The most tokens of an answer that are compared.
const MOST: u32 = 30;

const QUESTIONS: [&str; 21] = [
    "What is backstop?",
    "Hello!",
    "the red one in the rain",
    "on and on and on",
    "How do I set a key for OpenAI?",
    "What does rate_limited mean?",
    "I don't know what you're doing, it's 3.14159 o'clock",
    "  two  spaces   and\n\nnew lines\t\ttabs ",
    "naïve café — “quotes” … 日本語 🙂 Straße",
    "fn main() { println!(\"{}\", 1 << 10); }",
    "https://example.com/a?b=c&d=%20#e",
    "a",
    "12345678",
    "HOW DO I SET A TIMEOUT???",
    "Which providers are there?",
    "thanks, bye",
    "are you a large language model",
    "x = [1, 2, 3]\ny = {k: v}",
    "'tis don't we'll I'D",
    "the the the the",
    "What is the capital of France?",
];

async fn pieces(local: &Local, question: &str) -> (Vec<String>, Option<u64>) {
    let request = ChatRequest::user(question).with_max_output_tokens(MOST);
    let mut stream = local.chat_stream(Ask::new("m"), &request).await.unwrap();
    let (mut pieces, mut input) = (Vec::new(), None);
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        match event.unwrap() {
            ChatEvent::Text(text) => pieces.push(text),
            ChatEvent::Usage(usage) => input = usage.input_tokens,
            _ => {}
        }
    }
    (pieces, input)
}

/// What differs between the two, for people.
async fn differences(file: &Path) -> Vec<String> {
    // With numbers as long as ours, so that what differs is no rounding.
    let exact = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"];
    let peer = Peer::start(file, &exact).await;
    let local = Local::new(LocalConfig::default().with_model("m", file));
    let mut different = Vec::new();
    for question in QUESTIONS {
        let messages = json!([{ "role": "user", "content": question }]);
        // Its chat would take the answer apart and refuse nonsense, which is what random weights write.
        let prompt = peer.prompt_of(&messages).await;
        let said = peer.complete(&prompt, MOST).await.concat();
        let theirs = (said, Some(peer.tokens(&prompt).await));
        let (said, input) = pieces(&local, question).await;
        let ours = (said.concat(), input);
        if ours != theirs {
            different
                .push(format!("{}: {question:?}\n  ours   {ours:?}\n  theirs {theirs:?}", file.display()));
        }
    }
    different
}

#[tokio::test]
async fn the_built_in_model_from_its_file_answers_as_with_llama_cpp_token_for_token() {
    let different = differences(&guide()).await;
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test]
async fn random_models_of_every_architecture_answer_as_with_llama_cpp_token_for_token() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("real-{}", std::process::id()));
    let mut different = Vec::new();
    for (architecture, pre) in [
        ("llama", "llama-bpe"),
        ("qwen2", "qwen2"),
        ("qwen3", "qwen2"),
        ("gemma3", "gpt-2"),
        ("phi3", "gpt-2"),
    ] {
        different.extend(differences(&random::write(&folder, architecture, pre)).await);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}
