//! Randomness as an argument: every jitter is a pure function of the call's seed and what it is for.

use std::time::Duration;

/// A well mixed number of `seed` and `salt`.
pub(super) const fn roll(seed: u64, salt: u64) -> u64 {
    let mut z = seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A share of `span` in `[0, span)`, picked by `roll`.
pub(super) fn within(span: Duration, roll: u64) -> Duration {
    let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let nanos = (u128::from(roll) * u128::from(span)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `base · 2^k`, at most `cap`.
pub(super) fn doubled(base: Duration, k: u8, cap: Duration) -> Duration {
    base.saturating_mul(1u32 << k.min(30)).min(cap)
}

/// `duration` changed by up to a fifth either way.
pub(super) fn about(duration: Duration, roll: u64) -> Duration {
    duration / 5 * 4 + within(duration / 5 * 2, roll)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_stays_within_its_span(roll: u64, ms in 0u64..1_000_000) {
            let span = Duration::from_millis(ms);
            prop_assert!(within(span, roll) <= span);
            let near = about(span, roll);
            prop_assert!(near >= span * 4 / 5 && near <= span * 6 / 5);
        }

        #[test]
        fn doubling_is_capped_and_never_shrinks(k in 0u8..=255) {
            let (base, cap) = (Duration::from_secs(5), Duration::from_secs(300));
            prop_assert!(doubled(base, k, cap) <= cap);
            prop_assert!(doubled(base, k.saturating_add(1), cap) >= doubled(base, k, cap));
        }
    }

    #[test]
    fn different_salts_give_different_rolls() {
        let rolls: std::collections::BTreeSet<u64> = (0..1000).map(|salt| roll(42, salt)).collect();
        assert_eq!(rolls.len(), 1000);
    }
}
