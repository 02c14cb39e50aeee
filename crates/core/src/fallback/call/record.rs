//! What the call writes down.

use std::time::Duration;

use super::super::cooldown::Rested;
use super::super::facts::Entry;
use super::super::fleet::{Fleet, Standing};
use super::super::ids::{AttemptId, SlotId};
use super::super::moment::Moment;
use super::{Call, Live};
use crate::error::{ErrorKind, Scope};
use crate::trail::Verdict;

impl Call {
    pub(super) fn record_start(&mut self, slot: SlotId, attempt: AttemptId, now: Moment) -> usize {
        if let Some(last) = self.undecided.take() {
            let same = self.entries[last].slot == slot;
            self.entries[last].verdict = Some(if same { Verdict::RetrySame } else { Verdict::NextTarget });
        }
        let waited = std::mem::take(&mut self.waited);
        self.push(Entry { attempt: Some(attempt), waited, ..blank(slot, now) })
    }

    pub(super) fn record_end(&mut self, live: &Live, kind: Option<ErrorKind>, now: Moment) {
        let entry = &mut self.entries[live.entry];
        entry.kind = kind;
        entry.took = now - entry.at;
    }

    /// Records that a slot is left out; once per slot. Returns the line, if it is a new one.
    pub(super) fn record_skip(
        &mut self,
        slot: SlotId,
        kind: ErrorKind,
        rest: Option<Rested>,
        now: Moment,
    ) -> Option<usize> {
        if self.skipped & slot.bit() != 0 {
            return None;
        }
        self.skipped |= slot.bit();
        Some(self.push(Entry { verdict: Some(Verdict::Skipped), kind: Some(kind), rest, ..blank(slot, now) }))
    }

    fn push(&mut self, entry: Entry) -> usize {
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// When the first of the call's targets is worth asking again: what was stated, else the end of its cooldown.
    #[must_use]
    pub fn retry_at(&self, now: Moment, fleet: &Fleet) -> Option<Moment> {
        let stated = self.stated.iter().map(|(_, at)| *at);
        let cooling = self.list.iter().filter(|slot| self.obstacle(**slot).is_none()).filter_map(|slot| {
            let stated = self.stated.iter().any(|(of, _)| of == slot);
            match self.standing(*slot, now, fleet) {
                Standing::Told(rest) | Standing::Suspected(rest) if !stated => Some(rest.worth_asking),
                Standing::Told(_) | Standing::Suspected(_) | Standing::Probe(_) | Standing::Ready => None,
            }
        });
        stated.chain(cooling).min()
    }
}

pub(super) fn resting(standing: Standing) -> Option<Rested> {
    match standing {
        Standing::Told(rest) | Standing::Suspected(rest) => {
            Some(Rested { scope: Scope::Target, rest, new: false })
        }
        Standing::Ready | Standing::Probe(_) => None,
    }
}

fn blank(slot: SlotId, now: Moment) -> Entry {
    Entry {
        slot,
        attempt: None,
        verdict: None,
        kind: None,
        phase: None,
        at: now,
        waited: Duration::ZERO,
        took: Duration::ZERO,
        rest: None,
        unaffordable: false,
    }
}
