//! What a kind denies is refused without a request; what it does not deny is sent.

use std::sync::Arc;

use backstop_core::chat::{
    ChatRequest, Effort, Format, Message, Part, ProviderRef, ReasoningRequest, Tool, ToolChoice,
};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, ErrorKind, Needs, Provider};
use serde_json::json;

use crate::speaker::{Fake, MODEL, all, events, healthy, sent, speaker, told};

fn requests() -> Vec<(&'static str, ChatRequest)> {
    let part = |part| ChatRequest::new([Message::user_parts([Part::text("look"), part])]);
    let tool = || ChatRequest::user("x").with_tool(Tool::new("f", "", json!({ "type": "object" })));
    let reason = |effort| ChatRequest::user("x").with_reasoning(ReasoningRequest::effort(effort));
    vec![
        ("text", ChatRequest::user("x")),
        ("tools", tool()),
        ("images", part(Part::image_base64("image/png", "AAAA"))),
        ("image_urls", part(Part::image_url("https://a.example/b.png"))),
        ("json", ChatRequest::user("x").with_format(Format::Json)),
        (
            "json_schema",
            ChatRequest::user("x").with_format(Format::json_schema("a", json!({ "type": "object" }))),
        ),
        ("reasoning", reason(Effort::Low)),
        ("reasoning", ChatRequest::user("x").with_reasoning(ReasoningRequest::default())),
        ("text", reason(Effort::None)),
    ]
}

/// Kind by kind, what is denied.
const DENIED: &[(&str, &[&str])] = &[
    ("cerebras", &["images", "image_urls"]),
    ("deepseek", &["json_schema"]),
    ("lmstudio", &["image_urls", "json"]),
    ("moonshot", &["image_urls"]),
    ("perplexity", &["tools", "json", "reasoning"]),
    ("sambanova", &["image_urls"]),
];

#[tokio::test]
async fn what_is_denied_is_refused_and_what_is_not_is_sent() {
    for (kind, config) in all() {
        let able = speaker(config, &Arc::new(healthy())).capabilities(MODEL);
        assert!(able.chat && able.chat_stream && able.missing.is_none(), "{kind}");
        let denied = DENIED.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, denied)| denied);
        for (what, request) in requests() {
            let unmet = Needs::of(&request).unmet_by(&able, kind);
            assert_eq!(unmet.is_some(), denied.contains(&what), "{kind}: {what}: {unmet:?}");
            match sent(kind, &request).await {
                Ok(_) => assert!(unmet.is_none(), "{kind}: {what} is denied and sent"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unsupported, "{kind}: {what}");
                    assert!(unmet.is_some(), "{kind}: {what} is not denied: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_depends_on_the_request_is_refused_before_it_is_sent() {
    let stops = |n: usize| (0..n).fold(ChatRequest::user("x"), |x, n| x.with_stop(n.to_string()));
    let tool = ChatRequest::user("x").with_tool(Tool::new("f", "", json!({ "type": "object" })));
    let mut alone = tool.clone();
    alone.parallel_tool_calls = Some(false);
    let upload = ChatRequest::new([Message::user_parts([Part::Upload(ProviderRef::new("groq", "f-1"))])]);
    let mut previous = ChatRequest::user("x");
    previous.previous = Some(ProviderRef::new("groq", "r-1"));
    for (kind, request, words) in [
        ("groq", stops(5), "at most 4 stop texts, not 5"),
        ("deepseek", stops(17), "at most 16 stop texts"),
        ("perplexity", stops(1), "at most 0 stop texts"),
        ("together", alone.clone(), "several tools at once"),
        ("deepseek", alone.clone(), "several tools at once"),
        ("groq", upload, "takes no uploaded files"),
        ("groq", previous, "keeps no earlier responses"),
        ("xai", ChatRequest::user("x").with_top_p(f64::INFINITY), "top_p is no number"),
    ] {
        let error = sent(kind, &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(words), "{kind}: {error}");
    }
    for (kind, request) in [("groq", alone), ("deepseek", stops(16)), ("groq", stops(4))] {
        assert!(sent(kind, &request).await.is_ok(), "{kind}");
    }
    let forced = tool.with_tool_choice(ToolChoice::Required);
    assert_eq!(sent("groq", &forced).await.unwrap()["tool_choice"], "required");
}

#[tokio::test]
async fn operations_a_kind_lacks_are_unsupported_without_a_request() {
    let with_text =
        ["cerebras", "deepseek", "fireworks", "llama_cpp", "lmstudio", "nvidia", "together", "vllm"];
    let with_vectors = [
        "fireworks",
        "groq",
        "llama_cpp",
        "lmstudio",
        "nvidia",
        "openrouter",
        "sambanova",
        "together",
        "vllm",
        "xai",
    ];
    for (kind, config) in all() {
        let fake = Arc::new(Fake::new(200, r#"{"choices":[{"text":"on"}],"data":[{"embedding":[1]}]}"#));
        let provider = speaker(config.clone(), &fake);
        let able = provider.capabilities(MODEL);
        assert_eq!(able.complete, with_text.contains(&kind), "{kind}");
        assert_eq!(
            (able.complete_stream, able.embed),
            (able.complete, with_vectors.contains(&kind)),
            "{kind}"
        );

        let done = provider.complete(Ask::new(MODEL), &CompletionRequest::new("once")).await;
        assert_eq!(done.is_ok(), able.complete, "{kind}");
        let vectors = provider.embed(Ask::new(MODEL), &EmbeddingRequest::from("once")).await;
        assert_eq!(vectors.is_ok(), able.embed, "{kind}");
        assert_eq!(fake.count(), usize::from(able.complete) + usize::from(able.embed), "{kind}");
        for error in done.err().into_iter().chain(vectors.err()) {
            assert_eq!((error.kind(), error.provider()), (ErrorKind::Unsupported, Some(kind)));
        }

        let fake = Arc::new(events("data: {\"choices\":[{\"text\":\"on\",\"finish_reason\":\"stop\"}]}\n\n"));
        let provider = speaker(config, &fake);
        let begun = provider.complete_stream(Ask::new(MODEL), &CompletionRequest::new("once")).await;
        let (_, error) = told(begun).await;
        assert_eq!((error.is_none(), fake.count()), (able.complete, usize::from(able.complete)), "{kind}");

        let mut between = CompletionRequest::new("once");
        between.suffix = Some("end".to_owned());
        let fake = Arc::new(Fake::new(200, r#"{"choices":[{"text":"on"}]}"#));
        let provider = speaker(crate::speaker::config(kind), &fake);
        let done = provider.complete(Ask::new(MODEL), &between).await;
        assert_eq!(done.is_ok(), able.complete && able.suffix, "{kind}");
        assert_eq!(able.suffix, kind == "deepseek", "{kind}");
    }
}
