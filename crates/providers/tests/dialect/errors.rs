//! Each kind's own rows of the table of errors.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_core::ErrorKind::{
    self, Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota,
    RateLimited, Server, Timeout, Unsupported,
};
use serde_json::json;

use crate::speaker::{Fake, all, answer};

type Row = (&'static str, u16, &'static str, ErrorKind);

/// In the shape of the wire: sort, code, message.
fn usual(sort: &str, code: &str, message: &str) -> String {
    let word = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    json!({ "error": { "message": message, "type": word(sort), "param": null, "code": word(code) } })
        .to_string()
}

const USUAL: &[(&str, u16, &str, &str, &str, ErrorKind)] = &[
    ("groq", 400, "invalid_request_error", "context_length_exceeded", "too long", ContextLength),
    (
        "groq",
        400,
        "invalid_request_error",
        "",
        "Please reduce the length of the messages or completion.",
        ContextLength,
    ),
    ("groq", 400, "invalid_request_error", "tool_use_failed", "Failed to call a function.", Server),
    ("groq", 400, "invalid_request_error", "json_validate_failed", "Failed to generate JSON.", Server),
    ("groq", 400, "invalid_request_error", "model_decommissioned", "gone", ModelNotFound),
    (
        "groq",
        400,
        "invalid_request_error",
        "",
        "json mode cannot be combined with tool/function calling",
        Unsupported,
    ),
    ("groq", 400, "invalid_request_error", "", "`logprobs` is not supported with this model", Unsupported),
    ("groq", 401, "invalid_request_error", "invalid_api_key", "Invalid API Key", Auth),
    ("groq", 403, "permissions_error", "model_permission_blocked_org", "blocked", Forbidden),
    ("groq", 404, "invalid_request_error", "model_not_found", "The model does not exist", ModelNotFound),
    ("groq", 422, "invalid_request_error", "", "semantic error", BadRequest),
    ("groq", 424, "", "", "dependency", Server),
    ("groq", 498, "", "capacity_exceeded", "flex tier", Overloaded),
    ("groq", 498, "", "", "", Overloaded),
    ("groq", 503, "", "", "", Overloaded),
    (
        "deepseek",
        400,
        "invalid_request_error",
        "",
        "This model's maximum context length is 65536 tokens.",
        ContextLength,
    ),
    ("deepseek", 400, "invalid_request_error", "", "Content Exists Risk", ContentFilter),
    (
        "deepseek",
        400,
        "invalid_request_error",
        "",
        "messages[0]: unknown variant `image_url`, expected `text`",
        Unsupported,
    ),
    ("deepseek", 402, "unknown_error", "invalid_request_error", "Insufficient Balance", Quota),
    ("deepseek", 422, "", "", "no", BadRequest),
    ("deepseek", 429, "", "", "", RateLimited),
    ("deepseek", 503, "", "", "", Overloaded),
    ("together", 400, "", "", "no", BadRequest),
    ("together", 402, "", "", "spend limit", Quota),
    ("together", 403, "", "", "too long", ContextLength),
    (
        "together",
        422,
        "",
        "",
        "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 and 0",
        ContextLength,
    ),
    ("together", 413, "", "", "", ContextLength),
    ("together", 429, "dynamic_request_limited", "", "slow", Overloaded),
    ("together", 429, "", "", "dynamic_token_limited: slow", Overloaded),
    ("together", 429, "", "", "slow", RateLimited),
    ("together", 524, "", "", "", Timeout),
    (
        "fireworks",
        400,
        "",
        "",
        "The prompt is too long: 9000, model maximum context length: 8192",
        ContextLength,
    ),
    ("fireworks", 403, "", "", "", Forbidden),
    ("fireworks", 404, "", "", "Model not found, inaccessible, and/or not deployed", ModelNotFound),
    ("fireworks", 412, "", "", "Account is suspended", Quota),
    ("fireworks", 412, "", "", "LoRA failed to load", Server),
    ("fireworks", 503, "", "DEPLOYMENT_SCALING_UP", "", Overloaded),
    ("perplexity", 400, "invalid_model", "", "Invalid model", ModelNotFound),
    ("perplexity", 400, "invalid_message", "", "roles should be alternating", BadRequest),
    ("perplexity", 401, "insufficient_quota", "", "You exceeded your quota", Quota),
    ("perplexity", 401, "", "", "You have run out of credits", Quota),
    ("perplexity", 401, "", "", "no", Auth),
    ("moonshot", 429, "exceeded_current_quota_error", "", "suspended", Quota),
    ("moonshot", 429, "engine_overloaded_error", "", "busy", Overloaded),
    ("moonshot", 429, "rate_limit_reached_error", "", "slow", RateLimited),
    ("moonshot", 401, "invalid_authentication_error", "", "no", Auth),
    ("moonshot", 404, "resource_not_found_error", "", "no", ModelNotFound),
    ("moonshot", 400, "content_filter", "content_filter", "no", ContentFilter),
    (
        "moonshot",
        400,
        "invalid_request_error",
        "",
        "Your request exceeded model token limit: 8192",
        ContextLength,
    ),
    (
        "moonshot",
        400,
        "invalid_request_error",
        "",
        "tool_choice 'required' is incompatible with thinking enabled",
        Unsupported,
    ),
    (
        "moonshot",
        400,
        "invalid_request_error",
        "",
        "invalid temperature: only 1 is allowed for this model",
        Unsupported,
    ),
    (
        "huggingface",
        400,
        "invalid_request_error",
        "model_not_supported",
        "The requested model is not supported",
        ModelNotFound,
    ),
    ("huggingface", 402, "", "", "exceeded your monthly included credits", Quota),
    ("nvidia", 402, "", "", "credits", Quota),
    ("nvidia", 404, "", "", "Function 'x': Not found for account 'y'", ModelNotFound),
    ("lmstudio", 404, "", "", "No models loaded. Please load a model", ModelNotFound),
    ("lmstudio", 500, "", "", "The model has crashed without additional information.", Server),
];

