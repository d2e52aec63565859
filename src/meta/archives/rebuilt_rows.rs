//! The rows of one archive in a rebuilt ledger: those that silver knows, and those of the previous
//! ledger that silver cannot know.

use std::collections::BTreeMap;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};

use super::identity::lost;
use super::record::sort;
use crate::delta::commit::CommitContext;

/// The rows of one archive, and what they are.
#[derive(Debug)]
pub(super) struct RebuiltRows {
    /// As they are sorted in files.
    pub(super) rows: Vec<LedgerEntry>,
    /// Rows of versions that silver holds.
    pub(super) ingested: usize,
    /// Rows that only the previous ledger had.
    pub(super) kept: usize,
}

/// Joins the rows that silver's log and data files make with those of the previous ledger.
pub(super) fn rebuilt_rows(
    mut in_silver: Vec<LedgerEntry>,
    before: Vec<LedgerEntry>,
    context: &CommitContext,
) -> RebuiltRows {
    for row in &mut in_silver {
        // The time at which the version was first recorded, in place of that of the rebuild.
        let same = |known: &&LedgerEntry| row.sha256.is_some() && known.sha256 == row.sha256;
        if let Some(known) = before.iter().rfind(same) {
            row.recorded_at = known.recorded_at;
        }
    }
    let is_ingested = |row: &&LedgerEntry| row.status == ArchiveStatus::Ingested;
    let ingested = in_silver.iter().filter(is_ingested).count();
    let kept = unknown_to_silver(before, &in_silver, context);
    let kept_count = kept.len();
    let mut rows = in_silver;
    rows.extend(kept);
    sort(&mut rows);
    RebuiltRows { rows, ingested, kept: kept_count }
}

/// Returns the previous rows of versions that silver does not know.
///
/// That an archive is in silver is true only if silver says so: a row of one that silver has no
/// version of says from now on that its rows are lost, so that the next run loads them.
fn unknown_to_silver(
    before: Vec<LedgerEntry>,
    in_silver: &[LedgerEntry],
    context: &CommitContext,
) -> Vec<LedgerEntry> {
    // Sorted, so that the order in which files are read does not decide which of two rows stays.
    let mut unknown = BTreeMap::new();
    for row in before {
        if in_silver.iter().any(|known| known.sha256 == row.sha256) {
            continue;
        }
        let row = match row.status {
            ArchiveStatus::Ingested | ArchiveStatus::Yielded if in_silver.is_empty() => {
                lost(&row, Some(context))
            }
            ArchiveStatus::Ingested => continue,
            _ => row,
        };
        let state = (row.recorded_at, row.status.as_str(), row.sha256.clone());
        unknown.insert(state, row);
    }
    unknown.into_values().collect()
}
