//! Standard output and standard error, written in one place.
//!
//! Results go to standard output and nothing else does. Its reader may stop early (`| head -1`),
//! which is no failure. Messages go to standard error. Where logs are JSON, messages are logs as
//! well, so that every line of standard error can be parsed.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use comfy_table::{CellAlignment, Table, presets};
use lakehouse_core::foreign::message;
use serde::Serialize;

use super::logs::Verbosity;
use crate::cli::LogFormat;
use crate::events::MESSAGES;

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

/// What kind of message a user is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Good to know; left out with `-q`, as notes are.
    Info,
    Note,
    /// The answer to something that the user has just done.
    Reply,
    Warning,
    /// An archive or a model that failed; its text says so.
    Failure,
    Error,
}

impl MessageKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Info | Self::Reply | Self::Failure => "",
            Self::Note => "note: ",
            Self::Warning => "warning: ",
            Self::Error => "error: ",
        }
    }
}

/// Writes messages to standard error, as the flags of the command say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// Whether messages that are only good to know are left out.
    is_quiet: bool,
    /// Whether messages are logs.
    writes_logs: bool,
}

impl Console {
    /// Makes the console of a command with this verbosity and format of logs.
    #[must_use]
    pub const fn new(verbosity: Verbosity, format: LogFormat) -> Self {
        Self {
            is_quiet: matches!(verbosity, Verbosity::Quiet),
            writes_logs: matches!(format, LogFormat::Json),
        }
    }

    /// Returns whether messages are logs.
    pub(crate) const fn writes_logs(self) -> bool {
        self.writes_logs
    }

    /// Writes a line that is good to know.
    pub(crate) fn info(self, text: &str) {
        self.show(MessageKind::Info, text);
    }

    /// Writes a message.
    pub(crate) fn show(self, kind: MessageKind, text: &str) {
        if self.is_quiet && matches!(kind, MessageKind::Info | MessageKind::Note) {
            return;
        }
        // The last place that foreign text passes on its way to a terminal.
        let text = &message(text);
        if self.writes_logs {
            log(kind, text);
            return;
        }
        // A message is never worth failing for.
        drop(writeln!(io::stderr().lock(), "{}{text}", kind.label()));
    }
}

fn log(kind: MessageKind, text: &str) {
    match kind {
        MessageKind::Info | MessageKind::Note | MessageKind::Reply => {
            tracing::info!(target: MESSAGES, "{text}");
        }
        MessageKind::Warning | MessageKind::Failure => {
            tracing::warn!(target: MESSAGES, "{text}");
        }
        MessageKind::Error => tracing::error!(target: MESSAGES, "{text}"),
    }
}

/// Returns whether an error came from a reader of our output that stopped reading.
#[must_use]
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(closed))
}

/// Lays out rows of cells as a text table, columns separated by two spaces.
///
/// The cells of a column whose title begins with `>` are aligned right.
#[must_use]
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header.iter().map(|title| title.trim_start_matches('>')));
    table.add_rows(rows);
    for (column, title) in table.column_iter_mut().zip(header) {
        column.set_padding((0, 2));
        if title.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{}\n", table.trim_fmt())
}
