//! Embeddings of more texts than one request may hold: parts, each a call of its own, under one deadline.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, ErrorKind, Partial, Step, Trail, Usage};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::Backstop;
use crate::operation::{Alike, Embed, Operation, Part};

/// Embeds all texts: in one call, or in as few as the targets that may answer allow.
///
/// A part that is refused as too long is asked for again in halves, and so are the parts after it: what was too long
/// once is not sent a second time. Each refusal halves what a part may hold, so there are few.
pub(crate) async fn embed(
    client: &Backstop,
    request: EmbeddingRequest,
    stop: impl Future<Output = ()>,
) -> Result<Answer<EmbeddingReply>, Error> {
    let mut stop = pin!(stop);
    client.check_terms()?;
    if request.input.len() == 1 {
        return one(client, Part { request, like: None }, stop.as_mut()).await;
    }
    let begun = Instant::now();
    let deadline = client.deadline_in_force()?;
    let mut limits = Limits::of(client, &request)?;
    let mut joined = Joined::default();
    let mut rest = request.input.as_slice();
    for number in 0.. {
        let (texts, later) = limits.split(rest);
        let Some(left) = deadline.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else {
            let message = format!("the deadline was reached before part {} could be asked for", number + 1);
            return Err(joined.into_error(Error::new(ErrorKind::Deadline, message), number));
        };
        let mut part = request.clone_without_input();
        part.input = texts.to_vec();
        // The first part has the whole deadline, whosoever it is: a stated one is told from the route's own.
        let timed = if number == 0 { client.clone() } else { client.clone().with_deadline(left) };
        let whole = number == 0 && later.is_empty();
        match one(&timed, Part { request: part, like: joined.like() }, stop.as_mut()).await {
            Ok(answer) if whole => return Ok(answer),
            Ok(answer) => {
                joined.add(answer, number);
                rest = later;
            }
            Err(error) if is_too_long(&error) => {
                let [_, _, ..] = texts else {
                    let error = names(request.input.len() - rest.len(), &error);
                    return Err(joined.into_error(error, number));
                };
                joined.trail.append(error.trail(), number);
                limits.halve(texts);
            }
            Err(error) if whole => return Err(error),
            Err(error) => return Err(joined.into_error(error, number)),
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok(joined.into_answer())
}

/// Whether nobody answered, and somebody because it was too much.
fn is_too_long(error: &Error) -> bool {
    let refused = |step: &Step| step.kind == Some(ErrorKind::ContextLength);
    matches!(error.kind(), ErrorKind::Exhausted | ErrorKind::ContextLength)
        && error.trail().steps().iter().any(refused)
}

/// The error of a text that is too long by itself, which nobody but the caller can mend.
fn names(index: usize, error: &Error) -> Error {
    let message = format!("input[{index}] is too long: shorten or split it; {}", error.message());
    let named = Error::new(error.kind(), message).with_trail(error.trail().clone());
    match error.retry_after() {
        Some(wait) => named.with_retry_after(wait),
        None => named,
    }
}

async fn one(
    client: &Backstop,
    part: Part,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Answer<EmbeddingReply>, Error> {
    client.drive::<Embed>(part)?.finish(stop).await
}

/// What one request may hold.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Limits {
    texts: usize,
    /// Of all texts together, as [`estimate`]d.
    tokens: u64,
}

impl Limits {
    /// What every target that may answer can take.
    fn of(client: &Backstop, request: &EmbeddingRequest) -> Result<Self, Error> {
        let route = client.route_in_force()?;
        let whole = Part { request: request.clone_without_input(), like: None };
        let needs = Embed::needs(&whole);
        let mut limits = Self { texts: usize::MAX, tokens: u64::MAX };
        for (slot, target) in route.targets.iter().enumerate() {
            let able = target.provider.capabilities(target.name.model());
            if Embed::misfit(&whole, route, slot).is_some()
                || needs.unmet_by(&able, target.name.provider()).is_some()
            {
                continue;
            }
            let texts = able.embed_batch.and_then(|most| usize::try_from(most).ok());
            limits.texts = limits.texts.min(texts.unwrap_or(usize::MAX));
            limits.tokens = limits.tokens.min(able.embed_tokens.map_or(u64::MAX, u64::from));
        }
        Ok(limits)
    }

    /// The texts of the next part, and those after it. A text that is too long by itself goes alone.
    fn split<'t>(&self, texts: &'t [String]) -> (&'t [String], &'t [String]) {
        let mut tokens = 0_u64;
        let fit = texts.iter().take(self.texts).take_while(|text| {
            tokens = tokens.saturating_add(estimate(text));
            tokens <= self.tokens
        });
        let count = fit.count().max(1).min(texts.len());
        texts.split_at_checked(count).unwrap_or((texts, &[]))
    }

    /// Half of what these texts, more than one, come to: less than them all is taken from here on.
    fn halve(&mut self, texts: &[String]) {
        let sum = texts.iter().fold(0_u64, |sum, text| sum.saturating_add(estimate(text)));
        self.tokens = self.tokens.min(sum.div_ceil(2));
    }
}

/// How many tokens a text may have at most, without knowing how a model cuts it. In most writing a token has three or
/// four bytes, in dense writing two; what has fewer is found out when it is refused.
fn estimate(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(2)).unwrap_or(u64::MAX).max(1)
}

