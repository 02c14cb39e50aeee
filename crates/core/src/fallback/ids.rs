//! What the machine calls things: numbers with a name.

/// A provider of a fleet.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(pub(super) u32);

/// A target of a fleet.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetId(pub(super) u32);

/// A route of a fleet: whose retry budget pays.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(pub(super) u32);

/// One place in a plan, counted from 0.
#[expect(clippy::exhaustive_structs, reason = "a number with a name, made by drivers and tests as well")]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub u8);

impl SlotId {
    pub(super) const fn bit(self) -> u64 {
        1 << self.0
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One upstream request of a call, counted from 0.
#[expect(clippy::exhaustive_structs, reason = "a number with a name, made by drivers and tests as well")]
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub u8);
