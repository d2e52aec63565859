//! Gold tables that read provisional rows: built as soon as these are there, and again from the
//! archive when it has them.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::fill::{NOW, Scene};
use crate::kill::kill_at;
use crate::support::command::Run;

/// Bars of each day.
const DAILY: &str = "\
-- Bars of a day, provisional ones too.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: all.klines
--
-- columns:
--   symbol   text: the symbol
--   bars     integer, bars: how many
--   opening  decimal, quote asset: the sum of their opening prices
SELECT market, date, symbol, count(*) AS bars, sum(open) AS opening
FROM all.klines GROUP BY market, date, symbol
";

/// Bars of a day and the one before it, by way of another model.
const TWO_DAYS: &str = "\
-- Bars of two days.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: gold.daily
-- lookback: 1 day
--
-- columns:
--   symbol  text: the symbol
--   bars    integer, bars: how many
SELECT market, date, symbol, sum(bars) OVER (PARTITION BY market, symbol ORDER BY date
  RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT ROW) AS bars
FROM gold.daily
";

/// Bars of each day, published ones only.
const PUBLISHED: &str = "\
-- Bars of a day.
--
-- partitions: market, date
-- key: market, date, symbol
-- inputs: silver.klines
--
-- columns:
--   symbol  text: the symbol
--   bars    integer, bars: how many
SELECT market, date, symbol, count(*) AS bars FROM silver.klines GROUP BY market, date, symbol
";

/// The tables after a fill at [`NOW`]: two days of the archive, a whole and a begun one of the API.
const FILLED: [&str; 4] = [
    "2026-05-01 | 24 | 36.0",
    "2026-05-02 | 24 | 36.0",
    "2026-05-03 | 24 | 36.0",
    "2026-05-04 | 5 | 7.5",
];

struct GoldScene {
    scene: Scene,
    /// A file that names the models' folder, and the folder.
    config: tempfile::TempDir,
}

impl GoldScene {
    fn new() -> Self {
        let config = tempfile::tempdir().unwrap();
        fs::create_dir(config.path().join("models")).unwrap();
        let models = [("daily", DAILY), ("two_days", TWO_DAYS), ("published", PUBLISHED)];
        for (name, text) in models {
            fs::write(config.path().join(format!("models/{name}.sql")), text).unwrap();
        }
        fs::write(config.path().join("lake.toml"), "gold_models = \"models\"\n").unwrap();
        Self { scene: Scene::new(), config }
    }

    fn config(&self) -> PathBuf {
        self.config.path().join("lake.toml")
    }

    fn fill(&self, flags: &[&str]) -> Run {
        let mut command = self.scene.fill_command(NOW, flags);
        command.env("LAKEHOUSE_CONFIG", self.config()).output().unwrap().into()
    }

    fn gold(&self, flags: &[&str]) -> Run {
        let mut command = self.scene.lake.program("gold", flags);
        command.env("LAKEHOUSE_CONFIG", self.config()).output().unwrap().into()
    }

    async fn daily(&self) -> Vec<String> {
        let rows = "SELECT date, bars, opening::DECIMAL(38, 1) FROM gold.daily ORDER BY date";
        self.scene.lake.rows(rows).await
    }

    async fn two_days(&self) -> Vec<String> {
        self.scene.lake.rows("SELECT date, bars FROM gold.two_days ORDER BY date").await
    }

    /// Builds what is stale, and then everything; returns the tables, which are the same twice.
    async fn built(&self, models: &[&str]) -> Vec<String> {
        let step = self.gold(models);
        assert_eq!(step.code, Some(0), "{step}");
        let tables = [self.daily().await, self.two_days().await].concat();
        let full = self.gold(&[models, &["--full"]].concat());
        assert_eq!(full.code, Some(0), "{full}");
        assert_eq!([self.daily().await, self.two_days().await].concat(), tables);
        tables
    }
}

