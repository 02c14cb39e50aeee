//! What is special about answers and errors.

use std::sync::Arc;
use std::time::Duration;

use backstop_core::ErrorKind::{
    self, Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota,
    RateLimited, Server, Timeout, Unsupported,
};
use backstop_core::chat::{ChatCollector, ChatEvent, ChatReply, FinishReason};
use backstop_core::{Ask, Error, Provider, Scope};

use crate::transport::{events, told};
use crate::{Fake, config, provider};

async fn answer(fake: Fake) -> Result<ChatReply, Error> {
    let fake = Arc::new(fake);
    let result = provider(config(), &fake).chat(Ask::new("gpt"), &"hello".into()).await;
    assert_eq!(fake.count(), 1, "one request");
    result
}

const RATE: &str = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 12 seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit.";

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let filtered = r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"},"jailbreak":{"filtered":true,"detected":true}}}}}"#;
    let rows: &[(u16, &str, ErrorKind)] = &[
        (400, filtered, ContentFilter),
        (
            400,
            r#"{"error":{"message":"m","code":"content_policy_violation","inner_error":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ContentFilter,
        ),
        (
            400,
            r#"{"error":{"message":"m","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ContentFilter,
        ),
        (400, r#"{"error":{"message":"m","code":"invalid_prompt"}}"#, ContentFilter),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
            ContextLength,
        ),
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: x","type":"invalid_request_error","param":null,"code":null}}"#,
            Unsupported,
        ),
        (
            400,
            r#"{"error":{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with the specified model, x."}}"#,
            Unsupported,
        ),
        (400, r#"{"error":{"code":"400","message":"no"}}"#, BadRequest),
        (
            401,
            r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            Auth,
        ),
        (401, r#"{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid"}"#, Auth),
        (
            401,
            r#"{"error":{"code":"PermissionDenied","message":"The principal `x` lacks the required data action"}}"#,
            Forbidden,
        ),
        (401, r#"{"error":{"code":"401","message":"Principal lacks the data action"}}"#, Forbidden),
        (403, r#"{"error":{"code":"403","message":"no"}}"#, Forbidden),
        (
            404,
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ModelNotFound,
        ),
        (404, r#"{"error":{"code":"404","message":"Resource not found"}}"#, ModelNotFound),
        (400, r#"{"error":{"code":"ModelDeprecated","message":"retired"}}"#, ModelNotFound),
        (410, r#"{"error":{"code":"410","message":"retired"}}"#, ModelNotFound),
        (408, r#"{"error":{"code":"Timeout","message":"The operation was timeout."}}"#, Timeout),
        (429, r#"{"error":{"code":"429","message":"System is experiencing high demand"}}"#, Overloaded),
        (429, r#"{"error":{"code":"NoCapacity","message":"m"}}"#, Overloaded),
        (429, r#"{"error":{"code":"429","message":"The server is overloaded"}}"#, Overloaded),
        (429, r#"{"error":{"code":"insufficient_quota","message":"m"}}"#, Quota),
        (429, r#"{"error":{"code":"429","message":"You exceeded your quota"}}"#, Quota),
        (429, r#"{"error":{"code":"too_many_requests","message":"Too many requests"}}"#, RateLimited),
        (500, r#"{"error":{"code":"InternalServerError","message":"The server had an error"}}"#, Server),
        (503, r#"{"error":{"code":"ServiceUnavailable","message":"temporarily unable"}}"#, Overloaded),
        (504, "", Timeout),
    ];
    for (status, body, expected) in rows {
        let error = answer(Fake::new(*status, *body)).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (*expected, Some(*status)), "{status} {body} → {error}");
        assert_eq!((error.provider(), error.model()), (Some("azure"), Some("gpt")));
    }
    let wrong = answer(Fake::new(404, r#"{"error":{"code":"404","message":"Resource not found"}}"#)).await;
    assert!(wrong.unwrap_err().to_string().contains("https://mine.openai.azure.com is wrong"));
}

#[tokio::test]
async fn what_closes_the_resource_closes_all_its_models() {
    for message in [
        "Access denied due to Virtual Network/Firewall rules.",
        "Public access is disabled. Please configure private endpoint.",
        "Your resource has been temporarily blocked because we detected behavior that may violate our content policy.",
    ] {
        let body = format!(r#"{{"error":{{"code":"403","message":"{message}"}}}}"#);
        let error = answer(Fake::new(403, body)).await.unwrap_err();
        assert_eq!((error.kind(), error.facts().scope), (Forbidden, Some(Scope::Provider)), "{error}");
    }
}

#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let limit = || Fake::new(429, format!(r#"{{"error":{{"code":"429","message":"{RATE}"}}}}"#));
    for (fake, millis) in [
        (limit(), 12_000),
        (limit().header("retry-after", "7"), 7_000),
        (limit().header("retry-after", "7").header("retry-after-ms", "250"), 250),
        (limit().header("x-ratelimit-reset-requests", "40"), 12_000),
    ] {
        let error = answer(fake).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (RateLimited, Some(Duration::from_millis(millis))));
    }
}

#[tokio::test]
async fn the_id_for_support_is_the_gateways() {
    for (headers, expected) in [(&[("apim-request-id", "apim-1")][..], "apim-1"), (&[], "req_1")] {
        let fake = headers.iter().fold(Fake::new(500, ""), |fake, (name, value)| fake.header(name, value));
        assert_eq!(answer(fake).await.unwrap_err().request_id(), Some(expected));
    }
}

#[tokio::test]
async fn what_the_filter_says_of_an_answer_is_passed_over() {
    let body = r#"{"id":"c1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop",
        "content_filter_results":{"error":{"code":"content_filter_error","message":"The contents are not filtered"}}}],
        "prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#;
    assert_eq!(answer(Fake::new(200, body)).await.unwrap().text, "hi");
    let cut = r#"{"choices":[{"message":{"content":"half"},"finish_reason":"content_filter"}]}"#;
    let error = answer(Fake::new(200, cut)).await.unwrap_err();
    assert_eq!((error.kind(), &*error.partial().unwrap().text), (ContentFilter, "half"));
}

#[tokio::test]
async fn a_choice_that_the_filter_took_the_message_from_is_a_content_filter() {
    let choice =
        r#"{"index":0,"finish_reason":"content_filter","content_filter_results":{"hate":{"filtered":true}}}"#;
    let usage = r#"{"prompt_tokens":9,"completion_tokens":3}"#;
    let error =
        answer(Fake::new(200, format!(r#"{{"choices":[{choice}],"usage":{usage}}}"#))).await.unwrap_err();
    assert_eq!(error.kind(), ContentFilter);
    assert_eq!(error.partial().unwrap().usage.output_tokens, Some(3));
}

async fn stream(body: &str) -> (Vec<ChatEvent>, Option<Error>) {
    let fake = Arc::new(events(body));
    told(provider(config(), &fake).chat_stream(Ask::new("gpt"), &"hello".into()).await).await
}

#[tokio::test]
async fn a_stream_may_begin_and_go_on_with_words_of_the_filter() {
    let all = [
        r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"content_filter_results":{}}]}"#,
        r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}"#,
        r#"{"id":"","model":"","choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{"check_offset":1},"content_filter_results":{"hate":{"filtered":false}}}]}"#,
        r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        "[DONE]",
    ];
    let (told, error) = stream(&all.map(|data| format!("data: {data}\n\n")).concat()).await;
    assert!(error.is_none(), "{error:?}");
    let mut collector = ChatCollector::default();
    told.iter().for_each(|event| collector.push(event).unwrap());
    let reply = collector.into_reply();
    assert_eq!((&*reply.text, reply.model.as_deref(), reply.id.as_deref()), ("hi", Some("m"), Some("c1")));
    let starts = told.iter().filter(|event| matches!(event, ChatEvent::Start { .. })).count();
    assert_eq!(
        (starts, reply.finish),
        (3, FinishReason::Stop),
        "opened, begun, and once it is known who answers"
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_in_a_stream_says_so_in_the_end() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n";
    let (told, error) = stream(body).await;
    assert!(error.is_none());
    assert_eq!(told.last(), Some(&ChatEvent::End(FinishReason::ContentFilter)));
    let failed = "data: {\"error\":{\"code\":\"429\",\"message\":\"slow\"}}\n\n";
    let (_, error) = stream(failed).await;
    assert_eq!(error.unwrap().kind(), RateLimited);
}
