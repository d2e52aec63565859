//! Audits: what is found, when it is opened and closed, and what is looked at again.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use lakehouse::audit::{Audit, AuditReport, CheckOutcome, load_checks};
use lakehouse::clock::Clock;
use lakehouse::events::{Reporter, Silent};
use lakehouse::storage::lake::Lake;
use lakehouse_core::audit::Checks;
use lakehouse_core::gold::Models;
use lakehouse_core::names::table::{Layer, TableName};
use lakehouse_core::schema::Schemas;

use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::random::Random;

const DAYS: [&str; 3] = ["2024-02-28", "2024-02-29", "2024-03-01"];
const BTC: &str = "BTCUSDT";

/// A bar that costs nothing is wrong.
const FREE: &str = "\
-- Bars that cost nothing.
--
-- severity: error
-- data type: klines
-- partitions: market, date
-- inputs: silver.klines
-- expected: a price above zero
-- means: wrong
-- do: nothing
-- source: this test
-- example: none
SELECT market, date, symbol, bar_interval, open_time AS from_time, 'close ' || close AS found,
       archive
FROM silver.klines WHERE close <= 0
";

fn checks(files: &[(&str, &str)]) -> Arc<Checks> {
    let files: Vec<(String, String)> = files
        .iter()
        .map(|(name, text)| (format!("checks/{name}.sql"), (*text).to_owned()))
        .collect();
    let silver = ["klines", "trades"].map(|name| TableName::new(Layer::Silver, name));
    Arc::new(Checks::parse(&files, &BTreeSet::from(silver)))
}

fn builtin() -> Arc<Checks> {
    let schemas = Schemas::builtin().unwrap();
    Arc::new(load_checks(&schemas, &Models::default(), None).unwrap())
}

async fn audit(scene: &GoldScene, change: impl FnOnce(&mut Audit)) -> AuditReport {
    let lake = Lake::open(scene.lake.path().to_str().unwrap()).unwrap();
    let mut audit = Audit::new(lake, checks(&[("free", FREE)]));
    change(&mut audit);
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    audit.run(&silent, &Clock::new(|| "2024-03-05T00:00:00Z".parse().unwrap())).await.unwrap()
}

/// Publishes a day whose sixth and seventh bar cost nothing.
fn publish_free_bars(scene: &GoldScene, symbol: &str, day: &str) {
    scene.publish(&hourly("spot", symbol, day), 7, |lines| {
        for line in &mut lines[5..7] {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[4] = "0";
            *line = cells.join(",");
        }
    });
}

const OPEN: &str = "SELECT date, symbol, kind, cases, found, opened_at FROM meta.findings \
                    WHERE closed_at IS NULL ORDER BY ALL";

#[tokio::test]
async fn the_first_audit_of_a_clean_lake_leaves_both_tables_empty_and_names_what_it_left_out() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS);
    scene.ingest().await;
    let report = audit(&scene, |audit| audit.checks = builtin()).await;
    assert!(!report.has_errors(), "{report:?}");
    let of_trades = |name: &str| name.starts_with("trade");
    let skipped = report.checks.iter().filter(|check| of_trades(&check.check));
    for check in skipped {
        assert_eq!(check.outcome, CheckOutcome::Skipped, "{check}");
        assert!(check.reason.contains("is not in the lake"), "{check}");
    }
    for table in ["findings", "gaps"] {
        assert_eq!(scene.lake.value(&format!("SELECT count(*) FROM meta.{table}")).await, "0");
    }
}

