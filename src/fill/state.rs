//! What the lake has of each series: days that archives own, provisional rows, and gaps.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use lakehouse_core::fill::{Endpoint, LONGEST_WINDOW, SeriesState, TimeRange};
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::period::Period;
use serde::Deserialize;

use super::{Fill, FillError};
use crate::query::{QueryError, Session, SessionOptions, text_literal};
use crate::recent::table_name;
use crate::storage::lake::{Layer, TableName};

/// How long before the days that are filled a series may have ended: months are published late.
const ENDED: u64 = 31;
/// The classes of gaps that the archive has, and not the exchange.
const OF_THE_ARCHIVE: [&str; 4] =
    ["archive_cut_short", "not_published", "archive_failed", "rejected_rows"];

/// The last millisecond of a bar is the end of the time that it covers.
const LAST: TimeDelta = TimeDelta::milliseconds(1);

/// Returns the versions of the tables of provisional rows that exist.
pub(super) async fn versions(fill: &Fill) -> Result<BTreeMap<String, i64>, FillError> {
    let session = Session::open(&fill.lake, SessionOptions::default())?;
    let mut versions = BTreeMap::new();
    for schema in fill.endpoints.iter().map(|endpoint| &endpoint.schema) {
        // Markets share tables.
        if versions.contains_key(schema.table()) {
            continue;
        }
        if let Some(table) = session.catalog().open(&table_name(schema)).await? {
            let version = i64::try_from(table.snapshot().version()).unwrap_or(i64::MAX);
            versions.insert(schema.table().to_owned(), version);
        }
    }
    Ok(versions)
}

/// Reads the series of the lake that are meant and go on, or have gaps.
pub(super) async fn read(fill: &Fill, now: DateTime<Utc>) -> Result<Vec<SeriesState>, FillError> {
    let session = Session::open(&fill.lake, SessionOptions::default())?;
    let today = now.date_naive();
    let window = today.checked_sub_days(Days::new(LONGEST_WINDOW)).unwrap_or(today);
    let begin = fill.days.start.unwrap_or(window).min(today);
    let reader = Reader { fill, session, since: days_before(begin, ENDED) };
    let mut states = Vec::new();
    for endpoint in fill.endpoints.iter() {
        states.extend(reader.of_endpoint(endpoint).await?);
    }
    Ok(states)
}

fn days_before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(date)
}

/// A series as a row names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct SeriesName {
    symbol: String,
    #[serde(default)]
    bar_interval: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Known {
    #[serde(flatten)]
    series: SeriesName,
    first_day: NaiveDate,
    last_day: NaiveDate,
}

#[derive(Debug, Deserialize)]
struct Owned {
    #[serde(flatten)]
    series: SeriesName,
    period_start: NaiveDate,
    frequency: String,
    #[serde(default)]
    owned_days: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Stretch {
    #[serde(flatten)]
    series: SeriesName,
    from_time: DateTime<Utc>,
    to_time: DateTime<Utc>,
}

struct Reader<'a> {
    fill: &'a Fill,
    session: Session,
    /// Archives that ended before are not looked at.
    since: NaiveDate,
}

