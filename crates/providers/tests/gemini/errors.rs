//! Every row of the table of errors, as the service sends it.

use std::time::Duration;

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{ErrorKind, Scope};
use serde_json::{Value, json};

use crate::asked::{Fake, answer, answer_to};

/// A refusal and what it must become.
struct Row {
    status: u16,
    body: Value,
    headers: Vec<(&'static str, &'static str)>,
    kind: ErrorKind,
    hint: Option<Duration>,
    comeback: bool,
    scope: Option<Scope>,
    tokens: Option<u32>,
    says: &'static str,
}

/// A refusal in the service's own shape.
fn row(status: u16, word: &str, message: &str, kind: ErrorKind) -> Row {
    let error = json!({ "code": status, "message": message, "status": word, "details": [] });
    Row {
        status,
        body: json!({ "error": error }),
        headers: Vec::new(),
        kind,
        hint: None,
        comeback: true,
        scope: None,
        tokens: None,
        says: "",
    }
}

impl Row {
    fn detail(mut self, sort: &str, detail: Value) -> Self {
        let mut detail = detail;
        detail["@type"] = format!("type.googleapis.com/google.rpc.{sort}").into();
        self.body["error"]["details"].as_array_mut().unwrap().push(detail);
        self
    }

    fn reason(self, reason: &str) -> Self {
        self.detail("ErrorInfo", json!({ "reason": reason, "domain": "googleapis.com", "metadata": {} }))
    }

    fn quota(self, id: &str, value: &str) -> Self {
        let violation = json!({ "quotaMetric": "generativelanguage.googleapis.com/requests", "quotaId": id, "quotaValue": value });
        self.detail("QuotaFailure", json!({ "violations": [violation] }))
    }

