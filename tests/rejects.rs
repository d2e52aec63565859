//! Rows that cannot be kept: each is in `meta.rejects` with the place where it stands, and the rows
//! around it are in silver.

use crate::kill::kill_at;
use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];

fn publish(server: &ArchiveServer, key: &str, csv: &str) {
    server.publish(key, zip_of(&csv_name(key), csv.as_bytes()));
}

#[tokio::test]
async fn bad_rows_are_recorded_by_line_column_value_reason_and_text_and_good_rows_land() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    let csv = "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\r\n\
               1,1.5,2,3,1704153600000,True,True\r\n\
               2,1.123456789,2,3,1704153600001,True,True\r\n\
               3,1.5,2,3,1704153600,True,True\r\n\
               4,1.5,2,3,1704153600003,yes,True\r\n\
               5,1.5,2\r\n\
               ,1.5,2,3,1704153600004,True,True\r\n\
               7,1.5,2,3,1704153600005,False,True\r\n";
    publish(&server, &key, csv);
    let lake = TestLake::new();

    let run = lake.run("ingest", &[&ALL_TRADES[..], &["--source", server.url()]].concat());

    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("2 rows, 5 rejected"), "{run}");
    assert_eq!(lake.rows("SELECT id FROM silver.trades ORDER BY id").await, ["1", "7"]);
    assert_eq!(lake.ledger(&key, "status, rows, rejected_rows").await, ["ingested | 2 | 5"]);
    let rejects = lake
        .rows("SELECT archive, line, \"column\", value, raw FROM meta.rejects ORDER BY line")
        .await;
    let expected = [
        "3 | price | 1.123456789 | 2,1.123456789,2,3,1704153600001,True,True",
        "4 | time | 1704153600 | 3,1.5,2,3,1704153600,True,True",
        "5 | is_buyer_maker | yes | 4,1.5,2,3,1704153600003,yes,True",
        "6 |  |  | 5,1.5,2",
        "7 | id |  | ,1.5,2,3,1704153600004,True,True",
    ];
    assert_eq!(rejects, expected.map(|line| format!("{key} | {line}")));
    let unexplained = "SELECT count(*) FROM meta.rejects WHERE reason = '' OR run = ''";
    assert_eq!(lake.value(unexplained).await, "0");
}

#[tokio::test]
async fn an_archive_with_bad_rows_only_is_rejected_and_shows_the_first() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    publish(&server, &key, "1,x,2,3,1704153600000,True,True\n2,y,2,3,1704153600000,True,True\n");
    let good = trades_key("GOOD", DAY);
    server.publish(&good, trades(&good, DAY, 0..3));
    let lake = TestLake::new();

    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(
        (done.summary.archives.new, done.summary.archives.failed, done.summary.rejected_rows),
        (1, 1, 2)
    );
    let ledger = lake.ledger(&key, "status, rows, rejected_rows, reason").await;
    let said = "rejected | 0 | 2 | 2 of 2 rows cannot be read; first: line 1, column price, `x`: ";
    assert!(ledger.len() == 1 && ledger[0].starts_with(said), "{ledger:?}");
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "3");
    assert_eq!(
        lake.rows("SELECT line, value FROM meta.rejects ORDER BY line").await,
        ["1 | x", "2 | y"]
    );
}

#[tokio::test]
async fn an_archive_that_is_published_again_takes_its_old_rejects_with_it() {
    let server = ArchiveServer::start();
    let (key, other) = (trades_key("BTCUSDT", DAY), trades_key("OTHER", DAY));
    let rows = |price: &str| {
        format!("1,1.5,2,3,1704153600000,True,True\n2,{price},2,3,1704153600001,True,True\n")
    };
    publish(&server, &key, &rows("x"));
    publish(&server, &other, &rows("z"));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!(lake.rows("SELECT value FROM meta.rejects ORDER BY value").await, ["x", "z"]);

    publish(&server, &key, &rows("1.75"));
    lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(lake.rows("SELECT value FROM meta.rejects").await, ["z"]);
    assert_eq!(
        lake.ledger(&key, "status, rows, rejected_rows").await,
        ["superseded | 1 | 1", "ingested | 2 | 0"]
    );
}

#[tokio::test]
async fn an_empty_archive_is_ingested_with_no_rows() {
    let server = ArchiveServer::start();
    let (empty, header) = (trades_key("EMPTY", DAY), trades_key("HEADER", DAY));
    publish(&server, &empty, "");
    publish(&server, &header, "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n");
    let lake = TestLake::new();

    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!((done.summary.archives.new, done.summary.archives.failed), (2, 0));
    let ledger = lake.rows("SELECT status, rows, min_time IS NULL FROM meta.archives").await;
    assert_eq!(ledger, ["ingested | 0 | true", "ingested | 0 | true"]);
    let again = lake.ingest(server.url(), &ALL_TRADES).await;
    assert_eq!((again.summary.archives.skipped, server.downloads()), (2, 2));
}

#[tokio::test]
async fn rejects_of_rows_in_silver_stay_where_a_newer_version_cannot_be_read() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    publish(&server, &key, "1,1.5,2,3,1704153600000,True,True\n2,x,2,3,1704153600001,True,True\n");
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;

    server.publish(&key, b"this is no zip".to_vec());
    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(done.summary.archives.failed, 1);
    assert_eq!(lake.rows("SELECT id FROM silver.trades").await, ["1"]);
    assert_eq!(lake.rows("SELECT value FROM meta.rejects").await, ["x"]);
}

#[tokio::test]
async fn rejects_of_rows_in_silver_stay_where_a_correction_without_any_dies_before_its_commit() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", DAY);
    let good = "1,1.5,2,3,1704153600000,True,True\n";
    publish(&server, &key, &format!("{good}2,x,2,3,1704153600001,True,True\n"));
    let lake = TestLake::new();
    lake.ingest(server.url(), &ALL_TRADES).await;
    publish(&server, &key, &format!("{good}2,1.75,2,3,1704153600001,True,True\n"));

    let flags = ["--all", "--stage", "silver", "--source", server.url()];
    let marker = lake.path().with_file_name("reached");
    let step = "before commit silver.trades";
    assert!(kill_at(lake.program("ingest", &flags), step, &marker), "never came to {step}");

    assert_eq!(lake.rows("SELECT value FROM meta.rejects").await, ["x"]);
    let verified = lake.run("verify", &[]);
    assert_eq!(verified.code, Some(0), "{verified}");
    let run = lake.run("ingest", &flags);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(lake.rows("SELECT value FROM meta.rejects").await.is_empty());
}