#[tokio::test]
async fn a_fill_builds_the_tables_that_read_provisional_rows_and_no_others() {
    let scene = GoldScene::new();
    let done = scene.fill(&["--format", "json"]);
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(scene.daily().await, FILLED);
    let two_days = ["2026-05-01 | 24", "2026-05-02 | 48", "2026-05-03 | 48", "2026-05-04 | 29"];
    assert_eq!(scene.two_days().await, two_days);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let tables = document["tables"].as_array().unwrap().iter();
    let tables: Vec<&str> = tables.map(|table| table["table"].as_str().unwrap()).collect();
    assert_eq!(tables, ["recent.klines", "gold.daily", "gold.two_days"]);

    let done = scene.gold(&["published"]);
    assert_eq!(done.code, Some(0), "{done}");
    let published = "SELECT max(date) FROM gold.published";
    assert_eq!(scene.scene.lake.value(published).await, "2026-05-02");
    let again = scene.fill(&[]);
    assert!(again.stderr.contains("gold.daily: up to date"), "{again}");
}

#[tokio::test]
async fn a_day_is_computed_again_when_the_archive_has_it_and_others_are_not() {
    let scene = GoldScene::new();
    assert_eq!(scene.fill(&[]).code, Some(0));
    scene.scene.publish("2026-05-03", "2.5");
    assert_eq!(scene.scene.ingest().code, Some(0));
    let plan = scene.gold(&["daily", "--dry-run"]);
    assert!(plan.stdout.contains("2026-05-03") && !plan.stdout.contains("2026-05-04"), "{plan}");
    let tables = scene.built(&["daily", "two_days"]).await;
    assert_eq!(tables[..4], [FILLED[0], FILLED[1], "2026-05-03 | 24 | 60.0", FILLED[3]]);
}

#[tokio::test]
async fn gold_has_each_bar_once_whenever_it_is_built_during_a_replacement() {
    let scene = GoldScene::new();
    assert_eq!(scene.fill(&[]).code, Some(0));
    scene.scene.publish("2026-05-03", "1.5");
    let folder = tempfile::tempdir().unwrap();
    let steps = [
        "before commit silver.klines",
        "after commit silver.klines",
        "before commit recent.klines",
        "after commit recent.klines",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let mut command = scene.scene.ingest_command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let marker = folder.path().join(format!("reached-{number}"));
        // What an earlier kill has left is done by this run, which may begin after some steps.
        let _ = kill_at(command, step, &marker);
        let tables = scene.built(&["daily", "two_days"]).await;
        assert_eq!(tables[..4], FILLED, "killed at `{step}`");
    }
    assert_eq!(scene.scene.recent().await, "5");
}

#[tokio::test]
async fn a_refresh_that_fills_builds_these_tables_after_it() {
    let scene = GoldScene::new();
    scene.scene.publish("2026-05-03", "1.5");
    let source = scene.scene.archive.url();
    let flags = ["--source", source, "--api", scene.scene.api.url(), "--fill"];
    let mut command = scene.scene.lake.program("refresh", &flags);
    let command = command.args(["--progress", "never"]).env("LAKEHOUSE_TEST_CLOCK", NOW);
    let done: Run = command.env("LAKEHOUSE_CONFIG", scene.config()).output().unwrap().into();
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(scene.daily().await, FILLED);
}

#[tokio::test]
async fn without_provisional_rows_such_a_table_has_what_was_published() {
    let scene = GoldScene::new();
    assert_eq!(scene.built(&["daily", "two_days"]).await[..2], FILLED[..2]);
    let none = scene.gold(&["daily"]);
    assert!(none.stderr.contains("up to date"), "{none}");
}

#[test]
fn a_statement_reads_all_and_silver_by_the_names_that_the_header_lists() {
    let scene = GoldScene::new();
    let model = scene.config.path().join("models/daily.sql");
    for (wrong, expected) in [
        (DAILY.replace("FROM all.klines", "FROM silver.klines"), "reads `silver.klines`, which"),
        (DAILY.replace("FROM all.klines", "FROM recent.klines"), "reads `recent.klines`, which"),
        (DAILY.replace("-- inputs: all.", "-- inputs: silver."), "reads `all.klines`, which"),
        (DAILY.replace("-- inputs: all.", "-- inputs: recent."), "are read as `all.klines`"),
    ] {
        fs::write(&model, wrong).unwrap();
        let failed = scene.gold(&["daily"]);
        assert_eq!(failed.code, Some(1), "{failed}");
        assert!(failed.to_string().contains(expected), "{expected}: {failed}");
    }
}
