//! Standard output and standard error, written in one place.
//!
//! Results go to standard output and nothing else does. Whoever reads it may stop early (`| head -1`),
//! which is no failure; what is told on standard error is never worth failing for.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use serde::Serialize;

/// Opens standard output for results.
///
/// The writer must be flushed at its end. It passes on that the reader is gone, so that long work can
/// stop; [`is_closed_pipe`] recognises it.
#[must_use]
pub fn results() -> BufWriter<Stdout> {
    BufWriter::new(io::stdout())
}

/// Writes a finished text as a result.
///
/// # Errors
/// When standard output cannot be written, a reader that is gone included.
pub fn print(text: &str) -> io::Result<()> {
    let mut output = results();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Writes a value as a result, as indented JSON.
///
/// # Errors
/// When standard output cannot be written, a reader that is gone included.
pub fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut output = results();
    serde_json::to_writer_pretty(&mut output, value)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Tells something on standard error, on a line of its own.
pub fn tell(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Returns whether an error came from a reader of our output that stopped reading.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(closed))
}

/// Lays out rows of cells as a text table, columns separated by two spaces and numbers not treated apart.
#[must_use]
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&title| title.to_owned()).collect();
    let mut widths: Vec<usize> = header.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
