//! Figures of long tests, which are printed even where the test passes.

use std::io::Write as _;

/// Prints a line past the capture of the test harness.
pub(crate) fn print(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap();
}
