//! What Bedrock's Converse takes, for a model of Anthropic's.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bedrock::SIGNATURE;

use super::words::{Checked, Word, argument_object, ensure, is, list, object, optional, text};

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let may = ["system", "inferenceConfig", "toolConfig", "outputConfig", "additionalModelRequestFields"];
    object(body, &["messages"], &may)?;
    let mut words = Vec::new();
    for block in optional(body, "system")? {
        words.push(Word::System(said(block)?));
    }
    let mut ids = BTreeSet::new();
    let mut open: BTreeSet<String> = BTreeSet::new();
    let messages = list(body, "messages")?;
    for (place, message) in messages.iter().enumerate() {
        object(message, &["role", "content"], &[])?;
        let by_user = place % 2 == 0;
        is(message, "role", if by_user { "user" } else { "assistant" })?;
        let blocks = list(message, "content")?;
        ensure(!blocks.is_empty(), || format!("says nothing: {message}"))?;
        let mut spoken = false;
        for block in blocks {
            let Some(word) = self::block(block, by_user)? else {
                ensure(!spoken, || format!("a thought after what was thought about: {block}"))?;
                continue;
            };
            let is_result = matches!(word, Word::Result { .. });
            ensure(!(is_result && spoken), || format!("a result after other words: {block}"))?;
            spoken |= !is_result;
            match &word {
                Word::Call { id, .. } => {
                    ensure(ids.insert(id.clone()), || format!("two calls have the id {id:?}"))?;
                    open.insert(id.clone());
                }
                Word::Result { id, .. } => {
                    ensure(open.remove(id), || format!("the turn before has no call of the id {id:?}"))?;
                }
                _ => {}
            }
            words.push(word);
        }
        ensure(!by_user || open.is_empty(), || format!("without a result in the next turn: {open:?}"))?;
    }
    ensure(messages.len() % 2 == 1, || "the model has the last word".to_owned())?;
    let names = tools(body)?;
    let uses_tools = words.iter().any(|word| matches!(word, Word::Call { .. } | Word::Result { .. }));
    ensure(!uses_tools || !names.is_empty(), || "tools were called, and there are none".to_owned())?;
    Ok(words)
}

/// A block that can be nothing but a text.
fn said(block: &Value) -> Checked<String> {
    object(block, &["text"], &[])?;
    let said = text(block, "text")?;
    ensure(!said.trim().is_empty(), || "a text in which there is nothing".to_owned())?;
    Ok(said)
}

fn block(block: &Value, by_user: bool) -> Checked<Option<Word>> {
    let sort = block.as_object().and_then(|members| members.keys().next()).cloned().unwrap_or_default();
    let inner = &object(block, &[&sort], &[])?[&sort];
    Ok(Some(match (&*sort, by_user) {
        ("text", true) => Word::User(said(block)?),
        ("text", false) => Word::Said(said(block)?),
        ("image", true) => {
            object(inner, &["format", "source"], &[])?;
            is(inner, "format", "png")?;
            object(&inner["source"], &["bytes"], &[])?;
            Word::Image(text(&inner["source"], "bytes")?)
        }
        ("toolUse", false) => {
            object(inner, &["toolUseId", "name", "input"], &[])?;
            let arguments = argument_object(&inner["input"])?.clone();
            Word::Call { id: plain(inner, "toolUseId")?, name: plain(inner, "name")?, arguments }
        }
        ("toolResult", true) => {
            object(inner, &["toolUseId", "content"], &["status"])?;
            let status = inner.get("status").is_none_or(|status| status == "success" || status == "error");
            ensure(status, || format!("nobody knows this status: {inner}"))?;
            let told = list(inner, "content")?.iter().map(said).collect::<Checked<String>>()?;
            ensure(!told.is_empty(), || format!("a result that tells nothing: {inner}"))?;
            Word::Result { id: plain(inner, "toolUseId")?, text: told }
        }
        ("reasoningContent", false) => {
            let thought = &object(inner, &["reasoningText"], &[])?["reasoningText"];
            object(thought, &["text", "signature"], &[])?;
            text(thought, "text")?;
            is(thought, "signature", SIGNATURE)?;
            return Ok(None);
        }
        _ => return Err(format!("not for this role: {block}")),
    }))
}

/// The names of the tools there are.
fn tools(body: &Value) -> Checked<Vec<String>> {
    let Some(config) = body.get("toolConfig") else { return Ok(Vec::new()) };
    object(config, &["tools"], &["toolChoice"])?;
    let name = |tool: &Value| {
        let spec = &object(tool, &["toolSpec"], &[])?["toolSpec"];
        object(spec, &["name", "inputSchema"], &["description", "strict"])?;
        let schema = &object(&spec["inputSchema"], &["json"], &[])?["json"];
        is(schema, "type", "object")?;
        plain(spec, "name")
    };
    list(config, "tools")?.iter().map(name).collect()
}

/// An id of a call, or the name of a tool.
fn plain(value: &Value, name: &str) -> Checked<String> {
    let id = text(value, name)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    ensure((1..=64).contains(&id.len()) && id.chars().all(is_plain), || format!("no {name}: {id:?}"))?;
    Ok(id)
}
