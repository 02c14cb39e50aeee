//! What the name of a model says: how it is told to think, and whether it signs its tool calls.

use backstop_core::Error;
use backstop_core::chat::{Effort, ReasoningRequest};

use super::wire::ThinkingConfig;

/// In which way a model is told how much to think. The three ways exclude each other.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Thinking {
    /// It does not think.
    Never,
    /// By a number of tokens.
    Budget,
    /// By a word. A model whose name says nothing is taken for a recent one.
    Level,
}

fn thinking(model: &str) -> Thinking {
    match bare(model) {
        name if any(name, &["gemini-1.", "gemini-2.0"]) => Thinking::Never,
        name if any(name, &["gemini-2.5"]) => Thinking::Budget,
        _ => Thinking::Level,
    }
}

/// Whether this model can be told to think.
pub(super) fn thinks(model: &str) -> bool {
    thinking(model) != Thinking::Never
}

/// Whether this model refuses calls in the conversation that nobody signed.
pub(super) fn wants_signatures(model: &str) -> bool {
    !any(bare(model), &["gemini-1.", "gemini-2.", "gemma"])
}

/// The id that a call or its result has on the way to this model, none if empty. Older ones find them by name and order,
/// and some services refuse to hear of their ids.
pub(super) fn id<'a>(model: &str, id: &'a str) -> &'a str {
    if wants_signatures(model) { id } else { "" }
}

/// How much to think, in the words or numbers of this model. Nothing where it goes without saying.
pub(super) fn thinking_config(
    model: &str,
    asked: Option<ReasoningRequest>,
) -> Result<Option<ThinkingConfig>, Error> {
    let Some(asked) = asked else { return Ok(None) };
    let config = |level, budget| {
        let include_thoughts = asked.asks();
        let config = ThinkingConfig { thinking_level: level, thinking_budget: budget, include_thoughts };
        Ok(Some(config))
    };
    let is_pro = bare(model).contains("-pro");
    match (thinking(model), asked.effort) {
        (Thinking::Never, Some(Effort::None)) => Ok(None),
        (Thinking::Never, _) => Err(Error::unsupported("does not reason on request")),
        (_, None) => config(None, None),
        // The smallest budget that a Pro takes: it cannot be told not to think.
        (Thinking::Budget, Some(Effort::None)) => config(None, Some(if is_pro { 128 } else { 0 })),
        // The smallest one that every other model of that family takes.
        (Thinking::Budget, Some(Effort::Minimal)) => config(None, Some(512)),
        // The same numbers that Google's own OpenAI-compatible endpoint makes of these words.
        (Thinking::Budget, Some(Effort::Low)) => config(None, Some(1024)),
        (Thinking::Budget, Some(Effort::Medium)) => config(None, Some(8192)),
        (Thinking::Budget, Some(Effort::High)) => config(None, Some(24_576)),
        // Thinks only if it is told to.
        (Thinking::Level, Some(Effort::None)) if bare(model).starts_with("gemma") => Ok(None),
        // The lowest level that each of them has; off is none.
        (Thinking::Level, Some(Effort::None | Effort::Minimal)) if is_pro => config(Some("LOW"), None),
        (Thinking::Level, Some(Effort::None | Effort::Minimal)) => config(Some("MINIMAL"), None),
        (Thinking::Level, Some(Effort::Low)) => config(Some("LOW"), None),
        (Thinking::Level, Some(Effort::Medium)) => config(Some("MEDIUM"), None),
        (Thinking::Level, Some(Effort::High)) => config(Some("HIGH"), None),
        (_, Some(_)) => {
            Err(Error::unsupported("the request asks for an effort that this provider does not know"))
        }
    }
}

/// The name without the place it stands at.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

fn any(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}
