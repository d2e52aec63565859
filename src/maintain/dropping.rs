//! Archives in silver whose bytes bronze does not keep: those that were loaded before bronze was
//! said to keep checksums only, and those of runs that died before they dropped them.

use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, BronzePolicy, ChecksumState, LedgerEntry};
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::market::Frequency;

use super::report::DroppedArchives;
use super::{Maintain, MaintainError};
use crate::bronze::ArchiveDropper;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;

impl Maintain {
    /// Drops what the ledger says is in silver, one series after the other.
    pub(super) async fn drop_archives(&self) -> Result<DroppedArchives, MaintainError> {
        let mut dropped = DroppedArchives::default();
        if self.bronze == BronzePolicy::Keep {
            return Ok(dropped);
        }
        let Some(ledger) = LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await? else {
            return Ok(dropped);
        };
        let dropper = ArchiveDropper::new(&self.lake)?;
        let scope = Scope::default();
        for row in self.matrix.combinations() {
            for frequency in Frequency::ALL {
                let mut folder = ledger.folder(row, frequency, &scope)?;
                while let Some(series) = folder.next_series().map(str::to_owned) {
                    let mut entries = Vec::new();
                    folder.take(&series, &mut entries)?;
                    self.drop_all(&dropper, &entries, &mut dropped).await?;
                }
            }
        }
        Ok(dropped)
    }

    async fn drop_all(
        &self,
        dropper: &ArchiveDropper,
        entries: &[LedgerEntry],
        dropped: &mut DroppedArchives,
    ) -> Result<(), MaintainError> {
        for entry in entries {
            let Some(sha256) = settled(entry) else { continue };
            let bytes = match self.dry_run {
                true => dropper.droppable(&entry.key, &sha256).await?,
                false => dropper.drop_archive(&entry.key, &sha256).await?,
            };
            dropped.archives += u64::from(bytes.is_some());
            dropped.bytes += bytes.unwrap_or_default();
        }
        Ok(())
    }
}

/// Returns the sum of an archive that is in silver, or is left to one that is, if it was the one
/// that was published.
fn settled(entry: &LedgerEntry) -> Option<Sha256Hex> {
    let is_settled = matches!(entry.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded);
    let matches = entry.checksum == ChecksumState::Match;
    entry.sha256.as_deref().filter(|_| is_settled && matches)?.parse().ok()
}
