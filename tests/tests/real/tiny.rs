//! The built-in model says what llama.cpp makes of the same file.

use std::future::poll_fn;

use backstop::Provider;
use backstop::core::chat::{ChatEvent, ChatRequest, Message};
use backstop::core::completion::{CompletionEvent, CompletionRequest};
use backstop::core::{Ask, Usage};
use backstop::providers::tiny::Tiny;
use serde_json::{Value, json};

use crate::peer::{Peer, guide};

/// The most tokens of an answer that are compared.
const MOST: u32 = 80;

/// Questions it knows, questions it does not, and texts that are hard to cut into tokens.
const QUESTIONS: [&str; 24] = [
    "What is backstop?",
    "Hello!",
    "How do I set a key for OpenAI?",
    "What does rate_limited mean?",
    "How do I write a route?",
    "Which providers are there?",
    "Who are you?",
    "Are you a large language model?",
    "What happens after a 429?",
    "What is a cooldown?",
    "Where is the config file?",
    "Does it stream?",
    "How do I use Ollama?",
    "What is the exit code when nobody answers?",
    "Write a poem about the sea.",
    "What is the capital of France?",
    "thanks, bye",
    "HOW DO I SET A TIMEOUT???",
    "I don't know what you're doing, it's 3.14159 o'clock",
    "  two  spaces   and\n\nnew lines\t\ttabs ",
    "naïve café — “quotes” … 日本語 🙂 Straße",
    "fn main() { println!(\"{}\", 1 << 10); }",
    "a",
    "https://example.com/a?b=c&d=%20#e",
];

async fn pieces(messages: &[Message]) -> (Vec<String>, Usage) {
    let request = ChatRequest::new(messages.to_vec()).with_max_output_tokens(MOST);
    let mut stream = Tiny::default().chat_stream(Ask::new("guide"), &request).await.unwrap();
    let (mut pieces, mut usage) = (Vec::new(), Usage::UNKNOWN);
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        match event.unwrap() {
            ChatEvent::Text(text) => pieces.push(text),
            ChatEvent::Usage(counted) => usage = counted,
            _ => {}
        }
    }
    (pieces, usage)
}

#[tokio::test]
async fn its_likeliest_answer_is_llama_cpps_token_for_token() {
    let peer = Peer::start(&guide(), &[]).await;
    let mut different = Vec::new();
    for question in QUESTIONS {
        let messages = json!([{ "role": "user", "content": question }]);
        let theirs = (peer.chat(&messages, MOST).await, peer.counted(&messages).await);
        let (said, usage) = pieces(&[Message::user(question)]).await;
        let ours = (said, usage.input_tokens.unwrap());
        if ours != theirs {
            different.push(format!("{question:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[tokio::test]
async fn a_conversation_is_read_as_llama_cpp_reads_it() {
    let peer = Peer::start(&guide(), &[]).await;
    let turns = [
        ("system", "Be brief."),
        ("user", "Hello!"),
        ("assistant", "Hello! I am guide, a very small model built into backstop."),
        ("user", "What is a fallback?"),
    ];
    let messages: Vec<Value> =
        turns.iter().map(|(role, text)| json!({ "role": role, "content": text })).collect();
    let messages = Value::from(messages);
    let ours = turns.map(|(role, text)| match role {
        "system" => Message::system(text),
        "assistant" => Message::assistant(text),
        _ => Message::user(text),
    });
    let (said, usage) = pieces(&ours).await;
    assert_eq!(
        (said, usage.input_tokens),
        (peer.chat(&messages, MOST).await, Some(peer.counted(&messages).await))
    );
}

#[tokio::test]
async fn a_text_goes_on_as_with_llama_cpp() {
    let peer = Peer::start(&guide(), &[]).await;
    for prompt in ["backstop is", "A route is a list of", "To set a key,"] {
        let mut request = CompletionRequest::new(prompt);
        request.max_output_tokens = Some(40);
        let mut stream = Tiny::default().complete_stream(Ask::new("guide"), &request).await.unwrap();
        let mut ours = Vec::new();
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            if let CompletionEvent::Text(text) = event.unwrap() {
                ours.push(text);
            }
        }
        assert_eq!(ours, peer.complete(prompt, 40).await, "{prompt}");
    }
}
