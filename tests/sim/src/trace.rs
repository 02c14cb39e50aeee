//! A run in words.

#![expect(clippy::indexing_slicing, reason = "slots are numbered by the world")]

use std::cell::{Cell, RefCell};

use backstop_core::fallback::{Action, Event, Moment, SlotId};

use crate::world::Road;

/// What survives a panic of the machine.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) on: bool,
    pub(crate) lines: RefCell<Vec<(usize, String)>>,
    pub(crate) place: Cell<(usize, Moment)>,
}

impl Log {
    pub(crate) fn note(&self, call: usize, now: Moment, text: impl FnOnce() -> String) {
        if self.on {
            let seconds = (now - Moment::ORIGIN).as_secs_f64();
            self.lines.borrow_mut().push((call, format!("{seconds:>12.6} s  call {call:<3} {}", text())));
        }
    }
}

pub(crate) fn digest(so_far: u64, action: Action) -> u64 {
    let word = match action {
        Action::Start { attempt, slot } => u64::from(attempt.0) << 8 | u64::from(slot.0) << 16 | 1,
        Action::Abort(attempt) => u64::from(attempt.0) << 8 | 2,
        Action::Commit { attempt, reset } => u64::from(attempt.0) << 8 | u64::from(reset) << 16 | 3,
        Action::Finish(_) => 4,
    };
    (so_far ^ word).wrapping_mul(0x0100_0000_01B3).rotate_left(17)
}

pub(crate) fn spoken(event: Event) -> String {
    match event {
        Event::Opened(id) => format!("#{} opens", id.0),
        Event::Progress(id) => format!("#{} makes progress", id.0),
        Event::Content(id) => format!("#{} brings content", id.0),
        Event::Done(id) => format!("#{} is done", id.0),
        Event::Failed(id, facts) => {
            let hint = facts.hint.map(|hint| format!(", hint {hint:?}")).unwrap_or_default();
            let counted = if facts.counted { "" } else { ", not counted" };
            format!("#{} fails: {}{hint}{counted}", id.0, facts.kind)
        }
        Event::Reading(true) => "the caller reads on".to_owned(),
        Event::Reading(false) => "the caller pauses".to_owned(),
        Event::Cancelled => "the caller leaves".to_owned(),
        Event::Tick => "time passes".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(crate) fn answered(action: Action, road: &Road) -> String {
    match action {
        Action::Start { attempt, slot } => {
            let SlotId(number) = slot;
            let spec = road.slots[usize::from(number)];
            let (provider, target) = (spec.provider, spec.target);
            format!("    -> start #{} at slot {number} (provider {provider}, target {target})", attempt.0)
        }
        Action::Abort(attempt) => format!("    -> abort #{}", attempt.0),
        Action::Commit { attempt, reset } => {
            format!("    -> commit #{}{}", attempt.0, if reset { ", reset" } else { "" })
        }
        Action::Finish(outcome) => format!("    -> finish: {outcome:?}"),
    }
}
