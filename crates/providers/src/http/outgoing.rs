//! What requests have in common, whatever the wire.

use std::fmt;

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{Ask, Error, ErrorKind};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The bytes of a body, with the fields that the target adds or replaces.
///
/// Fields in `decided` would make the answer unreadable, so a target may not set them. A table in `merged` adds to the
/// one of its name instead of replacing it.
pub(crate) fn json_body(
    ask: Ask<'_>,
    body: &impl Serialize,
    decided: &[&str],
    merged: &[&str],
) -> Result<Vec<u8>, Error> {
    let cannot =
        |cause: serde_json::Error| Error::new(ErrorKind::Usage, "the request is no JSON").with_source(cause);
    let Some(extra) = ask.extra_body() else {
        return serde_json::to_vec(body).map_err(cannot);
    };
    if let Some(field) = decided.iter().find(|field| extra.contains_key(**field)) {
        let message = format!("extra_body holds `{field}`, which is for the library to decide");
        return Err(Error::new(ErrorKind::Config, message));
    }
    if let Some(form) = asks_for_more_than_text(extra) {
        let message =
            format!("extra_body asks for answers of the form {form:?}, which this library cannot pass on");
        return Err(Error::unsupported(message));
    }
    let mut body = serde_json::to_value(body).map_err(cannot)?;
    if let Value::Object(fields) = &mut body {
        for (name, value) in extra {
            match (fields.get_mut(name), value) {
                (Some(Value::Object(have)), Value::Object(more)) if merged.contains(&&**name) => {
                    have.extend(more.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                _ => drop(fields.insert(name.clone(), value.clone())),
            }
        }
    }
    serde_json::to_vec(&body).map_err(cannot)
}

/// Where the wires say in which forms an answer may come.
const FORMS: [&[&str]; 3] = [
    &["modalities"],
    &["generationConfig", "responseModalities"],
    &["generation_config", "response_modalities"],
];

/// The first form of answers these fields ask for that is no text. It would be paid for and lost.
fn asks_for_more_than_text(extra: &Map<String, Value>) -> Option<&str> {
    let stated = |path: &&[&str]| {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(extra.get(*first)?, |value, name| value.get(name))?.as_array()
    };
    let mut forms = FORMS.iter().filter_map(stated).flatten().filter_map(Value::as_str);
    forms.find(|form| !form.eq_ignore_ascii_case("text"))
}

/// JSON has no word for what is no number; it would become `null`, which is the default.
pub(crate) fn finite(name: &str, value: Option<f64>) -> Result<Option<f64>, Error> {
    match value {
        Some(value) if !value.is_finite() => Err(Error::unsupported(format!("{name} is no number: {value}"))),
        value => Ok(value),
    }
}

/// Core may learn of more than a wire has.
pub(crate) fn unknown(what: &str) -> Error {
    Error::unsupported(format!("the request holds a kind of {what} that this provider does not know"))
}

/// Whether there is nothing but text in the request.
pub(crate) fn is_text_only(request: &ChatRequest) -> bool {
    request.messages.iter().all(|message| match message {
        Message::User { parts, .. } => parts.iter().all(|part| matches!(part, Part::Text { .. })),
        _ => true,
    })
}

/// A URL, or the image itself as a `data:` URL, written without a copy in between.
#[derive(Debug)]
pub(crate) enum Link<'a> {
    Url(&'a str),
    Data { media_type: &'a str, base64: &'a str },
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::Data { media_type, base64 } => write!(f, "data:{media_type};base64,{base64}"),
        }
    }
}

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use backstop_core::Overrides;
    use serde_json::json;

    use super::*;

    fn sent(body: &Value, extra: Value) -> Result<Value, Error> {
        let mut overrides = Overrides::default();
        overrides.extra_body = extra.as_object().unwrap().clone();
        let ask = Ask::new("m").with_overrides(&overrides);
        json_body(ask, body, &["stream"], &["options"]).map(|bytes| serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn what_a_target_adds_replaces_and_only_named_tables_are_filled_up() {
        let body = json!({ "a": 1, "options": { "x": 1, "y": 2 }, "other": { "x": 1 } });
        for (extra, expected) in [
            (json!({}), body.clone()),
            (
                json!({ "a": 2, "b": 3 }),
                json!({ "a": 2, "b": 3, "options": { "x": 1, "y": 2 }, "other": { "x": 1 } }),
            ),
            (
                json!({ "options": { "y": 3, "z": 4 }, "other": { "z": 4 } }),
                json!({ "a": 1, "options": { "x": 1, "y": 3, "z": 4 }, "other": { "z": 4 } }),
            ),
            (json!({ "options": null }), json!({ "a": 1, "options": null, "other": { "x": 1 } })),
        ] {
            assert_eq!(sent(&body, extra).unwrap(), expected);
        }
        let error = sent(&body, json!({ "stream": true })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("`stream`"), "{error}");
    }

    #[test]
    fn answers_that_are_no_text_are_not_asked_for() {
        let body = json!({ "a": 1 });
        for extra in [
            json!({ "modalities": ["text", "audio"], "audio": { "voice": "a" } }),
            json!({ "modalities": ["image"] }),
            json!({ "generationConfig": { "responseModalities": ["TEXT", "IMAGE"] } }),
        ] {
            let error = sent(&body, extra).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
        for extra in [
            json!({ "modalities": ["text"] }),
            json!({ "modalities": "audio" }),
            json!({ "generationConfig": { "responseModalities": ["TEXT"] } }),
        ] {
            assert!(sent(&body, extra).is_ok());
        }
    }
}