    fn delay(self, delay: &str) -> Self {
        self.detail("RetryInfo", json!({ "retryDelay": delay }))
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    fn hint(mut self, seconds: f64) -> Self {
        self.hint = Some(Duration::from_secs_f64(seconds));
        self
    }

    fn never_again(mut self) -> Self {
        self.comeback = false;
        self
    }

    fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    fn tokens(mut self, tokens: u32) -> Self {
        self.tokens = Some(tokens);
        self
    }

    fn says(mut self, words: &'static str) -> Self {
        self.says = words;
        self
    }
}

const INVALID: &str = "INVALID_ARGUMENT";
const PLAN: &str = "You exceeded your current quota, please check your plan and billing details. For more information read the docs.";

fn rows_400() -> Vec<Row> {
    use ErrorKind::{Auth, BadRequest, ContextLength, Forbidden, Unsupported};
    let invalid = |message: &str, kind| row(400, INVALID, message, kind);
    let failed = |message: &str| row(400, "FAILED_PRECONDITION", message, Forbidden);
    vec![
        invalid("API key not valid. Please pass a valid API key.", Auth).reason("API_KEY_INVALID"),
        invalid("API key not valid. Please pass a valid API key.", Auth),
        invalid("API key expired. Please renew the API key.", Auth),
        invalid("no", Auth).reason("API_KEY_SERVICE_BLOCKED"),
        invalid("The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", ContextLength).tokens(1_048_577),
        invalid("The input token count exceeds the maximum number of tokens allowed 1048576.", ContextLength),
        invalid("Unable to submit request because the input token count is 1,200,000 but model only supports up to 1048576.", ContextLength).tokens(1_200_000),
        invalid("Request payload size exceeds the limit: 20971520 bytes.", ContextLength),
        invalid("Multi-turn chat is not supported for this model.", Unsupported),
        invalid("Developer instruction is not enabled for models/gemma-3-27b-it", Unsupported),
        invalid("Thinking level is not supported for this model.", Unsupported),
        invalid("JSON mode is not enabled for models/x", Unsupported),
        invalid("Function calling with a response mime type: 'application/json' is unsupported", Unsupported),
        invalid("Budget 0 is invalid. This model only works in thinking mode.", Unsupported),
        invalid("Unable to submit request because The model does not support setting thinking_budget to 0", Unsupported),
        invalid("Invalid JSON payload received. Unknown name \"frobnicate\": Cannot find field.", Unsupported),
        invalid("Please ensure that function call turn comes immediately after a user turn.", BadRequest),
        // A value that is quoted is no evidence.
        invalid("Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), \"this is not supported\"", BadRequest),
        invalid("You said: rate limit, quota exceeded, retry in 20s", BadRequest),
        failed("User location is not supported for the API use.").scope(Scope::Provider).says("User location"),
        failed("Gemini API free tier is not available in your country. Please enable billing on your project.").scope(Scope::Provider),
        failed("Precondition check failed."),
    ]
}

fn rows_access() -> Vec<Row> {
    use ErrorKind::{Auth, Forbidden, ModelNotFound, Quota};
    let denied = |message: &str, kind| row(403, "PERMISSION_DENIED", message, kind);
    vec![
        row(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", Auth),
        row(401, "UNAUTHENTICATED", "no", Auth).reason("ACCESS_TOKEN_EXPIRED"),
        row(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", Quota),
        row(402, "", "no", Quota),
        denied("You do not have permission to access the model.", Forbidden),
        denied("Generative Language API has not been used in project 1 before or it is disabled.", Forbidden)
            .scope(Scope::Provider),
        denied("no", Forbidden).reason("SERVICE_DISABLED").scope(Scope::Provider),
        denied("Your API key was reported as leaked. Please use another API key.", Auth),
        denied("Requests to this API method are blocked.", Auth).reason("API_KEY_SERVICE_BLOCKED"),
        denied("Requests from referer <empty> are blocked.", Forbidden)
            .reason("API_KEY_HTTP_REFERRER_BLOCKED")
            .scope(Scope::Provider),
        denied("Requests from referer <empty> are blocked.", Forbidden).scope(Scope::Provider),
        denied("no", Forbidden).reason("CONSUMER_SUSPENDED").scope(Scope::Provider),
        denied("no", Quota).reason("BILLING_DISABLED"),
        row(
            404,
            "NOT_FOUND",
            "models/gemini-x is not found for API version v1beta, or is not supported for generateContent.",
            ModelNotFound,
        )
        .says(": models/gemini-x is not found"),
        row(404, "NOT_FOUND", "Requested entity was not here.", ModelNotFound)
            .says("\"gemini-x\" or the base URL https://generativelanguage.googleapis.com is wrong"),
    ]
}

fn rows_429() -> Vec<Row> {
    use ErrorKind::{Overloaded, Quota, RateLimited};
    let limited = |message: &str, kind| row(429, "RESOURCE_EXHAUSTED", message, kind);
    let metric =
        "* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests";
    let of_model = format!("{PLAN}\n{metric}, limit: 20, model: gemini-x\nPlease retry in 46.1s.");
    let zero = format!("{PLAN}\n{metric}, limit: 0, model: gemini-x\nPlease retry in 45.5s.");
    let zero_at_end = format!("{PLAN}\n{metric}, limit: 0.");
    let half = format!("{PLAN}\n{metric}, limit: 0.5");
    let hours = format!("{PLAN}\nPlease retry in 10h17m5.7s.");
    vec![
        limited(PLAN, RateLimited),
        limited(&of_model, RateLimited)
            .quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "20")
            .delay("46s")
            .hint(46.0),
        limited(&of_model, RateLimited).hint(46.1),
        limited(PLAN, RateLimited).delay("0.847s").hint(0.847),
        limited(PLAN, RateLimited).delay("46s").header("retry-after", "7").hint(7.0),
        limited(PLAN, RateLimited).header("retry-after-ms", "250").hint(0.25),
        limited(PLAN, RateLimited).delay("46s").header("x-should-retry", "false").hint(46.0).never_again(),
        limited(&half, RateLimited),
        limited("Resource has been exhausted (e.g. check quota).", RateLimited),
        limited(PLAN, Quota)
            .quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20")
            .delay("37s")
            .scope(Scope::Target),
        limited(PLAN, Quota).quota("GenerateRequestsPerDay-PaidTier", "20"),
        limited(PLAN, Quota).quota("PerMinute", "20").quota("PerDay", "250").delay("5s"),
        limited(&zero, Quota).scope(Scope::Target),
        limited(&zero_at_end, Quota),
        limited(PLAN, Quota)
            .quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", "0")
            .scope(Scope::Target),
        limited(&hours, Quota).hint(37_025.7),
        limited(PLAN, Quota).delay("36000s").hint(36_000.0),
        limited("Your prepayment credits are depleted. Please go to AI Studio.", Quota),
        limited("Your project has exceeded its monthly spending cap.", Quota),
        limited("Resource exhausted. Please try again later. Please refer to the docs.", Overloaded),
    ]
}

fn rows_server() -> Vec<Row> {
    use ErrorKind::{
        BadReply, BadRequest, ContextLength, Overloaded, RateLimited, Server, Timeout, Unsupported,
    };
    let busy = "The model is overloaded. Please try again later.";
    // What a proxy makes of a refusal behind it.
    let mut wrapped = row(502, "RESOURCE_EXHAUSTED", PLAN, RateLimited).delay("5s").hint(5.0);
    wrapped.body["error"]["code"] = 429.into();
    let mut bare = row(500, "RESOURCE_EXHAUSTED", PLAN, RateLimited);
    bare.body["error"].as_object_mut().unwrap().remove("code");
    let mut listed = row(
        400,
        INVALID,
        "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        ContextLength,
    )
    .tokens(9);
    listed.body = json!([listed.body]);
    vec![
        row(408, "", "", Timeout),
        row(413, "", "", ContextLength),
        row(499, "CANCELLED", "The operation was cancelled.", Server),
        row(500, "INTERNAL", "An internal error has occurred. Please retry.", Server),
        row(500, "INTERNAL", "no", Server).delay("3s").hint(3.0),
        row(501, "UNIMPLEMENTED", "Operation is not implemented", Unsupported),
        row(502, "", "", Server),
        row(503, "UNAVAILABLE", busy, Overloaded),
        row(503, "UNAVAILABLE", busy, Overloaded).header("retry-after", "30").hint(30.0),
        row(503, "UNAVAILABLE", "This model is currently experiencing high demand.", Overloaded),
        row(504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.", Timeout),
        row(405, "", "", BadRequest),
        row(304, "", "", BadReply).never_again(),
        wrapped,
        bare,
        listed,
    ]
}

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    let rows = [rows_400(), rows_access(), rows_429(), rows_server()].into_iter().flatten();
    for (n, row) in rows.enumerate() {
        let mut fake = Fake::new(row.status, row.body.to_string());
        for (name, value) in &row.headers {
            fake = fake.header(name, value);
        }
        let error = answer(fake).await.unwrap_err();
        let facts = error.facts();
        let context = format!("row {n}: {} {} → {error}", row.status, row.body);
        assert_eq!(error.kind(), row.kind, "{context}");
        assert_eq!(error.retry_after(), row.hint, "{context}");
        assert_eq!(facts.comeback, row.comeback, "{context}");
        assert_eq!(facts.scope, row.scope, "{context}");
        assert_eq!(facts.needed_tokens, row.tokens, "{context}");
        assert!(error.to_string().contains(row.says), "{context}");
        assert_eq!(error.status(), Some(row.status), "{context}");
        assert_eq!(error.request_id(), Some("req_1"), "{context}");
        assert_eq!((error.provider(), error.model()), (Some("gemini"), Some("gemini-x")), "{context}");
        assert!(facts.counted, "{context}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_too_long_only_without_images() {
    let image = ChatRequest::new([Message::user_parts([Part::image_base64("image/png", "AAAA")])]);
    let large = r#"{"error":{"code":400,"message":"Request payload size exceeds the limit: 20971520 bytes.","status":"INVALID_ARGUMENT"}}"#;
    for (status, body) in [(400, large), (413, "")] {
        let error = answer_to(Fake::new(status, body), &image).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_is_read_like_any_other() {
    for (error, kind) in [
        (r#"{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}"#, ErrorKind::Auth),
        (r#"{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}"#, ErrorKind::RateLimited),
        (r#"{"message":"m","status":"NOT_FOUND"}"#, ErrorKind::ModelNotFound),
        (r#"{"message":"m","status":"PERMISSION_DENIED"}"#, ErrorKind::Forbidden),
        (r#"{"message":"m"}"#, ErrorKind::Server),
        (r#""something broke""#, ErrorKind::Server),
        ("{}", ErrorKind::Server),
    ] {
        for body in [format!(r#"{{"error":{error}}}"#), format!(r#"[{{"error":{error}}}]"#)] {
            let failed = answer(Fake::new(200, body)).await.unwrap_err();
            assert_eq!((failed.kind(), failed.status()), (kind, Some(200)), "{error}");
        }
    }
    let healthy =
        r#"{"error":null,"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}]}"#;
    assert_eq!(answer(Fake::new(200, healthy)).await.unwrap().text, "hi");
}

#[tokio::test]
async fn odd_bodies_are_survived_under_every_status() {
    let deep = "[".repeat(300_000);
    let bodies: [&[u8]; 9] = [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        br#"{"error":[1]}"#,
        br#"{"error":{"message":7,"details":{"@type":1}}}"#,
        br#"{"error":{"details":[1,{"@type":"x.RetryInfo","retryDelay":7},{"@type":"x.QuotaFailure","violations":[[],{"quotaId":1}]}]}}"#,
        br#"{"error":{"details":[{"@type":"x.RetryInfo","retryDelay":"1e999s"}]}}"#,
        deep.as_bytes(),
    ];
    for status in (400..600).step_by(7) {
        for body in bodies {
            let error = answer(Fake::new(status, body)).await.unwrap_err();
            assert!(error.to_string().len() < 2000);
        }
    }
}
