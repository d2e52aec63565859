//! What ledger, log and data files say of a silver table, one series after the other.
//!
//! All three are in the order of keys, so that nothing but one series is in memory at a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::{Combination, Matrix};
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::sample::Sample;

use super::fingerprint::Tally;
use super::tally_spool::{ArchiveTally, TalliesByArchive, TallySpool};
use super::{ArchiveVersion, VerifyError, version_of};
use crate::delta::log::{ArchiveRecord, LogEntry};
use crate::meta::archives::reader::{FolderRows, LedgerReader, series_folder};
use crate::meta::scope::Scope;

/// Which archives are verified.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) scope: &'a Scope,
    pub(super) sample: Option<Sample>,
    /// When they were recorded at the earliest.
    pub(super) since: Option<DateTime<Utc>>,
}

impl Chosen<'_> {
    /// Returns whether an archive is verified, as far as its key says.
    pub(super) fn has(&self, key: &ArchiveKey) -> bool {
        self.scope.has(key) && self.sample.is_none_or(|sample| sample.has(key))
    }

    /// Returns whether an archive is verified that was recorded at this time.
    pub(super) fn has_of(&self, key: &ArchiveKey, recorded_at: DateTime<Utc>) -> bool {
        self.since.is_none_or(|since| since <= recorded_at) && self.has(key)
    }
}

/// What is known of an archive whose rows are in silver, and what was found of it there.
#[derive(Clone, Debug)]
pub(super) struct KnownArchive {
    pub(super) version: ArchiveVersion,
    pub(super) rows: u64,
    pub(super) rejected_rows: u64,
    /// The days of its period that it owns, where these are not all: the others are another copy's.
    pub(super) days: Option<DaySet>,
    /// Whether it is one of those that are verified.
    pub(super) is_chosen: bool,
    pub(super) tally: ArchiveTally,
}

impl KnownArchive {
    /// Returns whether rows of this day, which is in the archive's period, belong in silver.
    pub(super) fn owns(&self, date: NaiveDate) -> bool {
        self.days.is_none_or(|days| days.contains(date))
    }

    /// Returns whether rows of this day are to be as they are in the archive, given those in
    /// silver.
    ///
    /// Rows outside the period may have been left to another archive, all of them of a day.
    pub(super) fn is_compared(&self, date: NaiveDate) -> bool {
        let in_period = self.version.key.period().days().contains(date);
        if in_period { self.owns(date) } else { self.tally.days.contains_key(&date) }
    }
}

/// What is known of one series.
#[derive(Debug, Default)]
pub(super) struct SeriesFacts {
    /// In the order of their keys.
    pub(super) known: BTreeMap<Arc<str>, KnownArchive>,
    /// Bytes that bronze keeps although silver has no rows of them any more, or never had.
    pub(super) others: Vec<ArchiveVersion>,
    /// Rows of archives that never landed.
    pub(super) strays: Vec<ArchiveTally>,
}

impl SeriesFacts {
    fn add_entry(&mut self, entry: &LedgerEntry, chosen: &Chosen<'_>) {
        let Some(version) = version_of(entry) else { return };
        let is_chosen = chosen.has_of(&entry.key, entry.recorded_at);
        let LedgerEntry { status, rows, rejected_rows, days, .. } = *entry;
        match status {
            ArchiveStatus::Ingested => {
                let key = version.key.shared_path();
                let tally = ArchiveTally::default();
                let known = KnownArchive { version, rows, rejected_rows, days, is_chosen, tally };
                self.known.insert(key, known);
            }
            ArchiveStatus::Superseded | ArchiveStatus::Rejected | ArchiveStatus::Yielded
                if is_chosen =>
            {
                self.others.push(version);
            }
            _ => {}
        }
    }

