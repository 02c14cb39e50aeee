//! How a model is asked to think: which form its name calls for, and how much.

use backstop_core::Error;
use backstop_core::chat::{ChatRequest, Effort, ReasoningRequest, ToolChoice};

use super::wire::Thinking;

/// The least that Claude may be told to think.
const BUDGET_MIN: u32 = 1024;

/// How a model is told how much to think.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It decides by itself, after an effort.
    Adaptive,
    /// It is given a number of tokens.
    Budget,
}

/// What a model's name says about it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Thinker {
    pub(super) mode: Mode,
    /// Whether it is Claude, whose rules are known.
    pub(super) is_claude: bool,
    /// Whether it cannot be told not to think.
    always: bool,
}

/// What a request asks for, in words of the wire.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) thinking: Option<Thinking>,
    pub(super) effort: Option<&'static str>,
    /// What the limit on output has to leave for thoughts where nobody states one.
    pub(super) room: u32,
}

impl Thinker {
    /// The model of this name. Claude thinks adaptively from 4.6 on, and refuses budgets soon after; other models
    /// behind this wire know budgets.
    pub(super) fn of(model: &str, stated: Option<Mode>) -> Self {
        let model = model.to_ascii_lowercase();
        let claude = model.split_once("claude").map(|(_, rest)| rest);
        let suggested = match claude {
            Some(rest) if version(rest).is_none_or(|version| version >= (4, 6)) => Mode::Adaptive,
            Some(_) | None => Mode::Budget,
        };
        Self {
            mode: stated.unwrap_or(suggested),
            is_claude: claude.is_some(),
            always: claude.is_some_and(|rest| rest.contains("mythos") || rest.contains("fable")),
        }
    }

    /// What to send for this request; an error where Claude would refuse it.
    pub(super) fn asked(self, request: &ChatRequest) -> Result<Asked, Error> {
        let Some(reasoning) = request.reasoning else { return Ok(Asked::default()) };
        if !reasoning.asks() {
            return Ok(if self.always {
                Asked { effort: Some("low"), ..Asked::default() }
            } else {
                Asked { thinking: Some(Thinking::Disabled), ..Asked::default() }
            });
        }
        if self.is_claude {
            self.check(request)?;
        }
        let room = tokens(reasoning);
        Ok(match self.mode {
            Mode::Adaptive => Asked {
                // Some models keep their thoughts to themselves unless asked.
                thinking: Some(Thinking::Adaptive { display: "summarized" }),
                effort: reasoning.effort.map(effort),
                room,
            },
            Mode::Budget => {
                let least = if self.is_claude { BUDGET_MIN } else { 1 };
                let budget_tokens = match request.max_output_tokens {
                    Some(limit) => room.min((limit / 2).max(least)),
                    None => room,
                };
                Asked { thinking: Some(Thinking::Enabled { budget_tokens }), effort: None, room }
            }
        })
    }

    fn check(self, request: &ChatRequest) -> Result<(), Error> {
        let refuse = |why: &str| Err(Error::unsupported(why));
        if request.temperature.is_some_and(|temperature| (temperature - 1.0).abs() > f64::EPSILON) {
            return refuse("thinks at no temperature but 1");
        }
        if request.top_p.is_some_and(|top_p| top_p < 0.95) {
            return refuse("thinks with no top_p below 0.95");
        }
        if self.mode == Mode::Adaptive {
            return Ok(());
        }
        if request.max_output_tokens.is_some_and(|limit| limit <= BUDGET_MIN) {
            return refuse("thinks at least 1024 tokens, which the limit on output leaves no room for");
        }
        match request.tool_choice {
            ToolChoice::Required | ToolChoice::Named(_) => {
                refuse("does not think where a tool has to be called")
            }
            _ => Ok(()),
        }
    }
}

/// The version in what follows `claude`: `-opus-4-8`, `-3-7-sonnet-20250219`, `-sonnet-4.6`. Dates are none.
fn version(rest: &str) -> Option<(u32, u32)> {
    let parts = rest.split(|c: char| !c.is_ascii_alphanumeric());
    let number = |part: &str| part.parse().ok().filter(|_| part.len() <= 2);
    let mut numbers = parts.map(number).skip_while(Option::is_none);
    let major = numbers.next()??;
    Some((major, numbers.next().flatten().unwrap_or(0)))
}

/// What the wire calls an effort; it has none below `low`.
fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => "low",
        other => other.name(),
    }
}

/// How many tokens an effort may take.
fn tokens(reasoning: ReasoningRequest) -> u32 {
    match reasoning.effort {
        Some(Effort::None | Effort::Minimal) => BUDGET_MIN,
        Some(Effort::Low) => 2048,
        Some(Effort::High) => 16_384,
        _ => 8192,
    }
}
