//! Verification finds whatever is not as it was published, and nothing where all is well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch};
use arrow::datatypes::Decimal128Type;
use chrono::TimeDelta;
use lakehouse::clock::Clock;
use lakehouse::events::{Reporter, Silent};
use lakehouse::gold::load_models;
use lakehouse::maintain::{CompactionLimits, Maintain};
use lakehouse::meta::scope::Scope;
use lakehouse::storage::lake::Lake;
use lakehouse::verify::{Check, Finding, Verify, VerifyReport};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{identify, sample_folder, trades, trades_key};
use crate::support::test_lake::TestLake;

const DAY: &str = "2024-01-02";

fn verify(lake: &TestLake, deep: bool) -> Verify {
    Verify {
        lake: Lake::open(lake.path().to_str().unwrap()).unwrap(),
        matrix: Arc::new(Matrix::builtin().unwrap()),
        schemas: Arc::new(Schemas::builtin().unwrap()),
        scope: Scope::default(),
        sample: None,
        since: None,
        deep,
        source: None,
        threads: 2,
    }
}

async fn run(lake: &TestLake, deep: bool) -> VerifyReport {
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    Box::pin(verify(lake, deep).run(&reporter)).await.unwrap()
}

async fn compact(lake: &TestLake) {
    let maintain = Maintain {
        lake: Lake::open(lake.path().to_str().unwrap()).unwrap(),
        matrix: Arc::new(Matrix::builtin().unwrap()),
        schemas: Arc::new(Schemas::builtin().unwrap()),
        models: Arc::new(load_models(&Schemas::builtin().unwrap(), None).unwrap()),
        dry_run: false,
        tables: Vec::new(),
        retention: TimeDelta::zero(),
        rebuild_ledger: false,
        bronze: lakehouse_core::ledger::BronzePolicy::Keep,
        limits: CompactionLimits::default(),
    };
    let report = Box::pin(maintain.run(&Clock::new(|| "2100-01-01T00:00:00Z".parse().unwrap())))
        .await
        .unwrap();
    assert!(!report.is_incomplete(), "{report}");
}

/// A lake of three archives of trades in one partition, each in a file of its own.
async fn lake_of_trades() -> (TestLake, [String; 3]) {
    let server = ArchiveServer::start();
    let keys = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|symbol| trades_key(symbol, DAY));
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..20)));
    let lake = TestLake::new();
    lake.ingest(server.url(), &["--all", "--batch-size", "1"]).await;
    (lake, keys)
}

fn bronze_file(lake: &TestLake, key: &str) -> PathBuf {
    lake.path().join("bronze").join(identify(key).bronze_path())
}

/// Finds the data file that holds an archive's rows.
fn data_file_of(lake: &TestLake, key: &str) -> PathBuf {
    let symbol = identify(key).symbol().to_string();
    let holds = |file: &PathBuf| {
        let rows = rows_of(file);
        rows.column_by_name("symbol").unwrap().as_string::<i32>().value(0) == symbol
    };
    lake.data_files("silver/trades").into_iter().find(holds).unwrap()
}

fn rows_of(file: &Path) -> RecordBatch {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap()).unwrap();
    reader.build().unwrap().next().unwrap().unwrap()
}

fn overwrite(file: &Path, rows: &RecordBatch) {
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(file).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

fn with_check(report: &VerifyReport, check: Check) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.check == check).collect()
}

#[tokio::test]
async fn a_lake_of_every_kind_of_archive_is_clean_before_and_after_compaction() {
    let keys = [
        "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip",
        "data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2024-01-02.zip",
        "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-02.zip",
        "data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-01-02.zip",
        "data/futures/cm/monthly/fundingRate/BTCUSD_PERP/BTCUSD_PERP-fundingRate-2024-01.zip",
        "data/option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-10-20.zip",
    ];
    let folder = sample_folder(&keys.map(identify));
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all", "--batch-size", "1"]).await;
    for _ in 0..2 {
        let report = run(&lake, true).await;
        assert_eq!((report.findings.as_slice(), report.archives), ([].as_slice(), 6));
        let rows: u64 = lake.value("SELECT sum(rows) FROM meta.archives").await.parse().unwrap();
        assert_eq!(report.rows, rows);
        compact(&lake).await;
    }
}

