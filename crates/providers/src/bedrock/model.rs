//! What the name of a model says of it. The wire of vectors is the maker's own, and so is the way to ask for thoughts.

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

/// How a model is asked to think.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Thinks {
    /// Not at all, or in a way of its own.
    Unasked,
    /// With a number of tokens.
    Budget,
    /// As much as it sees fit, with an effort.
    Adaptive,
}

/// Claude before it thought, and Claude while it was given a number of tokens for that.
const UNASKED: [&str; 6] =
    ["claude-v", "claude-instant", "claude-3-haiku", "claude-3-sonnet", "claude-3-opus", "claude-3-5-"];
const BUDGET: [&str; 5] =
    ["claude-3-7-", "claude-opus-4-1-", "claude-opus-4-2", "claude-sonnet-4-2", "-4-5-"];

impl Thinks {
    pub(super) fn of(model: &str) -> Self {
        let known = |names: &[&str]| names.iter().any(|name| model.contains(name));
        if !model.contains("anthropic.claude") || known(&UNASKED) {
            Self::Unasked
        } else if known(&BUDGET) {
            Self::Budget
        } else {
            Self::Adaptive
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_a_model_is_asked_to_think() {
        for (model, thinks) in [
            ("anthropic.claude-3-haiku-20240307-v1:0", Thinks::Unasked),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Thinks::Unasked),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Thinks::Budget),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Thinks::Budget),
            ("us.anthropic.claude-opus-4-20250514-v1:0", Thinks::Budget),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Thinks::Budget),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", Thinks::Budget),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0",
                Thinks::Budget,
            ),
            ("us.anthropic.claude-opus-4-6-v1", Thinks::Adaptive),
            ("global.anthropic.claude-sonnet-5", Thinks::Adaptive),
            ("amazon.nova-pro-v1:0", Thinks::Unasked),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Thinks::Unasked),
        ] {
            assert_eq!(Thinks::of(model), thinks, "{model}");
        }
    }

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
