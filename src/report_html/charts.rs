//! The latest bars of every series of klines, as columns.
//!
//! Which days to read follows from the coverage, so that a statement touches the partitions of a
//! few days and not a whole table; series with the same days are read together.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_core::coverage::SeriesCoverage;
use lakehouse_core::names::market::{Interval, Market, Symbol};
use serde::{Deserialize, Serialize};

use crate::query::{QueryError, Session, text_literal};
use crate::storage::lake::{Layer, TableName};

const DATA_TYPE: &str = "klines";

/// Charts in a page at most; each is some tens of kilobytes.
const CHARTS: usize = 120;

const SECONDS_OF_A_DAY: usize = 86_400;

/// The charts, and how many series have none because of the bound.
#[derive(Debug, Default)]
pub(super) struct Charts {
    pub(super) charts: Vec<Chart>,
    pub(super) left_out: usize,
}

/// The latest bars of one series; all columns have the same length.
#[derive(Debug, Default, Serialize)]
pub(super) struct Chart {
    market: &'static str,
    symbol: String,
    interval: String,
    /// What the volume counts.
    volume_of: &'static str,
    /// Earlier bars of the series that are in the lake and not here.
    left_out: u64,
    /// Seconds since 1970.
    time: Vec<i64>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct Bar {
    symbol: String,
    time: i64,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

/// Series that one statement reads: of one market and interval, with bars on the same days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reading {
    market: Market,
    interval: Interval,
    first: NaiveDate,
    last: NaiveDate,
}

impl Charts {
    /// Reads the latest `bars` bars of each series; where there are too many series, of those with
    /// the most days.
    pub(super) async fn read(
        session: &Session,
        coverage: &[SeriesCoverage],
        bars: usize,
    ) -> Result<Self, QueryError> {
        let mut with_bars: Vec<&SeriesCoverage> =
            coverage.iter().filter(|series| has_bars(series)).collect();
        let left_out = with_bars.len().saturating_sub(CHARTS);
        with_bars.sort_by_key(|series| std::cmp::Reverse(series.held_days()));
        with_bars.truncate(CHARTS);
        let mut readings: BTreeMap<Reading, BTreeMap<&Symbol, &SeriesCoverage>> = BTreeMap::new();
        for coverage in with_bars {
            if let Some(reading) = reading(coverage, bars) {
                readings.entry(reading).or_default().insert(&coverage.series.symbol, coverage);
            }
        }
        let mut charts = Vec::new();
        for (reading, series) in readings {
            let sql = statement(&reading, series.keys().copied());
            let found: Vec<Bar> =
                session.rows_if_any(&TableName::new(Layer::Silver, DATA_TYPE), &sql).await?;
            for of_symbol in found.chunk_by(|a, b| a.symbol == b.symbol) {
                let latest = &of_symbol[of_symbol.len().saturating_sub(bars)..];
                let coverage = latest.first().and_then(|bar| {
                    series.values().find(|one| one.series.symbol.as_str() == bar.symbol)
                });
                charts.extend(coverage.map(|coverage| (&coverage.series, chart(coverage, latest))));
            }
        }
        charts.sort_by_key(|(series, _)| *series);
        Ok(Self { charts: charts.into_iter().map(|(_, chart)| chart).collect(), left_out })
    }
}

fn has_bars(coverage: &SeriesCoverage) -> bool {
    coverage.series.data_type.as_str() == DATA_TYPE
        && coverage.series.interval.is_some()
        && coverage.last().is_some()
}

/// Finds the last days that are held and together have this many bars.
fn reading(coverage: &SeriesCoverage, bars: usize) -> Option<Reading> {
    let interval = coverage.series.interval?;
    let seconds = interval.seconds().and_then(|seconds| usize::try_from(seconds).ok());
    // A month may have 31 days.
    let seconds = seconds.unwrap_or(31 * SECONDS_OF_A_DAY).max(1);
    let days = u64::try_from(bars.saturating_mul(seconds).div_ceil(SECONDS_OF_A_DAY)).ok()?;
    let last = coverage.last()?;
    let mut first = last;
    let mut left = days;
    for run in coverage.runs.iter().rev().filter(|run| run.state.is_held()) {
        first = run.start;
        if run.days() >= left {
            first = run.end.checked_sub_days(chrono::Days::new(left.saturating_sub(1)))?;
            break;
        }
        left -= run.days();
    }
    Some(Reading { market: coverage.series.market, interval, first, last })
}

fn statement<'a>(reading: &Reading, symbols: impl Iterator<Item = &'a Symbol>) -> String {
    let Reading { market, interval, first, last } = reading;
    let symbols: Vec<String> = symbols.map(|symbol| text_literal(symbol.as_str())).collect();
    let number = |column: &str| format!("CAST({column} AS DOUBLE) AS {column}");
    let numbers = ["open", "high", "low", "close", "volume"].map(number).join(", ");
    format!(
        "SELECT symbol, to_unixtime(open_time) AS time, {numbers} FROM silver.{DATA_TYPE} \
         WHERE market = '{market}' AND bar_interval = '{interval}' AND symbol IN ({}) \
         AND date BETWEEN DATE '{first}' AND DATE '{last}' ORDER BY symbol, time",
        symbols.join(", ")
    )
}

fn chart(coverage: &SeriesCoverage, bars: &[Bar]) -> Chart {
    let series = &coverage.series;
    let column = |value: fn(&Bar) -> f64| bars.iter().map(value).collect();
    Chart {
        market: series.market.as_str(),
        symbol: series.symbol.to_string(),
        interval: series.interval.map(|interval| interval.to_string()).unwrap_or_default(),
        volume_of: if series.market == Market::FuturesCm { "contracts" } else { "base asset" },
        left_out: coverage.rows.saturating_sub(bars.len() as u64),
        time: bars.iter().map(|bar| bar.time).collect(),
        open: column(|bar| bar.open),
        high: column(|bar| bar.high),
        low: column(|bar| bar.low),
        close: column(|bar| bar.close),
        volume: column(|bar| bar.volume),
    }
}
