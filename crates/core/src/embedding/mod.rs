//! Embeddings: texts become vectors. Vectors of different models do not mix, even at the same dimension.

mod known;

use serde::{Deserialize, Serialize};

pub use known::{Space, refuses_size};

use crate::usage::Usage;

/// Texts to be embedded.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmbeddingRequest {
    /// The texts.
    pub input: Vec<String>,
    /// The size wanted, for models that can be shortened.
    pub dimensions: Option<u32>,
    /// What the vectors are for, where the model distinguishes.
    pub input_type: Option<InputType>,
    /// The vector space the caller's index lives in; left out, that of the route's first target.
    pub space: Option<String>,
}

impl EmbeddingRequest {
    /// Embeds these texts.
    #[must_use]
    pub fn new<T: Into<String>>(input: impl IntoIterator<Item = T>) -> Self {
        Self { input: input.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

impl EmbeddingRequest {
    /// The same request for no text yet: one part of a large one.
    #[must_use]
    pub fn clone_without_input(&self) -> Self {
        Self {
            input: Vec::new(),
            dimensions: self.dimensions,
            input_type: self.input_type,
            space: self.space.clone(),
        }
    }
}

impl From<&str> for EmbeddingRequest {
    fn from(text: &str) -> Self {
        Self::new([text])
    }
}

impl<T: Into<String>> From<Vec<T>> for EmbeddingRequest {
    fn from(input: Vec<T>) -> Self {
        Self::new(input)
    }
}

/// What vectors are for.
#[non_exhaustive]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Something to be found.
    Document,
    /// Something to search with.
    Query,
}

/// The vectors, in the order of the texts.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingReply {
    /// One vector a text.
    pub embeddings: Vec<Vec<f32>>,
    /// The vector space they live in. Vectors of two spaces do not mix, even of one size.
    pub space: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: Option<String>,
    /// The provider's id for the request, for its support.
    pub request_id: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
}

impl EmbeddingReply {
    /// These vectors, usage unknown.
    #[must_use]
    pub fn new(embeddings: Vec<Vec<f32>>) -> Self {
        Self { embeddings, ..Self::default() }
    }
}
