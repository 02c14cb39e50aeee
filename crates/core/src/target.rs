//! A target: the provider, its model, and what is special about asking it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::chat::{ChatRequest, Message, ReasoningRequest};
use crate::completion::CompletionRequest;

/// A provider's name and its own name for a model, written `provider/model` and split at the first slash.
///
/// ```
/// use backstop_core::TargetName;
/// let name: TargetName = "openrouter/meta-llama/llama-4".parse().unwrap();
/// assert_eq!((name.provider(), name.model()), ("openrouter", "meta-llama/llama-4"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName {
    text: String,
    slash: usize,
}

impl TargetName {
    /// The name of `model` at `provider`.
    ///
    /// # Errors
    /// If either is empty, the provider holds a slash, or one holds white space or control characters.
    pub fn new(provider: &str, model: &str) -> Result<Self, TargetNameError> {
        let text = format!("{provider}/{model}");
        let problem = if provider.is_empty() {
            Some("the provider is missing")
        } else if provider.contains('/') {
            Some("a provider's name has no slash")
        } else if model.is_empty() {
            Some("the model is missing")
        } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Some("it holds white space or control characters")
        } else {
            None
        };
        match problem {
            Some(problem) => Err(TargetNameError { text, problem }),
            None => Ok(Self { slash: provider.len(), text }),
        }
    }

    /// The provider's name in this program: a kind, or a name from the config file.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.text.get(..self.slash).unwrap_or_default()
    }

    /// The provider's own name for the model.
    #[must_use]
    pub fn model(&self) -> &str {
        self.text.get(self.slash + 1..).unwrap_or_default()
    }

    /// Both, as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TargetName {
    type Err = TargetNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((provider, model)) => Self::new(provider, model),
            None => Err(TargetNameError { text: text.to_owned(), problem: "there is no slash in it" }),
        }
    }
}

/// A text that is not `provider/model`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a target: {problem}; write provider/model, for example openai/gpt-5.2")]
pub struct TargetNameError {
    text: String,
    problem: &'static str,
}

/// What is special about one target of a route. It stays with its target and never reaches another.
#[non_exhaustive]
#[derive(Clone, Default, PartialEq)]
pub struct Overrides {
    /// The most time for an answer in one piece.
    pub timeout: Option<Duration>,
    /// The most time until the first content of a stream.
    pub first_content: Option<Duration>,
    /// The most time between two pieces of a stream.
    pub idle: Option<Duration>,
    /// Replaces the request's temperature.
    pub temperature: Option<f64>,
    /// Replaces the request's `top_p`.
    pub top_p: Option<f64>,
    /// Replaces the request's limit.
    pub max_output_tokens: Option<u32>,
    /// Replaces what the request says of reasoning.
    pub reasoning: Option<ReasoningRequest>,
    /// Replaces the request's seed.
    pub seed: Option<u64>,
    /// Replaces the request's stop texts.
    pub stop: Option<Vec<String>>,
    /// Replaces the request's system messages.
    pub system: Option<String>,
    /// Headers sent with requests to this target.
    pub headers: Vec<(String, String)>,
    /// Fields added to the body of requests to this target, replacing those of the same name.
    pub extra_body: Map<String, Value>,
}

impl Overrides {
    /// The request as this target gets it; borrowed where nothing changes.
    #[must_use]
    pub fn apply<'a>(&self, request: &'a ChatRequest) -> Cow<'a, ChatRequest> {
        let Self { temperature, top_p, max_output_tokens, reasoning, seed, stop, system, .. } = self;
        if temperature.is_none()
            && top_p.is_none()
            && max_output_tokens.is_none()
            && reasoning.is_none()
            && seed.is_none()
            && stop.is_none()
            && system.is_none()
        {
            return Cow::Borrowed(request);
        }
        let mut changed = request.clone();
        changed.temperature = temperature.or(changed.temperature);
        changed.top_p = top_p.or(changed.top_p);
        changed.max_output_tokens = max_output_tokens.or(changed.max_output_tokens);
        changed.reasoning = reasoning.or(changed.reasoning);
        changed.seed = seed.or(changed.seed);
        if let Some(stop) = stop {
            changed.stop.clone_from(stop);
        }
        if let Some(system) = system {
            changed.messages.retain(|message| !matches!(message, Message::System { .. }));
            changed.messages.insert(0, Message::system(system.as_str()));
        }
        Cow::Owned(changed)
    }
}

