//! Texts that go on.

use std::sync::Arc;

use backstop_core::chat::FinishReason;
use backstop_core::completion::{CompletionEvent, CompletionRequest};
use backstop_core::{Ask, ErrorKind, Needs, Provider, Usage};
use backstop_providers::ollama::OllamaConfig;
use serde_json::{Value, json};

use crate::common::cuts;
use crate::common::fake::Fake;
use crate::common::told::shown_text;
use crate::scene::{MODEL, completed, lines, provider, text_stream, with};

const UPON: &str = r#"{"model":"gemma4","response":" upon","done":false}"#;
const A_TIME: &str = r#"{"model":"gemma4","response":" ä time","thinking":"hm","done":false}"#;
const DONE: &str = r#"{"model":"gemma4","response":"","done":true,"done_reason":"length","context":[1,2],"prompt_eval_count":3,"eval_count":2}"#;

async fn sent(request: &CompletionRequest) -> (String, Value) {
    let fake = Arc::new(Fake::new(200, DONE));
    with(OllamaConfig::new().with_num_ctx(512), &fake).complete(Ask::new(MODEL), request).await.unwrap();
    (fake.head().0, fake.body())
}

#[tokio::test]
async fn a_prompt_goes_on_as_it_is() {
    let mut request = CompletionRequest::new("Once");
    request.max_output_tokens = Some(9);
    request.temperature = Some(0.5);
    request.top_p = Some(0.8);
    request.stop = vec!["\n".to_owned()];
    request.seed = Some(3);
    let (url, body) = sent(&request).await;
    assert_eq!(url, "http://127.0.0.1:11434/api/generate");
    assert_eq!(
        body,
        json!({
            "model": "gemma4", "prompt": "Once", "raw": true,
            "options": {
                "num_ctx": 512, "num_predict": 9, "temperature": 0.5, "top_p": 0.8, "seed": 3, "stop": ["\n"],
            },
            "truncate": false, "stream": false,
        })
    );
}

#[tokio::test]
async fn a_gap_is_filled_by_the_template() {
    let mut request = CompletionRequest::new("fn main() {");
    request.suffix = Some("}".to_owned());
    let (_, body) = sent(&request).await;
    assert_eq!((&body["suffix"], body.get("raw")), (&json!("}"), None));
    let able = provider(&Arc::new(Fake::new(200, ""))).capabilities(MODEL);
    assert!(Needs::of_completion(&request).unmet_by(&able, "ollama").is_none());
    assert!(Needs::of_completion(&request).streamed().unmet_by(&able, "ollama").is_none());
}

#[tokio::test]
async fn a_text_without_a_beginning_is_not_sent() {
    let fake = Arc::new(Fake::new(200, DONE));
    let mut odd = CompletionRequest::new("Once");
    odd.temperature = Some(f64::NAN);
    for request in [CompletionRequest::new(""), odd] {
        let error = provider(&fake).complete(Ask::new(MODEL), &request).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::Unsupported, Some("ollama")));
        let error = provider(&fake).complete_stream(Ask::new(MODEL), &request).await.err().unwrap();
        assert_eq!((error.kind(), error.model()), (ErrorKind::Unsupported, Some(MODEL)));
    }
    assert_eq!(fake.count(), 0);
}

#[tokio::test]
async fn a_whole_text_is_read() {
    let body = r#"{"model":"gemma4","response":" upon a time","done":true,"done_reason":"stop","context":[1],"prompt_eval_count":3,"eval_count":4}"#;
    let reply = completed(Fake::new(200, body)).await.unwrap();
    assert_eq!(
        (&*reply.text, &reply.finish, reply.usage),
        (" upon a time", &FinishReason::Stop, Usage::new(3, 4))
    );
    assert_eq!((reply.model.as_deref(), reply.status), (Some("gemma4"), Some(200)));
    assert_eq!(completed(Fake::new(200, DONE)).await.unwrap().text, "", "nothing to add is an answer");
}

#[tokio::test]
async fn a_text_that_is_none_is_an_error() {
    for (body, words) in [
        (r#"{"done":true}"#, "no message"),
        (UPON, "does not say that it is done"),
        (r#"{"error":"oops"}"#, "oops"),
        ("nonsense", "is not JSON"),
    ] {
        let error = completed(Fake::new(200, body)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((error.provider(), error.status()), (Some("ollama"), Some(200)));
    }
    let insert = r#"{"error":"registry.ollama.ai/library/gemma4:latest does not support insert"}"#;
    assert_eq!(completed(Fake::new(400, insert)).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_streamed_text_is_read_and_ends_once() {
    let (told, error) = text_stream(lines(&[UPON, A_TIME, DONE])).await;
    assert!(error.is_none());
    assert_eq!(shown_text(&told), r#"start:gemma4 " upon" " ä time" 3+2 end:length"#);
    for (all, words) in [
        (&[][..], "before its first line"),
        (&[UPON], "mid-answer"),
        (&[UPON, r#"{"error":"oops"}"#], "oops"),
        (&["nonsense"], "is not JSON"),
    ] {
        let (_, error) = text_stream(lines(all)).await;
        assert!(error.unwrap().to_string().contains(words));
    }
}

#[tokio::test]
async fn a_streamed_text_cut_anywhere_is_the_same_text() {
    cuts::anywhere(&[UPON, A_TIME, DONE].join("\n"), text_stream).await;
    let bodies = [[UPON, A_TIME, DONE].join("\n")];
    cuts::garbled(&[&bodies[0]], text_stream, |event| matches!(event, CompletionEvent::End(_))).await;
}
