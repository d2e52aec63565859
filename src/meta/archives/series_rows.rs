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

impl LedgerReader {
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
                let prefix = combination.symbols_prefix(frequency);
                let rows = self.scan(KeyRange::of_prefix(&prefix))?;
                folders.push((prefix, rows));
            }
            // The folders of both frequencies are sorted in the same way.
            while let Some(next) = folders.iter().filter_map(next_series).min() {
                let next = next.to_owned();
                let mut rows = Vec::new();
                for (prefix, folder) in &mut folders {
                    take_prefix(folder, &format!("{prefix}{next}"), &mut rows)?;
                }
                let rows: Vec<LedgerEntry> =
                    rows.into_iter().map(|entry| self.checked(entry)).collect();
                let series = rows.first().map(|entry| entry.key.series().clone());
                if let Some(series) = series {
                    take(&series, rows.into());
                }
            }
        }
        Ok(())
    }
}

/// Returns the next folder of a series, within the folder of all symbols.
fn next_series((prefix, rows): &(String, LedgerScan)) -> Option<&str> {
    let key = rows.key()?.strip_prefix(prefix.as_str())?;
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
