//! What it answers, in every way it can be asked.

use std::future::poll_fn;

use backstop_core::chat::{ChatCollector, ChatEvent, ChatRequest, FinishReason, Message};
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use backstop_core::{Ask, ErrorKind, Provider};
use backstop_providers::tiny::Tiny;
use futures_core::Stream;

const GUIDE: &str = "guide";

async fn said(request: &ChatRequest) -> String {
    Tiny::default().chat(Ask::new(GUIDE), request).await.unwrap().text
}

async fn pieces<T>(mut stream: std::pin::Pin<Box<dyn Stream<Item = T> + Send>>) -> Vec<T> {
    let mut pieces = Vec::new();
    while let Some(piece) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        pieces.push(piece);
    }
    pieces
}

#[tokio::test]
async fn it_says_what_backstop_is() {
    let reply = Tiny::default().chat(Ask::new(GUIDE), &ChatRequest::user("What is backstop?")).await.unwrap();
    assert!(reply.text.contains("models"), "{}", reply.text);
    assert_eq!((reply.finish, reply.model.as_deref()), (FinishReason::Stop, Some(GUIDE)));
    assert!(reply.usage.input_tokens.unwrap() > 3 && reply.usage.output_tokens.unwrap() > 3);
}

#[tokio::test]
async fn a_stream_comes_token_by_token_and_is_the_same_answer() {
    let request = ChatRequest::user("What is backstop?");
    let stream = Tiny::default().chat_stream(Ask::new(GUIDE), &request).await.unwrap();
    let events: Vec<ChatEvent> = pieces(stream).await.into_iter().map(Result::unwrap).collect();
    let texts = events.iter().filter(|event| matches!(event, ChatEvent::Text(_))).count();
    assert!(texts > 5, "{texts} pieces");
    assert!(matches!(events.last(), Some(ChatEvent::End(FinishReason::Stop))), "{events:?}");
    let mut whole = ChatCollector::default();
    events.iter().for_each(|event| whole.push(event).unwrap());
    let whole = whole.into_reply();
    let in_one_piece = Tiny::default().chat(Ask::new(GUIDE), &request).await.unwrap();
    assert_eq!((whole.text, whole.usage), (in_one_piece.text, in_one_piece.usage));
}

#[tokio::test]
async fn the_limit_on_tokens_and_stop_texts_are_honoured() {
    let ask = ChatRequest::user("What is backstop?");
    let whole = said(&ask).await;
    let cut = Tiny::default().chat(Ask::new(GUIDE), &ask.clone().with_max_output_tokens(3)).await.unwrap();
    assert!(whole.starts_with(&cut.text) && cut.text.len() < whole.len());
    assert_eq!((cut.finish, cut.usage.output_tokens), (FinishReason::Length, Some(3)));
    let (head, tail) = whole.split_at(whole.len() / 2);
    let stop: String = tail.chars().take(6).collect();
    let stopped = said(&ask.with_stop(&stop)).await;
    let expected = whole.find(&stop).map_or(head, |place| &whole[..place]);
    assert_eq!(stopped, expected);
}

#[tokio::test]
async fn a_seed_makes_an_adventurous_answer_repeatable() {
    let ask = ChatRequest::user("Tell me something.").with_temperature(1.5).with_max_output_tokens(40);
    let first = said(&ask.clone().with_seed(1)).await;
    assert_eq!(first, said(&ask.clone().with_seed(1)).await);
    let mut others = Vec::new();
    for seed in 2..8 {
        others.push(said(&ask.clone().with_seed(seed)).await);
    }
    assert!(others.iter().any(|other| *other != first), "{first}");
    // A seed alone changes nothing where the likeliest is taken.
    let plain = ChatRequest::user("What is backstop?");
    assert_eq!(said(&plain).await, said(&plain.clone().with_seed(9)).await);
}

#[tokio::test]
async fn a_text_is_gone_on_with() {
    let request = CompletionRequest::new("backstop is");
    let reply = Tiny::default().complete(Ask::new(GUIDE), &request).await.unwrap();
    assert!(!reply.text.trim().is_empty());
    let stream = Tiny::default().complete_stream(Ask::new(GUIDE), &request).await.unwrap();
    let text = |event| if let Ok(CompletionEvent::Text(text)) = event { Some(text) } else { None };
    let streamed: String = pieces(stream).await.into_iter().filter_map(text).collect();
    assert_eq!(streamed, reply.text);
}

#[tokio::test]
async fn a_conversation_is_read_as_a_whole() {
    let request = ChatRequest::new([
        Message::system("Be brief."),
        Message::user("Hello!"),
        Message::assistant("Hello!"),
        Message::user("What is backstop?"),
    ]);
    let alone = Tiny::default().chat(Ask::new(GUIDE), &ChatRequest::user("What is backstop?")).await.unwrap();
    let reply = Tiny::default().chat(Ask::new(GUIDE), &request).await.unwrap();
    assert!(reply.usage.input_tokens > alone.usage.input_tokens);
    assert!(!reply.text.is_empty());
}

#[tokio::test]
async fn marks_in_a_text_are_text() {
    let counted = |text: &'static str| async move {
        let request = ChatRequest::user(text).with_max_output_tokens(1).with_temperature(0.0);
        match Tiny::default().chat(Ask::new(GUIDE), &request).await {
            Ok(reply) => reply.usage.input_tokens.unwrap(),
            Err(error) => error.partial().and_then(|partial| partial.usage.input_tokens).unwrap(),
        }
    };
    // Two marks of the conversation, and then one token or several.
    assert!(counted("<|end|>").await > 3, "the mark was read as one");
    assert!(counted("a").await == 3);
}

#[tokio::test]
async fn many_may_ask_at_once() {
    let tiny = Tiny::default();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let tiny = tiny.clone();
            tokio::spawn(async move {
                tiny.chat(Ask::new(GUIDE), &ChatRequest::user("Hello!")).await.unwrap().text
            })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn another_name_in_routes_is_another_provider_with_the_same_model() {
    let guide = Tiny::default().with_name("helper");
    assert_eq!(guide.name(), "helper");
    let error = guide.chat(Ask::new("other"), &ChatRequest::user("Hello!")).await.unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::NotConfigured, Some("helper")));
    assert!(error.to_string().contains("helper/guide"), "{error}");
}
