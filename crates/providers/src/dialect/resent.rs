//! What of an answer goes back with the conversation, since the service refuses to go on without it.

use backstop_core::chat::{AssistantMessage, Sealed};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::dialect::Resent;
use crate::http::Source;

/// More than an answer thinks. Of what is longer nothing is kept: a part of it would be refused.
const KEPT_MAX: usize = 8 << 20;

/// What has to come back with this message. The model of another name cannot read what this one sealed.
pub(super) fn of_message<'a>(
    resent: Resent,
    message: &'a AssistantMessage,
    provider: &str,
    model: &str,
) -> Option<&'a Value> {
    let is_ours = |sealed: &&Sealed| match resent {
        Resent::Nothing => false,
        Resent::Thoughts => sealed.provider == provider && sealed.data.is_string(),
        Resent::Details => sealed.provider == provider && sealed.model == model && sealed.data.is_array(),
    };
    message.sealed.iter().find(is_ours).map(|sealed| &sealed.data)
}

/// What has come of it so far.
#[derive(Debug)]
pub(super) struct Kept {
    resent: Resent,
    thoughts: String,
    details: Vec<Value>,
    size: usize,
}

impl Kept {
    pub(super) fn new(resent: Resent) -> Self {
        Self { resent, thoughts: String::new(), details: Vec::new(), size: 0 }
    }

    /// Adds what a message, or a piece of one, holds.
    pub(super) fn add(&mut self, thought: Option<&str>, details: Option<&RawValue>) {
        let length = match self.resent {
            Resent::Nothing => return,
            Resent::Thoughts => thought.map_or(0, str::len),
            Resent::Details => details.map_or(0, |details| details.get().len()),
        };
        self.size = self.size.saturating_add(length);
        if self.size > KEPT_MAX {
            (self.thoughts, self.details) = (String::new(), Vec::new());
        } else if self.resent == Resent::Thoughts {
            self.thoughts.push_str(thought.unwrap_or_default());
        } else if let Some(details) = details {
            let details: Vec<Map<String, Value>> = serde_json::from_str(details.get()).unwrap_or_default();
            details.into_iter().for_each(|detail| self.detail(detail));
        }
    }

    /// Adds a piece to the one it continues.
    fn detail(&mut self, detail: Map<String, Value>) {
        let is_of = |last: &Map<String, Value>| {
            ["type", "index"].iter().all(|name| last.get(*name) == detail.get(*name))
                && detail.contains_key("index")
        };
        match self.details.last_mut().and_then(Value::as_object_mut).filter(|last| is_of(last)) {
            None => self.details.push(Value::Object(detail)),
            Some(last) => {
                for (name, value) in detail {
                    match (last.get_mut(&name), value) {
                        (Some(Value::String(text)), Value::String(more))
                            if matches!(&*name, "text" | "summary" | "data") =>
                        {
                            text.push_str(&more);
                        }
                        (Some(_), Value::Null) => {}
                        (_, value) => drop(last.insert(name, value)),
                    }
                }
            }
        }
    }

    /// What is to come back, if the answer calls tools or tells more than its thoughts.
    pub(super) fn sealed(&mut self, source: &Source<'_>, calls_tools: bool) -> Option<Sealed> {
        let data = match self.resent {
            Resent::Thoughts if calls_tools && !self.thoughts.is_empty() => {
                Value::String(std::mem::take(&mut self.thoughts))
            }
            Resent::Details if !self.details.is_empty() => Value::Array(std::mem::take(&mut self.details)),
            _ => return None,
        };
        Some(Sealed::new(&*source.attempt.provider, &*source.attempt.model, data))
    }
}
