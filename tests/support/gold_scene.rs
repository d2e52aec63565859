//! A source of bars, the lake that they come into, and the models that make gold of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse::events::{ModelOutcome, ModelReport};
use lakehouse::gold::{Gold, GoldReport};
use lakehouse_core::gold::Models;
use lakehouse_core::names::table::{Layer, TableName};
use lakehouse_samples::{SampleOptions, sample_csv};

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, identify};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

/// Hours and volume of a day.
pub(crate) const HOURS: &str = "\
-- What was traded on a day, from its hourly bars.
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
-- columns:
--   symbol  text: symbol
--   hours   integer, hours: bars of the day
--   volume  decimal, base asset: what was traded
--   close   decimal, quote asset: last price
SELECT market, date, symbol, count(*) AS hours, sum(volume) AS volume,
       last_value(close ORDER BY open_time) AS close
FROM silver.klines WHERE bar_interval = '1h' GROUP BY market, date, symbol
";

/// A day next to the one before and the one after it.
pub(crate) const NEIGHBOURS: &str = "\
-- A day's open next to the close before and the open after it.
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
-- lookback: 1 day
-- lookahead: 1 day
-- columns:
--   symbol        text: symbol
--   close_before  decimal, quote asset: last price of the day before
--   open          decimal, quote asset: first price
--   open_after    decimal, quote asset: first price of the day after
WITH days AS (
  SELECT market, date, symbol, first_value(open ORDER BY open_time) AS open,
         last_value(close ORDER BY open_time) AS close
  FROM silver.klines WHERE bar_interval = '1h' GROUP BY market, date, symbol
)
SELECT days.market, days.date, days.symbol, before.close AS close_before, days.open,
    after.open AS open_after
FROM days
LEFT JOIN days AS before ON before.market = days.market AND before.symbol = days.symbol
  AND before.date = days.date - INTERVAL '1 day'
LEFT JOIN days AS after ON after.market = days.market AND after.symbol = days.symbol
  AND after.date = days.date + INTERVAL '1 day'
";

/// A model on a model.
pub(crate) const ROLLING: &str = "\
-- What was traded on three days.
-- partitions: market, date
-- key: market, date, symbol
-- inputs: gold.hours
-- lookback: 2 days
-- columns:
--   symbol  text: symbol
--   days    integer, days: how many of the three were traded on
--   volume  decimal, base asset: what was traded
SELECT last.market, last.date, last.symbol, count(*) AS days, sum(other.volume) AS volume
FROM gold.hours AS last JOIN gold.hours AS other
  ON other.market = last.market AND other.symbol = last.symbol
  AND other.date BETWEEN last.date - INTERVAL '2 days' AND last.date
GROUP BY last.market, last.date, last.symbol
";

/// A model without partitions on a model.
pub(crate) const TOTALS: &str = "\
-- What was ever traded.
-- partitions: none
-- key: market, symbol
-- inputs: gold.rolling, gold.hours
-- columns:
--   market  text: market
--   symbol  text: symbol
--   days    integer, days: how many were traded on
--   volume  decimal, base asset: what was traded
SELECT hours.market, hours.symbol, count(*) AS days, sum(hours.volume) AS volume
FROM gold.hours JOIN gold.rolling
  ON rolling.market = hours.market AND rolling.symbol = hours.symbol AND rolling.date = hours.date
GROUP BY hours.market, hours.symbol
";

/// A model of two data types, one of which may be missing.
pub(crate) const FUNDED: &str = "\
-- Bars of a day and its payments of funding.
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines, silver.funding_rate
-- columns:
--   symbol    text: symbol
--   bars      integer, bars: bars of an hour
--   payments  integer, payments: how many
WITH bars AS (
  SELECT market, date, symbol, count(*) AS bars FROM silver.klines WHERE bar_interval = '1h'
  GROUP BY market, date, symbol
),
payments AS (
  SELECT market, date, symbol, count(*) AS payments FROM silver.funding_rate GROUP BY market,
    date, symbol
)
SELECT coalesce(bars.market, payments.market) AS market, coalesce(bars.date, payments.date) AS date,
       coalesce(bars.symbol, payments.symbol) AS symbol, coalesce(bars, 0) AS bars,
       coalesce(payments, 0) AS payments
FROM bars FULL JOIN payments
  ON bars.market = payments.market AND bars.date = payments.date AND bars.symbol = payments.symbol
";

/// The models above, with their names.
pub(crate) const MODELS: [(&str, &str); 5] = [
    ("hours", HOURS),
    ("neighbours", NEIGHBOURS),
    ("rolling", ROLLING),
    ("totals", TOTALS),
    ("funded", FUNDED),
];

