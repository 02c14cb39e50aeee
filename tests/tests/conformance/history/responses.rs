//! What OpenAI's Responses API takes.

use serde_json::Value;

use super::words::{Checked, Word, argument_text, ensure, list, object, png, text};

/// The longest id of a call.
const ID_MAX: usize = 64;

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    let items = list(body, "input")?;
    for (place, item) in items.iter().enumerate() {
        match item["type"].as_str() {
            Some("function_call") => {
                object(item, &["type", "call_id", "name", "arguments"], &[])?;
                let arguments = argument_text(item, "arguments")?;
                words.push(Word::Call { id: id(item)?, name: text(item, "name")?, arguments });
            }
            Some("function_call_output") => {
                object(item, &["type", "call_id", "output"], &[])?;
                words.push(Word::Result { id: id(item)?, text: text(item, "output")? });
            }
            Some("reasoning") => {
                // The service keeps nothing, so that it has to get back the thought itself.
                object(item, &["type", "summary", "encrypted_content"], &["id"])?;
                let next = items.get(place + 1).ok_or("a thought that nothing follows")?;
                let follows = next["type"] == "function_call" || next["role"] == "assistant";
                ensure(follows, || format!("a thought before {next}"))?;
            }
            None => said(item, &mut words)?,
            Some(other) => return Err(format!("nobody knows an item {other:?}")),
        }
    }
    Ok(words)
}

fn id(item: &Value) -> Checked<String> {
    let id = text(item, "call_id")?;
    ensure((1..=ID_MAX).contains(&id.len()), || format!("no id of a call: {id:?}"))?;
    Ok(id)
}

fn said(item: &Value, words: &mut Vec<Word>) -> Checked<()> {
    object(item, &["role", "content"], &[])?;
    let role = text(item, "role")?;
    let word = |text| match &*role {
        "system" => Ok(Word::System(text)),
        "user" => Ok(Word::User(text)),
        "assistant" => Ok(Word::Said(text)),
        other => Err(format!("nobody knows the role {other:?}")),
    };
    if item["content"].is_string() {
        words.push(word(text(item, "content")?)?);
        return Ok(());
    }
    ensure(role == "user", || format!("only the user speaks in parts: {item}"))?;
    for part in list(item, "content")? {
        words.push(match text(part, "type")?.as_str() {
            "input_text" => {
                object(part, &["type", "text"], &[])?;
                Word::User(text(part, "text")?)
            }
            "input_image" => {
                object(part, &["type", "image_url"], &["detail"])?;
                Word::Image(png(&text(part, "image_url")?)?)
            }
            other => return Err(format!("nobody knows a part {other:?}")),
        });
    }
    Ok(())
}
