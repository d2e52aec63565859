//! The web page that `report` writes: whole in itself, true to the tables, and deaf to markup in
//! data.
//!
//! How it looks and behaves in a browser is tested by `tests/browser/run`.

use std::path::Path;

use serde_json::Value;

use crate::support::archive_server::ArchiveServer;
use crate::support::command::{Run, lakehouse};
use crate::support::samples::{csv_name, identify, sample_folder, trades, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const OPENING: &str = "<script type=\"application/json\" id=\"data\">";

/// Returns the data of a page.
pub(crate) fn data_of(page: &str) -> Value {
    let (_, rest) = page.split_once(OPENING).unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

fn page(lake: &TestLake, flags: &[&str]) -> String {
    let run = lake.run("report", flags);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    run.stdout
}

async fn lake_of_klines() -> TestLake {
    let days = ["2024-01-02", "2024-01-03", "2024-01-05"];
    let mut keys: Vec<String> = days
        .iter()
        .map(|day| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-{day}.zip"))
        .collect();
    keys.push(
        "data/futures/cm/daily/klines/BTCUSD_PERP/1d/BTCUSD_PERP-1d-2024-01-02.zip".to_owned(),
    );
    keys.push("data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-02.zip".to_owned());
    let folder = sample_folder(&keys.iter().map(|key| identify(key)).collect::<Vec<_>>());
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    lake
}

#[tokio::test]
async fn a_page_names_nothing_outside_itself() {
    let page = page(&lake_of_klines().await, &[]);
    let addresses: Vec<&str> =
        page.match_indices("://").map(|(at, _)| &page[at.saturating_sub(5)..at + 20]).collect();
    let foreign = addresses.iter().filter(|address| !address.contains("http://www.w3.org/2000"));
    assert_eq!(foreign.count(), 0, "{addresses:?}");
    for loader in ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("] {
        assert!(!page.contains(loader), "{loader}");
    }
    assert!(page.contains("default-src 'none'; img-src data:; style-src 'sha256-"));
}

#[tokio::test]
async fn the_chart_has_the_bars_of_silver_and_says_how_many_it_leaves_out() {
    let lake = lake_of_klines().await;
    let charts = data_of(&page(&lake, &["--bars", "30"]))["charts"].take();
    let names = |chart: &Value| {
        ["market", "symbol", "interval", "volume_of"]
            .map(|name| chart[name].as_str().unwrap().to_owned())
            .join(" ")
    };
    let charts = charts.as_array().unwrap();
    let found: Vec<String> = charts.iter().map(names).collect();
    assert_eq!(found, ["spot BTCUSDT 1h base asset", "futures_cm BTCUSD_PERP 1d contracts"]);
    let chart = &charts[0];
    assert_eq!((chart["time"].as_array().unwrap().len(), &chart["left_out"]), (30, &42.into()));
    let sql = "SELECT time, open, high, low, close, volume FROM (\
               SELECT to_unixtime(open_time) AS time, CAST(open AS DOUBLE) AS open, \
               CAST(high AS DOUBLE) AS high, CAST(low AS DOUBLE) AS low, \
               CAST(close AS DOUBLE) AS close, CAST(volume AS DOUBLE) AS volume \
               FROM silver.klines WHERE symbol = 'BTCUSDT' ORDER BY time DESC LIMIT 30) \
               ORDER BY time";
    let columns = ["time", "open", "high", "low", "close", "volume"];
    let found: Vec<Vec<f64>> =
        (0..30).map(|at| columns.map(|name| chart[name][at].as_f64().unwrap()).to_vec()).collect();
    let bars = lake.rows(sql).await;
    let bars: Vec<Vec<f64>> = bars
        .iter()
        .map(|bar| bar.split(" | ").map(|value| value.parse().unwrap()).collect())
        .collect();
    assert_eq!(found, bars);
}

#[tokio::test]
async fn coverage_rejects_and_failures_are_those_of_the_lake() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2024-01-02");
    let csv = "1,1.5,2,3,1704153600000,True,True\n2,x,2,3,1704153600001,True,True\n\
               3,y,2,3,1704153600001,True,True\n";
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    let bad = trades_key("BTCUSDT", "2024-01-04");
    server.publish(&bad, b"no zip".to_vec());
    let lake = TestLake::new();
    lake.ingest(server.url(), &["--all"]).await;
    let data = data_of(&page(&lake, &[]));
    let series = &data["series"][0];
    assert_eq!((&series["start"], &series["runs"]), (&"2024-01-02".into(), &"1p1u1r".into()));
    assert_eq!(series["details"][0][0], 2, "the third run has its words");
    assert_eq!(
        (&data["failures"]["total"], &data["failures"]["rows"][0]["archive"]),
        (&1.into(), &bad.into())
    );
    let rejects = data["rejects"]["rows"].as_array().unwrap();
    let rows: u64 = rejects.iter().map(|row| row["rows"].as_u64().unwrap()).sum();
    assert_eq!(
        (rows, &rejects[0]["archive"], &rejects[0]["column"]),
        (2, &key.into(), &"price".into())
    );
    assert_eq!(data["corrections"]["total"], 0);
    let elsewhere = data_of(&page(&lake, &["--symbol", "ETHUSDT"]));
    let totals = ["failures", "rejects"].map(|list| elsewhere[list]["total"].as_u64().unwrap());
    assert_eq!((elsewhere["series"].as_array().unwrap().len(), totals), (0, [0, 0]));
}

#[tokio::test]
async fn what_audits_found_is_counted_by_kind() {
    let lake = lake_of_klines().await;
    assert_eq!(data_of(&page(&lake, &[]))["audit"], Value::Null);
    lake.run("audit", &["gaps_of_days"]);
    let audit = data_of(&page(&lake, &[]))["audit"].take();
    assert_eq!(audit["gaps"], serde_json::json!({"not_published": 1}), "{audit}");
    assert_eq!(audit["kinds"], serde_json::json!({}), "{audit}");
}

#[tokio::test]
async fn corrections_are_told_the_newest_first() {
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2024-01-02");
    let lake = TestLake::new();
    for ids in [0..5, 2..9, 2..10] {
        server.publish(&key, trades(&key, "2024-01-02", ids));
        lake.ingest(server.url(), &["--all"]).await;
    }
    let data = data_of(&page(&lake, &[]));
    let corrections = data["corrections"]["rows"].as_array().unwrap();
    assert_eq!((corrections.len(), &data["corrections"]["total"]), (2, &2.into()));
    assert_eq!(corrections[0]["old_sha256"], corrections[1]["new_sha256"]);
    assert_eq!(
        (&corrections[0]["archive"], &corrections[0]["rows_added"]),
        (&key.into(), &1.into())
    );
}

#[tokio::test]
async fn markup_in_names_and_values_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = ArchiveServer::start();
    let key = trades_key("A<img>&B", "2024-01-02");
    let csv = "1,1.5,2,3,1704153600000,True,True\n\
               2,</script><script>alert(1)</script>,2,3,1704153600001,True,True\n";
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    let lake = "<b>&'\"lake";
    let ingest = ["ingest", "--lake", lake, "--all", "--source", server.url()];
    let run: Run = lakehouse(folder.path()).args(ingest).output().unwrap().into();
    assert_ne!(run.code, Some(2), "{run}");
    let run: Run =
        lakehouse(folder.path()).args(["report", "--lake", lake]).output().unwrap().into();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(run.stdout.matches("</script>").count(), 2, "the two of the page itself");
    assert!(!run.stdout.contains("<b>") && !run.stdout.contains("<img"));
    assert_eq!(data_of(&run.stdout)["lake"], lake);
}

#[tokio::test]
async fn a_page_goes_to_a_file_whole_or_not_at_all() {
    let lake = TestLake::new();
    let server = ArchiveServer::start();
    let key = trades_key("BTCUSDT", "2024-01-02");
    server.publish(&key, trades(&key, "2024-01-02", 0..3));
    lake.ingest(server.url(), &["--all"]).await;
    let file = lake.path().with_file_name("report.html");
    std::fs::write(&file, "the page before").unwrap();
    let run = lake.run("report", &["-o", file.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    assert!(run.stderr.contains("open it in a browser"), "{run}");
    assert_eq!(data_of(&std::fs::read_to_string(&file).unwrap())["totals"]["rows"], 3);
    let nowhere = lake.run("report", &["-o", "no/such/folder/report.html"]);
    assert!(
        nowhere.code == Some(2)
            && nowhere.stderr.contains("cannot write no/such/folder/report.html"),
        "{nowhere}"
    );
}

#[test]
fn a_lake_that_is_not_there_has_a_page_that_says_so() {
    let lake = TestLake::new();
    let data = data_of(&page(&lake, &[]));
    assert_eq!(
        (&data["series"], &data["charts"], &data["totals"]["rows"]),
        (&Value::Array(vec![]), &Value::Array(vec![]), &0.into())
    );
    assert!(!Path::new(&lake.path()).exists());
}
