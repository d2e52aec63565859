//! Why settings cannot be resolved, and what to do.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use lakehouse_core::config::data_file::DataFileError;
use lakehouse_core::foreign::shown;
use lakehouse_core::names::market::NameError;
use thiserror::Error;

/// What is wrong with flags, environment or files; the user can correct all of it.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("the {what} {} cannot be read", file.display())]
    Unreadable { what: &'static str, file: PathBuf, source: io::Error },
    #[error(
        "the environment variable {name} is not text in UTF-8: `{}`",
        shown(&value.to_string_lossy())
    )]
    Variable { name: &'static str, value: OsString },
    #[error(transparent)]
    File(#[from] DataFileError),
    #[error("{flag}: {problem}")]
    Flag { flag: &'static str, problem: NameError },
    #[error("the dates end on {end}, before they start on {start}")]
    Dates { start: NaiveDate, end: NaiveDate },
    #[error(
        "JOB_COMPLETION_INDEX is `{index}` and JOB_COMPLETION_COUNT is `{count}`; expected a \
         number of processes, and the number of this one from 0"
    )]
    Job { index: String, count: String },
    #[error("no symbols are selected, which could be the whole archive: many terabytes")]
    TooBroad,
}

impl SettingsError {
    pub(super) fn unreadable(what: &'static str, file: &Path, source: io::Error) -> Self {
        let source = match source.kind() {
            io::ErrorKind::InvalidData => io::Error::other("it is not text in UTF-8"),
            _ => source,
        };
        Self::Unreadable { what, file: file.to_owned(), source }
    }

    /// Returns what to type instead, where that is known.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::TooBroad => Some(concat!(
                "name some with --symbol 'BTC*', use a configuration file with --config, ",
                "or select everything with --all"
            )),
            Self::Dates { .. } => {
                Some("--start and --end replace the dates of a configuration file one by one")
            }
            _ => None,
        }
    }
}
