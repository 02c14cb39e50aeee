//! From a conversation to the tokens the model was trained on.

use backstop_core::Error;
use backstop_core::chat::{ChatRequest, Message, Part};

use super::model::Model;
use super::tokens::Mark;
use crate::in_process::too_long;

/// A conversation: each message behind the mark of who speaks, and at the end that of the model.
pub(super) fn of_chat(model: &Model, request: &ChatRequest) -> Result<Vec<u32>, Error> {
    let mut tokens = Vec::new();
    for message in &request.messages {
        let mark = match message {
            Message::System { .. } => Mark::System,
            // The model knows no tools; what they returned is something it is told.
            Message::User { .. } | Message::Tool(_) => Mark::User,
            Message::Assistant(_) => Mark::Assistant,
            _ => {
                return Err(Error::unsupported(
                    "the request holds a kind of message that this model does not know",
                ));
            }
        };
        tokens.push(model.mark(mark));
        for text in texts(message)? {
            add(model, text, &mut tokens)?;
        }
        if mark == Mark::Assistant {
            tokens.push(model.mark(Mark::End));
        }
    }
    tokens.push(model.mark(Mark::Assistant));
    Ok(tokens)
}

/// A text to go on with.
pub(super) fn of_text(model: &Model, text: &str) -> Result<Vec<u32>, Error> {
    let mut tokens = Vec::new();
    add(model, text, &mut tokens)?;
    Ok(tokens)
}

fn texts(message: &Message) -> Result<Vec<&str>, Error> {
    match message {
        Message::System { text, .. } => Ok(vec![text]),
        Message::User { parts, .. } => parts.iter().map(text).collect(),
        Message::Assistant(message) => Ok(vec![&message.text]),
        Message::Tool(result) => Ok(vec![&result.text]),
        _ => Ok(Vec::new()),
    }
}

fn text(part: &Part) -> Result<&str, Error> {
    match part {
        Part::Text { text, .. } => Ok(text),
        _ => Err(Error::unsupported("the model reads text only")),
    }
}

/// Adds a text, unless it cannot fit: then no work is put into it.
fn add(model: &Model, text: &str, to: &mut Vec<u32>) -> Result<(), Error> {
    let fewest = to.len() + text.len().div_ceil(model.tokens.longest().max(1));
    if fewest >= model.window() {
        return Err(too_long(fewest, model.window()));
    }
    model.tokens.add(text, to);
    Ok(())
}
