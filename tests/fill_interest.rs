//! Open interest from the API, on the grid and with the labels of the archive's metrics.

use crate::fill::{NOW, Scene, millis};
use crate::support::api_server::{FIVE_MINUTES, interest_at};
use crate::support::command::Run;
use crate::support::samples::csv_name;
use crate::support::zips::zip_of;

const HEADER: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value,\
                      count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,\
                      count_long_short_ratio,sum_taker_long_short_vol_ratio\n";
const ROWS_OF_A_DAY: i64 = 288;
/// Counts of rows, of times and of rows with ratios, and the first and the last time.
const ALL: &str = "SELECT count(*), count(DISTINCT create_time), count(count_long_short_ratio),
                   min(create_time), max(create_time) FROM all.metrics";

/// Publishes a day whose values are those that the API has `later` before the label.
fn publish(scene: &Scene, folder: &str, symbol: &str, day: &str, later: i64) {
    let midnight = millis(&format!("{day}T00:00:00Z"));
    let mut csv = HEADER.to_owned();
    for number in 1..=ROWS_OF_A_DAY {
        let label = midnight + number * FIVE_MINUTES;
        let (interest, value) = interest_at(label - later);
        let time = chrono::DateTime::from_timestamp_millis(label).unwrap();
        let time = time.format("%Y-%m-%d %H:%M:%S");
        csv.push_str(&format!("{time},{symbol},{interest}00000000,{value},1.5,1.5,1.5,1.5\n"));
    }
    let name = format!("{symbol}-metrics-{day}.zip");
    let key = format!("data/futures/{folder}/daily/metrics/{symbol}/{name}");
    scene.archive.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
}

fn ingest(scene: &Scene) {
    let flags = ["--source", scene.archive.url(), "--stage", "silver", "--data-type", "metrics"];
    let mut command = scene.lake.program("ingest", &flags);
    command.args(["--all", "--progress", "never"]).env("LAKEHOUSE_TEST_CLOCK", NOW);
    let done: Run = command.output().unwrap().into();
    assert_eq!(done.code, Some(0), "{done}");
}

/// A lake with two days of a contract's metrics.
fn scene(folder: &str, symbol: &str) -> Scene {
    let scene = Scene::new();
    publish(&scene, folder, symbol, "2026-05-01", FIVE_MINUTES);
    publish(&scene, folder, symbol, "2026-05-02", FIVE_MINUTES);
    ingest(&scene);
    scene
}

fn fill(scene: &Scene, now: &str) {
    let done = scene.fill(now, &["--data-type", "metrics"]);
    assert_eq!(done.code, Some(0), "{done}");
}

fn request(symbol: &str, from: &str, until: &str, rows: u32) -> String {
    let from = millis(from);
    let until = millis(until) - 1;
    format!(
        "/futures/data/openInterestHist?{symbol}&period=5m&startTime={from}&endTime={until}\
         &limit={rows}"
    )
}

#[tokio::test]
async fn exactly_the_missing_five_minutes_are_requested_and_leave_when_the_day_is_published() {
    let scene = scene("um", "BTCUSDT");
    scene.api.lose(&["2026-05-03T07:00:00Z"]);
    fill(&scene, NOW);
    let symbol = "symbol=BTCUSDT";
    let expected = request(symbol, "2026-05-03T00:00:00Z", "2026-05-04T05:30:00Z", 354);
    assert_eq!(scene.api.take_seen(), [expected]);
    let expected = "928 | 928 | 575 | 2026-05-01T00:05:00Z | 2026-05-04T05:30:00Z";
    assert_eq!(scene.lake.rows(ALL).await, [expected]);

    scene.api.lose(&[]);
    fill(&scene, "2026-05-04T05:36:00Z");
    let expected = [
        request(symbol, "2026-05-03T07:00:00Z", "2026-05-03T07:05:00Z", 1),
        request(symbol, "2026-05-04T05:30:00Z", "2026-05-04T05:35:00Z", 1),
    ];
    // They run side by side, so either may come first.
    let mut seen = scene.api.take_seen();
    seen.sort();
    assert_eq!(seen, expected);
    let complete = "930 | 930 | 575 | 2026-05-01T00:05:00Z | 2026-05-04T05:35:00Z";
    assert_eq!(scene.lake.rows(ALL).await, [complete]);

    publish(&scene, "um", "BTCUSDT", "2026-05-03", FIVE_MINUTES);
    ingest(&scene);
    // Silver leaves a day's midnight, which is in the archive before, to the archive of the day.
    let published = "929 | 929 | 862 | 2026-05-01T00:05:00Z | 2026-05-04T05:35:00Z";
    assert_eq!(scene.lake.rows(ALL).await, [published]);
    assert_eq!(scene.lake.value("SELECT count(*) FROM recent.metrics").await, "67");
    assert!(!scene.lake.path().join("meta/findings").exists(), "no value differs");
    fill(&scene, "2026-05-04T05:36:00Z");
    assert_eq!(scene.api.take_seen(), [""; 0]);
}

#[tokio::test]
async fn another_label_of_the_archive_is_seen_when_it_arrives() {
    let scene = scene("um", "BTCUSDT");
    fill(&scene, NOW);
    publish(&scene, "um", "BTCUSDT", "2026-05-03", 0);
    ingest(&scene);
    let finding = "SELECT cases, found FROM meta.findings WHERE data_type = 'metrics'
                   ORDER BY date";
    let found = "others in sum_open_interest, sum_open_interest_value";
    let expected = [format!("287 | {found}"), format!("1 | {found}")];
    assert_eq!(scene.lake.rows(finding).await, expected);
}

#[tokio::test]
async fn a_perpetual_of_a_coin_is_requested_by_its_pair_and_a_delivery_is_not() {
    let scene = scene("cm", "BTCUSD_PERP");
    publish(&scene, "cm", "BTCUSD_260626", "2026-05-02", FIVE_MINUTES);
    ingest(&scene);
    fill(&scene, NOW);
    let symbol = "pair=BTCUSD&contractType=PERPETUAL";
    let expected = request(symbol, "2026-05-03T00:00:00Z", "2026-05-04T05:30:00Z", 354);
    assert_eq!(scene.api.take_seen(), [expected]);
    let rows = "SELECT DISTINCT market, symbol FROM recent.metrics";
    assert_eq!(scene.lake.rows(rows).await, ["futures_cm | BTCUSD_PERP"]);
}
