//! Which targets may embed the texts of one call: vectors of different spaces do not mix.

use backstop_core::embedding::{EmbeddingRequest, Space, refuses_size};

use crate::operation::Alike;
use crate::wiring::{WiredRoute, WiredTarget};

/// Why this target must not answer. The space of a call is that of the target listed first, or the caller's; where a
/// route mixes spaces, that of the first part that was answered.
pub(crate) fn misfit(
    request: &EmbeddingRequest,
    like: Option<&Alike>,
    route: &WiredRoute,
    slot: usize,
) -> Option<String> {
    let target = route.targets.get(slot)?;
    let model = target.facts.space.as_deref().unwrap_or(target.name.model());
    if let Some(reason) = request.dimensions.and_then(|size| refuses_size(model, size)) {
        return Some(reason);
    }
    let has = target.space(request.dimensions);
    if let Some(like) = like.filter(|like| !like.fits(&name(request, route, slot), &has)) {
        let Alike { space, size } = like;
        return Some(format!(
            "its vectors live in the space {has}, and those of the texts before these in {space}, with {size} dimensions"
        ));
    }
    if route.mixed_spaces {
        return None;
    }
    let first = match &request.space {
        Some(stated) => {
            route.targets.iter().find(|target| target.space(request.dimensions).to_string() == *stated)
        }
        None => route.targets.first(),
    };
    let space = first.map(|first| first.space(request.dimensions));
    if !space.as_ref().is_some_and(|space| space.is(&has)) {
        let wanted = request.space.clone().or_else(|| space.as_ref().map(described));
        return Some(format!(
            "its vectors live in the space {}, and those of this call in {}: they cannot be compared; if both are of one \
             model, state one `space` for both in their facts ([models] of a config file)",
            described(&has),
            wanted.unwrap_or_default()
        ));
    }
    match (told(target, request), first.and_then(|first| told(first, request))) {
        (Some(true), Some(false)) => Some(purpose("tells", "does not")),
        (Some(false), Some(true)) => Some(purpose("does not tell", "does")),
        _ => None,
    }
}

fn purpose(this: &str, first: &str) -> String {
    format!(
        "{this} the model what the vectors are for, and the first target of this space {first}: they cannot be compared; \
         leave `input_type` out, or state the `space` of this target in its facts ([models] of a config file)"
    )
}

/// Two spaces of one name and two sizes are told apart.
fn described(space: &Space) -> String {
    match space.size() {
        Some(size) => format!("{space} ({size} dimensions)"),
        None => space.to_string(),
    }
}

/// Whether the model gets to know what the vectors are for. Of a target whose space is stated that is known to whoever
/// states it.
fn told(target: &WiredTarget, request: &EmbeddingRequest) -> Option<bool> {
    (request.input_type.is_some() && target.facts.space.is_none())
        .then(|| target.provider.capabilities(target.name.model()).embed_input_type)
}

/// The name of the space that a target's vectors live in. What is one space has one name in a route, even where less is
/// known of it under one of its targets.
pub(crate) fn name(request: &EmbeddingRequest, route: &WiredRoute, slot: usize) -> String {
    let spaces = route.targets.iter().take(slot + 1).map(|target| target.space(request.dimensions));
    let spaces: Vec<Space> = spaces.collect();
    let own = spaces.last();
    let same = spaces.iter().find(|space| own.is_some_and(|own| own.is(space)));
    same.map(Space::to_string).unwrap_or_default()
}

impl Alike {
    fn fits(&self, name: &str, space: &Space) -> bool {
        let same_size = |size| usize::try_from(size).is_ok_and(|size| size == self.size);
        self.space == name && space.size().is_none_or(same_size)
    }
}
