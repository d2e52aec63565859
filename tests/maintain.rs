//! Maintenance: fewer files with the same rows, and nothing deleted that anybody needs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch,
};
use chrono::{DateTime, TimeDelta, Utc};
use lakehouse::clock::Clock;
use lakehouse::gold::load_models;
use lakehouse::maintain::{
    CompactionLimits, DEFAULT_RETENTION, Maintain, MaintainReport, TableReport,
};
use lakehouse::storage::lake::Lake;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::Schemas;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{identify, sample_folder, trades, trades_key};
use crate::support::test_lake::TestLake;

const DAY: &str = "2024-01-02";
const SYMBOLS: [&str; 5] = ["ADAUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];
const ONE_BY_ONE: [&str; 3] = ["--all", "--batch-size", "1"];
const ROWS: &str =
    "SELECT * FROM silver.klines ORDER BY market, symbol, bar_interval, open_time, archive";

/// A day long after every test, so that files written now are as old as one likes.
fn day(number: i64) -> DateTime<Utc> {
    "2100-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(number)
}

fn at(now: DateTime<Utc>) -> Clock {
    Clock::new(move || now)
}

fn maintain(lake: &TestLake) -> Maintain {
    Maintain {
        lake: Lake::open(lake.path().to_str().unwrap()).unwrap(),
        matrix: Arc::new(Matrix::builtin().unwrap()),
        schemas: Arc::new(Schemas::builtin().unwrap()),
        models: Arc::new(load_models(&Schemas::builtin().unwrap(), None).unwrap()),
        dry_run: false,
        tables: Vec::new(),
        retention: DEFAULT_RETENTION,
        rebuild_ledger: false,
        bronze: lakehouse_core::ledger::BronzePolicy::Keep,
        limits: CompactionLimits::default(),
    }
}

async fn run(maintain: &Maintain, now: DateTime<Utc>) -> MaintainReport {
    let report = Box::pin(maintain.run(&at(now))).await.unwrap();
    assert!(!report.is_incomplete(), "{report}");
    report
}

fn of<'a>(report: &'a MaintainReport, table: &str) -> &'a TableReport {
    report.tables.iter().find(|found| found.table == table).unwrap()
}

fn hourly(symbol: &str, day: &str) -> ArchiveKey {
    identify(&format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-{day}.zip"))
}

/// A lake of two days whose archives were ingested one by one.
async fn lake_of_small_files() -> TestLake {
    let keys: Vec<_> = SYMBOLS
        .iter()
        .flat_map(|symbol| [hourly(symbol, DAY), hourly(symbol, "2024-01-03")])
        .collect();
    let folder = sample_folder(&keys);
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE).await;
    lake
}

fn batches(file: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    concat_batches(&schema, &reader.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap())
        .unwrap()
}

fn assert_sorted(file: &Path, columns: &[&str]) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let declared = reader.metadata().row_group(0).sorting_columns().map(Vec::len);
    assert_eq!(declared, Some(columns.len()), "{}", file.display());
    let rows = batches(file);
    let options = Some(SortOptions { descending: false, nulls_first: false });
    let column = |name: &&str| SortColumn {
        values: Arc::clone(rows.column_by_name(name).unwrap()),
        options,
    };
    let mut sort: Vec<_> = columns.iter().map(column).collect();
    let position = UInt32Array::from_iter_values(0..u32::try_from(rows.num_rows()).unwrap());
    sort.push(SortColumn { values: Arc::new(position), options });
    let order = lexsort_to_indices(&sort, None).unwrap();
    assert_eq!(take_record_batch(&rows, &order).unwrap(), rows, "{} is sorted", file.display());
}

fn archives_of(file: &Path) -> Vec<String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let listed =
        pairs.iter().find(|pair| pair.key == "lakehouse.archives").unwrap().value.clone().unwrap();
    listed.lines().map(str::to_owned).collect()
}

/// Lists all files below a folder, with when they were last written.
fn tree(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => drop(found.insert(path.clone(), path.metadata().unwrap().modified().unwrap())),
        }
    }
    found
}

