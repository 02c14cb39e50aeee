//! From a request to the bytes of its body.

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ToolChoice, ToolResult,
};
use backstop_core::{Ask, Error, ErrorKind};
use serde_json::Value;

use super::wire::{
    ChatBody, Content, FileId, FunctionName, FunctionSchema, ImageUrl, JsonSchema, Link, ResponseFormat,
    StreamOptions, WireCall, WireFunction, WireMessage, WirePart, WireTool, WireToolChoice,
};

/// The wire takes no more.
const STOPS_MAX: usize = 4;

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
const FORM_FIELDS: [&str; 2] = ["stream", "stream_options"];

/// In which form an answer is asked for.
#[derive(Copy, Clone, Debug)]
pub(super) enum Pieces {
    One,
    Many {
        /// Whether to ask for the usage, which some servers take for an unknown field.
        usage: bool,
    },
}

/// The body of a request. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(
    provider: &str,
    ask: Ask<'_>,
    request: &ChatRequest,
    pieces: Pieces,
) -> Result<Vec<u8>, Error> {
    let located = |error: Error| error.with_target(provider, ask.model());
    let mut body = body(provider, ask.model(), request).map_err(located)?;
    if let Pieces::Many { usage } = pieces {
        body.stream = true;
        body.stream_options = usage.then_some(StreamOptions { include_usage: true });
    }
    let cannot = |cause: serde_json::Error| {
        located(Error::new(ErrorKind::Usage, "the request is no JSON").with_source(cause))
    };
    let Some(extra) = ask.extra_body() else {
        return serde_json::to_vec(&body).map_err(cannot);
    };
    if let Some(field) = FORM_FIELDS.iter().find(|field| extra.contains_key(**field)) {
        let message = format!("extra_body holds `{field}`, which is for the library to decide");
        return Err(located(Error::new(ErrorKind::Config, message)));
    }
    let mut body = serde_json::to_value(&body).map_err(cannot)?;
    if let Value::Object(fields) = &mut body {
        fields.extend(extra.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    serde_json::to_vec(&body).map_err(cannot)
}

/// Whether there is nothing but text in the request.
pub(super) fn is_text_only(request: &ChatRequest) -> bool {
    request.messages.iter().all(|message| match message {
        Message::User { parts, .. } => parts.iter().all(|part| matches!(part, Part::Text { .. })),
        _ => true,
    })
}

fn body<'a>(provider: &str, model: &'a str, request: &'a ChatRequest) -> Result<ChatBody<'a>, Error> {
    if request.stop.len() > STOPS_MAX {
        let message = format!("takes at most {STOPS_MAX} stop texts, not {}", request.stop.len());
        return Err(Error::unsupported(message));
    }
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let messages: Result<_, _> = request.messages.iter().map(|m| message(provider, m)).collect();
    let has_tools = !request.tools.is_empty();
    Ok(ChatBody {
        model,
        messages: messages?,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: tool_choice(&request.tool_choice, has_tools)?,
        // Without tools it is refused.
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| has_tools),
        response_format: format(&request.format)?,
        reasoning_effort: request.reasoning.and_then(|reasoning| reasoning.effort).map(Effort::name),
        max_completion_tokens: request.max_output_tokens,
        temperature: number("temperature", request.temperature)?,
        top_p: number("top_p", request.top_p)?,
        stop: &request.stop,
        seed: request.seed,
        stream: false,
        stream_options: None,
    })
}

fn message<'a>(provider: &str, message: &'a Message) -> Result<WireMessage<'a>, Error> {
    Ok(match message {
        Message::System { text, .. } => WireMessage::System { content: text },
        Message::User { parts, .. } => WireMessage::User { content: content(provider, parts)? },
        Message::Assistant(AssistantMessage { text, tool_calls, .. }) => WireMessage::Assistant {
            // Only beside tool calls may the content be left out.
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
            tool_calls: tool_calls
                .iter()
                .map(|call| WireCall {
                    id: &call.id,
                    r#type: "function",
                    function: WireFunction { name: &call.name, arguments: &call.arguments },
                })
                .collect(),
        },
        Message::Tool(ToolResult { call_id, text, .. }) => {
            WireMessage::Tool { tool_call_id: call_id, content: text }
        }
        _ => return Err(unknown("message")),
    })
}

fn content<'a>(provider: &str, parts: &'a [Part]) -> Result<Content<'a>, Error> {
    match parts {
        [] => Ok(Content::Text("")),
        // Some servers of this wire read texts only.
        [Part::Text { text, .. }] => Ok(Content::Text(text)),
        parts => parts.iter().map(|p| part(provider, p)).collect::<Result<_, _>>().map(Content::Parts),
    }
}

fn part<'a>(provider: &str, part: &'a Part) -> Result<WirePart<'a>, Error> {
    let url = match part {
        Part::Text { text, .. } => return Ok(WirePart::Text { text }),
        Part::Upload(upload) if upload.provider == provider => {
            return Ok(WirePart::File { file: FileId { file_id: &upload.id } });
        }
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

fn tool(tool: &backstop_core::chat::Tool) -> WireTool<'_> {
    WireTool {
        r#type: "function",
        function: FunctionSchema {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
            strict: tool.strict,
        },
    }
}

fn tool_choice(choice: &ToolChoice, has_tools: bool) -> Result<Option<WireToolChoice<'_>>, Error> {
    Ok(match choice {
        // The default of the wire. Without tools any choice is refused, and no tool can be called anyway.
        ToolChoice::Auto => None,
        ToolChoice::None => has_tools.then_some(WireToolChoice::Word("none")),
        ToolChoice::Required => Some(WireToolChoice::Word("required")),
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
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict: *strict } })
        }
        _ => return Err(unknown("format")),
    })
}

/// JSON has no word for what is no number; it would become `null`, which is the default.
fn number(name: &str, value: Option<f64>) -> Result<Option<f64>, Error> {
    match value {
        Some(value) if !value.is_finite() => Err(Error::unsupported(format!("{name} is no number: {value}"))),
        value => Ok(value),
    }
}

/// Core may learn of more than this wire has.
fn unknown(what: &str) -> Error {
    Error::unsupported(format!("the request holds a kind of {what} that this provider does not know"))
}
