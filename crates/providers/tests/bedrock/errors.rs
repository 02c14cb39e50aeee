//! Every row of the table of errors, as the service sends it.

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{ErrorKind, Scope};
use serde_json::json;

use crate::common::fake::Fake;
use crate::common::rows::{Row, row};
use crate::scene::{MODEL, answer, answer_to};

/// A refusal in the service's own shape.
fn said(status: u16, name: &str, message: &str, kind: ErrorKind) -> Row {
    let address = "http://internal.amazon.com/coral/com.amazon.bedrock/";
    row(status, json!({ "message": message }).to_string(), kind)
        .header("x-amzn-errortype", format!("{name}:{address}"))
}

fn validation(message: &str, kind: ErrorKind) -> Row {
    said(400, "ValidationException", message, kind)
}

fn rows_of_the_request() -> Vec<Row> {
    use ErrorKind::{BadRequest, ContentFilter, ContextLength, ModelNotFound, Unsupported};
    vec![
        validation("Input is too long for requested model.", ContextLength),
        validation("prompt is too long: 210000 tokens > 200000 maximum", ContextLength).tokens(210_000),
        validation("The model returned the following errors: prompt is too long: 201 tokens > 200 maximum", ContextLength)
            .tokens(201),
        validation("Too many input tokens. Max input tokens: 8192, request input token count: 9000", ContextLength),
        validation("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length", ContextLength)
            .tokens(210_000),
        validation("Malformed input request: expected maxLength: 50000, actual: 60000, please reformat your input and try again.", ContextLength),
        validation("The provided model identifier is invalid.", ModelNotFound).says("): The provided model"),
        validation(
            "Invocation of model ID x with on-demand throughput isn\u{2019}t supported. Retry your request with the ID or ARN of an inference profile that contains this model.",
            ModelNotFound,
        )
        .says("inference profile"),
        validation("This model doesn't support tool use.", Unsupported),
        validation("This model doesn\u{2019}t support the image content block that you provided.", Unsupported),
        validation("This model does not support system messages", Unsupported),
        validation("Malformed input request: #: extraneous key [top_k] is not permitted, please reformat your input and try again.", Unsupported),
        validation("Malformed input request: #/messages/0: required key [role] not found", BadRequest),
        validation("The request was blocked by our content filters.", ContentFilter),
        validation("Output blocked by content filtering policy", ContentFilter),
        validation("1 validation error detected: Value at 'x' failed to satisfy constraint", BadRequest),
        row(400, r#"{"message":"Input is too long for requested model."}"#, ContextLength),
        row(400, r#"{"message":"odd"}"#, BadRequest),
        row(413, "", ContextLength),
        // What only another exception says is no evidence.
        validation("api key, use case details", BadRequest),
        validation("Too many tokens per day", ErrorKind::Quota).scope(Scope::Target),
    ]
}

fn rows_of_access() -> Vec<Row> {
    use ErrorKind::{Auth, Forbidden, ModelNotFound, Quota, RateLimited};
    let mut rows = vec![
        said(
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            Forbidden,
        ),
        said(
            403,
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn",
            Forbidden,
        ),
        said(
            403,
            "AccessDeniedException",
            "Authentication failed: Please make sure your API Key is valid.",
            Auth,
        ),
        said(403, "AccessDeniedException", "Bearer Token has expired", Auth),
        said(403, "MPAgreementBeingCreated", "try again in some minutes", Forbidden),
        row(403, r#"{"message":"The security token included in the request is expired"}"#, Auth),
        row(403, r#"{"Message":"no"}"#, Forbidden).says("): no"),
        row(401, "", Auth),
        said(
            404,
            "ResourceNotFoundException",
            "Could not resolve the foundation model from the provided model identifier.",
            ModelNotFound,
        )
        .says("): Could not resolve"),
        said(
            404,
            "ResourceNotFoundException",
            "This model version has reached the end of its life.",
            ModelNotFound,
        ),
        said(
            404,
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account.",
            Forbidden,
        ),
        said(404, "FTUFormNotFilled", "fill it", Forbidden),
        row(404, "<html><head><title>Not Found</title></head></html>", ModelNotFound)
            .says("or the base URL https://bedrock-runtime.us-east-1.amazonaws.com is wrong"),
        said(429, "ThrottlingException", "Too many requests, please wait before trying again.", RateLimited),
        said(429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimited),
        said(429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimited)
            .header("retry-after", "7")
            .hint(7.0),
        said(429, "ThrottlingException", "m", RateLimited).header("x-should-retry", "false").never_again(),
        said(429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", Quota)
            .header("retry-after", "9")
            .scope(Scope::Target),
        said(400, "ThrottlingException", "Rate exceeded", RateLimited),
        said(400, "ServiceQuotaExceededException", "You have exceeded your quota", Quota),
        row(429, r#"{"message":"Too many tokens per day"}"#, Quota).scope(Scope::Target),
        row(429, "", RateLimited),
    ];
    for name in [
        "IncompleteSignature",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "ExpiredTokenException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
    ] {
        rows.extend([400, 403].map(|status| said(status, name, "refused", Auth)));
    }
    rows
}

fn rows_of_the_server() -> Vec<Row> {
    use ErrorKind::{BadReply, Overloaded, Server, Timeout};
    vec![
        said(408, "ModelTimeoutException", "Model has timed out in processing the request.", Timeout),
        row(
            424,
            r#"{"message":"The model failed","originalStatusCode":500,"originalMessage":"boom"}"#,
            Server,
        )
        .header("x-amzn-errortype", "ModelErrorException")
        .says("The model failed: boom"),
        said(424, "ModelStreamErrorException", "m", Server),
        said(500, "InternalServerException", "m", Server),
        said(500, "InternalFailure", "m", Server),
        said(503, "ServiceUnavailableException", "Bedrock is unable to process your request.", Overloaded),
        row(502, "<html><head><title>502 Bad Gateway</title></head></html>", Server).says("502 Bad Gateway"),
        row(503, "", Overloaded),
        row(504, "", Timeout),
        row(302, "", BadReply).never_again(),
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_of_the_request(), rows_of_access(), rows_of_the_server()].into_iter().flatten();
    for row in rows {
        let error = answer(row.fake().header("x-amzn-requestid", "req_1")).await.unwrap_err();
        row.check(&error);
        assert_eq!((error.provider(), error.model()), (Some("bedrock"), Some(MODEL)), "{error}");
        assert_eq!(error.request_id(), Some("req_1"), "{error}");
    }
}

#[tokio::test]
async fn a_model_that_is_being_loaded_is_not_unwell() {
    let fake =
        Fake::new(429, r#"{"message":"loading"}"#).header("x-amzn-errortype", "ModelNotReadyException");
    let error = answer(fake).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(!error.facts().counted && error.facts().comeback);
}

#[tokio::test]
async fn the_name_of_an_exception_is_found_wherever_it_stands() {
    for (header, body) in [
        (Some("ThrottlingException"), "{}"),
        (Some("ThrottlingException:http://a.example"), "{}"),
        (Some("com.amazon.coral#ThrottlingException"), "{}"),
        (Some("com.amazon.coral#throttlingException:http://a.example/#x"), ""),
        (None, r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"m"}"#),
        (None, r#"{"code":"ThrottlingException","message":"m"}"#),
        (Some("ThrottlingException"), r#"{"__type":"ValidationException"}"#),
    ] {
        let fake = Fake::new(400, body);
        let fake = match header {
            Some(header) => fake.header("x-amzn-errortype", header),
            None => fake,
        };
        let error = answer(fake).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{header:?} {body}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_too_long_only_without_images() {
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    let error = answer_to(Fake::new(413, ""), &image).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_read_like_any_other() {
    for (body, kind) in [
        (r#"{"message":"m","__type":"ThrottlingException"}"#, ErrorKind::RateLimited),
        (r#"{"Message":"m","__type":"ServiceUnavailableException"}"#, ErrorKind::Overloaded),
        (r#"{"message":"something broke"}"#, ErrorKind::Server),
    ] {
        let failed = answer(Fake::new(200, body)).await.unwrap_err();
        assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{body}");
    }
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 8] = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        br#"{"message":7,"__type":7}"#,
        br#"{"message":"prompt is too long: > > 9 + x"}"#,
        br#"{"message":"prompt is too long: 4294967295 + 4294967295 > 1"}"#,
        deep.as_bytes(),
    ];
    for status in (400..600).step_by(13) {
        for body in bodies {
            let error = answer(Fake::new(status, body).header("x-amzn-errortype", ":#")).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
            assert_eq!(error.facts().needed_tokens, None);
        }
    }
}
