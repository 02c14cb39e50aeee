//! Refusals as gateways and servers write them, at kinds whose own they are not: what they mean is read by all.

use backstop_core::ErrorKind::{
    self, Auth, BadRequest, ContentFilter, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota,
    RateLimited, Server, Unsupported,
};
use backstop_core::{Error, Scope};
use serde_json::json;

use crate::speaker::{Fake, answer, data, stream};

/// Each is the whole message of a refusal.
const ROWS: &[(u16, &str, ErrorKind)] = &[
    // Of what does not fit.
    (
        400,
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        ContextLength,
    ),
    (422, "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000", ContextLength),
    (400, "The input (9000 tokens) is longer than the model's context length (8192 tokens).", ContextLength),
    (
        400,
        "The prompt (total length 9000) is too long to fit into the model (context length 8192).",
        ContextLength,
    ),
    (400, "max_tokens must be at least 1, got -808.", ContextLength),
    (
        400,
        "litellm.ContextWindowExceededError: ContextWindowExceededError: OpenAIException - no",
        ContextLength,
    ),
    (
        400,
        "litellm.BadRequestError: AnthropicException - {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 205000 tokens > 200000 maximum\"}}",
        ContextLength,
    ),
    (
        500,
        "Error code: 400 - {'error': {'message': \"This model's maximum context length is 8192 tokens.\", 'code': 400}}",
        ContextLength,
    ),
    (400, "Input length 5000 exceeds maximum allowed length", ContextLength),
    (400, "Requested token count exceeds the model's maximum context length of 4096 tokens.", ContextLength),
    (400, "Range of input length should be [1, 30720]: input is too long", ContextLength),
    (500, "the request exceeds the available context size, try increasing it", ContextLength),
    (400, "Prompt length (9000) exceeds max_model_len (8192)", ContextLength),
    // Of models that are not there.
    (
        400,
        "Unable to access model acme/x. Please visit our site to view the list of supported models.",
        ModelNotFound,
    ),
    (400, "Model Not Exist", ModelNotFound),
    (400, "The supported API model names are a or b, but you passed c.", ModelNotFound),
    (400, "This model version has reached the end of its life.", ModelNotFound),
    (
        400,
        "/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models",
        ModelNotFound,
    ),
    (400, "The model `x` has been decommissioned and is no longer supported.", ModelNotFound),
    (400, "The requested model 'x' is not supported by any provider you have enabled.", ModelNotFound),
    (400, "Unknown model: x", ModelNotFound),
    (400, "Model x is not available", ModelNotFound),
    (400, "No models loaded. Please load a model in the developer page.", ModelNotFound),
    (422, "model `acme/x` not found", ModelNotFound),
    (500, "model 'x' not found", ModelNotFound),
    (400, "Invalid model: x", ModelNotFound),
    (400, "No such model: x", ModelNotFound),
    (400, "Endpoint x does not exist.", ModelNotFound),
    // Of what the server has failed at.
    (400, "The model has crashed without additional information. (Exit code: null)", Server),
    (400, "Function id 'x': DEGRADED function cannot be invoked", Server),
    (
        400,
        "Failed to load model \"x\". Error: Model loading aborted due to insufficient system resources.",
        Server,
    ),
    (400, "CUDA error: an illegal memory access was encountered", Server),
    (400, "'NoneType' object has no attribute 'group'", Server),
    (422, "EngineDeadError: see the stack trace above", Server),
    (400, "Internal server error", Server),
    (400, "Upstream request failed", Server),
    (400, "Something went wrong. Please try again later.", Server),
    // Of what there is no room for.
    (400, "The model is overloaded. Please try again later.", Overloaded),
    (500, "Server busy: no available workers (all circuits open or unhealthy)", Overloaded),
    (500, "Model is currently loading", Overloaded),
    (429, "That model is currently at capacity", Overloaded),
    (400, "There are no instances available for the model: scaled to zero, cold start", Overloaded),
    // Of limits.
    (400, "Rate limit reached for requests", RateLimited),
    (403, "API rate limit exceeded", RateLimited),
    (400, "ThrottlingException: Too many requests, please wait before trying again.", RateLimited),
    (500, "litellm.RateLimitError: no", RateLimited),
    (413, "Request too large: tokens per minute (TPM): Limit 6000, Requested 9000", RateLimited),
    // Of what has to be paid.
    (403, "Key limit exceeded (total limit). Manage it using the keys page", Quota),
    (403, "You have run out of credits. Please purchase more credits.", Quota),
    (400, "Budget has been exceeded! Current cost: 10.2, Max budget: 10.0", Quota),
    (400, "ExceededBudget: User=x over budget. Spend=10.1, Budget=10.0", Quota),
    (400, "Your credit balance is too low to access this service.", Quota),
    (403, "Sorry, your account balance is insufficient", Quota),
    (400, "Access denied, please make sure your account is in good standing.", Quota),
    (429, "you have reached your monthly spending limit", Quota),
    (500, "Insufficient credits: add more credits to your account", Quota),
    (403, "You exceeded your current quota, please check your plan and billing details.", Quota),
    (429, "You have used up your daily free allocation of 10,000 neurons, please upgrade", Quota),
    // Of who may.
    (
        400,
        "Organization has been restricted. Please reach out to support if you believe this was in error.",
        Forbidden,
    ),
    (
        400,
        "Access to these models is not allowed from unsupported countries, regions, or territories.",
        Forbidden,
    ),
    (400, "Your account is not authorized to invoke this API operation.", Forbidden),
    (451, "no", Forbidden),
    (400, "Invalid API key provided", Auth),
    (400, "Authentication Error, Invalid proxy server token passed: missing authentication", Auth),
    (403, "No api key passed in.", Auth),
    // Of what was said.
    (
        400,
        "The response was filtered due to the prompt triggering the content management policy.",
        ContentFilter,
    ),
    (400, "Input data may contain inappropriate content.", ContentFilter),
    (403, "Request blocked by our moderation system", ContentFilter),
    (400, "The request was rejected because it was considered high risk", ContentFilter),
    // Of what a target cannot do.
    (
        400,
        "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
        Unsupported,
    ),
    (400, "x is not a multimodal model", Unsupported),
    (404, "No endpoints found that support image input", Unsupported),
    (400, "Parameter enable_thinking must be set to false for non-streaming calls", Unsupported),
    (400, "litellm.UnsupportedParamsError: no", Unsupported),
    (500, "registry.example/library/x does not support tools", Unsupported),
    (
        400,
        "[{'type': 'extra_forbidden', 'loc': ('body', 'n'), 'msg': 'Extra inputs are not permitted', 'input': 1}]",
        Unsupported,
    ),
    (422, "Unrecognized request argument supplied: reasoning_effort", Unsupported),
    (400, "json mode cannot be combined with tool/function calling", Unsupported),
    (400, "This model only supports streaming: stream must be true", Unsupported),
    (
        400,
        "As of transformers v4.44 there is no chat template, and the tokenizer does not define one",
        Unsupported,
    ),
    // Of other things than the model.
    (404, "File file-1 not found in the organization", BadRequest),
    (404, "No such file object: file-1", BadRequest),
    (404, "Previous response with id 'resp_1' not found.", BadRequest),
    // What a phrase must not be found in.
    (400, "Invalid 'messages[0].content': got 'the model was not found, and the rate limit too'", BadRequest),
    (
        400,
        "[{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'text': 'insufficient quota'}}]",
        BadRequest,
    ),
    (400, "Tool 'get_model' not found in the list", BadRequest),
    (400, "The model called a tool that was not found", BadRequest),
    (403, "Your request was blocked", Forbidden),
    (403, "Forbidden", Forbidden),
    (404, "Not Found", ModelNotFound),
    (429, "Rate limit reached: add credits for higher limits per minute", RateLimited),
];