#[tokio::test]
async fn small_files_become_one_for_each_partition_with_the_same_rows_in_order() {
    let lake = lake_of_small_files().await;
    let (rows, version) = (lake.rows(ROWS).await, lake.versions()["silver/klines"]);
    let archives = lake.rows("SELECT * FROM meta.archives ORDER BY archive").await;
    let before = lake.data_files("silver/klines");
    assert_eq!((rows.len(), before.len()), (240, 10));

    let report = run(&maintain(&lake), day(0)).await;

    let compacted = of(&report, "silver.klines").compacted;
    assert_eq!(
        (compacted.partitions, compacted.files_before, compacted.files_after),
        (2, 10, 2),
        "{report}"
    );
    assert_eq!(lake.versions()["silver/klines"], version + 1, "one commit for both");
    assert_eq!(lake.rows(ROWS).await, rows);
    assert_eq!(lake.rows("SELECT * FROM meta.archives ORDER BY archive").await, archives);
    let after: Vec<_> = lake
        .data_files("silver/klines")
        .into_iter()
        .filter(|file| !before.contains(file))
        .collect();
    assert_eq!(after.len(), 2);
    for file in after {
        assert_sorted(&file, &["symbol", "bar_interval", "open_time"]);
        assert_eq!(archives_of(&file).len(), SYMBOLS.len(), "each archive is named with its sum");
    }
    let explained =
        "SELECT count(*) FROM silver.klines WHERE symbol = 'SOLUSDT' AND date = DATE '2024-01-02'";
    assert_eq!(lake.value(explained).await, "24", "statistics of the new files are right");
}

#[tokio::test]
async fn a_second_maintenance_has_nothing_to_do() {
    let lake = lake_of_small_files().await;
    run(&maintain(&lake), day(0)).await;
    let (versions, files) = (lake.versions(), tree(&lake.path()));
    let again = run(&maintain(&lake), day(0)).await;
    assert_eq!(lake.versions(), versions, "{again}");
    assert_eq!(tree(&lake.path()), files);
    assert_eq!(again.to_string(), "nothing to do in 6 tables\n");
}

#[tokio::test]
async fn files_that_are_merged_in_several_steps_end_as_one() {
    let lake = lake_of_small_files().await;
    let rows = lake.rows(ROWS).await;
    let limits = CompactionLimits { files: 2, ..CompactionLimits::default() };
    run(&Maintain { limits, ..maintain(&lake) }, day(0)).await;
    assert_eq!(lake.rows(ROWS).await, rows);
    run(&Maintain { retention: TimeDelta::zero(), ..maintain(&lake) }, day(0)).await;
    assert_eq!(lake.data_files("silver/klines").len(), 2);
}

