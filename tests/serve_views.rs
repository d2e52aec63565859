//! What the views of the served page read: the overview, the coverage, candles, versions of tables.

use serde_json::{Value, json};

use crate::serve::Server;
use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::test_lake::TestLake;

/// Days of the archives; one between them lacks.
const DAYS: [&str; 3] = ["2024-03-01", "2024-03-02", "2024-03-04"];

const HOURS_OF_A_DAY: usize = 24;

/// A lake of hourly bars of three symbols, the last of which has no gap.
async fn lake() -> GoldScene {
    let scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &DAYS);
    scene.publish_days("ETHUSDT", &DAYS);
    scene.publish_days("SOLUSDT", &DAYS[..2]);
    scene.ingest().await;
    scene
}

pub(crate) async fn read(server: &Server, path: &str) -> Value {
    let response = server.get(path).await;
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn refusal(server: &Server, path: &str) -> (u16, String) {
    let response = server.get(path).await;
    let status = response.status().as_u16();
    let fault: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    (status, fault["error"].as_str().unwrap().to_owned())
}

fn symbols(page: &Value) -> Vec<&str> {
    let series = page["series"].as_array().unwrap();
    series.iter().map(|one| one["symbol"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_coverage_is_filtered_and_paged_by_the_server() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let all = read(&server, "/api/coverage.json").await;
    assert_eq!(symbols(&all), ["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
    assert_eq!((&all["first"], &all["last"]), (&json!("2024-03-01"), &json!("2024-03-04")));
    assert_eq!(all["intervals"], json!(["1h"]));
    let second = read(&server, "/api/coverage.json?offset=1&limit=1").await;
    assert_eq!(symbols(&second), ["ETHUSDT"]);
    assert_eq!(second["total"], 3);
    let eth = read(&server, "/api/coverage.json?symbol=eth&market=spot").await;
    assert_eq!(symbols(&eth), ["ETHUSDT"]);
    assert_eq!(eth["markets"], json!(["spot"]));
    let none = read(&server, "/api/coverage.json?data_type=trades").await;
    assert_eq!((&none["total"], &none["first"]), (&json!(0), &Value::Null));
    let csv = server.get("/api/coverage.csv?gaps=true").await.text().await.unwrap();
    let rows: Vec<_> = csv.lines().skip(1).collect();
    let with_gaps = rows.iter().filter(|row| row.contains("2024-03-01,2024-03-04,3,1")).count();
    assert_eq!(with_gaps, 2, "{csv}");
}

#[tokio::test]
async fn the_coverage_follows_what_other_processes_commit() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    assert_eq!(read(&server, "/api/coverage.json").await["total"], 3);
    scene.publish_days("XRPUSDT", &DAYS);
    scene.ingest().await;
    // A commit is seen after two seconds at most.
    let begin = std::time::Instant::now();
    while read(&server, "/api/coverage.json").await["total"] != 4 {
        assert!(begin.elapsed().as_secs() < 30, "the coverage stays as it was");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_says_how_many_data_files_were_read_for_it() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let files = async |sql: &str| {
        let path = format!("/api/sql?sql={}", sql.replace(' ', "+"));
        read(&server, &path).await["files"].clone()
    };
    // Each day is one file.
    let klines = scene.lake.path().join("silver/klines/market=spot");
    for day in DAYS {
        let of_day = std::fs::read_dir(klines.join(format!("date={day}"))).unwrap();
        assert_eq!(of_day.count(), 1, "{day}");
    }
    assert_eq!(files("SELECT sum(volume) FROM klines").await, 3);
    assert_eq!(files("SELECT close FROM klines WHERE date = DATE '2024-03-02'").await, 1);
    assert_eq!(
        files("SELECT a.close FROM klines a JOIN klines b USING (symbol, open_time)").await,
        3
    );
    assert_eq!(files("SELECT close FROM klines WHERE date > DATE '2024-03-04'").await, 0);
    assert_eq!(files("SELECT count(*) FROM klines").await, 0);
}

#[tokio::test]
async fn candles_are_put_together_until_they_are_few_enough() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let path = "/api/candles.json?market=spot&symbol=BTCUSDT&from=2024-03-01&to=2024-03-02&bars=10";
    let candles = read(&server, path).await;
    let sql = "SELECT open, high, low, close, volume FROM silver.klines WHERE symbol = 'BTCUSDT' \
               AND date <= DATE '2024-03-02' ORDER BY open_time";
    let hours = server.rows(sql).await;
    let hours = hours.as_array().unwrap();
    assert_eq!(hours.len(), 2 * HOURS_OF_A_DAY);
    let rows = candles["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8, "two days in ten bars at most are bars of six hours");
    for (row, hours) in rows.iter().zip(hours.chunks(6)) {
        let number = |row: &Value, at: usize| row[at].as_str().unwrap().parse::<f64>().unwrap();
        let column = |at: usize| hours.iter().map(move |hour| number(hour, at));
        assert_eq!(row[1], hours[0][0]);
        assert_eq!(number(row, 2), column(1).fold(f64::MIN, f64::max));
        assert_eq!(number(row, 3), column(2).fold(f64::MAX, f64::min));
        assert_eq!(row[4], hours[5][3]);
        assert!((number(row, 5) - column(4).sum::<f64>()).abs() < 1e-6);
        assert_eq!(row[6], "6h");
    }
}

#[tokio::test]
async fn candles_are_the_bars_themselves_where_these_are_few_enough() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let all = read(&server, "/api/candles.json?market=spot&symbol=BTCUSDT").await;
    assert_eq!(all["rows"].as_array().unwrap().len(), DAYS.len() * HOURS_OF_A_DAY);
    let range = "from=2024-03-01T22:00:00Z&to=2024-03-02T01:00:00Z";
    let path = format!("/api/candles.csv?market=spot&symbol=BTCUSDT&{range}");
    let csv = server.get(&path).await.text().await.unwrap();
    let times: Vec<_> = csv.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(times, ["1709330400", "1709334000", "1709337600"]);
}

#[tokio::test]
async fn candles_come_from_an_interval_that_has_bars_in_the_range() {
    let scene = lake().await;
    let minutes = "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02-01.zip";
    scene.publish(minutes, 7, |_| {});
    scene.ingest().await;
    let server = Server::start(&scene.lake, &[]);
    let of_day = async |day: &str| {
        let range = format!("from={day}&to={day}");
        let path = format!("/api/candles.json?market=spot&symbol=BTCUSDT&{range}");
        let candles = read(&server, &path).await;
        (candles["rows"].as_array().unwrap().len(), candles["rows"][0][6].clone())
    };
    assert_eq!(of_day(DAYS[0]).await, (HOURS_OF_A_DAY, json!("1h")));
    assert_eq!(of_day("2024-02-01").await, (60 * HOURS_OF_A_DAY, json!("1m")));
}

#[tokio::test]
async fn candles_that_cannot_be_had_are_refused_with_the_reason() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    for (query, reason) in [
        ("market=spot&symbol=NOPE", "holds no klines of spot NOPE"),
        ("market=spot&symbol=BTCUSDT&from=soon", "soon is no time: write a day such as"),
        ("market=spot&symbol=BTCUSDT&from=2024-03-02&to=2024-03-01", "must be before"),
        ("market=spot&symbol=BTCUSDT&interval=7x", "a bar length such as"),
    ] {
        let (status, error) = refusal(&server, &format!("/api/candles.json?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(error.contains(reason), "{query}: {error}");
    }
}

#[tokio::test]
async fn the_overview_says_how_fresh_each_table_is() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let overview = read(&server, "/api/overview.json").await;
    assert_eq!(overview["totals"]["series"], 3);
    assert_eq!(overview["totals"]["archives"], 8);
    let tables = overview["tables"].as_array().unwrap();
    let klines = tables.iter().find(|table| table["name"] == "silver.klines").unwrap();
    assert_eq!(klines["last_day"], "2024-03-04");
    assert_eq!(klines["rows"], (8 * HOURS_OF_A_DAY).to_string());
    assert!(klines["committed_at"].is_string(), "{klines}");
    let empty = Server::start(&TestLake::new(), &[]);
    let overview = read(&empty, "/api/overview.json").await;
    assert_eq!((&overview["tables"], &overview["audit"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn a_table_says_what_its_versions_did() {
    let scene = lake().await;
    scene.publish(&hourly("spot", "BTCUSDT", DAYS[0]), 8, |_| {});
    scene.ingest().await;
    let server = Server::start(&scene.lake, &[]);
    let commits = read(&server, "/api/history.json?table=silver.klines").await;
    let newest = &commits[0];
    assert_eq!((&newest["archives"], &newest["corrections"]), (&json!(1), &json!(1)));
    assert_eq!(newest["files_removed"], 1, "the file of the day is written again");
    let commits = commits.as_array().unwrap();
    let archives: u64 = commits.iter().map(|commit| commit["archives"].as_u64().unwrap()).sum();
    assert_eq!(archives, 9);
    assert_eq!(commits.last().unwrap()["version"], 0);
    let (status, error) = refusal(&server, "/api/history.json?table=silver.nothing").await;
    assert_eq!((status, &*error), (404, "the lake has no table silver.nothing"));
}

#[tokio::test]
async fn tables_and_columns_come_with_their_descriptions() {
    let scene = lake().await;
    let server = Server::start(&scene.lake, &[]);
    let tables = read(&server, "/api/tables.json").await;
    let mut tables = tables.as_array().unwrap().iter();
    let klines = tables.find(|table| table["name"] == "silver.klines").unwrap();
    assert!(klines["description"].as_str().unwrap().contains("Bars"), "{klines}");
    let mut columns = klines["columns"].as_array().unwrap().iter();
    let volume = columns.find(|column| column["name"] == "volume").unwrap();
    assert!(volume["description"].is_string(), "{volume}");
}