#[tokio::test]
async fn cases_of_a_day_are_one_finding_and_a_correction_closes_it() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS);
    publish_free_bars(&scene, BTC, DAYS[1]);
    scene.ingest().await;
    let first = audit(&scene, |_| {}).await;
    assert!(first.has_errors());
    let version = scene.lake.versions()["meta/findings"];
    let expected = format!("2024-02-29 | BTCUSDT | free | 2 | close 0.00000000 | {version}");
    assert_eq!(scene.lake.rows(OPEN).await, [expected.as_str()]);

    let again = audit(&scene, |_| {}).await;
    assert_eq!(again.checks[0].outcome, CheckOutcome::UpToDate);
    assert!(again.has_errors(), "what was found before still counts");
    assert_eq!(scene.lake.versions()["meta/findings"], version, "nothing is committed");
    audit(&scene, |audit| audit.full = true).await;
    assert_eq!(scene.lake.rows(OPEN).await, [expected], "a full audit opens nothing twice");

    scene.publish_days(BTC, &DAYS[1..2]);
    scene.ingest().await;
    let corrected = audit(&scene, |_| {}).await;
    assert_eq!((corrected.checks[0].days, corrected.checks[0].closed), (1, 1));
    assert!(!corrected.has_errors());
    assert_eq!(scene.lake.rows(OPEN).await, [""; 0]);
    let closed = scene.lake.value("SELECT closed_at FROM meta.findings").await;
    assert_eq!(closed, scene.lake.versions()["meta/findings"].to_string());
}

#[tokio::test]
async fn a_selection_looks_at_its_own_and_leaves_the_rest_to_the_next_audit() {
    let scene = GoldScene::new();
    for symbol in [BTC, "ETHUSDT"] {
        publish_free_bars(&scene, symbol, DAYS[0]);
        publish_free_bars(&scene, symbol, DAYS[1]);
    }
    scene.ingest().await;
    let only_eth = |audit: &mut Audit| {
        audit.scope.symbols =
            lakehouse_core::selection::SymbolFilter::parse(&["ETH*".to_owned()]).unwrap();
        audit.scope.dates.end = Some("2024-02-28".parse().unwrap());
    };
    let report = audit(&scene, only_eth).await;
    assert_eq!(report.open.errors(), 1);
    assert_eq!(scene.lake.rows(OPEN).await.len(), 1);
    let report = audit(&scene, |_| {}).await;
    assert_eq!((report.checks[0].days, report.checks[0].opened), (2, 3));
    assert_eq!(report.open.errors(), 4);
}

#[tokio::test]
async fn a_check_that_cannot_run_says_where_and_the_others_run() {
    let scene = GoldScene::new();
    publish_free_bars(&scene, BTC, DAYS[0]);
    scene.ingest().await;
    let wrong_word = FREE.replace("close <= 0", "closing <= 0");
    let wrong_column = FREE.replace("AS found", "AS what");
    let unknown_input = FREE.replace("inputs: silver.klines", "inputs: silver.candles");
    let files = [
        ("free", FREE),
        ("wrong_word", wrong_word.as_str()),
        ("wrong_column", wrong_column.as_str()),
        ("unknown_input", unknown_input.as_str()),
    ];
    let report = audit(&scene, |audit| audit.checks = checks(&files)).await;
    let reason = |name: &str| {
        let check = report.checks.iter().find(|check| check.check == name).unwrap();
        assert_eq!(check.outcome, CheckOutcome::Failed);
        check.reason.clone()
    };
    assert!(reason("wrong_word").starts_with("checks/wrong_word.sql, line 14: "));
    assert_eq!(
        reason("wrong_column"),
        "checks/wrong_column.sql, line 12: the statement gives a column `what`; expected some of \
         market, date, data_type, symbol, bar_interval, from_time, to_time, kind, expected, \
         found, evidence, archive"
    );
    assert_eq!(
        reason("unknown_input"),
        "checks/unknown_input.sql, line 6: there is no table `silver.candles`"
    );
    assert_eq!(scene.lake.rows(OPEN).await.len(), 1);
}

