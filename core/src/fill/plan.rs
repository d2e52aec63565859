//! What is missing of each series, and the requests that bring exactly that.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::endpoint::{Endpoint, Endpoints};
use super::range::{TimeRange, joined, without};
use crate::names::archive::Series;
use crate::names::market::{DataType, Interval, Market};
use crate::names::period::DateRange;

/// Days that are filled by default: as many as a refresh looks back.
pub const LONGEST_WINDOW: u64 = 45;

const DAY: TimeDelta = TimeDelta::days(1);
const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

/// What the lake has of a series. All times are those of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesState {
    pub series: Series,
    /// The first day of its first archive in the lake: nothing before it is missing.
    pub first_day: NaiveDate,
    /// The days that archives own; those before the window may be left out.
    pub owned: BTreeSet<NaiveDate>,
    /// The time that provisional rows cover.
    pub recent: Vec<TimeRange>,
    /// The time that the archive lacks although it owns the days.
    pub gaps: Vec<TimeRange>,
}

/// What is missing of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesFill {
    pub series: Series,
    /// Sorted, and none touches another.
    pub missing: Vec<TimeRange>,
}

/// One request for rows of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiRequest {
    pub series: Series,
    /// The time whose rows are wanted; a bar belongs to its last instant, and so does a row of what
    /// has a grid.
    pub range: TimeRange,
    /// The first time at which a row that is wanted may begin: a bar of several days begins before
    /// its last day.
    pub first: DateTime<Utc>,
    /// Rows that are requested at most.
    pub rows: u32,
    pub weight: u32,
}

/// What is requested of the API, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FillPlan {
    pub series: Vec<SeriesFill>,
    pub requests: Vec<ApiRequest>,
    /// How many series the API does not have, by data type.
    pub unavailable: BTreeMap<(Market, DataType), usize>,
}

impl FillPlan {
    /// Plans the days of `days` that no archive owns up to `now`, and the gaps of the days that
    /// archives own, without what is provisional already.
    #[must_use]
    pub fn new(
        states: &[SeriesState],
        endpoints: &Endpoints,
        days: DateRange,
        now: DateTime<Utc>,
    ) -> Self {
        let mut plan = Self::default();
        for state in states {
            let Series { market, data_type, .. } = &state.series;
            let endpoint = endpoints.get(*market, data_type);
            let has = |endpoint: &&Endpoint| endpoint.symbol_of(&state.series).is_some();
            let Some(endpoint) = endpoint.filter(has) else {
                *plan.unavailable.entry((*market, data_type.clone())).or_default() += 1;
                continue;
            };
            let missing = missing(state, endpoint, days, now);
            if missing.is_empty() {
                continue;
            }
            for range in &missing {
                plan.requests.extend(requests(&state.series, endpoint, *range));
            }
            plan.series.push(SeriesFill { series: state.series.clone(), missing });
        }
        plan
    }

    /// Returns the weight of all requests.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.requests.iter().map(|request| u64::from(request.weight)).sum()
    }
}

fn missing(
    state: &SeriesState,
    endpoint: &Endpoint,
    days: DateRange,
    now: DateTime<Utc>,
) -> Vec<TimeRange> {
    let today = now.date_naive();
    let last_day = days.end.map_or(today, |end| end.min(today));
    let window = today.checked_sub_days(Days::new(LONGEST_WINDOW)).unwrap_or(today);
    let mut day = days.start.unwrap_or(window).max(state.first_day);
    let mut ranges = state.gaps.clone();
    while day <= last_day {
        if !state.owned.contains(&day) {
            ranges.push(TimeRange::day(day));
        }
        day = day.succ_opt().unwrap_or(NaiveDate::MAX);
    }
    let step = endpoint.step_of(&state.series);
    let complete = complete_until(step, now);
    let kept = endpoint.history.map(|days| first_kept(step, now - TimeDelta::days(days.into())));
    for range in &mut ranges {
        range.until = range.until.min(complete);
        range.from = kept.map_or(range.from, |kept| range.from.max(kept));
    }
    without(&joined(ranges), &joined(state.recent.clone()))
}

/// Returns the end of the last row that is over, where rows divide the day.
fn complete_until(step: Option<TimeDelta>, now: DateTime<Utc>) -> DateTime<Utc> {
    let Some(step) = step else { return now };
    let midnight = TimeRange::day(now.date_naive()).from;
    let rows = (now - midnight).num_seconds().div_euclid(step.num_seconds());
    midnight + step * i32::try_from(rows).unwrap_or_default()
}

/// Returns when the first row begins that the API still has, if it has what is after `oldest`.
fn first_kept(step: Option<TimeDelta>, oldest: DateTime<Utc>) -> DateTime<Utc> {
    // One more, since the time goes on between the plan and the request.
    step.map_or(oldest, |step| complete_until(Some(step), oldest) + step * 2)
}

/// Returns the length of bars that divide the day, each of which belongs to one.
pub(super) fn within_a_day(interval: Interval) -> Option<TimeDelta> {
    let seconds = interval.seconds()?;
    (DAY.num_seconds() % seconds == 0).then(|| TimeDelta::seconds(seconds))
}

fn requests(series: &Series, endpoint: &Endpoint, range: TimeRange) -> Vec<ApiRequest> {
    let step = endpoint.step_of(series);
    let span = span(step, endpoint);
    let mut requests = Vec::new();
    let mut from = range.from;
    while from < range.until {
        let until = span.map_or(range.until, |span| range.until.min(from + span));
        let range = TimeRange { from, until };
        let rows = rows(series.interval, step, range).map_or(endpoint.limit, |rows| {
            u32::try_from(rows).unwrap_or(endpoint.limit).min(endpoint.limit)
        });
        let first = from - before_last_instant(series.interval);
        let weight = endpoint.weight(rows);
        requests.push(ApiRequest { series: series.clone(), range, first, rows, weight });
        from = until;
    }
    requests
}

/// Returns the longest time that one request may span.
fn span(step: Option<TimeDelta>, endpoint: &Endpoint) -> Option<TimeDelta> {
    let limit = i32::try_from(endpoint.limit).unwrap_or(i32::MAX);
    step.map(|step| step * limit).into_iter().chain(endpoint.longest).min()
}

/// Returns how many rows a range can have; nothing where they are not at fixed times.
fn rows(interval: Option<Interval>, step: Option<TimeDelta>, range: TimeRange) -> Option<i64> {
    let longer = || Some(interval?.seconds().unwrap_or(28 * DAY.num_seconds()));
    let length = step.map(|step| step.num_seconds()).or_else(longer)?;
    let seconds = (range.until - range.from).num_seconds();
    let whole = seconds.div_euclid(length) + i64::from(seconds.rem_euclid(length) > 0);
    // A longer bar may begin before the range and another one after its last whole one.
    let more = if step.is_some() { 0 } else { 1 };
    Some(whole + more)
}

/// Returns how long before its last instant a bar may begin that is not of one day.
fn before_last_instant(interval: Option<Interval>) -> TimeDelta {
    let Some(interval) = interval else { return TimeDelta::zero() };
    if within_a_day(interval).is_some() {
        return TimeDelta::zero();
    }
    let length = interval.seconds().map_or(DAY * 31, TimeDelta::seconds);
    length - MILLISECOND
}
