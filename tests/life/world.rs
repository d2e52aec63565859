//! The world that a lake lives in: what is published of every series, when, in which versions, with
//! which faults; all of it a function of the seed.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};

use crate::support::archive_server::{ArchiveServer, checksum_text};
use crate::support::market_model::{ModelRow, SERIES, Series};
use crate::support::random::Random;

/// The first day that is traded. A month ends soon after it, so that short lives have one too.
const FIRST_DAY: (i32, u32, u32) = (2024, 2, 24);
/// Days after the last one until everything that comes late has come.
const LATEST: u64 = 80;

/// Features that the program is known not to cope with yet; the world leaves them out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    /// Archives also hold the first rows of the next day or month, which are in its own archive
    /// too.
    pub(super) rows_across_edges: bool,
}

/// What one version of an archive has of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DayCopy {
    revision: u64,
    /// Rows that are left out: from, and how many.
    left_out: (usize, usize),
}

/// One version of an archive.
#[derive(Clone, Debug)]
struct Version {
    days: BTreeMap<NaiveDate, DayCopy>,
    /// Seed of another order of its rows.
    shuffled: Option<u64>,
    /// Its bytes are no archive, though their checksum matches.
    is_broken: bool,
    /// First rows of the day after its period that it holds too.
    rows_across: usize,
}

/// An archive in all versions that it ever has.
pub(super) struct Archive {
    pub(super) key: String,
    /// The number of its series.
    pub(super) series: usize,
    versions: Vec<Version>,
    /// The version that was published last, and whether it is there no longer.
    pub(super) newest: Option<usize>,
    pub(super) is_withdrawn: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksum {
    Right,
    Wrong,
    Absent,
}

#[derive(Clone, Copy, Debug)]
enum Change {
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

#[derive(Clone, Copy, Debug)]
struct Event {
    day: NaiveDate,
    archive: usize,
    change: Change,
}

/// Everything that is ever published.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) days: Vec<NaiveDate>,
    pub(super) archives: Vec<Archive>,
    events: Vec<Event>,
    happened: usize,
}

impl World {
    pub(super) fn new(seed: u64, days: u64, features: Features) -> Self {
        let (year, month, day) = FIRST_DAY;
        let first = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let days: Vec<_> = (0..days).map(|number| first + Days::new(number)).collect();
        let mut world = Self { seed, days, archives: Vec::new(), events: Vec::new(), happened: 0 };
        for series in 0..SERIES.len() {
            let mut random = Random::at(seed, &[1, series as u64]);
            world.add_days(series, &mut random, features);
            world.add_months(series, &mut random, features);
        }
        world.events.sort_by_key(|event| event.day);
        world
    }

    /// Returns the day on which nothing happens any more.
    pub(super) fn end(&self) -> NaiveDate {
        *self.days.last().unwrap() + Days::new(LATEST)
    }

    /// Returns every day of every series.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, NaiveDate)> {
        (0..SERIES.len()).flat_map(|series| self.days.iter().map(move |day| (series, *day)))
    }

    /// Returns the archives that have rows of a day in the version that was published last, with
    /// that version.
    pub(super) fn copies(
        &self,
        (series, day): (usize, NaiveDate),
    ) -> impl Iterator<Item = (&Archive, usize)> {
        let of_series = self.archives.iter().filter(move |archive| archive.series == series);
        let newest = of_series.filter_map(|archive| Some((archive, archive.newest?)));
        newest.filter(move |(archive, version)| archive.versions[*version].days.contains_key(&day))
    }

    fn add_days(&mut self, series: usize, random: &mut Random, features: Features) {
        for day in self.days.clone() {
            let Some(key) = SERIES[series].daily_key(day) else { continue };
            let first_out = match random.below(100) {
                0..70 => 1,
                70..93 => 2 + random.below(5) as u64,
                93..97 => 30,
                _ => continue,
            };
            let plan = Publication { first_out: day + Days::new(first_out), corrected: 25 };
            self.add(series, key, &[day], plan, random, features);
        }
    }

    fn add_months(&mut self, series: usize, random: &mut Random, features: Features) {
        for days in self.days.clone().chunk_by(|a, b| a.month() == b.month()) {
            let month = days[0].with_day(1).unwrap();
            let Some(key) = SERIES[series].monthly_key(month) else { continue };
            let end = month + Months::new(1);
            let first_out = end + Days::new(random.below(5) as u64);
            let plan = Publication { first_out, corrected: 50 };
            self.add(series, key, days, plan, random, features);
        }
    }

