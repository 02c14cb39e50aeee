//! The content of a message: a text, or parts of which some are texts.

use std::fmt;

use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// What a message, or a piece of one, says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ReplyContent {
    pub(super) text: String,
    pub(super) thought: String,
    pub(super) refusal: String,
    /// What is none of these, by its name.
    pub(super) other: Vec<String>,
}

impl<'de> Deserialize<'de> for ReplyContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = ReplyContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of parts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ReplyContent, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<ReplyContent, E> {
        Ok(ReplyContent { text, ..ReplyContent::default() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<ReplyContent, A::Error> {
        let mut content = ReplyContent::default();
        while let Some(part) = parts.next_element::<Value>()? {
            content.add(&part);
        }
        Ok(content)
    }
}

impl ReplyContent {
    fn add(&mut self, part: &Value) {
        let sort = part.get("type").and_then(Value::as_str).unwrap_or("text");
        match sort {
            "text" | "output_text" => said(part, "text", &mut self.text),
            "refusal" => said(part, "refusal", &mut self.refusal),
            "thinking" | "reasoning" | "summary_text" | "reasoning_text" => {
                for name in ["thinking", "reasoning", "text", "summary"] {
                    said(part, name, &mut self.thought);
                }
            }
            other => self.other.push(other.to_owned()),
        }
    }
}

/// Adds what a member says: a text, or the texts of a list.
fn said(part: &Value, name: &str, told: &mut String) {
    match part.get(name) {
        Some(Value::String(text)) => told.push_str(text),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).for_each(|text| told.push_str(text));
        }
        _ => {}
    }
}

/// The thoughts in `reasoning_details`, where they stand nowhere else.
pub(super) fn of_details(details: &RawValue) -> Option<String> {
    let details: Vec<Value> = serde_json::from_str(details.get()).ok()?;
    let mut thought = String::new();
    for detail in &details {
        said(detail, "text", &mut thought);
        said(detail, "summary", &mut thought);
    }
    Some(thought).filter(|thought| !thought.is_empty())
}

/// Something that was made and is no text. Servers that fill in every member fill this in with nothing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Audio<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The names of what a message holds that is neither text nor a call.
pub(super) fn held(
    audio: Option<Audio<'_>>,
    images: Option<Vec<IgnoredAny>>,
) -> impl Iterator<Item = &'static str> {
    let is_there = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get() != EMPTY_TEXT);
    let audio = audio.filter(|audio| is_there(audio.id) || is_there(audio.data)).map(|_| "audio");
    let images = images.filter(|images| !images.is_empty()).map(|_| "image");
    audio.into_iter().chain(images)
}

const EMPTY_TEXT: &str = "\"\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_read_whether_it_is_a_text_or_has_parts() {
        for (json, text, thought, refusal, other) in [
            (r#""hi""#, "hi", "", "", &[][..]),
            ("[]", "", "", "", &[]),
            (
                r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"},{"text":"b"}]"#,
                "ab",
                "hm",
                "",
                &[],
            ),
            (
                r#"[{"type":"reasoning","summary":[{"type":"summary_text","text":"so"}]},{"type":"text","text":null}]"#,
                "",
                "so",
                "",
                &[],
            ),
            (
                r#"[{"type":"refusal","refusal":"No."},{"type":"image_url","image_url":{}},7]"#,
                "",
                "",
                "No.",
                &["image_url"],
            ),
        ] {
            let other = other.iter().map(|name: &&str| (*name).to_owned()).collect();
            let expected =
                ReplyContent { text: text.into(), thought: thought.into(), refusal: refusal.into(), other };
            assert_eq!(serde_json::from_str::<ReplyContent>(json).unwrap(), expected, "{json}");
        }
        assert!(serde_json::from_str::<ReplyContent>(r#"{"text":"hi"}"#).is_err());
    }

    #[test]
    fn members_that_are_filled_in_with_nothing_hold_nothing() {
        let names = |audio, images: &str| {
            let audio = serde_json::from_str(audio).unwrap();
            held(audio, serde_json::from_str(images).unwrap()).collect::<Vec<_>>()
        };
        assert!(names(r#"{"id":"","data":"","transcript":"","expires_at":0}"#, "[]").is_empty());
        assert!(names("null", "null").is_empty());
        assert_eq!(names(r#"{"id":"audio_1"}"#, r#"[{"type":"image_url"}]"#), ["audio", "image"]);
    }
}
