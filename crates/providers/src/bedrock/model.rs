//! What the name of a model says of it: the wire of vectors is its maker's own.

/// A model that makes vectors.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Embedder {
    /// Amazon's: one text a request.
    Titan {
        /// Whether its vectors have more than one size; else the only one.
        size: Option<u32>,
    },
    /// Cohere's.
    Cohere {
        /// The same.
        size: Option<u32>,
    },
}

impl Embedder {
    /// The model of this name, if it makes vectors. Names may be those of profiles and resources, which hold that of the
    /// model, or nothing of the kind.
    pub(super) fn of(model: &str) -> Option<Self> {
        let known = |name: &str| model.contains(name);
        if known("amazon.titan-embed-text-v1") || known("amazon.titan-embed-g1-text") {
            Some(Self::Titan { size: Some(1536) })
        } else if known("amazon.titan-embed-text") {
            Some(Self::Titan { size: None })
        } else if known("cohere.embed-english-v3") || known("cohere.embed-multilingual-v3") {
            Some(Self::Cohere { size: Some(1024) })
        } else {
            known("cohere.embed").then_some(Self::Cohere { size: None })
        }
    }

    /// The most texts of a request.
    pub(super) fn batch(self) -> u32 {
        match self {
            Self::Titan { .. } => 1,
            Self::Cohere { .. } => 96,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whether_a_model_makes_vectors() {
        for (model, embedder) in [
            ("amazon.titan-embed-text-v1", Some(Embedder::Titan { size: Some(1536) })),
            ("amazon.titan-embed-text-v2:0", Some(Embedder::Titan { size: None })),
            (
                "arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-embed-text-v2:0",
                Some(Embedder::Titan { size: None }),
            ),
            ("cohere.embed-english-v3", Some(Embedder::Cohere { size: Some(1024) })),
            ("cohere.embed-multilingual-v3", Some(Embedder::Cohere { size: Some(1024) })),
            ("us.cohere.embed-v4:0", Some(Embedder::Cohere { size: None })),
            ("cohere.command-r-v1:0", None),
            ("amazon.titan-text-express-v1", None),
        ] {
            assert_eq!(Embedder::of(model), embedder, "{model}");
        }
    }
}
