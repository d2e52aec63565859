//! Which archives a silver table holds, in which version and for which days, as its log says it.

use std::collections::{BTreeSet, HashMap};

use lakehouse_core::names::days::DaySet;
use lakehouse_core::overlap::HeldArchive;

use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, HolderRecord, LogEntry, LoggedCorrection, read_record};
use crate::delta::table::WritableTable;

/// The archives of one table up to a version of it.
#[derive(Debug, Default)]
pub(crate) struct SilverIndex {
    held_archives: HashMap<String, HeldArchive>,
    /// Versions up to this one are accounted for; -1 when none is.
    seen: i64,
    /// Found in the log, and not taken up by the ledger yet.
    unrecorded: Vec<(i64, LogEntry)>,
    /// Corrections of the same commits, which `meta.changes` has not taken up.
    corrections: Vec<LoggedCorrection>,
}

impl SilverIndex {
    /// Starts from what the ledger knows of archives, up to version `seen` of the table.
    pub(crate) fn new(
        archives: impl IntoIterator<Item = (String, HeldArchive)>,
        seen: i64,
    ) -> Self {
        Self { held_archives: archives.into_iter().collect(), seen, ..Self::default() }
    }

    /// Returns what the table holds, or last held, of an archive.
    pub(crate) fn held_archive(&self, archive: &str) -> Option<&HeldArchive> {
        self.held_archives.get(archive)
    }

    /// Returns whether the table holds rows of an archive, or its word that there are none.
    pub(crate) fn holds(&self, archive: &str) -> bool {
        self.held_archive(archive).is_some_and(|held_archive| {
            held_archive.rows > 0 || held_archive.days != Some(DaySet::NONE)
        })
    }

    /// Reads the commits that are newer than what is known.
    pub(crate) async fn catch_up(&mut self, table: &WritableTable) -> Result<(), TableError> {
        for version in self.seen + 1..=table.version() {
            if let Some(record) = read_record(table, version).await? {
                self.corrections.extend(record.logged_corrections(version));
                let landed =
                    record.archives.into_iter().map(|archive| LogEntry::Landed(Box::new(archive)));
                let decided = record.holders.into_iter().map(LogEntry::Compared);
                landed.chain(decided).for_each(|told| self.take_in(version, told));
            }
            self.seen = version;
        }
        Ok(())
    }

    fn take_in(&mut self, version: i64, told: LogEntry) {
        let (archive, held_archive) = match &told {
            LogEntry::Landed(record) => {
                let ArchiveRecord {
                    archive, sha256, rows, days, competing_version, yielded, ..
                } = record.as_ref();
                (
                    archive,
                    held_archive(sha256, *rows, *days, competing_version.as_deref(), *yielded),
                )
            }
            LogEntry::Compared(HolderRecord {
                archive,
                sha256,
                rows,
                days,
                competing_version,
                yielded,
                ..
            }) => (
                archive,
                held_archive(sha256, *rows, *days, competing_version.as_deref(), *yielded),
            ),
        };
        self.held_archives.insert(archive.clone(), held_archive);
        self.unrecorded.push((version, told));
    }

    /// Leaves out archives that the ledger learns of in another way.
    pub(crate) fn forget_unrecorded(&mut self, archives: &BTreeSet<&str>) {
        self.unrecorded.retain(|(_, told)| !archives.contains(told.archive()));
    }

    /// Hands over what the log told since the last call, with the versions that tell it.
    pub(crate) fn take_unrecorded(&mut self) -> Vec<(i64, LogEntry)> {
        std::mem::take(&mut self.unrecorded)
    }

    /// Hands over the corrections that the log told of since the last call.
    pub(crate) fn take_corrections(&mut self) -> Vec<LoggedCorrection> {
        std::mem::take(&mut self.corrections)
    }
}

impl LogEntry {
    fn archive(&self) -> &str {
        match self {
            Self::Landed(record) => &record.archive,
            Self::Compared(record) => &record.archive,
        }
    }
}

fn held_archive(
    sha256: &str,
    rows: u64,
    days: Option<DaySet>,
    competing_version: Option<&str>,
    yielded: bool,
) -> HeldArchive {
    HeldArchive {
        sha256: sha256.into(),
        rows,
        days,
        competing_version: competing_version.map(Into::into),
        yielded,
    }
}
