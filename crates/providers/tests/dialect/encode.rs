//! What each kind sends in its own way.

use std::sync::Arc;

use backstop_core::chat::{ChatRequest, Effort, Format, ReasoningRequest, Tool};
use backstop_core::{Ask, Overrides, Provider};
use serde_json::{Value, json};

use crate::speaker::{MODEL, all, config, data, healthy, sent, speaker};

#[tokio::test]
async fn a_plain_request_holds_nothing_that_was_not_asked_for() {
    for (kind, _) in all() {
        let body = sent(kind, &ChatRequest::user("hello")).await.unwrap();
        let mut expected = json!({ "model": MODEL, "messages": [{ "role": "user", "content": "hello" }] });
        if kind == "openrouter" {
            expected["provider"] = json!({ "require_parameters": true });
        }
        assert_eq!(body, expected, "{kind}");
    }
}

#[tokio::test]
async fn the_limit_has_the_name_each_kind_knows() {
    let newer = ["cerebras", "groq", "moonshot", "xai"];
    for (kind, _) in all() {
        let body = sent(kind, &ChatRequest::user("x").with_max_output_tokens(9)).await.unwrap();
        let (name, other) = match newer.contains(&kind) {
            true => ("max_completion_tokens", "max_tokens"),
            false => ("max_tokens", "max_completion_tokens"),
        };
        assert_eq!((&body[name], body.get(other)), (&json!(9), None), "{kind}");
    }
}

/// What asks a kind for this effort.
async fn asking(kind: &str, effort: Effort) -> Value {
    let request = ChatRequest::user("x").with_reasoning(ReasoningRequest::effort(effort));
    let mut body = sent(kind, &request).await.unwrap();
    let fields = body.as_object_mut().unwrap();
    fields.retain(|name, _| !matches!(&**name, "model" | "messages" | "provider"));
    body
}

#[tokio::test]
async fn thinking_is_asked_for_in_each_form() {
    use Effort::{High, Low, Medium, Minimal, None};
    let template = |thinks: bool, word: Option<&str>| match word {
        Some(word) => json!({
            "chat_template_kwargs": { "enable_thinking": thinks, "reasoning_effort": word },
            "reasoning_effort": word,
        }),
        Option::None => json!({ "chat_template_kwargs": { "enable_thinking": thinks } }),
    };
    for (kind, effort, expected) in [
        ("groq", Low, json!({ "reasoning_effort": "low" })),
        ("groq", Minimal, json!({ "reasoning_effort": "low" })),
        ("groq", None, json!({ "reasoning_effort": "none" })),
        ("xai", High, json!({ "reasoning_effort": "high" })),
        ("openrouter", Minimal, json!({ "reasoning": { "effort": "minimal" } })),
        ("openrouter", None, json!({ "reasoning": { "effort": "none" } })),
        ("deepseek", Medium, json!({ "thinking": { "type": "enabled" }, "reasoning_effort": "medium" })),
        ("deepseek", None, json!({ "thinking": { "type": "disabled" } })),
        ("moonshot", Medium, json!({ "thinking": { "type": "enabled" }, "reasoning_effort": "high" })),
        ("vllm", High, template(true, Some("high"))),
        ("vllm", None, template(false, Option::None)),
        ("llama_cpp", Minimal, template(true, Some("low"))),
        ("perplexity", None, json!({})),
    ] {
        assert_eq!(asking(kind, effort).await, expected, "{kind} {effort:?}");
    }
}

#[tokio::test]
async fn wishes_a_kind_does_not_know_are_left_out() {
    let mut strict = Tool::new("f", "", json!({ "type": "object", "additionalProperties": false }));
    strict.strict = true;
    for (kind, _) in all() {
        let body = sent(kind, &ChatRequest::user("x").with_seed(7)).await.unwrap();
        let seedless = ["deepseek", "moonshot", "perplexity"].contains(&kind);
        assert_eq!(body.get("seed").is_none(), seedless, "{kind}");
        if kind == "perplexity" {
            continue;
        }
        let mut request = ChatRequest::user("x").with_tool(strict.clone());
        request.parallel_tool_calls = Some(true);
        let body = sent(kind, &request).await.unwrap();
        let lax = ["deepseek", "moonshot"].contains(&kind);
        assert_eq!(body["tools"][0]["function"].get("strict").is_none(), lax, "{kind}");
        let unsaid = ["deepseek", "moonshot", "together"].contains(&kind);
        assert_eq!(body.get("parallel_tool_calls").is_none(), unsaid, "{kind}");
    }
}

