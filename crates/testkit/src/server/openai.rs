//! The OpenAI wire's replies as JSON, for servers and for tests of a decoder.

use serde_json::{Value, json};

use super::sse::SseEvent;

/// The model that [`Completion`] names unless told otherwise.
pub const MODEL: &str = "gpt-test";

/// A chat completion in the making: whole, or as the chunks of a stream.
///
/// ```
/// use backstop_testkit::server::openai::Completion;
///
/// let reply = Completion::text("It is sunny.").usage(9, 4).json();
/// assert_eq!(reply.pointer("/choices/0/message/content"), Some(&"It is sunny.".into()));
/// assert_eq!(reply.pointer("/usage/total_tokens"), Some(&13.into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    model: String,
    text: Option<String>,
    refusal: Option<String>,
    tool_calls: Vec<ToolCall>,
    finish_reason: String,
    usage: Option<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ToolCall {
    id: String,
    name: String,
    arguments: String,
}

impl Completion {
    /// A reply of this text, finished with `stop`, that used 9 and 12 tokens.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::silent() }
    }

    /// A reply whose `content` is null.
    pub fn silent() -> Self {
        Self {
            model: MODEL.to_owned(),
            text: None,
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: "stop".to_owned(),
            usage: Some((9, 12)),
        }
    }

    /// The model the reply names.
    #[must_use]
    pub fn model(self, model: impl Into<String>) -> Self {
        Self { model: model.into(), ..self }
    }

    /// A refusal in the words of the model.
    #[must_use]
    pub fn refusal(self, words: impl Into<String>) -> Self {
        Self { refusal: Some(words.into()), ..self }
    }

    /// One more tool call, finished with `tool_calls`. The arguments are a string on this wire, valid JSON or not.
    #[must_use]
    pub fn tool_call(
        mut self,
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        self.tool_calls.push(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() });
        self.finish_reason("tool_calls")
    }

    /// Why the model stopped: `stop`, `length`, `tool_calls`, `content_filter`.
    #[must_use]
    pub fn finish_reason(self, reason: impl Into<String>) -> Self {
        Self { finish_reason: reason.into(), ..self }
    }

    /// The tokens of the prompt and of the reply.
    #[must_use]
    pub fn usage(self, prompt: u64, completion: u64) -> Self {
        Self { usage: Some((prompt, completion)), ..self }
    }

    /// No usage at all.
    #[must_use]
    pub fn without_usage(self) -> Self {
        Self { usage: None, ..self }
    }

    /// The whole reply, as `POST /chat/completions` gives it.
    pub fn json(&self) -> Value {
        let mut message = json!({ "role": "assistant", "content": self.text, "refusal": self.refusal });
        if !self.tool_calls.is_empty() {
            put(&mut message, "tool_calls", self.tool_calls.iter().map(ToolCall::json).collect());
        }
        let choice =
            json!({ "index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": null });
        let mut reply = self.envelope("chat.completion", json!([choice]));
        if let Some(usage) = self.usage_json() {
            put(&mut reply, "usage", usage);
        }
        reply
    }

    /// The chunks of the same reply, streamed: the role, then each word, tool call and refusal, the finish reason, and
    /// the usage with empty `choices`.
    pub fn chunks(&self) -> Vec<Value> {
        let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
        let text = self.text.as_deref().unwrap_or_default();
        deltas.extend(text.split_inclusive(' ').map(|word| json!({ "content": word })));
        deltas.extend(self.refusal.iter().map(|words| json!({ "refusal": words })));
        for (index, call) in self.tool_calls.iter().enumerate() {
            let mut start = call.json();
            put(&mut start, "index", index.into());
            put(&mut start, "function", json!({ "name": call.name, "arguments": "" }));
            deltas.push(json!({ "tool_calls": [start] }));
            let rest = json!({ "index": index, "function": { "arguments": call.arguments } });
            deltas.push(json!({ "tool_calls": [rest] }));
        }
        let mut choices: Vec<Value> = deltas
            .into_iter()
            .map(|delta| json!([{ "index": 0, "delta": delta, "finish_reason": null }]))
            .collect();
        choices.push(json!([{ "index": 0, "delta": {}, "finish_reason": self.finish_reason }]));
        let mut chunks: Vec<Value> =
            choices.into_iter().map(|choices| self.chunk(choices, Value::Null)).collect();
        chunks.extend(self.usage_json().map(|usage| self.chunk(json!([]), usage)));
        chunks
    }

    /// The same chunks as events, with `[DONE]` behind them: what a healthy stream sends.
    pub fn events(&self) -> Vec<SseEvent> {
        self.chunks().into_iter().map(SseEvent::from).chain([SseEvent::done()]).collect()
    }

    fn chunk(&self, choices: Value, usage: Value) -> Value {
        let mut chunk = self.envelope("chat.completion.chunk", choices);
        put(&mut chunk, "usage", usage);
        chunk
    }

    fn envelope(&self, object: &str, choices: Value) -> Value {
        json!({
            "id": "chatcmpl-test",
            "object": object,
            "created": 1_700_000_000,
            "model": self.model,
            "choices": choices,
            "service_tier": "default",
        })
    }

    fn usage_json(&self) -> Option<Value> {
        self.usage.map(|(prompt, completion)| counted(prompt, Some(completion)))
    }
}

