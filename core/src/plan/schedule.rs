//! Which series a refresh looks at, where a lake has too many of them to look at all each time.
//!
//! New days are looked for each time, and everything else at intervals: corrections of series that
//! go on within a day, series without a new archive for 30 days within a week. A listing shows both
//! at once, so a series is listed when either is due. What is not due for a new archive has its own
//! moment of the day or the week, by a hash of its name, so that the work is spread over all
//! refreshes.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::matrix::Matrix;
use crate::names::archive::Series;
use crate::names::market::Frequency;
use crate::names::period::Period;
use crate::names::shard::hash;

/// Days that a new archive is overdue after which a series is dormant.
pub const DORMANT_AFTER_DAYS: i64 = 30;

/// How often something is looked at, and after how long in any case, with some hours less for
/// refreshes that begin a little earlier than the day before.
#[derive(Clone, Copy, Debug)]
struct Rhythm {
    hours: i64,
    hours_at_most: i64,
}

/// Corrections of series that go on.
const DAILY: Rhythm = Rhythm { hours: 24, hours_at_most: 20 };
/// Series that are dormant.
const WEEKLY: Rhythm = Rhythm { hours: 7 * 24, hours_at_most: 7 * 24 - 4 };

/// What was found when a series was listed the last time at one frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastLook {
    pub at: DateTime<Utc>,
    /// Of the newest archive that is known.
    pub newest: Option<Period>,
}

impl LastLook {
    /// Returns whether an archive may have been published that was not then: its period is over.
    fn may_have_more(&self, now: DateTime<Utc>) -> bool {
        self.newest.is_none_or(|newest| newest.next().end() < now.date_naive())
    }

    /// Returns whether no archive has come for so long that none is likely to.
    #[must_use]
    pub fn is_dormant(&self, now: DateTime<Utc>) -> bool {
        self.newest.is_none_or(|newest| is_dormant(newest, now))
    }
}

/// Returns whether a series is dormant whose newest archive is of this period.
#[must_use]
pub fn is_dormant(newest: Period, now: DateTime<Utc>) -> bool {
    (now.date_naive() - newest.next().end()).num_days() > DORMANT_AFTER_DAYS
}

/// The last looks at all series of a lake, and the time now.
#[derive(Clone, Debug)]
pub struct Schedule {
    now: DateTime<Utc>,
    looks: HashMap<Series, Looks>,
}

/// The last looks at one series, by frequency.
type Looks = [Option<LastLook>; Frequency::ALL.len()];

impl Schedule {
    /// Begins a schedule in which everything is due.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { now, looks: HashMap::new() }
    }

    /// Takes a look into account.
    pub fn add(&mut self, series: Series, frequency: Frequency, look: LastLook) {
        let looks = self.looks.entry(series).or_default();
        if let Some(place) = looks.get_mut(frequency as usize) {
            *place = Some(look);
        }
    }

    /// Returns whether a series is to be listed at a frequency.
    #[must_use]
    pub fn is_due(&self, series: &Series, frequency: Frequency) -> bool {
        let Some(looks) = self.looks.get(series) else { return true };
        let is_due = |frequency| self.is_due_by_itself(series, looks, frequency);
        match frequency {
            Frequency::Monthly => is_due(Frequency::Monthly),
            // A month is compared with its days, and so both are listed.
            Frequency::Daily => {
                let has_months =
                    looks.get(Frequency::Monthly as usize).is_some_and(Option::is_some);
                let with_month = has_months && goes_on(looks, self.now);
                is_due(Frequency::Daily) || with_month && is_due(Frequency::Monthly)
            }
        }
    }

    fn is_due_by_itself(&self, series: &Series, looks: &Looks, frequency: Frequency) -> bool {
        let Some(look) = looks.get(frequency as usize).copied().flatten() else { return true };
        if look.is_dormant(self.now) {
            return self.has_passed(WEEKLY, series, look.at);
        }
        // New days come with the dailies, so that their month may come a day later.
        let waits = frequency == Frequency::Monthly && goes_on(looks, self.now);
        (!waits && look.may_have_more(self.now)) || self.has_passed(DAILY, series, look.at)
    }

    /// Returns whether the moment of a series has passed since it was looked at.
    fn has_passed(&self, rhythm: Rhythm, series: &Series, last: DateTime<Utc>) -> bool {
        let period = TimeDelta::hours(rhythm.hours).num_seconds();
        let moment = i64::try_from(hash(series) % period.unsigned_abs()).unwrap_or_default();
        let round = |time: DateTime<Utc>| (time.timestamp() - moment).div_euclid(period);
        // A look of the future is one of a clock that was wrong.
        last > self.now
            || self.now - last >= TimeDelta::hours(rhythm.hours_at_most)
            || round(last) < round(self.now)
    }
}

/// Returns whether a series has new days.
fn goes_on(looks: &Looks, now: DateTime<Utc>) -> bool {
    let daily = looks.get(Frequency::Daily as usize).copied().flatten();
    daily.is_some_and(|daily| !daily.is_dormant(now))
}