#[tokio::test]
async fn a_corrected_archive_is_verified_in_both_versions() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    let lake = TestLake::new();
    for ids in [0..20, 5..9] {
        server.publish(&key, trades(&key, DAY, ids));
        lake.ingest(server.url(), &["--all"]).await;
    }
    let report = run(&lake, true).await;
    assert_eq!((report.findings.as_slice(), report.archives, report.rows), ([].as_slice(), 2, 4));
    let folder = bronze_file(&lake, &key).parent().unwrap().to_owned();
    let zips = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let older = zips.filter(|file| file.extension().is_some_and(|ending| ending == "zip"));
    std::fs::remove_file(older.into_iter().find(|file| *file != bronze_file(&lake, &key)).unwrap())
        .unwrap();
    assert_eq!(with_check(&run(&lake, false).await, Check::Bronze).len(), 1);
}

#[tokio::test]
async fn a_flipped_byte_and_a_missing_file_in_bronze_are_found() {
    let (lake, [flipped, missing, _]) = lake_of_trades().await;
    let file = bronze_file(&lake, &flipped);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    std::fs::remove_file(bronze_file(&lake, &missing)).unwrap();

    let report = run(&lake, true).await;

    let found: Vec<_> =
        report.findings.iter().map(|finding| (finding.archive.as_str(), finding.check)).collect();
    assert_eq!(found, [(flipped.as_str(), Check::Bronze), (missing.as_str(), Check::Bronze)]);
    assert!(report.findings[0].found.starts_with("SHA-256 "), "{:?}", report.findings);
    assert_eq!(report.findings[1].found, "missing");
}

#[tokio::test]
async fn a_checksum_file_that_says_otherwise_is_found() {
    let (lake, [changed, missing, _]) = lake_of_trades().await;
    let checksum =
        |key: &str| PathBuf::from(format!("{}.CHECKSUM", bronze_file(&lake, key).display()));
    let name = identify(&changed).file_name().to_owned();
    std::fs::write(checksum(&changed), format!("{}  {name}", "0".repeat(64))).unwrap();
    std::fs::remove_file(checksum(&missing)).unwrap();
    let report = run(&lake, false).await;
    let found: Vec<_> =
        report.findings.iter().map(|finding| (finding.archive.as_str(), finding.check)).collect();
    assert_eq!(found, [(changed.as_str(), Check::Checksum), (missing.as_str(), Check::Checksum)]);
}

#[tokio::test]
async fn a_missing_data_file_is_found_with_the_rows_that_went_with_it() {
    let (lake, [_, lost, _]) = lake_of_trades().await;
    std::fs::remove_file(data_file_of(&lake, &lost)).unwrap();
    let report = run(&lake, false).await;
    assert_eq!(with_check(&report, Check::DataFile)[0].found, "missing");
    let rows = with_check(&report, Check::Rows);
    assert_eq!(rows.len(), 1, "{:?}", report.findings);
    let rows = rows[0];
    assert_eq!(
        (rows.archive.as_str(), rows.expected.as_str(), rows.found.as_str()),
        (lost.as_str(), "20 rows", "0 rows")
    );
}

#[tokio::test]
async fn a_changed_value_is_found_by_the_deep_check_alone() {
    let (lake, [_, changed, _]) = lake_of_trades().await;
    let file = data_file_of(&lake, &changed);
    let rows = rows_of(&file);
    let index = rows.schema().index_of("price").unwrap();
    let prices = rows.column(index).as_primitive::<Decimal128Type>();
    let mut values: Vec<i128> = prices.values().to_vec();
    values[7] += 1;
    let price = Decimal128Array::from(values).with_data_type(prices.data_type().clone());
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    columns[index] = Arc::new(price);
    overwrite(&file, &RecordBatch::try_new(rows.schema(), columns).unwrap());

    assert_eq!(with_check(&run(&lake, false).await, Check::Rows), Vec::<&Finding>::new());
    let report = run(&lake, true).await;

    let values = with_check(&report, Check::Values);
    assert_eq!(values.len(), 1, "{:?}", report.findings);
    assert_eq!(
        (values[0].archive.as_str(), values[0].found.as_str()),
        (changed.as_str(), "2024-01-02: 20 rows with other values")
    );
}

#[tokio::test]
async fn a_doubled_row_is_found() {
    let (lake, [doubled, ..]) = lake_of_trades().await;
    let file = data_file_of(&lake, &doubled);
    let rows = rows_of(&file);
    let twice = arrow::compute::concat_batches(&rows.schema(), [&rows, &rows.slice(3, 1)]).unwrap();
    overwrite(&file, &twice);
    let report = run(&lake, false).await;
    assert_eq!(with_check(&report, Check::Rows)[0].found, "21 rows");
}

