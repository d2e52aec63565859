//! `meta.changes`: one row for every correction, as silver's log records it.
//!
//! An index like the ledger. Corrections are added here before the ledger takes up the same
//! commits, so the corrections of every version that the ledger knows are here. The table can be
//! rebuilt from the logs.

mod rows;

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use lakehouse_core::matrix::Matrix;
use serde::{Deserialize, Serialize};

pub(super) use self::rows::SCHEMA;
use super::silver_history::SilverHistory;
use super::table::{MetaTable, read_rows, write_file};
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::log::LoggedCorrection;
use crate::delta::table::WritableTable;
use crate::storage::lake::{Lake, TableName};

/// One archive whose rows in silver were replaced by those of another version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Makes the row of a correction in a silver table's log; nothing if the matrix does not know
    /// the archive.
    fn from_log(matrix: &Matrix, table: &TableName, logged: LoggedCorrection) -> Option<Self> {
        let LoggedCorrection { version, committed_at, run, correction } = logged;
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

    /// Returns what identifies a correction: a commit corrects an archive once.
    fn identity(&self) -> (&str, i64, &str) {
        (&self.silver_table, self.silver_version, &self.archive)
    }
}

/// The table of corrections.
#[derive(Debug)]
pub(crate) struct ChangesTable(MetaTable);

impl ChangesTable {
    /// Opens the table, and creates it when it is missing.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        MetaTable::open_or_create(lake, &SCHEMA).await.map(Self)
    }

    /// Returns the Delta table.
    pub(crate) const fn table(&self) -> &WritableTable {
        self.0.delta()
    }

    /// Reads the corrections of a lake that may have no such table yet, oldest first; writes
    /// nothing.
    pub(crate) async fn peek(lake: &Lake) -> Result<Vec<Correction>, TableError> {
        let Some(table) = MetaTable::open(lake, &SCHEMA).await? else {
            return Ok(Vec::new());
        };
        let mut corrections = read(table.delta()).await?;
        corrections
            .sort_by(|a, b| (a.committed_at, a.identity()).cmp(&(b.committed_at, b.identity())));
        Ok(corrections)
    }

    /// Adds the corrections in a silver table's log that are not in the table yet.
    pub(crate) async fn record(
        &mut self,
        matrix: &Matrix,
        silver: &TableName,
        logged: Vec<LoggedCorrection>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let logged: Vec<Correction> = logged
            .into_iter()
            .filter_map(|logged| Correction::from_log(matrix, silver, logged))
            .collect();
        if logged.is_empty() {
            return Ok(());
        }
        self.0
            .commit(context, async |table, target| {
                // Another process that read the same commits may have recorded them.
                let recorded = read(table).await?;
                let missing = missing_from(&recorded, &logged);
                if missing.is_empty() {
                    return Ok(None);
                }
                let batch = rows::to_batch(&missing).map_err(TableError::arrow(target.table()))?;
                let adds = vec![write_file(target, &[batch]).await?];
                Ok(Some(Change { adds, ..Change::default() }))
            })
            .await
    }

    /// Replaces all rows by the corrections in silver's logs, and keeps those of commits that are
    /// gone; returns how many corrections there are.
    pub(super) async fn rebuild(
        &mut self,
        matrix: &Matrix,
        silver: &mut [SilverHistory],
        context: &CommitContext,
    ) -> Result<usize, TableError> {
        let mut count = 0;
        self.0
            .commit(context, async |table, target| {
                let before = read(table).await?;
                let after = rebuilt(matrix, silver, &before).await?;
                count = after.len();
                if has_same_rows(&before, &after) {
                    return Ok(None);
                }
                let mut change = Change { removes: table.active_files()?, ..Change::default() };
                if !after.is_empty() {
                    let batch =
                        rows::to_batch(&after).map_err(TableError::arrow(target.table()))?;
                    change.adds.push(write_file(target, &[batch]).await?);
                }
                Ok(Some(change))
            })
            .await?;
        Ok(count)
    }
}

/// Returns the corrections in the logs of silver, and those of `before` whose commits are gone.
pub(super) async fn rebuilt(
    matrix: &Matrix,
    silver: &mut [SilverHistory],
    before: &[Correction],
) -> Result<Vec<Correction>, TableError> {
    let mut corrections = Vec::new();
    for table in silver {
        table.catch_up().await?;
        let name = table.name().clone();
        let logged = table.corrections().iter().cloned();
        corrections.extend(logged.filter_map(|logged| Correction::from_log(matrix, &name, logged)));
        // No log can say these again, and of the archives that the matrix does not know this
        // program cannot.
        let lost = |correction: &&Correction| {
            correction.silver_table == name.to_string()
                && (!table.has_commit(correction.silver_version)
                    || matrix.identify(&correction.archive).is_err())
        };
        corrections.extend(before.iter().filter(lost).cloned());
    }
    Ok(corrections)
}

fn missing_from(recorded: &[Correction], logged: &[Correction]) -> Vec<Correction> {
    let recorded: HashSet<_> = recorded.iter().map(Correction::identity).collect();
    let missing = logged.iter().filter(|correction| !recorded.contains(&correction.identity()));
    missing.cloned().collect()
}

/// Returns whether both have the same rows, in any order.
fn has_same_rows(a: &[Correction], b: &[Correction]) -> bool {
    let all = |corrections: &[Correction]| -> BTreeSet<String> {
        corrections.iter().map(|correction| format!("{correction:?}")).collect()
    };
    a.len() == b.len() && all(a) == all(b)
}

async fn read(table: &WritableTable) -> Result<Vec<Correction>, TableError> {
    let mut corrections = Vec::new();
    for file in table.active_files()? {
        corrections.extend(read_rows(table, &file, rows::from_batch).await?);
    }
    Ok(corrections)
}
