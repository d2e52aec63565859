//! The lake's tables about itself: `meta.archives` (the ledger), `meta.series`, `meta.changes`,
//! `meta.rejects`, `meta.runs`, `meta.findings` and `meta.gaps`.
//!
//! Each has a folder of one shape: `rows.rs` lists the columns with their descriptions and turns
//! rows into batches and back, `mod.rs` says which rows a commit adds or replaces. What they share
//! is in `schema`, `columns` and `table`. The ledger and `meta.changes` are indexes of silver's
//! log, and can be rebuilt from it (`silver_history`, `rebuild`). What an archive's status means
//! for a plan is decided in `lakehouse_core`.

pub(crate) mod archives;
pub(crate) mod audit;
pub(crate) mod changes;
mod columns;
mod log_spool;
mod recorded_archives;
pub(crate) mod rejects;
pub(crate) mod runs;
mod schema;
pub mod scope;
pub(crate) mod series;
mod silver_history;
pub(crate) mod silver_index;
mod table;

pub(crate) use self::archives::rebuild;
use self::schema::MetaSchema;
use crate::delta::descriptions::Descriptions;
use crate::delta::table::TableSpec;

const TABLES: [&MetaSchema; 7] = [
    &archives::SCHEMA,
    &series::SCHEMA,
    &changes::SCHEMA,
    &rejects::SCHEMA,
    &runs::SCHEMA,
    &audit::FINDINGS,
    &audit::GAPS,
];

/// Describes one of the lake's own tables and its columns in words; nothing for a table that this
/// program does not know.
pub(crate) fn descriptions(table: &str) -> Option<Descriptions> {
    Some(schema_of(table)?.descriptions())
}

/// Returns what one of the lake's own tables is; nothing for a table that this program does not
/// know.
pub(crate) fn table_spec(table: &str) -> Option<TableSpec> {
    Some(schema_of(table)?.table_spec())
}

fn schema_of(table: &str) -> Option<&'static MetaSchema> {
    TABLES.into_iter().find(|schema| schema.name == table)
}
