//! Large archives, whose parts are unzipped, parsed and encoded at the same time, land as small
//! ones do.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use chrono::DateTime;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::{SampleOptions, sample_checksum, sample_csv, small_archives};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::support::samples::{csv_name, identify};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const MONTH: &str = "data/futures/um/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-04.zip";

/// What the archive says of each day.
const DAYS: &str = "SELECT date, count(*), sum(agg_trade_id), sum(quantity), sum(price) FROM \
                    silver.agg_trades GROUP BY date ORDER BY date";

/// Publishes an archive with these lines in a folder.
fn publish(folder: &Path, key: &ArchiveKey, csv: &[u8]) {
    let zip = zip_of(&csv_name(key.path()), csv);
    let path = folder.join(key.path());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(folder.join(key.checksum_path()), sample_checksum(key, &zip)).unwrap();
    std::fs::write(path, zip).unwrap();
}

/// A month with more bytes than an archive that shares its files may have, and rows for several
/// slabs of a day.
fn large_csv() -> Vec<u8> {
    let options = SampleOptions { trades_per_day: 60_000, ..SampleOptions::default() };
    let csv = sample_csv(&identify(MONTH), &options).unwrap();
    assert!(csv.len() > 33 << 20, "{}", csv.len());
    csv
}

#[tokio::test]
async fn a_large_archive_lands_row_by_row_as_published_in_a_sorted_file_for_each_day() {
    let (folder, lake) = (TempDir::new().unwrap(), TestLake::new());
    let csv = large_csv();
    publish(folder.path(), &identify(MONTH), &csv);
    let done = lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    assert_eq!((done.summary.archives.new, done.summary.rejected_rows), (1, 0), "{}", done.summary);

    assert_eq!(lake.rows(DAYS).await, days_of(&csv));
    let mut files = lake.data_files("silver/agg_trades");
    files.sort();
    assert_eq!(files.len(), 30, "{files:?}");
    files.iter().for_each(|file| assert_sorted(file));
}

/// Sums a CSV up by day, in other ways than the decoder's.
fn days_of(csv: &[u8]) -> Vec<String> {
    let mut days: BTreeMap<String, [i128; 4]> = BTreeMap::new();
    for line in std::str::from_utf8(csv).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let time = DateTime::from_timestamp_millis(fields[5].parse().unwrap()).unwrap();
        let sums = days.entry(time.format("%Y-%m-%d").to_string()).or_default();
        let values = [1, fields[0].parse().unwrap(), units(fields[2]), units(fields[1])];
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let decimal = |units: i128| format!("{}.{:08}", units / 100_000_000, units % 100_000_000);
    let reported = |(day, [count, ids, quantity, price]): (String, [i128; 4])| {
        format!("{day} | {count} | {ids} | {} | {}", decimal(quantity), decimal(price))
    };
    days.into_iter().map(reported).collect()
}

fn units(number: &str) -> i128 {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    format!("{whole}{decimals:0<8}").parse().unwrap()
}

#[track_caller]
fn assert_sorted(file: &Path) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap())
        .unwrap()
        .build()
        .unwrap();
    let ids = reader.flat_map(|batch| {
        let batch = batch.unwrap();
        batch.column_by_name("agg_trade_id").unwrap().as_primitive::<Int64Type>().values().to_vec()
    });
    assert!(ids.is_sorted(), "{}", file.display());
}

#[tokio::test]
async fn a_large_archive_out_of_order_lands_sorted_and_whole() {
    let (folder, lake) = (TempDir::new().unwrap(), TestLake::new());
    let csv = large_csv();
    let mut lines: Vec<&[u8]> = csv.split_inclusive(|byte| *byte == b'\n').collect();
    // The header stays first; of the rows the last thousand come first.
    let header = lines.remove(0);
    let backwards = lines.chunks(1_000).rev().flatten().copied();
    let all: Vec<u8> = [header].into_iter().chain(backwards).flatten().copied().collect();
    publish(folder.path(), &identify(MONTH), &all);
    let done = lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    assert_eq!((done.summary.archives.new, done.summary.rejected_rows), (1, 0), "{}", done.summary);
    assert_eq!(lake.rows(DAYS).await, days_of(&csv));
    for file in lake.data_files("silver/agg_trades") {
        assert_sorted(&file);
    }
}

#[tokio::test]
async fn a_large_archive_with_a_damaged_end_leaves_nothing_behind() {
    let (folder, lake) = (TempDir::new().unwrap(), TestLake::new());
    let key = identify(MONTH);
    let mut csv = large_csv();
    csv.extend_from_slice(&[b'7'; 2 << 20]);
    publish(folder.path(), &key, &csv);
    let done = lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    assert_eq!(
        (done.summary.archives.new, done.summary.archives.failed),
        (0, 1),
        "{}",
        done.summary
    );
    assert_eq!(lake.data_files("silver/agg_trades"), Vec::<PathBuf>::new());
    assert_eq!(lake.ledger(MONTH, "status").await, ["rejected"]);
}

#[tokio::test]
async fn each_symbol_of_a_file_that_many_archives_share_is_found_by_itself() {
    let (folder, lake) = (TempDir::new().unwrap(), TestLake::new());
    let keys = small_archives(&Matrix::builtin().unwrap(), "2026-05-06".parse().unwrap(), 60);
    for key in &keys {
        publish(folder.path(), key, &sample_csv(key, &SampleOptions::small(1)).unwrap());
    }
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    for key in keys.iter().filter(|key| key.data_type().as_str() == "klines") {
        let sql = format!(
            "SELECT count(*), min(archive), max(symbol) FROM silver.klines WHERE symbol = '{}' AND \
             market = '{}'",
            key.symbol(),
            key.market()
        );
        assert_eq!(lake.value(&sql).await, format!("24 | {key} | {}", key.symbol()));
    }
}
