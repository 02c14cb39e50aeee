//! Tool calls of a conversation that may have been begun elsewhere: ids every server takes, arguments a template reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use backstop_core::chat::Message;
use serde_json::{Map, Value, json};

/// Ids that are replaced, and by what. The same conversation always gets the same ids, so that what a service caches of
/// it stays good; results find their calls, and different ids stay different.
#[derive(Debug)]
pub(crate) struct CallIds<'a>(BTreeMap<&'a str, String>);

impl<'a> CallIds<'a> {
    /// The ids of these messages, of which those of at most `longest` visible ASCII characters are fine.
    pub(crate) fn of(messages: &'a [Message], longest: usize) -> Self {
        let is_fine =
            |id: &str| (1..=longest).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        let (fine, odd): (BTreeSet<_>, BTreeSet<_>) = ids(messages).partition(|id| is_fine(id));
        let mut renamed = BTreeMap::new();
        let mut taken: BTreeSet<String> = fine.into_iter().map(str::to_owned).collect();
        for id in odd {
            // Only somebody who tries to finds two texts of one hash; they get different ids all the same.
            let mut new = (0..=u8::MAX).map(|salt| format!("call_{:016x}", hash(salt, id)));
            let new = new.find(|new| !taken.contains(new)).unwrap_or_default();
            taken.insert(new.clone());
            renamed.insert(id, new);
        }
        Self(renamed)
    }

    /// The id to send for this one.
    pub(crate) fn get(&self, id: &'a str) -> Cow<'a, str> {
        self.0.get(id).map_or(Cow::Borrowed(id), |new| Cow::Owned(new.clone()))
    }
}

fn ids(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| {
        let (calls, result) = match message {
            Message::Assistant(message) => (message.tool_calls.as_slice(), None),
            Message::Tool(result) => (&[][..], Some(&*result.call_id)),
            _ => (&[][..], None),
        };
        calls.iter().map(|call| &*call.id).chain(result)
    })
}

/// FNV-1a: the same on every machine and in every release.
fn hash(salt: u8, text: &str) -> u64 {
    let bytes = text.bytes().chain([salt]);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Arguments as the text they came as: what a model wrote is for the service to judge. No text at all is no JSON.
pub(crate) fn json_text(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}

/// Arguments as the text of an object: a model may have written anything, and templates read them.
pub(super) fn object_text(arguments: &str) -> Cow<'_, str> {
    if serde_json::from_str::<Map<String, Value>>(arguments).is_ok() {
        Cow::Borrowed(arguments)
    } else if arguments.trim().is_empty() {
        Cow::Borrowed("{}")
    } else {
        Cow::Owned(json!({ "_raw": arguments }).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backstop_core::chat::ToolCall;

    fn calling(ids: &[&str]) -> Message {
        let Message::Assistant(message) = Message::assistant("") else { panic!("an assistant message") };
        Message::Assistant(message.with_tool_calls(ids.iter().map(|id| ToolCall::new(*id, "f", "{}"))))
    }

    #[test]
    fn fine_ids_stay_and_odd_ones_are_replaced_the_same_way_every_time() {
        let long = "x".repeat(41);
        let messages = [calling(&["call_1", "functions.f:0", &long, "", "ü"]), Message::tool(&*long, "done")];
        let ids = CallIds::of(&messages, 40);
        for fine in ["call_1", "functions.f:0", &"x".repeat(40)] {
            assert_eq!(ids.get(fine), fine);
        }
        let new = ids.get(&long);
        assert!(new.starts_with("call_") && new.len() == 21, "{new}");
        assert_eq!(new, CallIds::of(&messages[1..], 40).get(&long), "whatever else is said");
        let all: BTreeSet<_> = [&*long, "", "ü"].iter().map(|id| ids.get(id)).collect();
        assert_eq!(all.len(), 3);
        assert!(!all.contains(""));
    }

    #[test]
    fn no_two_ids_become_one() {
        let taken = CallIds::of(&[calling(&["ü"])], 40).get("ü").into_owned();
        let messages = [calling(&[&taken, "ü"])];
        let ids = CallIds::of(&messages, 40);
        assert_eq!(ids.get(&taken), taken);
        assert_ne!(ids.get("ü"), taken);
    }

    #[test]
    fn no_arguments_are_those_of_an_empty_object_and_others_stay_as_they_are() {
        for (arguments, expected) in
            [("", "{}"), (" \n", "{}"), (r#" {"a":1}"#, r#" {"a":1}"#), ("{\"a\":", "{\"a\":")]
        {
            assert_eq!(json_text(arguments), expected);
        }
    }

    #[test]
    fn arguments_become_an_object() {
        for (arguments, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("", "{}"),
            (" ", "{}"),
            ("[1]", r#"{"_raw":"[1]"}"#),
            (r#"{"a":"#, r#"{"_raw":"{\"a\":"}"#),
        ] {
            assert_eq!(object_text(arguments), expected);
        }
    }
}
