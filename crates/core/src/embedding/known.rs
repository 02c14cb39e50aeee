//! The well-known embedding models: which space each one's vectors live in, and how large they may be.
//!
//! Data, as its makers documented it in November 2026. Nothing depends on a model standing here: an unknown one is a
//! space of its own, and a config file may say otherwise of any.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// Which sizes a model's vectors may have.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Sizes {
    /// One size.
    Fixed(u32),
    /// The first unless another of these is asked for.
    OneOf(&'static [u32]),
    /// The first unless another is asked for, between these.
    Between(u32, u32, u32),
}

/// A model under its own name; other services' names for it beside.
struct Known {
    space: &'static str,
    names: &'static [&'static str],
    sizes: Sizes,
}

const fn known(space: &'static str, names: &'static [&'static str], sizes: Sizes) -> Known {
    Known { space, names, sizes }
}

use Sizes::{Between, Fixed, OneOf};

/// The names of a model are its own, and those under which other services have it.
const KNOWN: &[Known] = &[
    known("text-embedding-3-small", &["openai/text-embedding-3-small"], Between(1536, 1, 1536)),
    known("text-embedding-3-large", &["openai/text-embedding-3-large"], Between(3072, 1, 3072)),
    known("text-embedding-ada-002", &["openai/text-embedding-ada-002"], Fixed(1536)),
    known(
        "gemini-embedding-001",
        &["models/gemini-embedding-001", "google/gemini-embedding-001"],
        Between(3072, 128, 3072),
    ),
    known("gemini-embedding-2", &["models/gemini-embedding-2"], Between(3072, 128, 3072)),
    known("text-embedding-004", &["models/text-embedding-004"], Between(768, 1, 768)),
    known("text-embedding-005", &[], Between(768, 1, 768)),
    known("text-multilingual-embedding-002", &[], Between(768, 1, 768)),
    known(
        "embeddinggemma-300m",
        &["embeddinggemma", "embeddinggemma:300m", "google/embeddinggemma-300m"],
        OneOf(&[768, 512, 256, 128]),
    ),
    known("mistral-embed", &["mistral-embed-2312", "mistralai/mistral-embed-2312"], Fixed(1024)),
    known(
        "codestral-embed",
        &["codestral-embed-2505", "mistralai/codestral-embed-2505"],
        Between(1536, 1, 3072),
    ),
    known("embed-english-v3.0", &["cohere.embed-english-v3", "Cohere-embed-v3-english"], Fixed(1024)),
    known(
        "embed-multilingual-v3.0",
        &["cohere.embed-multilingual-v3", "Cohere-embed-v3-multilingual"],
        Fixed(1024),
    ),
    known("embed-english-light-v3.0", &[], Fixed(384)),
    known("embed-multilingual-light-v3.0", &[], Fixed(384)),
    known(
        "embed-v4.0",
        &["cohere.embed-v4:0", "us.cohere.embed-v4:0", "eu.cohere.embed-v4:0", "embed-v4", "embed-v-4-0"],
        OneOf(&[1536, 256, 512, 1024]),
    ),
    known("amazon.titan-embed-text-v1", &["titan-embed-text-v1"], Fixed(1536)),
    known("amazon.titan-embed-text-v2:0", &["titan-embed-text-v2"], OneOf(&[1024, 256, 512])),
    known(
        "nomic-embed-text-v1.5",
        &[
            "nomic-embed-text",
            "nomic-embed-text:v1.5",
            "nomic-ai/nomic-embed-text-v1.5",
            "text-embedding-nomic-embed-text-v1.5",
        ],
        Between(768, 64, 768),
    ),
    known("mxbai-embed-large-v1", &["mxbai-embed-large", "mixedbread-ai/mxbai-embed-large-v1"], Fixed(1024)),
    known(
        "all-MiniLM-L6-v2",
        &["all-minilm", "all-minilm:l6-v2", "sentence-transformers/all-MiniLM-L6-v2"],
        Fixed(384),
    ),
    known("bge-m3", &["BAAI/bge-m3"], Fixed(1024)),
    known("bge-small-en-v1.5", &["BAAI/bge-small-en-v1.5"], Fixed(384)),
    known("bge-base-en-v1.5", &["BAAI/bge-base-en-v1.5"], Fixed(768)),
    known("bge-large-en-v1.5", &["bge-large", "BAAI/bge-large-en-v1.5"], Fixed(1024)),
    known("nvidia/nv-embedqa-e5-v5", &["nv-embedqa-e5-v5"], Fixed(1024)),
    known(
        "nvidia/llama-3.2-nv-embedqa-1b-v2",
        &["llama-3.2-nv-embedqa-1b-v2"],
        OneOf(&[2048, 384, 512, 768, 1024]),
    ),
    known(
        "Qwen3-Embedding-8B",
        &["Qwen/Qwen3-Embedding-8B", "accounts/fireworks/models/qwen3-embedding-8b"],
        Between(4096, 32, 4096),
    ),
    known("multilingual-e5-large-instruct", &["intfloat/multilingual-e5-large-instruct"], Fixed(1024)),
    known(
        "snowflake-arctic-embed-l-v2.0",
        &["Snowflake/snowflake-arctic-embed-l-v2.0"],
        Between(1024, 256, 1024),
    ),
];

/// Where the vectors of a model live: comparable vectors, and no others, are in one space.
///
/// ```
/// use backstop_core::embedding::Space;
/// let small = Space::of_model("text-embedding-3-small").expect("a known model");
/// assert_eq!(small.to_string(), "text-embedding-3-small");
/// assert_eq!(small.sized(Some(512)).to_string(), "text-embedding-3-small@512");
/// assert!(Space::of_model("my-own-model").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    base: String,
    /// The size unless another is asked for.
    default: Option<u32>,
    /// The size that is asked for.
    asked: Option<u32>,
    /// What else is asked of the model that may change its vectors.
    variant: Option<String>,
}

