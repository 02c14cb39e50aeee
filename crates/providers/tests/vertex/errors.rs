//! The rows of the table of errors that only Google's cloud has.

use backstop_core::{ErrorKind, Scope};
use backstop_providers::vertex::VertexConfig;
use serde_json::json;

use crate::cloud::{Cloud, chat, vertex};

#[tokio::test]
async fn every_row_of_the_table_becomes_its_error() {
    use ErrorKind::{Auth, ContextLength, Forbidden, ModelNotFound, Overloaded, Quota, RateLimited};
    for (status, word, reason, message, kind, scope, tokens) in [
        (
            401,
            "UNAUTHENTICATED",
            "ACCESS_TOKEN_EXPIRED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
            Auth,
            None,
            None,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "IAM_PERMISSION_DENIED",
            "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/x' (or it may not exist).",
            Forbidden,
            None,
            None,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "SERVICE_DISABLED",
            "Vertex AI API has not been used in project 1 before or it is disabled.",
            Forbidden,
            Some(Scope::Provider),
            None,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "",
            "Vertex AI API has not been used in project 1 before or it is disabled.",
            Forbidden,
            Some(Scope::Provider),
            None,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "BILLING_DISABLED",
            "This API method requires billing to be enabled.",
            Quota,
            None,
            None,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "",
            "This API method requires billing to be enabled. Please enable billing on project 1.",
            Quota,
            None,
            None,
        ),
        (
            404,
            "NOT_FOUND",
            "",
            "Publisher Model `projects/p/locations/l/publishers/google/models/gemini-x` was not found or your project does not have access to it.",
            ModelNotFound,
            None,
            None,
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "",
            "Unable to submit request because the input token count is 1200000 but model only supports up to 1048576.",
            ContextLength,
            None,
            Some(1_200_000),
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "",
            "Project is not allowed to use Publisher Model in this location.",
            Forbidden,
            None,
            None,
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "",
            "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429.",
            Overloaded,
            None,
            None,
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "",
            "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model with base model: gemini-x.",
            RateLimited,
            None,
            None,
        ),
        (
            429,
            "",
            "",
            "Unable to submit request because the service is temporarily out of capacity.",
            Overloaded,
            None,
            None,
        ),
        (503, "UNAVAILABLE", "", "The service is currently unavailable.", Overloaded, None, None),
        (
            504,
            "DEADLINE_EXCEEDED",
            "",
            "Deadline expired before operation could complete.",
            ErrorKind::Timeout,
            None,
            None,
        ),
        (500, "INTERNAL", "", "Internal error encountered.", ErrorKind::Server, None, None),
        (499, "CANCELLED", "", "The operation was cancelled.", ErrorKind::Server, None, None),
    ] {
        let details = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason }]);
        let error = json!({ "code": status, "message": message, "status": word, "details": details });
        let cloud = Cloud::says(status, &json!({ "error": error }).to_string());
        let error = chat(&vertex(VertexConfig::new("p").with_token("ya29.x"), &cloud)).await.unwrap_err();
        let facts = error.facts();
        assert_eq!((error.kind(), facts.scope, facts.needed_tokens), (kind, scope, tokens), "{message}");
        assert_eq!((error.retry_after(), error.status()), (None, Some(status)), "{message}");
        assert_eq!((error.provider(), cloud.count()), (Some("vertex"), 1));
    }
}
