//! What Google's generateContent takes, for a model that refuses calls which nobody signed.

use serde_json::Value;

use super::words::{Checked, Word, argument_object, ensure, is, list, object, text};

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    if let Some(system) = body.get("systemInstruction") {
        object(system, &["parts"], &[])?;
        for part in list(system, "parts")? {
            object(part, &["text"], &[])?;
            words.push(Word::System(text(part, "text")?));
        }
    }
    let contents = list(body, "contents")?;
    for (place, content) in contents.iter().enumerate() {
        object(content, &["role", "parts"], &[])?;
        let by_user = place % 2 == 0;
        is(content, "role", if by_user { "user" } else { "model" })?;
        let parts = list(content, "parts")?;
        ensure(!parts.is_empty(), || format!("says nothing: {content}"))?;
        let mut calls = 0;
        for part in parts {
            let word = self::part(part, by_user)?;
            if matches!(word, Word::Call { .. }) {
                calls += 1;
                // Of calls made at once, the first is signed for all.
                let signed = part.get("thoughtSignature").is_some_and(Value::is_string);
                ensure(signed || calls > 1, || format!("nobody signed {part}"))?;
            }
            words.push(word);
        }
        let answers = |next: &Value| named(next, "functionResponse");
        let (called, answered) = (named(content, "functionCall"), contents.get(place + 1).map(answers));
        let matched = called.is_empty() || answered.as_ref() == Some(&called);
        ensure(matched, || format!("the calls {called:?} are answered by {answered:?}"))?;
    }
    ensure(contents.len() % 2 == 1, || "the model has the last word".to_owned())?;
    Ok(words)
}

/// The names in all parts of this sort.
fn named(content: &Value, sort: &str) -> Vec<String> {
    let parts = content["parts"].as_array().into_iter().flatten();
    parts.filter_map(|part| part[sort]["name"].as_str().map(str::to_owned)).collect()
}

fn part(part: &Value, by_user: bool) -> Checked<Word> {
    let signature = ["thoughtSignature"];
    let may = if by_user { &[][..] } else { &signature[..] };
    let members = part.as_object().ok_or_else(|| format!("no object: {part}"))?;
    let sort = members.keys().find(|name| *name != "thoughtSignature").cloned().unwrap_or_default();
    let inner = &object(part, &[&sort], may)?[&sort];
    Ok(match (&*sort, by_user) {
        ("text", _) => {
            let said = text(part, "text")?;
            ensure(!said.is_empty(), || "a text in which there is nothing".to_owned())?;
            if by_user { Word::User(said) } else { Word::Said(said) }
        }
        ("inlineData", true) => {
            object(inner, &["mimeType", "data"], &[])?;
            is(inner, "mimeType", "image/png")?;
            Word::Image(text(inner, "data")?)
        }
        ("functionCall", false) => {
            object(inner, &["id", "name", "args"], &[])?;
            let arguments = argument_object(&inner["args"])?.clone();
            Word::Call { id: text(inner, "id")?, name: text(inner, "name")?, arguments }
        }
        ("functionResponse", true) => {
            object(inner, &["id", "name", "response"], &[])?;
            let response = &inner["response"];
            let sort = if response.get("error").is_some() { "error" } else { "result" };
            object(response, &[sort], &[])?;
            Word::Result { id: text(inner, "id")?, text: text(response, sort)? }
        }
        _ => return Err(format!("not for this role: {part}")),
    })
}
