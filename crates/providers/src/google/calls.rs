//! The tool calls of an answer: whole ones, and those whose arguments come in pieces.

use std::collections::VecDeque;

use backstop_core::Error;
use backstop_core::chat::{ChatEvent, ToolCallDelta};
use serde_json::value::RawValue;

use super::pieces::Arguments;
use super::wire::AnswerCall;
use crate::http::Source;

/// How much of an answer's id goes into the ids of its calls. Other services take ids of 64 letters at most.
const ID_MAX: usize = 40;

/// What has been told of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// How many have begun.
    pub(super) begun: u32,
    /// The last of them, and its arguments, if they are still to come.
    open: Option<(u32, Arguments)>,
    /// The answer's id, once known.
    pub(super) of_answer: Option<String>,
}

impl Calls {
    /// Tells a call, or takes in more of one; returns the id of one that begins.
    pub(super) fn take_in(
        &mut self,
        source: &Source<'_>,
        call: AnswerCall<'_>,
        out: &mut VecDeque<ChatEvent>,
    ) -> Result<Option<String>, Error> {
        let AnswerCall { id, name, args, partial_args, will_continue } = call;
        let name = name.filter(|name| !name.is_empty());
        let goes_on = will_continue == Some(true);
        let is_piece = goes_on || partial_args.is_some();
        let begun = match name {
            Some(name) => {
                self.close(out);
                Some(self.begin(id, name, args, is_piece, out))
            }
            None if self.open.is_some() => None,
            None if args.is_none() => {
                return match partial_args {
                    // The end of a call that came whole.
                    None => Ok(None),
                    Some(_) => Err(source.bad_reply("the stream tells arguments of no tool call")),
                };
            }
            None => return Ok(Some(self.begin(id, String::new(), args, false, out))),
        };
        if let Some((_, arguments)) = &mut self.open {
            for piece in partial_args.unwrap_or_default() {
                arguments.add(piece).map_err(|problem| source.bad_reply(problem))?;
            }
            if goes_on {
                out.extend(begun.is_none().then_some(ChatEvent::Progress));
            } else {
                self.close(out);
            }
        }
        Ok(begun)
    }

    /// Tells the arguments of a call that came in pieces.
    pub(super) fn close(&mut self, out: &mut VecDeque<ChatEvent>) {
        let open = self.open.take();
        out.extend(open.map(|(index, arguments)| {
            ChatEvent::ToolCall(ToolCallDelta::new(index, None, None, arguments.into_text()))
        }));
    }

    /// Tells a call, and its arguments if they are not to come; returns its id.
    fn begin(
        &mut self,
        id: Option<String>,
        name: String,
        args: Option<&RawValue>,
        goes_on: bool,
        out: &mut VecDeque<ChatEvent>,
    ) -> String {
        let index = self.begun;
        // Results are matched to calls by id; where the service gives none, the answer's own makes one that no other
        // answer has.
        let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let of_answer: String =
                self.of_answer.iter().flat_map(|id| id.chars()).filter(plain).take(ID_MAX).collect();
            if of_answer.is_empty() { format!("call_{index}") } else { format!("call_{of_answer}_{index}") }
        });
        // A function without parameters is called without arguments.
        self.open = goes_on.then(|| (index, Arguments::of(args)));
        let arguments = if goes_on { "" } else { args.map_or("{}", RawValue::get) };
        let delta = ToolCallDelta::new(index, Some(id.clone()), Some(name), arguments);
        self.begun = self.begun.saturating_add(1);
        out.push_back(ChatEvent::ToolCall(delta));
        id
    }
}
