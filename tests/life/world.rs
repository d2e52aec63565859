//! The world that a lake lives in: what is published of every series, when, in which versions, with
//! which faults; all of it a function of the seed.

use chrono::{Datelike, Days, Months, NaiveDate, TimeDelta};

use super::archive::{Archive, Change, Checksum, Version};
use crate::support::archive_server::ArchiveServer;
use crate::support::market_model::SERIES;
use crate::support::random::Random;

/// The first day that is traded. A month ends soon after it, so that short lives have one too.
const FIRST_DAY: (i32, u32, u32) = (2024, 2, 24);
/// Days after the last one until everything that comes late has come.
const LATEST: u64 = 80;

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
    pub(super) fn new(seed: u64, days: u64) -> Self {
        let (year, month, day) = FIRST_DAY;
        let first = NaiveDate::from_ymd_opt(year, month, day).unwrap();
        let days: Vec<_> = (0..days).map(|number| first + Days::new(number)).collect();
        let mut world = Self { seed, days, archives: Vec::new(), events: Vec::new(), happened: 0 };
        for series in 0..SERIES.len() {
            let mut random = Random::at(seed, &[1, series as u64]);
            world.add_days(series, &mut random);
            world.add_months(series, &mut random);
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
        newest.filter(move |(archive, version)| archive.versions[*version].has(day))
    }

    fn add_days(&mut self, series: usize, random: &mut Random) {
        for day in self.days.clone() {
            let Some(key) = SERIES[series].daily_key(day) else { continue };
            let first_out = match random.below(100) {
                0..70 => 1,
                70..93 => 2 + random.below(5) as u64,
                93..97 => 30,
                _ => continue,
            };
            let plan = Publication { first_out: day + Days::new(first_out), corrected: 25 };
            self.add(series, key, &[day], plan, random);
        }
    }

    fn add_months(&mut self, series: usize, random: &mut Random) {
        for days in self.days.clone().chunk_by(|a, b| a.month() == b.month()) {
            let month = days[0].with_day(1).unwrap();
            let Some(key) = SERIES[series].monthly_key(month) else { continue };
            let end = month + Months::new(1);
            let first_out = end + Days::new(random.below(5) as u64);
            let plan = Publication { first_out, corrected: 50 };
            self.add(series, key, days, plan, random);
        }
    }

    fn add(
        &mut self,
        series: usize,
        key: String,
        days: &[NaiveDate],
        plan: Publication,
        random: &mut Random,
    ) {
        let archive = self.archives.len();
        let make = |number: usize, random: &mut Random| {
            Version::new(SERIES[series], days, number as u64, random)
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
