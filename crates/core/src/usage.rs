//! What an answer cost, in tokens.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Token counts as the provider reported them. `None` is unknown, which is not zero.
///
/// Usages add up, count by count. A total with an unknown part is unknown, so it never says less than was spent:
///
/// ```
/// use backstop_core::Usage;
/// let answers = [Usage::new(9, 12), Usage::new(3, 5)];
/// assert_eq!(answers.iter().sum::<Usage>().output_tokens, Some(17));
///
/// let mut total = Usage::ZERO; // `Usage::default()` is unknown, and what is added to that stays unknown
/// total += Usage::new(9, 12);
/// assert_eq!(total.input_tokens, Some(9));
/// total += Usage::UNKNOWN;
/// assert_eq!(total.input_tokens, None);
/// ```
#[non_exhaustive]
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All input tokens, those read from a cache included.
    pub input_tokens: Option<u64>,
    /// All output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of the input that was read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// The part of the input that was written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// The part of the output that is reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Nothing known: the default, and what a reply says whose provider reported no usage. Not where a total begins.
    pub const UNKNOWN: Self = Self {
        input_tokens: None,
        output_tokens: None,
        cached_input_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
    };

    /// Nothing spent: where a total begins, and the sum of no usages at all.
    pub const ZERO: Self = Self {
        input_tokens: Some(0),
        output_tokens: Some(0),
        cached_input_tokens: Some(0),
        cache_write_tokens: Some(0),
        reasoning_tokens: Some(0),
    };

    /// Input and output counts, the rest unknown.
    #[must_use]
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens: Some(input_tokens), output_tokens: Some(output_tokens), ..Self::UNKNOWN }
    }

    /// The sum of two, as far as both are known: what `+` does, for constants.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        const fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
            match (a, b) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                _ => None,
            }
        }
        Self {
            input_tokens: add(self.input_tokens, other.input_tokens),
            output_tokens: add(self.output_tokens, other.output_tokens),
            cached_input_tokens: add(self.cached_input_tokens, other.cached_input_tokens),
            cache_write_tokens: add(self.cache_write_tokens, other.cache_write_tokens),
            reasoning_tokens: add(self.reasoning_tokens, other.reasoning_tokens),
        }
    }

    /// What `later` states, and what only `self` knows: for usage that arrives in several pieces.
    #[must_use]
    pub const fn updated_by(self, later: Self) -> Self {
        const fn pick(old: Option<u64>, new: Option<u64>) -> Option<u64> {
            if new.is_some() { new } else { old }
        }
        Self {
            input_tokens: pick(self.input_tokens, later.input_tokens),
            output_tokens: pick(self.output_tokens, later.output_tokens),
            cached_input_tokens: pick(self.cached_input_tokens, later.cached_input_tokens),
            cache_write_tokens: pick(self.cache_write_tokens, later.cache_write_tokens),
            reasoning_tokens: pick(self.reasoning_tokens, later.reasoning_tokens),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.plus(other)
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::ZERO, Self::plus)
    }
}

impl<'a> Sum<&'a Self> for Usage {
    fn sum<I: Iterator<Item = &'a Self>>(usages: I) -> Self {
        usages.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_usages_add_up_however_they_are_added() {
        let (mut whole, small) = (Usage::new(9, 12), Usage::new(3, 5));
        whole.reasoning_tokens = Some(4);
        let total = Usage::new(12, 17);
        let mut assigned = Usage::ZERO;
        assigned += whole;
        assigned += small;
        assert_eq!(assigned, total);
        assert_eq!(whole + small, total);
        assert_eq!([whole, small].iter().sum::<Usage>(), total);
        assert_eq!([whole, small].into_iter().sum::<Usage>(), total);
        assert_eq!([whole, small].into_iter().fold(Usage::ZERO, Usage::plus), total);
    }

    #[test]
    fn one_unknown_part_makes_that_count_of_the_total_unknown_and_no_other() {
        let mut half = Usage::new(1, 2);
        half.output_tokens = None;
        let total: Usage = [Usage::new(3, 4), half, Usage::new(5, 6)].iter().sum();
        assert_eq!((total.input_tokens, total.output_tokens), (Some(9), None));
        assert_eq!(Usage::new(3, 4) + Usage::UNKNOWN, Usage::UNKNOWN);
    }

    #[test]
    fn zero_changes_no_usage_and_is_the_sum_of_none() {
        for usage in [Usage::ZERO, Usage::UNKNOWN, Usage::new(3, 4)] {
            assert_eq!((Usage::ZERO + usage, usage + Usage::ZERO), (usage, usage));
        }
        assert_eq!([].iter().sum::<Usage>(), Usage::ZERO);
    }

    #[test]
    fn a_total_stops_at_the_largest_number() {
        assert_eq!((Usage::new(u64::MAX, 1) + Usage::new(1, 1)).input_tokens, Some(u64::MAX));
    }
}
