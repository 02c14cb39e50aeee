//! From a request to the bytes of its body.

use std::borrow::Cow;

use backstop_core::chat::{
    AssistantMessage, ChatRequest, Effort, Format, ImageSource, Message, Part, ReasoningRequest, Tool,
    ToolCall, ToolChoice, ToolResult,
};
use backstop_core::{Ask, Error, ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::calls::{CallIds, json_text, object_text};
use super::dialect::{Dialect, Limit, Resent, Takes, Thinking, Words};
use super::wire::{
    ChatBody, Content, EffortObject, FileId, FunctionName, FunctionSchema, ImageUrl, JsonSchema, Link,
    ResponseFormat, StreamOptions, Switch, TemplateArguments, WireCall, WireFunction, WireMessage, WirePart,
    WireThinking, WireTool, WireToolChoice,
};
use super::{resent, turns};
use crate::http::{fitted, json_body};

/// The longest id of a tool call that every server takes.
const CALL_ID_MAX: usize = 40;

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
pub(super) const FORM_FIELDS: &[&str] = &["stream", "stream_options"];

/// In which form an answer is asked for.
#[derive(Copy, Clone, Debug)]
pub(super) enum Pieces {
    One,
    Many {
        /// Whether to ask for the usage, which some servers take for an unknown field.
        usage: bool,
    },
}

impl Pieces {
    pub(super) fn is_stream(self) -> bool {
        matches!(self, Self::Many { .. })
    }

    pub(super) fn options(self) -> Option<StreamOptions> {
        matches!(self, Self::Many { usage: true }).then_some(StreamOptions { include_usage: true })
    }
}

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(
    dialect: &Dialect,
    provider: &str,
    ask: Ask<'_>,
    request: &ChatRequest,
    pieces: Pieces,
) -> Result<Vec<u8>, Error> {
    let body = body(&dialect.takes, provider, ask, request, pieces);
    body.and_then(|body| written(&body, ask, FORM_FIELDS))
        .map_err(|error| error.with_target(provider, ask.model()))
}

/// A body as JSON, with the extra fields of the target, which may not be among `reserved`.
pub(crate) fn written(body: &impl Serialize, ask: Ask<'_>, reserved: &[&str]) -> Result<Vec<u8>, Error> {
    json_body(ask, body, reserved, &[])
}

/// Whether there is nothing but text in the request.
pub(crate) fn is_text_only(request: &ChatRequest) -> bool {
    request.messages.iter().all(|message| match message {
        Message::User { parts, .. } => parts.iter().all(|part| matches!(part, Part::Text { .. })),
        _ => true,
    })
}

fn body<'a>(
    takes: &Takes,
    provider: &str,
    ask: Ask<'a>,
    request: &'a ChatRequest,
    pieces: Pieces,
) -> Result<ChatBody<'a>, Error> {
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let has_tools = !request.tools.is_empty();
    let limit = |name| request.max_output_tokens.filter(|_| takes.limit == name);
    Ok(ChatBody {
        model: ask.model(),
        messages: messages(takes, provider, ask, &request.messages)?,
        tools: tools(takes, request)?,
        tool_choice: tool_choice(takes, &request.tool_choice, has_tools)?,
        parallel_tool_calls: parallel(takes, request.parallel_tool_calls.filter(|_| has_tools))?,
        response_format: format(takes, &request.format)?,
        thinking: thinking(&takes.thinking, request.reasoning)?,
        max_completion_tokens: limit(Limit::MaxCompletionTokens),
        max_tokens: limit(Limit::MaxTokens),
        temperature: number("temperature", request.temperature)?,
        top_p: number("top_p", request.top_p)?,
        stop: stops(takes, &request.stop)?,
        seed: request.seed.filter(|_| takes.seed),
        stream: pieces.is_stream(),
        stream_options: pieces.options(),
        always: always(takes)?,
    })
}

fn messages<'a>(
    takes: &Takes,
    provider: &str,
    ask: Ask<'_>,
    messages: &'a [Message],
) -> Result<Vec<WireMessage<'a>>, Error> {
    let ids = CallIds::of(messages, CALL_ID_MAX);
    let one = |message| self::message(takes, provider, ask, &ids, message);
    let messages = messages.iter().map(one).collect::<Result<_, _>>()?;
    Ok(if takes.alternation { turns::alternating(messages) } else { messages })
}

