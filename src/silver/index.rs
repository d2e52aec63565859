//! Which archives a silver table holds, in which version, as its log says it.

use std::collections::{BTreeSet, HashMap};

use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, read_record};
use crate::delta::table::LakeTable;

/// The archives of one table up to a version of it.
#[derive(Debug, Default)]
pub(crate) struct SilverIndex {
    sha256: HashMap<String, String>,
    /// Versions up to this one are accounted for; -1 when none is.
    seen: i64,
    /// Found in the log, and not taken up by the ledger yet.
    unrecorded: Vec<(i64, ArchiveRecord)>,
}

impl SilverIndex {
    /// Starts from what the ledger knows: archives with their versions, up to version `seen` of the table.
    pub(crate) fn new(archives: impl IntoIterator<Item = (String, String)>, seen: i64) -> Self {
        Self { sha256: archives.into_iter().collect(), seen, unrecorded: Vec::new() }
    }

    /// Returns the version of an archive that the table holds.
    pub(crate) fn sha256(&self, archive: &str) -> Option<&str> {
        self.sha256.get(archive).map(String::as_str)
    }

    /// Reads the commits that are newer than what is known.
    pub(crate) async fn catch_up(&mut self, table: &LakeTable) -> Result<(), TableError> {
        for version in self.seen + 1..=table.version() {
            let record = read_record(table, version).await?;
            for archive in record.into_iter().flat_map(|record| record.archives) {
                self.sha256.insert(archive.archive.clone(), archive.sha256.clone());
                self.unrecorded.push((version, archive));
            }
            self.seen = version;
        }
        Ok(())
    }

    /// Leaves out archives that the ledger learns of in another way.
    pub(crate) fn forget_unrecorded(&mut self, archives: &BTreeSet<&str>) {
        self.unrecorded.retain(|(_, record)| !archives.contains(record.archive.as_str()));
    }

    /// Hands over what the log told since the last call, with the versions that hold it.
    pub(crate) fn take_unrecorded(&mut self) -> Vec<(i64, ArchiveRecord)> {
        std::mem::take(&mut self.unrecorded)
    }
}
