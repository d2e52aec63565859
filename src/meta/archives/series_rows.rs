//! Rows of the ledger series by series: of a few series, each looked up by itself, or of most, in
//! one pass over the folders that they are in.

use lakehouse_core::ledger::{Ledger, LedgerEntry};
use lakehouse_core::matrix::Combination;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Frequency;

use super::reader::LedgerReader;
use super::scan::LedgerScan;
use super::wanted::KeyRange;
use crate::delta::TableError;
use crate::meta::scope::Scope;

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

impl<'a> SeriesRows<'a> {
    pub(super) const fn new(reader: &'a LedgerReader, most: bool) -> Self {
        Self { reader, most, open: [const { None }; Frequency::ALL.len()] }
    }

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
                    let mut found = self.reader.scan(KeyRange::of_prefix(&prefix))?;
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
                let rest = self.reader.scan(KeyRange::of_prefix(&folder))?;
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

/// The rows of the series of a combination at one frequency, of all versions of their archives.
#[derive(Debug)]
pub(crate) struct FolderRows<'a> {
    reader: &'a LedgerReader,
    combination: &'a Combination,
    folder: String,
    /// Whether folders of other combinations lie in this one.
    has_others: bool,
    /// What is still to be read, in the order of keys, and what is being read.
    prefixes: std::vec::IntoIter<String>,
    rest: Option<LedgerScan>,
}

impl<'a> FolderRows<'a> {
    fn open(
        reader: &'a LedgerReader,
        combination: &'a Combination,
        frequency: Frequency,
        scope: &Scope,
    ) -> Result<Self, TableError> {
        let folder = combination.symbols_prefix(frequency);
        let mut folders = Vec::new();
        for other in reader.matrix().combinations() {
            folders.extend(Frequency::ALL.map(|frequency| other.symbols_prefix(frequency)));
        }
        let has_others = folders.iter().any(|it| *it != folder && it.starts_with(&folder));
        let prefixes = prefixes(combination, frequency, scope).into_iter();
        let rest = None;
        let mut rows = Self { reader, combination, folder, has_others, prefixes, rest };
        rows.go_on()?;
        Ok(rows)
    }

    /// Returns the folder of the next series, within the folder of all symbols.
    pub(crate) fn next_series(&self) -> Option<&str> {
        series_folder(self.rest.as_ref()?.key()?, &self.folder)
    }

    /// Adds the rows of the series whose folder this is, if it is the next one.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn take(
        &mut self,
        series: &str,
        rows: &mut Vec<LedgerEntry>,
    ) -> Result<(), TableError> {
        let Some(rest) = &mut self.rest else { return Ok(()) };
        let prefix = format!("{}{series}", self.folder);
        let mut found = Vec::new();
        take_prefix(rest, &prefix, &mut found)?;
        rows.extend(found.into_iter().map(|entry| self.reader.checked(entry)));
        self.go_on()
    }

    /// Goes on to the next row of the combination, if there is one.
    fn go_on(&mut self) -> Result<(), TableError> {
        loop {
            if let Some(rest) = &mut self.rest {
                while self.has_others
                    && rest.key().is_some_and(|key| is_other(self.reader, self.combination, key))
                {
                    rest.next()?;
                }
                if rest.key().is_some() {
                    return Ok(());
                }
            }
            let Some(prefix) = self.prefixes.next() else {
                self.rest = None;
                return Ok(());
            };
            self.rest = Some(self.reader.scan(KeyRange::of_prefix(&prefix))?);
        }
    }
}

fn is_other(reader: &LedgerReader, combination: &Combination, key: &str) -> bool {
    !reader.matrix().identify(key).is_ok_and(|key| {
        key.market() == combination.market && *key.data_type() == combination.data_type
    })
}

/// Returns what the keys in a scope begin with: the folders of symbols that are named, or all of
/// the combination's.
fn prefixes(combination: &Combination, frequency: Frequency, scope: &Scope) -> Vec<String> {
    let Scope { markets, data_types, symbols, .. } = scope;
    let is_meant = (markets.is_empty() || markets.contains(&combination.market))
        && (data_types.is_empty() || data_types.contains(&combination.data_type));
    if !is_meant {
        return Vec::new();
    }
    let Some(named) = symbols.literals(combination.market) else {
        return vec![combination.symbols_prefix(frequency)];
    };
    let folders = named.iter().map(|symbol| combination.symbol_prefix(frequency, symbol));
    let mut folders: Vec<String> = folders.collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

impl LedgerReader {
    /// Begins to read the rows of the series of a combination at one frequency, as they are; those
    /// that cannot be in scope may be left out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn folder<'a>(
        &'a self,
        combination: &'a Combination,
        frequency: Frequency,
        scope: &Scope,
    ) -> Result<FolderRows<'a>, TableError> {
        FolderRows::open(self, combination, frequency, scope)
    }

    /// Reads the rows in scope of archives in a silver table, all versions of them.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn for_each_in_scope(
        &self,
        table: &str,
        scope: &Scope,
        mut take: impl FnMut(LedgerEntry),
    ) -> Result<(), TableError> {
        for row in self.matrix().combinations().iter().filter(|row| row.schema == table) {
            for frequency in Frequency::ALL {
                let mut folder = self.folder(row, frequency, scope)?;
                while let Some(series) = folder.next_series().map(str::to_owned) {
                    let mut rows = Vec::new();
                    folder.take(&series, &mut rows)?;
                    rows.into_iter().filter(|entry| scope.has(&entry.key)).for_each(&mut take);
                }
            }
        }
        Ok(())
    }

    /// Reads every series with what the ledger has of it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn for_each_series(
        &self,
        mut take: impl FnMut(&Series, Ledger),
    ) -> Result<(), TableError> {
        for combination in self.matrix().combinations() {
            let mut folders = Vec::new();
            for frequency in Frequency::ALL {
                folders.push(self.folder(combination, frequency, &Scope::default())?);
            }
            // The folders of both frequencies are sorted in the same way.
            while let Some(next) = folders.iter().filter_map(FolderRows::next_series).min() {
                let next = next.to_owned();
                let mut rows = Vec::new();
                for folder in &mut folders {
                    folder.take(&next, &mut rows)?;
                }
                let series = rows.first().map(|entry| entry.key.series().clone());
                if let Some(series) = series {
                    take(&series, rows.into());
                }
            }
        }
        Ok(())
    }
}

/// Returns the folder of an archive's series within the folder of all symbols.
pub(crate) fn series_folder<'k>(key: &'k str, symbols: &str) -> Option<&'k str> {
    let key = key.strip_prefix(symbols)?;
    let (folder, file) = key.rsplit_once('/')?;
    Some(key.strip_suffix(file).unwrap_or(folder))
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