fn message<'a>(
    takes: &Takes,
    provider: &str,
    ask: Ask<'_>,
    ids: &CallIds<'a>,
    message: &'a Message,
) -> Result<WireMessage<'a>, Error> {
    Ok(match message {
        Message::System { text, .. } => WireMessage::System { content: Cow::Borrowed(text) },
        Message::User { parts, .. } => WireMessage::User { content: content(takes, provider, parts)? },
        Message::Assistant(message) => {
            let AssistantMessage { text, tool_calls, .. } = message;
            let has_calls = !tool_calls.is_empty();
            if has_calls && !takes.tools {
                return Err(Error::unsupported("the conversation holds calls of tools"));
            }
            let sealed = resent::of_message(takes.resent, message, provider, ask.model());
            WireMessage::Assistant {
                // Only beside tool calls may the content be left out.
                content: (!text.is_empty() || !has_calls).then_some(Cow::Borrowed(text)),
                reasoning_content: (takes.resent == Resent::Thoughts && has_calls)
                    .then(|| sealed.and_then(Value::as_str).unwrap_or_default()),
                reasoning_details: sealed.filter(|_| takes.resent == Resent::Details),
                tool_calls: tool_calls.iter().map(|call| self::call(takes, ids, call)).collect(),
            }
        }
        Message::Tool(_) if !takes.tools => {
            return Err(Error::unsupported("the conversation holds results of tools"));
        }
        Message::Tool(ToolResult { call_id, text, .. }) => {
            WireMessage::Tool { tool_call_id: ids.get(call_id), content: text }
        }
        _ => return Err(unknown("message")),
    })
}

fn call<'a>(takes: &Takes, ids: &CallIds<'a>, call: &'a ToolCall) -> WireCall<'a> {
    let arguments = match takes.argument_objects {
        true => object_text(&call.arguments),
        false => Cow::Borrowed(json_text(&call.arguments)),
    };
    WireCall {
        id: ids.get(&call.id),
        r#type: "function",
        function: WireFunction { name: &call.name, arguments },
    }
}

fn content<'a>(takes: &Takes, provider: &str, parts: &'a [Part]) -> Result<Content<'a>, Error> {
    match parts {
        [] => Ok(Content::Text("")),
        // Some servers of this wire read texts only.
        [Part::Text { text, .. }] => Ok(Content::Text(text)),
        parts => parts.iter().map(|p| part(takes, provider, p)).collect::<Result<_, _>>().map(Content::Parts),
    }
}

fn part<'a>(takes: &Takes, provider: &str, part: &'a Part) -> Result<WirePart<'a>, Error> {
    let url = match part {
        Part::Text { text, .. } => return Ok(WirePart::Text { text }),
        Part::Upload(upload) if upload.provider != provider => {
            let message = format!("the request holds a file that exists at {} only", upload.provider);
            return Err(Error::unsupported(message));
        }
        Part::Upload(upload) if takes.files => {
            return Ok(WirePart::File { file: FileId { file_id: &upload.id } });
        }
        Part::Upload(_) => return Err(Error::unsupported("takes no uploaded files")),
        Part::Image(image) => match &image.source {
            ImageSource::Url { url, .. } if takes.image_urls => Link::Url(url),
            ImageSource::Url { .. } => return Err(Error::unsupported("takes no image URLs")),
            ImageSource::Base64 { media_type, data, .. } if takes.images => {
                Link::Data { media_type, base64: data }
            }
            ImageSource::Base64 { .. } => return Err(Error::unsupported("takes no images")),
            _ => return Err(unknown("image")),
        },
        _ => return Err(unknown("part")),
    };
    Ok(WirePart::ImageUrl { image_url: ImageUrl { url } })
}

fn tools<'a>(takes: &Takes, request: &'a ChatRequest) -> Result<Vec<WireTool<'a>>, Error> {
    if !request.tools.is_empty() && !takes.tools {
        return Err(Error::unsupported("cannot call tools"));
    }
    let tool = |tool: &'a Tool| {
        let Tool { name, description, parameters, strict, .. } = tool;
        let (parameters, strict) = fitted(parameters, *strict && takes.strict_tools, takes.strict);
        let function = FunctionSchema { name, description, parameters, strict };
        WireTool { r#type: "function", function }
    };
    Ok(request.tools.iter().map(tool).collect())
}

