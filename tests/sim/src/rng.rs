//! Where everything random comes from: splitmix64, so that a seed is the whole story on every machine.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream of its own for every name: drawing more from one changes no other.
    pub(crate) fn of(names: &[u64]) -> Self {
        let mut rng = Self(0x5EED);
        for name in names {
            rng.0 = rng.next() ^ name.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, which must not be 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(u64::from(n))).unwrap_or(0)
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64) as usize;
        #[expect(clippy::indexing_slicing, reason = "below its length")]
        of[at]
    }

    /// Between the two, in milliseconds; small ones are as likely as large ones.
    pub(crate) fn millis(&mut self, low: u64, high: u64) -> Duration {
        let top = low + self.below(high - low + 1);
        let span = if self.chance(50) { top } else { low + (top - low) / 16 };
        Duration::from_millis(span)
    }

    pub(crate) fn maybe(&mut self, percent: u64, low: u64, high: u64) -> Option<Duration> {
        self.chance(percent).then(|| self.millis(low, high))
    }
}
