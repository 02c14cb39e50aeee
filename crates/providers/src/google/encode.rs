//! From a request to the bytes of its body.

use backstop_core::chat::{ChatRequest, Format, Tool, ToolChoice};
use backstop_core::{Ask, Error};
use serde_json::Value;

use super::family;
use super::history::{History, Whom};
use super::wire::{CallingConfig, ChatBody, Function, GenerationConfig, Instruction, ToolConfig, ToolList};
use crate::http::{finite, json_body, unknown};

/// The wire takes no more.
const STOPS_MAX: usize = 5;

/// What a target adds to this table leaves the rest of it.
const CONFIG: &str = "generationConfig";

/// The body of a request, in one piece or streamed. What the wire cannot express is an error here, before anything is
/// sent.
pub(super) fn chat(whom: Whom<'_>, ask: Ask<'_>, request: &ChatRequest) -> Result<Vec<u8>, Error> {
    body(whom, request)
        .and_then(|body| json_body(ask, &body, &[], &[CONFIG]))
        .map_err(|error| error.with_target(whom.provider, whom.model))
}

fn body<'a>(whom: Whom<'a>, request: &'a ChatRequest) -> Result<ChatBody<'a>, Error> {
    if request.stop.len() > STOPS_MAX {
        let message = format!("takes at most {STOPS_MAX} stop texts, not {}", request.stop.len());
        return Err(Error::unsupported(message));
    }
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
        return Err(Error::unsupported("cannot be told to call one tool at a time"));
    }
    let History { system, contents, .. } = History::of(whom, &request.messages)?;
    Ok(ChatBody {
        contents,
        system_instruction: (!system.is_empty()).then_some(Instruction { parts: system }),
        tools: tools(&request.tools),
        tool_config: tool_config(request)?,
        generation_config: generation_config(whom.model, request)?,
    })
}

fn tools(tools: &[Tool]) -> Vec<ToolList<'_>> {
    if tools.is_empty() {
        return Vec::new();
    }
    vec![ToolList { function_declarations: tools.iter().map(function).collect() }]
}

fn function(tool: &Tool) -> Function<'_> {
    Function {
        name: &tool.name,
        description: &tool.description,
        // A function without parameters has none, and not an empty schema.
        parameters_json_schema: Some(&tool.parameters).filter(|schema| !is_empty(schema)),
    }
}

fn is_empty(schema: &Value) -> bool {
    schema.is_null() || schema.as_object().is_some_and(serde_json::Map::is_empty)
}

fn tool_config(request: &ChatRequest) -> Result<Option<ToolConfig<'_>>, Error> {
    let has_tools = !request.tools.is_empty();
    let mode = |mode, only| {
        let function_calling_config = CallingConfig { mode, allowed_function_names: only };
        Ok(Some(ToolConfig { function_calling_config }))
    };
    match &request.tool_choice {
        // Holds calls to their schemas, which otherwise only forced ones are held to.
        ToolChoice::Auto if request.tools.iter().any(|tool| tool.strict) => mode("VALIDATED", None),
        ToolChoice::Auto => Ok(None),
        ToolChoice::None if !has_tools => Ok(None),
        ToolChoice::None => mode("NONE", None),
        ToolChoice::Required | ToolChoice::Named(_) if !has_tools => {
            Err(Error::unsupported("cannot be made to call a tool where none is offered"))
        }
        ToolChoice::Required => mode("ANY", None),
        ToolChoice::Named(name) => mode("ANY", Some([name.as_str()])),
        _ => Err(unknown("tool choice")),
    }
}

fn generation_config<'a>(model: &str, request: &'a ChatRequest) -> Result<GenerationConfig<'a>, Error> {
    let (response_mime_type, response_json_schema) = match &request.format {
        Format::Text => (None, None),
        Format::Json => (Some("application/json"), None),
        Format::JsonSchema { schema, .. } => (Some("application/json"), Some(schema)),
        _ => return Err(unknown("format")),
    };
    let seed = request.seed.map(i32::try_from).transpose();
    Ok(GenerationConfig {
        temperature: finite("temperature", request.temperature)?,
        top_p: finite("top_p", request.top_p)?,
        max_output_tokens: request.max_output_tokens,
        stop_sequences: &request.stop,
        seed: seed.map_err(|_| Error::unsupported(format!("takes seeds up to {} only", i32::MAX)))?,
        response_mime_type,
        response_json_schema,
        thinking_config: family::thinking_config(model, request.reasoning)?,
    })
}