    /// Takes in what the log has and the ledger not yet: a run may have died between the two.
    fn add_logged(&mut self, key: ArchiveKey, entry: LogEntry, chosen: &Chosen<'_>) {
        match entry {
            LogEntry::Compared(record) if record.removed => {
                self.known.remove(key.path());
            }
            LogEntry::Compared(record) => {
                if let Some(known) = self.known.get_mut(key.path()) {
                    known.rows = record.rows;
                    known.days = record.days;
                }
            }
            LogEntry::Landed(record) => {
                let Ok(sha256) = record.sha256.parse() else { return };
                let checksum = record.checksum.parse().unwrap_or(ChecksumState::Unchecked);
                let is_chosen = chosen.has(&key);
                let path = key.shared_path();
                let version = ArchiveVersion { key, sha256, checksum, superseded: false };
                let ArchiveRecord { rows, rejected_rows, days, .. } = *record;
                let tally = ArchiveTally::default();
                let known = KnownArchive { version, rows, rejected_rows, days, is_chosen, tally };
                self.known.insert(path, known);
            }
        }
    }

    fn add_tally(&mut self, tally: ArchiveTally) {
        match self.known.get_mut(&tally.archive) {
            Some(known) => known.tally = tally,
            None => self.strays.push(tally),
        }
    }
}

/// What was found in a table's data files, by the folders of archives.
#[derive(Debug)]
pub(super) struct TableTallies<'a> {
    matrix: &'a Matrix,
    folders: Vec<(&'a Combination, [TallySpool; Frequency::ALL.len()])>,
    /// Of archives that are none of the table's.
    others: TallySpool,
    /// Whether archives have rows in data files that another program wrote.
    pub(super) has_foreign: bool,
}

impl<'a> TableTallies<'a> {
    pub(super) fn new(matrix: &'a Matrix, table: &str) -> Self {
        let rows = matrix.combinations().iter().filter(|row| row.schema == table);
        let folders = rows.map(|row| (row, <[TallySpool; 2]>::default())).collect();
        Self { matrix, folders, others: TallySpool::default(), has_foreign: false }
    }

    /// Adds what was found in a file, of archives that are verified.
    ///
    /// # Errors
    /// When a temporary file cannot be written.
    pub(super) fn add(&mut self, mut found: Tally, chosen: &Chosen<'_>) -> io::Result<()> {
        let mut parts: BTreeMap<Option<(usize, usize)>, Tally> = BTreeMap::new();
        for (archive, days) in std::mem::take(&mut found.archives) {
            let key = self.matrix.identify(&archive).ok();
            if key.as_ref().is_some_and(|key| !chosen.has(key)) {
                continue;
            }
            let place = key.as_ref().and_then(|key| self.place(key));
            let part = parts.entry(place).or_default();
            if found.foreign.contains(&archive) {
                self.has_foreign = true;
                part.foreign.insert(Arc::clone(&archive));
            }
            part.archives.insert(archive, days);
        }
        for (place, part) in parts {
            let Self { folders, others, .. } = self;
            let mut spool = others;
            if let Some((at, frequency)) = place
                && let Some((_, spools)) = folders.get_mut(at)
                && let Some(of_folder) = spools.get_mut(frequency)
            {
                spool = of_folder;
            }
            spool.add(part)?;
        }
        Ok(())
    }

    fn place(&self, key: &ArchiveKey) -> Option<(usize, usize)> {
        let is_of =
            |row: &Combination| row.market == key.market() && row.data_type == *key.data_type();
        let at = self.folders.iter().position(|(row, _)| is_of(row))?;
        Some((at, key.period().frequency() as usize))
    }
}

/// All series of a table, one after the other.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    chosen: &'a Chosen<'a>,
    ledger: Option<&'a LedgerReader>,
    rest: std::vec::IntoIter<(&'a Combination, [TallySpool; Frequency::ALL.len()])>,
    /// The folders of one combination, and its name.
    open: Vec<Folder<'a>>,
    current: String,
    /// What the ledger does not have yet, by combination and series.
    logged: BTreeMap<(String, String), Vec<(ArchiveKey, LogEntry)>>,
    /// Of archives that are none of the table's.
    others: Option<TalliesByArchive>,
}

/// One combination at one frequency.
#[derive(Debug)]
struct Folder<'a> {
    name: String,
    ledger: Option<FolderRows<'a>>,
    tallies: TalliesByArchive,
}

impl Folder<'_> {
    fn next_series(&self) -> Option<&str> {
        let recorded = self.ledger.as_ref().and_then(FolderRows::next_series);
        let found = self.tallies.archive().and_then(|key| series_folder(key, &self.name));
        [recorded, found].into_iter().flatten().min()
    }
}

