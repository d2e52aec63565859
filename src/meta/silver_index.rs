//! Which archives a silver table holds, in which version and for which days, according to its log.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::overlap::HeldArchive;
use lakehouse_core::overlap::outside::OutsideDays;

use crate::delta::TableError;
use crate::delta::log::{LogEntry, LoggedCorrection, read_record};
use crate::delta::table::WritableTable;

/// The archives of one table up to a version of it: all of them, or those that were looked up
/// in the ledger, and those that later commits name.
#[derive(Debug, Default)]
pub(crate) struct SilverIndex {
    held_archives: HashMap<String, HeldArchive>,
    /// Archives that were taken out on request after the plan was made, as far as is known, and
    /// have not landed since.
    removed: HashSet<String>,
    /// Whether an archive that is not known here is not in the table.
    complete: bool,
    /// Commits up to this version have been read; -1 when none has.
    seen: i64,
    /// Entries that were read from the log, and that the ledger has not recorded yet.
    unrecorded: Vec<(i64, LogEntry)>,
    /// Corrections in the same commits, which `meta.changes` has not recorded yet.
    corrections: Vec<LoggedCorrection>,
}

impl SilverIndex {
    /// Starts after version `seen` of the table, up to which the ledger knows its archives.
    pub(crate) fn since(seen: i64) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Starts from all entries of a table's log up to version `seen`, none of which the ledger has.
    ///
    /// What was removed by then is decided by the plan, which may know of a lake whose tables were
    /// put back.
    pub(crate) fn of_log(
        entries: Vec<(i64, LogEntry)>,
        corrections: Vec<LoggedCorrection>,
        seen: i64,
    ) -> Self {
        let mut index = Self { corrections, seen, complete: true, ..Self::default() };
        for (version, entry) in entries {
            index.add(version, entry);
        }
        index.removed.clear();
        index
    }

    fn add(&mut self, version: i64, entry: LogEntry) {
        let archive = entry.archive();
        if entry.is_removal() {
            self.held_archives.remove(archive);
            self.removed.insert(archive.to_owned());
        } else {
            let held = entry.held_archive(self.held_archives.get(archive));
            self.held_archives.insert(archive.to_owned(), held);
            self.removed.remove(archive);
        }
        self.unrecorded.push((version, entry));
    }

    /// Returns whether all archives are known, so that none is looked up in the ledger.
    pub(crate) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes what the ledger knows of archives that are held and of those that were removed, and
    /// forgets what it knew before of all others unless the ledger has not recorded that yet.
    pub(crate) fn load<'a>(
        &mut self,
        held: impl IntoIterator<Item = (&'a str, HeldArchive)>,
        removed: impl IntoIterator<Item = &'a str>,
    ) {
        let unrecorded: BTreeSet<&str> =
            self.unrecorded.iter().map(|(_, entry)| entry.archive()).collect();
        self.held_archives.retain(|archive, _| unrecorded.contains(archive.as_str()));
        self.removed.retain(|archive| unrecorded.contains(archive.as_str()));
        // What the ledger has not recorded is newer than what it says, a removal too.
        for (archive, held) in held.into_iter().filter(|(it, _)| !unrecorded.contains(it)) {
            self.held_archives.insert(archive.to_owned(), held);
        }
        for archive in removed.into_iter().filter(|it| !unrecorded.contains(it)) {
            self.removed.insert(archive.to_owned());
        }
    }

    /// Lets an archive count as one that the table never held: its rows are to be loaded again.
    pub(crate) fn release(&mut self, archive: &str) {
        self.held_archives.remove(archive);
    }

    /// Returns what the table holds, or last held, of an archive.
    pub(crate) fn held_archive(&self, archive: &str) -> Option<&HeldArchive> {
        self.held_archives.get(archive)
    }

    /// Returns whether an archive was taken out on request after the plan was made, and has not
    /// landed since.
    pub(crate) fn is_removed(&self, archive: &str) -> bool {
        self.removed.contains(archive)
    }

