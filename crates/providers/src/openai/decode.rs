//! From the bytes of a response in one piece to a reply, for the Responses API; and what streams share with it.

use std::collections::BTreeSet;

use backstop_core::chat::{ChatReply, ChatRequest, FinishReason, Sealed, ToolCall};
use backstop_core::{Error, ErrorKind, Partial, Usage};
use serde_json::json;
use serde_json::value::RawValue;

use super::error;
use super::wire::{OutputItem, OutputPart, Response, Sort, WireUsage};
use crate::http::{Source, from_json};

/// More tools than are looked at.
const OFFERED_MAX: usize = 1024;

/// What stands between parts of thoughts.
pub(super) const BETWEEN: &str = "\n\n";

/// The reply in the body of a 200. Failures, refusals and withheld or empty answers come with that status, too.
pub(super) fn response(source: &Source<'_>, body: &[u8], request: &ChatRequest) -> Result<ChatReply, Error> {
    reply(source, body)?.check(request).map_err(|error| source.attempt.located(error))
}

pub(super) fn reply(source: &Source<'_>, body: &[u8]) -> Result<ChatReply, Error> {
    let response: Response<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if let Some(error) = error::of_response(source, &response) {
        return Err(error);
    }
    let Response { id, model, status, incomplete_details, output, tools, usage, .. } = response;
    let output = output.ok_or_else(|| source.bad_reply("the reply holds no output"))?;
    let Answer { mut reply, refusal } = answer(source, &output, &Offered::of(tools))?;
    let reason = incomplete_details.and_then(|details| details.reason);
    reply.finish = finish(status.as_deref(), reason.as_deref(), !reply.tool_calls.is_empty())
        .ok_or_else(|| source.bad_reply("the response is not done"))?;
    reply.usage = usage.map_or(Usage::UNKNOWN, self::usage);
    (reply.model, reply.id) = (model, id);
    (reply.request_id, reply.status) = (source.request_id(), Some(source.status));
    if refusal.is_empty() {
        return Ok(reply);
    }
    let mut partial = reply.into_partial();
    if partial.text.is_empty() {
        partial.text = refusal;
    }
    Err(refused(source, partial))
}

/// What the items of a response say.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) reply: ChatReply,
    pub(super) refusal: String,
}

/// What the service does by itself, which is its own business.
const ITS_OWN: [&str; 9] = [
    "web_search_call",
    "x_search_call",
    "file_search_call",
    "code_interpreter_call",
    "mcp_call",
    "mcp_list_tools",
    "tool_search_call",
    "tool_search_output",
    "compaction",
];

/// An item of the output, as far as anybody needs it.
#[derive(Debug)]
pub(super) enum Known {
    Message(OutputItem),
    Call(OutputItem),
    Thought(OutputItem),
    /// The service runs it.
    Own,
    /// What nobody here can pass on, by its name.
    Other(String),
}

/// The names of the tools that take a plain text, as far as the response tells which it was offered.
///
/// xAI tells what its own tools do as calls of such tools. Those nobody offered are none of the client's.
#[derive(Debug, Default)]
pub(super) struct Offered(Option<BTreeSet<String>>);

impl Offered {
    pub(super) fn of(tools: Option<&RawValue>) -> Self {
        let tools: Option<Vec<&RawValue>> = tools.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let custom = |raw: &&RawValue| {
            let tool: Sort<'_> = serde_json::from_str(raw.get()).ok()?;
            tool.name().filter(|_| tool.r#type.as_deref() == Some("custom"))
        };
        Self(tools.map(|tools| tools.iter().take(OFFERED_MAX).filter_map(custom).collect()))
    }

    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    fn may_hold(&self, name: Option<&str>) -> bool {
        self.0.as_ref().is_none_or(|offered| name.is_some_and(|name| offered.contains(name)))
    }
}

impl Known {
    pub(super) fn of(source: &Source<'_>, raw: &RawValue, offered: &Offered) -> Result<Self, Error> {
        let sort: Sort<'_> = serde_json::from_str(raw.get()).unwrap_or_default();
        let into = match sort.r#type.as_deref().unwrap_or_default() {
            "custom_tool_call" if !offered.may_hold(sort.name().as_deref()) => return Ok(Self::Own),
            "message" => Self::Message,
            "function_call" | "custom_tool_call" => Self::Call,
            "reasoning" => Self::Thought,
            own if ITS_OWN.contains(&own) => return Ok(Self::Own),
            other => return Ok(Self::Other(other.to_owned())),
        };
        let item = from_json(raw.get().as_bytes());
        item.map(into).map_err(|problem| source.bad_reply(&format!("an item of the output {problem}")))
    }
}