/// Headers that say who pays, beside those that hold a key.
const ACCOUNTS: [&str; 3] = ["openai-organization", "openai-project", "x-goog-user-project"];

impl Overrides {
    /// The headers that say who asks, names in lower case: a key of the target's own, or an account. What a provider
    /// refuses or limits is theirs, and nobody else's.
    pub fn credentials(&self) -> impl Iterator<Item = (String, &str)> {
        self.headers.iter().filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let holds_key = ["authorization", "api-key", "apikey"].iter().any(|part| name.contains(part));
            (holds_key || ACCOUNTS.contains(&name.as_str())).then_some((name, value.as_str()))
        })
    }

    /// The text completion as this target gets it; borrowed where nothing changes.
    #[must_use]
    pub fn apply_to_completion<'a>(&self, request: &'a CompletionRequest) -> Cow<'a, CompletionRequest> {
        let Self { temperature, top_p, max_output_tokens, seed, stop, .. } = self;
        if temperature.is_none()
            && top_p.is_none()
            && max_output_tokens.is_none()
            && seed.is_none()
            && stop.is_none()
        {
            return Cow::Borrowed(request);
        }
        let mut changed = request.clone();
        changed.temperature = temperature.or(changed.temperature);
        changed.top_p = top_p.or(changed.top_p);
        changed.max_output_tokens = max_output_tokens.or(changed.max_output_tokens);
        changed.seed = seed.or(changed.seed);
        if let Some(stop) = stop {
            changed.stop.clone_from(stop);
        }
        Cow::Owned(changed)
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Overrides")
            .field("timeout", &self.timeout)
            .field("first_content", &self.first_content)
            .field("idle", &self.idle)
            .field("temperature", &self.temperature)
            .field("top_p", &self.top_p)
            .field("max_output_tokens", &self.max_output_tokens)
            .field("reasoning", &self.reasoning)
            .field("seed", &self.seed)
            // Values of headers and bodies may hold keys, a system text is a prompt: names only.
            .field("headers", &headers)
            .field("extra_body", &self.extra_body.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_target_says_what_is_wrong_and_how_to_write_it() {
        for (text, problem) in [
            ("gpt-5.2", "no slash"),
            ("/gpt-5.2", "provider is missing"),
            ("openai/", "model is missing"),
            ("openai/gpt 5", "white space"),
            ("", "no slash"),
        ] {
            let error = text.parse::<TargetName>().unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("openai/gpt-5.2"), "{error}");
        }
    }

    #[test]
    fn a_request_without_overrides_is_not_cloned() {
        let request = ChatRequest::user("hi");
        assert!(matches!(Overrides::default().apply(&request), Cow::Borrowed(_)));
    }

    #[test]
    fn overrides_replace_what_they_name_and_nothing_else() {
        let request = ChatRequest::user("hi").with_system("old").with_temperature(1.0).with_seed(7);
        let overrides =
            Overrides { temperature: Some(0.2), system: Some("new".to_owned()), ..Overrides::default() };
        let changed = overrides.apply(&request);
        assert_eq!(changed.temperature, Some(0.2));
        assert_eq!(changed.seed, Some(7));
        assert_eq!(changed.messages, [Message::system("new"), Message::user("hi")]);
    }

    #[test]
    fn what_says_who_asks_is_told_from_other_headers_in_any_case() {
        let header = |name: &str| (name.to_owned(), "v".to_owned());
        let names = ["Authorization", "X-Api-Key", "x-goog-api-key", "OpenAI-Project", "x-trace", "accept"];
        let overrides = Overrides { headers: names.map(header).into(), ..Overrides::default() };
        let own: Vec<String> = overrides.credentials().map(|(name, _)| name).collect();
        assert_eq!(own, ["authorization", "x-api-key", "x-goog-api-key", "openai-project"]);
    }

    #[test]
    fn debug_names_headers_and_never_shows_them() {
        let overrides = Overrides {
            headers: vec![("authorization".to_owned(), "Bearer sk-123".to_owned())],
            ..Overrides::default()
        };
        let shown = format!("{overrides:?}");
        assert!(shown.contains("authorization") && !shown.contains("sk-123"));
    }
}
