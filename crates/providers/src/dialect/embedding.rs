//! Embeddings: a small wire of its own, so all of it stands here.

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::dialect::Dialect;
use super::encode::{unknown, written};
use super::{base64, error};
use crate::http::{Source, from_json};

/// What decides in which form the vectors come, whose they are, and of what.
const FORM_FIELDS: &[&str] = &["encoding_format", "model", "input"];

/// `POST /embeddings`.
#[derive(Debug, Serialize)]
struct EmbeddingsBody<'a> {
    model: &'a str,
    input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_type: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
struct Embeddings<'a> {
    #[serde(borrow)]
    data: Option<Vec<WireEmbedding<'a>>>,
    model: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct WireEmbedding<'a> {
    index: Option<usize>,
    /// A list of numbers, or the same in base64.
    #[serde(borrow)]
    embedding: &'a RawValue,
}

#[derive(Debug, Default, Deserialize)]
struct Counted {
    prompt_tokens: Option<u64>,
}

/// The body of a request for embeddings.
pub(super) fn body(
    dialect: &Dialect,
    provider: &str,
    ask: Ask<'_>,
    request: &EmbeddingRequest,
) -> Result<Vec<u8>, Error> {
    let takes = &dialect.takes;
    let body = || {
        let input_type = match (takes.input_types, request.input_type) {
            (Some((document, _)), Some(InputType::Document)) => Some(document),
            (Some((_, query)), Some(InputType::Query)) => Some(query),
            (Some(_), Some(_)) => return Err(unknown("input type")),
            // Where models make no difference there is none to tell.
            _ => None,
        };
        let body = EmbeddingsBody {
            model: ask.model(),
            input: &request.input,
            dimensions: request.dimensions,
            encoding_format: takes.base64.then_some("base64"),
            input_type,
        };
        written(&body, ask, FORM_FIELDS)
    };
    body().map_err(|error| error.with_target(provider, ask.model()))
}

/// The vectors in the body of a 200, in the order of the texts.
pub(super) fn reply(
    dialect: &Dialect,
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let read: Embeddings<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if read.error.is_some() {
        return Err(error::in_reply(dialect, source, &String::from_utf8_lossy(body)));
    }
    let data = read.data.ok_or_else(|| source.bad_reply("the reply holds no embeddings"))?;
    let (asked, came) = (request.input.len(), data.len());
    if asked != came {
        return Err(source.bad_reply(&format!("{came} embeddings came for {asked} texts")));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; asked];
    for (place, WireEmbedding { index, embedding }) in data.into_iter().enumerate() {
        let index = index.unwrap_or(place);
        let vector = vector(embedding.get())
            .ok_or_else(|| source.bad_reply(&format!("embedding {index} is no list of numbers")))?;
        match vectors.get_mut(index) {
            Some(empty @ None) => *empty = Some(vector),
            _ => return Err(source.bad_reply(&format!("embedding {index} came twice or for no text"))),
        }
    }
    let vectors: Vec<Vec<f32>> = vectors.into_iter().flatten().collect();
    let size = match (request.dimensions, vectors.first()) {
        (Some(dimensions), _) => usize::try_from(dimensions).unwrap_or(usize::MAX),
        (None, first) => first.map_or(0, Vec::len),
    };
    if let Some(odd) = vectors.iter().find(|vector| vector.len() != size) {
        let message = format!("an embedding has {} dimensions, not {size}", odd.len());
        return Err(source.bad_reply(&message));
    }
    let counted: Counted =
        read.usage.and_then(|counted| serde_json::from_str(counted.get()).ok()).unwrap_or_default();
    let mut reply = EmbeddingReply::new(vectors);
    reply.usage = Usage::UNKNOWN;
    reply.usage.input_tokens = counted.prompt_tokens;
    reply.model = read.model;
    reply.request_id = source.request_id();
    reply.status = Some(source.status);
    Ok(reply)
}

/// A vector in either form, without anything in it that is no number.
fn vector(json: &str) -> Option<Vec<f32>> {
    let vector: Vec<f32> = match json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
        Some(text) if text.contains('\\') => base64::numbers(&serde_json::from_str::<String>(json).ok()?)?,
        Some(text) => base64::numbers(text)?,
        None => serde_json::from_str(json).ok()?,
    };
    (!vector.is_empty() && vector.iter().all(|number| number.is_finite())).then_some(vector)
}