#[tokio::test]
async fn a_file_ends_where_its_limit_of_rows_does_and_is_not_small_then() {
    let lake = lake_of_small_files().await;
    let rows = lake.rows(ROWS).await;
    let limits = CompactionLimits { rows: 100, ..CompactionLimits::default() };
    let maintain = Maintain { limits, retention: TimeDelta::zero(), ..maintain(&lake) };
    let first = run(&maintain, day(0)).await;
    assert_eq!(of(&first, "silver.klines").compacted.partitions, 2, "{first}");
    assert_eq!(lake.rows(ROWS).await, rows);
    for file in lake.data_files("silver/klines") {
        assert!(batches(&file).num_rows() <= 120);
        assert_sorted(&file, &["symbol", "bar_interval", "open_time"]);
    }
    let versions = lake.versions();
    run(&maintain, day(0)).await;
    assert_eq!(lake.versions(), versions);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_done_and_writes_nothing() {
    let lake = lake_of_small_files().await;
    let (versions, files) = (lake.versions(), tree(&lake.path()));
    let report =
        run(&Maintain { dry_run: true, rebuild_ledger: true, ..maintain(&lake) }, day(0)).await;
    let planned: Vec<_> = of(&report, "silver.klines")
        .planned
        .iter()
        .map(|plan| (plan.partition.as_str(), plan.files))
        .collect();
    assert_eq!(planned, [("market=spot/date=2024-01-02", 5), ("market=spot/date=2024-01-03", 5)]);
    assert_eq!(report.ledger.unwrap().archives, 10);
    assert_eq!((lake.versions(), tree(&lake.path())), (versions, files));
}

#[tokio::test]
async fn a_correction_after_compaction_replaces_exactly_its_rows() {
    let server = ArchiveServer::start();
    let keys: Vec<_> = SYMBOLS.iter().map(|symbol| trades_key(symbol, DAY)).collect();
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..50)));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ONE_BY_ONE).await;
    run(&maintain(&lake), day(0)).await;
    let changed = &keys[2];
    let others =
        format!("SELECT * FROM silver.trades WHERE archive <> '{changed}' ORDER BY archive, id");
    let untouched = lake.rows(&others).await;
    server.publish(changed, trades(changed, DAY, 10..17));

    let done = lake.ingest(server.url(), &ONE_BY_ONE).await;

    assert_eq!(done.summary.archives.corrected, 1, "{}", done.summary);
    assert_eq!(lake.rows(&others).await, untouched);
    let ids = lake
        .rows(&format!("SELECT id FROM silver.trades WHERE archive = '{changed}' ORDER BY id"))
        .await;
    assert_eq!(ids, (10..17).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_beside_an_ingest_and_beside_itself_loses_nothing() {
    let keys: Vec<_> = SYMBOLS.iter().map(|symbol| hourly(symbol, DAY)).collect();
    let folder = sample_folder(&keys);
    let (undisturbed, lake) = (TestLake::new(), TestLake::new());
    undisturbed.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE).await;
    lake.ingest(folder.path().to_str().unwrap(), &["--symbol", "ADAUSDT"]).await;
    let keep_maintaining = || async {
        for _ in 0..4 {
            // To a clock that is behind, as it may be on another machine, no file is old.
            run(&maintain(&lake), "2020-01-01T00:00:00Z".parse().unwrap()).await;
        }
    };
    let ingest = lake.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE);
    let (ingested, (), ()) =
        tokio::join!(Box::pin(ingest), Box::pin(keep_maintaining()), Box::pin(keep_maintaining()));

    assert_eq!(ingested.summary.archives.new, 4, "{}", ingested.summary);
    assert_eq!(lake.rows(ROWS).await, undisturbed.rows(ROWS).await);
    let ledger = "SELECT archive, status, sha256, rows FROM meta.archives ORDER BY archive";
    assert_eq!(lake.rows(ledger).await, undisturbed.rows(ledger).await);
    run(&Maintain { retention: TimeDelta::zero(), ..maintain(&lake) }, day(0)).await;
    assert_eq!(lake.data_files("silver/klines").len(), 1);
    assert_eq!(lake.rows(ROWS).await, undisturbed.rows(ROWS).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_of_one_day_undoes_the_compaction_of_no_other_day() {
    let server = ArchiveServer::start();
    let days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"];
    let keys: Vec<_> = days
        .iter()
        .flat_map(|day| SYMBOLS.iter().map(move |symbol| (trades_key(symbol, day), *day)))
        .collect();
    keys.iter().for_each(|(key, day)| server.publish(key, trades(key, day, 0..20)));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ONE_BY_ONE).await;
    let corrected: Vec<_> = keys.iter().filter(|(_, day)| *day == days[1]).collect();
    corrected.iter().for_each(|(key, day)| server.publish(key, trades(key, day, 5..9)));

    // To a clock that is behind, no file is old enough to be deleted while others read it.
    let maintain_once =
        async || run(&maintain(&lake), "2020-01-01T00:00:00Z".parse().unwrap()).await;
    let ingest = lake.ingest(server.url(), &ONE_BY_ONE);
    let (ingested, first, second) =
        tokio::join!(Box::pin(ingest), Box::pin(maintain_once()), Box::pin(maintain_once()));

    assert_eq!(ingested.summary.archives.corrected, 5, "{}", ingested.summary);
    let counts = "SELECT date, count(*) FROM silver.trades GROUP BY date ORDER BY date";
    let expected = [(days[0], 100), (days[1], 20), (days[2], 100), (days[3], 100)];
    let expected = expected.map(|(day, rows)| format!("{day} | {rows}"));
    assert_eq!(lake.rows(counts).await, expected, "{first}{second}");
    run(&Maintain { retention: TimeDelta::zero(), ..maintain(&lake) }, day(0)).await;
    assert_eq!(lake.data_files("silver/trades").len(), 4);
    assert_eq!(lake.rows(counts).await, expected);
}

