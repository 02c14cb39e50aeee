//! From a request to the bytes of its body.

use std::borrow::Cow;
use std::collections::BTreeMap;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ReasoningRequest, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use backstop_core::completion::CompletionRequest;
use backstop_core::embedding::EmbeddingRequest;
use backstop_core::{Ask, Error};
use serde_json::value::RawValue;

use super::config::OllamaConfig;
use super::wire::{
    Arguments, ChatBody, EmbedBody, FunctionSchema, GenerateBody, KeepAlive, Rest, Think, WireCall,
    WireFormat, WireFunction, WireMessage, WireOptions, WireTool,
};
use crate::http::{finite, json_body, unknown};

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
const FORM_FIELDS: &[&str] = &["stream"];

/// Whose vectors come, and of what.
const VECTOR_FIELDS: &[&str] = &["model", "input"];

/// What a target adds to the options leaves the others as they are.
const MERGED: &[&str] = &["options"];

/// What every request says of how the server keeps its models.
#[derive(Debug)]
pub(super) struct Loading {
    num_ctx: Option<u32>,
    keep_alive: Option<String>,
    truncate: bool,
}

impl Loading {
    pub(super) fn of(config: &OllamaConfig) -> Self {
        Self { num_ctx: config.num_ctx, keep_alive: config.keep_alive.clone(), truncate: config.truncate }
    }

    pub(super) fn num_ctx(&self) -> Option<u32> {
        self.num_ctx
    }

    /// `stream` is left out where there are no streams.
    fn rest<'a>(&'a self, sampling: WireOptions<'a>, stream: Option<bool>) -> Rest<'a> {
        let keep_alive = self.keep_alive.as_deref().map(|time| match time.parse() {
            Ok(seconds) => KeepAlive::Seconds(seconds),
            Err(_) => KeepAlive::Text(time),
        });
        let options = WireOptions { num_ctx: self.num_ctx, ..sampling };
        Rest { options, keep_alive, truncate: self.truncate, stream }
    }
}

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(
    loading: &Loading,
    ask: Ask<'_>,
    request: &ChatRequest,
    stream: bool,
) -> Result<Vec<u8>, Error> {
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let mut names = BTreeMap::new();
    let messages: Result<_, _> = request.messages.iter().map(|m| message(m, &mut names)).collect();
    let sampling = WireOptions {
        num_ctx: None,
        num_predict: request.max_output_tokens,
        temperature: finite("temperature", request.temperature)?,
        top_p: finite("top_p", request.top_p)?,
        seed: request.seed,
        stop: &request.stop,
    };
    let body = ChatBody {
        model: ask.model(),
        messages: messages?,
        tools: tools(request)?,
        format: format(&request.format)?,
        think: request.reasoning.map(think).transpose()?,
        rest: loading.rest(sampling, Some(stream)),
    };
    json_body(ask, &body, FORM_FIELDS, MERGED)
}

/// The body of a text completion.
pub(super) fn complete(
    loading: &Loading,
    ask: Ask<'_>,
    request: &CompletionRequest,
    stream: bool,
) -> Result<Vec<u8>, Error> {
    if request.prompt.is_empty() {
        return Err(Error::unsupported("does nothing but load the model for an empty prompt"));
    }
    let sampling = WireOptions {
        num_ctx: None,
        num_predict: request.max_output_tokens,
        temperature: finite("temperature", request.temperature)?,
        top_p: finite("top_p", request.top_p)?,
        seed: request.seed,
        stop: &request.stop,
    };
    let suffix = request.suffix.as_deref().filter(|suffix| !suffix.is_empty());
    let body = GenerateBody {
        model: ask.model(),
        prompt: &request.prompt,
        suffix,
        // Only the template knows where a suffix goes.
        raw: suffix.is_none(),
        rest: loading.rest(sampling, Some(stream)),
    };
    json_body(ask, &body, FORM_FIELDS, MERGED)
}

