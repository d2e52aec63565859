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
