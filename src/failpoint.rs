//! Steps at which a test can pause the process, to kill it exactly there, or make a thread panic.
//!
//! Builds without debug assertions have no such steps.

use crate::storage::lake::TableName;

/// The variable that names the step to pause at, such as `before commit silver.klines`.
pub const PAUSE_AT: &str = "LAKEHOUSE_TEST_PAUSE_AT";
/// The variable that names the file that is created when the step is reached; the process goes on
/// when it is removed.
pub const PAUSE_FILE: &str = "LAKEHOUSE_TEST_PAUSE_FILE";

/// The variable that names the archive whose decoding panics.
pub const PANIC_ON: &str = "LAKEHOUSE_TEST_PANIC_ON";

/// Panics if a test wants the decoding of this archive to.
#[cfg(debug_assertions)]
pub(crate) fn may_panic(archive: &str) {
    if std::env::var_os(PANIC_ON).is_some_and(|chosen| chosen.to_str() == Some(archive)) {
        std::panic::resume_unwind(Box::new("a test wants it to"));
    }
}

#[cfg(not(debug_assertions))]
pub(crate) const fn may_panic(_: &str) {}

/// Marks a step of the work on a table; continues unless a test pauses here.
#[cfg(debug_assertions)]
pub(crate) fn step(what: &str, table: &TableName) {
    let chosen = std::env::var_os(PAUSE_AT);
    if chosen.is_some_and(|chosen| chosen.to_str() == Some(&format!("{what} {table}")))
        && let Some(file) = std::env::var_os(PAUSE_FILE)
        && std::fs::write(&file, what).is_ok()
    {
        while std::path::Path::new(&file).exists() {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
    }
}

#[cfg(not(debug_assertions))]
pub(crate) const fn step(_: &str, _: &TableName) {}
