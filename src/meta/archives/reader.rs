//! The ledger for plans: read series by series, in the order of keys, and never as a whole.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use lakehouse_core::ledger::{Ledger, LedgerEntry};
use lakehouse_core::matrix::{Combination, Matrix};
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Frequency;

use super::identity::{is_described, lost};
use super::replace::follows_from_silver;
use super::scan::{KeyRange, LedgerFile, LedgerScan};
use super::{SCHEMA, silver_table};
use crate::delta::TableError;
use crate::delta::table::WritableTable;
use crate::meta::silver_history::SilverHistory;
use crate::meta::silver_index::SilverIndex;
use crate::meta::table::MetaTable;
use crate::storage::lake::{Lake, Layer, TableName};

/// The ledger at one version, with its files open.
#[derive(Debug)]
pub(crate) struct LedgerReader {
    table: WritableTable,
    matrix: Arc<Matrix>,
    files: Vec<LedgerFile>,
    /// What silver really holds, of tables that the ledger does not describe.
    undescribed: HashMap<String, SilverIndex>,
}

impl LedgerReader {
    /// Opens the ledger of a lake; nothing if it has none yet.
    ///
    /// # Errors
    /// When it cannot be read, or the log of a silver table cannot be.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Option<Self>, TableError> {
        let Some(table) = MetaTable::open(lake, &SCHEMA).await? else { return Ok(None) };
        let table = table.delta().clone();
        let mut files = Vec::new();
        for file in table.active_files()? {
            files.push(LedgerFile::open(&table, &file).await?);
        }
        let mut reader = Self { table, matrix, files, undescribed: HashMap::new() };
        reader.find_undescribed(lake).await?;
        Ok(Some(reader))
    }

    /// Reads the logs of silver tables that were lost or replaced: what the ledger says about them
    /// counts for nothing.
    async fn find_undescribed(&mut self, lake: &Lake) -> Result<(), TableError> {
        let tables: BTreeSet<String> =
            self.matrix.combinations().iter().map(|row| row.schema.clone()).collect();
        for table in tables {
            let Some(newest) = self.newest_version(&table)? else { continue };
            let name = TableName::new(Layer::Silver, &table);
            if is_described(&self.table, lake, &name, newest).await? {
                continue;
            }
            let index = match WritableTable::open_as_is(lake, &name).await? {
                Some(table) => {
                    let mut history = SilverHistory::new(table, "");
                    history.catch_up().await?;
                    history.into_index()
                }
                None => SilverIndex::default(),
            };
            self.undescribed.insert(table, index);
        }
        Ok(())
    }

    /// Returns the newest version of a silver table that any row names, -1 if none does; nothing if
    /// there are no rows of archives in it.
    fn newest_version(&self, table: &str) -> Result<Option<i64>, TableError> {
        let mut groups = Vec::new();
        for combination in self.matrix.combinations().iter().filter(|row| row.schema == table) {
            for frequency in Frequency::ALL {
                let range = KeyRange::of_prefix(&combination.symbols_prefix(frequency));
                for (at, file) in self.files.iter().enumerate() {
                    let found = file.row_groups(&range, "silver_version").into_iter();
                    groups.extend(found.map(|(group, most)| (most, at, group, range.clone())));
                }
            }
        }
        // The bounds of a row group may be those of another table's rows, so it is read, but none
        // that could not have a newer version than what was found.
        groups.sort_by_key(|(most, ..)| std::cmp::Reverse(most.unwrap_or(i64::MAX)));
        let mut newest = None;
        for (most, at, group, range) in groups {
            if newest.is_some_and(|newest| most.is_some_and(|most| most <= newest)) {
                break;
            }
            newest = newest.max(self.newest_in(at, group, &range)?);
        }
        Ok(newest)
    }

    fn newest_in(
        &self,
        file: usize,
        group: usize,
        range: &KeyRange,
    ) -> Result<Option<i64>, TableError> {
        let mut scan = self.scan_files(range, Some((file, group)))?;
        let mut newest = None;
        while let Some(entry) = scan.next()? {
            if follows_from_silver(&entry) {
                newest = newest.max(Some(entry.silver_version.unwrap_or(-1)));
            }
        }
        Ok(newest)
    }

    /// Reads the rows of a range in the order of keys.
    fn scan(&self, range: &KeyRange) -> Result<LedgerScan, TableError> {
        self.scan_files(range, None)
    }

    fn scan_files(
        &self,
        range: &KeyRange,
        only: Option<(usize, usize)>,
    ) -> Result<LedgerScan, TableError> {
        let mut cursors = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            if only.is_some_and(|(only, _)| only != at) {
                continue;
            }
            let group = only.map(|(_, group)| group);
            cursors.extend(file.cursor(range, group, &self.matrix, &self.table.spec.name)?);
        }
        Ok(LedgerScan::new(cursors))
    }

    /// Returns every row in the order of keys, as plans see it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn for_each(&self, mut take: impl FnMut(LedgerEntry)) -> Result<(), TableError> {
        let mut scan = self.scan(&KeyRange::of_prefix(""))?;
        while let Some(entry) = scan.next()? {
            take(self.checked(entry));
        }
        Ok(())
    }

    /// Begins to read series; `most` says whether most of a combination's series will be read, in
    /// the order of keys.
    pub(crate) const fn series(&self, most: bool) -> SeriesRows<'_> {
        SeriesRows { reader: self, most, open: [const { None }; Frequency::ALL.len()] }
    }

    /// Lets an archive that silver has lost count as failed, so that it is planned again.
    fn checked(&self, entry: LedgerEntry) -> LedgerEntry {
        if self.undescribed.is_empty() || !follows_from_silver(&entry) {
            return entry;
        }
        let index = silver_table(&self.matrix, &entry).and_then(|it| self.undescribed.get(it));
        let is_lost = index.is_some_and(|index| index.held_archive(entry.key.path()).is_none());
        if is_lost { lost(&entry, None) } else { entry }
    }
}

