//! How the bytes of a stream are cut says nothing, whatever a kind keeps or tells apart.

use std::sync::Arc;

use backstop_core::chat::{ChatCollector, ChatEvent};
use backstop_core::{Ask, Provider};
use bytes::Bytes;

use crate::speaker::{Fake, MODEL, config, speaker, stream, told};

const CHATS: &[(&str, &str)] = &[
    (
        "perplexity",
        "data: {\"choices\":[{\"delta\":{\"content\":\"<think>Grüße, <b\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\" </thi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"nk>\\n🦊\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n",
    ),
    (
        "deepseek",
        ": keep-alive\n\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm, \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"reasoning_content\":\"ß\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    ),
    (
        "openrouter",
        ": OPENROUTER PROCESSING\n\ndata: {\"choices\":[{\"delta\":{\"reasoning\":\"a\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"a\",\"index\":0}]}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"ö\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"ä\",\"index\":0}]}}]}\n\ndata: {\"error\":{\"code\":502,\"message\":\"zu groß\"},\"choices\":[]}\n\n",
    ),
    (
        "groq",
        "data: {\"choices\":[{\"delta\":{\"content\":\"ö\"},\"finish_reason\":\"stop\"}],\"x_groq\":{\"usage\":{\"prompt_tokens\":1}}}\n\ndata: [DONE]\n\n",
    ),
];

fn pieces(body: &str, at: usize) -> Fake {
    let (head, tail) = body.as_bytes().split_at(at);
    let chunks = [head, tail].map(|piece| Ok(Bytes::copy_from_slice(piece)));
    Fake::chunked(200, chunks).header("content-type", "text/event-stream")
}

type Told = (Vec<ChatEvent>, Option<String>);

async fn chat(kind: &str, fake: Fake) -> Told {
    let (events, error) = stream(kind, fake).await;
    (events, error.map(|error| format!("{error:?}")))
}

#[tokio::test]
async fn a_chat_cut_anywhere_is_the_same_chat() {
    for (kind, body) in CHATS {
        let whole = chat(kind, pieces(body, 0)).await;
        assert!(whole.0.len() > 2, "{kind}: {whole:?}");
        for at in 1..=body.len() {
            assert_eq!(chat(kind, pieces(body, at)).await, whole, "{kind}, cut at {at}");
        }
        let bytes = body.bytes().map(|byte| Ok(Bytes::copy_from_slice(&[byte])));
        let fake = Fake::chunked(200, bytes).header("content-type", "text/event-stream");
        assert_eq!(chat(kind, fake).await, whole, "{kind}, byte by byte");
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_never_a_short_answer() {
    for (kind, body) in CHATS.iter().filter(|(kind, _)| *kind != "openrouter") {
        let end = body.find("finish_reason").unwrap();
        for at in 0..=end {
            let (events, error) = chat(
                kind,
                Fake::new(200, &body.as_bytes()[..at]).header("content-type", "text/event-stream"),
            )
            .await;
            assert!(error.is_some(), "{kind}, ended at {at}: {events:?}");
            assert!(!events.iter().any(|event| matches!(event, ChatEvent::End(_) | ChatEvent::Sealed(_))));
        }
    }
}

#[tokio::test]
async fn what_was_told_comes_to_the_whole() {
    let (events, _) = chat("perplexity", pieces(CHATS[0].1, 7)).await;
    let mut collector = ChatCollector::default();
    events.iter().for_each(|event| collector.push(event).unwrap());
    let reply = collector.into_reply();
    assert_eq!((reply.reasoning.as_deref(), &*reply.text), (Some("Grüße, <b "), "🦊"));
}

#[tokio::test]
async fn a_continuation_cut_anywhere_is_the_same_continuation() {
    let body = "data: {\"choices\":[{\"text\":\"Grüße, \"}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"🦊\",\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1}}\r\n\r\ndata: [DONE]\r\n\r\n";
    let complete = async |at| {
        let provider = speaker(config("vllm"), &Arc::new(pieces(body, at)));
        let (events, error) = told(provider.complete_stream(Ask::new(MODEL), &"once".into()).await).await;
        assert!(error.is_none(), "cut at {at}: {error:?}");
        events
    };
    let whole = complete(0).await;
    assert_eq!(whole.len(), 5);
    for at in 1..=body.len() {
        assert_eq!(complete(at).await, whole, "cut at {at}");
    }
}
