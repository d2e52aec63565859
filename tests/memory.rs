//! What one archive may take: memory, open files, days, rejected rows. Whatever it asks for, the
//! others land.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, NaiveDate, TimeDelta};
use lakehouse::failpoint::PANIC_ON;
use lakehouse::ingest::MemoryBudget;
use lakehouse_samples::sample_checksum;
use tempfile::TempDir;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, identify, trades, trades_csv, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];
/// Rows of each good archive.
const ROWS: i64 = 4_000;
const ARCHIVES: i64 = 40;

/// Publishes archives of one day in a folder: more rows than wait in any budget of these tests.
fn many_archives() -> TempDir {
    let folder = TempDir::new().unwrap();
    for archive in 0..ARCHIVES {
        let key = trades_key(&format!("S{archive:02}"), DAY);
        publish(folder.path(), &key, trades_csv(DAY, archive * ROWS..(archive + 1) * ROWS));
    }
    folder
}

fn publish(folder: &Path, key: &str, csv: impl AsRef<[u8]>) {
    let zip = zip_of(&csv_name(key), csv.as_ref());
    let path = folder.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let key = identify(key);
    std::fs::write(folder.join(key.checksum_path()), sample_checksum(&key, &zip)).unwrap();
    std::fs::write(path, zip).unwrap();
}

/// Ingests all trades of a folder within a budget; every row has to land once.
async fn land_within(folder: &TempDir, memory: &MemoryBudget) {
    let lake = TestLake::new();
    let done = lake.ingest_within(folder.path().to_str().unwrap(), &ALL_TRADES, memory).await;
    assert_eq!(done.summary.archives.new, ARCHIVES as u64, "{}", done.summary);
    let rows = ROWS * ARCHIVES;
    let found = lake.value("SELECT count(*) FROM silver.trades").await;
    let distinct = lake.value("SELECT count(DISTINCT id) FROM silver.trades").await;
    assert_eq!((found, distinct), (rows.to_string(), rows.to_string()));
}

#[tokio::test]
async fn rows_of_many_archives_of_one_batch_stay_within_the_budget() {
    let folder = many_archives();
    let memory = MemoryBudget::new(4 << 20);
    land_within(&folder, &memory).await;
    // A message more than there is room for, and the one that is being written.
    let peak = memory.peak();
    assert!((1 << 20..5 << 20).contains(&peak), "{peak} bytes at a time");
}

#[tokio::test]
async fn an_ingest_without_any_memory_to_spare_comes_to_its_end() {
    let folder = many_archives();
    land_within(&folder, &MemoryBudget::new(0)).await;
}

#[tokio::test]
async fn an_archive_with_rows_of_two_thousand_days_is_rejected_and_the_others_land() {
    let server = ArchiveServer::start();
    let (odd, good) = (trades_key("ODD", DAY), trades_key("GOOD", DAY));
    let first = NaiveDate::from_ymd_opt(2010, 1, 1).unwrap();
    let mut csv = String::new();
    for day in 0..2_000_i64 {
        let date = (first + TimeDelta::days(day)).to_string();
        csv.push_str(&trades_csv(&date, day..day + 1));
    }
    server.publish(&odd, zip_of(&csv_name(&odd), csv.as_bytes()));
    server.publish(&good, trades(&good, DAY, 0..5));
    let lake = TestLake::new();

    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());

    assert_eq!(run.code, Some(1), "{run}");
    let reason = lake.ledger(&odd, "status, rows, reason").await;
    assert!(
        reason.len() == 1 && reason[0].starts_with("rejected | 0 | 2000 of 2000 rows"),
        "{reason:?}"
    );
    assert_eq!(lake.ledger(&good, "status, rows").await, ["ingested | 5"]);
    assert_eq!(lake.data_files("silver/trades").len(), 1);
}

/// Days of liquidations with long texts, so that memory is short after a few hundred of them.
const DAYS: i64 = 400;
const ROWS_OF_A_DAY: i64 = 25;

fn long_rows(date: NaiveDate) -> String {
    let start = date.and_hms_opt(0, 0, 0).unwrap().and_utc();
    let mut text = String::new();
    let mut state = 1_u64;
    while text.len() < 4_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        write!(text, "{state:x}").unwrap();
    }
    let mut csv = String::new();
    for row in 0..ROWS_OF_A_DAY {
        let time: DateTime<_> = start + TimeDelta::seconds(row);
        let time = time.timestamp_millis();
        writeln!(csv, "{time},{text},{text},{text},1,2,3,{text},4,5").unwrap();
    }
    csv
}

