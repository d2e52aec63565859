//! Archives that are removed: their rows go, gold follows, and nothing brings them back by itself.

use serde_json::Value;

use crate::kill::{hold_at, let_go};
use crate::repair::ask;
use crate::support::archive_server::ArchiveServer;
use crate::support::command::Run;
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::upgrade::copy_folder;

const DAYS: [&str; 3] = ["2024-01-02", "2024-01-03", "2024-01-04"];
const STATUSES: &str = "SELECT symbol, period_start, status, rows FROM meta.archives \
                        ORDER BY symbol, period_start";

fn publish(server: &ArchiveServer, symbol: &str, day: &str) {
    let key = trades_key(symbol, day);
    server.publish(&key, trades(&key, day, 0..5));
}

/// A lake of trades of two symbols, all of which a batch of its own landed.
async fn scene() -> (ArchiveServer, TestLake) {
    let server = ArchiveServer::start();
    for day in DAYS {
        publish(&server, "AUSDT", day);
        publish(&server, "BUSDT", day);
    }
    let lake = TestLake::new();
    lake.ingest(server.url(), &["--all", "--data-type", "trades"]).await;
    (server, lake)
}

fn ingest(lake: &TestLake, server: &ArchiveServer, flags: &[&str]) -> Run {
    let all = ["--all", "--data-type", "trades", "--stage", "silver", "--source", server.url()];
    lake.run("ingest", &[&all[..], flags].concat())
}

async fn days(lake: &TestLake, symbol: &str) -> Vec<String> {
    let sql =
        format!("SELECT DISTINCT date FROM silver.trades WHERE symbol = '{symbol}' ORDER BY 1");
    lake.rows(&sql).await
}

#[tokio::test]
async fn a_removed_series_is_gone_and_stays_out_with_its_later_archives() {
    let (server, lake) = scene().await;
    let version = lake.versions()["silver/trades"];
    let dry = lake.run("remove", &["--symbol", "AUSDT", "--dry-run"]);
    assert_eq!(dry.stdout, "silver.trades: would remove 3 archives with 15 rows\n", "{dry}");
    assert_eq!(lake.versions()["silver/trades"], version);

    let run = lake.run("remove", &["--symbol", "AUSDT"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("silver.trades: removed 3 archives with 15 rows"), "{run}");
    assert_eq!(lake.versions()["silver/trades"], version + 1, "one commit");
    assert_eq!(days(&lake, "AUSDT").await, [""; 0]);
    assert_eq!(days(&lake, "BUSDT").await, DAYS);
    assert_eq!(
        lake.rows(STATUSES).await[..2],
        ["AUSDT | 2024-01-02 | removed | 0", "AUSDT | 2024-01-03 | removed | 0"]
    );

    publish(&server, "AUSDT", "2024-01-05");
    publish(&server, "BUSDT", "2024-01-05");
    let plan =
        lake.run("plan", &["--all", "--data-type", "trades", "--source", server.url(), "--list"]);
    assert_eq!(plan.stdout.matches("removed with `lakehouse remove`").count(), 1 + 4, "{plan}");
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    assert_eq!(lake.run("refresh", &["--full", "--source", server.url()]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await, [""; 0]);
    assert_eq!(days(&lake, "BUSDT").await.len(), 4);
    let verified = lake.run("verify", &["--deep"]);
    assert_eq!(verified.code, Some(0), "{verified}");
    let again = lake.run("remove", &["--symbol", "AUSDT"]);
    assert!(again.code == Some(0) && again.stderr.contains("nothing to remove"), "{again}");
}

#[tokio::test]
async fn removed_days_come_back_when_they_are_restored_and_not_before() {
    let (server, lake) = scene().await;
    let day = ["--symbol", "AUSDT", "--start", DAYS[1], "--end", DAYS[1]];
    let run = lake.run("remove", &[&day[..], &["--bronze", "--format", "json"]].concat());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["removed"][0]["rows"], 5, "{run}");
    assert_eq!(report["bronze_files"], 2, "the zip and its checksum: {run}");
    assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2]]);

    // A new version of it is no reason to load it either, while others are corrected as ever.
    let key = trades_key("AUSDT", DAYS[1]);
    server.publish(&key, trades(&key, DAYS[1], 0..7));
    let key = trades_key("AUSDT", DAYS[0]);
    server.publish(&key, trades(&key, DAYS[0], 0..6));
    publish(&server, "AUSDT", "2024-01-05");
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2], "2024-01-05"]);
    assert_eq!(lake.run("verify", &[]).code, Some(0));

    let rebuilt = lake.rows(STATUSES).await;
    assert_eq!(lake.run("maintain", &["--rebuild-ledger"]).code, Some(0));
    assert_eq!(lake.rows(STATUSES).await, rebuilt);
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await.len(), 3);

    let restored = ingest(&lake, &server, &["--restore"]);
    assert_eq!(restored.code, Some(0), "{restored}");
    assert_eq!(days(&lake, "AUSDT").await.len(), 4);
    let count = format!("SELECT count(*) FROM silver.trades WHERE date = '{}'", DAYS[1]);
    assert_eq!(lake.value(&count).await, "12");
    let statuses = "SELECT DISTINCT status FROM meta.archives ORDER BY status";
    assert_eq!(lake.rows(statuses).await, ["ingested", "superseded"]);
    assert_eq!(lake.run("verify", &["--deep"]).code, Some(0));
}

