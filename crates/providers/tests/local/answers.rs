//! What they answer, and that it is the same however it is asked for.

use std::future::poll_fn;
use std::path::{Path, PathBuf};

use backstop_core::chat::{ChatCollector, ChatRequest, FinishReason, Message};
use backstop_core::completion::CompletionRequest;
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::local::{Local, LocalConfig};
use backstop_providers::tiny::Tiny;

use crate::{Folder, random};

/// Architectures, and how their texts are cut.
const KINDS: [(&str, &str); 5] =
    [("llama", "llama-bpe"), ("qwen2", "qwen2"), ("qwen3", "qwen2"), ("gemma3", "gpt-2"), ("phi3", "gpt-2")];

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guide/guide.gguf")
}

fn local(path: impl Into<PathBuf>) -> Local {
    Local::new(LocalConfig::default().with_model("m", path))
}

fn question(text: &str) -> ChatRequest {
    ChatRequest::user(text).with_max_output_tokens(20)
}

async fn said(local: &Local, request: &ChatRequest) -> String {
    local.chat(Ask::new("m"), request).await.unwrap().text
}

#[tokio::test]
async fn every_architecture_is_loaded_and_runs_and_repeats_itself() {
    let folder = Folder::new("kinds");
    for (architecture, pre) in KINDS {
        let local = local(random::write(&folder.0, architecture, pre));
        let able = local.capabilities("m");
        assert_eq!((able.context_tokens, able.local, able.missing), (Some(random::WINDOW), true, None));
        let first = said(&local, &question("the red one in the rain")).await;
        // Another answer in between: what was read for it is forgotten.
        let other = said(&local, &question("something else altogether")).await;
        assert_eq!(said(&local, &question("the red one in the rain")).await, first, "{architecture}");
        assert_ne!(first, other, "{architecture}");
    }
}

#[tokio::test]
async fn a_stream_is_the_same_answer() {
    let folder = Folder::new("stream");
    for (architecture, pre) in KINDS {
        let local = local(random::write(&folder.0, architecture, pre));
        let request = question("on and on");
        let mut stream = local.chat_stream(Ask::new("m"), &request).await.unwrap();
        let mut whole = ChatCollector::default();
        while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            whole.push(&event.unwrap()).unwrap();
        }
        let (streamed, reply) = (whole.into_reply(), local.chat(Ask::new("m"), &request).await.unwrap());
        assert_eq!((streamed.text, streamed.usage), (reply.text, reply.usage), "{architecture}");
    }
}

#[tokio::test]
async fn it_makes_the_same_of_the_built_in_model_as_its_own_reader_does() {
    let local = local(guide());
    for text in [
        "What is backstop?",
        "hi",
        "How do I set a key?",
        "it's 3.14, isn't it?\n\n ünï 🙂",
        "<|end|> is text",
    ] {
        let request = ChatRequest::new([Message::system("Be brief."), Message::user(text)]);
        let (ours, theirs) = (
            local.chat(Ask::new("m"), &request).await,
            Tiny::default().chat(Ask::new("guide"), &request).await,
        );
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!((ours.text, ours.usage), (theirs.text, theirs.usage), "{text}");
    }
    let mut text = CompletionRequest::new("backstop is");
    text.max_output_tokens = Some(30);
    let ours = local.complete(Ask::new("m"), &text).await.unwrap();
    assert_eq!(ours.text, Tiny::default().complete(Ask::new("guide"), &text).await.unwrap().text);
}

#[tokio::test]
async fn calls_at_once_wait_for_each_other_and_all_are_answered() {
    let folder = Folder::new("many");
    let local = std::sync::Arc::new(local(random::write(&folder.0, "qwen3", "qwen2")));
    let expected = said(&local, &question("a")).await;
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let local = std::sync::Arc::clone(&local);
            tokio::spawn(async move { said(&local, &question("a")).await })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn the_window_of_the_file_bounds_question_and_answer() {
    let folder = Folder::new("window");
    let local = local(random::write(&folder.0, "qwen2", "qwen2"));
    let error = local.chat(Ask::new("m"), &ChatRequest::user("x y ".repeat(100))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength);
    assert!(error.message().contains("window is 128"), "{error}");
    let reply = local.chat(Ask::new("m"), &ChatRequest::user("the ".repeat(50))).await.unwrap();
    let used = reply.usage.input_tokens.unwrap() + reply.usage.output_tokens.unwrap();
    assert!(
        reply.finish == FinishReason::Stop || used == u64::from(random::WINDOW),
        "{used} {:?}",
        reply.finish
    );
}
