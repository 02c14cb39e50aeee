//! Vectors, each maker's in its own words.

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop_core::{Ask, Error};

use super::model::Embedder;
use super::wire::{ByType, CohereBody, CohereVectors, TitanBody, TitanVector};
use crate::http::{Source, checked, from_json, json_body, unknown};

/// How many tokens the texts were, whoever's the model.
const TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// What decides in which form the vectors come and of what; as an extra field it would make them unreadable, or those of
/// something else.
const FORM_FIELDS: &[&str] = &["embedding_types", "embeddingTypes", "texts", "inputs", "images", "inputText"];

/// The body of a request for vectors.
pub(super) fn encode(ask: Ask<'_>, request: &EmbeddingRequest) -> Result<Vec<u8>, Error> {
    match Embedder::of(ask.model()) {
        None => Err(Error::unsupported("has no embeddings that its name tells of")),
        Some(Embedder::Titan { size }) => {
            let [text] = request.input.as_slice() else {
                let message = format!("takes one text a request, not {}", request.input.len());
                return Err(Error::unsupported(message));
            };
            json_body(
                ask,
                &TitanBody { input_text: text, dimensions: dimensions(request, size)? },
                FORM_FIELDS,
                &[],
            )
        }
        Some(Embedder::Cohere { size }) => {
            let body = CohereBody {
                texts: &request.input,
                // The wire wants to know. Most texts are embedded to be found.
                input_type: match request.input_type {
                    None | Some(InputType::Document) => "search_document",
                    Some(InputType::Query) => "search_query",
                    Some(_) => return Err(unknown("input")),
                },
                embedding_types: ["float"],
                output_dimension: dimensions(request, size)?,
                // A vector of a beginning says nothing of the end.
                truncate: "NONE",
            };
            json_body(ask, &body, FORM_FIELDS, &[])
        }
    }
}

/// The size to ask for, of a model that has several; the only size need not be asked for.
fn dimensions(request: &EmbeddingRequest, only: Option<u32>) -> Result<Option<u32>, Error> {
    match (request.dimensions, only) {
        (Some(asked), Some(only)) if asked != only => {
            Err(Error::unsupported(format!("has vectors of {only} dimensions, not of {asked}")))
        }
        (asked, None) => Ok(asked),
        (_, Some(_)) => Ok(None),
    }
}

/// The vectors in the body of a 200.
pub(super) fn decode(
    source: &Source<'_>,
    body: &[u8],
    request: &EmbeddingRequest,
) -> Result<EmbeddingReply, Error> {
    let problem = |problem: String| source.no_reply(&format!("the reply {problem}"));
    let (vectors, tokens) = match Embedder::of(&source.attempt.model) {
        Some(Embedder::Titan { .. }) => {
            let read: TitanVector = from_json(body).map_err(problem)?;
            (read.embedding.map(|vector| vec![vector]), read.input_text_token_count)
        }
        _ => {
            let read: CohereVectors = from_json(body).map_err(problem)?;
            let vectors = read.embeddings.map(|vectors| match vectors {
                ByType::Plain(vectors) | ByType::Named { float: vectors } => vectors,
            });
            (vectors, None)
        }
    };
    let vectors = vectors.ok_or_else(|| source.bad_reply("the reply holds no vectors"))?;
    let mut decoded = EmbeddingReply::new(checked(source, request, vectors)?);
    let counted = source.headers.get(TOKENS).and_then(|count| count.to_str().ok()?.trim().parse().ok());
    decoded.usage.input_tokens = tokens.or(counted);
    decoded.request_id = source.request_id();
    decoded.status = Some(source.status);
    Ok(decoded)
}
