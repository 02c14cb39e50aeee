//! What comes back in one piece, in each kind's own way.

use backstop_core::chat::FinishReason;
use backstop_core::{ErrorKind, Usage};

use crate::speaker::{Fake, all, answer};

fn reply(message: &str, finish: &str, more: &str) -> Fake {
    Fake::new(200, format!(r#"{{"choices":[{{"message":{message},"finish_reason":"{finish}"}}]{more}}}"#))
}

#[tokio::test]
async fn words_for_the_end_are_told_apart() {
    let hi = r#"{"content":"hi"}"#;
    for (kind, word, finish) in [
        ("together", "eos", FinishReason::Stop),
        ("huggingface", "eos_token", FinishReason::Stop),
        ("huggingface", "stop_sequence", FinishReason::Stop),
        ("groq", "eos", FinishReason::Other("eos".to_owned())),
        ("groq", "length", FinishReason::Length),
    ] {
        assert_eq!(answer(kind, reply(hi, word, "")).await.unwrap().finish, finish, "{kind}");
    }
    for (kind, word, failed) in [
        ("deepseek", "insufficient_system_resource", ErrorKind::Overloaded),
        ("fireworks", "error", ErrorKind::Server),
        ("openrouter", "error", ErrorKind::Server),
        ("vllm", "abort", ErrorKind::Server),
    ] {
        let error = answer(kind, reply(hi, word, "")).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (failed, Some(200)), "{kind}");
        assert_eq!((error.provider(), error.request_id()), (Some(kind), Some("req_1")));
        assert_eq!(error.partial().unwrap().text, "hi");
        assert!(error.to_string().contains(word) && !format!("{error:?}").contains("hi\""), "{error:?}");
    }
}

async fn usage(kind: &str, usage: &str) -> Usage {
    let more = format!(r#","usage":{usage}"#);
    answer(kind, reply(r#"{"content":"hi"}"#, "stop", &more)).await.unwrap().usage
}

fn counts(counts: [Option<u64>; 4]) -> Usage {
    let mut usage = Usage::UNKNOWN;
    [usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.reasoning_tokens] = counts;
    usage
}

#[tokio::test]
async fn counts_mean_the_same_whoever_counts() {
    let detailed = r#"{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":7}}"#;
    let inside =
        r#"{"prompt_tokens":9,"completion_tokens":12,"completion_tokens_details":{"reasoning_tokens":7}}"#;
    for (kind, told, expected) in [
        // Thinking is counted apart, elsewhere it is a part of the output.
        ("xai", detailed, [Some(9), Some(12), Some(4), Some(7)]),
        ("groq", inside, [Some(9), Some(12), None, Some(7)]),
        // More can be read from a cache than was counted as input.
        (
            "xai",
            r#"{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":10}}"#,
            [Some(13), Some(1), Some(10), None],
        ),
        (
            "deepseek",
            r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":1}"#,
            [Some(9), Some(1), Some(8), None],
        ),
        (
            "moonshot",
            r#"{"prompt_tokens":9,"completion_tokens":1,"cached_tokens":8}"#,
            [Some(9), Some(1), Some(8), None],
        ),
        (
            "perplexity",
            r#"{"prompt_tokens":9,"completion_tokens":5,"citation_tokens":3,"reasoning_tokens":2}"#,
            [Some(9), Some(5), None, Some(2)],
        ),
        // A part that is larger than the whole is no part.
        (
            "perplexity",
            r#"{"prompt_tokens":9,"completion_tokens":5,"reasoning_tokens":200}"#,
            [Some(9), Some(5), None, None],
        ),
        ("groq", r#"{"prompt_tokens":-1}"#, [None; 4]),
        ("groq", "null", [None; 4]),
    ] {
        assert_eq!(usage(kind, told).await, counts(expected), "{kind} {told}");
    }
}

#[tokio::test]
async fn thoughts_are_told_from_the_answer() {
    for (kind, message, thought, text) in [
        ("groq", r#"{"content":"hi","reasoning":"hm"}"#, Some("hm"), "hi"),
        ("xai", r#"{"content":"hi","reasoning_content":"hm"}"#, Some("hm"), "hi"),
        ("perplexity", r#"{"content":"<think>hm</think>\n\nhi"}"#, Some("hm"), "hi"),
        ("perplexity", r#"{"content":"hi <think>"}"#, None, "hi <think>"),
        // Whoever does not write them so may mean what is written.
        ("groq", r#"{"content":"<think>hm</think>hi"}"#, None, "<think>hm</think>hi"),
    ] {
        let reply = answer(kind, reply(message, "stop", "")).await.unwrap();
        assert_eq!((reply.reasoning.as_deref(), &*reply.text), (thought, text), "{kind}");
    }
}

#[tokio::test]
async fn an_error_may_stand_anywhere_in_a_200() {
    for (kind, body, failed, words) in [
        (
            "openrouter",
            r#"{"error":{"code":502,"message":"gone","metadata":{"error_type":"provider_overloaded"}}}"#,
            ErrorKind::Overloaded,
            "gone",
        ),
        (
            "openrouter",
            r#"{"choices":[{"error":{"code":429,"message":"slow"},"message":{"content":""},"finish_reason":"error"}]}"#,
            ErrorKind::RateLimited,
            "slow",
        ),
        ("openrouter", r#"{"choices":[{"error":{"code":400,"message":"m"}}]}"#, ErrorKind::BadRequest, "m"),
        (
            "xai",
            r#"{"code":"The service is currently unavailable","error":"Service temporarily unavailable"}"#,
            ErrorKind::Overloaded,
            "temporarily unavailable",
        ),
        ("xai", r#"{"code":"Something else","error":"oops"}"#, ErrorKind::Server, "oops"),
        ("cerebras", r#"{"error":{"message":"busy"},"status_code":503}"#, ErrorKind::Overloaded, "busy"),
        (
            "lmstudio",
            r#"{"error":"Unexpected endpoint or method. (POST /chat/completions)"}"#,
            ErrorKind::ModelNotFound,
            "base URL",
        ),
    ] {
        let error = answer(kind, Fake::new(200, body)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (failed, Some(200)), "{kind}: {error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn blank_lines_in_front_of_an_answer_are_skipped_by_all() {
    for (kind, _) in all() {
        let body = "\n\n\n{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}";
        assert_eq!(answer(kind, Fake::new(200, body)).await.unwrap().text, "hi", "{kind}");
    }
}

#[tokio::test]
async fn a_choice_without_a_message_is_no_reply() {
    let error = answer("groq", Fake::new(200, r#"{"choices":[{}]}"#)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadReply);
}