/// The body of a request for vectors.
pub(super) fn embed(loading: &Loading, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<Vec<u8>, Error> {
    let body = EmbedBody {
        model: ask.model(),
        input: &request.input,
        dimensions: request.dimensions,
        rest: loading.rest(WireOptions::default(), None),
    };
    json_body(ask, &body, VECTOR_FIELDS, MERGED)
}

/// `names` are those of the tools that were called so far, by the id of the call.
fn message<'a>(
    message: &'a Message,
    names: &mut BTreeMap<&'a str, &'a str>,
) -> Result<WireMessage<'a>, Error> {
    Ok(match message {
        Message::System { text, .. } => plain("system", text),
        Message::User { parts, .. } => user(parts)?,
        Message::Assistant(AssistantMessage { text, tool_calls, .. }) => {
            names.extend(tool_calls.iter().map(|call| (&*call.id, &*call.name)));
            WireMessage {
                tool_calls: tool_calls.iter().enumerate().map(call).collect(),
                ..plain("assistant", text)
            }
        }
        Message::Tool(ToolResult { call_id, name, text, .. }) => WireMessage {
            tool_name: name.as_deref().or_else(|| names.get(&**call_id).copied()),
            tool_call_id: Some(call_id),
            ..plain("tool", text)
        },
        _ => return Err(unknown("message")),
    })
}

fn plain<'a>(role: &'static str, text: &'a str) -> WireMessage<'a> {
    WireMessage { role, content: Cow::Borrowed(text), ..WireMessage::default() }
}

/// The wire has one text and any number of images, without an order between them.
fn user(parts: &[Part]) -> Result<WireMessage<'_>, Error> {
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for part in parts {
        match part {
            Part::Text { text, .. } => texts.push(&**text),
            Part::Image(image) => match &image.source {
                ImageSource::Base64 { data, .. } => images.push(&**data),
                ImageSource::Url { .. } => return Err(Error::unsupported("takes no image URLs")),
                _ => return Err(unknown("image")),
            },
            Part::Upload(upload) => {
                let message = format!("the request holds a file that exists at {} only", upload.provider);
                return Err(Error::unsupported(message));
            }
            _ => return Err(unknown("part")),
        }
    }
    let content = match texts.as_slice() {
        [text] => Cow::Borrowed(*text),
        texts => Cow::Owned(texts.join("\n")),
    };
    Ok(WireMessage { role: "user", content, images, ..WireMessage::default() })
}

fn call((index, call): (usize, &ToolCall)) -> WireCall<'_> {
    let function = WireFunction { index, name: &call.name, arguments: arguments(&call.arguments) };
    WireCall { id: &call.id, function }
}

fn arguments(text: &str) -> Arguments<'_> {
    match text.trim() {
        "" | "null" => Arguments::None {},
        object if object.starts_with('{') => match serde_json::from_str::<&RawValue>(object) {
            Ok(object) => Arguments::Object(object),
            Err(_) => Arguments::Other { raw: text },
        },
        _ => Arguments::Other { raw: text },
    }
}

fn tools(request: &ChatRequest) -> Result<Vec<WireTool<'_>>, Error> {
    match request.tool_choice {
        ToolChoice::Auto => {}
        // A model that knows of no tool calls none.
        ToolChoice::None => return Ok(Vec::new()),
        ToolChoice::Required | ToolChoice::Named(_) => {
            return Err(Error::unsupported("cannot be made to call a tool"));
        }
        _ => return Err(unknown("tool choice")),
    }
    if !request.tools.is_empty() && request.parallel_tool_calls == Some(false) {
        return Err(Error::unsupported("cannot be kept from calling several tools at once"));
    }
    Ok(request.tools.iter().map(tool).collect())
}

fn tool(tool: &Tool) -> WireTool<'_> {
    let function =
        FunctionSchema { name: &tool.name, description: &tool.description, parameters: &tool.parameters };
    WireTool { r#type: "function", function }
}

fn format(format: &Format) -> Result<Option<WireFormat<'_>>, Error> {
    Ok(match format {
        Format::Text => None,
        Format::Json => Some(WireFormat::Word("json")),
        Format::JsonSchema { schema, .. } => Some(WireFormat::Schema(schema)),
        _ => return Err(unknown("format")),
    })
}

fn think(reasoning: ReasoningRequest) -> Result<Think, Error> {
    Ok(match reasoning.effort {
        None => Think::Flag(true),
        Some(Effort::None) => Think::Flag(false),
        // The wire knows nothing less.
        Some(Effort::Minimal | Effort::Low) => Think::Level("low"),
        Some(Effort::Medium) => Think::Level("medium"),
        Some(Effort::High) => Think::Level("high"),
        Some(_) => return Err(unknown("effort")),
    })
}