#[tokio::test]
async fn streams_ask_for_their_usage_where_they_have_to() {
    let unasked = ["cerebras", "fireworks", "openrouter", "perplexity", "together"];
    for (kind, config) in all() {
        let fake = Arc::new(data(&[]));
        drop(speaker(config.clone(), &fake).chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap());
        let (body, (_, headers)) = (fake.body(), fake.head());
        assert_eq!(
            (&body["stream"], &headers["accept"]),
            (&json!(true), &"text/event-stream".parse().unwrap())
        );
        let asks = body.get("stream_options") == Some(&json!({ "include_usage": true }));
        assert_eq!(asks, !unasked.contains(&kind), "{kind}");

        let fake = Arc::new(data(&[]));
        let provider = speaker(config.without_stream_usage(), &fake);
        drop(provider.chat_stream(Ask::new(MODEL), &"hello".into()).await.unwrap());
        assert_eq!(fake.body().get("stream_options"), None, "{kind}");
    }
}

#[tokio::test]
async fn extra_fields_of_a_target_replace_what_a_kind_always_says() {
    let fake = Arc::new(healthy());
    let mut overrides = Overrides::default();
    overrides.extra_body.insert("provider".to_owned(), json!({ "order": ["a"] }));
    let ask = Ask::new(MODEL).with_overrides(&overrides);
    speaker(config("openrouter"), &fake).chat(ask, &ChatRequest::user("x")).await.unwrap();
    assert_eq!(fake.body()["provider"], json!({ "order": ["a"] }));
}

#[tokio::test]
async fn json_is_asked_for_as_the_wire_has_it() {
    let schema = json!({ "type": "object" });
    let body = sent("groq", &ChatRequest::user("x").with_format(Format::Json)).await.unwrap();
    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    let request = ChatRequest::user("x").with_format(Format::json_schema("a", schema.clone()));
    let body = sent("lmstudio", &request).await.unwrap();
    let expected = json!({ "name": "a", "schema": schema, "strict": true });
    assert_eq!(body["response_format"], json!({ "type": "json_schema", "json_schema": expected }));
}

#[tokio::test]
async fn a_schema_is_made_strict_for_services_that_demand_it_and_sent_loosely_where_it_cannot_be() {
    let open = json!({ "type": "object", "properties": { "day": { "type": "string", "format": "date" } } });
    let whole = json!({
        "type": "object", "properties": { "day": { "type": ["string", "null"] } },
        "required": ["day"], "additionalProperties": false,
    });
    let map = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    for (kind, schema, expected, strict) in [
        ("groq", &open, &whole, true),
        ("cerebras", &open, &whole, true),
        ("openrouter", &open, &whole, true),
        // Servers that make a grammar of any schema.
        ("vllm", &open, &open, true),
        ("llama_cpp", &open, &open, true),
        ("lmstudio", &map, &map, true),
        ("groq", &map, &map, false),
    ] {
        let mut tool = Tool::new("f", "", schema.clone());
        tool.strict = true;
        let request = ChatRequest::user("x").with_format(Format::json_schema("a", schema.clone()));
        let body = sent(kind, &request.with_tool(tool)).await.unwrap();
        let (format, function) = (&body["response_format"]["json_schema"], &body["tools"][0]["function"]);
        assert_eq!((&format["schema"], &format["strict"]), (expected, &json!(strict)), "{kind}");
        assert_eq!((&function["parameters"], function.get("strict").is_some()), (expected, strict), "{kind}");
    }
}
