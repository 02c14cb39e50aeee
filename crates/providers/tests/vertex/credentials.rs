//! How a token is asked for, and what becomes of a call that gets none.

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, ErrorKind, Overrides, Provider};
use backstop_providers::http::{Fault, TransportError};
use backstop_providers::vertex::VertexConfig;
use serde_json::json;

use crate::cloud::{Cloud, File, MODEL, Says, TOKEN, chat, env, of_user, vertex};

fn refusal(status: u16, body: &str) -> Says {
    Ok((status, body.to_owned()))
}

#[tokio::test]
async fn a_users_refresh_token_is_exchanged_once_and_the_token_kept() {
    let cloud = Cloud::healthy();
    let vertex = of_user(&cloud);
    for _ in 0..3 {
        chat(&vertex).await.unwrap();
    }
    assert_eq!(
        cloud.token_requests(),
        ["POST https://oauth2.googleapis.com/token application/x-www-form-urlencoded - \
          grant_type=refresh_token&client_id=id.apps&client_secret=s3cret%2F%2B&refresh_token=1%2F%2Frefresh%3D"]
    );
    assert_eq!(cloud.headers("authorization"), ["Bearer ya29.token-1"; 3]);
    assert_eq!(cloud.headers("x-goog-user-project"), ["billed"; 3]);
}

#[tokio::test]
async fn the_machine_is_asked_by_its_own_rules() {
    let cloud = Cloud::healthy();
    for (vars, host) in
        [(&[][..], "metadata.google.internal"), (&[("GCE_METADATA_HOST", "127.0.0.1:9")], "127.0.0.1:9")]
    {
        let mut settings = backstop_core::Settings::new("vertex", env(vars));
        settings.options = json!({ "project": "p", "credentials": "metadata" }).as_object().unwrap().clone();
        chat(&vertex(VertexConfig::from_settings(settings).unwrap(), &cloud)).await.unwrap();
        assert_eq!(
            cloud.token_requests().pop().unwrap(),
            format!("GET http://{host}/computeMetadata/v1/instance/service-accounts/default/token - Google ")
        );
    }
}

