//! Texts that go on, and gaps that are filled.

use std::sync::Arc;

use backstop_core::chat::FinishReason;
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use backstop_core::{Ask, ErrorKind, Needs, Provider, Usage};
use serde_json::json;

use crate::common::cuts;
use crate::common::fake::Fake;
use crate::common::told::shown_text;
use crate::scene::{completed, healthy, of, provider, text_stream};

const MAIN: &str = r#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":" main"},"finish_reason":null}]}"#;
const PARTS: &str = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"() ä"}]}}]}"#;
const LENGTH: &str = r#"{"choices":[{"delta":{"content":""},"finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#;

#[tokio::test]
async fn a_gap_is_filled() {
    let fake = Arc::new(healthy());
    let mut request = CompletionRequest::new("fn main() {");
    request.suffix = Some("}".to_owned());
    request.max_output_tokens = Some(9);
    request.temperature = Some(0.5);
    request.top_p = Some(0.8);
    request.stop = vec!["\n\n".to_owned()];
    request.seed = Some(3);
    provider(&fake).complete(Ask::new("codestral-latest"), &request).await.unwrap();
    assert_eq!(fake.head().0, "https://api.mistral.ai/v1/fim/completions");
    assert_eq!(
        fake.body(),
        json!({
            "model": "codestral-latest", "prompt": "fn main() {", "suffix": "}", "max_tokens": 9,
            "temperature": 0.5, "top_p": 0.8, "stop": ["\n\n"], "random_seed": 3,
        })
    );
    let able = provider(&fake).capabilities("codestral-latest");
    assert!(Needs::of_completion(&request).unmet_by(&able, "mistral").is_none());
    assert!(Needs::of_completion(&request).streamed().unmet_by(&able, "mistral").is_none());
}

#[tokio::test]
async fn a_stream_of_text_is_asked_for_and_odd_numbers_are_not() {
    let fake = Arc::new(of(&[LENGTH]));
    drop(provider(&fake).complete_stream(Ask::new("m"), &CompletionRequest::new("a")).await.unwrap());
    assert_eq!(fake.body(), json!({ "model": "m", "prompt": "a", "stream": true }));
    assert_eq!(fake.head().1["accept"], "text/event-stream");
    let mut odd = CompletionRequest::new("a");
    odd.top_p = Some(f64::NAN);
    let fake = Arc::new(healthy());
    let error = provider(&fake).complete(Ask::new("m"), &odd).await.unwrap_err();
    assert_eq!((error.kind(), error.provider(), fake.count()), (ErrorKind::Unsupported, Some("mistral"), 0));
}

#[tokio::test]
async fn a_whole_text_is_read_and_may_be_empty() {
    let body = r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":" main"},"finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}"#;
    let reply = completed(Fake::new(200, body)).await.unwrap();
    assert_eq!(
        (&*reply.text, &reply.finish, reply.usage),
        (" main", &FinishReason::Length, Usage::new(2, 3))
    );
    assert_eq!((reply.model.as_deref(), reply.status), (Some("m"), Some(200)));
    let empty = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#;
    assert_eq!(completed(Fake::new(200, empty)).await.unwrap().text, "");
}

#[tokio::test]
async fn a_model_that_fills_no_gaps_says_so() {
    let refusal = r#"{"object":"error","message":"FIM is not enabled for this model","type":"invalid_request_invalid_args","param":null,"code":"3051"}"#;
    assert_eq!(completed(Fake::new(400, refusal)).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let failed = r#"{"choices":[{"message":{"content":"x"},"finish_reason":"error"}]}"#;
    assert_eq!(completed(Fake::new(200, failed)).await.unwrap_err().kind(), ErrorKind::Server);
}

#[tokio::test]
async fn a_streamed_text_is_read_and_ends_once() {
    let (told, error) = text_stream(of(&[MAIN, PARTS, LENGTH, "[DONE]"])).await;
    assert!(error.is_none());
    assert_eq!(shown_text(&told), r#"start:m " main" "() ä" 2+3 end:length"#);
    for (data, words) in [
        (&[][..], "before its first event"),
        (&[MAIN], "mid-answer"),
        (&[MAIN, "[DONE]"], "and not why"),
        (&[MAIN, r#"{"object":"error","message":"oops"}"#], "oops"),
    ] {
        let (_, error) = text_stream(of(data)).await;
        assert!(error.unwrap().to_string().contains(words));
    }
    let whole = r#"{"choices":[{"message":{"content":" main"},"finish_reason":"stop"}]}"#;
    let (told, _) = text_stream(Fake::new(200, whole)).await;
    assert_eq!(shown_text(&told), r#"" main" end:stop"#);
}

#[tokio::test]
async fn a_streamed_text_cut_anywhere_is_the_same_text() {
    let body: String =
        [MAIN, PARTS, LENGTH, "[DONE]"].iter().map(|data| format!("data: {data}\n\n")).collect();
    cuts::anywhere(&body, text_stream).await;
    cuts::garbled(&[&body], text_stream, |event| matches!(event, CompletionEvent::End(_))).await;
}