impl Space {
    /// A space of this name, whose vectors have this size, if that is known.
    #[must_use]
    pub fn new(name: impl Into<String>, size: Option<u32>) -> Self {
        Self { base: name.into(), default: size, asked: None, variant: None }
    }

    /// The space of a well-known model, under any of the names that services have for it.
    #[must_use]
    pub fn of_model(model: &str) -> Option<Self> {
        let known = find(model)?;
        Some(Self::new(known.space, Some(default(known.sizes))))
    }

    /// The space of the same model's vectors at this size: another one, unless it is the usual size.
    #[must_use]
    pub fn sized(mut self, size: Option<u32>) -> Self {
        self.asked = size;
        self
    }

    /// The space of the same model's vectors if a target adds these fields to the body: one that it shares only with
    /// targets that add the same.
    ///
    /// A field may be a task, a size or a prefix, any of which changes vectors, and which of them it is differs from
    /// provider to provider. Values may be private: they are told apart and not shown.
    ///
    /// ```
    /// use backstop_core::embedding::Space;
    /// let mut extra = serde_json::Map::new();
    /// let plain = Space::new("mine", Some(8));
    /// assert!(plain.clone().with_extra_body(&extra).is(&plain));
    /// extra.insert("task".to_owned(), "clustering".into());
    /// let clustering = plain.clone().with_extra_body(&extra);
    /// assert!(!clustering.is(&plain));
    /// assert_eq!(clustering.to_string(), "mine+task~adac93d6");
    /// ```
    #[must_use]
    pub fn with_extra_body(mut self, extra: &Map<String, Value>) -> Self {
        if extra.is_empty() {
            return self;
        }
        let fields: BTreeMap<&String, &Value> = extra.iter().collect();
        let names: Vec<&str> = fields.keys().map(|name| name.as_str()).collect();
        // FNV-1a: the name of a space stays what it is from one build to the next.
        let mut hash = 0x811c_9dc5_u32;
        for byte in fields.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()) {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        // What is usual may be what they change.
        (self.variant, self.default) = (Some(format!("{}~{hash:08x}", names.join("+"))), None);
        self
    }

    /// The size of its vectors, if it is known.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        self.asked.or(self.default)
    }

    /// Whether vectors of the two can be compared.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let unequal = |(a, b)| a != b;
        self.base == other.base
            && self.variant == other.variant
            && !self.size().zip(other.size()).is_some_and(unequal)
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        if let Some(size) = self.asked.filter(|size| self.default != Some(*size)) {
            write!(f, "@{size}")?;
        }
        match &self.variant {
            Some(variant) => write!(f, "+{variant}"),
            None => Ok(()),
        }
    }
}

