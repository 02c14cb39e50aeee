//! Which token comes next.

use std::hash::{BuildHasher, RandomState};

/// Picks tokens by how likely they are.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Zero always takes the likeliest.
    temperature: f32,
    top_p: f32,
    random: u64,
}

impl Sampler {
    /// A sampler; without a seed its choices differ from one to the next.
    pub(super) fn new(temperature: f32, top_p: f32, seed: Option<u64>) -> Self {
        let random = seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        Self { temperature, top_p, random }
    }

    /// The next token, given a score for each; of equal scores the first wins.
    pub(super) fn pick(&mut self, scores: &[f32]) -> u32 {
        let likeliest = (0..).zip(scores).fold((0, f32::NEG_INFINITY), |best, (token, score)| {
            if *score > best.1 { (token, *score) } else { best }
        });
        if self.temperature <= 0.0 {
            return likeliest.0;
        }
        let mut likely: Vec<(u32, f32)> = (0..)
            .zip(scores)
            .map(|(token, score)| (token, ((score - likeliest.1) / self.temperature).exp()))
            .collect();
        let total: f32 = likely.iter().map(|(_, weight)| weight).sum();
        if self.top_p < 1.0 {
            likely.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            let mut mass = 0.0;
            let kept = likely.iter().position(|(_, weight)| {
                mass += weight / total;
                mass >= self.top_p
            });
            likely.truncate(kept.map_or(likely.len(), |last| last + 1));
        }
        let total: f32 = likely.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random() * total;
        for (token, weight) in &likely {
            left -= weight;
            if left < 0.0 {
                return *token;
            }
        }
        likeliest.0
    }

    /// A number in 0..1, by splitmix64.
    fn random(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 24 bits are what a mantissa holds.
        u16::try_from(bits >> 48).map_or(0.0, |high| f32::from(high) / 65536.0)
            + u8::try_from((bits >> 40) & 0xff).map_or(0.0, |low| f32::from(low) / 16_777_216.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_temperature_the_likeliest_wins_and_of_equals_the_first() {
        let mut greedy = Sampler::new(0.0, 1.0, None);
        assert_eq!(greedy.pick(&[0.1, 3.0, 3.0, -1.0]), 1);
        assert_eq!(greedy.pick(&[f32::NAN, -5.0]), 1);
    }

    #[test]
    fn tokens_come_as_often_as_they_are_likely() {
        let scores = [0.0, 2f32.ln(), 5f32.ln()];
        let mut sampler = Sampler::new(1.0, 1.0, Some(7));
        let mut counts = [0u32; 3];
        for _ in 0..80_000 {
            counts[sampler.pick(&scores) as usize] += 1;
        }
        for (count, expected) in counts.iter().zip([10_000u32, 20_000, 50_000]) {
            assert!(count.abs_diff(expected) < 600, "{counts:?}");
        }
    }

    #[test]
    fn the_nucleus_leaves_out_what_is_unlikely() {
        let scores = [0.0, 2f32.ln(), 5f32.ln()];
        let mut sampler = Sampler::new(1.0, 0.8, Some(7));
        assert!((0..2000).all(|_| sampler.pick(&scores) != 0));
        let mut narrow = Sampler::new(1.0, 0.1, Some(7));
        assert!((0..2000).all(|_| narrow.pick(&scores) == 2));
    }

    #[test]
    fn a_seed_makes_choices_repeatable_and_no_seed_does_not() {
        let scores = [0.0; 50];
        let run = |seed| {
            let mut sampler = Sampler::new(1.0, 1.0, seed);
            (0..40).map(|_| sampler.pick(&scores)).collect::<Vec<_>>()
        };
        assert_eq!(run(Some(3)), run(Some(3)));
        assert_ne!(run(Some(3)), run(Some(4)));
        assert_ne!(run(None), run(None));
    }
}
