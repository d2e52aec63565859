//! Why a table of the lake could not be used: what was being done to what, and the cause.

use std::error::Error as StdError;
use std::fmt;

use arrow::error::ArrowError;
use deltalake::DeltaTableError;
use thiserror::Error;

use super::damage::{LogError, REPAIR};
use super::log_files::commit_path;
use crate::storage::StorageError;
use crate::storage::lake::TableName;

type Cause = Box<dyn StdError + Send + Sync>;

/// Why a table of the lake could not be read or written.
///
/// The message says what was being done. The cause is the error's
/// [source](std::error::Error::source), and its text is not part of the message.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct TableError(Box<Kind>);

#[derive(Debug, Error)]
enum Kind {
    #[error("{table}: cannot {verb} {object}")]
    Failed {
        table: TableName,
        verb: Verb,
        object: String,
        #[source]
        cause: Cause,
    },
    #[error(transparent)]
    Storage(StorageError),
    #[error("{table}: a column of type {data_type} cannot be stored in a Delta table")]
    Column { table: TableName, data_type: String },
    /// Rows could land twice if it were passed over.
    #[error(
        "{table}: cannot read the record of version {version} in {}; if a newer program wrote it, \
         update this one; if the file is damaged, run `{REPAIR}`", commit_path(*version)
    )]
    Record {
        table: TableName,
        version: u64,
        #[source]
        cause: serde_json::Error,
    },
    #[error("{table}: cannot write {file}: {reason}")]
    Refused {
        table: TableName,
        file: String,
        reason: &'static str,
        #[source]
        cause: DeltaTableError,
    },
    /// The lake is as it was.
    #[error(
        "{table}: stopped while other processes were committing first; run the same command again"
    )]
    Interrupted { table: TableName },
    /// The lake is as it was.
    #[error("{table}: gave up committing after {attempts} attempts; run the same command again")]
    Contended {
        table: TableName,
        attempts: usize,
        #[source]
        last: Option<DeltaTableError>,
    },
}

/// What was being done to a table or to one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Compute,
    Convert,
    Create,
    Decode,
    Delete,
    List,
    Merge,
    Read,
    Write,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compute => "compute",
            Self::Convert => "convert",
            Self::Create => "create",
            Self::Decode => "decode",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Merge => "merge",
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

impl TableError {
    /// Returns what makes an error of a cause: `object` is a path in the table's folder, or
    /// words such as "its log".
    pub(crate) fn cannot<'a, E: Into<Cause>>(
        verb: Verb,
        table: &'a TableName,
        object: &'a str,
    ) -> impl Fn(E) -> Self + Copy + use<'a, E> {
        move |cause| {
            Self(Box::new(Kind::Failed {
                table: table.clone(),
                verb,
                object: object.to_owned(),
                cause: cause.into(),
            }))
        }
    }

    /// Returns what makes an error of a log that cannot be read.
    pub(crate) fn delta(table: &TableName) -> impl Fn(DeltaTableError) -> Self + Copy + '_ {
        Self::cannot(Verb::Read, table, "its log")
    }

    /// Returns what makes an error of a log that cannot be opened.
    pub(crate) fn log(table: &TableName) -> impl Fn(LogError) -> Self + Copy + '_ {
        move |error| Self::cannot(Verb::Read, table, "its log")(error.into_cause())
    }

    /// Returns what makes an error of rows that cannot be converted in memory.
    pub(crate) fn arrow(table: &TableName) -> impl Fn(ArrowError) -> Self + Copy + '_ {
        Self::cannot(Verb::Convert, table, "rows")
    }

    pub(super) fn unsupported_column(table: &TableName, data_type: String) -> Self {
        Self(Box::new(Kind::Column { table: table.clone(), data_type }))
    }

    pub(super) fn record(
        table: &TableName,
        version: u64,
    ) -> impl Fn(serde_json::Error) -> Self + Copy + '_ {
        move |cause| Self(Box::new(Kind::Record { table: table.clone(), version, cause }))
    }

    /// Says why the commit of a version cannot be written, now or ever.
    pub(super) fn refused(
        table: &TableName,
        version: u64,
        reason: &'static str,
        cause: DeltaTableError,
    ) -> Self {
        let file = commit_path(version).to_string();
        Self(Box::new(Kind::Refused { table: table.clone(), file, reason, cause }))
    }

    pub(super) fn interrupted(table: &TableName) -> Self {
        Self(Box::new(Kind::Interrupted { table: table.clone() }))
    }

    pub(super) fn contended(
        table: &TableName,
        attempts: usize,
        last: Option<DeltaTableError>,
    ) -> Self {
        Self(Box::new(Kind::Contended { table: table.clone(), attempts, last }))
    }
}

impl From<StorageError> for TableError {
    fn from(error: StorageError) -> Self {
        Self(Box::new(Kind::Storage(error)))
    }
}
