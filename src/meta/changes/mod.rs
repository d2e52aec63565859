//! `meta.changes`: one row for every correction, as the commit in silver tells it.
//!
//! An index like the ledger: what it lacks is added when silver's log is read, always before the
//! ledger takes up the same commits, so that the versions which the ledger knows are all in here;
//! and it can be made again from the logs.

mod rows;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakehouse_core::matrix::Matrix;
use serde::Serialize;

use super::silver_history::SilverHistory;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::file::NewFile;
use crate::delta::log::LoggedCorrection;
use crate::delta::table::WritableTable;
use crate::parquet::reader::open_file;
use crate::parquet::writer::{DataFileWriter, FileTarget};
use crate::storage::lake::{Lake, TableName};

/// One archive whose rows in silver were replaced by those of another version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Correction {
    /// Such as `silver.klines`.
    pub(crate) silver_table: String,
    /// The version of that table which holds the new rows.
    pub(crate) silver_version: i64,
    pub(crate) committed_at: DateTime<Utc>,
    pub(crate) run: String,
    pub(crate) archive: String,
    pub(crate) market: String,
    pub(crate) data_type: String,
    pub(crate) symbol: String,
    pub(crate) bar_interval: Option<String>,
    pub(crate) old_sha256: String,
    pub(crate) new_sha256: String,
    pub(crate) rows_added: u64,
    pub(crate) rows_removed: u64,
    pub(crate) rows_changed: u64,
}

impl Correction {
    /// Describes what a commit to a silver table told; nothing if the matrix does not know the
    /// archive.
    fn of(matrix: &Matrix, table: &TableName, told: LoggedCorrection) -> Option<Self> {
        let LoggedCorrection { version, committed_at, run, correction } = told;
        let key = matrix.identify(&correction.archive).ok()?;
        Some(Self {
            silver_table: table.to_string(),
            silver_version: version,
            committed_at,
            run,
            archive: correction.archive,
            market: key.market().to_string(),
            data_type: key.data_type().to_string(),
            symbol: key.symbol().to_string(),
            bar_interval: key.interval().map(|interval| interval.to_string()),
            old_sha256: correction.old_sha256,
            new_sha256: correction.sha256,
            rows_added: correction.rows_added,
            rows_removed: correction.rows_removed,
            rows_changed: correction.rows_changed,
        })
    }

    /// Returns what no two corrections share.
    fn identity(&self) -> (&str, i64, &str) {
        (&self.silver_table, self.silver_version, &self.archive)
    }
}

/// The table of corrections.
#[derive(Debug)]
pub(crate) struct ChangesTable {
    table: WritableTable,
    target: Arc<FileTarget>,
}

impl ChangesTable {
    /// Opens the table and makes it when it is missing.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, rows::table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { table, target })
    }

    /// Reads the corrections of a lake that may have no such table yet, oldest first; writes
    /// nothing.
    pub(crate) async fn peek(lake: &Lake) -> Result<Vec<Correction>, TableError> {
        let Some(table) = WritableTable::open(lake, rows::table_spec()).await? else {
            return Ok(Vec::new());
        };
        let mut corrections = read(&table).await?;
        corrections
            .sort_by(|a, b| (a.committed_at, a.identity()).cmp(&(b.committed_at, b.identity())));
        Ok(corrections)
    }

    /// Adds what commits to a silver table told, as far as it is not there yet.
    pub(crate) async fn record(
        &mut self,
        matrix: &Matrix,
        silver: &TableName,
        told: Vec<LoggedCorrection>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let told: Vec<Correction> =
            told.into_iter().filter_map(|told| Correction::of(matrix, silver, told)).collect();
        if told.is_empty() {
            return Ok(());
        }
        let target = Arc::clone(&self.target);
        commit(&mut self.table, context, async |table: &WritableTable| {
            let held = read(table).await?;
            let held: HashSet<_> = held.iter().map(Correction::identity).collect();
            let lacking = told.iter().filter(|correction| !held.contains(&correction.identity()));
            let lacking: Vec<Correction> = lacking.cloned().collect();
            if lacking.is_empty() {
                return Ok(None);
            }
            let adds = vec![write_file(&target, &lacking).await?];
            Ok::<_, TableError>(Some(Change { adds, ..Change::default() }))
        })
        .await
        .map(|_| ())
    }

    /// Puts what silver's logs tell in the place of all rows, and keeps rows of commits that are
    /// gone; returns how many corrections there are.
    pub(super) async fn rebuild(
        &mut self,
        matrix: &Matrix,
        silver: &mut [SilverHistory],
        context: &CommitContext,
    ) -> Result<usize, TableError> {
        let (target, mut count) = (Arc::clone(&self.target), 0);
        commit(&mut self.table, context, async |table: &WritableTable| {
            let before = read(table).await?;
            let after = rebuilt(matrix, silver, &before).await?;
            count = after.len();
            if same(&before, &after) {
                return Ok(None);
            }
            let mut change = Change { removes: table.active_files()?, ..Change::default() };
            if !after.is_empty() {
                change.adds.push(write_file(&target, &after).await?);
            }
            Ok::<_, TableError>(Some(change))
        })
        .await?;
        Ok(count)
    }
}

/// Returns the corrections that the logs of silver tell, and those of `before` that no commit tells
/// any more.
pub(super) async fn rebuilt(
    matrix: &Matrix,
    silver: &mut [SilverHistory],
    before: &[Correction],
) -> Result<Vec<Correction>, TableError> {
    let mut corrections = Vec::new();
    for table in silver {
        table.catch_up().await?;
        let name = table.name().clone();
        let told = table.corrections().iter().cloned();
        corrections.extend(told.filter_map(|told| Correction::of(matrix, &name, told)));
        let untold = |correction: &&Correction| {
            correction.silver_table == name.to_string()
                && !table.has_commit(correction.silver_version)
        };
        corrections.extend(before.iter().filter(untold).cloned());
    }
    Ok(corrections)
}

/// Returns whether both have the same rows, in whatever order.
fn same(a: &[Correction], b: &[Correction]) -> bool {
    let all = |corrections: &[Correction]| -> BTreeSet<String> {
        corrections.iter().map(|correction| format!("{correction:?}")).collect()
    };
    a.len() == b.len() && all(a) == all(b)
}

async fn write_file(
    target: &Arc<FileTarget>,
    corrections: &[Correction],
) -> Result<NewFile, TableError> {
    let batch = rows::to_batch(corrections).map_err(TableError::arrow(target.table()))?;
    let mut file = DataFileWriter::create(target, Vec::new())?;
    file.write(&[batch])?;
    target.publish(file.finish(None)?).await
}

async fn read(table: &WritableTable) -> Result<Vec<Correction>, TableError> {
    let failed = TableError::arrow(&table.spec.name);
    let mut corrections = Vec::new();
    for file in table.active_files()? {
        let file = open_file(table, &file).await?;
        for batch in file.rows()?.build().map_err(|error| file.parquet_error(error))? {
            corrections.extend(rows::from_batch(&batch.map_err(&failed)?).map_err(&failed)?);
        }
    }
    Ok(corrections)
}