#[tokio::test]
async fn rows_that_the_ledger_has_not_taken_up_yet_are_no_finding() {
    let (lake, _) = lake_of_trades().await;
    std::fs::remove_dir_all(lake.path().join("meta/archives")).unwrap();
    let report = run(&lake, true).await;
    assert_eq!((report.findings.as_slice(), report.archives, report.rows), ([].as_slice(), 3, 60));
}

#[tokio::test]
async fn the_command_prints_findings_and_ends_with_one() {
    let (lake, [missing, ..]) = lake_of_trades().await;
    let clean = lake.run("verify", &["--deep"]);
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""), "{clean}");
    assert!(clean.stderr.contains("and 60 rows: all as it should be"), "{clean}");
    std::fs::remove_file(bronze_file(&lake, &missing)).unwrap();
    let found = lake.run("verify", &[]);
    assert_eq!(found.code, Some(1), "{found}");
    assert!(found.stdout.contains(&missing) && found.stdout.contains("missing"), "{found}");
    let elsewhere = lake.run("verify", &["--symbol", "ETH*", "--format", "json"]);
    assert_eq!(elsewhere.code, Some(0), "{elsewhere}");
    let report: serde_json::Value = serde_json::from_str(&elsewhere.stdout).unwrap();
    assert_eq!((&report["archives"], &report["rows"]), (&1.into(), &20.into()));
}

#[tokio::test]
async fn a_sample_has_the_same_archives_each_time_and_the_summary_names_it() {
    let server = ArchiveServer::start();
    for number in 0..60 {
        let key = trades_key(&format!("S{number}USDT"), DAY);
        server.publish(&key, trades(&key, DAY, 0..3));
    }
    let lake = TestLake::new();
    lake.ingest(server.url(), &["--all"]).await;
    let first = lake.run("verify", &["--sample", "25%"]);
    assert_eq!(first.code, Some(0), "{first}");
    assert!(first.stderr.contains("(a sample of 25%, by a hash of their keys)"), "{first}");
    assert_eq!(lake.run("verify", &["--sample", "25%"]).stderr, first.stderr);
    let archives = |part: &str| {
        let run = lake.run("verify", &["--sample", part, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["sample"], part);
        assert_eq!(report["rows"].as_u64().unwrap(), 3 * report["archives"].as_u64().unwrap());
        report["archives"].as_u64().unwrap()
    };
    let of_sample = archives("25%");
    assert!((5..30).contains(&of_sample), "{of_sample}");
    assert_eq!(archives("100%"), 60);

    // Of a lake with damage everywhere, a sample finds that of its own archives.
    for file in lake.data_files("silver/trades") {
        let rows = rows_of(&file);
        overwrite(&file, &rows.slice(0, rows.num_rows() - 60));
    }
    let damaged = lake.run("verify", &["--sample", "25%", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&damaged.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of_rows = findings.iter().filter(|finding| finding["check"] == "rows").count() as u64;
    assert!(of_rows > 0 && of_rows <= of_sample, "{report:#}");
}

#[tokio::test]
async fn archives_that_were_recorded_before_a_time_are_left_out() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let keys = ["2026-05-08", "2026-05-09"].map(|day| trades_key("BTCUSDT", day));
    server.publish(&keys[0], trades(&keys[0], "2026-05-08", 0..5));
    lake.ingest(server.url(), &["--all"]).await;
    let recorded = "SELECT max(recorded_at) + INTERVAL '1 microsecond' FROM meta.archives";
    let since = lake.value(recorded).await.replace(' ', "T");
    server.publish(&keys[1], trades(&keys[1], "2026-05-09", 0..7));
    lake.ingest(server.url(), &["--all"]).await;
    std::fs::remove_file(bronze_file(&lake, &keys[0])).unwrap();

    let later = lake.run("verify", &["--since", &since]);
    assert_eq!(later.code, Some(0), "{later}");
    assert!(later.stderr.contains("verified 1 archives (recorded since"), "{later}");
    assert!(later.stderr.contains("and 7 rows"), "{later}");
    let all = lake.run("verify", &["--since", "2026-11-01"]);
    assert_eq!(all.code, Some(1), "{all}");
    assert!(all.stdout.contains("missing"), "{all}");
}
