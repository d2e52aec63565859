//! Archives that are none: each has its reason in the ledger, leaves nothing in silver, and keeps
//! no other from landing.

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, trades, trades_csv, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::{bad_zips, with_wrong_checksum, with_wrong_content, zip_of};

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];

/// Bytes of CSV that make more rows than wait in memory: some are on disk before the end is seen.
const LARGE: usize = 72 << 20;

/// Publishes a good archive among whatever else is served.
fn publish_good(server: &ArchiveServer) -> String {
    let key = trades_key("GOOD", DAY);
    server.publish(&key, trades(&key, DAY, 0..5));
    key
}

/// Returns the CSV of so many bytes, in rows of one day.
fn large_csv() -> Vec<u8> {
    let row = trades_csv(DAY, 1_000_000..1_000_001);
    row.repeat(LARGE / row.len() + 1).into_bytes()
}

#[tokio::test]
async fn each_bad_zip_is_rejected_with_its_reason_and_the_rest_of_the_batch_lands() {
    let server = ArchiveServer::start();
    let good = publish_good(&server);
    let bad = bad_zips("inside.csv", trades_csv(DAY, 10..20).as_bytes());
    for zip in &bad {
        server.publish(&trades_key(zip.name, DAY), zip.bytes.clone());
    }
    let lake = TestLake::new();

    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());

    assert_eq!(run.code, Some(1), "{run}");
    let counts =
        format!("archives: 1 new, 0 skipped, 0 corrected, 0 not published, {} failed", bad.len());
    assert!(run.stderr.contains(&counts), "{run}");
    for zip in &bad {
        let key = trades_key(zip.name, DAY);
        let ledger =
            lake.ledger(&key, "status, checksum, rows, silver_version IS NULL, reason").await;
        assert!(
            ledger.len() == 1 && ledger[0].starts_with("rejected | match | 0 | true | "),
            "{key}: {ledger:?}"
        );
        assert!(ledger[0].contains(zip.reason), "{key}: {}", ledger[0]);
    }
    let silver = "SELECT DISTINCT archive, count(*) FROM silver.trades GROUP BY archive";
    assert_eq!(lake.rows(silver).await, [format!("{good} | 5")]);
    assert_eq!(lake.ledger(&good, "status, rows").await, ["ingested | 5"]);
}

#[tokio::test]
async fn what_was_rejected_is_not_fetched_again_until_it_is_published_again() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    server.publish(&key, with_wrong_content(&csv_name(&key), trades_csv(DAY, 0..5).as_bytes()));
    let lake = TestLake::new();
    assert_eq!(lake.ingest(server.url(), &ALL_TRADES).await.summary.archives.failed, 1);
    let again = lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!((again.summary.archives.skipped, server.downloads()), (1, 1));

    server.publish(&key, trades(&key, DAY, 0..5));
    lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(lake.ledger(&key, "status, rows, reason").await, ["ingested | 5 | "]);
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "5");
}

#[tokio::test]
async fn a_large_archive_that_is_damaged_leaves_no_row_and_no_file() {
    let server = ArchiveServer::start();
    let good = publish_good(&server);
    let csv = large_csv();
    // A checksum is known at the end only, when most rows have been written.
    server.publish(&trades_key("CRC", DAY), with_wrong_checksum("inside.csv", &csv));
    let lake = TestLake::new();

    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(
        (done.summary.archives.new, done.summary.archives.failed),
        (1, 1),
        "{}",
        done.summary
    );
    let reason = lake.ledger(&trades_key("CRC", DAY), "status, rows, reason").await;
    assert!(
        reason[0].starts_with("rejected | 0 | ") && reason[0].contains("04030201"),
        "{reason:?}"
    );
    assert_eq!(lake.rows("SELECT archive FROM silver.trades GROUP BY archive").await, [good]);
    assert_eq!(lake.data_files("silver/trades").len(), 1, "what was written of the others is gone");
}

#[tokio::test]
async fn a_large_archive_that_is_whole_lands_with_every_row() {
    let server = ArchiveServer::start();
    let good = publish_good(&server);
    let (key, csv) = (trades_key("LARGE", DAY), large_csv());
    server.publish(&key, zip_of(&csv_name(&key), &csv));
    let lake = TestLake::new();

    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    let rows = csv.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((done.summary.archives.new, done.summary.failures), (2, vec![]));
    let silver = "SELECT archive, count(*) FROM silver.trades GROUP BY archive ORDER BY archive";
    assert_eq!(lake.rows(silver).await, [format!("{good} | 5"), format!("{key} | {rows}")]);
}
