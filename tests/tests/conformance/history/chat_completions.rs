//! What a server of chat completions takes.

use serde_json::Value;

use super::words::{Checked, Word, argument_text, ensure, is, list, object, optional, png, text};

/// The longest id of a call that every server of this wire takes.
const ID_MAX: usize = 40;

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    for message in list(body, "messages")? {
        match text(message, "role")?.as_str() {
            "system" => {
                object(message, &["role", "content"], &[])?;
                words.push(Word::System(text(message, "content")?));
            }
            "user" => user(message, &mut words)?,
            "assistant" => {
                let said = object(message, &["role"], &["content", "tool_calls"])?;
                let calls = optional(message, "tool_calls")?;
                ensure(said.contains_key("content") || !calls.is_empty(), || {
                    format!("says nothing: {message}")
                })?;
                if said.contains_key("content") {
                    words.push(Word::Said(text(message, "content")?));
                }
                for call in calls {
                    let id = text(call, "id")?;
                    let plain = id.len() <= ID_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
                    ensure(plain, || format!("no id of a call: {id:?}"))?;
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

/// What the user says, as a text or in parts. Mistral and Cohere write it alike.
pub(super) fn user(message: &Value, words: &mut Vec<Word>) -> Checked<()> {
    object(message, &["role", "content"], &[])?;
    if message["content"].is_string() {
        words.push(Word::User(text(message, "content")?));
        return Ok(());
    }
    for part in list(message, "content")? {
        if part["type"] == "text" {
            object(part, &["type", "text"], &[])?;
            words.push(Word::User(text(part, "text")?));
            continue;
        }
        object(part, &["type", "image_url"], &[])?;
        is(part, "type", "image_url")?;
        // Mistral leaves the object around the URL out.
        let url = match &part["image_url"] {
            Value::String(url) => url.clone(),
            image => object(image, &["url"], &[]).and_then(|_| text(image, "url"))?,
        };
        words.push(Word::Image(png(&url)?));
    }
    Ok(())
}

/// A call, as all wires that are like this one write it.
pub(super) fn call(call: &Value) -> Checked<Word> {
    object(call, &["id", "type", "function"], &[])?;
    is(call, "type", "function")?;
    let id = text(call, "id")?;
    ensure(!id.is_empty(), || format!("a call without an id: {call}"))?;
    let function = &call["function"];
    object(function, &["name", "arguments"], &[])?;
    Ok(Word::Call { id, name: text(function, "name")?, arguments: argument_text(function, "arguments")? })
}
