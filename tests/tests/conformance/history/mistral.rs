//! What Mistral's API takes.

use serde_json::Value;

use super::chat_completions::{call, user};
use super::words::{Checked, Word, ensure, list, object, optional, text};

/// What the assistant may be made to say between results and the user, neither of whom may follow the other.
const BRIDGE: &str = "OK.";

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    let mut before = String::new();
    let messages = list(body, "messages")?;
    for (place, message) in messages.iter().enumerate() {
        let role = text(message, "role")?;
        match &*role {
            "system" => {
                ensure(matches!(&*before, "" | "system" | "user"), || format!("system after {before}"))?;
                object(message, &["role", "content"], &[])?;
                words.push(Word::System(text(message, "content")?));
            }
            "user" => {
                ensure(before != "tool", || "the user after results".to_owned())?;
                user(message, &mut words)?;
            }
            "assistant" => {
                ensure(!matches!(&*before, "" | "system"), || format!("the assistant after {before:?}"))?;
                object(message, &["role", "content"], &["tool_calls"])?;
                let calls = optional(message, "tool_calls")?;
                let said = content(&message["content"])?;
                ensure(!said.is_empty() || !calls.is_empty(), || format!("says nothing: {message}"))?;
                let next = messages.get(place + 1).map(|next| &next["role"]);
                let is_bridge = said == BRIDGE && before == "tool" && next.is_some_and(|role| role == "user");
                words.extend(Some(said).filter(|said| !said.is_empty() && !is_bridge).map(Word::Said));
                for call in calls {
                    words.push(self::call(call)?);
                }
            }
            "tool" => {
                object(message, &["role", "tool_call_id", "name", "content"], &[])?;
                words.push(Word::Result {
                    id: text(message, "tool_call_id")?,
                    text: text(message, "content")?,
                });
            }
            other => return Err(format!("nobody knows the role {other:?}")),
        }
        before = role;
    }
    ensure(matches!(&*before, "user" | "tool"), || format!("{before} has the last word"))?;
    for word in &words {
        if let Word::Call { id, .. } | Word::Result { id, .. } = word {
            let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            ensure(fits, || format!("no id of a call: {id:?}"))?;
        }
    }
    Ok(words)
}

/// The text of an answer, which may have signed thoughts in front.
fn content(content: &Value) -> Checked<String> {
    if let Some(text) = content.as_str() {
        return Ok(text.to_owned());
    }
    let mut said = String::new();
    for part in content.as_array().ok_or_else(|| format!("neither a text nor parts: {content}"))? {
        if part["type"] == "text" {
            object(part, &["type", "text"], &[])?;
            said.push_str(&text(part, "text")?);
            continue;
        }
        object(part, &["type", "thinking", "signature"], &[])?;
        ensure(said.is_empty(), || format!("a thought after what was thought about: {part}"))?;
        for thought in list(part, "thinking")? {
            object(thought, &["type", "text"], &[])?;
        }
    }
    Ok(said)
}
