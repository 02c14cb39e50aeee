//! From a request to the bytes of its body, for the Responses API.

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ProviderRef, Sealed, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use backstop_core::{Ask, Error};
use serde_json::Value;

use super::STRICT;
use super::wire::{
    FlatChoice, FlatTool, InputContent, InputPart, Item, ResponseBody, TextFormat, TextOptions, WireReasoning,
};
use crate::dialect::{CallIds, Link, json_text, number, unknown, written};
use crate::http::fitted;

/// The longest id of a call that is taken.
const CALL_ID_MAX: usize = 64;

/// What decides in which form the answer comes.
const FORM_FIELDS: &[&str] = &["stream", "stream_options", "background"];

/// What makes thoughts come sealed. Models that do not think refuse it.
const SEALED: &[&str] = &["reasoning.encrypted_content"];

/// The body of a request for a response. What the wire cannot express is an error here, before anything is sent.
pub(super) fn response(
    provider: &str,
    ask: Ask<'_>,
    request: &ChatRequest,
    stream: bool,
) -> Result<Vec<u8>, Error> {
    body(provider, ask, request, stream)
        .and_then(|body| written(&body, ask, FORM_FIELDS))
        .map_err(|error| error.with_target(provider, ask.model()))
}

fn body<'a>(
    provider: &str,
    ask: Ask<'a>,
    request: &'a ChatRequest,
    stream: bool,
) -> Result<ResponseBody<'a>, Error> {
    if !request.stop.is_empty() {
        return Err(Error::unsupported("takes no stop texts in the Responses API"));
    }
    let added = ask.extra_body().and_then(|extra| extra.get("tools")?.as_array());
    if let Some(sort) = added.into_iter().flatten().find_map(waits_for_somebody) {
        let message = format!(
            "extra_body offers a tool of the type {sort:?}, whose calls wait for the client and cannot be passed on"
        );
        return Err(Error::unsupported(message));
    }
    let ids = CallIds::of(&request.messages, CALL_ID_MAX);
    let mut input = Vec::new();
    for message in &request.messages {
        items(provider, ask, &ids, message, &mut input)?;
    }
    let has_tools = !request.tools.is_empty();
    let thinks = request.reasoning.is_some_and(|reasoning| reasoning.asks());
    Ok(ResponseBody {
        model: ask.model(),
        input,
        previous_response_id: previous(provider, request.previous.as_ref())?,
        store: false,
        include: if thinks { SEALED } else { &[] },
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: tool_choice(&request.tool_choice, has_tools)?,
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| has_tools),
        text: format(&request.format)?,
        reasoning: request.reasoning.map(|reasoning| WireReasoning {
            effort: reasoning.effort.map(Effort::name),
            // Thoughts are told as summaries only, and some accounts may not have those.
            summary: reasoning.show.then_some("auto"),
        }),
        max_output_tokens: request.max_output_tokens,
        temperature: number("temperature", request.temperature)?,
        top_p: number("top_p", request.top_p)?,
        stream,
    })
}

/// The type of a tool that the service does not run to its end by itself, and whose calls are no calls of functions.
fn waits_for_somebody(tool: &Value) -> Option<&str> {
    let sort = tool.get("type").and_then(Value::as_str)?;
    let waits = match sort {
        "apply_patch" | "local_shell" | "computer" | "computer_use" | "computer_use_preview" => true,
        // It runs where its environment is.
        "shell" => {
            let place = tool.pointer("/environment/type").and_then(Value::as_str);
            place.is_none_or(|place| place == "local")
        }
        // Left out, each call has to be approved.
        "mcp" => match tool.get("require_approval") {
            None | Some(Value::Null) => true,
            Some(stated) => stated.as_str() == Some("always"),
        },
        _ => false,
    };
    waits.then_some(sort)
}

fn previous<'a>(provider: &str, previous: Option<&'a ProviderRef>) -> Result<Option<&'a str>, Error> {
    match previous {
        Some(previous) if previous.provider != provider => {
            let message = format!("goes on from a response that exists at {} only", previous.provider);
            Err(Error::unsupported(message))
        }
        previous => Ok(previous.map(|previous| &*previous.id)),
    }
}