    fn add(
        &mut self,
        series: usize,
        key: String,
        days: &[NaiveDate],
        plan: Publication,
        random: &mut Random,
        features: Features,
    ) {
        let archive = self.archives.len();
        let make = |number: usize, random: &mut Random| {
            Version::new(SERIES[series], days, number as u64, random, features)
        };
        let mut versions = vec![make(0, random)];
        let mut at = plan.first_out;
        self.publish(archive, at, 0, versions[0].is_broken, random);
        while versions.last().unwrap().is_broken || random.percent(plan.corrected) {
            let number = versions.len();
            at = at + Days::new(1 + random.below(5) as u64);
            let mut version = make(number, random);
            version.is_broken &= number < 3;
            self.publish(archive, at, number, version.is_broken, random);
            versions.push(version);
            if number == 4 {
                break;
            }
        }
        self.withdraw(archive, at, versions.len() - 1, random);
        let newest = None;
        self.archives.push(Archive { key, series, versions, newest, is_withdrawn: false });
    }

    /// Plans that a version is published, perhaps with a checksum that is put right later.
    fn publish(
        &mut self,
        archive: usize,
        day: NaiveDate,
        version: usize,
        is_broken: bool,
        random: &mut Random,
    ) {
        let checksum = match random.below(100) {
            _ if is_broken => Checksum::Right,
            0..8 => Checksum::Wrong,
            8..12 => Checksum::Absent,
            _ => Checksum::Right,
        };
        self.events.push(Event { day, archive, change: Change::Publish { version, checksum } });
        if checksum != Checksum::Right {
            let later = day + Days::new(1 + random.below(3) as u64);
            let change = Change::Checksum { version };
            self.events.push(Event { day: later, archive, change });
        }
    }

    /// Plans that an archive is withdrawn after its last version, perhaps for some days only.
    fn withdraw(&mut self, archive: usize, last: NaiveDate, version: usize, random: &mut Random) {
        if !random.percent(5) {
            return;
        }
        let day = last + Days::new(4 + random.below(4) as u64);
        self.events.push(Event { day, archive, change: Change::Withdraw });
        if random.percent(50) {
            let day = day + Days::new(1 + random.below(4) as u64);
            let change = Change::Publish { version, checksum: Checksum::Right };
            self.events.push(Event { day, archive, change });
        }
    }

    /// Makes everything happen that is due until a day, and returns how much that was.
    pub(super) fn live_until(&mut self, day: NaiveDate, server: &ArchiveServer) -> usize {
        let before = self.happened;
        while let Some(event) = self.events.get(self.happened).filter(|event| event.day <= day) {
            let second = TimeDelta::seconds(self.happened as i64 % 3600);
            let time = event.day.and_hms_opt(4, 0, 0).unwrap().and_utc() + second;
            let seed = self.seed;
            self.archives[event.archive].change(event.change, seed, time, server);
            self.happened += 1;
        }
        self.happened - before
    }
}

/// When an archive is published, and how likely it is that it is corrected.
#[derive(Clone, Copy)]
struct Publication {
    first_out: NaiveDate,
    corrected: usize,
}

impl Version {
    fn new(
        series: Series,
        days: &[NaiveDate],
        revision: u64,
        random: &mut Random,
        features: Features,
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
        let across = random.percent(30) && features.rows_across_edges;
        Self { days: copies, shuffled, is_broken, rows_across: usize::from(across) * 2 }
    }

    /// Returns its rows in the order in which they are published.
    fn rows(&self, series: Series, seed: u64) -> Vec<ModelRow> {
        let mut rows: Vec<_> =
            self.days.keys().flat_map(|day| self.rows_of(series, seed, *day)).collect();
        let next = *self.days.keys().next_back().unwrap() + Days::new(1);
        rows.extend((0..self.rows_across).map(|index| series.row(seed, next, index, 0)));
        if let Some(order) = self.shuffled {
            Random::new(order).shuffle(&mut rows);
        }
        rows
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
    fn change(&mut self, change: Change, seed: u64, time: DateTime<Utc>, server: &ArchiveServer) {
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

    fn put_checksum(
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
}
