//! Archives whose rows in silver are not what they should be: taken out, and landed again from the
//! bytes in bronze, in one commit like any other.
//!
//! Such an archive counts as one that the table never held, so it claims its days and lands on them
//! as it did the first time. The rows that are left of it go in the same commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BatchResult, DecodedArchive, SilverTable};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::log::read_record;
use crate::delta::table::WritableTable;
use crate::meta::rejects::RejectsTable;
use crate::parquet::rewrite::{Removal, without};

/// What the next commits take out besides what the archives that land replace.
#[derive(Debug, Default)]
pub(super) struct Redo {
    archives: BTreeSet<String>,
    /// Commits up to this version are known; nothing where nothing is repaired.
    seen: Option<i64>,
    /// Archives that other runs have landed or removed since the table was verified.
    changed: BTreeSet<String>,
    /// Data files that cannot be read, by their paths.
    files: BTreeSet<String>,
}

impl Redo {
    /// Adds to a removal the rows that are left of archives which land again.
    pub(super) fn removal(&self, mut removal: Removal, landing: &[DecodedArchive]) -> Removal {
        for archive in landing.iter().filter(|archive| archive.found.fault.is_none()) {
            let path = archive.bronze.key.path();
            if self.archives.contains(path) {
                removal.whole(path);
            }
        }
        self.files.iter().for_each(|file| removal.file(file));
        removal
    }

    /// Returns whether an archive is to land again.
    pub(super) fn has(&self, archive: &str) -> bool {
        self.archives.contains(archive)
    }

    /// Returns whether another run has landed or removed an archive since the table was verified:
    /// what was planned then is not true of it any more.
    pub(super) fn is_changed(&self, archive: &str) -> bool {
        self.changed.contains(archive)
    }

    /// Reads what other runs have done to archives since the table was verified.
    pub(super) async fn catch_up(
        &mut self,
        table: &WritableTable,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let Some(seen) = self.seen else { return Ok(()) };
        for version in seen + 1..=table.version() {
            let record = read_record(table, version).await?;
            if let Some(record) = record.filter(|record| *record.run != *context.run) {
                let entries = record.into_log_entries();
                let decided = entries.filter(|entry| entry.is_landing() || entry.is_removal());
                self.changed.extend(decided.map(|entry| entry.archive().to_owned()));
            }
            self.seen = Some(version);
        }
        Ok(())
    }
}

impl SilverTable {
    /// Begins to repair what was found wrong with a version of the table; data files that cannot be
    /// read go with the next commit.
    pub(crate) fn begin_repair(
        &mut self,
        verified: i64,
        unreadable: impl IntoIterator<Item = String>,
    ) {
        self.repair.seen = Some(verified);
        self.repair.files.extend(unreadable);
    }

    /// Lands archives again whose rows in the table are not those of the archive.
    ///
    /// # Errors
    /// When the table cannot be written; what is wrong with a single archive is in its result.
    pub(crate) async fn redo(
        &mut self,
        archives: Vec<BronzeArchive>,
        rejects: &mut RejectsTable,
        context: &CommitContext,
    ) -> Result<BatchResult, TableError> {
        self.index.catch_up(&self.table).await?;
        for archive in &archives {
            let path = archive.key.path();
            let sha256 = archive.sha256.to_string();
            // Another version of it is replaced as in any correction.
            if self.index.held_archive(path).is_none_or(|held| *held.sha256 == *sha256) {
                self.index.release(path);
            }
            self.repair.archives.insert(path.to_owned());
        }
        let result = self.ingest(archives, rejects, context).await?;
        self.repair.archives.clear();
        Ok(result)
    }

    /// Takes out all rows of archives that the table does not hold by its log, and the files that
    /// cannot be read.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(crate) async fn take_out(
        &mut self,
        archives: &BTreeSet<String>,
        context: &CommitContext,
    ) -> Result<bool, TableError> {
        let Self { table, target, repair, index, .. } = self;
        let landed = commit(table, context, async |table: &WritableTable| {
            index.catch_up(table).await?;
            let mut removal: Removal = archives
                .iter()
                // One that another process has landed meanwhile is no stranger any more.
                .filter(|archive| !index.holds(archive))
                .cloned()
                .collect();
            repair.files.iter().for_each(|file| removal.file(file));
            let change: Change = without(table, &Arc::clone(target), &removal).await?;
            let is_empty = change.removes.is_empty() && change.adds.is_empty();
            Ok::<_, TableError>((!is_empty).then_some(change))
        });
        Ok(landed.await? != Committed::Unneeded)
    }
}
