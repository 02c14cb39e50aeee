//! From a request to the bytes of its body.

use std::collections::{BTreeMap, BTreeSet};

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ReasoningRequest, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, Error};

use super::wire::{
    ChatBody, Content, EmbedBody, FillBody, FunctionName, FunctionSchema, JsonSchema, KnownPart,
    ResponseFormat, Sampling, WireCall, WireFunction, WireMessage, WirePart, WireTool, WireToolChoice,
};
use crate::http::{Demands, Link, finite, fitted, json_body, unknown};

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
const FORM_FIELDS: &[&str] = &["stream"];

/// In which form vectors come, whose they are, and of what.
const VECTOR_FIELDS: &[&str] = &["encoding_format", "output_dtype", "model", "input"];

/// What the assistant says between results of tools and a user that goes on without having been answered: the wire
/// wants somebody to have spoken.
const BRIDGE: &str = "OK.";

/// How long the ids of tool calls are.
const ID_LENGTH: usize = 9;

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(
    provider: &str,
    ask: Ask<'_>,
    request: &ChatRequest,
    stream: bool,
) -> Result<Vec<u8>, Error> {
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let has_tools = !request.tools.is_empty();
    let body = ChatBody {
        model: ask.model(),
        messages: messages(provider, ask.model(), &request.messages)?,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: tool_choice(&request.tool_choice, has_tools)?,
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| has_tools),
        response_format: format(&request.format)?,
        reasoning_effort: request.reasoning.and_then(|reasoning| effort(ask.model(), reasoning)),
        sampling: Sampling {
            max_tokens: request.max_output_tokens,
            temperature: finite("temperature", request.temperature)?,
            top_p: finite("top_p", request.top_p)?,
            stop: &request.stop,
            random_seed: request.seed,
            stream,
        },
    };
    json_body(ask, &body, FORM_FIELDS, &[])
}

/// The body of a text completion.
pub(super) fn complete(ask: Ask<'_>, request: &CompletionRequest, stream: bool) -> Result<Vec<u8>, Error> {
    let body = FillBody {
        model: ask.model(),
        prompt: &request.prompt,
        suffix: request.suffix.as_deref(),
        sampling: Sampling {
            max_tokens: request.max_output_tokens,
            temperature: finite("temperature", request.temperature)?,
            top_p: finite("top_p", request.top_p)?,
            stop: &request.stop,
            random_seed: request.seed,
            stream,
        },
    };
    json_body(ask, &body, FORM_FIELDS, &[])
}

/// The body of a request for vectors.
pub(super) fn embed(ask: Ask<'_>, request: &EmbeddingRequest) -> Result<Vec<u8>, Error> {
    let body = EmbedBody { model: ask.model(), input: &request.input, output_dimension: request.dimensions };
    json_body(ask, &body, VECTOR_FIELDS, &[])
}

/// The conversation, in the order the wire wants: no system message after an answer, none but an answer after the
/// results of tools.
fn messages<'a>(provider: &str, model: &str, messages: &'a [Message]) -> Result<Vec<WireMessage<'a>>, Error> {
    let ids = Ids::of(messages);
    let mut names = BTreeMap::new();
    let mut first = Vec::new();
    let mut rest: Vec<WireMessage<'_>> = Vec::new();
    for message in messages {
        match message {
            Message::System { text, .. } => {
                let answered =
                    matches!(rest.last(), Some(WireMessage::Assistant { .. } | WireMessage::Tool { .. }));
                let list = if rest.is_empty() || answered { &mut first } else { &mut rest };
                list.push(WireMessage::System { content: text });
            }
            Message::User { parts, .. } => {
                if matches!(rest.last(), Some(WireMessage::Tool { .. })) {
                    let content = Content::Text(BRIDGE);
                    rest.push(WireMessage::Assistant { content, tool_calls: Vec::new(), prefix: false });
                }
                rest.push(WireMessage::User { content: content(parts)? });
            }
            Message::Assistant(said) => {
                names.extend(said.tool_calls.iter().map(|call| (&*call.id, &*call.name)));
                let content = answer(provider, model, said);
                // A message that says nothing is refused.
                if matches!(content, Content::Text("")) && said.tool_calls.is_empty() {
                    continue;
                }
                rest.push(WireMessage::Assistant {
                    content,
                    tool_calls: said.tool_calls.iter().map(|call| wire_call(call, &ids)).collect(),
                    prefix: false,
                });
            }
            Message::Tool(ToolResult { call_id, name, text, .. }) => rest.push(WireMessage::Tool {
                tool_call_id: ids.get(call_id),
                name: name.as_deref().or_else(|| names.get(&**call_id).copied()),
                content: text,
            }),
            _ => return Err(unknown("message")),
        }
    }
    // A conversation that ends with an answer asks for its rest.
    if let Some(WireMessage::Assistant { tool_calls, prefix, .. }) = rest.last_mut() {
        *prefix = tool_calls.is_empty();
    }
    first.extend(rest);
    Ok(first)
}