#[tokio::test]
async fn files_stay_for_the_retention_and_are_deleted_after_it() {
    let lake = lake_of_small_files().await;
    let rows = lake.rows(ROWS).await;
    let table = lake.path().join("silver/klines");
    run(&maintain(&lake), day(0)).await;
    assert_eq!(lake.data_files("silver/klines").len(), 12, "the old files serve time travel");

    let early = run(&maintain(&lake), day(6)).await;
    assert_eq!(of(&early, "silver.klines").deleted, [], "{early}");
    let would = run(&Maintain { dry_run: true, ..maintain(&lake) }, day(8)).await;
    assert_eq!(
        (of(&would, "silver.klines").deleted.len(), lake.data_files("silver/klines").len()),
        (10, 12)
    );
    let late = run(&maintain(&lake), day(8)).await;

    assert_eq!(of(&late, "silver.klines").deleted, of(&would, "silver.klines").deleted);
    assert_eq!(lake.data_files("silver/klines").len(), 2);
    assert_eq!(lake.rows(ROWS).await, rows);
    assert!(table.join("_delta_log/00000000000000000000.json").exists(), "the log stays");
}

#[tokio::test]
async fn a_commit_by_a_clock_that_is_behind_deletes_no_file_before_its_time() {
    let lake = lake_of_small_files().await;
    run(&maintain(&lake), day(0)).await;
    let removed = lake.data_files("silver/klines").len() - 2;
    // A machine whose clock is years behind commits after it.
    let folder = sample_folder(&[hourly("BNBUSDT", DAY)]);
    lake.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE).await;

    let early = run(&maintain(&lake), day(6)).await;
    assert_eq!(of(&early, "silver.klines").deleted, [], "{early}");
    let late = run(&maintain(&lake), day(8)).await;

    assert_eq!(of(&late, "silver.klines").deleted.len(), removed, "{late}");
}

#[tokio::test]
async fn a_file_that_no_version_names_is_deleted_only_when_it_is_old() {
    let lake = lake_of_small_files().await;
    run(&maintain(&lake), day(0)).await;
    let orphan = lake.path().join("silver/klines/market=spot/date=2024-01-02/part-orphan.parquet");
    std::fs::write(&orphan, "no commit names this").unwrap();
    let age = |hours: i64| {
        let written = SystemTime::from(day(0) - TimeDelta::hours(hours));
        File::options().append(true).open(&orphan).unwrap().set_modified(written).unwrap();
    };
    let without_retention = Maintain { retention: TimeDelta::zero(), ..maintain(&lake) };

    age(23);
    let rows = lake.rows(ROWS).await;
    run(&without_retention, day(0)).await;
    assert!(orphan.exists(), "another process may be about to commit it");
    assert_eq!(lake.data_files("silver/klines").len(), 3, "what was taken out is gone at once");
    assert_eq!(lake.rows(ROWS).await, rows, "and nothing else is");
    age(25);
    run(&maintain(&lake), day(0)).await;
    assert!(orphan.exists(), "the retention is longer");
    run(&without_retention, day(0)).await;
    assert!(!orphan.exists());
    assert_eq!(lake.rows(ROWS).await, rows);
}

#[tokio::test]
async fn half_downloaded_archives_are_swept_away_when_they_are_old_and_nobody_holds_them() {
    let lake = lake_of_small_files().await;
    let folder = lake.path().join("bronze/.partial");
    let (old, held, young) =
        (folder.join("a.zip.part"), folder.join("b.zip.part"), folder.join("c.zip.part"));
    for (file, age) in [(&old, 8), (&held, 8), (&young, 1)] {
        std::fs::write(file, "half").unwrap();
        let written = SystemTime::from(day(0)) - Duration::from_secs(age * 86_400);
        File::options().append(true).open(file).unwrap().set_modified(written).unwrap();
    }
    let holder = File::open(&held).unwrap();
    holder.try_lock().unwrap();
    let report = run(&maintain(&lake), day(0)).await;
    let deleted: Vec<_> = report.partial_downloads.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(deleted, [".partial/a.zip.part"]);
    assert_eq!((old.exists(), held.exists(), young.exists()), (false, true, true));
}

#[tokio::test]
async fn a_table_with_many_commits_gets_a_checkpoint_and_keeps_its_log() {
    let days = (1..=25).map(|day| hourly("BTCUSDT", &format!("2024-01-{day:02}")));
    let folder = sample_folder(&days.collect::<Vec<_>>());
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE).await;
    let rows = lake.rows(ROWS).await;
    let report = run(&maintain(&lake), day(0)).await;
    assert_eq!(of(&report, "silver.klines").checkpoint, Some(25), "{report}");
    let log = lake.path().join("silver/klines/_delta_log");
    assert!(log.join("00000000000000000025.checkpoint.parquet").exists());
    assert!(log.join("00000000000000000001.json").exists());
    let again = run(&maintain(&lake), day(0)).await;
    assert_eq!(of(&again, "silver.klines").checkpoint, None);
    assert_eq!(lake.rows(ROWS).await, rows);
}

