//! Archives in all versions that they ever have, and what the server shows of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

use crate::support::archive_server::{ArchiveServer, checksum_text};
use crate::support::market_model::{ModelRow, SERIES, Series};
use crate::support::random::Random;

/// What one version of an archive has of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DayCopy {
    revision: u64,
    /// Rows that are left out: from, and how many.
    left_out: (usize, usize),
}

/// One version of an archive.
#[derive(Clone, Debug)]
pub(super) struct Version {
    days: BTreeMap<NaiveDate, DayCopy>,
    /// Seed of another order of its rows.
    shuffled: Option<u64>,
    /// Its bytes are no archive, though their checksum matches.
    pub(super) is_broken: bool,
    /// First rows of the day after its period that it holds too.
    rows_across: usize,
    day_after: NaiveDate,
}

/// An archive in all versions that it ever has.
pub(super) struct Archive {
    pub(super) key: String,
    /// The number of its series.
    pub(super) series: usize,
    pub(super) versions: Vec<Version>,
    /// The version that was published last, and whether it is there no longer.
    pub(super) newest: Option<usize>,
    pub(super) is_withdrawn: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    Right,
    Wrong,
    Absent,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Publish {
        version: usize,
        checksum: Checksum,
    },
    /// The checksum of a version that is still published becomes right.
    Checksum {
        version: usize,
    },
    Withdraw,
}

impl Version {
    pub(super) fn new(
        series: Series,
        days: &[NaiveDate],
        revision: u64,
        random: &mut Random,
    ) -> Self {
        let is_month = days.len() > 1;
        let mut copies = BTreeMap::new();
        for day in days {
            if !is_month || copies.is_empty() || !random.percent(8) {
                copies.insert(*day, DayCopy::new(series, revision, random));
            }
        }
        let shuffled = random.percent(20).then(|| random.next());
        let is_broken = random.percent(4);
        let across = random.percent(30);
        let rows_across = usize::from(across) * 2;
        let day_after = match is_month {
            true => days[0].with_day(1).unwrap() + Months::new(1),
            false => days[0] + Days::new(1),
        };
        Self { days: copies, shuffled, is_broken, rows_across, day_after }
    }

    /// Returns whether it has rows of a day.
    pub(super) fn has(&self, day: NaiveDate) -> bool {
        self.days.contains_key(&day)
    }

    /// Returns its rows in the order in which they are published.
    fn rows(&self, series: Series, seed: u64) -> Vec<ModelRow> {
        let mut rows: Vec<_> =
            self.days.keys().flat_map(|day| self.rows_of(series, seed, *day)).collect();
        rows.extend(self.across(series, seed));
        if let Some(order) = self.shuffled {
            Random::new(order).shuffle(&mut rows);
        }
        rows
    }

    /// Returns the rows of the next day that it holds too.
    fn across(&self, series: Series, seed: u64) -> impl Iterator<Item = ModelRow> {
        (0..self.rows_across).map(move |index| series.row(seed, self.day_after, index, 0))
    }

    fn rows_of(&self, series: Series, seed: u64, day: NaiveDate) -> Vec<ModelRow> {
        let Some(copy) = self.days.get(&day) else { return Vec::new() };
        let (from, count) = copy.left_out;
        let kept = (0..series.rows_a_day()).filter(|row| !(from..from + count).contains(row));
        kept.map(|index| series.row(seed, day, index, copy.revision)).collect()
    }
}

impl DayCopy {
    fn new(series: Series, revision: u64, random: &mut Random) -> Self {
        let rows = series.rows_a_day();
        // At least one row of a day that is there at all.
        let some = 1 + random.below(rows - 1);
        let left_out = match random.below(100) {
            0..12 => (rows - some, some),
            12..20 => (random.below(rows - some), some),
            20..24 => (0, some),
            _ => (0, 0),
        };
        let revision = if random.percent(70) { revision } else { 0 };
        Self { revision, left_out }
    }
}

impl Archive {
    pub(super) fn change(
        &mut self,
        change: Change,
        seed: u64,
        time: DateTime<Utc>,
        server: &ArchiveServer,
    ) {
        match change {
            Change::Publish { version, checksum } => {
                self.newest = Some(version);
                self.is_withdrawn = false;
                server.put_at(&self.key, self.zip(version, seed), &time.to_rfc3339());
                self.put_checksum(checksum, version, seed, time, server);
            }
            Change::Checksum { version } => {
                if self.newest == Some(version) && !self.is_withdrawn {
                    self.put_checksum(Checksum::Right, version, seed, time, server);
                }
            }
            Change::Withdraw => {
                self.is_withdrawn = true;
                server.remove(&self.key);
                server.remove(&format!("{}.CHECKSUM", self.key));
            }
        }
    }

    pub(super) fn put_checksum(
        &self,
        checksum: Checksum,
        version: usize,
        seed: u64,
        time: DateTime<Utc>,
        server: &ArchiveServer,
    ) {
        let name = format!("{}.CHECKSUM", self.key);
        let bytes = match checksum {
            Checksum::Right => self.zip(version, seed),
            Checksum::Wrong => b"other bytes".to_vec(),
            Checksum::Absent => return server.remove(&name),
        };
        server.put_at(&name, checksum_text(&self.key, &bytes), &time.to_rfc3339());
    }

    fn zip(&self, version: usize, seed: u64) -> Vec<u8> {
        let version = &self.versions[version];
        if version.is_broken {
            return format!("no archive: {:?}", version.days.keys()).into_bytes();
        }
        let series = SERIES[self.series];
        series.zip(&self.key, &version.rows(series, seed))
    }

    /// Returns the versions that were published so far and can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = usize> {
        let published = self.newest.map_or(0, |newest| newest + 1);
        (0..published).filter(|version| !self.versions[*version].is_broken)
    }

    /// Returns the rows that a version has of a day.
    pub(super) fn rows_of(&self, version: usize, day: NaiveDate, seed: u64) -> Vec<ModelRow> {
        self.versions[version].rows_of(SERIES[self.series], seed, day)
    }

    /// Returns the rows of the next day or month that a version holds too.
    pub(super) fn rows_across(&self, version: usize, seed: u64) -> Vec<ModelRow> {
        self.versions[version].across(SERIES[self.series], seed).collect()
    }
}