async fn refused(kind: &str, status: u16, body: String) -> Error {
    answer(kind, Fake::new(status, body)).await.unwrap_err()
}

fn said(message: &str) -> String {
    json!({ "error": { "message": message, "type": "BadRequestError", "param": null, "code": 400 } })
        .to_string()
}

#[tokio::test]
async fn what_gateways_say_means_the_same_at_every_kind() {
    let mut wrong = Vec::new();
    for kind in ["vllm", "together", "groq", "nvidia", "sambanova", "cerebras"] {
        for (status, message, expected) in ROWS {
            for body in [
                said(message),
                json!({ "error": message }).to_string(),
                json!({ "detail": message }).to_string(),
            ] {
                let error = refused(kind, *status, body).await;
                if error.kind() != *expected {
                    wrong.push(format!("{kind} {status} {message}: {} and not {expected}", error.kind()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn hardly_anything_that_is_no_fault_of_the_request_is_called_one() {
    let rows = ROWS.iter().filter(|(_, _, kind)| *kind != BadRequest);
    let (mut all, mut unread) = (0, Vec::new());
    for (_, message, expected) in rows {
        // Under the status that says least.
        let error = refused("vllm", 400, said(message)).await;
        all += 1;
        if error.kind() == BadRequest {
            unread.push((message, expected));
        }
    }
    assert!(unread.len() * 20 <= all, "{} of {all} are: {unread:?}", unread.len());
}

#[tokio::test]
async fn words_count_in_a_stream_without_a_code() {
    for (message, expected) in [
        ("This model's maximum context length is 8192 tokens.", ContextLength),
        ("You have run out of credits", Quota),
        ("Rate limit reached", RateLimited),
        ("The model is overloaded", Overloaded),
        ("The model `x` does not exist", ModelNotFound),
        ("x does not support tools", Unsupported),
        ("something odd", Server),
    ] {
        let chunk = json!({ "error": { "message": message } }).to_string();
        let (_, error) = stream("vllm", data(&[&chunk])).await;
        assert_eq!(error.unwrap().kind(), expected, "{message}");
    }
}

#[tokio::test]
async fn a_fault_of_the_request_is_recognised_only_where_it_is_named() {
    for (code, message) in [
        ("invalid_type", "no"),
        ("missing_required_parameter", "no"),
        ("", "Missing required parameter: 'messages'."),
        ("", "Invalid type for 'messages[0].content': expected a string, but got a number instead."),
        ("", "Field 'temperature': type must be number, but is string"),
        ("", "Validation: Temperature must be between 0 and 2, got 100"),
        ("", "Invalid role: robot"),
        ("", "We could not parse the JSON body of your request."),
        ("", "No tool output found for tool call call-a."),
        ("", "tools.0.custom.input_schema.type: Field required"),
        ("", "Each message must have at least one content element."),
    ] {
        let body = json!({ "error": { "message": message, "code": code } }).to_string();
        let error = refused("vllm", 400, body).await;
        assert_eq!((error.kind(), error.facts().recognised), (BadRequest, true), "{message}");
    }
    for message in ["no", "Bad Request", "Request rejected", "The flux is out of balance", "policy 17", ""] {
        for status in [400, 422] {
            let error = refused("vllm", status, said(message)).await;
            assert_eq!((error.kind(), error.facts().recognised), (BadRequest, false), "{message}");
        }
    }
}

#[tokio::test]
async fn every_shape_of_a_body_is_read() {
    for (body, says, kind) in [
        (
            r#"{"status":429,"title":"Too Many Requests","type":"about:blank"}"#,
            "Too Many Requests",
            RateLimited,
        ),
        (r#"{"title":"Bad","detail":"The model is overloaded"}"#, "overloaded", Overloaded),
        (
            r#"{"errors":[{"message":"Model not found: x","code":5007}],"success":false}"#,
            "not found",
            ModelNotFound,
        ),
        (r#"{"errors":["out of credits"]}"#, "out of credits", Quota),
        (
            r#"{"error_code":"BAD_REQUEST","message":"Input is too long for the model"}"#,
            "too long",
            ContextLength,
        ),
        (r#"{"detail":{"error":{"message":"Unknown model: x"}}}"#, "Unknown", ModelNotFound),
        (r#"{"error":"Bad","error_type":"overloaded"}"#, "Bad", Overloaded),
        (r#"{"error":{"message":"no","code":"insufficient_credits"}}"#, "no", Quota),
        (r#"{"error":{"message":"no","type":"ContextWindowExceededError"}}"#, "no", ContextLength),
    ] {
        let error = refused("vllm", 400, body.to_owned()).await;
        assert_eq!(error.kind(), kind, "{body}: {error}");
        assert!(error.message().contains(says), "{body}: {error}");
    }
}

#[tokio::test]
async fn what_somebody_behind_openrouter_said_is_read_and_shown() {
    let raw = |status: u16, raw: &str| {
        let metadata = json!({ "provider_name": "P", "raw": raw });
        json!({ "error": { "code": status, "message": "Provider returned error", "metadata": metadata } })
            .to_string()
    };
    for (status, told, kind) in [
        (400, "This model's maximum context length is 8192 tokens.", ContextLength),
        (400, r#"{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#, ContextLength),
        (400, r#"{"error":{"message":"no","code":"context_length_exceeded"}}"#, ContextLength),
        (400, "DEGRADED function cannot be invoked", Server),
        (429, "x is temporarily rate-limited upstream. Please retry shortly.", RateLimited),
    ] {
        let error = refused("openrouter", status, raw(status, told)).await;
        assert_eq!(error.kind(), kind, "{told}: {error}");
        assert!(error.message().starts_with("Provider returned error: "), "{error}");
    }
    // That account is not ours, and other models have others behind them.
    let error = refused("openrouter", 403, raw(403, "out of credits")).await;
    assert_eq!((error.kind(), error.facts().scope), (Quota, Some(Scope::Target)));
    let error = refused("openrouter", 403, said("out of credits")).await;
    assert_eq!((error.kind(), error.facts().scope), (Quota, None));
}

#[tokio::test]
async fn an_organization_that_is_shut_out_is_not_asked_for_its_other_models() {
    for message in ["Organization has been restricted.", "not allowed from unsupported countries"] {
        let error = refused("groq", 400, said(message)).await;
        assert_eq!((error.kind(), error.facts().scope), (Forbidden, Some(Scope::Provider)), "{message}");
    }
}
