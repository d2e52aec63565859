//! Archives that are to be left out, of which silver's log knows nothing: they failed, or were not
//! published.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};

use super::LedgerTable;
use super::replace::follows_from_log;
use super::wanted::KeySet;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;

impl LedgerTable {
    /// Records that archives were removed of which silver holds nothing; the rows of those that it
    /// held follow from its log.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(crate) async fn record_removed(
        &mut self,
        keys: &KeySet,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.write(context, BTreeMap::new(), |files, _| {
            let rows = files.rows_of(keys)?;
            let of_log = rows.iter().filter(|entry| follows_from_log(entry));
            let of_log: HashSet<&str> = of_log.map(|entry| entry.key.path()).collect();
            let others = rows.iter().filter(|entry| {
                entry.status != ArchiveStatus::Superseded && !of_log.contains(entry.key.path())
            });
            Ok(others.map(|entry| removed(entry, context)).collect())
        })
        .await
    }
}

fn removed(entry: &LedgerEntry, context: &CommitContext) -> LedgerEntry {
    LedgerEntry {
        status: ArchiveStatus::Removed,
        rows: 0,
        rejected_rows: 0,
        silver_version: None,
        days: None,
        competing_version: None,
        reason: Some("removed with `lakehouse remove`".to_owned()),
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        ..entry.clone()
    }
}