fn tool_choice<'a>(
    takes: &Takes,
    choice: &'a ToolChoice,
    has_tools: bool,
) -> Result<Option<WireToolChoice<'a>>, Error> {
    Ok(match choice {
        // The default of the wire. Without tools any choice is refused, and no tool can be called anyway.
        ToolChoice::Auto => None,
        ToolChoice::None => has_tools.then_some(WireToolChoice::Word("none")),
        ToolChoice::Required | ToolChoice::Named(_) if !takes.forced_tools => {
            return Err(Error::unsupported("cannot be made to call a tool"));
        }
        ToolChoice::Required => Some(WireToolChoice::Word("required")),
        ToolChoice::Named(name) => {
            Some(WireToolChoice::Named { r#type: "function", function: FunctionName { name } })
        }
        _ => return Err(unknown("tool choice")),
    })
}

fn parallel(takes: &Takes, allowed: Option<bool>) -> Result<Option<bool>, Error> {
    match allowed {
        Some(false) if !takes.parallel_tool_calls => {
            Err(Error::unsupported("cannot be kept from calling several tools at once"))
        }
        allowed => Ok(allowed.filter(|_| takes.parallel_tool_calls)),
    }
}

fn format<'a>(takes: &Takes, format: &'a Format) -> Result<Option<ResponseFormat<'a>>, Error> {
    Ok(match format {
        Format::Text => None,
        Format::Json if takes.json => Some(ResponseFormat::JsonObject),
        Format::Json => return Err(Error::unsupported("has no JSON output")),
        Format::JsonSchema { name, schema, strict, .. } if takes.json_schema => {
            let (schema, strict) = fitted(schema, *strict, takes.strict);
            Some(ResponseFormat::JsonSchema { json_schema: JsonSchema { name, schema, strict } })
        }
        Format::JsonSchema { .. } => {
            return Err(Error::unsupported("has no JSON output of a given schema"));
        }
        _ => return Err(unknown("format")),
    })
}

fn thinking(thinking: &Thinking, asked: Option<ReasoningRequest>) -> Result<WireThinking, Error> {
    let none = WireThinking::default();
    let Some(effort) = asked.and_then(|asked| asked.effort) else {
        return match thinking {
            Thinking::Unasked if asked.is_some() => Err(Error::unsupported("does not reason on request")),
            // How much is left to the service.
            _ => Ok(none),
        };
    };
    let thinks = effort != Effort::None;
    Ok(match thinking {
        // What does not think on request is not thinking now, or cannot be told anyway.
        Thinking::Unasked if !thinks => none,
        Thinking::Unasked => return Err(Error::unsupported("does not reason on request")),
        Thinking::Effort(words) => WireThinking { reasoning_effort: Some(word(words, effort)?), ..none },
        Thinking::Object(words) => {
            WireThinking { reasoning: Some(EffortObject { effort: word(words, effort)? }), ..none }
        }
        Thinking::Switch(words) => WireThinking {
            thinking: Some(Switch { r#type: if thinks { "enabled" } else { "disabled" } }),
            reasoning_effort: Some(word(words, effort)?).filter(|_| thinks),
            ..none
        },
        Thinking::Template(words) => {
            let reasoning_effort = Some(word(words, effort)?).filter(|_| thinks);
            let chat_template_kwargs = Some(TemplateArguments { enable_thinking: thinks, reasoning_effort });
            WireThinking { chat_template_kwargs, reasoning_effort, ..none }
        }
    })
}

fn word(words: &Words, effort: Effort) -> Result<&'static str, Error> {
    Ok(match effort {
        Effort::None => words.none,
        Effort::Minimal => words.minimal,
        Effort::Low => words.low,
        Effort::Medium => words.medium,
        Effort::High => words.high,
        _ => return Err(unknown("effort")),
    })
}

/// The stop texts, if there are not too many.
pub(super) fn stops<'a>(takes: &Takes, stops: &'a [String]) -> Result<&'a [String], Error> {
    let most = takes.stops;
    if stops.len() > most {
        let message = format!("takes at most {most} stop texts, not {}", stops.len());
        return Err(Error::unsupported(message));
    }
    Ok(stops)
}

fn always(takes: &Takes) -> Result<Map<String, Value>, Error> {
    let field = |(name, json): &(&str, &str)| {
        let broken = |_| Error::new(ErrorKind::Config, format!("the field {name} is no JSON"));
        Ok(((*name).to_owned(), serde_json::from_str(json).map_err(broken)?))
    };
    takes.always.iter().map(field).collect()
}

/// JSON has no word for what is no number; it would become `null`, which is the default.
pub(crate) fn number(name: &str, value: Option<f64>) -> Result<Option<f64>, Error> {
    match value {
        Some(value) if !value.is_finite() => Err(Error::unsupported(format!("{name} is no number: {value}"))),
        value => Ok(value),
    }
}

/// Core may learn of more than this wire has.
pub(crate) fn unknown(what: &str) -> Error {
    Error::unsupported(format!("the request holds a kind of {what} that this provider does not know"))
}
