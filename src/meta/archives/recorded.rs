//! Up to which version of each silver table other processes have recorded its commits.
//!
//! Whoever records a commit of silver has recorded all before it, and says so in its own commit to
//! the ledger. An entry of silver's log that others have recorded, maybe together with later ones,
//! must not be recorded again: it would undo in the ledger what those later ones did.

use std::collections::BTreeMap;

use crate::delta::TableError;
use crate::delta::log::read_record;
use crate::delta::table::WritableTable;

/// What the ledger's commits say since it was opened. What they said before needs no look: whoever
/// opens the ledger reads silver's log afterwards, and knows what it says as a whole.
#[derive(Debug)]
pub(super) struct RecordedVersions {
    /// Commits of the ledger up to this version have been read, or were there at the beginning.
    seen: i64,
    /// By the ids of silver tables.
    newest: BTreeMap<String, i64>,
}

impl RecordedVersions {
    pub(super) fn since(ledger: &WritableTable) -> Self {
        Self { seen: ledger.version(), newest: BTreeMap::new() }
    }

    /// Reads the ledger's commits after the last one that was read.
    pub(super) async fn catch_up(&mut self, ledger: &WritableTable) -> Result<(), TableError> {
        for version in self.seen + 1..=ledger.version() {
            let record = read_record(ledger, version).await?;
            for (id, recorded) in record.map(|record| record.recorded).unwrap_or_default() {
                let newest = self.newest.entry(id).or_insert(recorded);
                *newest = recorded.max(*newest);
            }
            self.seen = version;
        }
        Ok(())
    }

    /// Returns whether others have recorded a version of the silver table with an id.
    pub(super) fn has(&self, id: Option<&str>, version: i64) -> bool {
        let newest = id.and_then(|id| self.newest.get(id));
        newest.is_some_and(|newest| version <= *newest)
    }
}