#[tokio::test]
async fn the_month_of_a_removed_day_does_not_bring_it_back() {
    let (server, lake) = scene().await;
    let day = ["--symbol", "AUSDT", "--start", DAYS[1], "--end", DAYS[1]];
    assert_eq!(lake.run("remove", &day).code, Some(0));
    let month = trades_key("AUSDT", "2024-01").replace("/daily/", "/monthly/");
    server.publish(&month, trades(&month, DAYS[1], 0..5));
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2]]);
    assert_eq!(ingest(&lake, &server, &["--restore"]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await, DAYS);
}

#[tokio::test]
async fn archives_of_which_only_some_days_are_selected_stay_and_are_named() {
    let server = ArchiveServer::start();
    let month = trades_key("AUSDT", "2024-01").replace("/daily/", "/monthly/");
    server.publish(&month, trades(&month, DAYS[1], 0..5));
    let lake = TestLake::new();
    lake.ingest(server.url(), &["--all", "--data-type", "trades"]).await;
    let run = lake.run("remove", &["--symbol", "AUSDT", "--start", DAYS[1], "--end", DAYS[1]]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains(&format!("{month} has days outside the selection")), "{run}");
    assert_eq!(days(&lake, "AUSDT").await, [DAYS[1]]);
    assert_eq!(lake.run("remove", &["--symbol", "AUSDT", "--end", "2024-01"]).code, Some(0));
    assert_eq!(days(&lake, "AUSDT").await, [""; 0]);
}

#[tokio::test]
async fn archives_that_failed_are_left_out_too_and_a_removal_of_everything_is_meant() {
    let (server, lake) = scene().await;
    let key = trades_key("CUSDT", DAYS[0]);
    server.publish(&key, b"this is no zip".to_vec());
    assert_eq!(ingest(&lake, &server, &[]).code, Some(1));
    assert_eq!(lake.run("remove", &["--symbol", "CUSDT"]).code, Some(0));
    server.publish(&key, trades(&key, DAYS[0], 0..5));
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
    assert_eq!(days(&lake, "CUSDT").await, [""; 0]);

    let refused = lake.run("remove", &[]);
    assert!(refused.code == Some(2) && refused.stderr.contains("--all"), "{refused}");
    assert_eq!(lake.run("remove", &["--all", "--bronze"]).code, Some(0));
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "0");
    assert_eq!(lake.run("verify", &[]).code, Some(0));
    assert_eq!(ingest(&lake, &server, &["--restore"]).code, Some(0));
    assert_eq!(lake.value("SELECT count(*) FROM silver.trades").await, "35");
}

#[tokio::test]
async fn gold_follows_a_removal() {
    let (server, lake) = scene().await;
    let gold = ["--all", "--data-type", "trades", "--source", server.url()];
    assert_eq!(lake.run("ingest", &gold).code, Some(0));
    let tables = lake
        .rows(
            "SELECT DISTINCT table_name FROM information_schema.tables \
                            WHERE table_schema = 'gold' ORDER BY 1",
        )
        .await;
    assert!(!tables.is_empty());
    assert_eq!(lake.run("remove", &["--symbol", "AUSDT"]).code, Some(0));
    for table in tables {
        let columns = lake
            .rows(&format!(
                "SELECT column_name FROM information_schema.columns \
            WHERE table_schema = 'gold' AND table_name = '{table}' AND column_name = 'symbol'"
            ))
            .await;
        if columns.is_empty() {
            continue;
        }
        let left = format!("SELECT count(*) FROM gold.{table} WHERE symbol = 'AUSDT'");
        if table != "symbols" {
            assert_eq!(lake.value(&left).await, "0", "{table}");
        }
    }
    let up_to_date = lake.run("gold", &["--dry-run"]);
    assert!(!up_to_date.stdout.contains("AUSDT") && up_to_date.code == Some(0), "{up_to_date}");
}

