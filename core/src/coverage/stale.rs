//! Series whose newest day is older than it should be, for those who watch a lake that is kept up
//! to date.
//!
//! A series that has ended never becomes stale. Where the archive does not say so, one has ended
//! when others of its data type went on without it: if a refresh stops for all of them, none has.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::SeriesCoverage;
use crate::matrix::Matrix;
use crate::names::archive::Series;
use crate::names::market::{DataType, Frequency, Market};
use crate::names::period::Period;

/// Days for which others of its market and data type have to go on until a series has ended.
pub const ENDED_AFTER_DAYS: u64 = 30;

/// A series that ought to have newer days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleSeries {
    pub series: Series,
    /// The last day that is held.
    pub last: NaiveDate,
    /// The time since the end of that day or, where archives are of months only, since the end of
    /// the month after it.
    pub age: TimeDelta,
}

/// Returns the series whose newest day is older than `max_age`, in the given order. A day that is
/// not over is expected of none.
#[must_use]
pub fn stale_series(
    coverage: &[SeriesCoverage],
    matrix: &Matrix,
    now: DateTime<Utc>,
    max_age: TimeDelta,
) -> Vec<StaleSeries> {
    let newest = newest_days(coverage);
    let mut stale = Vec::new();
    for series in coverage.iter().filter(|series| series.behind > 0) {
        let Some(last) = series.last_of_all else { continue };
        let newest = newest.get(&group(&series.series)).copied().unwrap_or(last);
        if newest - last > TimeDelta::days(ENDED_AFTER_DAYS.cast_signed()) {
            continue;
        }
        let Some(due) = due(&series.series, last, matrix) else { continue };
        let age = now - due;
        if age > max_age {
            stale.push(StaleSeries { series: series.series.clone(), last, age });
        }
    }
    stale
}

fn newest_days(coverage: &[SeriesCoverage]) -> HashMap<(Market, &DataType), NaiveDate> {
    let mut newest = HashMap::new();
    for series in coverage {
        let Some(last) = series.last_of_all else { continue };
        let known = newest.entry(group(&series.series)).or_insert(last);
        *known = last.max(*known);
    }
    newest
}

const fn group(series: &Series) -> (Market, &DataType) {
    (series.market, &series.data_type)
}

/// Returns the time from which a series has the age of its newest day.
fn due(series: &Series, last: NaiveDate, matrix: &Matrix) -> Option<DateTime<Utc>> {
    let combination = matrix.get(series.market, &series.data_type);
    let daily = combination.and_then(|combination| combination.intervals(Frequency::Daily));
    let has_dailies = daily.is_some_and(|intervals| {
        series.interval.is_none_or(|interval| intervals.contains(&interval))
    });
    let last = if has_dailies { last } else { Period::month_of(last.succ_opt()?).end() };
    Some(last.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::stale_series;
    use crate::coverage::SeriesCoverage;
    use crate::matrix::Matrix;

    fn series(key: &str, behind: u64) -> SeriesCoverage {
        let key = Matrix::builtin().unwrap().identify(key).unwrap();
        SeriesCoverage {
            series: key.series().clone(),
            runs: Vec::new(),
            archives: 1,
            failed: 0,
            rows: 1,
            rejected_rows: 0,
            bytes: 1,
            behind,
            last_of_all: Some(key.period().end()),
        }
    }

    fn trades(symbol: &str, day: &str, behind: u64) -> SeriesCoverage {
        series(&format!("data/spot/daily/trades/{symbol}/{symbol}-trades-{day}.zip"), behind)
    }

    fn stale(coverage: &[SeriesCoverage], now: &str, hours: i64) -> Vec<String> {
        let matrix = Matrix::builtin().unwrap();
        let stale = stale_series(coverage, &matrix, now.parse().unwrap(), TimeDelta::hours(hours));
        let shown = stale.into_iter();
        shown.map(|it| format!("{} {} {}", it.series.symbol, it.last, it.age.num_hours())).collect()
    }

    #[test]
    fn a_series_is_stale_when_its_last_day_ended_too_long_ago() {
        let coverage = [trades("AUSDT", "2024-03-05", 2), trades("BUSDT", "2024-03-06", 1)];
        assert_eq!(stale(&coverage, "2024-03-08T06:00:00Z", 48), ["AUSDT 2024-03-05 54"]);
        assert_eq!(stale(&coverage, "2024-03-08T06:00:00Z", 54), [""; 0]);
    }

    #[test]
    fn a_series_that_others_went_on_without_has_ended() {
        let coverage = [trades("AUSDT", "2024-01-05", 62), trades("BUSDT", "2024-03-06", 1)];
        assert_eq!(stale(&coverage, "2024-03-08T06:00:00Z", 36), [""; 0]);
        // Nothing has ended where nothing went on.
        assert_eq!(stale(&coverage[..1], "2024-03-08T06:00:00Z", 36), ["AUSDT 2024-01-05 1494"]);
    }

    #[test]
    fn a_series_of_months_waits_for_the_end_of_the_next_month() {
        let rates = "data/futures/um/monthly/fundingRate/AUSDT/AUSDT-fundingRate-2024-01.zip";
        let coverage = [series(rates, 37)];
        assert_eq!(stale(&coverage, "2024-03-02T00:00:00Z", 36), [""; 0]);
        assert_eq!(stale(&coverage, "2024-03-03T00:00:00Z", 36), ["AUSDT 2024-01-31 48"]);
    }
}