/// The rows of one series after the other.
#[derive(Debug)]
pub(crate) struct SeriesRows<'a> {
    reader: &'a LedgerReader,
    most: bool,
    /// For each frequency the folder that is being read.
    open: [Option<OpenFolder>; Frequency::ALL.len()],
}

/// The rows of all symbols of a combination at one frequency, as far as they were not read yet.
#[derive(Debug)]
struct OpenFolder {
    folder: String,
    rest: LedgerScan,
    /// The series that was read last.
    last: String,
}

impl SeriesRows<'_> {
    /// Returns what the ledger has of a series.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn of(
        &mut self,
        combination: &Combination,
        series: &Series,
    ) -> Result<Ledger, TableError> {
        let Series { symbol, interval, .. } = series;
        let mut rows = Vec::new();
        for frequency in Frequency::ALL {
            let folder = combination.symbols_prefix(frequency);
            let prefix = combination.series_prefix(frequency, symbol, *interval);
            match self.rest_of(folder, &prefix, frequency)? {
                Some(rest) => take_prefix(rest, &prefix, &mut rows)?,
                None => {
                    let mut found = self.reader.scan(&KeyRange::of_prefix(&prefix))?;
                    take_prefix(&mut found, &prefix, &mut rows)?;
                }
            }
        }
        let checked = rows.into_iter().map(|entry| self.reader.checked(entry));
        Ok(checked.collect::<Vec<_>>().into())
    }

    /// Returns the rows of a folder from a series on; nothing if the series is better looked up by
    /// itself, because it comes out of order or few others are read.
    fn rest_of(
        &mut self,
        folder: String,
        prefix: &str,
        frequency: Frequency,
    ) -> Result<Option<&mut LedgerScan>, TableError> {
        if !self.most {
            return Ok(None);
        }
        let Some(place) = self.open.get_mut(frequency as usize) else { return Ok(None) };
        let open = match place.take() {
            Some(open) if open.folder == folder => open,
            _ => {
                let rest = self.reader.scan(&KeyRange::of_prefix(&folder))?;
                OpenFolder { folder, rest, last: String::new() }
            }
        };
        let open = place.insert(open);
        if *prefix < *open.last {
            return Ok(None);
        }
        prefix.clone_into(&mut open.last);
        // What lies before is of series that are not planned, and none of them comes later.
        while open.rest.key().is_some_and(|key| *key < *prefix) {
            open.rest.next()?;
        }
        Ok(Some(&mut open.rest))
    }
}

fn take_prefix(
    scan: &mut LedgerScan,
    prefix: &str,
    rows: &mut Vec<LedgerEntry>,
) -> Result<(), TableError> {
    while scan.key().is_some_and(|key| key.starts_with(prefix)) {
        rows.extend(scan.next()?);
    }
    Ok(())
}