#[tokio::test]
async fn findings_of_a_check_that_is_gone_are_closed() {
    let scene = GoldScene::new();
    publish_free_bars(&scene, BTC, DAYS[0]);
    scene.ingest().await;
    audit(&scene, |_| {}).await;
    let renamed = |audit: &mut Audit| audit.checks = checks(&[("renamed", FREE)]);
    let report = audit(&scene, renamed).await;
    assert_eq!(report.open.errors(), 1);
    let rows = scene.lake.rows("SELECT check_name, closed_at IS NULL FROM meta.findings").await;
    assert_eq!(
        BTreeSet::from_iter(rows),
        BTreeSet::from(["free | false".into(), "renamed | true".into()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn audits_at_the_same_time_record_everything_once() {
    let scene = GoldScene::new();
    for day in DAYS {
        publish_free_bars(&scene, BTC, day);
    }
    scene.ingest().await;
    let one = || audit(&scene, |_| {});
    let (first, second, third) = tokio::join!(one(), one(), one());
    for report in [first, second, third] {
        assert_eq!(report.open.errors(), 3);
        assert!(report.checks.iter().all(|check| !check.is_failure()), "{report:?}");
    }
    assert_eq!(scene.lake.value("SELECT count(*) FROM meta.findings").await, "3");
}

#[tokio::test]
async fn after_any_sequence_of_ingests_and_corrections_an_audit_has_found_what_a_full_one_finds() {
    for seed in 1..=3 {
        let mut random = Random::new(seed);
        let scene = GoldScene::new();
        for step in 0..8 {
            let day = DAYS[random.below(3)];
            let symbol = [BTC, "ETHUSDT"][random.below(2)];
            match random.below(2) {
                0 => publish_free_bars(&scene, symbol, day),
                _ => scene.publish_days(symbol, &[day]),
            }
            scene.ingest().await;
            audit(&scene, |_| {}).await;
            let step_by_step = scene.lake.rows(OPEN).await;
            audit(&scene, |audit| audit.full = true).await;
            assert_eq!(scene.lake.rows(OPEN).await, step_by_step, "seed {seed}, step {step}");
        }
    }
}

#[test]
fn the_command_ends_with_1_where_an_error_is_open_and_explains_checks() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scene = GoldScene::new();
    runtime.block_on(async {
        publish_free_bars(&scene, BTC, DAYS[0]);
        scene.ingest().await;
    });
    let run = scene.lake.run("audit", &["bar_prices", "--format", "json"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let document = ["command", "outcome"].map(|field| report[field].as_str().unwrap());
    assert_eq!(document, ["audit", "incomplete"], "{report}");
    assert!(report["run"].is_string() && report["seconds"].is_number(), "{report}");
    assert_eq!(report["tables"][0]["table"], "meta.findings", "{report}");
    assert_eq!(report["failures"].as_array().unwrap().len(), 0, "{report}");
    assert_eq!(report["open"]["severities"]["error"], 1, "{report}");
    assert_eq!(report["open"]["kinds"]["price_order"], 1, "{report}");
    let again = scene.lake.run("audit", &["bar_prices", "--format", "json"]);
    let again: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert!(again["run"].is_null(), "nothing is committed: {again}");
    assert_eq!(again["tables"].as_array().unwrap().len(), 0, "{again}");
    assert_eq!(scene.lake.run("audit", &["bar_prices", "--symbol", "ETHUSDT"]).code, Some(0));
    let grids = scene.lake.run("audit", &["bar_grid", "--format", "json"]);
    let grids: serde_json::Value = serde_json::from_str(&grids.stdout).unwrap();
    assert_eq!(grids["checks"].as_array().unwrap().len(), 4, "one for each data type: {grids}");
    assert_eq!(scene.lake.run("audit", &["absent"]).code, Some(2));
    let list = scene.lake.run("audit", &["list"]);
    assert!(list.stdout.contains("bar_prices"), "{}", list.stdout);
    let shown = scene.lake.run("audit", &["show", "bar_prices"]);
    assert!(shown.stdout.contains("FROM silver.klines"), "{}", shown.stdout);
}

#[test]
fn an_ingest_audits_what_it_brought_when_that_is_requested() {
    let scene = GoldScene::new();
    publish_free_bars(&scene, BTC, DAYS[0]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checks/free.sql");
    fs::create_dir(folder.path().join("checks")).unwrap();
    fs::write(&file, FREE).unwrap();
    let config = folder.path().join("lakehouse.toml");
    fs::write(&config, "audit_checks = \"checks\"\n").unwrap();
    let config = config.to_str().unwrap();
    let arguments = [
        "--all",
        "--stage",
        "silver",
        "--audit",
        "--config",
        config,
        "--source",
        scene.server.url(),
    ];
    let run = scene.lake.run("ingest", &arguments);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("errors"), "{}", run.stderr);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let kinds = "SELECT DISTINCT kind FROM meta.findings WHERE check_name = 'free'";
    assert_eq!(runtime.block_on(scene.lake.rows(kinds)), ["free"]);
}