/// Returns how many folders of archives some series have: one for each frequency.
pub fn folders<'a>(series: impl Iterator<Item = &'a Series>, matrix: &Matrix) -> usize {
    let mut folders = 0;
    for series in series {
        let row = matrix.get(series.market, &series.data_type);
        let has =
            |frequency: &&Frequency| row.is_some_and(|it| it.intervals(**frequency).is_some());
        folders += Frequency::ALL.iter().filter(has).count();
    }
    folders
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    const SERIES: usize = 400;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn series(number: usize) -> Series {
        let name = format!("S{number}USDT");
        let key = format!("data/spot/daily/trades/{name}/{name}-trades-2026-05-08.zip");
        Matrix::builtin().unwrap().identify(&key).unwrap().series().clone()
    }

    /// Series that are looked at by schedule, and what is found: a day is published at 4 o'clock
    /// of the next, a month at the third of the next.
    struct World {
        series: Vec<Series>,
        /// The last day that is traded.
        ends: NaiveDate,
        looks: HashMap<(usize, Frequency), LastLook>,
    }

    impl World {
        fn new(ends: &str) -> Self {
            let series = (0..SERIES).map(series).collect();
            Self { series, ends: ends.parse().unwrap(), looks: HashMap::new() }
        }

        fn newest(&self, frequency: Frequency, now: DateTime<Utc>) -> Period {
            let published = match frequency {
                Frequency::Daily => (now - TimeDelta::hours(28)).date_naive(),
                Frequency::Monthly => {
                    Period::month_of((now - TimeDelta::days(3)).date_naive()).previous().end()
                }
            };
            Period::containing(published.min(self.ends), frequency)
        }

        /// Refreshes, and returns how many folders were listed at a frequency.
        fn refresh(&mut self, now: DateTime<Utc>) -> HashMap<Frequency, usize> {
            let mut schedule = Schedule::new(now);
            for ((number, frequency), look) in &self.looks {
                schedule.add(self.series[*number].clone(), *frequency, *look);
            }
            let mut listed = HashMap::new();
            for (number, series) in self.series.iter().enumerate() {
                for frequency in Frequency::ALL {
                    if schedule.is_due(series, frequency) {
                        let newest = Some(self.newest(frequency, now));
                        self.looks.insert((number, frequency), LastLook { at: now, newest });
                        *listed.entry(frequency).or_default() += 1;
                    }
                }
            }
            listed
        }
    }

    fn at(listed: &HashMap<Frequency, usize>, frequency: Frequency) -> usize {
        listed.get(&frequency).copied().unwrap_or_default()
    }

    #[test]
    fn every_refresh_finds_new_days_and_each_series_is_looked_at_within_a_day() {
        let mut world = World::new("2030-01-01");
        let start = time("2026-05-10T01:00:00Z");
        world.refresh(start);
        for round in 1..=40 {
            let now = start + TimeDelta::hours(6 * round);
            let listed = world.refresh(now);
            // A day is published between the first two refreshes of the next.
            let of_days = at(&listed, Frequency::Daily);
            match (6 * round + 1) % 24 {
                1 | 7 => assert_eq!(of_days, SERIES, "{now}"),
                _ => assert!(of_days <= SERIES * 2 / 5, "{now}: {listed:?}"),
            }
            assert!(at(&listed, Frequency::Monthly) <= SERIES * 2 / 5, "{now}: {listed:?}");
            for (place, look) in &world.looks {
                assert!(now - look.at < TimeDelta::hours(24), "{now}: {place:?} {look:?}");
                if place.1 == Frequency::Daily {
                    assert_eq!(look.newest, Some(world.newest(Frequency::Daily, now)), "{now}");
                }
            }
        }
    }

    #[test]
    fn a_dormant_series_is_looked_at_within_a_week_and_the_work_is_spread_over_it() {
        let mut world = World::new("2025-01-31");
        let start = time("2026-05-10T01:00:00Z");
        world.refresh(start);
        for round in 1..=60 {
            let now = start + TimeDelta::hours(6 * round);
            let listed = world.refresh(now);
            let folders = at(&listed, Frequency::Daily) + at(&listed, Frequency::Monthly);
            assert!(folders < 2 * SERIES / 28 * 2, "{now}: {listed:?}");
            for (place, look) in &world.looks {
                assert!(now - look.at <= TimeDelta::days(7), "{now}: {place:?} {look:?}");
            }
        }
    }

    #[test]
    fn what_was_never_looked_at_or_in_the_future_is_due() {
        let now = time("2026-05-10T07:00:00Z");
        let mut schedule = Schedule::new(now);
        assert!(schedule.is_due(&series(1), Frequency::Daily));
        let newest = Some("2026-05-09".parse().unwrap());
        schedule.add(series(1), Frequency::Daily, LastLook { at: now, newest });
        assert!(schedule.is_due(&series(1), Frequency::Monthly));
        let monthly = LastLook { at: now, newest: Some("2026-04".parse().unwrap()) };
        schedule.add(series(1), Frequency::Monthly, monthly);
        assert!(!schedule.is_due(&series(1), Frequency::Daily));
        let at = now + TimeDelta::hours(1);
        schedule.add(series(1), Frequency::Daily, LastLook { at, newest });
        assert!(schedule.is_due(&series(1), Frequency::Daily));
    }
}
