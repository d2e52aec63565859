//! How much a test with random steps does: some for every change, all in `.ci/long`.

use std::env;

/// Returns the number for every change, or that of `.ci/long` where `LAKEHOUSE_TEST_SCALE` is
/// `long`.
pub(crate) fn scaled<T>(usual: T, long: T) -> T {
    let scale = env::var_os("LAKEHOUSE_TEST_SCALE");
    if scale.is_some_and(|scale| scale == "long") { long } else { usual }
}

/// Returns the seed of a test: its own, or `LAKEHOUSE_TEST_SEED`, so that a failure can be repeated
/// and a long run can look elsewhere.
pub(crate) fn seed(usual: u64) -> u64 {
    let Some(text) = env::var_os("LAKEHOUSE_TEST_SEED") else { return usual };
    let text = text.to_str().unwrap();
    text.parse().unwrap_or_else(|_| panic!("LAKEHOUSE_TEST_SEED is no whole number: {text}"))
}

/// Numbers that look random; the same seed gives the same ones.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed)
    }

    /// Returns the next number, below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }

    /// Returns the next number, from 0 to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 40) as f64 / (1_u64 << 24) as f64
    }

    /// Returns one of several values.
    pub(crate) fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn next(&mut self) -> u64 {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        const SUMMAND: u64 = 1_442_695_040_888_963_407;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(SUMMAND);
        self.0
    }
}
