//! Random numbers by position: the n-th number of a stream without the ones before it.
//!
//! A generator with a state would make a day depend on all days before it. Hashing a position makes
//! days, months and single rows independent of the order in which they are made.

/// A stream of random numbers; streams with different names have nothing to do with each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

    pub(crate) fn new(seed: u64) -> Self {
        Self(scramble(seed.wrapping_add(Self::STRIDE)))
    }

    /// Returns the stream that `name` has inside this one.
    pub(crate) fn named(self, name: &str) -> Self {
        let spread = |state, byte: u8| scramble(state ^ u64::from(byte).wrapping_add(Self::STRIDE));
        Self(name.bytes().fold(scramble(self.0), spread))
    }

    /// Returns the 64 random bits at a position.
    pub(crate) fn bits(self, at: i64) -> u64 {
        scramble(self.0 ^ at.cast_unsigned().wrapping_mul(Self::STRIDE))
    }

    /// Returns a number from 0 to `bound` - 1; 0 if there is no such number.
    pub(crate) fn below(self, at: i64, bound: i64) -> i64 {
        let bound = u128::from(bound.max(1).cast_unsigned());
        ((u128::from(self.bits(at)) * bound) >> 64) as i64
    }

    /// Returns a number from `low` to `high`, both inclusive.
    pub(crate) fn between(self, at: i64, low: i64, high: i64) -> i64 {
        low + self.below(at, high - low + 1)
    }

    /// Returns true at one position out of `n`, on average.
    pub(crate) fn one_in(self, at: i64, n: i64) -> bool {
        self.below(at, n) == 0
    }
}

/// Mixes 64 bits so that inputs that differ in one bit look unrelated (the finaliser of
/// `SplitMix64`).
const fn scramble(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_always_has_the_same_number_and_names_make_other_streams() {
        let noise = Noise::new(7);
        assert_eq!(noise.bits(42), Noise::new(7).bits(42));
        assert_ne!(noise.bits(42), noise.bits(43));
        assert_ne!(noise.named("a").bits(42), noise.named("b").bits(42));
        assert_ne!(noise.bits(42), Noise::new(8).bits(42));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let seen: std::collections::BTreeSet<_> =
            (-500..500).map(|at| Noise::new(1).between(at, -3, 3)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), vec![-3, -2, -1, 0, 1, 2, 3]);
        assert_eq!(Noise::new(1).below(5, 0), 0);
    }
}
