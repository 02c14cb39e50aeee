//! Tool calls of a conversation that may have been begun elsewhere: ids the wire takes, and arguments that are objects.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use backstop_core::chat::Message;
use serde_json::{Map, Value};

use super::wire::Input;

/// Gives every call an id that the wire takes and no other call has; results find their calls.
///
/// Calls of services that give no ids are numbered anew in each answer, so that one id may stand for several. The same
/// conversation always gets the same ids, and keeps them as it grows, unless a later call is named after a made-up
/// one: what the service has cached of it stays good, and so does what it has signed.
#[derive(Debug)]
pub(super) struct CallIds<'a> {
    /// Ids that are fine as they are. The first call that has one keeps it.
    fine: BTreeSet<&'a str>,
    given: BTreeSet<String>,
    /// The last number that was put behind an id to tell it from others.
    numbers: BTreeMap<&'a str, u32>,
    /// For each id of the conversation, those that calls got for it and no result has answered.
    waiting: BTreeMap<&'a str, VecDeque<String>>,
}

impl<'a> CallIds<'a> {
    /// For these messages, which are to be gone through in order.
    pub(super) fn of(messages: &'a [Message]) -> Self {
        let calls = messages.iter().filter_map(|message| match message {
            Message::Assistant(message) => Some(&message.tool_calls),
            _ => None,
        });
        let fine = calls.flatten().map(|call| &*call.id).filter(|id| is_fine(id)).collect();
        Self { fine, given: BTreeSet::new(), numbers: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// The id of the next call, which the conversation calls so.
    pub(super) fn call(&mut self, id: &'a str) -> Cow<'a, str> {
        let sent = if self.fine.contains(id) && !self.given.contains(id) {
            Cow::Borrowed(id)
        } else {
            Cow::Owned(self.new_id(id))
        };
        self.given.insert(sent.clone().into_owned());
        self.waiting.entry(id).or_default().push_back(sent.clone().into_owned());
        sent
    }

    /// The id of the call that the next result answers.
    pub(super) fn result(&mut self, id: &'a str) -> Cow<'a, str> {
        match self.waiting.get_mut(id).and_then(VecDeque::pop_front) {
            Some(sent) => Cow::Owned(sent),
            // It answers nothing that was asked, which is for the service to say.
            None if is_fine(id) => Cow::Borrowed(id),
            None => Cow::Owned(plain(id)),
        }
    }

    fn new_id(&mut self, id: &'a str) -> String {
        let plain = plain(id);
        let mut new = plain.clone();
        let number = self.numbers.entry(id).or_insert(1);
        while self.fine.contains(&*new) || self.given.contains(&new) {
            *number += 1;
            new = format!("{plain}_{number}");
        }
        new
    }
}

fn is_fine(id: &str) -> bool {
    !id.is_empty() && id.chars().all(is_plain)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// The id in letters the wire takes.
fn plain(id: &str) -> String {
    match id {
        "" => "call".to_owned(),
        id => id.chars().map(|c| if is_plain(c) { c } else { '_' }).collect(),
    }
}

/// Arguments as the wire wants them. A model may have written anything.
pub(super) fn input(arguments: &str) -> Input<'_> {
    if arguments.trim().is_empty() {
        return Input::Nothing {};
    }
    // What is sent is the text itself: the order of its members is what the model wrote.
    let is_object = serde_json::from_str::<Map<String, Value>>(arguments).is_ok();
    match serde_json::from_str(arguments) {
        Ok(object) if is_object => Input::Object(object),
        _ => Input::Text { raw: arguments },
    }
}