#[tokio::test]
async fn without_a_token_no_model_is_asked() {
    let broken = |fault| Err(TransportError::new(fault));
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000));
    for (says, kind, words) in [
        (
            refusal(
                400,
                r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
            ),
            ErrorKind::Auth,
            "no token: oauth2.googleapis.com refused with the status 400: invalid_grant: Token has been expired",
        ),
        (refusal(401, r#"{"error":"invalid_client"}"#), ErrorKind::Auth, "invalid_client"),
        (refusal(403, "<html>"), ErrorKind::Auth, "status 403"),
        (refusal(302, ""), ErrorKind::Auth, "status 302"),
        (refusal(200, "{}"), ErrorKind::Auth, "status 200"),
        (refusal(200, r#"{"access_token":""}"#), ErrorKind::Auth, "status 200"),
        (refusal(200, r#"{"id_token":"x"}"#), ErrorKind::Auth, "status 200"),
        (refusal(200, r#"{"access_token":"a b","expires_in":9}"#), ErrorKind::Auth, "holds a space"),
        (refusal(200, &long), ErrorKind::Connect, "no end"),
        (refusal(429, ""), ErrorKind::Connect, "status 429"),
        (refusal(500, ""), ErrorKind::Connect, "status 500"),
        (refusal(503, ""), ErrorKind::Connect, "status 503"),
        (broken(Fault::Refused), ErrorKind::Connect, "connection refused"),
        (broken(Fault::Dns), ErrorKind::Connect, "name was not found"),
        (broken(Fault::Reset), ErrorKind::Connect, "reset"),
        (broken(Fault::TimedOut), ErrorKind::Connect, "no response in time"),
    ] {
        let cloud = Cloud::new([says]);
        let error = chat(&of_user(&cloud)).await.unwrap_err();
        assert_eq!((error.kind(), cloud.count()), (kind, 0), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!((error.provider(), error.model()), (Some("vertex"), Some(MODEL)));
        assert_eq!(cloud.token_requests().len(), 1, "asked once in a call");
    }
}

#[tokio::test]
async fn a_door_that_echoes_secrets_does_not_bring_them_into_an_error() {
    let echo = r#"{"error":"got s3cret/+","error_description":"and 1//refresh= and eyJhbGciOiJSUzI1NiJ9.x"}"#;
    let cloud = Cloud::new([refusal(400, echo)]);
    let error = chat(&of_user(&cloud)).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    for secret in ["s3cret", "refresh=", "eyJhb"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_model_that_echoes_the_token_does_not_bring_it_into_an_error() {
    let token = r#"{"access_token":"Zq7-unusual.token","expires_in":3599}"#;
    for status in [200, 400, 401, 403, 429, 500] {
        let cloud = Cloud::new([refusal(200, token)]);
        cloud.say(status, r#"{"error":{"message":"got Zq7-unusual.token","status":"Zq7-unusual.token"}}"#);
        let error = chat(&of_user(&cloud)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("unusual"), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_the_call_not_repeated() {
    let second = TOKEN.replace("token-1", "token-2");
    let cloud = Cloud::new([refusal(200, TOKEN), refusal(200, &second)]);
    let vertex = of_user(&cloud);
    cloud.say(401, r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#);
    assert_eq!(chat(&vertex).await.unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!((cloud.count(), cloud.token_requests().len()), (1, 1), "one request each");
    cloud.say(200, crate::cloud::ANSWER);
    chat(&vertex).await.unwrap();
    assert_eq!(cloud.headers("authorization"), ["Bearer ya29.token-1", "Bearer ya29.token-2"]);
    // Other refusals are not the token's fault.
    cloud.say(403, "");
    chat(&vertex).await.unwrap_err();
    chat(&vertex).await.unwrap_err();
    assert_eq!(cloud.token_requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_was_good_before_and_is_refused_is_worth_another_try() {
    let second = TOKEN.replace("token-1", "token-2");
    let cloud = Cloud::new([refusal(200, TOKEN), refusal(200, &second)]);
    let vertex = of_user(&cloud);
    chat(&vertex).await.unwrap();
    // The machine slept, and did not see it end.
    cloud.say(401, r#"{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}"#);
    let error = chat(&vertex).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Server, Some(401)));
    assert!(
        error.kind().reaction().comeback && error.message().contains("invalid authentication"),
        "{error}"
    );
    // A new one that is refused, too, is nothing that passes.
    assert_eq!(chat(&vertex).await.unwrap_err().kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn a_lifetime_may_be_written_as_a_text() {
    let token = TOKEN.replace("3599", "\"3599\"");
    assert_ne!(token, TOKEN);
    let cloud = Cloud::new([refusal(200, &token)]);
    let vertex = of_user(&cloud);
    chat(&vertex).await.unwrap();
    chat(&vertex).await.unwrap();
    assert_eq!(cloud.token_requests().len(), 1, "it is kept");
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_asks_for_no_token() {
    let cloud = Cloud::healthy();
    let vertex = of_user(&cloud);
    let request = ChatRequest::user("x").with_temperature(f64::NAN);
    assert_eq!(vertex.chat(Ask::new(MODEL), &request).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(vertex.chat(Ask::new(".."), &"x".into()).await.unwrap_err().kind(), ErrorKind::ModelNotFound);
    assert!(cloud.token_requests().is_empty());
}

#[tokio::test]
async fn a_target_with_its_own_authorization_needs_no_token() {
    let cloud = Cloud::healthy();
    let vertex = of_user(&cloud);
    let mut overrides = Overrides::default();
    overrides.headers.push(("Authorization".to_owned(), "Bearer own-token".to_owned()));
    let ask = Ask::new(MODEL).with_overrides(&overrides);
    vertex.chat(ask, &"x".into()).await.unwrap();
    assert_eq!(
        (cloud.headers("authorization"), cloud.token_requests().len()),
        (vec!["Bearer own-token".to_owned()], 0)
    );
}

#[tokio::test]
async fn a_file_may_say_where_tokens_are_given_out() {
    let file = File::new(
        r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":"https://sts.example/x/token"}"#,
    );
    let cloud = Cloud::healthy();
    chat(&vertex(VertexConfig::new("p").with_credentials(&file.0), &cloud)).await.unwrap();
    assert!(
        cloud.token_requests()[0].starts_with("POST https://sts.example/x/token "),
        "{:?}",
        cloud.token_requests()
    );
    assert_eq!(cloud.headers("x-goog-user-project"), ["-"]);
}
