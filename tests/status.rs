//! What the lake holds, as `status` tells it: days, gaps with their reasons, failures, calendars.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, identify, sample_folder, trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const TRADES: [&str; 3] = ["--all", "--data-type", "trades"];

/// A lake of trades with a hole, a day that cannot be read, a day with a bad row, and a second
/// symbol.
async fn lake_with_gaps() -> TestLake {
    let server = ArchiveServer::start();
    for day in ["2024-01-02", "2024-01-03", "2024-01-06", "2024-01-08"] {
        let key = trades_key("BTCUSDT", day);
        server.publish(&key, trades(&key, day, 0..20));
    }
    let key = trades_key("BTCUSDT", "2024-01-04");
    server.publish(&key, b"this is no zip".to_vec());
    let key = trades_key("BTCUSDT", "2024-01-07");
    let csv = "1,1.5,2,3,1704585600000,True,True\n2,x,2,3,1704585600001,True,True\n";
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    let key = trades_key("ETHUSDT", "2024-01-02");
    server.publish(&key, trades(&key, "2024-01-02", 0..5));
    let lake = TestLake::new();
    lake.ingest(server.url(), &TRADES).await;
    lake
}

fn document(lake: &TestLake, flags: &[&str]) -> Value {
    let run = lake.run("status", &[flags, &["--format", "json"]].concat());
    assert_eq!(run.code, Some(0), "{run}");
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Prints the gaps of a series as `2024-01-04 2024-01-04 rejected`.
fn gaps(series: &Value) -> Vec<String> {
    let text = |gap: &Value, name: &str| gap[name].as_str().unwrap().to_owned();
    let gaps = series["gaps"].as_array().unwrap().iter();
    gaps.map(|gap| [text(gap, "start"), text(gap, "end"), text(gap, "reason")].join(" ")).collect()
}

#[tokio::test]
async fn every_series_is_told_with_its_days_rows_and_gaps() {
    let lake = lake_with_gaps().await;
    let found = document(&lake, &[]);
    let series = found["series"].as_array().unwrap();
    assert_eq!(series.len(), 2);
    let figures = |series: &Value| {
        ["days", "missing", "archives", "failed", "rows", "rejected_rows"]
            .map(|name| series[name].as_u64().unwrap())
    };
    assert_eq!(figures(&series[0]), [5, 2, 5, 1, 81, 1]);
    assert_eq!(figures(&series[1]), [1, 0, 1, 0, 5, 0]);
    assert_eq!(
        (&series[0]["first"], &series[0]["last"]),
        (&"2024-01-02".into(), &"2024-01-08".into())
    );
    assert_eq!(
        gaps(&series[0]),
        ["2024-01-04 2024-01-04 rejected", "2024-01-05 2024-01-05 unknown"]
    );
    assert!(series[0]["gaps"][0]["detail"].as_str().unwrap().contains("zip"), "{found:#}");
    assert_eq!(found["totals"]["rows"], 86);
    let bytes: u64 = lake
        .value("SELECT sum(size) FROM meta.archives WHERE status = 'ingested'")
        .await
        .parse()
        .unwrap();
    assert_eq!(found["totals"]["bytes"], bytes);
    assert_eq!(found["failed"][0]["archive"], trades_key("BTCUSDT", "2024-01-04"));
    assert_eq!(
        (&found["runs"][0]["archives_new"], &found["runs"][0]["archives_failed"]),
        (&6.into(), &1.into())
    );
}

#[tokio::test]
async fn people_read_tables_a_calendar_and_what_to_ask_next() {
    let lake = lake_with_gaps().await;
    let run = lake
        .run("status", &["--symbol", "BTCUSDT", "--start", "2024-01-01", "--end", "2024-02-02"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), "--gaps shows which days and why; --failed shows which archives\n")
    );
    let (shown, runs) = run.stdout.split_once("\nlast runs").unwrap();
    assert!(runs.contains("incomplete"), "{run}");
    let shown = shown.lines().filter(|line| !line.contains("KiB")).collect::<Vec<_>>().join("\n");
    assert_snapshot!(shown, @r"
    market  data type  symbol   interval  first       last        days  missing  rows  rejected     size


    spot trades BTCUSDT
             1   5    10   15   20   25   30
    2024-01  □■■✗□■▣■□□□□□□□□□□□□□□□□□□□□□□□
    2024-02  □□
    ■ held   ▣ held, rows were rejected   ✗ archive cannot be read   □ unknown: not requested, or not listed
    ");
}

#[tokio::test]
async fn gaps_and_failures_are_listed_with_their_reasons() {
    let lake = lake_with_gaps().await;
    let gaps = lake.run("status", &["--gaps"]);
    let lines: Vec<&str> = gaps.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{gaps}");
    assert!(lines[1].contains("2024-01-04  2024-01-04     1  archive cannot be read"), "{gaps}");
    assert!(lines[2].contains("unknown: not requested, or not listed"), "{gaps}");
    let failed = lake.run("status", &["--failed"]);
    let lines: Vec<&str> = failed.stdout.lines().collect();
    assert_eq!((lines.len(), failed.code, failed.stderr.as_str()), (2, Some(0), ""), "{failed}");
    assert!(
        lines[1].starts_with(&format!(
            "{}  rejected  2026-12-01T",
            trades_key("BTCUSDT", "2024-01-04")
        )),
        "{failed}"
    );
}

#[tokio::test]
async fn a_scope_leaves_out_what_it_does_not_name() {
    let lake = lake_with_gaps().await;
    let symbols = |flags: &[&str]| {
        let found = document(&lake, flags);
        let series = found["series"].as_array().unwrap().iter();
        (
            series.map(|one| one["symbol"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            found["totals"]["failed"].clone(),
        )
    };
    assert_eq!(symbols(&["--symbol", "ETH*"]), (vec!["ETHUSDT".to_owned()], 0.into()));
    assert_eq!(symbols(&["--symbol", "!ETH*"]), (vec!["BTCUSDT".to_owned()], 1.into()));
    assert_eq!(symbols(&["--market", "futures_um"]), (vec![], 0.into()));
    let dated =
        document(&lake, &["--symbol", "BTCUSDT", "--start", "2024-01-07", "--end", "2024-01-09"]);
    assert_eq!(gaps(&dated["series"][0]), ["2024-01-09 2024-01-09 unknown"]);
    assert_eq!(dated["series"][0]["rows"], 21, "of the archives of these days");
    let wrong = lake.run("status", &["--start", "2024-02", "--end", "2024-01"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
    let wrong = lake.run("status", &["--data-type", "candles"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("aggTrades"), "{wrong}");
}

#[tokio::test]
async fn a_series_that_is_older_than_it_may_be_is_named_and_makes_the_exit_code_1() {
    let lake = lake_with_gaps().await;
    let run = lake.run("status", &["--max-age", "36h", "--symbol", "ETHUSDT"]);
    assert_eq!(run.code, Some(1), "{run}");
    let (_, stale) = run.stdout.split_once("stale:\n").unwrap();
    assert!(stale.lines().nth(1).unwrap().starts_with("spot    trades     ETHUSDT"), "{run}");
    assert!(stale.contains("2024-01-02"), "{run}");

    let run = lake.run("status", &["--max-age", "36h", "--format", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let stale = found["stale"].as_array().unwrap().iter();
    let stale: Vec<&str> = stale.map(|series| series["symbol"].as_str().unwrap()).collect();
    assert_eq!(stale, ["BTCUSDT", "ETHUSDT"]);

    let run = lake.run("status", &["--max-age", "99years"]);
    assert!(run.code == Some(0) && !run.stdout.contains("stale"), "{run}");
}

#[test]
fn a_lake_that_is_not_there_holds_nothing() {
    let lake = TestLake::new();
    let run = lake.run("status", &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    assert!(run.stderr.contains("holds nothing of this yet; lakehouse ingest fills it"), "{run}");
    assert_eq!(document(&lake, &[])["series"], Value::Array(Vec::new()));
    assert!(!lake.path().exists(), "asking makes no lake");
}

#[tokio::test]
async fn many_series_are_told_together() {
    let server = ArchiveServer::start();
    for at in 0..61 {
        let key = trades_key(&format!("COIN{at:02}"), "2024-01-02");
        server.publish(&key, trades(&key, "2024-01-02", 0..1));
    }
    let lake = TestLake::new();
    lake.ingest(server.url(), &TRADES).await;
    let run = lake.run("status", &[]);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(
        words[..9],
        ["spot", "trades", "61", "-", "2024-01-02", "2024-01-02", "61", "0", "61"],
        "{run}"
    );
    assert!(lines[3].starts_with("61 series: 61 archives of "), "{run}");
}

#[tokio::test]
async fn the_days_that_are_told_are_the_days_that_silver_has() {
    let keys = [
        "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01.zip",
        "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-03.zip",
        "data/spot/daily/klines/ETHUSDT/1d/ETHUSDT-1d-2024-02-03.zip",
        "data/spot/daily/klines/ETHUSDT/1d/ETHUSDT-1d-2024-02-05.zip",
        "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-02.zip",
        "data/futures/cm/monthly/fundingRate/BTCUSD_PERP/BTCUSD_PERP-fundingRate-2024-01.zip",
        "data/option/daily/EOHSummary/BTCUSDT/BTCUSDT-EOHSummary-2023-10-20.zip",
    ];
    let folder = sample_folder(&keys.map(identify));
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    let found = document(&lake, &[]);
    let mut reported = Vec::new();
    for series in found["series"].as_array().unwrap() {
        let text = |name: &str| series[name].as_str().unwrap_or_default().to_owned();
        reported.push(
            [
                text("symbol"),
                text("interval"),
                series["days"].to_string(),
                text("first"),
                text("last"),
            ]
            .join(" | "),
        );
    }
    let mut silver = Vec::new();
    for (table, interval) in [
        ("klines", "bar_interval"),
        ("metrics", "''"),
        ("funding_rate", "''"),
        ("eoh_summary", "''"),
    ] {
        let sql = format!(
            "SELECT symbol, {interval} AS i, count(DISTINCT date), min(date), max(date) \
             FROM silver.{table} GROUP BY symbol, i"
        );
        silver.extend(lake.rows(&sql).await);
    }
    reported.sort();
    silver.sort();
    assert_eq!(reported, silver);
    assert_eq!(
        found["totals"]["rows"].to_string(),
        lake.value("SELECT sum(rows) FROM meta.archives").await
    );
}
