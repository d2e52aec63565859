//! Which expected archives are not published: an answer to a selection with bounded dates, not an
//! error.
//!
//! Only what can be there is expected: nothing before a combination began or after it ended, and no
//! day or month that is not over.

use chrono::NaiveDate;

use super::SeriesArchive;
use crate::matrix::{Combination, Status};
use crate::names::archive::Series;
use crate::names::market::Frequency;
use crate::names::period::{DateRange, Period};
use crate::selection::{Target, Targets};

/// Archives of one series that the dates made expect, and that are not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub series: Series,
    pub frequency: Frequency,
    /// Days, or whole months, in order.
    pub ranges: Vec<DateRange>,
    /// How many archives the ranges stand for.
    pub archives: usize,
}

/// Finds what a series lacks; members are in the order of their periods.
pub(super) fn of_series(
    targets: &Targets,
    target: &Target,
    series: &Series,
    members: &[SeriesArchive<'_>],
    today: NaiveDate,
) -> Option<Missing> {
    let dates = expected_dates(targets.dates, &target.combination, today)?;
    let takes =
        |frequency| targets.frequency.allows(frequency) && target.expects(series, frequency);
    let frequency = if takes(Frequency::Daily) { Frequency::Daily } else { Frequency::Monthly };
    let mut published =
        members.iter().map(|member| member.period).filter(|at| takes(at.frequency()));
    let covered = |period: Period| {
        let has =
            |wanted: Period| members.binary_search_by_key(&wanted, |member| member.period).is_ok();
        has(period) || takes(Frequency::Monthly) && has(period.month())
    };
    published.next()?;
    let absent =
        dates.periods(frequency).filter(|period| period.end() < today && !covered(*period));
    Missing::new(series, frequency, absent)
}

/// Finds what a series lacks that has nothing published at all.
pub(super) fn of_absent_series(
    targets: &Targets,
    target: &Target,
    series: &Series,
    today: NaiveDate,
) -> Option<Missing> {
    let dates = expected_dates(targets.dates, &target.combination, today)?;
    let daily =
        targets.frequency.allows(Frequency::Daily) && target.expects(series, Frequency::Daily);
    let frequency = if daily { Frequency::Daily } else { Frequency::Monthly };
    Missing::new(series, frequency, dates.periods(frequency).filter(|period| period.end() < today))
}

impl Missing {
    fn new(
        series: &Series,
        frequency: Frequency,
        periods: impl Iterator<Item = Period>,
    ) -> Option<Self> {
        let mut missing =
            Self { series: series.clone(), frequency, ranges: Vec::new(), archives: 0 };
        let mut expected_next = None;
        for period in periods {
            match missing.ranges.last_mut() {
                Some(range) if expected_next == Some(period) => range.end = Some(period.end()),
                _ => missing.ranges.push(period.days()),
            }
            missing.archives += 1;
            expected_next = Some(period.next());
        }
        (missing.archives > 0).then_some(missing)
    }
}

/// Returns the days in which archives can be, or nothing if the selection has an open end.
fn expected_dates(dates: DateRange, row: &Combination, today: NaiveDate) -> Option<DateRange> {
    dates.start.zip(dates.end)?;
    let ended = match row.status {
        Status::Active => today,
        Status::Ended(end) => end,
        Status::Withdrawn | Status::Never => return None,
    };
    let dates = dates.intersect(DateRange { start: row.since, end: Some(ended) });
    (dates.start <= dates.end).then_some(dates)
}
