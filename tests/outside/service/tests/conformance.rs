//! The conformance kit, asked of a provider that somebody else wrote.

use std::sync::Arc;

use backstop_core::{Env, ErrorKind, Provider, Secret, Settings};
use backstop_testkit::conformance;
use backstop_testkit::conformance::{HintForm, Place, Reply, Say, Subject};
use courier::Courier;
use serde_json::json;

struct Ours;

impl Subject for Ours {
    fn name(&self) -> &str {
        "courier"
    }

    fn provider(&self, place: &Place<'_>) -> Arc<dyn Provider> {
        let mut settings = Settings::new("courier", Env::empty());
        settings.base_url = Some(place.origin.to_owned());
        settings.api_key = place.key.map(Secret::new);
        Arc::new(Courier::new(settings).expect("settings that work"))
    }

    fn spell(&self, say: &Say) -> Option<Reply> {
        Some(match say {
            Say::Chat(said) => {
                let (heard, spoken) = said.usage;
                let cut = said.finish.name() == "length";
                Reply::json(200, json!({ "text": said.text, "heard": heard, "spoken": spoken, "cut": cut }))
            }
            Say::Error(kind) => refusal(*kind)?,
            Say::Limited(form @ (HintForm::Seconds(_) | HintForm::Float(_))) => {
                refusal(ErrorKind::RateLimited)?.hint(*form)
            }
            Say::ErrorInChat => Reply::json(200, json!({ "problem": "tired", "message": "Not now." })),
            _ => return None,
        })
    }

    fn excuse(&self, say: &Say) -> Option<&str> {
        match say {
            Say::Limited(_) => Some("the service says it in seconds alone"),
            Say::Filtered => Some("the service refuses, and withholds nothing of an answer"),
            _ => None,
        }
    }
}

fn refusal(kind: ErrorKind) -> Option<Reply> {
    let (status, problem) = match kind {
        ErrorKind::RateLimited => (429, "slowly"),
        ErrorKind::Quota => (429, "spent"),
        ErrorKind::Overloaded => (503, "busy"),
        ErrorKind::Server => (500, "broken"),
        ErrorKind::Auth => (401, "stranger"),
        ErrorKind::Forbidden => (403, "not-for-you"),
        ErrorKind::ModelNotFound => (404, "nobody-of-that-name"),
        ErrorKind::ContextLength => (400, "too-long"),
        ErrorKind::ContentFilter => (400, "improper"),
        ErrorKind::BadRequest => (400, "nonsense"),
        ErrorKind::Unsupported => (400, "unknown-wish"),
        _ => return None,
    };
    Some(Reply::json(status, json!({ "problem": problem, "message": "The courier regrets." })))
}

conformance!(the_provider_keeps_what_every_provider_keeps, Ours);
