//! Models that compute the day or the market of their rows: right however the days are computed,
//! or refused.

use lakehouse::events::ModelOutcome;

use crate::support::gold_scene::{GoldScene, models, of};

const DAYS: [&str; 3] = ["2024-02-28", "2024-02-29", "2024-03-01"];

/// Bars of each day, on the day after it.
const NEXT_DAY: &str = "\
-- Bars of the day before.
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
-- lookback: 1 day
-- columns:
--   symbol  text: symbol
--   bars    integer, bars: bars of the day before
SELECT market, CAST(day + INTERVAL '1 day' AS DATE) AS date, symbol, bars
FROM (SELECT market, date AS day, symbol, count(*) AS bars FROM silver.klines
      GROUP BY market, day, symbol)
";

/// A lake with the bars of three days.
async fn scene(model: &str) -> GoldScene {
    let mut scene = GoldScene::new();
    scene.models = models(&[("moved", model)]);
    scene.publish_days("BTCUSDT", &DAYS);
    scene.ingest().await;
    scene
}

async fn rows(scene: &GoldScene) -> Vec<String> {
    scene.lake.rows("SELECT date, symbol, bars FROM gold.moved ORDER BY date, symbol").await
}

#[tokio::test]
async fn rows_on_a_day_that_the_lookback_covers_are_the_same_built_step_by_step_and_at_once() {
    let scene = scene(NEXT_DAY).await;
    scene.gold().await;
    let expected =
        ["2024-02-29", "2024-03-01", "2024-03-02"].map(|day| format!("{day} | BTCUSDT | 24"));
    assert_eq!(rows(&scene).await, expected);

    scene.publish_days("BTCUSDT", &["2024-03-02", "2024-03-05"]);
    scene.publish_days("ETHUSDT", &["2024-02-29"]);
    scene.ingest().await;
    scene.gold().await;

    let mut expected = expected.to_vec();
    expected.insert(2, "2024-03-01 | ETHUSDT | 24".to_owned());
    expected.push("2024-03-03 | BTCUSDT | 24".to_owned());
    expected.push("2024-03-06 | BTCUSDT | 24".to_owned());
    assert_eq!(rows(&scene).await, expected);
    scene.assert_equals_a_full_rebuild("on the next day").await;
}

#[tokio::test]
async fn a_row_on_a_day_or_market_that_the_model_does_not_look_at_is_an_error_that_names_both() {
    let late = "CASE WHEN bars > 20 AND day = DATE '2024-02-28' \
                THEN CAST(day + INTERVAL '1 day' AS DATE) ELSE day END AS date";
    let to_next = "CAST(day + INTERVAL '1 day' AS DATE) AS date";
    assert!(NEXT_DAY.contains(to_next));
    let at_once = NEXT_DAY.replace("-- lookback: 1 day\n", "");
    for (model, market, date, partition) in [
        (at_once.clone(), "spot", "2024-02-29", "spot 2024-02-28"),
        // In the middle of the days that would be computed together.
        (at_once.replace(to_next, late), "spot", "2024-02-29", "spot 2024-02-28"),
        (NEXT_DAY.replace("'1 day'", "'3 days'"), "spot", "2024-03-02", "spot 2024-02-28"),
        (NEXT_DAY.replace("SELECT market, CAST", "SELECT 'all' AS market, CAST"), "all", "", ""),
        (at_once.replace(to_next, "CAST(NULL AS DATE) AS date"), "spot", "", "spot 2024-02-28"),
    ] {
        let scene = scene(&model).await;
        let report = scene.gold_with(|_| {}).await;
        let moved = of(&report, "gold.moved");
        assert_eq!(moved.outcome, ModelOutcome::Failed, "{model}: {report}");
        let words = format!("market `{market}` and date `{date}");
        assert!(moved.reason.starts_with("models/moved.sql, line "), "{}", moved.reason);
        assert!(moved.reason.contains(&words), "{model}: {}", moved.reason);
        assert!(moved.reason.contains(&format!("partition `{partition}")), "{}", moved.reason);
    }
}

#[tokio::test]
async fn a_day_that_is_computed_from_the_time_of_its_rows_is_built_as_a_whole_and_in_part() {
    let from_time = NEXT_DAY
        .replace("-- lookback: 1 day\n", "")
        .replace("date AS day", "CAST(open_time AS DATE) AS day")
        .replace("CAST(day + INTERVAL '1 day' AS DATE) AS date", "day AS date");
    let scene = scene(&from_time).await;
    scene.gold().await;
    scene.publish_days("ETHUSDT", &["2024-02-29", "2024-03-02"]);
    scene.ingest().await;
    scene.assert_equals_a_full_rebuild("from the time of rows").await;
    assert_eq!(rows(&scene).await.len(), 5);
}
