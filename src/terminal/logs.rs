//! Logs: which are written, and in which form, to standard error.
//!
//! Logs are for finding a cause; what a user should know is an event ([`crate::events`]) first of
//! all. An error ends the command, a warning is worth a look, info is what is being done, debug
//! adds requests and decisions, and trace the pieces of every download. What concerns one archive
//! is in a span with its key.

use std::io::{self, IsTerminal};

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::console::Console;
use crate::cli::LogFormat;

/// How much is written, on the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only, and neither progress nor notes nor a summary.
    Quiet,
    #[default]
    Normal,
    /// `-v`: what is being done.
    Verbose,
    /// `-vv`: with which requests and decisions.
    Debug,
    /// `-vvv`: everything, the libraries' own logs too.
    Trace,
}

impl Verbosity {
    /// Reads the flags `-q` and `-v`, the latter counted.
    #[must_use]
    pub const fn new(quiet: bool, verbose: u8) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (_, 0) => Self::Normal,
            (_, 1) => Self::Verbose,
            (_, 2) => Self::Debug,
            _ => Self::Trace,
        }
    }

    /// Returns the verbosity of a process whose logs are chosen by a filter: no less than verbose.
    #[must_use]
    pub fn with_filter(self, filter: Option<&str>) -> Self {
        match (self, filter) {
            (Self::Normal, Some(_)) => Self::Verbose,
            _ => self,
        }
    }

    /// The engines warn of much that is of no use to a user, so their logs begin with `-vv`. A
    /// commit that another process was faster with is an error to them; here it is one more try.
    const fn filter(self) -> &'static str {
        match self {
            Self::Quiet => {
                "error,deltalake_core=off,buoyant_kernel=off,lakehouse=warn,lakehouse_core=warn"
            }
            Self::Normal => concat!(
                "error,deltalake_core=off,buoyant_kernel=off,lakehouse=warn,lakehouse_core=warn,",
                "lakehouse::messages=info"
            ),
            Self::Verbose => {
                "error,deltalake_core=off,buoyant_kernel=off,lakehouse=info,lakehouse_core=info"
            }
            Self::Debug => "warn,lakehouse=debug,lakehouse_core=debug",
            Self::Trace => "debug,lakehouse=trace,lakehouse_core=trace",
        }
    }
}

/// Starts logging to standard error and returns the console for messages; `filter` comes from
/// `RUST_LOG` and replaces the verbosity.
///
/// A second call in the same process does not change the logs.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(
    verbosity: Verbosity,
    format: LogFormat,
    filter: Option<&str>,
) -> Result<Console, FilterError> {
    let directives = filter.unwrap_or_else(|| verbosity.filter());
    let parsed = EnvFilter::try_new(directives);
    let filter = parsed.map_err(|source| FilterError { filter: directives.to_owned(), source })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    drop(match format {
        LogFormat::Text => logs.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).try_init(),
    });
    Ok(Console::new(verbosity, format))
}

/// A value of `RUST_LOG` that is not a filter.
#[derive(Debug, Error)]
#[error(
    "RUST_LOG cannot be read as a filter of logs: `{filter}`; expected one such as lakehouse=debug"
)]
pub struct FilterError {
    filter: String,
    source: ParseError,
}
