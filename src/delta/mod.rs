//! Delta tables as the lake writes them: created once, filled by commits that are decided on the
//! newest snapshot and land whole or not at all.
//!
//! The library's own writers, merge and optimize are not used on these tables: they collect batches
//! in memory, round decimal statistics and lose order and lineage. What a table means is the
//! business of [`crate::silver`] and [`crate::meta::archives`].

mod columns;
pub(crate) mod commit;
pub(crate) mod descriptions;
pub(crate) mod file;
pub(crate) mod log;
pub(crate) mod table;

use deltalake::DeltaTableError;
use thiserror::Error;

use crate::storage::StorageError;
use crate::storage::lake::TableName;

/// What can go wrong with a table, by what the caller does next.
#[derive(Debug, Error)]
pub(crate) enum TableError {
    /// The table's storage or log cannot be used: the run cannot go on with this table.
    #[error("cannot use the table {table}: {source}")]
    Delta { table: TableName, source: Box<DeltaTableError> },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{table}: cannot write or read {path}: {source}")]
    Store { table: TableName, path: String, source: Box<object_store::Error> },
    #[error("{table}: {path}: {source}")]
    File { table: TableName, path: String, source: std::io::Error },
    #[error("{table}: {path}: {source}")]
    Parquet { table: TableName, path: String, source: parquet::errors::ParquetError },
    #[error("{table}: {source}")]
    Arrow { table: TableName, source: arrow::error::ArrowError },
    #[error("{table}: a column of type {data_type} cannot be stored in a Delta table")]
    Column { table: TableName, data_type: String },
    /// Others kept winning; the lake is as it was.
    #[error("{table}: gave up committing after {attempts} attempts: {last}")]
    Contended { table: TableName, attempts: u32, last: String },
}

impl TableError {
    pub(crate) fn delta(table: &TableName) -> impl Fn(DeltaTableError) -> Self + '_ {
        |source| Self::Delta { table: table.clone(), source: Box::new(source) }
    }

    pub(crate) fn arrow(table: &TableName) -> impl Fn(arrow::error::ArrowError) -> Self + '_ {
        |source| Self::Arrow { table: table.clone(), source }
    }
}
