//! `meta.series`: one row for every series at every frequency, by which a refresh knows what to
//! look at.
//!
//! An index like the ledger, but of what was published too: what a listing shows and the lake
//! leaves alone is in no other table. Runs record what they learned at their end, so a run that
//! dies leaves the rows as they were; the next look at the same days brings them up to date. A
//! table without rows is filled from the ledger first.
//!
//! Each file has a range of symbols, some thousands of rows in order, and a commit writes those
//! files again in whose ranges something changed. So maintenance does not merge them.

mod files;
mod rows;
mod update;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::Ledger;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::plan::schedule::{LastLook, Schedule};
use lakehouse_core::series::SeriesLooks;

use self::rows::Row;
pub(super) use self::rows::SCHEMA;
use self::update::Updates;
use super::archives::reader::LedgerReader;
use super::table::{MetaTable, read_rows};
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::storage::lake::{Lake, Layer, TableName};

/// The table of series.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    table: MetaTable,
    matrix: Arc<Matrix>,
}

/// What a run learned about series, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned<'a> {
    /// What comes later is newer.
    pub(crate) looks: &'a [&'a SeriesLooks],
    /// When series were listed.
    pub(crate) listed_at: Option<DateTime<Utc>>,
    /// Record that series were listed even where nothing else is new.
    pub(crate) records_looks: bool,
}

impl SeriesTable {
    /// Returns the table's name.
    pub(crate) fn name() -> TableName {
        TableName::new(Layer::Meta, SCHEMA.name)
    }

    /// Returns the table's columns.
    pub(crate) fn schema() -> SchemaRef {
        SCHEMA.arrow()
    }

    /// Opens the table, and creates it when it is missing.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        let table = MetaTable::open_or_create(lake, &SCHEMA).await?;
        Ok(Self { table, matrix })
    }

    /// Returns whether a lake has no such table, or one without rows; writes nothing.
    pub(crate) async fn is_missing(lake: &Lake) -> Result<bool, TableError> {
        let table = MetaTable::open(lake, &SCHEMA).await?;
        table.map_or(Ok(true), |table| Ok(table.delta().active_files()?.is_empty()))
    }

    /// Makes the schedule of a refresh at this time; of a lake without the table, everything is
    /// due. Writes nothing.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(crate) async fn schedule(
        lake: &Lake,
        matrix: &Matrix,
        now: DateTime<Utc>,
    ) -> Result<Schedule, TableError> {
        let mut schedule = Schedule::new(now);
        let Some(table) = MetaTable::open(lake, &SCHEMA).await? else { return Ok(schedule) };
        let table = table.delta();
        for file in table.active_files()? {
            let rows = read_rows(table, &file, |batch| rows::from_batch(batch, matrix)).await?;
            for row in rows {
                let Row::Known(row) = row else { continue };
                if let Some(at) = row.last_listed {
                    let look = LastLook { at, newest: row.archives.last() };
                    schedule.add(row.series, row.frequency, look);
                }
            }
        }
        Ok(schedule)
    }

    /// Records what was learned, in one commit; there is none where nothing is new.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(crate) async fn record(
        &mut self,
        learned: Learned<'_>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let looks = learned.looks.iter().flat_map(|looks| looks.iter());
        let updates = Updates::new(looks, learned, context);
        let Self { table, matrix } = self;
        table
            .commit(context, async |table, target| updates.change(table, target, matrix).await)
            .await
    }
}

/// Records how archives stand now, in a lake that has the table; where it has none yet, the next
/// run fills it from the ledger.
///
/// # Errors
/// When the table cannot be read or written.
pub(crate) async fn record_states(
    lake: &Lake,
    matrix: &Arc<Matrix>,
    states: &SeriesLooks,
    context: &CommitContext,
) -> Result<(), TableError> {
    if states.is_empty() || SeriesTable::is_missing(lake).await? {
        return Ok(());
    }
    let mut table = SeriesTable::open(lake, Arc::clone(matrix)).await?;
    let learned = Learned { looks: &[states], listed_at: None, records_looks: false };
    table.record(learned, context).await
}

/// Returns what a lake's ledger says of all its series.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) fn recorded_series(ledger: &LedgerReader) -> Result<SeriesLooks, TableError> {
    let mut looks = SeriesLooks::default();
    ledger.for_each_series(|_, rows: Ledger| looks.add_series(&rows))?;
    Ok(looks)
}
