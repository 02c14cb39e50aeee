//! Embeddings of more texts than one request may hold: parts, each a call of its own, under one deadline.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use backstop_core::embedding::{EmbeddingReply, EmbeddingRequest};
use backstop_core::{Error, ErrorKind, Partial, Trail};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::client::Backstop;
use crate::operation::{Alike, Embed, Operation, Part};

/// Embeds all texts: in one call, or in as few as the targets that may answer allow.
pub(crate) async fn embed(
    client: &Backstop,
    request: EmbeddingRequest,
    stop: impl Future<Output = ()>,
) -> Result<Answer<EmbeddingReply>, Error> {
    let mut stop = pin!(stop);
    client.check_terms()?;
    let batch = batch(client, &request)?;
    if request.input.len() <= batch {
        return one(client, Part { request, like: None }, stop.as_mut()).await;
    }
    let begun = Instant::now();
    let deadline = client.deadline_in_force()?;
    let mut joined = Joined::default();
    let EmbeddingRequest { input, .. } = &request;
    for (number, texts) in (0..).zip(input.chunks(batch)) {
        let Some(left) = deadline.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) else {
            let message = format!("the deadline was reached before part {} could be asked for", number + 1);
            return Err(joined.into_error(Error::new(ErrorKind::Deadline, message), number));
        };
        let mut part = request.clone_without_input();
        part.input = texts.to_vec();
        // The first part has the whole deadline, whosoever it is: a stated one is told from the route's own.
        let timed = if number == 0 { client.clone() } else { client.clone().with_deadline(left) };
        match one(&timed, Part { request: part, like: joined.like() }, stop.as_mut()).await {
            Ok(answer) => joined.add(answer, number),
            Err(error) => return Err(joined.into_error(error, number)),
        }
    }
    Ok(joined.into_answer())
}

async fn one(
    client: &Backstop,
    part: Part,
    stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<Answer<EmbeddingReply>, Error> {
    client.drive::<Embed>(part)?.finish(stop).await
}

/// The most texts that every target that may answer can take in one request.
fn batch(client: &Backstop, request: &EmbeddingRequest) -> Result<usize, Error> {
    let route = client.route_in_force()?;
    let whole = Part { request: request.clone_without_input(), like: None };
    let needs = Embed::needs(&whole);
    let may_answer = |slot: &usize| {
        let target = route.targets.get(*slot)?;
        let able = target.provider.capabilities(target.name.model());
        let fits = Embed::misfit(&whole, route, *slot).is_none();
        (fits && needs.unmet_by(&able, target.name.provider()).is_none()).then_some(able.embed_batch)?
    };
    let smallest = (0..route.targets.len()).filter_map(|slot| may_answer(&slot)).min();
    Ok(smallest.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX).max(1)))
}

/// What the parts have come to so far.
#[derive(Default)]
struct Joined {
    reply: EmbeddingReply,
    target: Option<Arc<str>>,
    trail: Trail,
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
        if part > 0 {
            reply.usage += self.reply.usage;
        }
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
        partial.usage = self.reply.usage;
        error.with_trail(self.trail).with_partial(partial)
    }
}
