//! Samples of data types that only a matrix and a schema describe: no Rust knows their names.

use std::collections::BTreeSet;

use lakehouse_core::decode::{DecodeOptions, Decoder};
use lakehouse_core::matrix::{Combination, Matrix};
use lakehouse_core::names::market::{Frequency, Interval};
use lakehouse_core::names::period::Period;
use lakehouse_core::schema::{Schemas, TableSchema};

use super::*;

const MATRIX: &str = r#"
[[combination]]
market = "spot"
data_type = "auctions"
schema = "auctions"
pattern = "data/spot/{frequency}/auctions/{symbol}/{symbol}-auctions-{period}.zip"
daily = []
monthly = []
status = "active"
evidence = "made up"
"#;

const SCHEMA: &str = r#"
table = "auctions"
doc = "One auction."
has_interval = false
event_time = "opened"
sort = ["opened", "lot"]
key = ["lot", "house"]
columns = [
  { name = "lot", type = "bigint", doc = "number of the lot" },
  { name = "house", type = "text", doc = "the auction house" },
  { name = "opened", type = "time", doc = "when it began" },
  { name = "closed", type = "time", doc = "when it ended" },
  { name = "settled", type = "date", doc = "when it was paid" },
  { name = "bidders", type = "smallint", nullable = true, doc = "number of bidders" },
  { name = "is_open", type = "boolean", doc = "whether everyone could bid" },
  { name = "kind", type = "text", nullable = true, doc = "the kind of auction" },
  { name = "price", type = "price", doc = "the price" },
  { name = "amount", type = "amount", nullable = true, doc = "the quantity" },
  { name = "turnover", type = "wide", doc = "the price times the quantity" },
  { name = "fee", type = "percentage", doc = "the fee" },
]

[[layouts]]
markets = ["spot"]
fields = ["lot", "opened", "price"]

[[layouts]]
markets = ["spot"]
fields = [
  "lot", "house", "symbol", "opened", "closed", "settled", "bidders", "is_open", "kind", "price", "amount",
  "turnover", "fee", "nothing", "remark",
]

[layouts.rules]
symbol = { as = "symbol" }
closed = { as = "datetime" }
nothing = { as = "zero" }
remark = { as = "dropped" }
"#;

fn schema() -> TableSchema {
    TableSchema::parse("auctions.toml", SCHEMA).unwrap()
}

fn auctions(period: &str) -> ArchiveKey {
    let matrix = Matrix::parse("matrix.toml", MATRIX).unwrap();
    let symbol = "BTCUSDT".parse().unwrap();
    matrix.combinations()[0].archive(&symbol, None, period.parse().unwrap()).unwrap()
}

fn csv_of(key: &ArchiveKey, schema: &TableSchema, seed: u64) -> String {
    let mut csv = Vec::new();
    write_csv_from_schema(key, schema, &SampleOptions::small(seed), &mut csv).unwrap();
    String::from_utf8(csv).unwrap()
}

fn assert_every_row_is_decoded(key: &ArchiveKey, schema: &TableSchema) {
    let csv = csv_of(key, schema, 3);
    let options = DecodeOptions::default();
    let mut decoder = Decoder::new(schema, key.market(), key.symbol(), options).unwrap();
    decoder.push(csv.as_bytes()).unwrap();
    decoder.finish().unwrap();
    let mut decoded = 0;
    while let Some(batch) = decoder.next_batch() {
        decoded += batch.num_rows();
    }
    assert_eq!(decoder.take_rejects(), [], "{key}");
    assert_eq!(decoded, csv.lines().count() - 1, "{key}");
    assert!(decoded > 0, "{key}");
}

#[test]
fn every_row_of_a_data_type_that_no_rust_knows_is_decoded() {
    for period in ["2024-12-31", "2026-05-07", "2026-05"] {
        assert_every_row_is_decoded(&auctions(period), &schema());
    }
}

#[test]
fn rows_from_a_schema_are_in_order_with_unique_keys_and_times_inside_the_period() {
    let csv = csv_of(&auctions("2026-05-07"), &schema(), 3);
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let times: Vec<i64> = rows.iter().map(|row| row[3].parse().unwrap()).collect();
    let keys: BTreeSet<_> = rows.iter().map(|row| (row[0], row[1])).collect();
    assert!(times.is_sorted());
    assert_eq!(keys.len(), rows.len());
    let day = 1_778_112_000_000_000..1_778_198_400_000_000;
    assert!(times.iter().all(|time| day.contains(time)));
    assert!(rows.iter().all(|row| row[4].starts_with("2026-05-07 ") && row[5] == "2026-05-07"));
    let empty = |field: usize| rows.iter().filter(|row| row[field].is_empty()).count();
    assert!(empty(6) > 0 && empty(8) > 0 && empty(9) == 0);
}

#[test]
fn a_month_from_a_schema_holds_the_rows_of_its_days_and_a_seed_always_gives_the_same() {
    let schema = schema();
    let month = csv_of(&auctions("2026-05"), &schema, 3);
    let day = csv_of(&auctions("2026-05-07"), &schema, 3);
    let month: BTreeSet<&str> = month.lines().collect();
    assert!(day.lines().all(|line| month.contains(line)));
    assert_eq!(day, csv_of(&auctions("2026-05-07"), &schema, 3));
    assert_ne!(day, csv_of(&auctions("2026-05-07"), &schema, 4));
}

#[test]
fn the_schema_of_every_combination_is_enough_for_a_sample() {
    let matrix = Matrix::builtin().unwrap();
    let schemas = Schemas::builtin().unwrap();
    for combination in matrix.combinations() {
        let schema = schemas.get(&combination.schema).unwrap();
        for key in a_day_and_a_month(combination) {
            assert_every_row_is_decoded(&key, schema);
        }
    }
}

/// Returns an archive of each frequency that a combination has, at its longest interval.
fn a_day_and_a_month(combination: &Combination) -> Vec<ArchiveKey> {
    let symbol: Symbol = "BTCUSDT".parse().unwrap();
    let day = "2026-05-07".parse::<Period>().unwrap();
    let mut keys = Vec::new();
    for (frequency, period) in [(Frequency::Daily, day), (Frequency::Monthly, day.month())] {
        let intervals = combination.intervals(frequency).unwrap_or_default();
        let longest: Option<Interval> = intervals.last().copied();
        keys.extend(combination.archive(&symbol, longest, period));
    }
    keys
}

#[test]
fn a_market_that_the_schema_does_not_know_is_an_error_that_names_both() {
    let key = archive(Market::FuturesUm, "trades", "BTCUSDT", None, "2026-05-07");
    let error = write_csv_from_schema(&key, &schema(), &SampleOptions::default(), &mut Vec::new());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("auctions") && error.contains("futures_um"), "{error}");
}