/// Asks the program: this process would know the ledger that was deleted.
fn ask(lake: &TestLake, sql: &str) -> Vec<String> {
    let answer = lake.run("query", &["--format", "csv", sql]);
    assert_eq!(answer.code, Some(0), "{answer}");
    answer.stdout.lines().skip(1).map(str::to_owned).collect()
}

const LEDGER: &str = "SELECT archive, status, sha256, checksum, size, etag, last_modified, rows, \
                      rejected_rows, min_time, max_time, silver_version, reason FROM meta.archives \
                      ORDER BY archive, status";

#[tokio::test]
async fn a_rebuilt_ledger_says_what_the_old_one_said() {
    let server = ArchiveServer::start();
    let keys: Vec<_> = SYMBOLS.iter().map(|symbol| trades_key(symbol, DAY)).collect();
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..50)));
    let broken = trades_key("NOZIP", DAY);
    server.publish(&broken, b"no zip at all".to_vec());
    let lake = TestLake::new();
    lake.ingest(server.url(), &ONE_BY_ONE).await;
    server.publish(&keys[1], trades(&keys[1], DAY, 10..17));
    lake.ingest(server.url(), &ONE_BY_ONE).await;
    run(&maintain(&lake), day(0)).await;
    let before = ask(&lake, LEDGER);
    assert_eq!(before.len(), 7, "five, one of them twice, and one that was rejected: {before:?}");

    let rebuild = Maintain { rebuild_ledger: true, ..maintain(&lake) };
    let report = run(&rebuild, day(0)).await;

    let ledger = report.ledger.unwrap();
    assert_eq!((ledger.archives, ledger.kept, ledger.from_data_files), (5, 1, 0));
    assert_eq!(ask(&lake, LEDGER), before);
    std::fs::remove_dir_all(lake.path().join("meta/archives")).unwrap();
    run(&rebuild, day(0)).await;
    let of_silver: Vec<_> = before.iter().filter(|row| !row.contains("NOZIP")).cloned().collect();
    assert_eq!(ask(&lake, LEDGER), of_silver, "from silver alone");
}

#[tokio::test]
async fn a_rebuilt_ledger_reads_the_data_files_where_commits_are_gone() {
    let days = (1..=25).map(|day| hourly("BTCUSDT", &format!("2024-01-{day:02}")));
    let folder = sample_folder(&days.collect::<Vec<_>>());
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &ONE_BY_ONE).await;
    run(&maintain(&lake), day(0)).await;
    let what = "SELECT archive, status, sha256, rows, min_time, max_time FROM meta.archives \
                ORDER BY archive";
    let before = ask(&lake, what);
    for version in 0..20 {
        std::fs::remove_file(
            lake.path().join(format!("silver/klines/_delta_log/{version:020}.json")),
        )
        .unwrap();
    }
    std::fs::remove_dir_all(lake.path().join("meta/archives")).unwrap();
    let report = run(&Maintain { rebuild_ledger: true, ..maintain(&lake) }, day(0)).await;
    assert_eq!(report.ledger.unwrap().from_data_files, 19);
    assert_eq!(ask(&lake, what), before);
}

#[tokio::test]
async fn the_command_tells_what_it_did_and_refuses_tables_that_are_not_there() {
    let lake = lake_of_small_files().await;
    let planned = lake.run("maintain", &["--dry-run", "--table", "silver.klines"]);
    assert_eq!(planned.code, Some(0), "{planned}");
    assert!(
        planned.stdout.contains("silver.klines: would compact 2 partitions, 10 files of "),
        "{planned}"
    );
    let done = lake.run("maintain", &["--format", "json", "--retention", "2w"]);
    assert_eq!(done.code, Some(0), "{done}");
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let tables = report["tables"].as_array().unwrap();
    let klines = tables.iter().find(|table| table["table"] == "silver.klines").unwrap();
    assert_eq!(klines["compacted"]["files_after"], 2);
    let refused = lake.run("maintain", &["--table", "silver.nothing"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("the lake has no table `silver.nothing`; it has "),
        "{refused}"
    );
}
