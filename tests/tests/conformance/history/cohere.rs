//! What the second version of Cohere's API takes.

use serde_json::Value;

use super::chat_completions::{call, user};
use super::words::{Checked, Word, ensure, list, object, optional, text};

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    for (place, message) in list(body, "messages")?.iter().enumerate() {
        match text(message, "role")?.as_str() {
            "system" => {
                ensure(place == 0, || "a system message that is not in front".to_owned())?;
                object(message, &["role", "content"], &[])?;
                words.push(Word::System(text(message, "content")?));
            }
            "user" => user(message, &mut words)?,
            "assistant" => {
                let calls = optional(message, "tool_calls")?;
                // Beside calls there is no text but a plan.
                let said = if calls.is_empty() { "content" } else { "tool_plan" };
                let members = object(message, &["role"], &[said, "tool_calls"])?;
                ensure(members.len() > 1, || format!("says nothing: {message}"))?;
                if members.contains_key(said) {
                    words.push(Word::Said(text(message, said)?));
                }
                for call in calls {
                    words.push(self::call(call)?);
                }
            }
            "tool" => {
                object(message, &["role", "tool_call_id", "content"], &[])?;
                words.push(Word::Result {
                    id: text(message, "tool_call_id")?,
                    text: text(message, "content")?,
                });
            }
            other => return Err(format!("nobody knows the role {other:?}")),
        }
    }
    Ok(words)
}
