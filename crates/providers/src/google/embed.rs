//! Embeddings: which of three methods a model has, what it is sent and what comes back.

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error, Usage};

use super::wire::{
    EmbedAlone, EmbedAnswer, EmbedBody, EmbedConfig, EmbedOne, Embedding, Instance, Instruction, PredictBody,
    PredictParameters, WirePart,
};
use super::{Surface, decode, error};
use crate::http::{Source, checked, from_json, json_body, unknown};

/// Whose vectors come, and of what: not for a target to decide.
const DECIDED: &[&str] = &["model", "requests", "instances", "content"];

/// How a model is asked for vectors.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `:batchEmbedContents`, of Gemini's own API.
    Batch,
    /// `:predict`, the older of Vertex AI's two, with so many texts at once.
    Predict(u32),
    /// `:embedContent`, the newer one, with one text.
    Alone,
}

impl Method {
    /// The method this model has here.
    pub(super) fn of(surface: Surface, model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        match surface {
            Surface::Gemini => Self::Batch,
            Surface::Vertex if name.starts_with("gemini-embedding-001") => Self::Predict(1),
            Surface::Vertex if name.contains("gemini") || name.contains("maas") => Self::Alone,
            Surface::Vertex => Self::Predict(250),
        }
    }

    /// The most texts of one request.
    pub(super) const fn batch(self) -> u32 {
        match self {
            Self::Batch => 100,
            Self::Predict(texts) => texts,
            Self::Alone => 1,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batchEmbedContents",
            Self::Predict(_) => "predict",
            Self::Alone => "embedContent",
        }
    }
}

/// The body of a request. `place` is the model's path, which every text of a batch repeats.
pub(super) fn body<'a>(
    method: Method,
    place: &'a str,
    ask: Ask<'_>,
    request: &'a EmbeddingRequest,
) -> Result<Vec<u8>, Error> {
    let task_type = match request.input_type {
        None => None,
        Some(InputType::Document) => Some("RETRIEVAL_DOCUMENT"),
        Some(InputType::Query) => Some("RETRIEVAL_QUERY"),
        Some(_) => return Err(unknown("input type")),
    };
    let output_dimensionality = request.dimensions;
    let config = EmbedConfig { task_type, output_dimensionality, auto_truncate: None };
    let most = method.batch();
    if u32::try_from(request.input.len()).is_ok_and(|texts| texts <= most) && !request.input.is_empty() {
        match (method, request.input.as_slice()) {
            (Method::Batch, texts) => {
                let one = |text: &'a String| EmbedOne { model: place, content: content(text), config };
                json_body(ask, &EmbedBody { requests: texts.iter().map(one).collect() }, DECIDED, &[])
            }
            // What is too long is refused, and not cut in silence.
            (Method::Predict(_), texts) => {
                let one = |text| Instance { content: text, task_type };
                let instances = texts.iter().map(String::as_str).map(one).collect();
                let parameters = PredictParameters { auto_truncate: false, output_dimensionality };
                json_body(ask, &PredictBody { instances, parameters }, DECIDED, &["parameters"])
            }
            (Method::Alone, texts) => {
                let config = EmbedConfig { auto_truncate: Some(false), ..config };
                let content = content(texts.first().map_or("", String::as_str));
                let body = EmbedAlone { content, embed_content_config: config };
                json_body(ask, &body, DECIDED, &["embedContentConfig"])
            }
        }
    } else {
        let message = format!("embeds 1 to {most} texts in a request, not {}", request.input.len());
        Err(Error::unsupported(message))
    }
}

fn content(text: &str) -> Instruction<'_> {
    Instruction { parts: vec![WirePart::Text { text, thought_signature: None }] }
}

/// The vectors in the body of a 200.
pub(super) fn reply(
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let answer: EmbedAnswer<'_> =
        from_json(body).map_err(|problem| source.no_reply(&format!("the reply {problem}")))?;
    if let Some(error) = answer.error {
        return Err(error::in_reply(source, error.get()));
    }
    let EmbedAnswer { embeddings, embedding, predictions, usage_metadata, .. } = answer;
    let predictions = predictions.unwrap_or_default().into_iter().map(|prediction| prediction.embeddings);
    let embeddings: Vec<Embedding> =
        embeddings.unwrap_or_default().into_iter().chain(embedding).chain(predictions).collect();
    let usage = usage_metadata.map_or(Usage::UNKNOWN, decode::usage);
    let counted = embeddings.iter().map(|embedding| embedding.statistics.as_ref()?.token_count).sum();
    let vectors = embeddings.into_iter().map(|embedding| embedding.values).collect();
    let mut vectors = checked(source, request, vectors)?;
    if request.dimensions.is_some() {
        vectors.iter_mut().for_each(|vector| to_unit_length(vector));
    }
    let mut reply = EmbeddingReply::new(vectors);
    reply.usage.input_tokens = usage.input_tokens.or_else(|| whole(counted));
    reply.model = Some(source.attempt.model.to_string());
    reply.request_id = source.request_id();
    reply.status = Some(source.status);
    Ok(reply)
}

/// A shortened vector comes as it was cut. Those of one size are compared by their angle, and who does that by a dot
/// product counts on their length.
fn to_unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        for number in vector {
            #[expect(clippy::cast_possible_truncation, reason = "it was a number of this size before")]
            let shortened = (f64::from(*number) / length) as f32;
            *number = shortened;
        }
    }
}

/// A count that the service writes with a decimal point.
fn whole(count: Option<f64>) -> Option<u64> {
    let count = count.filter(|count| (0.0..=1e15).contains(count))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its range was looked at")]
    let count = count as u64;
    Some(count)
}
