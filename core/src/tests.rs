//! What the tests of several modules share.

use std::env;
use std::path::{Path, PathBuf};

use proptest::test_runner::Config;

/// Returns the folders of real archives next to the checkout. There is at least one where the `cfg`
/// `real_archives` is set.
pub(crate) fn archive_folders() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folders = ["archives", "archives-more"].map(|name| shared.join(name));
    folders.into_iter().filter(|folder| folder.is_dir()).collect()
}

/// Returns a configuration of proptest with a number of cases, which `PROPTEST_CASES` overrides.
pub(crate) fn cases(usual: u32) -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_none() {
        config.cases = usual;
    }
    config
}
