//! The only source of chance: ChaCha8 streams named by (seed, load, purpose), read as integers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Separates these streams from every other use of BLAKE3; a new generation of generators gets a new context.
const CONTEXT: &str = "tally workloads 2026-01 stream";

/// A named stream of integers.
///
/// The distributions are written here and not taken from a crate: their bytes are part of the fingerprints, so an
/// upgrade must not be able to change them.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `purpose` of the load called `load`. Different names give independent streams.
    pub fn new(seed: u64, load: &str, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&seed.to_le_bytes());
        for part in [load, purpose] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// Uniform over all of `u64`.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform over `0..bound`, without bias (Lemire, "Fast Random Integer Generation in an Interval", 2019).
    /// 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.word()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.word()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// True `parts` times in a million.
    pub fn chance(&mut self, parts_per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(parts_per_million)
    }

    /// An exponential variate of mean 1, as a fixed-point number with 32 fractional bits.
    ///
    /// Von Neumann's comparison method (1951): uniform numbers are compared, nothing is computed, so there is no
    /// logarithm whose last bit could depend on the platform.
    pub fn exponential(&mut self) -> u64 {
        let mut whole: u64 = 0;
        loop {
            let first = self.0.next_u32();
            let mut previous = first;
            let mut falling = 1_u32;
            loop {
                let next = self.0.next_u32();
                if next >= previous {
                    break;
                }
                previous = next;
                falling += 1;
            }
            // An odd length of the falling run accepts with probability exp(-first).
            if falling % 2 == 1 {
                return (whole << 32) | u64::from(first);
            }
            whole += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream is named by all three parts, and moving a letter from one to the other is another stream.
    #[test]
    fn streams_differ_in_every_part_of_their_name() {
        let mut firsts: Vec<u64> = [
            (1, "a", "b"),
            (2, "a", "b"),
            (1, "ab", ""),
            (1, "", "ab"),
            (1, "a", "c"),
        ]
        .into_iter()
        .map(|(seed, load, purpose)| Stream::new(seed, load, purpose).word())
        .collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 5);
    }

    /// The variates have the mean and the tail of an exponential distribution.
    #[test]
    fn exponential_variates_have_mean_one_and_the_right_tail() {
        let mut stream = Stream::new(7, "load", "test");
        let draws: Vec<f64> = (0..200_000)
            .map(|_| stream.exponential() as f64 / 4_294_967_296.0)
            .collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let tail = draws.iter().filter(|&&x| x > 2.0).count() as f64 / draws.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((tail - (-2.0_f64).exp()).abs() < 0.005, "{tail}");
    }

    /// Every value below a small bound is drawn about equally often, and none above it.
    #[test]
    fn below_is_uniform() {
        let mut stream = Stream::new(3, "load", "test");
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[stream.below(7) as usize] += 1;
        }
        assert!(
            seen.iter().all(|&count| (9_500..10_500).contains(&count)),
            "{seen:?}"
        );
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
    }
}
