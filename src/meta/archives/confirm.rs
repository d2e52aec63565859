//! Archives that were fetched again and turned out to be in silver already.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakehouse_core::ledger::LedgerEntry;

use super::LedgerTable;
use super::files::LedgerFiles;
use super::recorded::RecordedVersions;
use super::replace::follows_from_silver;
use super::wanted::KeySet;
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;

impl LedgerTable {
    /// Records of archives whose bytes turned out to be those that silver holds already the size,
    /// ETag and time that the source reports now, so that the next plan does not take them for
    /// changed. Returns their rows.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub(crate) async fn confirm(
        &mut self,
        archives: &[&BronzeArchive],
        context: &CommitContext,
    ) -> Result<Vec<LedgerEntry>, TableError> {
        let keys: KeySet = archives.iter().map(|archive| archive.key.shared_path()).collect();
        if !archives.is_empty() {
            // What another process has made of an archive meanwhile stays as it is.
            let select = |files: &LedgerFiles, _: &RecordedVersions| {
                Ok(confirmed(&files.rows_of(&keys)?, archives, context))
            };
            self.write(context, BTreeMap::new(), select).await?;
        }
        Ok(confirmed(&self.rows_of(&keys)?, archives, context))
    }
}

/// Returns those of the rows that are of the same versions of archives, as they are confirmed.
fn confirmed(
    rows: &[LedgerEntry],
    archives: &[&BronzeArchive],
    context: &CommitContext,
) -> Vec<LedgerEntry> {
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
    confirmed
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