/// What the parts have come to so far.
struct Joined {
    reply: EmbeddingReply,
    target: Option<Arc<str>>,
    usage: Usage,
    trail: Trail,
}

impl Default for Joined {
    fn default() -> Self {
        Self { reply: EmbeddingReply::default(), target: None, usage: Usage::ZERO, trail: Trail::default() }
    }
}

impl Joined {
    /// What later parts have to be like as well: all vectors of a reply can be compared, whatever the route allows.
    fn like(&self) -> Option<Alike> {
        let size = self.reply.embeddings.first()?.len();
        Some(Alike { space: self.reply.space.clone()?, size })
    }

    fn add(&mut self, answer: Answer<EmbeddingReply>, part: u32) {
        self.trail.append(answer.trail(), part);
        self.target = Some(Arc::from(answer.target()));
        let mut reply = answer.into_inner();
        let mut embeddings = std::mem::take(&mut self.reply.embeddings);
        embeddings.append(&mut reply.embeddings);
        self.usage += reply.usage;
        reply.usage = self.usage;
        // Of the rest, what the last part said.
        reply.embeddings = embeddings;
        self.reply = reply;
    }

    fn into_answer(self) -> Answer<EmbeddingReply> {
        let target = self.target.unwrap_or_else(|| Arc::from(""));
        Answer::new(self.reply, target, self.trail)
    }

    /// The error of a part, with what the parts before it have come to.
    fn into_error(mut self, error: Error, part: u32) -> Error {
        self.trail.append(error.trail(), part);
        let mut partial = error.partial().cloned().unwrap_or_else(Partial::default);
        partial.embeddings = self.reply.embeddings;
        partial.space = self.reply.space;
        // The default, where no part is done: unknown.
        partial.usage = self.reply.usage;
        error.with_trail(self.trail).with_partial(partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lengths: &[usize]) -> Vec<String> {
        lengths.iter().map(|&length| "x".repeat(length)).collect()
    }

    /// How many texts each part has.
    fn parts(limits: Limits, texts: &[String]) -> Vec<usize> {
        let (mut rest, mut counts) = (texts, Vec::new());
        while !rest.is_empty() {
            let (part, later) = limits.split(rest);
            counts.push(part.len());
            rest = later;
        }
        counts
    }

    #[test]
    fn a_part_holds_as_much_as_both_limits_allow_and_one_text_at_least() {
        for (most, tokens, lengths, expected) in [
            (2, u64::MAX, &[2, 2, 2, 2, 2][..], &[2, 2, 1][..]),
            (9, 4, &[2, 4, 2, 8, 2], &[3, 1, 1]),
            (9, 3, &[100, 2, 100], &[1, 1, 1]),
            (9, 1, &[0, 0, 0], &[1, 1, 1]),
            (0, 0, &[2, 2], &[1, 1]),
        ] {
            let limits = Limits { texts: most, tokens };
            assert_eq!(parts(limits, &texts(lengths)), expected, "{limits:?} {lengths:?}");
        }
    }

    #[test]
    fn what_is_halved_takes_less_each_time_down_to_single_texts() {
        for lengths in [&[0, 0][..], &[1, 1, 1], &[900, 1], &[1, 900], &[3; 2048], &[7, 0, 0, 0, 0, 5000, 1]]
        {
            let texts = texts(lengths);
            let mut limits = Limits { texts: usize::MAX, tokens: u64::MAX };
            let (mut rest, mut refusals) = (texts.as_slice(), 0);
            while !rest.is_empty() {
                let (part, later) = limits.split(rest);
                if part.len() == 1 {
                    rest = later;
                    continue;
                }
                limits.halve(part);
                assert!(limits.split(rest).0.len() < part.len(), "{lengths:?}: {limits:?}");
                refusals += 1;
            }
            assert!(refusals <= 16, "{refusals} refusals for {lengths:?}");
        }
    }
}
