//! How Claude is asked to think: which form its name calls for, and how much. Other models have ways of their own.

use backstop_core::Error;
use backstop_core::chat::{ChatRequest, Effort, ToolChoice};
use serde_json::{Value, json};

use crate::http::unknown;

/// The least that Claude may be told to think.
const BUDGET_MIN: u32 = 1_024;

/// How a model is asked to think.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Thinks {
    /// Not at all, or in a way of its own.
    Unasked,
    /// It is given a number of tokens.
    Budget,
    /// It decides by itself, after an effort.
    Adaptive {
        /// Whether it cannot be told not to think.
        always: bool,
    },
}

impl Thinks {
    /// The model of this name. Claude thinks from 3.7 on, and from 4.6 on as much as it sees fit.
    pub(super) fn of(model: &str) -> Self {
        let Some((_, rest)) = model.split_once("anthropic.claude") else { return Self::Unasked };
        // Names that old do not begin with a number.
        if rest.starts_with("-v") || rest.starts_with("-instant") {
            return Self::Unasked;
        }
        match version(rest) {
            Some(version) if version < (3, 7) => Self::Unasked,
            Some(version) if version < (4, 6) => Self::Budget,
            _ => Self::Adaptive { always: rest.contains("mythos") || rest.contains("fable") },
        }
    }
}

/// The version in what follows `claude`: `-opus-4-6-v1`, `-3-7-sonnet-20250219-v1:0`. Dates are none.
fn version(rest: &str) -> Option<(u32, u32)> {
    let parts = rest.split(|c: char| !c.is_ascii_alphanumeric());
    let number = |part: &str| part.parse().ok().filter(|_| part.len() <= 2);
    let mut numbers = parts.map(number).skip_while(Option::is_none);
    let major = numbers.next()??;
    Some((major, numbers.next().flatten().unwrap_or(0)))
}

/// What to send for this request, in Anthropic's words; an error where Claude would refuse it.
pub(super) fn asked(model: &str, request: &ChatRequest) -> Result<Option<Value>, Error> {
    let Some(reasoning) = request.reasoning else { return Ok(None) };
    let thinks = Thinks::of(model);
    if !reasoning.asks() {
        return Ok(match thinks {
            Thinks::Unasked => None,
            Thinks::Adaptive { always: true } => Some(json!({ "output_config": { "effort": "low" } })),
            _ => Some(json!({ "thinking": { "type": "disabled" } })),
        });
    }
    check(thinks, request)?;
    let (effort, tokens) = match reasoning.effort {
        Some(Effort::Minimal) => (Effort::Low, BUDGET_MIN),
        Some(Effort::Low) => (Effort::Low, 2_048),
        Some(Effort::Medium) => (Effort::Medium, 8_192),
        Some(Effort::High) => (Effort::High, 16_384),
        // Without an effort nothing of what is thought would be told.
        None => (Effort::High, 8_192),
        Some(_) => return Err(unknown("effort")),
    };
    Ok(Some(match thinks {
        Thinks::Budget => {
            // What is thought counts as output, and something has to be left for the answer.
            let most = request.max_output_tokens.map_or(u32::MAX, |limit| (limit / 2).max(BUDGET_MIN));
            json!({ "thinking": { "type": "enabled", "budget_tokens": tokens.min(most) } })
        }
        _ => {
            // Some models keep their thoughts to themselves unless asked.
            let thinking = json!({ "type": "adaptive", "display": "summarized" });
            json!({ "thinking": thinking, "output_config": { "effort": effort.name() } })
        }
    }))
}

/// Whether a number of tokens is asked for.
pub(super) fn has_budget(asked: &Value) -> bool {
    asked.pointer("/thinking/budget_tokens").is_some()
}

fn check(thinks: Thinks, request: &ChatRequest) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::unsupported(why));
    if thinks == Thinks::Unasked {
        return refuse("does not reason on request");
    }
    if request.temperature.is_some_and(|temperature| (temperature - 1.0).abs() > f64::EPSILON) {
        return refuse("thinks at no temperature but 1");
    }
    if request.top_p.is_some_and(|top_p| top_p < 0.95) {
        return refuse("thinks with no top_p below 0.95");
    }
    if thinks != Thinks::Budget {
        return Ok(());
    }
    if request.max_output_tokens.is_some_and(|limit| limit <= BUDGET_MIN) {
        return refuse("thinks at least 1024 tokens, which the limit on output leaves no room for");
    }
    match request.tool_choice {
        ToolChoice::Required | ToolChoice::Named(_) => refuse("does not think where a tool has to be called"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_how_a_model_is_asked_to_think() {
        let adaptive = Thinks::Adaptive { always: false };
        for (model, thinks) in [
            ("anthropic.claude-v2:1", Thinks::Unasked),
            ("anthropic.claude-instant-v1", Thinks::Unasked),
            ("anthropic.claude-3-haiku-20240307-v1:0", Thinks::Unasked),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Thinks::Unasked),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Thinks::Budget),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Thinks::Budget),
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Thinks::Budget),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", Thinks::Budget),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0",
                Thinks::Budget,
            ),
            ("us.anthropic.claude-opus-4-6-v1", adaptive),
            ("global.anthropic.claude-sonnet-5", adaptive),
            ("us.anthropic.claude-next", adaptive),
            ("us.anthropic.claude-mythos-preview", Thinks::Adaptive { always: true }),
            ("amazon.nova-pro-v1:0", Thinks::Unasked),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Thinks::Unasked),
        ] {
            assert_eq!(Thinks::of(model), thinks, "{model}");
        }
    }
}
