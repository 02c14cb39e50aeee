//! From a request to the bytes of its body.

use std::borrow::Cow;

use backstop_core::chat::{ChatRequest, Format, Tool, ToolChoice};
use backstop_core::{Ask, Error};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::config::VERSION_HEADER;
use super::thinking::{Asked, Mode, Thinker};
use super::turns::Conversation;
use super::wire::{MessagesBody, OutputConfig, OutputFormat, Several, WireTool, WireToolChoice};
use crate::http::{Demands, Form, finite, fitted, json_body, unknown};

/// From this version of the API on there is no sampling to steer. Versions are dates, which sort as texts.
const UNSAMPLED: &str = "2026-10-21";

/// What decides in which form the answer comes; as an extra field it would make the answer unreadable.
const DECIDED: &[&str] = &["stream"];

/// A table to which extra fields add.
const MERGED: &[&str] = &["output_config"];

/// On which terms a provider asks.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    version: String,
    max_output_tokens: u32,
    thinking: Option<Mode>,
}

impl Terms {
    /// The terms of a provider that sends these headers.
    pub(super) fn of(headers: &HeaderMap, max_output_tokens: u32, thinking: Option<Mode>) -> Self {
        let version = headers.get(VERSION_HEADER).and_then(|value| value.to_str().ok());
        Self { version: version.unwrap_or_default().to_owned(), max_output_tokens, thinking }
    }

    /// The version of the API that this target is asked by.
    fn version<'a>(&'a self, ask: Ask<'a>) -> &'a str {
        let stated = ask.headers().iter().rfind(|(name, _)| VERSION_HEADER == *name.as_str());
        stated.map_or(&self.version, |(_, version)| version)
    }
}

/// The body of a request. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(
    provider: &str,
    ask: Ask<'_>,
    request: &ChatRequest,
    terms: &Terms,
    form: Form,
) -> Result<Vec<u8>, Error> {
    let bytes = body(provider, ask, request, terms)
        .map(|body| MessagesBody { stream: form == Form::Events, ..body })
        .and_then(|body| json_body(ask, &body, DECIDED, MERGED));
    bytes.map_err(|error| error.with_target(provider, ask.model()))
}

fn body<'a>(
    provider: &str,
    ask: Ask<'a>,
    request: &'a ChatRequest,
    terms: &Terms,
) -> Result<MessagesBody<'a>, Error> {
    let model = ask.model();
    check(request, terms.version(ask))?;
    let thinker = Thinker::of(model, terms.thinking);
    let Asked { thinking, effort, room } = thinker.asked(request)?;
    let sampled = |name, value: Option<f64>| match finite(name, value)? {
        Some(value) if thinker.is_claude && !(0.0..=1.0).contains(&value) => {
            Err(Error::unsupported(format!("takes a {name} from 0 to 1, not {value}")))
        }
        value => Ok(value),
    };
    let Conversation { system, turns } = conversation(provider, thinker, request, model)?;
    let has_tools = !request.tools.is_empty();
    Ok(MessagesBody {
        model,
        max_tokens: request.max_output_tokens.unwrap_or_else(|| terms.max_output_tokens.saturating_add(room)),
        system,
        messages: turns,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: tool_choice(request, has_tools)?,
        thinking,
        output_config: OutputConfig { effort, format: format(&request.format)? },
        temperature: sampled("temperature", request.temperature)?,
        top_p: sampled("top_p", request.top_p)?,
        stop_sequences: &request.stop,
        stream: false,
    })
}

/// What every model refuses.
fn check(request: &ChatRequest, version: &str) -> Result<(), Error> {
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    if request.stop.iter().any(|stop| stop.trim().is_empty()) {
        return Err(Error::unsupported("takes no stop text that is white space only"));
    }
    let sampling = [("temperature", request.temperature), ("top_p", request.top_p)];
    match sampling.into_iter().find(|(_, value)| value.is_some()) {
        Some((name, _)) if version >= UNSAMPLED => {
            Err(Error::unsupported(format!("takes no {name} in version {version} of its API")))
        }
        _ => Ok(()),
    }
}

fn conversation<'a>(
    provider: &str,
    thinker: Thinker,
    request: &'a ChatRequest,
    model: &str,
) -> Result<Conversation<'a>, Error> {
    let conversation = Conversation::of(provider, model, &request.messages)?;
    let must_begin = thinker.is_claude && thinker.mode == Mode::Budget;
    let asks = request.reasoning.is_some_and(|reasoning| reasoning.asks());
    if must_begin && asks && conversation.began_without_thoughts() {
        return Err(Error::unsupported("does not begin to think between calls of tools"));
    }
    Ok(conversation)
}

/// What a schema has to be like to be enforced.
const STRICT: Option<Demands> = Some(Demands::CLOSED);

fn tool(tool: &Tool) -> WireTool<'_> {
    let Tool { name, description, parameters, strict, .. } = tool;
    let (input_schema, strict) = match fitted(parameters, *strict, STRICT) {
        (schema, true) => (schema, true),
        (_, false) => (schema(parameters), false),
    };
    WireTool { name, description, input_schema, strict }
}

/// Arguments are an object, which the wire wants to be said.
fn schema(parameters: &Value) -> Cow<'_, Value> {
    match parameters {
        Value::Object(schema) if !schema.contains_key("type") => {
            let mut typed = Map::from_iter([("type".to_owned(), Value::from("object"))]);
            typed.extend(schema.clone());
            Cow::Owned(Value::Object(typed))
        }
        Value::Null => Cow::Owned(json!({ "type": "object" })),
        schema => Cow::Borrowed(schema),
    }
}

fn tool_choice(request: &ChatRequest, has_tools: bool) -> Result<Option<WireToolChoice<'_>>, Error> {
    let disable_parallel_tool_use = request.parallel_tool_calls == Some(false);
    let several = Several { disable_parallel_tool_use };
    Ok(match &request.tool_choice {
        // The default of the wire.
        ToolChoice::Auto if !(has_tools && disable_parallel_tool_use) => None,
        ToolChoice::Auto => Some(WireToolChoice::Auto(several)),
        // Without tools no tool can be called anyway.
        ToolChoice::None => has_tools.then_some(WireToolChoice::None),
        ToolChoice::Required => Some(WireToolChoice::Any(several)),
        ToolChoice::Named(name) => Some(WireToolChoice::Tool { name, several }),
        _ => return Err(unknown("tool choice")),
    })
}

fn format(format: &Format) -> Result<Option<OutputFormat<'_>>, Error> {
    Ok(match format {
        Format::Text => None,
        Format::Json => return Err(Error::unsupported("has no JSON output without a schema")),
        // The wire knows no other way than to enforce it.
        Format::JsonSchema { schema, .. } => {
            Some(OutputFormat::JsonSchema { schema: fitted(schema, true, STRICT).0 })
        }
        _ => return Err(unknown("format")),
    })
}