#[tokio::test]
async fn what_is_removed_while_another_run_corrects_it_stays_removed() {
    for step in ["files written silver.trades", "before commit silver.trades"] {
        let (server, lake) = scene().await;
        let removed = trades_key("AUSDT", DAYS[1]);
        let corrected = trades_key("BUSDT", DAYS[1]);
        server.publish(&removed, trades(&removed, DAYS[1], 0..7));
        server.publish(&corrected, trades(&corrected, DAYS[1], 0..6));
        let marker = lake.path().with_file_name("reached");
        let flags = ["--all", "--data-type", "trades", "--source", server.url()];
        let held = hold_at(lake.program("ingest", &flags), step, &marker).unwrap();

        let day = ["--symbol", "AUSDT", "--start", DAYS[1], "--end", DAYS[1]];
        let run = lake.run("remove", &day);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(let_go(held, &marker).success());

        assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2]], "{step}");
        let count = "SELECT count(*) FROM silver.trades WHERE symbol = 'BUSDT'";
        assert_eq!(lake.value(count).await, "16", "{step}: the correction lands");
        let status = lake.ledger(&format!("AUSDT-trades-{}.zip", DAYS[1]), "status, rows").await;
        assert_eq!(status, ["removed | 0"], "{step}");
        assert_eq!(ingest(&lake, &server, &[]).code, Some(0));
        assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2]], "{step}");
        assert_eq!(lake.run("verify", &["--deep"]).code, Some(0));
    }
}

#[tokio::test]
async fn what_is_removed_while_another_run_finds_it_damaged_stays_removed() {
    let (server, lake) = scene().await;
    let key = trades_key("AUSDT", DAYS[1]);
    server.publish(&key, b"this is no zip".to_vec());
    let marker = lake.path().with_file_name("reached");
    let flags = ["--all", "--data-type", "trades", "--source", server.url()];
    let step = "before commit meta.archives";
    let held = hold_at(lake.program("ingest", &flags), step, &marker).unwrap();

    let run = lake.run("remove", &["--symbol", "AUSDT"]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(let_go(held, &marker).code(), Some(1), "one archive could not be read");

    let statuses = "SELECT DISTINCT status FROM meta.archives WHERE symbol = 'AUSDT'";
    assert_eq!(lake.rows(statuses).await, ["removed"]);
    let restored = ingest(&lake, &server, &["--restore"]);
    assert_eq!(restored.code, Some(1), "{restored}");
    assert_eq!(days(&lake, "AUSDT").await, [DAYS[0], DAYS[2]]);
    let status = lake.ledger(&format!("AUSDT-trades-{}.zip", DAYS[1]), "status").await;
    assert_eq!(status, ["removed"], "it could not be restored");
}

#[tokio::test]
async fn what_was_restored_is_loaded_again_where_silver_is_put_back_to_before() {
    let (server, lake) = scene().await;
    let day = ["--symbol", "AUSDT", "--start", DAYS[1], "--end", DAYS[1]];
    assert_eq!(lake.run("remove", &day).code, Some(0));
    let backup = lake.path().with_file_name("backup");
    copy_folder(&lake.path().join("silver"), &backup);
    assert_eq!(ingest(&lake, &server, &["--restore"]).code, Some(0));

    std::fs::remove_dir_all(lake.path().join("silver")).unwrap();
    copy_folder(&backup, &lake.path().join("silver"));
    assert_eq!(ingest(&lake, &server, &[]).code, Some(0));

    let counts = "SELECT count(*) || ' rows of ' || count(DISTINCT symbol || date) || ' days' \
                  FROM silver.trades";
    assert_eq!(ask(&lake, &[], counts), "30 rows of 6 days");
    assert_eq!(lake.run("verify", &["--deep"]).code, Some(0));
}