const ODD: &[Row] = &[
    (
        "xai",
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."}"#,
        Auth,
    ),
    (
        "xai",
        400,
        r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 10 but the request contains 12 tokens."}"#,
        ContextLength,
    ),
    (
        "xai",
        400,
        r#"{"code":"Client specified an invalid argument","error":"Argument not supported on this model: presencePenalty"}"#,
        Unsupported,
    ),
    ("xai", 400, r#"{"code":"Client specified an invalid argument","error":"no"}"#, BadRequest),
    ("xai", 401, r#"{"error":"Unauthorized"}"#, Auth),
    (
        "xai",
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"Your newly created team doesn't have any credits yet."}"#,
        Quota,
    ),
    (
        "xai",
        403,
        r#"{"code":"x","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}"#,
        ContentFilter,
    ),
    ("xai", 403, r#"{"code":"x","error":"Your key is blocked"}"#, Forbidden),
    (
        "xai",
        404,
        r#"{"code":"Some requested entity was not found","error":"The model grok-9 does not exist or your team does not have access to it."}"#,
        ModelNotFound,
    ),
    ("xai", 429, r#"{"code":"x","error":"Too many requests"}"#, RateLimited),
    (
        "xai",
        429,
        r#"{"code":"x","error":"Your team has either used all available credits or reached its monthly spending limit."}"#,
        Quota,
    ),
    ("xai", 503, r#"{"code":"The service is currently unavailable","error":"busy"}"#, Overloaded),
    ("together", 400, r#"{"error":"no"}"#, BadRequest),
    ("fireworks", 402, r#"{"error":"pay"}"#, Quota),
    ("perplexity", 401, "<html><title>401 Authorization Required</title></html>", Auth),
    (
        "cerebras",
        400,
        r#"{"message":"Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}"#,
        ContextLength,
    ),
    (
        "cerebras",
        401,
        r#"{"message":"Wrong API Key","type":"invalid_request_error","param":"api_key","code":"wrong_api_key"}"#,
        Auth,
    ),
    ("cerebras", 402, r#"{"message":"pay"}"#, Quota),
    ("cerebras", 404, r#"{"message":"no","type":"not_found_error","code":"model_not_found"}"#, ModelNotFound),
    (
        "cerebras",
        429,
        r#"{"message":"Requests per day limit exceeded","type":"too_many_requests_error","code":"request_quota_exceeded"}"#,
        Quota,
    ),
    (
        "cerebras",
        429,
        r#"{"message":"Tokens per minute limit exceeded","type":"too_many_tokens_error","code":"token_quota_exceeded"}"#,
        RateLimited,
    ),
    (
        "cerebras",
        429,
        r#"{"message":"We're experiencing high traffic right now!","type":"too_many_requests_error","code":"queue_exceeded"}"#,
        Overloaded,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"code":400,"message":"x/y is not a valid model ID","metadata":{"error_type":"invalid_request"}}}"#,
        ModelNotFound,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"code":400,"message":"m","metadata":{"error_type":"context_length_exceeded"}}}"#,
        ContextLength,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"code":400,"message":"m","metadata":{"error_type":"max_tokens_exceeded"}}}"#,
        ContextLength,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"code":400,"message":"m","metadata":{"error_type":"invalid_prompt"}}}"#,
        BadRequest,
    ),
    (
        "openrouter",
        400,
        r#"{"error":{"code":400,"message":"m","metadata":{"error_type":"content_policy_violation"}}}"#,
        ContentFilter,
    ),
    ("openrouter", 401, r#"{"error":{"code":401,"message":"No auth credentials found"}}"#, Auth),
    (
        "openrouter",
        402,
        r#"{"error":{"code":402,"message":"Insufficient credits","metadata":{"error_type":"payment_required"}}}"#,
        Quota,
    ),
    (
        "openrouter",
        403,
        r#"{"error":{"code":403,"message":"m requires moderation. Your input was flagged for \"x\"","metadata":{"reasons":["x"]}}}"#,
        ContentFilter,
    ),
    (
        "openrouter",
        403,
        r#"{"error":{"code":403,"message":"no","metadata":{"error_type":"permission_denied"}}}"#,
        Forbidden,
    ),
    ("openrouter", 404, r#"{"error":{"code":404,"message":"No endpoints found for x/y."}}"#, ModelNotFound),
    (
        "openrouter",
        404,
        r#"{"error":{"code":404,"message":"No endpoints found that support tool use."}}"#,
        Unsupported,
    ),
    (
        "openrouter",
        404,
        r#"{"error":{"code":404,"message":"No endpoints found that can handle the requested parameters."}}"#,
        Unsupported,
    ),
    (
        "openrouter",
        408,
        r#"{"error":{"code":408,"message":"m","metadata":{"error_type":"timeout"}}}"#,
        Timeout,
    ),
    (
        "openrouter",
        413,
        r#"{"error":{"code":413,"message":"m","metadata":{"error_type":"payload_too_large"}}}"#,
        BadRequest,
    ),
    (
        "openrouter",
        429,
        r#"{"error":{"code":429,"message":"m","metadata":{"error_type":"rate_limit_exceeded","raw":"upstream"}}}"#,
        RateLimited,
    ),
    (
        "openrouter",
        429,
        r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day. Add 10 credits"}}"#,
        Quota,
    ),
    (
        "openrouter",
        502,
        r#"{"error":{"code":502,"message":"m","metadata":{"error_type":"provider_unavailable"}}}"#,
        Server,
    ),
    ("openrouter", 503, r#"{"error":{"code":503,"message":"m"}}"#, Overloaded),
    ("openrouter", 524, "", Timeout),
    (
        "openrouter",
        529,
        r#"{"error":{"code":529,"message":"m","metadata":{"error_type":"provider_overloaded"}}}"#,
        Overloaded,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}}"#,
        ContextLength,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"At most 0 image(s) may be provided in one prompt.","type":"BadRequestError","code":400}}"#,
        Unsupported,
    ),
    (
        "vllm",
        400,
        r#"{"error":{"message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set","type":"BadRequestError","code":400}}"#,
        Unsupported,
    ),
    ("vllm", 401, r#"{"error":"Unauthorized"}"#, Auth),
    (
        "vllm",
        404,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
        ModelNotFound,
    ),
    ("vllm", 501, r#"{"error":{"message":"no","type":"NotImplementedError","code":501}}"#, Unsupported),
    ("vllm", 503, r#"{"error":"The model is currently scaling. Please try again later."}"#, Overloaded),
    (
        "llama_cpp",
        400,
        r#"{"error":{"code":400,"message":"request (4100 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error"}}"#,
        ContextLength,
    ),
    (
        "llama_cpp",
        500,
        r#"{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}"#,
        ContextLength,
    ),
    (
        "llama_cpp",
        500,
        r#"{"error":{"code":500,"message":"image input is not supported - hint: provide the mmproj","type":"server_error"}}"#,
        Unsupported,
    ),
    (
        "llama_cpp",
        401,
        r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#,
        Auth,
    ),
    (
        "llama_cpp",
        501,
        r#"{"error":{"code":501,"message":"This server does not support embeddings.","type":"not_supported_error"}}"#,
        Unsupported,
    ),
    (
        "llama_cpp",
        503,
        r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
        Overloaded,
    ),
    (
        "lmstudio",
        400,
        r#"{"error":"Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
        ContextLength,
    ),
];

#[tokio::test]
async fn every_row_of_each_kind_becomes_its_error() {
    let usual = USUAL.iter().map(|(kind, status, sort, code, message, expected)| {
        (*kind, *status, usual(sort, code, message), *expected)
    });
    let odd =
        ODD.iter().map(|(kind, status, body, expected)| (*kind, *status, (*body).to_owned(), *expected));
    for (kind, status, body, expected) in usual.chain(odd) {
        let error = answer(kind, Fake::new(status, body.clone())).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{kind} {status} {body} → {error}");
        assert_eq!((error.status(), error.request_id()), (Some(status), Some("req_1")));
        assert_eq!((error.provider(), error.model()), (Some(kind), Some("some/model")));
    }
}

#[tokio::test]
async fn a_kinds_own_rules_are_nobody_elses() {
    for (kind, status, body, expected) in [
        ("groq", 403, usual("", "", "too long"), Forbidden),
        ("groq", 412, usual("", "", "no"), BadRequest),
        ("together", 498, usual("", "", "no"), BadRequest),
        ("together", 400, usual("", "tool_use_failed", "no"), BadRequest),
    ] {
        let error = answer(kind, Fake::new(status, body)).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{kind}: {error}");
    }
}

#[tokio::test]
async fn what_is_needed_is_told_where_it_is_said() {
    for (kind, body, tokens) in [
        (
            "xai",
            r#"{"error":"This model's maximum prompt length is 10 but the request contains 12 tokens."}"#,
            12,
        ),
        (
            "fireworks",
            r#"{"error":{"message":"prompt is too long: 9000, model maximum context length: 8192"}}"#,
            9000,
        ),
        (
            "cerebras",
            r#"{"code":"context_length_exceeded","message":"Current length is 9000 while limit is 8192"}"#,
            9000,
        ),
        (
            "lmstudio",
            r#"{"error":"Trying to keep the first 9001 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
            9001,
        ),
    ] {
        let error = answer(kind, Fake::new(400, body)).await.unwrap_err();
        assert_eq!(error.facts().needed_tokens, Some(tokens), "{kind}: {error}");
    }
}

#[tokio::test]
async fn hints_are_read_where_a_kind_gives_them() {
    let limit =
        usual("requests", "rate_limit_exceeded", "Rate limit reached. Please try again in 7m12.5s. Visit");
    let error = answer("groq", Fake::new(429, limit)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_millis(432_500)));

    let large = usual(
        "tokens",
        "rate_limit_exceeded",
        "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000",
    );
    let error = answer("groq", Fake::new(413, large)).await.unwrap_err();
    assert_eq!((error.kind(), error.facts().comeback), (RateLimited, false));
    assert_eq!(answer("groq", Fake::new(413, "")).await.unwrap_err().kind(), ContextLength);

    let loading = r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#;
    let error = answer("llama_cpp", Fake::new(503, loading)).await.unwrap_err();
    assert_eq!((error.retry_after(), error.facts().counted), (Some(Duration::from_secs(2)), false));
}

#[tokio::test]
async fn openrouter_tells_when_a_window_ends_and_which_budgets_come_back() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let limit = || Fake::new(429, r#"{"error":{"code":429,"message":"slow"}}"#);
    let error = answer("openrouter", limit().header("x-ratelimit-reset", &(now + 60_000).to_string())).await;
    let wait = error.unwrap_err().retry_after().unwrap();
    assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&wait), "{wait:?}");
    for (header, value) in [("x-ratelimit-reset", "1"), ("x-ratelimit-reset", "soon"), ("x-other", "1")] {
        let error = answer("openrouter", limit().header(header, value)).await.unwrap_err();
        assert_eq!(error.retry_after(), None, "{header}: {value}");
    }
    let both = limit().header("x-ratelimit-reset", &(now + 60_000).to_string()).header("retry-after", "7");
    assert_eq!(answer("openrouter", both).await.unwrap_err().retry_after(), Some(Duration::from_secs(7)));
    // Elsewhere such a header tells when a bucket is full again, which is no reason to wait.
    let error = answer("groq", limit().header("x-ratelimit-reset", &(now + 60_000).to_string())).await;
    assert_eq!(error.unwrap_err().retry_after(), None);

    let budget =
        r#"{"error":{"code":402,"message":"in flight","metadata":{"error_type":"payment_required"}}}"#;
    let error = answer("openrouter", Fake::new(402, budget).header("retry-after", "3")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (RateLimited, Some(Duration::from_secs(3))));
    let error = answer("groq", Fake::new(402, budget).header("retry-after", "3")).await.unwrap_err();
    assert_eq!(error.kind(), Quota);
}

#[tokio::test]
async fn odd_bodies_are_survived_by_all() {
    let deep = "[".repeat(300_000);
    for (kind, _) in all() {
        for body in ["", "null", "[]", r#"{"error":{"metadata":7}}"#, r#"{"status_code":1e99}"#, &deep] {
            for status in [200, 400, 402, 429, 500] {
                let error = answer(kind, Fake::new(status, body)).await.unwrap_err();
                assert!(error.to_string().len() < 2000, "{kind}");
            }
        }
    }
}
