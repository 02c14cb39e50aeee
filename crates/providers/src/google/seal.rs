//! Signatures of a model, bound to what they were given for: they go back there, or nowhere.

use std::ops::Range;

use backstop_core::chat::{AssistantMessage, Sealed};
use serde_json::{Value, json};

/// A signature, and what it is for.
#[derive(Debug)]
pub(super) struct Seal<'a> {
    signature: &'a str,
    of: Of<'a>,
}

#[derive(Debug)]
enum Of<'a> {
    /// The call with this id.
    Call(&'a str),
    /// These bytes of the text. There may be none: some models sign the end of what they said.
    Text(Range<usize>),
}

impl<'a> Seal<'a> {
    fn read(data: &'a Value) -> Option<Self> {
        let signature = data.get("signature")?.as_str()?;
        let of = match (data.get("call"), data.get("text")) {
            (Some(call), _) => Of::Call(call.as_str()?),
            (None, Some(text)) => {
                let place = |end: usize| usize::try_from(text.get(end)?.as_u64()?).ok();
                Of::Text(place(0)?..place(1)?)
            }
            (None, None) => return None,
        };
        Some(Self { signature, of })
    }

    /// The signature, if it is of this call.
    pub(super) fn of_call(&self, id: &str) -> Option<&'a str> {
        matches!(self.of, Of::Call(call) if call == id).then_some(self.signature)
    }

    /// Which part of the text was signed, and how.
    pub(super) fn of_text(&self) -> Option<(Range<usize>, &'a str)> {
        match &self.of {
            Of::Text(place) => Some((place.clone(), self.signature)),
            Of::Call(_) => None,
        }
    }
}

/// The signatures in an earlier answer that this model of this provider gave.
pub(super) fn of<'a>(message: &'a AssistantMessage, provider: &str, model: &str) -> Vec<Seal<'a>> {
    let own = message.sealed.iter().filter(|sealed| sealed.provider == provider && sealed.model == model);
    own.filter_map(|sealed| Seal::read(&sealed.data)).collect()
}

/// The signature of a call.
pub(super) fn call(provider: &str, model: &str, id: &str, signature: &str) -> Sealed {
    Sealed::new(provider, model, json!({ "call": id, "signature": signature }))
}

/// The signature of a part of the text.
pub(super) fn text(provider: &str, model: &str, place: Range<usize>, signature: &str) -> Sealed {
    Sealed::new(provider, model, json!({ "text": [place.start, place.end], "signature": signature }))
}
