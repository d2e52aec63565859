//! Checks that look from one day of a symbol to the next.

use std::sync::Arc;

use lakehouse::audit::{Audit, load_checks};
use lakehouse::clock::Clock;
use lakehouse::events::{Reporter, Silent};
use lakehouse::storage::lake::Lake;
use lakehouse_core::gold::Models;
use lakehouse_core::schema::Schemas;

use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::samples::{trades, trades_key};

const FIND: &str =
    "SELECT kind, date, found FROM meta.findings WHERE closed_at IS NULL ORDER BY date";

async fn findings_of(scene: &GoldScene, check: &str) -> Vec<String> {
    scene.ingest().await;
    let schemas = Schemas::builtin().unwrap();
    let checks = Arc::new(load_checks(&schemas, &Models::default(), None).unwrap());
    let lake = Lake::open(scene.lake.path().to_str().unwrap()).unwrap();
    let audit = Audit { only: vec![check.to_owned()], ..Audit::new(lake, checks) };
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    let clock = Clock::new(|| "2024-03-05T00:00:00Z".parse().unwrap());
    let report = audit.run(&silent, &clock).await.unwrap();
    assert!(report.checks.iter().all(|check| !check.is_failure()), "{report:?}");
    scene.lake.rows(FIND).await
}

#[tokio::test]
async fn ids_of_trades_continue_over_midnight() {
    let scene = GoldScene::new();
    let days = [("2024-03-01", 100..150), ("2024-03-02", 152..160), ("2024-03-03", 120..130)];
    for (day, ids) in days.into_iter().chain([("2024-03-04", 130..140), ("2024-03-06", 500..510)]) {
        let key = trades_key("BTCUSDT", day);
        scene.server.publish(&key, trades(&key, day, ids));
    }
    let expected = [
        "missing_ids_at_midnight | 2024-03-02 | first id 152 after a day with last id 149",
        "ids_go_back | 2024-03-03 | first id 120 after a day with last id 159",
    ];
    assert_eq!(findings_of(&scene, "trade_ids_of_days").await, expected);
}

#[tokio::test]
async fn ids_of_aggregate_trades_continue_over_midnight() {
    let scene = GoldScene::new();
    for day in ["2024-03-01", "2024-03-02", "2024-03-03"] {
        let key = format!("data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-{day}.zip");
        scene.publish(&key, 7, |lines| {
            lines.truncate(lines.len() - usize::from(day.ends_with('2')));
        });
    }
    let found = findings_of(&scene, "agg_trade_ids_of_days").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("missing_ids_at_midnight | 2024-03-03 | "), "{found:?}");
}

#[tokio::test]
async fn a_symbol_with_a_break_of_more_than_a_week_was_used_again() {
    let scene = GoldScene::new();
    scene.publish_days("LUNAUSDT", &["2024-03-01", "2024-03-02"]);
    scene.publish_days("LUNAUSDT", &["2024-03-20"]);
    scene.publish_days("OTHERUSDT", &["2024-03-01", "2024-03-08"]);
    let expected = ["symbol_used_again | 2024-03-20 | nothing from 2024-03-03 to 2024-03-19"];
    assert_eq!(findings_of(&scene, "symbol_used_again").await, expected);
}

#[tokio::test]
async fn days_that_may_never_have_been_selected_are_no_break() {
    let scene = GoldScene::new();
    scene.publish_days("LUNAUSDT", &["2024-03-01"]);
    scene.ingest().await;
    scene.publish_days("LUNAUSDT", &["2024-03-20"]);
    assert_eq!(findings_of(&scene, "symbol_used_again").await, [""; 0]);
}

#[tokio::test]
async fn copies_of_a_day_with_other_values_are_found_where_both_were_fetched() {
    let scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &["2024-03-05", "2024-03-06"]);
    scene.ingest().await;
    scene.publish(&hourly("spot", "BTCUSDT", "2024-03"), 7, |lines| {
        let row = 4 * 24 + 2;
        let mut cells: Vec<&str> = lines[row].split(',').collect();
        cells[5] = "1.25";
        lines[row] = cells.join(",");
    });
    let found = findings_of(&scene, "copies_differ").await;
    let expected = "copies_differ | 2024-03-05 | 2024-03-05: monthly 24 rows, daily 24 rows, 1 row \
                    or more with other values: as complete as each other, daily keeps the day";
    assert_eq!(found, [expected]);
}