impl OutputItem {
    /// What the tool is given: JSON, or a plain text where the tool takes one.
    pub(super) fn given(&mut self) -> String {
        self.arguments.take().or(self.input.take()).unwrap_or_default()
    }
}

pub(super) fn answer(source: &Source<'_>, output: &[&RawValue], offered: &Offered) -> Result<Answer, Error> {
    let mut answer = Answer::default();
    let mut before = 0;
    for raw in output {
        match Known::of(source, raw, offered)? {
            Known::Message(item) => {
                before += 1;
                for OutputPart { text, refusal, r#type } in item.content.unwrap_or_default() {
                    if let (None, None, Some(name)) = (&text, &refusal, r#type) {
                        answer.reply.note(&name);
                    }
                    answer.reply.text.push_str(&text.unwrap_or_default());
                    answer.refusal.push_str(&refusal.unwrap_or_default());
                }
            }
            Known::Call(mut item) => {
                before += 1;
                let arguments = item.given();
                let OutputItem { call_id, name, .. } = item;
                let calls = &mut answer.reply.tool_calls;
                // Results are matched to calls by id; a server that gives none still has to be answered.
                let id = call_id.unwrap_or_else(|| format!("call_{}", calls.len()));
                calls.push(ToolCall::new(id, name.unwrap_or_default(), arguments));
            }
            Known::Thought(mut item) => {
                answer.reply.sealed.extend(sealed(source, &mut item, before));
                let thoughts = [item.summary, item.content].into_iter().flatten().flatten();
                for thought in thoughts.filter_map(|part| part.text).filter(|text| !text.is_empty()) {
                    let all = answer.reply.reasoning.get_or_insert_default();
                    if !all.is_empty() {
                        all.push_str(BETWEEN);
                    }
                    all.push_str(&thought);
                }
            }
            Known::Own => {}
            Known::Other(name) => answer.reply.note(&name),
        }
    }
    Ok(answer)
}

/// A thought that only the service can read, and where it stood.
pub(super) fn sealed(source: &Source<'_>, item: &mut OutputItem, before: u64) -> Option<Sealed> {
    let encrypted = item.encrypted_content.take()?;
    let summary: Vec<_> = item.summary.iter().flatten().filter_map(|part| part.text.as_deref()).collect();
    let summary: Vec<_> =
        summary.into_iter().map(|text| json!({ "type": "summary_text", "text": text })).collect();
    let mut thought = json!({ "type": "reasoning", "summary": summary, "encrypted_content": encrypted });
    if let (Some(fields), Some(id)) = (thought.as_object_mut(), item.id.take()) {
        fields.insert("id".to_owned(), id.into());
    }
    let data = json!({ "item": thought, "before": before });
    Some(Sealed::new(&*source.attempt.provider, &*source.attempt.model, data))
}

/// Why the answer ended; `None` if it has not.
pub(super) fn finish(status: Option<&str>, reason: Option<&str>, called_tools: bool) -> Option<FinishReason> {
    Some(match (status, reason) {
        (Some("queued" | "in_progress"), _) => return None,
        (Some("incomplete"), Some("max_output_tokens")) => FinishReason::Length,
        (Some("incomplete"), Some("content_filter")) => FinishReason::ContentFilter,
        (Some("incomplete"), reason) => FinishReason::Other(reason.unwrap_or("incomplete").to_owned()),
        _ if called_tools => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    })
}

pub(super) fn usage(raw: &RawValue) -> Usage {
    let wire: WireUsage = serde_json::from_str(raw.get()).unwrap_or_default();
    let input = wire.input_tokens_details.unwrap_or_default();
    let mut usage = Usage::UNKNOWN;
    usage.input_tokens = wire.input_tokens;
    usage.output_tokens = wire.output_tokens;
    usage.cached_input_tokens = input.cached_tokens;
    usage.cache_write_tokens = input.cache_write_tokens;
    usage.reasoning_tokens = wire.output_tokens_details.unwrap_or_default().reasoning_tokens;
    usage
}

pub(super) fn refused(source: &Source<'_>, partial: Partial) -> Error {
    source.error(ErrorKind::ContentFilter, "the model refused to answer").with_partial(partial)
}
