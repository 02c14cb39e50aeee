//! From a request to the bytes of its body.

use std::borrow::Cow;

use backstop_core::chat::{ChatRequest, Format, Tool, ToolChoice};
use backstop_core::{Ask, Error};
use serde_json::{Map, Value, json};

use super::history;
use super::model::Embedder;
use super::thinking;
use super::wire::{
    ChatBody, InferenceConfig, InputSchema, JsonSchema, OutputConfig, Structure, TextFormat, ToolConfig,
    ToolSpec, WireTool,
};
use crate::http::{Demands, finite, fitted, json_body, unknown};

/// Tables to which a target adds.
const MERGED: &[&str] = &["inferenceConfig", "additionalModelRequestFields"];

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(provider: &str, ask: Ask<'_>, request: &ChatRequest) -> Result<Vec<u8>, Error> {
    if Embedder::of(ask.model()).is_some() {
        return Err(Error::unsupported("has no chat: it makes vectors"));
    }
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    let thinking = thinking::asked(ask.model(), request)?;
    let (system, messages) = history::messages(provider, ask.model(), &request.messages)?;
    if thinking.as_ref().is_some_and(thinking::has_budget) && history::began_without_thoughts(&messages) {
        return Err(Error::unsupported("does not begin to think between calls of tools"));
    }
    let body = ChatBody {
        tool_config: tool_config(request)?,
        messages,
        system,
        inference_config: inference_config(request)?,
        output_config: output_config(&request.format)?,
        additional_model_request_fields: thinking,
    };
    json_body(ask, &body, &[], MERGED)
}

fn inference_config(request: &ChatRequest) -> Result<Option<InferenceConfig<'_>>, Error> {
    let config = InferenceConfig {
        max_tokens: request.max_output_tokens,
        temperature: finite("temperature", request.temperature)?,
        top_p: finite("top_p", request.top_p)?,
        stop_sequences: &request.stop,
    };
    let says_something = config.max_tokens.is_some()
        || config.temperature.is_some()
        || config.top_p.is_some()
        || !config.stop_sequences.is_empty();
    Ok(says_something.then_some(config))
}

/// The tools. The wire wants them wherever the conversation holds a call or a result, and has no word for calling none.
fn tool_config(request: &ChatRequest) -> Result<Option<ToolConfig<'_>>, Error> {
    let called = history::called(&request.messages);
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None if called.is_empty() => return Ok(None),
        ToolChoice::None => {
            let message = "cannot be kept from calling tools in a conversation that holds calls of tools";
            return Err(Error::unsupported(message));
        }
        _ if request.tools.is_empty() => {
            return Err(Error::unsupported("must call a tool, and there is none"));
        }
        ToolChoice::Required => Some(json!({ "any": {} })),
        ToolChoice::Named(name) => Some(json!({ "tool": { "name": name } })),
        _ => return Err(unknown("tool choice")),
    };
    if request.tools.is_empty() {
        let tools: Vec<_> = called.into_iter().map(earlier_tool).collect();
        return Ok((!tools.is_empty()).then_some(ToolConfig { tools, tool_choice: None }));
    }
    if request.parallel_tool_calls == Some(false) {
        return Err(Error::unsupported("cannot be kept from calling several tools at once"));
    }
    Ok(Some(ToolConfig { tools: request.tools.iter().map(tool).collect(), tool_choice: choice }))
}

/// What a schema has to be like to be enforced.
const STRICT: Option<Demands> = Some(Demands::CLOSED);

fn tool(tool: &Tool) -> WireTool<'_> {
    let Tool { name, description, parameters, strict, .. } = tool;
    let (json, strict) = match fitted(parameters, *strict, STRICT) {
        (schema, true) => (schema, true),
        (_, false) => (schema(parameters), false),
    };
    let input_schema = InputSchema { json };
    WireTool { tool_spec: ToolSpec { name, description, input_schema, strict } }
}

/// Arguments are an object, which the wire wants to be said.
fn schema(parameters: &Value) -> Cow<'_, Value> {
    match parameters {
        Value::Object(schema) if !schema.contains_key("type") => {
            let mut typed = Map::from_iter([("type".to_owned(), Value::from("object"))]);
            typed.extend(schema.clone());
            Cow::Owned(Value::Object(typed))
        }
        other => Cow::Borrowed(other),
    }
}

/// A tool of which nothing is known but that it was called.
fn earlier_tool(name: &str) -> WireTool<'_> {
    let input_schema = InputSchema { json: Cow::Owned(json!({ "type": "object" })) };
    let description = "Called earlier, and no longer there.";
    WireTool { tool_spec: ToolSpec { name, description, input_schema, strict: false } }
}

fn output_config(format: &Format) -> Result<Option<OutputConfig<'_>>, Error> {
    let (name, schema) = match format {
        Format::Text => return Ok(None),
        Format::Json => return Err(Error::unsupported("has no JSON output without a schema")),
        // The wire knows no other way than to enforce it.
        Format::JsonSchema { name, schema, .. } => (name, fitted(schema, true, STRICT).0.to_string()),
        _ => return Err(unknown("format")),
    };
    let structure = Structure { json_schema: JsonSchema { name, schema } };
    Ok(Some(OutputConfig { text_format: TextFormat { r#type: "json_schema", structure } }))
}
