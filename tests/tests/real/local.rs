//! Models in files: what candle makes of them here is what llama.cpp makes of them there.

use std::future::poll_fn;
use std::path::Path;

use backstop::core::chat::{ChatEvent, ChatRequest};
use backstop::core::{Ask, Env};
use backstop::providers::local::{Local, LocalConfig};
use backstop::{Backstop, ErrorKind, Provider};
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
async fn where_no_key_no_server_and_no_file_is_the_built_in_model_answers_and_each_reason_says_what_to_do() {
    let gone = LocalConfig::default().with_model("qwen", "no/such/qwen.gguf");
    let nobody = Env::new(|name| (name == "OLLAMA_HOST").then(|| "127.0.0.1:9".to_owned()));
    let client = Backstop::builder()
        .env(nobody)
        .provider(Local::new(gone))
        .target("openai/gpt-5.2")
        .target("ollama/gemma4")
        .target("local/qwen")
        .target("tiny/guide")
        .build()
        .unwrap();
    let answer = client.chat("Hello!").await.unwrap();
    assert_eq!(answer.target(), "tiny/guide");
    let told = answer.trail().steps().iter().filter_map(|step| Some((step.kind?, step.message.as_deref()?)));
    let expected = [
        (ErrorKind::NotConfigured, "set OPENAI_API_KEY"),
        (ErrorKind::Connect, "refused the connection"),
        (ErrorKind::NotConfigured, "no/such/qwen.gguf does not exist: download it"),
    ];
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((kind, message), (expected, part)) in told.into_iter().zip(expected) {
        assert!(kind == expected && message.contains(part), "{kind}: {message}");
    }
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