#[tokio::test]
async fn a_batch_of_hundreds_of_days_lands_with_few_files_open() {
    let (folder, lake) = (TempDir::new().unwrap(), TestLake::new());
    let first = NaiveDate::from_ymd_opt(2022, 1, 1).unwrap();
    for date in (0..DAYS).map(|day| first + TimeDelta::days(day)) {
        let key = format!(
            "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/\
             BTCUSD_PERP-liquidationSnapshot-{date}.zip"
        );
        publish(folder.path(), &key, long_rows(date));
    }
    let arguments =
        ["--all", "--source", folder.path().to_str().unwrap(), "--batch-size", &DAYS.to_string()];
    let program = lake.program("ingest", &arguments);
    let mut limited = Command::new("sh");
    // The program in place of the shell, with fewer files than the batch has days.
    limited.args(["-c", "ulimit -n 160 && exec \"$0\" \"$@\""]).arg(program.get_program());
    limited.args(program.get_args()).current_dir(program.get_current_dir().unwrap());

    let output = limited.output().unwrap();

    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    let rows = lake.value("SELECT count(*) FROM silver.liquidation_snapshot").await;
    assert_eq!(rows, (DAYS * ROWS_OF_A_DAY).to_string());
}

#[cfg(debug_assertions)]
#[tokio::test]
async fn a_panic_while_an_archive_is_decoded_is_that_archives_failure() {
    let server = ArchiveServer::start();
    let keys = ["A", "B", "C"].map(|symbol| trades_key(symbol, DAY));
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..5)));
    let lake = TestLake::new();
    let arguments = [&ALL_TRADES[..], &["--source", server.url()]].concat();

    let mut program = lake.program("ingest", &arguments);
    let output = program.env(PANIC_ON, &keys[1]).output().unwrap();

    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let ledger = lake.ledger(&keys[1], "status, reason").await;
    assert!(
        ledger.len() == 1
            && ledger[0].starts_with("failed | decoding it panicked")
            && ledger[0].ends_with("please report it"),
        "{ledger:?}"
    );
    for key in [&keys[0], &keys[2]] {
        assert_eq!(lake.ledger(key, "status, rows").await, ["ingested | 5"]);
    }
    // The next run takes it.
    lake.run("ingest", &arguments);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "15");
}

/// Publishes a good row and so many bad ones of about a kilobyte each.
fn publish_rejects(server: &ArchiveServer, symbol: &str, rows: usize) -> String {
    let key = trades_key(symbol, DAY);
    let mut csv = trades_csv(DAY, 0..1);
    for row in 0..rows {
        // Unlike its neighbours, as a zip may unpack to 500 times its size at most.
        for part in 0..60 {
            write!(csv, "{:016x}", (row * 60 + part) * 7919).unwrap();
        }
        csv.push_str(",2\n");
    }
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    key
}

#[tokio::test]
async fn rejected_rows_are_written_as_they_come_and_each_is_recorded_once() {
    let server = ArchiveServer::start();
    let keys: Vec<String> = [("FEW", 3), ("MANY", 9_000), ("ALSOMANY", 9_000)]
        .map(|(symbol, rows)| publish_rejects(&server, symbol, rows))
        .into();
    let (lake, memory) = (TestLake::new(), MemoryBudget::new(16 << 20));

    let done = lake.ingest_within(server.url(), &ALL_TRADES, &memory).await;

    assert_eq!(done.summary.rejected_rows, 18_003, "{}", done.summary);
    let rejects = lake
        .rows(
            "SELECT archive, count(*), count(DISTINCT line), min(line) FROM meta.rejects \
             GROUP BY archive ORDER BY archive",
        )
        .await;
    let expected = [(&keys[2], 9_000), (&keys[0], 3), (&keys[1], 9_000)]
        .map(|(key, rows)| format!("{key} | {rows} | {rows} | 2"));
    assert_eq!(rejects, expected);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "3");
    let peak = memory.peak();
    assert!(peak < 17 << 20, "{peak} bytes at a time, of 18 MB of rejects");
}

#[tokio::test]
async fn an_archive_with_too_many_rejects_keeps_the_first_hundred_and_no_file_of_the_others() {
    let server = ArchiveServer::start();
    let key = trades_key("BAD", DAY);
    let bad = (0..100_001).map(|row| format!("x{row},1\n"));
    let csv: String = std::iter::once(trades_csv(DAY, 0..1)).chain(bad).collect();
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    let good = trades_key("GOOD", DAY);
    server.publish(&good, trades(&good, DAY, 0..5));
    let lake = TestLake::new();

    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!((done.summary.archives.new, done.summary.archives.failed), (1, 1));
    let ledger = lake.ledger(&key, "status, rows, rejected_rows, reason").await;
    let said = "rejected | 0 | 100001 | 100001 of 100002 rows cannot be read; first: line 2, ";
    assert!(ledger.len() == 1 && ledger[0].starts_with(said), "{ledger:?}");
    let kept = lake.value("SELECT count(*) FROM meta.rejects WHERE line BETWEEN 2 AND 101").await;
    assert_eq!(kept, "100");
    assert_eq!(lake.value("SELECT count(*) FROM meta.rejects").await, "100");
    assert_eq!(lake.data_files("meta/rejects").len(), 1);
}
