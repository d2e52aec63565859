//! Models that cannot be built: what is said of them and where, and what happens to their tables
//! and to others.

use lakehouse::events::ModelOutcome;
use lakehouse::gold::GoldReport;

use crate::support::gold_scene::{GoldScene, HOURS, NEIGHBOURS, ROLLING, models, of};

const DAYS: [&str; 2] = ["2024-02-29", "2024-03-01"];

/// A lake with the bars of two days, and gold of them.
async fn scene() -> GoldScene {
    let mut scene = GoldScene::new();
    scene.models = models(&[("hours", HOURS), ("neighbours", NEIGHBOURS), ("rolling", ROLLING)]);
    scene.publish_days("BTCUSDT", &DAYS);
    scene.ingest().await;
    scene.gold().await;
    scene
}

async fn build(scene: &mut GoldScene, hours: &str) -> GoldReport {
    scene.models = models(&[("hours", hours), ("neighbours", NEIGHBOURS), ("rolling", ROLLING)]);
    scene.gold_with(|_| {}).await
}

/// Returns the line of the model on which a text stands.
fn line_of(text: &str) -> usize {
    HOURS.lines().position(|line| line.contains(text)).unwrap() + 1
}

/// What is replaced in the model, by what, the line of the error, and a part of its text.
type Mistake = (&'static str, &'static str, usize, &'static str);

fn mistakes() -> Vec<Mistake> {
    [mistakes_of_names(), mistakes_of_values()].concat()
}

fn mistakes_of_names() -> Vec<Mistake> {
    let select = line_of("SELECT market");
    vec![
        ("SELECT market, date, symbol,", "SELECT market,, symbol,", select, "expected"),
        (
            "GROUP BY market, date, symbol",
            "GROUP BY market, date, symbol HAVING",
            line_of("GROUP BY"),
            "expected",
        ),
        (
            "sum(volume) AS",
            "sum(volumes) AS",
            line_of("sum(volume)"),
            "no column `volumes`: did you mean `volume`?",
        ),
        (
            "FROM silver.klines",
            "FROM silver.trades",
            line_of("FROM silver"),
            "reads `silver.trades`, which `inputs` does not list",
        ),
        (
            "FROM silver.klines",
            "FROM (VALUES (1)) AS silver",
            line_of("-- inputs"),
            "`inputs` lists `silver.klines`, which the statement does not read",
        ),
        (
            "-- inputs: silver.klines",
            "-- inputs: silver.kline",
            line_of("-- inputs"),
            "unknown input `silver.kline`",
        ),
        ("date, symbol, count", "date AS day, symbol, count", select, "gives no column `date`"),
        (
            "count(*) AS hours",
            "count(*) AS ours",
            line_of("-- columns"),
            "gives no column `hours`, which the header lists",
        ),
        (
            "AS close\n",
            "AS close, max(high) AS high\n",
            line_of("-- columns"),
            "does not list the column `high`",
        ),
        (
            "hours   integer",
            "hours   decimal",
            line_of("-- columns"),
            "the column `hours` is to be decimal; the statement gives integer",
        ),
        (
            "count(*) AS hours",
            "CAST(count(*) AS BIGINT UNSIGNED) AS hours",
            line_of("-- columns"),
            "is to be integer; the statement gives UInt64: cast it",
        ),
        (
            "GROUP BY market, date, symbol\n",
            "GROUP BY market, date, symbol, open_time\n",
            line_of("-- key"),
            "the key is not unique: there are several rows with market spot, date 2024-02-29, \
             symbol BTCUSDT",
        ),
    ]
}

fn mistakes_of_values() -> Vec<Mistake> {
    let select = line_of("SELECT market");
    vec![
        (
            "count(*) AS hours",
            "count(*) / 2 AS hours",
            line_of("-- columns"),
            "is to be integer; the statement gives double: `/` and avg give doubles, div(a, b) \
             divides integers",
        ),
        (
            "count(*) AS hours",
            "count(*) * 9223372036854775807 AS hours",
            select,
            "does not fit in BIGINT",
        ),
        (
            "count(*) AS hours",
            "CAST(random() AS BIGINT) AS hours",
            select,
            "`random` gives another value at another time",
        ),
        ("SELECT market", "SELECT 1; SELECT market", select, "expected one SELECT"),
        (
            "-- key: market, date, symbol",
            "-- key: market, symbol",
            line_of("-- key"),
            "`key` lacks the partition column `date`",
        ),
    ]
}

#[tokio::test]
async fn every_error_has_its_line_and_leaves_the_table_and_other_models_alone() {
    let mut scene = scene().await;
    let (versions, files) = (scene.lake.versions(), scene.lake.data_files("gold/hours"));
    for (good, bad, line, message) in mistakes() {
        assert!(HOURS.contains(good), "{good}");
        let report = build(&mut scene, &HOURS.replacen(good, bad, 1)).await;
        let hours = of(&report, "gold.hours");
        assert_eq!(hours.outcome, ModelOutcome::Failed, "{bad}: {report}");
        assert!(
            hours.reason.starts_with(&format!("models/hours.sql, line {line}: ")),
            "{bad}: {}",
            hours.reason
        );
        assert!(hours.reason.contains(message), "{bad}: {}", hours.reason);
        assert_eq!(of(&report, "gold.neighbours").outcome, ModelOutcome::UpToDate, "{report}");
        assert_eq!(of(&report, "gold.rolling").outcome, ModelOutcome::Skipped, "{report}");
        assert_eq!(
            of(&report, "gold.rolling").reason,
            "gold.hours, which it reads, could not be built"
        );
        assert_eq!(scene.lake.versions(), versions, "{bad}");
        assert_eq!(scene.lake.data_files("gold/hours"), files, "{bad}");
    }
    let report = build(&mut scene, HOURS).await;
    assert!(report.models.iter().all(|model| model.outcome == ModelOutcome::UpToDate), "{report}");
}

#[tokio::test]
async fn a_model_that_never_worked_leaves_no_table_behind() {
    let mut scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &DAYS);
    scene.ingest().await;
    let twice =
        HOURS.replace("GROUP BY market, date, symbol", "GROUP BY market, date, symbol, open_time");
    let report = build(&mut scene, &twice).await;
    assert_eq!(of(&report, "gold.hours").outcome, ModelOutcome::Failed, "{report}");
    assert!(!scene.lake.path().join("gold/hours/_delta_log").exists());
    assert_eq!(scene.lake.data_files("gold/hours").len(), 0);
    assert_eq!(of(&report, "gold.neighbours").rows, 2, "{report}");
}

#[tokio::test]
async fn rows_that_are_the_same_by_their_key_are_found_across_batches_and_days() {
    let mut scene = GoldScene::new();
    scene.publish("data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip", 7, |_| {});
    scene.ingest().await;
    let whole = "\
-- All bars twice.
-- partitions: none
-- key: open_time, copy
-- inputs: silver.klines
-- columns:
--   open_time  timestamp: start of the bar
--   copy       integer: number of the copy
SELECT open_time, copy FROM silver.klines CROSS JOIN unnest(range(0, 20)) AS copies (copy)
";
    scene.models = models(&[("copies", whole)]);
    let report = scene.gold_with(|_| {}).await;
    assert_eq!(of(&report, "gold.copies").rows, 20 * 29 * 24, "{report}");
    let twice = whole.replace("copy FROM", "CASE copy WHEN 19 THEN 18 ELSE copy END AS copy FROM");
    scene.models = models(&[("copies", &twice)]);
    let report = scene.gold_with(|_| {}).await;
    let reason = &of(&report, "gold.copies").reason;
    assert!(
        reason.contains("several rows with open_time 2024-02-01T00:00:00Z, copy 18"),
        "{reason}"
    );
}
