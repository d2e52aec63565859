//! SQL over the lake: from a table's newest version to the rows of one statement, reading only.
//!
//! Everything that reads tables comes through here (query, shell, serve, gold, compaction), so that
//! all of them prune alike and see the same versions. How rows are shown is `output`'s business;
//! nothing in here writes.

mod all;
mod catalog;
pub(crate) mod dialect;
mod error;
mod explain;
mod files;
mod history;
mod opened;
mod panics;
mod parameters;
mod planned;
mod provider;
mod prune;
mod replay;
mod rows;
mod session;
mod snapshot;
mod sorted;
mod statement;
mod statistics;
mod views;

pub(crate) use all::{KeyColumn, key_columns, with_provisional};
pub use catalog::LakeCatalog;
pub use error::QueryError;
pub use files::{FileList, ScanFile};
pub(crate) use history::{Commit, history};
pub(crate) use opened::OpenedFiles;
pub(crate) use parameters::Description;
pub(crate) use planned::{PlannedReads, PlannedRows};
pub use provider::TableScan;
pub(crate) use rows::text_literal;
pub(crate) use session::{CATALOG, Engine};
pub use session::{Session, SessionOptions};
pub(crate) use snapshot::read_schema;
pub use snapshot::{At, TableSnapshot};
pub use views::{Views, ViewsError};