/// An earlier answer, with the thoughts that this very model signed.
fn answer<'a>(provider: &str, model: &str, said: &'a AssistantMessage) -> Content<'a> {
    let ours = said.sealed.iter().filter(|sealed| sealed.provider == provider && sealed.model == model);
    let mut parts: Vec<_> = ours.map(|sealed| WirePart::Sealed(&sealed.data)).collect();
    if parts.is_empty() {
        return Content::Text(&said.text);
    }
    if !said.text.is_empty() {
        parts.push(WirePart::Known(KnownPart::Text { text: &said.text }));
    }
    Content::Parts(parts)
}

fn content(parts: &[Part]) -> Result<Content<'_>, Error> {
    match parts {
        [] => Ok(Content::Text("")),
        [Part::Text { text, .. }] => Ok(Content::Text(text)),
        parts => parts.iter().map(part).collect::<Result<_, _>>().map(Content::Parts),
    }
}

fn part(part: &Part) -> Result<WirePart<'_>, Error> {
    let image_url = match part {
        Part::Text { text, .. } => return Ok(WirePart::Known(KnownPart::Text { text })),
        Part::Upload(upload) => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            return Err(Error::unsupported(message));
        }
        Part::Image(image) => match &image.source {
            ImageSource::Url { url, .. } => Link::Url(url),
            ImageSource::Base64 { media_type, data, .. } => Link::Data { media_type, base64: data },
            _ => return Err(unknown("image")),
        },
        _ => return Err(unknown("part")),
    };
    Ok(WirePart::Known(KnownPart::ImageUrl { image_url }))
}

fn wire_call<'a>(call: &'a ToolCall, ids: &Ids<'_>) -> WireCall<'a> {
    // No text at all is no JSON.
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    WireCall {
        id: ids.get(&call.id),
        r#type: "function",
        function: WireFunction { name: &call.name, arguments },
    }
}

/// Ids of tool calls as the wire wants them: nine letters or digits.
#[derive(Debug)]
struct Ids<'a>(BTreeMap<&'a str, String>);

impl<'a> Ids<'a> {
    /// Those of a conversation. What fits stays as it is; anything else gets an id that depends on it alone, unless
    /// that is another's already.
    fn of(messages: &'a [Message]) -> Self {
        let all: Vec<&str> = messages.iter().flat_map(ids_in).collect();
        let mut taken: BTreeSet<String> =
            all.iter().filter(|id| fits(id)).map(|id| (*id).to_owned()).collect();
        let mut map = BTreeMap::new();
        for id in all.into_iter().filter(|id| !fits(id)) {
            map.entry(id).or_insert_with(|| {
                let mut candidates = (0..).map(|turn| short(id, turn));
                let free = candidates.find(|short| !taken.contains(short)).unwrap_or_default();
                taken.insert(free.clone());
                free
            });
        }
        Self(map)
    }

    fn get(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }
}

fn ids_in(message: &Message) -> Vec<&str> {
    match message {
        Message::Assistant(said) => said.tool_calls.iter().map(|call| &*call.id).collect(),
        Message::Tool(result) => vec![&result.call_id],
        _ => Vec::new(),
    }
}

fn fits(id: &str) -> bool {
    id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Nine letters and digits that stand for this text; others at every turn. FNV-1a, written in base 62.
fn short(text: &str, turn: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes = text.bytes().chain(turn.to_le_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut digit = || {
        let digit = usize::try_from(hash % 62).ok().and_then(|place| DIGITS.get(place));
        hash /= 62;
        digit.copied().map_or('0', char::from)
    };
    (0..ID_LENGTH).map(|_| digit()).collect()
}

/// What a schema has to be like to be enforced.
const STRICT: Option<Demands> = Some(Demands::CLOSED_LIMITED);

fn tool(tool: &Tool) -> WireTool<'_> {
    let Tool { name, description, parameters, strict, .. } = tool;
    let (parameters, strict) = fitted(parameters, *strict, STRICT);
    WireTool { r#type: "function", function: FunctionSchema { name, description, parameters, strict } }
}

fn tool_choice(choice: &ToolChoice, has_tools: bool) -> Result<Option<WireToolChoice<'_>>, Error> {
    Ok(match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => has_tools.then_some(WireToolChoice::Word("none")),
        ToolChoice::Required => Some(WireToolChoice::Word("any")),
        ToolChoice::Named(name) => {
            Some(WireToolChoice::Named { r#type: "function", function: FunctionName { name } })
        }
        _ => return Err(unknown("tool choice")),
    })
}

fn format(format: &Format) -> Result<Option<ResponseFormat<'_>>, Error> {
    Ok(match format {
        Format::Text => None,
        Format::Json => Some(ResponseFormat::JsonObject),
        Format::JsonSchema { name, schema, strict, .. } => {
            let (schema, strict) = fitted(schema, *strict, STRICT);
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict } })
        }
        _ => return Err(unknown("format")),
    })
}

/// Models that always think refuse to be told how much, and those that think on request do not unless asked.
fn effort(model: &str, reasoning: ReasoningRequest) -> Option<&'static str> {
    if model.starts_with("magistral") {
        return None;
    }
    match reasoning.effort {
        Some(Effort::None) => None,
        Some(effort) => Some(effort.name()),
        None => Some(Effort::High.name()),
    }
}