/// Why a well-known model has no vectors of this size.
#[must_use]
pub fn refuses_size(model: &str, size: u32) -> Option<String> {
    let known = find(model)?;
    let has = match known.sizes {
        Fixed(only) if size == only => return None,
        OneOf(sizes) if sizes.contains(&size) => return None,
        Between(_, least, most) if (least..=most).contains(&size) => return None,
        Fixed(only) => only.to_string(),
        OneOf(sizes) => sizes.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
        Between(_, least, most) => format!("{least} to {most}"),
    };
    Some(format!("has no vectors of {size} dimensions: {has}"))
}

fn find(model: &str) -> Option<&'static Known> {
    // Ollama writes the default tag out, or not.
    let plain = model.strip_suffix(":latest").unwrap_or(model);
    let is = |name: &str| name.eq_ignore_ascii_case(plain);
    KNOWN.iter().find(|known| is(known.space) || known.names.iter().any(|name| is(name)))
}

const fn default(sizes: Sizes) -> u32 {
    match sizes {
        Fixed(size) | Between(size, _, _) => size,
        OneOf(sizes) => match sizes.first() {
            Some(size) => *size,
            None => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_stands_for_two_models() {
        let names = KNOWN.iter().flat_map(|known| known.names.iter().chain([&known.space]));
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(seen.insert(name.to_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn a_default_size_is_one_that_may_be_asked_for() {
        for known in KNOWN {
            assert_eq!(refuses_size(known.space, default(known.sizes)), None, "{}", known.space);
        }
    }

    #[test]
    fn one_model_under_several_names_is_one_space_and_another_size_is_not() {
        let of = |name| Space::of_model(name).unwrap();
        assert!(of("nomic-embed-text:latest").is(&of("nomic-ai/nomic-embed-text-v1.5")));
        assert!(of("cohere.embed-english-v3").is(&of("embed-english-v3.0")));
        assert!(!of("embed-english-v3.0").is(&of("embed-multilingual-v3.0")));
        let large = of("text-embedding-3-large");
        assert!(!large.is(&large.clone().sized(Some(1024))));
        assert!(large.is(&large.clone().sized(Some(3072))));
        assert_eq!(large.clone().sized(Some(3072)).to_string(), "text-embedding-3-large");
    }

    #[test]
    fn a_size_that_a_model_does_not_have_is_refused_with_those_it_has() {
        let said = refuses_size("amazon.titan-embed-text-v2:0", 300).unwrap();
        assert!(said.contains("1024, 256, 512"), "{said}");
        assert!(refuses_size("text-embedding-ada-002", 512).is_some());
        assert_eq!(refuses_size("text-embedding-3-large", 256), None);
        assert_eq!(refuses_size("unknown", 7), None);
    }

    #[test]
    fn who_adds_to_the_body_shares_a_space_with_who_adds_the_same() {
        let adding = |text: &str| {
            let extra: Map<String, Value> = serde_json::from_str(text).unwrap();
            Space::of_model("text-embedding-3-small").unwrap().with_extra_body(&extra)
        };
        let plain = Space::of_model("text-embedding-3-small").unwrap();
        assert!(adding("{}").is(&plain));
        let sorted = adding(r#"{"task":"a","user":"me"}"#);
        assert!(sorted.is(&adding(r#"{"user":"me","task":"a"}"#)));
        // What is added may be a size.
        assert_eq!(sorted.size(), None);
        let others = [r#"{"task":"b","user":"me"}"#, r#"{"task":"a"}"#, r#"{"task":"auser","":"me"}"#];
        for other in others.map(adding).into_iter().chain([plain]) {
            assert!(!sorted.is(&other) && sorted.to_string() != other.to_string(), "{other}");
        }
    }

    #[test]
    fn a_size_that_is_not_known_on_one_side_does_not_part_two() {
        let mine = Space::new("mine", None);
        assert!(mine.is(&Space::new("mine", Some(8))));
        assert!(!Space::new("mine", Some(9)).is(&Space::new("mine", Some(8))));
        assert_eq!(mine.sized(Some(4)).to_string(), "mine@4");
    }
}