/// What a message comes to; it may be several pieces of the conversation.
fn items<'a>(
    provider: &str,
    ask: Ask<'_>,
    ids: &CallIds<'a>,
    message: &'a Message,
    input: &mut Vec<Item<'a>>,
) -> Result<(), Error> {
    match message {
        Message::System { text, .. } => input.push(said("system", text)),
        Message::User { parts, .. } => {
            input.push(Item::Message { role: "user", content: content(provider, parts)? });
        }
        Message::Assistant(message) => assistant(provider, ask, ids, message, input),
        Message::Tool(ToolResult { call_id, text, .. }) => input.push(Item::Output {
            r#type: "function_call_output",
            call_id: ids.get(call_id),
            output: text,
        }),
        _ => return Err(unknown("message")),
    }
    Ok(())
}

fn said<'a>(role: &'static str, text: &'a str) -> Item<'a> {
    Item::Message { role, content: InputContent::Text(text) }
}

/// An earlier answer, with what was sealed of it where it stood: a thought belongs to what follows it.
fn assistant<'a>(
    provider: &str,
    ask: Ask<'_>,
    ids: &CallIds<'a>,
    message: &'a AssistantMessage,
    input: &mut Vec<Item<'a>>,
) {
    let AssistantMessage { text, tool_calls, sealed, .. } = message;
    let text = (!text.is_empty() || tool_calls.is_empty()).then(|| said("assistant", text));
    let calls = tool_calls.iter().map(|ToolCall { id, name, arguments, .. }| Item::Call {
        r#type: "function_call",
        call_id: ids.get(id),
        name,
        arguments: json_text(arguments),
    });
    let is_ours = |sealed: &&Sealed| sealed.provider == provider && sealed.model == ask.model();
    let mut sealed = sealed.iter().filter(is_ours).filter_map(unsealed).peekable();
    for (place, item) in (0..).zip(text.into_iter().chain(calls)) {
        while let Some((_, item)) = sealed.next_if(|(before, _)| *before <= place) {
            input.push(Item::Sealed(item));
        }
        input.push(item);
    }
    input.extend(sealed.map(|(_, item)| Item::Sealed(item)));
}

/// What was sealed, and how many pieces of the answer stood before it.
fn unsealed(sealed: &Sealed) -> Option<(u64, &Value)> {
    let item = sealed.data.get("item").filter(|item| item.is_object())?;
    Some((sealed.data.get("before").and_then(Value::as_u64).unwrap_or_default(), item))
}

fn content<'a>(provider: &str, parts: &'a [Part]) -> Result<InputContent<'a>, Error> {
    match parts {
        [] => Ok(InputContent::Text("")),
        [Part::Text { text, .. }] => Ok(InputContent::Text(text)),
        parts => parts.iter().map(|p| part(provider, p)).collect::<Result<_, _>>().map(InputContent::Parts),
    }
}

fn part<'a>(provider: &str, part: &'a Part) -> Result<InputPart<'a>, Error> {
    Ok(match part {
        Part::Text { text, .. } => InputPart::Text { text },
        Part::Upload(upload) if upload.provider == provider => InputPart::File { file_id: &upload.id },
        Part::Upload(upload) => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            return Err(Error::unsupported(message));
        }
        Part::Image(image) => match &image.source {
            ImageSource::Url { url, .. } => InputPart::Image { image_url: Link::Url(url) },
            ImageSource::Base64 { media_type, data, .. } => {
                InputPart::Image { image_url: Link::Data { media_type, base64: data } }
            }
            _ => return Err(unknown("image")),
        },
        _ => return Err(unknown("part")),
    })
}

fn tool(tool: &Tool) -> FlatTool<'_> {
    let Tool { name, description, parameters, strict, .. } = tool;
    let (parameters, strict) = fitted(parameters, *strict, STRICT);
    FlatTool { r#type: "function", name, description, parameters, strict }
}

fn tool_choice(choice: &ToolChoice, has_tools: bool) -> Result<Option<FlatChoice<'_>>, Error> {
    Ok(match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => has_tools.then_some(FlatChoice::Word("none")),
        ToolChoice::Required => Some(FlatChoice::Word("required")),
        ToolChoice::Named(name) => Some(FlatChoice::Named { r#type: "function", name }),
        _ => return Err(unknown("tool choice")),
    })
}

fn format(format: &Format) -> Result<Option<TextOptions<'_>>, Error> {
    let format = match format {
        Format::Text => return Ok(None),
        Format::Json => TextFormat::JsonObject,
        Format::JsonSchema { name, schema, strict, .. } => {
            let (schema, strict) = fitted(schema, *strict, STRICT);
            TextFormat::JsonSchema { name, schema, strict }
        }
        _ => return Err(unknown("format")),
    };
    Ok(Some(TextOptions { format }))
}
