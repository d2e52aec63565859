//! Files that a filter rules out hold no row that it would let through, whatever the log says of
//! them, and a table that is followed commit by commit has the files that a new look at it finds.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, SecondsFormat};
use lakehouse::output::{Format, OutputOptions, write_stream};
use lakehouse::query::{At, Session, SessionOptions, TableSnapshot};
use lakehouse::storage::lake::{Lake, Layer, TableName};
use serde_json::Value;

use crate::support::delta_fixture::{FixtureTable, batch, statistics};
use crate::support::random::Random;
use crate::support::scale::{scaled, seed};

const MARKETS: [&str; 3] = ["spot", "futures_um", "futures_cm"];
const DATES: [&str; 3] = ["2024-01-01", "2024-01-02", "2024-01-03"];
const SYMBOLS: [&str; 4] = ["ADA", "BTC", "ETH", "Ünïcode"];
const FIRST_TIME: i64 = 1_704_067_200_000_000;

fn columns() -> [(&'static str, DataType); 5] {
    [
        ("symbol", DataType::Utf8),
        ("id", DataType::Int64),
        ("price", DataType::Decimal128(18, 8)),
        ("time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        ("flag", DataType::Boolean),
    ]
}

/// Some rows near one another, of which some values are NULL: all of a column in some files.
fn rows(random: &mut Random, first: i64) -> RecordBatch {
    let rows = 1 + random.below(6);
    let base = random.below(40) as i64;
    let mut nulls = [0; 5];
    nulls.fill_with(|| *random.pick(&[0, 0, 20, 100]));
    let mut value = |column: usize, from: i64, to: usize| {
        let value = from + random.below(to) as i64;
        (!random.percent(nulls[column])).then_some(value)
    };
    let mut drawn =
        |column, from, to| (0..rows).map(|_| value(column, from, to)).collect::<Vec<_>>();
    let symbols =
        drawn(0, 0, SYMBOLS.len()).into_iter().map(|it| it.map(|it| SYMBOLS[it as usize]));
    let symbols: StringArray = symbols.collect();
    let prices = drawn(2, base, 10).into_iter().map(|it| it.map(|it| i128::from(it) * 100_000_001));
    let prices: Decimal128Array = prices.collect();
    let times = drawn(3, base, 10).into_iter().map(|it| it.map(|it| FIRST_TIME + it * 1_337));
    let times: TimestampMicrosecondArray = times.collect();
    let flags: BooleanArray = drawn(4, 0, 2).into_iter().map(|it| it.map(|it| it == 1)).collect();
    batch(vec![
        ("symbol", Arc::new(symbols) as ArrayRef),
        ("id", Arc::new(Int64Array::from_iter_values(first..first + rows as i64))),
        ("price", Arc::new(prices.with_precision_and_scale(18, 8).unwrap())),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("flag", Arc::new(flags)),
    ])
}

/// What a writer may say of a file: everything, parts of it, times cut to milliseconds, bounds that
/// are wider than the values, or nothing.
fn logged(random: &mut Random, rows: &RecordBatch) -> String {
    let mut known: Value = serde_json::from_str(&statistics(rows)).unwrap();
    for part in ["minValues", "maxValues", "nullCount"] {
        if random.percent(10) {
            known.as_object_mut().unwrap().remove(part);
            continue;
        }
        let columns = known[part].as_object_mut().unwrap();
        columns.retain(|_, _| !random.percent(15));
        if let Some(Value::String(time)) = columns.get_mut("time")
            && random.percent(50)
        {
            *time = format!("{}Z", &time[..time.len().min(23)].trim_end_matches('Z'));
        }
    }
    if random.percent(20) && known["maxValues"]["symbol"].is_string() {
        known["maxValues"]["symbol"] = "\u{10ffff}".into();
    }
    if random.percent(20) {
        known["minValues"]["unknown"] = serde_json::json!({"nested": [1, "}"]});
    }
    match random.below(12) {
        0 => String::new(),
        1 => "{}".to_owned(),
        2 => format!(r#"{{"numRecords":{}}}"#, rows.num_rows()),
        3 => serde_json::to_string_pretty(&known).unwrap(),
        _ => known.to_string(),
    }
}

fn condition(random: &mut Random) -> String {
    let compare = *random.pick(&["=", "<>", "<", "<=", ">", ">="]);
    let number = random.below(45);
    let time = DateTime::from_timestamp_micros(FIRST_TIME + number as i64 * 1_337).unwrap();
    let time = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let symbol = *random.pick(&SYMBOLS);
    let date = *random.pick(&DATES);
    match random.below(12) {
        0 => format!("market {compare} '{}'", random.pick(&MARKETS)),
        1 => format!("date {compare} DATE '{date}'"),
        2 => format!("symbol {compare} '{symbol}'"),
        3 => format!("id {compare} {}", number * 3),
        4 => format!("price {compare} {number}.000000{number:02}"),
        5 => format!("time {compare} '{time}'"),
        6 => format!("flag = {}", random.percent(50)),
        7 => {
            let column = *random.pick(&["symbol", "price", "time", "flag", "date"]);
            format!("{column} IS {}NULL", random.pick(&["", "NOT "]))
        }
        8 => format!("symbol IN ('{symbol}', 'none')"),
        9 => format!("symbol LIKE '{}%'", symbol.chars().next().unwrap()),
        10 => format!("price BETWEEN {number} AND {}", number + 3),
        _ => format!("date IN (DATE '{date}', DATE '2030-01-01')"),
    }
}

fn filter(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.percent(35) {
        return condition(random);
    }
    match random.below(3) {
        0 => format!("NOT ({})", filter(random, depth - 1)),
        1 => format!("({}) AND ({})", filter(random, depth - 1), filter(random, depth - 1)),
        _ => format!("({}) OR ({})", filter(random, depth - 1), filter(random, depth - 1)),
    }
}

async fn lines(session: &Session, sql: &str) -> Vec<String> {
    let rows = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut out = Vec::new();
    write_stream(rows, Format::Csv, &mut out, OutputOptions::default())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    String::from_utf8(out).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// The rows that pass, found by evaluating the filter on every row of every file.
async fn expected(session: &Session, filter: &str) -> Vec<String> {
    let sql = format!("SELECT id, ({filter}) IS TRUE AS passes FROM silver.t ORDER BY id");
    let rows = lines(session, &sql).await;
    rows.iter().filter_map(|row| row.strip_suffix(",true").map(str::to_owned)).collect()
}

fn open(lake: &Path) -> Session {
    Session::open(&Lake::open(lake.to_str().unwrap()).unwrap(), SessionOptions::default()).unwrap()
}

/// A table of random files, of which some were removed again.
async fn random_table(lake: &Path, random: &mut Random, sorted: &str) -> FixtureTable {
    let mut table = FixtureTable::create(lake, "silver/t", &columns(), sorted).await;
    for _ in 0..12 {
        add_file(&mut table, random).await;
    }
    table
}

async fn add_file(table: &mut FixtureTable, random: &mut Random) {
    let first = table.files() as i64 * 10;
    let rows = rows(random, first);
    let statistics = logged(random, &rows);
    let (market, date) = (*random.pick(&MARKETS), *random.pick(&DATES));
    table.append_with(market, date, &rows, &statistics).await;
}

#[tokio::test]
async fn a_pruned_scan_finds_the_rows_of_a_scan_of_everything() {
    let mut random = Random::new(seed(14));
    for _ in 0..scaled(3, 40) {
        let lake = tempfile::tempdir().unwrap();
        random_table(lake.path(), &mut random, "").await;
        let session = open(lake.path());
        for _ in 0..scaled(40, 200) {
            let filter = filter(&mut random, 3);
            let all = expected(&session, &filter).await;
            let sql = format!("SELECT id FROM silver.t WHERE {filter} ORDER BY id");
            assert_eq!(lines(&session, &sql).await, all, "{sql}");
            let sql = format!("SELECT count(*) FROM silver.t WHERE {filter}");
            assert_eq!(lines(&session, &sql).await, [all.len().to_string()], "{sql}");
        }
    }
}

#[tokio::test]
async fn a_table_that_is_followed_has_the_files_that_a_new_look_finds() {
    let mut random = Random::new(seed(15));
    let lake = tempfile::tempdir().unwrap();
    let mut table = random_table(lake.path(), &mut random, "").await;
    let session = open(lake.path());
    let opened = Lake::open(lake.path().to_str().unwrap()).unwrap();
    let url = opened.table_url(&TableName::new(Layer::Silver, "t")).unwrap();
    for step in 0..scaled(25, 200) {
        match random.below(3) {
            0 => table.remove(random.below(table.files())).await,
            1 if step % 5 == 0 => table.set_property("lakehouse.sortColumns", "id").await,
            _ => add_file(&mut table, &mut random).await,
        }
        let followed = TableSnapshot::open(&url, At::Newest).await.unwrap().unwrap();
        let at = At::Version(followed.version());
        let new = TableSnapshot::open(&url, at).await.unwrap().unwrap();
        assert_eq!(files(&followed), files(&new));
        assert_eq!(followed.sort_columns(), new.sort_columns());
        let filter = filter(&mut random, 2);
        let sql = format!("SELECT id FROM silver.t WHERE {filter} ORDER BY id");
        assert_eq!(lines(&session, &sql).await, expected(&session, &filter).await, "{sql}");
    }
}

fn files(snapshot: &TableSnapshot) -> BTreeSet<String> {
    let described = |file: lakehouse::query::ScanFile<'_>| {
        let values = file.partition_values().unwrap();
        format!("{} {} {:?} {values:?}", file.path(), file.size(), file.rows())
    };
    snapshot.files().iter().map(described).collect()
}

#[tokio::test]
async fn a_file_that_is_added_again_counts_once() {
    let mut random = Random::new(seed(16));
    let lake = tempfile::tempdir().unwrap();
    let mut table = random_table(lake.path(), &mut random, "").await;
    let session = open(lake.path());
    let before = lines(&session, "SELECT id FROM silver.t ORDER BY id").await;
    table.add_again(3).await;
    assert_eq!(lines(&session, "SELECT id FROM silver.t ORDER BY id").await, before);
    assert_eq!(lines(&open(lake.path()), "SELECT id FROM silver.t ORDER BY id").await, before);
}

#[tokio::test]
async fn rows_are_counted_from_the_log_alone_where_it_has_them_and_from_the_files_elsewhere() {
    let lake = tempfile::tempdir().unwrap();
    let mut random = Random::new(seed(17));
    let mut table = FixtureTable::create(lake.path(), "silver/t", &columns(), "id").await;
    for first in [0, 10] {
        let rows = rows(&mut random, first);
        table.append_with("spot", "2024-01-01", &rows, &statistics(&rows)).await;
    }
    let unknown = rows(&mut random, 20);
    table.append_with("spot", "2024-01-02", &unknown, "").await;
    let session = open(lake.path());
    let count = lines(&session, "SELECT count(*) FROM silver.t").await;
    let all = lines(&session, "SELECT id FROM silver.t").await.len();
    assert_eq!(count, [all.to_string()]);
    let on_first_day = "SELECT count(*), count(1), 7 AS x FROM silver.t WHERE date = '2024-01-01'";
    let first_day = all - unknown.num_rows();
    assert_eq!(lines(&session, on_first_day).await, [format!("{first_day},{first_day},7")]);
    std::fs::remove_dir_all(lake.path().join("silver/t/market=spot/date=2024-01-01")).unwrap();
    assert_eq!(lines(&session, on_first_day).await, [format!("{first_day},{first_day},7")]);
    let ones = "SELECT 1 FROM silver.t WHERE date = '2024-01-01'";
    assert_eq!(lines(&session, ones).await.len(), first_day);
    let limited = "SELECT count(*) FROM (SELECT 1 FROM silver.t WHERE date < '2024-01-02' LIMIT 1)";
    assert_eq!(lines(&session, limited).await, ["1"]);
}

#[tokio::test]
async fn partition_values_come_with_the_types_of_their_columns_however_many_files_there_are() {
    let lake = tempfile::tempdir().unwrap();
    let mut table = FixtureTable::create(lake.path(), "silver/t", &columns(), "").await;
    let rows = rows(&mut Random::new(1), 0);
    table.append_with("spot", "2024-01-01", &rows, &statistics(&rows)).await;
    // Made-up files are in the log only: more than one chunk of them, on days of their own.
    table
        .make_up(
            5_000,
            "1990-01-01",
            r#"{"numRecords":1,"minValues":{"id":-9},"maxValues":{"id":-9}}"#,
        )
        .await;
    let session = open(lake.path());
    let sql = "SELECT count(*), min(date), max(date), min(market) FROM silver.t";
    let count = 5_000 + rows.num_rows();
    assert_eq!(lines(&session, sql).await, [format!("{count},1990-01-01,2024-01-01,spot")]);
    let found = lines(&session, "SELECT id FROM silver.t WHERE id >= 0 ORDER BY id").await;
    assert_eq!(found.len(), rows.num_rows());
    let sql = "SELECT count(*) FROM silver.t WHERE date < '2000-01-01'";
    assert_eq!(lines(&session, sql).await, ["5000"]);
}
