//! The planted bugs. Each must be found by the simulation, under the invariant it breaks.

use super::Mutant;

pub(super) const MUTANTS: &[Mutant] = &[];
