//! From a request to the bytes of its body.

use std::borrow::Cow;

use backstop_core::chat::{ChatRequest, Effort, Format, ReasoningRequest, Tool, ToolChoice};
use backstop_core::{Ask, Error};
use serde_json::{Value, json};

use super::history;
use super::model::{Embedder, Thinks};
use super::wire::{
    ChatBody, InferenceConfig, InputSchema, JsonSchema, OutputConfig, Structure, TextFormat, ToolConfig,
    ToolSpec, WireTool,
};
use crate::http::{finite, json_body, unknown};

/// Tables to which a target adds.
const MERGED: &[&str] = &["inferenceConfig", "additionalModelRequestFields"];

/// The least a model of that time may be given to think.
const BUDGET_MIN: u32 = 1_024;

/// The body of a chat. What the wire cannot express is an error here, before anything is sent.
pub(super) fn chat(provider: &str, ask: Ask<'_>, request: &ChatRequest) -> Result<Vec<u8>, Error> {
    if Embedder::of(ask.model()).is_some() {
        return Err(Error::unsupported("has no chat: it makes vectors"));
    }
    if request.previous.is_some() {
        return Err(Error::unsupported("keeps no earlier responses to go on from"));
    }
    if request.seed.is_some() {
        return Err(Error::unsupported("takes no seed"));
    }
    let (system, messages) = history::messages(provider, ask.model(), &request.messages)?;
    let body = ChatBody {
        tool_config: tool_config(request)?,
        messages,
        system,
        inference_config: inference_config(request)?,
        output_config: output_config(&request.format)?,
        additional_model_request_fields: match request.reasoning {
            Some(reasoning) => thinking(ask.model(), reasoning, request.max_output_tokens)?,
            None => None,
        },
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

fn tool(tool: &Tool) -> WireTool<'_> {
    let input_schema = InputSchema { json: Cow::Borrowed(&tool.parameters) };
    let (name, description, strict) = (&tool.name, &tool.description, tool.strict);
    WireTool { tool_spec: ToolSpec { name, description, input_schema, strict } }
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
        Format::JsonSchema { name, schema, .. } => (name, schema.to_string()),
        _ => return Err(unknown("format")),
    };
    let structure = Structure { json_schema: JsonSchema { name, schema } };
    Ok(Some(OutputConfig { text_format: TextFormat { r#type: "json_schema", structure } }))
}

/// How to ask a model of Anthropic's for thoughts: with a number of tokens, or, later on, with an effort.
fn thinking(model: &str, reasoning: ReasoningRequest, max: Option<u32>) -> Result<Option<Value>, Error> {
    // Left unasked, none of them thinks.
    if !reasoning.asks() {
        return Ok(None);
    }
    let unknown = || unknown("effort");
    Ok(Some(match Thinks::of(model) {
        Thinks::Unasked => return Err(Error::unsupported("does not reason on request")),
        Thinks::Budget => {
            let wanted = match reasoning.effort {
                Some(Effort::Minimal) => BUDGET_MIN,
                Some(Effort::Low) => 2_048,
                None | Some(Effort::Medium) => 8_192,
                Some(Effort::High) => 24_576,
                Some(_) => return Err(unknown()),
            };
            // What is thought counts as output, and something has to be left for the answer.
            let budget = wanted.min(max.map_or(u32::MAX, |max| max / 2).max(BUDGET_MIN));
            if let Some(max) = max.filter(|max| *max <= budget) {
                let message = format!(
                    "thinks with {BUDGET_MIN} tokens at least, which a limit of {max} leaves no room for"
                );
                return Err(Error::unsupported(message));
            }
            json!({ "thinking": { "type": "enabled", "budget_tokens": budget } })
        }
        Thinks::Adaptive => {
            let effort = match reasoning.effort {
                Some(Effort::Minimal | Effort::Low) => Effort::Low.name(),
                Some(Effort::Medium) => Effort::Medium.name(),
                // Without an effort nothing of what is thought would be told.
                None | Some(Effort::High) => Effort::High.name(),
                Some(_) => return Err(unknown()),
            };
            let thinking = json!({ "type": "adaptive", "display": "summarized" });
            json!({ "thinking": thinking, "output_config": { "effort": effort } })
        }
    }))
}