/// Reads models that stand in no file.
pub(crate) fn models(models: &[(&str, &str)]) -> Arc<Models> {
    let files: Vec<_> = models
        .iter()
        .map(|(name, text)| (format!("models/{name}.sql"), (*text).to_owned()))
        .collect();
    let silver =
        ["klines", "trades", "funding_rate"].map(|name| TableName::new(Layer::Silver, name));
    let tables: BTreeSet<TableName> =
        silver.into_iter().chain([TableName::new(Layer::Meta, "archives")]).collect();
    Arc::new(Models::parse(&files, &tables))
}

/// Returns what a report says of a model.
pub(crate) fn of<'a>(report: &'a GoldReport, table: &str) -> &'a ModelReport {
    report
        .models
        .iter()
        .find(|model| model.table == table)
        .unwrap_or_else(|| panic!("nothing of {table}: {report}"))
}

/// Returns the models that a report says to be built, with the days.
pub(crate) fn built(report: &GoldReport) -> Vec<String> {
    let built = report.models.iter().filter(|model| model.outcome == ModelOutcome::Built);
    let days = |model: &ModelReport| {
        model.days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    built.map(|model| format!("{}: {}", model.table, days(model))).collect()
}

/// Names an archive of hourly bars.
pub(crate) fn hourly(market: &str, symbol: &str, period: &str) -> String {
    let (folder, frequency) = (
        if market == "spot" { "spot" } else { "futures/um" },
        if period.len() == 7 { "monthly" } else { "daily" },
    );
    format!("data/{folder}/{frequency}/klines/{symbol}/1h/{symbol}-1h-{period}.zip")
}

/// A source, and the lake that it comes into.
pub(crate) struct GoldScene {
    pub(crate) server: ArchiveServer,
    pub(crate) lake: TestLake,
    pub(crate) models: Arc<Models>,
}

impl GoldScene {
    pub(crate) fn new() -> Self {
        Self { server: ArchiveServer::start(), lake: TestLake::new(), models: models(&MODELS) }
    }

    /// Publishes an archive made from a seed, after its lines were changed.
    pub(crate) fn publish(&self, key: &str, seed: u64, change: impl FnOnce(&mut Vec<String>)) {
        let options = SampleOptions { trades_per_day: 100, ..SampleOptions::small(seed) };
        let csv = String::from_utf8(sample_csv(&identify(key), &options).unwrap()).unwrap();
        let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
        change(&mut lines);
        self.server.publish(key, zip_of(&csv_name(key), (lines.join("\n") + "\n").as_bytes()));
    }

    /// Publishes hourly bars of spot days.
    pub(crate) fn publish_days(&self, symbol: &str, days: &[&str]) {
        days.iter().for_each(|day| self.publish(&hourly("spot", symbol, day), 7, |_| {}));
    }

    /// Brings everything that is published into silver.
    pub(crate) async fn ingest(&self) {
        let done = self.lake.ingest(self.server.url(), &["--all"]).await;
        assert_eq!(done.summary.archives.failed, 0, "{:?}", done.summary.failures);
    }

    /// Brings gold up to date; nothing may fail.
    pub(crate) async fn gold(&self) -> GoldReport {
        let report = self.gold_with(|_| {}).await;
        assert!(!report.is_incomplete(), "{report}");
        report
    }

    pub(crate) async fn gold_with(&self, change: impl FnOnce(&mut Gold)) -> GoldReport {
        let models = Arc::clone(&self.models);
        let with = |gold: &mut Gold| {
            gold.models = models;
            change(gold);
        };
        self.lake.gold_with(with).await
    }

    /// Returns the rows of every gold table there is.
    pub(crate) async fn tables(&self) -> Vec<(String, Vec<String>)> {
        let mut tables = Vec::new();
        for table in self
            .lake
            .versions()
            .into_keys()
            .filter_map(|table| table.strip_prefix("gold/").map(str::to_owned))
        {
            let mut rows = self.lake.rows(&format!("SELECT * FROM gold.{table}")).await;
            rows.sort();
            tables.push((table, rows));
        }
        tables
    }

    /// Everything that was built step by step is what a full rebuild makes.
    pub(crate) async fn assert_equals_a_full_rebuild(&self, what: &str) {
        self.gold().await;
        let before = self.tables().await;
        let report = self.gold_with(|gold| gold.full = true).await;
        assert!(!report.is_incomplete(), "{report}");
        for ((table, before), (_, after)) in before.iter().zip(self.tables().await) {
            assert_same(table, before, &after, what);
        }
    }
}

/// Compares rows of two builds: exactly, but for floating point, which may differ by a rounding.
#[track_caller]
fn assert_same(table: &str, before: &[String], after: &[String], what: &str) {
    assert_eq!(before.len(), after.len(), "rows of {table}, {what}");
    for (before, after) in before.iter().zip(after) {
        let cells = before.split(" | ").zip(after.split(" | "));
        let same = |(a, b): (&str, &str)| a == b || is_near(a, b);
        assert!(cells.clone().all(same), "{table}, {what}:\n{before}\n{after}");
    }
}

fn is_near(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else { return false };
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}