impl ToolCall {
    fn json(&self) -> Value {
        let function = json!({ "name": self.name, "arguments": self.arguments });
        json!({ "id": self.id, "type": "function", "function": function })
    }
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(key.to_owned(), value);
    }
}

/// The whole reply of `POST /completions`: a text that goes on.
///
/// ```
/// use backstop_testkit::server::openai::continuation;
///
/// let reply = continuation(" there was", 3, 2);
/// assert_eq!(reply.pointer("/choices/0/text"), Some(&" there was".into()));
/// ```
pub fn continuation(text: &str, prompt_tokens: u64, completion_tokens: u64) -> Value {
    let mut reply = continuation_piece(text, Some("stop"));
    put(&mut reply, "usage", counted(prompt_tokens, Some(completion_tokens)));
    reply
}

/// The same in pieces, a word each: what a healthy stream sends.
pub fn continuation_events(text: &str, prompt_tokens: u64, completion_tokens: u64) -> Vec<SseEvent> {
    let words = text.split_inclusive(' ').map(|word| continuation_piece(word, None));
    let mut end = continuation_piece("", Some("stop"));
    put(&mut end, "usage", counted(prompt_tokens, Some(completion_tokens)));
    words.chain([end]).map(SseEvent::from).chain([SseEvent::done()]).collect()
}

/// One piece of a streamed continuation.
pub fn continuation_piece(text: &str, finish_reason: Option<&str>) -> Value {
    let choice = json!({ "index": 0, "text": text, "finish_reason": finish_reason, "logprobs": null });
    json!({ "id": "cmpl-test", "object": "text_completion", "created": 1_700_000_000, "model": MODEL, "choices": [choice] })
}

/// The reply of `POST /embeddings`, its vectors in reverse, since what counts is the index of each.
///
/// ```
/// use backstop_testkit::server::openai::embeddings;
///
/// let reply = embeddings(&[vec![1.0, 0.0], vec![0.0, 1.0]]);
/// assert_eq!(reply.pointer("/data/0/index"), Some(&1.into()));
/// ```
pub fn embeddings(vectors: &[Vec<f32>]) -> Value {
    let one = |(index, vector): (usize, &Vec<f32>)| json!({ "object": "embedding", "index": index, "embedding": vector });
    let data: Vec<Value> = vectors.iter().enumerate().rev().map(one).collect();
    json!({ "object": "list", "data": data, "model": MODEL, "usage": counted(vectors.len() as u64, None) })
}

fn counted(prompt: u64, completion: Option<u64>) -> Value {
    let total = prompt.saturating_add(completion.unwrap_or_default());
    let mut usage = json!({ "prompt_tokens": prompt, "total_tokens": total });
    if let Some(completion) = completion {
        put(&mut usage, "completion_tokens", completion.into());
    }
    usage
}

/// An error body: `{"error":{"message","type","param","code"}}`, as the answer to a request and as an event in a stream.
pub fn error(message: &str, kind: &str, code: Option<&str>, param: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}
