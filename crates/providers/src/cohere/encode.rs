//! From a request to the bytes of its body.

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ReasoningRequest, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use backstop_core::embedding::{EmbeddingRequest, InputType};
use backstop_core::{Ask, Error};

use super::wire::{
    ChatBody, Content, EmbedBody, FunctionSchema, ImageUrl, ResponseFormat, ThinkingRequest, WireCall,
    WireFunction, WireMessage, WirePart, WireTool,
};
use crate::http::{Link, finite, json_body, unknown};

/// The wire takes no more.
const STOPS_MAX: usize = 5;

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
const FORM_FIELDS: &[&str] = &["stream"];

/// The same for vectors, and whose they are and of what.
const VECTOR_FIELDS: &[&str] = &["embedding_types", "model", "texts", "inputs", "images"];

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(ask: Ask<'_>, request: &ChatRequest, stream: bool) -> Result<Vec<u8>, Error> {
    if request.stop.len() > STOPS_MAX {
        let message = format!("takes at most {STOPS_MAX} stop texts, not {}", request.stop.len());
        return Err(Error::unsupported(message));
    }
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let (tools, tool_choice) = tools(request)?;
    let body = ChatBody {
        model: ask.model(),
        messages: messages(&request.messages)?,
        strict_tools: !tools.is_empty() && tools.iter().all(|tool| tool.strict),
        tools: tools.into_iter().map(wire_tool).collect(),
        tool_choice,
        response_format: format(&request.format)?,
        thinking: request.reasoning.map(thinking).transpose()?,
        max_tokens: request.max_output_tokens,
        temperature: finite("temperature", request.temperature)?,
        p: nucleus(request.top_p)?,
        stop_sequences: &request.stop,
        seed: request.seed,
        stream,
    };
    json_body(ask, &body, FORM_FIELDS, &[])
}

/// The body of a request for vectors. A text that is too long is refused, unless it may be cut.
pub(super) fn embed(ask: Ask<'_>, request: &EmbeddingRequest, truncate: bool) -> Result<Vec<u8>, Error> {
    let body = EmbedBody {
        model: ask.model(),
        texts: &request.input,
        // The wire wants to know. Most texts are embedded to be found.
        input_type: match request.input_type {
            None | Some(InputType::Document) => "search_document",
            Some(InputType::Query) => "search_query",
            Some(_) => return Err(unknown("input")),
        },
        embedding_types: ["float"],
        output_dimension: request.dimensions,
        truncate: if truncate { "END" } else { "NONE" },
    };
    json_body(ask, &body, VECTOR_FIELDS, &[])
}

/// The conversation. The wire wants one system message, in front.
fn messages(messages: &[Message]) -> Result<Vec<WireMessage<'_>>, Error> {
    let system = |message: &'_ Message| match message {
        Message::System { text, .. } if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let system: Vec<_> = messages.iter().filter_map(system).collect();
    let mut wire = Vec::new();
    if !system.is_empty() {
        wire.push(WireMessage::System { content: system.join("\n\n") });
    }
    for message in messages {
        match message {
            Message::System { .. } => {}
            Message::User { parts, .. } => wire.push(WireMessage::User { content: content(parts)? }),
            Message::Assistant(said) => wire.extend(answer(said)),
            Message::Tool(ToolResult { call_id, text, .. }) => {
                wire.push(WireMessage::Tool { tool_call_id: call_id, content: text });
            }
            _ => return Err(unknown("message")),
        }
    }
    Ok(wire)
}

/// An earlier answer, if it says anything. Beside tool calls there is no text but a plan.
fn answer(said: &AssistantMessage) -> Option<WireMessage<'_>> {
    let text = Some(&*said.text).filter(|text| !text.is_empty());
    let calls = !said.tool_calls.is_empty();
    (calls || text.is_some()).then(|| WireMessage::Assistant {
        content: text.filter(|_| !calls),
        tool_plan: text.filter(|_| calls),
        tool_calls: said.tool_calls.iter().map(wire_call).collect(),
    })
}

fn wire_call(call: &ToolCall) -> WireCall<'_> {
    // No text at all is no JSON.
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    WireCall { id: &call.id, r#type: "function", function: WireFunction { name: &call.name, arguments } }
}

fn content(parts: &[Part]) -> Result<Content<'_>, Error> {
    match parts {
        [] => Ok(Content::Text("")),
        [Part::Text { text, .. }] => Ok(Content::Text(text)),
        parts => parts.iter().map(part).collect::<Result<_, _>>().map(Content::Parts),
    }
}

fn part(part: &Part) -> Result<WirePart<'_>, Error> {
    let url = match part {
        Part::Text { text, .. } => return Ok(WirePart::Text { text }),
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
    Ok(WirePart::ImageUrl { image_url: ImageUrl { url } })
}

/// The tools the model may call, and whether it must. To force one is to offer no other.
fn tools(request: &ChatRequest) -> Result<(Vec<&Tool>, Option<&'static str>), Error> {
    let all: Vec<&Tool> = request.tools.iter().collect();
    if !all.is_empty() && request.parallel_tool_calls == Some(false) {
        return Err(Error::unsupported("cannot be kept from calling several tools at once"));
    }
    Ok(match &request.tool_choice {
        ToolChoice::Auto => (all, None),
        ToolChoice::None => {
            let word = (!all.is_empty()).then_some("NONE");
            (all, word)
        }
        ToolChoice::Required => (all, Some("REQUIRED")),
        ToolChoice::Named(name) => match request.tools.iter().find(|tool| tool.name == *name) {
            Some(tool) => (vec![tool], Some("REQUIRED")),
            None => {
                return Err(Error::unsupported(format!("must call the tool {name:?}, which is not there")));
            }
        },
        _ => return Err(unknown("tool choice")),
    })
}

fn wire_tool(tool: &Tool) -> WireTool<'_> {
    let function =
        FunctionSchema { name: &tool.name, description: &tool.description, parameters: &tool.parameters };
    WireTool { r#type: "function", function }
}

fn format(format: &Format) -> Result<Option<ResponseFormat<'_>>, Error> {
    let json_schema = match format {
        Format::Text => return Ok(None),
        Format::Json => None,
        Format::JsonSchema { schema, .. } => Some(schema),
        _ => return Err(unknown("format")),
    };
    Ok(Some(ResponseFormat { r#type: "json_object", json_schema }))
}

/// The wire knows no efforts, but how many tokens may be thought; without a number, as many as the model likes.
fn thinking(reasoning: ReasoningRequest) -> Result<ThinkingRequest, Error> {
    let token_budget = match reasoning.effort {
        Some(Effort::None) => return Ok(ThinkingRequest { r#type: "disabled", token_budget: None }),
        Some(Effort::Minimal) => Some(512),
        Some(Effort::Low) => Some(2_048),
        Some(Effort::Medium) => Some(8_192),
        None | Some(Effort::High) => None,
        Some(_) => return Err(unknown("effort")),
    };
    Ok(ThinkingRequest { r#type: "enabled", token_budget })
}

/// What the wire takes of nucleus sampling ends short of everything.
fn nucleus(top_p: Option<f64>) -> Result<Option<f64>, Error> {
    match top_p {
        Some(value) if !(0.01..=0.99).contains(&value) => {
            Err(Error::unsupported(format!("takes a top_p from 0.01 to 0.99, not {value}")))
        }
        top_p => Ok(top_p),
    }
}
