//! What Anthropic's Messages API takes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::words::{Checked, Word, argument_object, ensure, is, list, object, text};

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    if body.get("system").is_some() {
        words.push(Word::System(text(body, "system")?));
    }
    let mut ids = BTreeSet::new();
    let messages = list(body, "messages")?;
    for (place, message) in messages.iter().enumerate() {
        object(message, &["role", "content"], &[])?;
        let by_user = place % 2 == 0;
        is(message, "role", if by_user { "user" } else { "assistant" })?;
        let blocks = list(message, "content")?;
        ensure(!blocks.is_empty(), || format!("says nothing: {message}"))?;
        let mut spoken = false;
        for block in blocks {
            let sort = text(block, "type")?;
            let of_user = matches!(&*sort, "tool_result" | "image");
            ensure(sort == "text" || of_user == by_user, || format!("not for this role: {block}"))?;
            if let Some(word) = self::block(&sort, block, by_user)? {
                let is_result = matches!(word, Word::Result { .. });
                ensure(!(is_result && spoken), || format!("a result after other words: {block}"))?;
                spoken |= !is_result;
                if let Word::Call { id, .. } = &word {
                    ensure(ids.insert(id.clone()), || format!("two calls have the id {id:?}"))?;
                }
                words.push(word);
            } else {
                ensure(!spoken, || format!("a thought after what was thought about: {block}"))?;
            }
        }
    }
    ensure(messages.len() % 2 == 1, || "the model has the last word".to_owned())?;
    Ok(words)
}

fn block(sort: &str, block: &Value, by_user: bool) -> Checked<Option<Word>> {
    Ok(Some(match sort {
        "text" => {
            object(block, &["type", "text"], &[])?;
            let said = text(block, "text")?;
            ensure(!said.trim().is_empty(), || "a text in which there is nothing".to_owned())?;
            if by_user { Word::User(said) } else { Word::Said(said) }
        }
        "image" => {
            let source = &object(block, &["type", "source"], &[])?["source"];
            object(source, &["type", "media_type", "data"], &[])?;
            is(source, "type", "base64")?;
            is(source, "media_type", "image/png")?;
            Word::Image(text(source, "data")?)
        }
        "tool_use" => {
            object(block, &["type", "id", "name", "input"], &[])?;
            let arguments = argument_object(&block["input"])?.clone();
            Word::Call { id: id(block, "id")?, name: text(block, "name")?, arguments }
        }
        "tool_result" => {
            object(block, &["type", "tool_use_id", "content"], &["is_error"])?;
            Word::Result { id: id(block, "tool_use_id")?, text: text(block, "content")? }
        }
        "thinking" => {
            object(block, &["type", "thinking", "signature"], &[])?;
            ensure(text(block, "signature")?.len() > 4, || format!("nobody signed {block}"))?;
            return Ok(None);
        }
        other => return Err(format!("nobody knows a block {other:?}")),
    }))
}

fn id(block: &Value, name: &str) -> Checked<String> {
    let id = text(block, name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    ensure(!id.is_empty() && id.chars().all(plain), || format!("no id of a call: {id:?}"))?;
    Ok(id)
}
