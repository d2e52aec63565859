//! Standard output and standard error, written in one place.
//!
//! Results go to standard output and nothing else does. Whoever reads it may stop early (`| head
//! -1`), which is no failure; what is told on standard error is never worth failing for. Where logs
//! are JSON, what is told is a log as well, so that every line of standard error can be parsed.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

/// Opens standard output for results.
///
/// The writer must be flushed at its end. It passes on that the reader is gone, so that long work
/// can stop; [`is_closed_pipe`] recognises it.
#[must_use]
pub(crate) fn results() -> BufWriter<Stdout> {
    BufWriter::new(io::stdout())
}

/// Writes a finished text as a result.
///
/// # Errors
/// When standard output cannot be written, a reader that is gone included.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut output = results();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Writes a value as a result, as indented JSON.
///
/// # Errors
/// When standard output cannot be written, a reader that is gone included.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut output = results();
    serde_json::to_writer_pretty(&mut output, value)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// The target of logs that are told whatever the verbosity.
pub(crate) const TOLD: &str = "lakehouse::told";

static TELLS_LOGS: AtomicBool = AtomicBool::new(false);
static QUIET: AtomicBool = AtomicBool::new(false);

/// How serious something is that a user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Good to know; left out with `-q`, as notes are.
    Plain,
    Note,
    /// The answer to something that the user has just done.
    Answer,
    Warning,
    /// What became of an archive; says so itself.
    Failure,
    Error,
}

/// Makes everything a log from now on that is told.
pub(crate) fn tell_logs() {
    TELLS_LOGS.store(true, Ordering::Relaxed);
}

/// Leaves out from now on what is only good to know.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Returns whether what is told is a log.
pub(crate) fn tells_logs() -> bool {
    TELLS_LOGS.load(Ordering::Relaxed)
}

/// Tells something that is good to know on standard error, on a line of its own.
pub(crate) fn tell(line: &str) {
    tell_as(Tone::Plain, line);
}

/// Tells something in a tone.
pub(crate) fn tell_as(tone: Tone, text: &str) {
    if QUIET.load(Ordering::Relaxed) && matches!(tone, Tone::Plain | Tone::Note) {
        return;
    }
    if tells_logs() {
        match tone {
            Tone::Plain | Tone::Note | Tone::Answer => tracing::info!(target: TOLD, "{text}"),
            Tone::Warning | Tone::Failure => tracing::warn!(target: TOLD, "{text}"),
            Tone::Error => tracing::error!(target: TOLD, "{text}"),
        }
        return;
    }
    let opening = match tone {
        Tone::Plain | Tone::Answer | Tone::Failure => "",
        Tone::Note => "note: ",
        Tone::Warning => "warning: ",
        Tone::Error => "error: ",
    };
    drop(writeln!(io::stderr().lock(), "{opening}{text}"));
}

/// Returns whether an error came from a reader of our output that stopped reading.
#[must_use]
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(closed))
}

/// Lays out rows of cells as a text table, columns separated by two spaces and numbers not treated
/// apart.
#[must_use]
pub(crate) fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
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
