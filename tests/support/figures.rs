//! Figures of long tests, which are printed even where the test passes.

/// Prints a line past the capture of the test harness.
pub(crate) fn print(line: &str) {
    eprintln!("{line}");
}
