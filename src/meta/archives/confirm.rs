//! Archives that were fetched again and turned out to be in silver already.

use std::sync::Arc;

use lakehouse_core::ledger::LedgerEntry;

use super::LedgerTable;
use super::replace::follows_from_silver;
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;

impl LedgerTable {
    /// Returns the rows of archives whose bytes turned out to be those that silver holds already,
    /// with the size, ETag and time that the source reports now, so that the next plan does not
    /// take them for changed.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn confirm(
        &self,
        archives: &[&BronzeArchive],
        context: &CommitContext,
    ) -> Result<Vec<LedgerEntry>, TableError> {
        let keys = archives.iter().map(|archive| archive.key.shared_path()).collect();
        let rows = self.rows_of(&keys)?;
        let mut confirmed = Vec::with_capacity(archives.len());
        for archive in archives {
            let sha256 = archive.sha256.to_string();
            let same = |entry: &&LedgerEntry| {
                follows_from_silver(entry)
                    && entry.key == archive.key
                    && entry.sha256.as_deref() == Some(sha256.as_str())
            };
            if let Some(held) = rows.iter().find(same) {
                confirmed.push(confirmed_row(held, archive, context));
            }
        }
        Ok(confirmed)
    }
}

fn confirmed_row(
    held: &LedgerEntry,
    archive: &BronzeArchive,
    context: &CommitContext,
) -> LedgerEntry {
    LedgerEntry {
        checksum: archive.checksum,
        size: Some(archive.size),
        etag: archive.etag.clone(),
        last_modified: archive.last_modified,
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        ..held.clone()
    }
}
