//! What Ollama's own API takes.

use serde_json::Value;

use super::words::{Checked, Word, argument_object, ensure, list, object, optional, text};

pub(super) fn words(body: &Value) -> Checked<Vec<Word>> {
    let mut words = Vec::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for message in list(body, "messages")? {
        // Always a text, for whoever speaks.
        let said = text(message, "content")?;
        match text(message, "role")?.as_str() {
            "system" => {
                object(message, &["role", "content"], &[])?;
                words.push(Word::System(said));
            }
            "user" => {
                object(message, &["role", "content"], &["images"])?;
                words.push(Word::User(said));
                for image in optional(message, "images")? {
                    let data = image.as_str().filter(|data| !data.starts_with("data:"));
                    words.push(Word::Image(data.ok_or("an image is no base64 text")?.to_owned()));
                }
            }
            "assistant" => {
                object(message, &["role", "content"], &["tool_calls"])?;
                words.extend(Some(said).filter(|said| !said.is_empty()).map(Word::Said));
                for call in optional(message, "tool_calls")? {
                    let function = &object(call, &["id", "function"], &[])?["function"];
                    object(function, &["index", "name", "arguments"], &[])?;
                    let (id, name) = (text(call, "id")?, text(function, "name")?);
                    names.push((id.clone(), name.clone()));
                    let arguments = argument_object(&function["arguments"])?.clone();
                    words.push(Word::Call { id, name, arguments });
                }
            }
            "tool" => {
                object(message, &["role", "content", "tool_name", "tool_call_id"], &[])?;
                let (id, name) = (text(message, "tool_call_id")?, text(message, "tool_name")?);
                let named = names.contains(&(id.clone(), name));
                ensure(named, || format!("not the name of the tool that was called: {message}"))?;
                words.push(Word::Result { id, text: said });
            }
            other => return Err(format!("nobody knows the role {other:?}")),
        }
    }
    Ok(words)
}
