//! What the words of a refusal mean, whoever wrote them. What a wire knows for certain comes first; this narrows the rest.

use backstop_core::ErrorKind::{self, BadRequest, ContextLength, Forbidden, Quota, Server};
use backstop_core::{Error, Scope};
use http::HeaderMap;

use super::attempt::Attempt;
use super::error_body::ErrorBody;
use super::phrases::{FAULT_CODES, FAULTS, NARROWINGS, OF_KEY};
use super::words::Words;

/// The names of the limit on an answer.
const LIMITS: &[&str] = &[
    "max_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_output_tokens",
    "maxtokens",
    "maxoutputtokens",
];

impl ErrorBody {
    /// The kind that the words narrow `known` to, where they say more than that. `None` is a failure of which nothing is
    /// known: in a stream, say, where no status tells.
    pub(crate) fn narrowed(&self, known: Option<ErrorKind>) -> Option<ErrorKind> {
        let words = self.words();
        // A value that does not fit follows as it is, and it may be a part of the prompt.
        if words.begin("invalid value at ") {
            return None;
        }
        let counts = |under: &[ErrorKind]| known.is_none_or(|known| under.contains(&known));
        if counts(&[BadRequest]) && self.has_negative_limit() {
            return Some(ContextLength);
        }
        let kind_of = |words: Words| {
            let rule = NARROWINGS.iter().find(|(under, phrases, _)| counts(under) && words.say(phrases));
            rule.map(|rule| rule.2)
        };
        let within = |word: &Option<String>| word.as_deref().map(Words::within).and_then(kind_of);
        let kinds = [within(&self.code), kind_of(words), within(&self.sort)];
        // That something failed somewhere is said in front of everything.
        let mut told = kinds.into_iter().flatten();
        told.clone().find(|kind| *kind != Server).or_else(|| told.next())
    }

    /// The words, in which phrases can be looked for.
    pub(crate) fn words(&self) -> Words {
        Words::of(&self.message)
    }

    /// Whether a malformed part of the request is named.
    fn names_fault(&self) -> bool {
        let is_code = |word: &Option<String>| {
            word.as_deref().is_some_and(|word| FAULT_CODES.iter().any(|code| code.eq_ignore_ascii_case(word)))
        };
        is_code(&self.code) || is_code(&self.sort) || self.words().say(FAULTS)
    }

    /// A server that takes the prompt from its window and then refuses what is left: no request asks for less than nothing.
    fn has_negative_limit(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        LIMITS.iter().any(|limit| {
            message.split_once(limit).is_some_and(|(_, rest)| {
                rest.match_indices(" -").chain(rest.match_indices("=-")).any(|(at, _)| {
                    rest.get(at + 2..)
                        .is_some_and(|rest| rest.starts_with(|c: char| ('1'..='9').contains(&c)))
                })
            })
        })
    }
}

impl Attempt<'_> {
    /// Completes an error by what its body and its headers say, in the same way for every wire.
    pub(crate) fn told(&self, error: Error, body: &ErrorBody, headers: &HeaderMap) -> Error {
        let error = match error.kind() {
            BadRequest if body.names_fault() => error.recognised(),
            Forbidden if body.words().say(OF_KEY) => error.with_scope(Scope::Provider),
            // Whose account that is, is not ours to know; the service's other models have others behind them.
            Quota if body.of_upstream => error.with_scope(Scope::Target),
            _ => error,
        };
        self.identified(error, headers)
    }
}

/// How many tokens a request has, where the message says so.
pub(crate) fn needed_tokens(message: &str) -> Option<u32> {
    /// What stands before and behind the number.
    const AROUND: &[(&str, &str)] = &[
        ("requested ", " tokens"),
        ("resulted in ", " tokens"),
        ("request (", " tokens)"),
        ("request contains ", " tokens"),
        ("prompt contains ", " tokens"),
        ("prompt contains ", " characters"),
        ("input contains ", " tokens"),
        ("input (", " tokens)"),
        ("input prompt (", " tokens)"),
        ("prompt (", " tokens)"),
        ("prompt (length ", ")"),
        ("prompt (total length ", ")"),
        ("input length (", ")"),
        ("current length is ", " "),
        ("keep the first ", " tokens"),
        ("prompt is too long: ", ""),
        ("exceed context limit: ", ""),
        ("input token count is ", ""),
        ("input token count (", ")"),
        ("input token count ", ""),
        ("token count of ", " exceeds"),
        ("given: ", ""),
        ("received ", ""),
        ("contains ", " tokens"),
        (" got ", ""),
    ];
    let message = message.to_ascii_lowercase();
    let tokens = AROUND.iter().find_map(|(before, after)| {
        let (_, rest) = message.split_once(before)?;
        let (first, rest) = number(rest.trim_start_matches('('))?;
        let second = rest.strip_prefix(" + ").and_then(number);
        let (sum, rest) =
            second.map_or(Some((first, rest)), |(second, rest)| Some((first.checked_add(second)?, rest)))?;
        rest.starts_with(after).then_some(sum)
    });
    tokens.filter(|tokens| *tokens > 0)
}

fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.replace(',', "").parse().ok()?, rest))
}