    /// Returns whether the table has rows of an archive, or records that there are none.
    pub(crate) fn holds(&self, archive: &str) -> bool {
        // An archive that owns days without rows is held; one that owns no days is not.
        self.held_archive(archive)
            .is_some_and(|held| held.rows > 0 || held.days != Some(DaySet::NONE))
    }

    /// Reads the commits after the last version that was read.
    pub(crate) async fn catch_up(&mut self, table: &WritableTable) -> Result<(), TableError> {
        for version in self.seen + 1..=table.version() {
            if let Some(record) = read_record(table, version).await? {
                self.corrections.extend(record.logged_corrections(version));
                for entry in record.into_log_entries() {
                    self.add(version, entry);
                }
            }
            self.seen = version;
        }
        Ok(())
    }

    /// Returns the version up to which commits have been read.
    pub(crate) const fn seen(&self) -> i64 {
        self.seen
    }

    /// Drops unrecorded entries of a commit about archives whose ledger rows the caller makes
    /// itself.
    pub(crate) fn forget_unrecorded(&mut self, version: i64, archives: &BTreeSet<&str>) {
        self.unrecorded.retain(|(committed, entry)| {
            *committed != version || !archives.contains(entry.archive())
        });
    }

    /// Takes the log entries that were read since the last call, with their versions.
    pub(crate) fn take_unrecorded(&mut self) -> Vec<(i64, LogEntry)> {
        std::mem::take(&mut self.unrecorded)
    }

    /// Takes those of the entries that are of commits before a version.
    pub(crate) fn take_unrecorded_before(&mut self, version: i64) -> Vec<(i64, LogEntry)> {
        let (before, rest) = std::mem::take(&mut self.unrecorded)
            .into_iter()
            .partition(|(committed, _)| *committed < version);
        self.unrecorded = rest;
        before
    }

    /// Takes the corrections that were read since the last call.
    pub(crate) fn take_corrections(&mut self) -> Vec<LoggedCorrection> {
        std::mem::take(&mut self.corrections)
    }
}

impl LogEntry {
    /// Returns the key of the archive.
    pub(crate) fn archive(&self) -> &str {
        match self {
            Self::Landed(record) => &record.archive,
            Self::Compared(record) => &record.archive,
        }
    }

    /// Returns whether a version of the archive came into the table.
    pub(crate) const fn is_landing(&self) -> bool {
        matches!(self, Self::Landed(_))
    }

    /// Returns whether the archive was taken out on request.
    pub(crate) const fn is_removal(&self) -> bool {
        matches!(self, Self::Compared(record) if record.removed)
    }

    /// Returns what the table holds of the archive after this entry; `before` is what it held.
    fn held_archive(&self, before: Option<&HeldArchive>) -> HeldArchive {
        match self {
            Self::Landed(record) => HeldArchive {
                sha256: record.sha256.as_str().into(),
                rows: record.rows,
                days: record.days,
                competing_version: record.competing_version.as_deref().map(Into::into),
                yielded: record.yielded,
                outside: outside_days(&record.outside, record.min_time, record.max_time),
            },
            Self::Compared(record) => HeldArchive {
                sha256: record.sha256.as_str().into(),
                rows: record.rows,
                days: record.days,
                competing_version: record.competing_version.as_deref().map(Into::into),
                yielded: record.yielded,
                outside: match &record.outside {
                    Some(days) => OutsideDays::known(days),
                    None => before.map_or_else(unknown, |before| before.outside.clone()),
                },
            },
        }
    }
}

/// Returns the days outside its period of which an archive may have rows: those that its commit
/// recorded, or all up to its first and last time.
pub(super) fn outside_days(
    recorded: &Option<Vec<NaiveDate>>,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
) -> OutsideDays {
    match recorded {
        Some(days) => OutsideDays::known(days),
        None => OutsideDays::Within(DateRange {
            start: first.map(|time| time.date_naive()),
            end: last.map(|time| time.date_naive()),
        }),
    }
}

fn unknown() -> OutsideDays {
    OutsideDays::Within(DateRange::default())
}