impl<'a> Walk<'a> {
    /// Begins to read what ledger, log and data files say; `logged` is what the ledger does not
    /// have yet.
    pub(super) fn new(
        chosen: &'a Chosen<'a>,
        ledger: Option<&'a LedgerReader>,
        logged: Vec<(i64, LogEntry)>,
        tallies: TableTallies<'a>,
    ) -> Result<Self, VerifyError> {
        let TableTallies { matrix, folders, others, .. } = tallies;
        let mut by_series: BTreeMap<_, Vec<(ArchiveKey, LogEntry)>> = BTreeMap::new();
        for (_, entry) in logged {
            let Ok(key) = matrix.identify(entry.archive()) else { continue };
            let row = matrix.get(key.market(), key.data_type());
            let folder = row.map(|row| row.symbols_prefix(key.period().frequency()));
            let series = folder.as_deref().and_then(|folder| series_folder(key.path(), folder));
            let Some(series) = series.map(str::to_owned) else { continue };
            by_series.entry((name_of(&key), series)).or_default().push((key, entry));
        }
        let rest = folders.into_iter();
        let others = Some(others.by_archive()?);
        let open = Vec::new();
        let current = String::new();
        Ok(Self { chosen, ledger, rest, open, current, logged: by_series, others })
    }

    /// Returns what is known of the next series.
    ///
    /// # Errors
    /// When the ledger or a temporary file cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<SeriesFacts>, VerifyError> {
        loop {
            if let Some(series) = self.next_series() {
                return self.take(&series).map(Some);
            }
            if let Some((row, spools)) = self.rest.next() {
                self.open_folders(row, spools)?;
                continue;
            }
            let Some(mut others) = self.others.take() else { return Ok(None) };
            let mut facts = SeriesFacts::default();
            while let Some(tally) = others.next()? {
                facts.strays.push(tally);
            }
            return Ok(Some(facts));
        }
    }

    fn open_folders(
        &mut self,
        row: &'a Combination,
        spools: [TallySpool; Frequency::ALL.len()],
    ) -> Result<(), VerifyError> {
        self.open.clear();
        for (frequency, spool) in Frequency::ALL.into_iter().zip(spools) {
            let name = row.symbols_prefix(frequency);
            let scope = self.chosen.scope;
            let ledger = self.ledger.map(|ledger| ledger.folder(row, frequency, scope));
            let ledger = ledger.transpose()?;
            self.open.push(Folder { name, ledger, tallies: spool.by_archive()? });
        }
        self.current = format!("{}/{}", row.market, row.data_type);
        Ok(())
    }

    fn next_series(&self) -> Option<String> {
        let in_folders = self.open.iter().filter_map(Folder::next_series);
        let start = (self.current.clone(), String::new());
        let logged = self.logged.range(start..).next().map(|((name, series), _)| (name, series));
        let logged = logged.filter(|(name, _)| **name == self.current);
        let logged = logged.map(|(_, series)| series.as_str());
        in_folders.chain(logged).min().map(str::to_owned)
    }

    fn take(&mut self, series: &str) -> Result<SeriesFacts, VerifyError> {
        let mut facts = SeriesFacts::default();
        let mut rows = Vec::new();
        let mut tallies = Vec::new();
        for folder in &mut self.open {
            if let Some(ledger) = &mut folder.ledger {
                ledger.take(series, &mut rows)?;
            }
            let prefix = format!("{}{series}", folder.name);
            while folder.tallies.archive().is_some_and(|key| key.starts_with(&prefix)) {
                tallies.extend(folder.tallies.next()?);
            }
        }
        rows.iter().for_each(|row| facts.add_entry(row, self.chosen));
        let logged = self.logged.remove(&(self.current.clone(), series.to_owned()));
        for (key, entry) in logged.into_iter().flatten() {
            facts.add_logged(key, entry, self.chosen);
        }
        tallies.into_iter().for_each(|tally| facts.add_tally(tally));
        Ok(facts)
    }
}

fn name_of(key: &ArchiveKey) -> String {
    format!("{}/{}", key.market(), key.data_type())
}
