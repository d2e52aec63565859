//! Signs that a month's own archive is not whole, read from its ledger row alone.
//!
//! They need not be right: a wrong sign costs the download of a day once, and the decision is made
//! by measurement.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::ledger::LedgerEntry;
use crate::names::market::Interval;

/// Returns whether rows of `date` seem to be missing from the archive of a month that has rows of
/// it.
pub(super) fn rows(month: &LedgerEntry, date: NaiveDate) -> bool {
    let Some((first, last)) = month.min_time.zip(month.max_time) else { return false };
    let hour = TimeDelta::hours(1);
    let bar = month.key.interval().and_then(Interval::seconds).map(TimeDelta::seconds);
    let tolerance = bar.unwrap_or(hour).max(hour);
    let starts_late = first.date_naive() == date && first - start_of(date) > tolerance;
    let end = date.checked_add_days(Days::new(1)).map_or(last, start_of);
    let ends_early = last.date_naive() == date && end - last > tolerance;
    starts_late || ends_early || bar.is_some_and(|bar| lacks_bars(month, bar, first, last))
}

/// Counts the bars between the first and the last on the days that the archive owns.
fn lacks_bars(
    month: &LedgerEntry,
    bar: TimeDelta,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> bool {
    let bars_of = |date: NaiveDate| {
        let end = date.checked_add_days(Days::new(1)).map_or(last, start_of);
        let (from, to) = (start_of(date).max(first), end.min(last + bar));
        (to - from).num_seconds().max(0) / bar.num_seconds().max(1)
    };
    let expected: i64 = month.owned_days().dates(month.key.period()).map(bars_of).sum();
    month.rows < expected.unsigned_abs()
}

fn start_of(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}