impl Reader<'_> {
    async fn of_endpoint(&self, endpoint: &Endpoint) -> Result<Vec<SeriesState>, QueryError> {
        let gaps = ranges(self.gaps(endpoint).await?, Stretch::with_last_bar);
        let mut states = BTreeMap::new();
        for known in self.known(endpoint).await? {
            let Some(series) = known.series.of(endpoint) else { continue };
            let goes_on = known.last_day >= self.since || gaps.contains_key(&known.series);
            if goes_on && self.fill.scope.has_series(&series) {
                let state = SeriesState {
                    series,
                    first_day: known.first_day,
                    owned: BTreeSet::new(),
                    recent: Vec::new(),
                    gaps: gaps.get(&known.series).cloned().unwrap_or_default(),
                };
                states.insert(known.series, state);
            }
        }
        if states.is_empty() {
            return Ok(Vec::new());
        }
        for owned in self.owned(endpoint).await? {
            if let Some(state) = states.get_mut(&owned.series) {
                state.owned.extend(owned.days());
            }
        }
        for (series, recent) in ranges(self.recent(endpoint).await?, Stretch::covered) {
            if let Some(state) = states.get_mut(&series) {
                state.recent = recent;
            }
        }
        Ok(states.into_values().collect())
    }

    async fn known(&self, endpoint: &Endpoint) -> Result<Vec<Known>, QueryError> {
        let sql = format!(
            "SELECT symbol, bar_interval, min(period_start) AS first_day,
                    max(period_end) AS last_day
             FROM meta.archives WHERE {} AND status = 'ingested' GROUP BY symbol, bar_interval",
            of_endpoint(endpoint)
        );
        self.rows(&meta("archives"), &sql).await
    }

    async fn owned(&self, endpoint: &Endpoint) -> Result<Vec<Owned>, QueryError> {
        let sql = format!(
            "SELECT symbol, bar_interval, period_start, frequency, owned_days FROM meta.archives
             WHERE {} AND status = 'ingested' AND period_end >= DATE '{}'",
            of_endpoint(endpoint),
            self.since
        );
        self.rows(&meta("archives"), &sql).await
    }

    /// Finds stretches that the archive lacks, by the first and the last bar or day of each.
    async fn gaps(&self, endpoint: &Endpoint) -> Result<Vec<Stretch>, QueryError> {
        let classes = OF_THE_ARCHIVE.map(text_literal).join(", ");
        let dates = self.fill.scope.dates;
        let start = dates.start.map(|day| format!(" AND date >= DATE '{day}'")).unwrap_or_default();
        let end = dates.end.map(|day| format!(" AND date <= DATE '{day}'")).unwrap_or_default();
        let sql = format!(
            "SELECT symbol, bar_interval, from_time,
                    CASE check_name WHEN 'gaps_of_days' THEN to_time + INTERVAL '1 day'
                         ELSE to_time + INTERVAL '1 minute' END AS to_time
             FROM meta.gaps
             WHERE {} AND closed_at IS NULL AND class IN ({classes}){start}{end}",
            of_endpoint(endpoint)
        );
        self.rows(&meta("gaps"), &sql).await
    }

    /// Finds the stretches of provisional rows: those that follow one another, or for what has no
    /// grid the time from the first day of a series up to its last row.
    async fn recent(&self, endpoint: &Endpoint) -> Result<Vec<Stretch>, QueryError> {
        let schema = &endpoint.schema;
        let table = schema.table();
        let time = schema.event_time();
        let market = text_literal(endpoint.market.as_str());
        let sql = if schema.has_interval() {
            stretches(endpoint, "symbol, bar_interval", time, "close_time")
        } else if let Some(step) = endpoint.step {
            // Times of the API, by the minute, since the archive's may drift by seconds.
            let later = endpoint.later.num_seconds();
            let begins = format!("date_trunc('minute', {time}) - INTERVAL '{later} seconds'");
            let length = step.num_milliseconds() - 1;
            let ends = format!("{begins} + INTERVAL '{length} milliseconds'");
            stretches(endpoint, "symbol", &begins, &ends)
        } else {
            format!(
                "SELECT symbol, date_trunc('day', min({time})) AS from_time,
                        max({time}) AS to_time
                 FROM recent.{table} WHERE market = {market} GROUP BY symbol"
            )
        };
        self.rows(&table_name(schema), &sql).await
    }

    async fn rows<T: serde::de::DeserializeOwned>(
        &self,
        table: &TableName,
        sql: &str,
    ) -> Result<Vec<T>, QueryError> {
        Box::pin(self.session.rows_if_any(table, sql)).await
    }
}

/// Returns the statement of stretches of rows that begin and end then, for each series.
fn stretches(endpoint: &Endpoint, series: &str, begins: &str, ends: &str) -> String {
    let table = endpoint.schema.table();
    let market = text_literal(endpoint.market.as_str());
    format!(
        "WITH bars AS (
             SELECT {series}, {begins} AS begins, {ends} AS ends
             FROM recent.{table} WHERE market = {market}
         ), followed AS (
             SELECT *, lag(ends) OVER (PARTITION BY {series} ORDER BY begins) AS ended FROM bars
         ), numbered AS (
             SELECT *, sum(CASE WHEN ended + INTERVAL '1 millisecond' = begins THEN 0 ELSE 1 END)
                       OVER (PARTITION BY {series} ORDER BY begins) AS stretch
             FROM followed
         )
         SELECT {series}, min(begins) AS from_time, max(ends) AS to_time
         FROM numbered GROUP BY {series}, stretch"
    )
}

fn meta(name: &str) -> TableName {
    TableName::new(Layer::Meta, name)
}

fn of_endpoint(endpoint: &Endpoint) -> String {
    let market = text_literal(endpoint.market.as_str());
    let data_type = text_literal(endpoint.data_type.as_str());
    format!("market = {market} AND data_type = {data_type}")
}

fn ranges(
    stretches: Vec<Stretch>,
    range: impl Fn(&Stretch) -> TimeRange,
) -> BTreeMap<SeriesName, Vec<TimeRange>> {
    let mut ranges: BTreeMap<SeriesName, Vec<TimeRange>> = BTreeMap::new();
    for stretch in stretches {
        ranges.entry(stretch.series.clone()).or_default().push(range(&stretch));
    }
    ranges
}

impl SeriesName {
    fn of(&self, endpoint: &Endpoint) -> Option<Series> {
        let interval = self.bar_interval.as_ref().map(|interval| interval.parse()).transpose();
        Some(Series {
            market: endpoint.market,
            data_type: endpoint.data_type.clone(),
            symbol: self.symbol.parse().ok()?,
            interval: interval.ok()?,
        })
    }
}

impl Owned {
    fn days(&self) -> Vec<NaiveDate> {
        let period = match self.frequency.as_str() {
            "monthly" => Period::month_of(self.period_start),
            _ => Period::day(self.period_start),
        };
        let days = self.owned_days.as_ref().and_then(|days| days.parse::<DaySet>().ok());
        days.unwrap_or_else(|| DaySet::of(period)).dates(period).collect()
    }
}

impl Stretch {
    /// Its end is the end of the last bar or day already.
    const fn with_last_bar(&self) -> TimeRange {
        TimeRange { from: self.from_time, until: self.to_time }
    }

    /// Its end is the last instant of the last row.
    fn covered(&self) -> TimeRange {
        TimeRange { from: self.from_time, until: self.to_time + LAST }
    }
}
