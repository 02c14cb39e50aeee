//! From a conversation to a prompt, by the template in the file.

use backstop_core::chat::{ChatRequest, Message, Part};
use backstop_core::{Error, ErrorKind};
use minijinja::context;
use serde::Serialize;

use super::sandbox;
use super::tokens::Tokens;

/// Stand for a text while the template is rendered, so that it cannot be taken for what the template writes.
const OPEN: char = '\u{f8f0}';
const CLOSE: char = '\u{f8f1}';

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: String,
}

/// The tokens of a conversation, which may be as long as the window.
pub(super) fn prompt(
    source: &str,
    tokens: &Tokens,
    request: &ChatRequest,
    window: usize,
) -> Result<Vec<u32>, Error> {
    let turns = turns(request)?;
    // Templates may trim a text, and leave out no other part of it.
    tokens.can_fit(turns.iter().map(|turn| turn.content.trim().len()).sum(), window)?;
    // Templates may look at the texts, and trim them; they get to see them unless one would forge a mark.
    let forged = |turn: &Turn| tokens.has_mark(&turn.content) || turn.content.contains([OPEN, CLOSE]);
    let hidden = turns.iter().any(forged);
    let shown: Vec<Turn> = (0..)
        .zip(&turns)
        .map(|(index, turn): (u32, _)| Turn {
            role: turn.role,
            content: if hidden { format!("{OPEN}{index}{CLOSE}") } else { turn.content.clone() },
        })
        .collect();
    let text = render(source, tokens, &shown)?;
    let mut prompt = tokens.begin();
    let broken =
        |damaged: crate::in_process::Damaged| Error::new(ErrorKind::NotConfigured, damaged.to_string());
    if !hidden {
        tokens.add(&text, true, &mut prompt).map_err(broken)?;
        return Ok(prompt);
    }
    for (number, part) in text.split(OPEN).enumerate() {
        let (index, rest) = part.split_once(CLOSE).filter(|_| number > 0).unwrap_or(("", part));
        if let Some(turn) = index.parse().ok().and_then(|index: usize| turns.get(index)) {
            tokens.add(&turn.content, false, &mut prompt).map_err(broken)?;
        }
        tokens.add(rest, true, &mut prompt).map_err(broken)?;
    }
    Ok(prompt)
}

fn render(source: &str, tokens: &Tokens, messages: &[Turn]) -> Result<String, Error> {
    let bytes = messages.iter().map(|turn| turn.content.len()).sum();
    let context = context! {
        messages,
        add_generation_prompt => true,
        bos_token => tokens.begin_text,
        eos_token => tokens.end_text,
    };
    sandbox::render(source, bytes, context).map_err(|cause| {
        // What a template raises is about the conversation; the rest is about the template.
        let said = cause.detail().unwrap_or("it is no template that can be read").to_owned();
        Error::unsupported(format!("the model's chat template refuses this conversation: {said}"))
            .with_source(cause)
    })
}

fn turns(request: &ChatRequest) -> Result<Vec<Turn>, Error> {
    let turn = |message: &Message| {
        let (role, content) = match message {
            Message::System { text, .. } => ("system", text.clone()),
            Message::User { parts, .. } => {
                ("user", parts.iter().map(text).collect::<Result<Vec<_>, _>>()?.concat())
            }
            Message::Assistant(message) => ("assistant", message.text.clone()),
            // Without tools of its own, what they returned is something the model is told.
            Message::Tool(result) => ("user", result.text.clone()),
            _ => {
                return Err(Error::unsupported("the request holds a kind of message that is not known here"));
            }
        };
        Ok(Turn { role, content })
    };
    let mut turns: Vec<Turn> = Vec::new();
    for message in &request.messages {
        let next = turn(message)?;
        match turns.last_mut() {
            // Many templates refuse two of one in a row.
            Some(last) if last.role == next.role => {
                last.content.push_str("\n\n");
                last.content.push_str(&next.content);
            }
            _ => turns.push(next),
        }
    }
    Ok(turns)
}

fn text(part: &Part) -> Result<&str, Error> {
    match part {
        Part::Text { text, .. } => Ok(text),
        _ => Err(Error::unsupported("the model reads text only")),
    }
}
